//! An index of the state of the nodes. It is built once from a live view, so that lookups need not scan its lists.
//!
//! An index holds references and no data of its own: all its entries are in the view.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::spec::{ImageRef, Port};
use super::view::{LiveContainer, LiveImage, LiveNetwork, LiveNode, LiveView};
use super::{NodeName, ProjectName};

/// What is only looked up, never listed: its order is nobody's business, and its work grows with what is in it alone.
type Lookup<K, V> = HashMap<K, V, RandomState>;

/// The nodes that were read.
#[derive(Clone, Debug, Default)]
pub struct LiveIndex<'a> {
    nodes: BTreeMap<&'a NodeName, NodeIndex<'a>>,
}

/// One node that was read. Lists are sorted by the ids of what is in them.
#[derive(Clone, Debug)]
pub struct NodeIndex<'a> {
    /// The node.
    pub live: &'a LiveNode,
    projects: Lookup<&'a ProjectName, Vec<&'a LiveContainer>>,
    names: Lookup<&'a str, Vec<&'a LiveContainer>>,
    /// By protocol and number.
    ports: Lookup<&'a str, Lookup<u16, Vec<&'a LiveContainer>>>,
    on_networks: Lookup<&'a str, Vec<&'a LiveContainer>>,
    networks: Lookup<&'a str, &'a LiveNetwork>,
    images: Lookup<&'a str, &'a LiveImage>,
}

impl<'a> LiveIndex<'a> {
    /// The index of a view.
    pub fn of(view: &'a LiveView) -> Self {
        let nodes = view.nodes.iter().filter_map(|(name, node)| Some((name, NodeIndex::of(node.known()?))));
        Self { nodes: nodes.collect() }
    }

    /// A node, if it was read.
    pub fn node(&self, name: &NodeName) -> Option<&NodeIndex<'a>> {
        self.nodes.get(name)
    }
}

impl<'a> NodeIndex<'a> {
    /// The index of a node.
    pub fn of(live: &'a LiveNode) -> Self {
        let mut index = Self {
            live,
            projects: Lookup::default(),
            names: Lookup::default(),
            ports: Lookup::default(),
            on_networks: Lookup::default(),
            networks: Lookup::default(),
            images: Lookup::default(),
        };
        live.containers.values().for_each(|container| index.add(container));
        for network in live.networks.values() {
            index.networks.entry(&network.spec.name).or_insert(network);
        }
        for image in live.images.values() {
            for name in image.names.iter().chain([&image.id]) {
                index.images.entry(name).or_insert(image);
            }
        }
        index
    }

    fn add(&mut self, container: &'a LiveContainer) {
        if let Some(identity) = &container.identity {
            self.projects.entry(&identity.project).or_default().push(container);
        }
        self.names.entry(&container.name).or_default().push(container);
        for port in &container.spec.ports {
            let Some(number) = number(port) else { continue };
            let holders = self.ports.entry(&port.protocol).or_default().entry(number).or_default();
            // One port on several addresses is one claim.
            if holders.last().is_none_or(|last| last.id != container.id) {
                holders.push(container);
            }
        }
        for network in container.spec.networks.keys() {
            self.on_networks.entry(network).or_default().push(container);
        }
    }

    /// The containers with a project's label.
    pub fn of_project(&self, project: &ProjectName) -> &[&'a LiveContainer] {
        self.projects.get(project).map_or(&[], Vec::as_slice)
    }

    /// The containers of this name; engines allow one.
    pub fn named(&self, name: &str) -> &[&'a LiveContainer] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The containers that publish a port on the host port of `port`, on any address of the node; none for a range or
    /// a port that the engine chooses.
    pub fn on_port(&self, port: &Port) -> &[&'a LiveContainer] {
        let holders = number(port).and_then(|number| self.ports.get(port.protocol.as_str())?.get(&number));
        holders.map_or(&[], Vec::as_slice)
    }

    /// The containers with an end on a network of this name.
    pub fn on_network(&self, name: &str) -> &[&'a LiveContainer] {
        self.on_networks.get(name).map_or(&[], Vec::as_slice)
    }

    /// The containers that mount a volume of this name, by themselves or with all volumes of another container. The
    /// engine does not remove the volume before them.
    pub fn on_volume(&self, name: &str) -> Vec<&'a LiveContainer> {
        let containers = self.live.containers.values();
        let (mut users, mut others): (Vec<_>, Vec<_>) =
            containers.partition(|container| container.spec.volumes().any(|volume| volume == name));
        loop {
            let borrows = |container: &&LiveContainer| {
                let lenders = users.iter().any(|user| container.shares_with.contains(&user.id));
                lenders && !container.spec.volumes_from.is_empty()
            };
            let (borrowers, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(borrows);
            if borrowers.is_empty() {
                return users;
            }
            users.extend(borrowers);
            others = rest;
        }
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<&'a LiveNetwork> {
        self.networks.get(name).copied()
    }

    /// The image that a reference points to now, as [`LiveNode::image`] finds it.
    pub fn image(&self, reference: &ImageRef) -> Option<&'a LiveImage> {
        let by_name = |name: String| self.images.get(name.as_str()).copied();
        let found = [by_name(reference.normal()), by_name(reference.listed())];
        found.into_iter().flatten().min_by_key(|image| image.id.as_str())
    }
}

/// The number that a port is published on, if it is one.
fn number(port: &Port) -> Option<u16> {
    port.published.parse().ok().filter(|number| *number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::ContainerSpec;
    use crate::model::view::Status;

    fn container(id: &str, ports: &[(&str, &str)]) -> LiveContainer {
        let port = |(ip, number): &(&str, &str)| Port {
            target: 80,
            protocol: "tcp".to_owned(),
            host_ip: (*ip).to_owned(),
            published: (*number).to_owned(),
        };
        LiveContainer {
            id: id.to_owned(),
            name: format!("name-{id}"),
            image_id: String::new(),
            identity: None,
            status: Status::Running,
            health: None,
            failed_check: None,
            started_at: String::new(),
            restarts: 0,
            created_at: None,
            spec: ContainerSpec { ports: ports.iter().map(port).collect(), ..ContainerSpec::default() },
            stale_networks: BTreeMap::new(),
            shares_with: Default::default(),
            namespaces_of: Default::default(),
            anonymous_volumes: BTreeMap::new(),
            addresses: Default::default(),
        }
    }

    #[test]
    fn a_port_leads_to_its_holders_once_each() {
        let one = container("1", &[("127.0.0.1", "80"), ("10.0.0.1", "80")]);
        let two = container("2", &[("", "80"), ("", "0"), ("", "90-95")]);
        let node =
            LiveNode { containers: [one, two].into_iter().map(|c| (c.id.clone(), c)).collect(), ..LiveNode::default() };
        let index = NodeIndex::of(&node);
        let ids = |published: &str| {
            let port = Port {
                published: published.to_owned(),
                ..container("x", &[("", "1")]).spec.ports.pop_first().unwrap()
            };
            index.on_port(&port).iter().map(|c| c.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids("80"), ["1", "2"]);
        assert_eq!(ids("0"), [""; 0]);
        assert_eq!(ids("90-95"), [""; 0]);
        assert_eq!(index.named("name-2").len(), 1);
    }
}
