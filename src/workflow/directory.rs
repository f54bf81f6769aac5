//! Containers by their addresses: which services there are, on which nodes to look for them, and whose a live container is.
//!
//! Nothing is resolved for that with what a node says, and no service is left out because its files have errors: the names of
//! projects come from the record, from the files as far as they alone tell, and from what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::observe::{Access, DiagnosticListener};
use super::selection::{Named, SelectionError, require};
use crate::config::secrets::NoKeys;
use crate::config::{self, Repository};
use crate::diff;
use crate::model::homelab;
use crate::model::view::{ComposeIdentity, OneOff, RecordedView};
use crate::model::{Addr, Kind, NodeName, ProjectName, ServiceName, Target};
use crate::node::{ComposeContainer, Running};

/// Why an address means no container.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The inventory declares no node that can be asked. The listener has received why.
    #[error("the files of the repository have errors")]
    Repository,
    /// A name is not known.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// It is the address of something else.
    #[error("`{target}` is no container: it is the address of a {kind}")]
    NotAContainer {
        /// The address.
        target: Target,
        /// Its kind.
        kind: Kind,
    },
}

/// The services of a homelab, as far as it takes to find their containers.
pub(super) struct Directory {
    /// The machines.
    pub nodes: BTreeMap<NodeName, homelab::Node>,
    /// Each service that is declared or recorded, with the nodes that may have containers of it, its owner first.
    services: BTreeMap<ServiceName, Vec<NodeName>>,
    /// The services that a Compose project may belong to.
    projects: BTreeMap<ProjectName, BTreeSet<ServiceName>>,
    /// The containers that are declared or recorded.
    known: BTreeSet<Addr>,
    /// The services of whose containers the files do not tell.
    unresolved: BTreeSet<ServiceName>,
}

/// The live containers at one address.
pub(super) struct Instances {
    /// The ones that count: what runs, else the newest one.
    pub current: Vec<ComposeContainer>,
    /// Others that carry the same labels, such as the one that was replaced and is kept until the new one works.
    pub others: Vec<ComposeContainer>,
}

impl Directory {
    /// Reads what the repository and the record tell.
    ///
    /// # Errors
    /// [`AddressError::Repository`] if no node is declared.
    pub fn read(
        access: &Access,
        recorded: &RecordedView,
        listener: &dyn DiagnosticListener,
    ) -> Result<Directory, AddressError> {
        // Nothing here depends on a value that is encrypted, and to decrypt it takes a program for each file.
        let (sources, found) = config::load(Repository { keys: Arc::new(NoKeys), ..access.repository.clone() });
        if sources.nodes.is_empty() {
            listener.diagnostics(&found, &sources.map);
            return Err(AddressError::Repository);
        }
        let homelab = config::resolve_offline(&sources, &[]).homelab;
        let mut recorded = recorded.clone();
        recorded.follow(&sources.services.values().map(|service| (&service.name, &service.node)).collect());
        let mut directory = Directory {
            nodes: homelab.nodes,
            services: BTreeMap::new(),
            projects: BTreeMap::new(),
            known: homelab
                .services
                .values()
                .flat_map(diff::addresses)
                .chain(recorded.resources.keys().cloned())
                .collect(),
            unresolved: homelab.unresolved.keys().cloned().collect(),
        };
        for (name, service) in &homelab.services {
            directory.add(name, &service.node, Some(&service.project));
        }
        for (name, unresolved) in &homelab.unresolved {
            // Its project is most often called like it.
            let project = ProjectName::new(name.as_str()).ok();
            directory.add(name, &unresolved.node, project.as_ref());
        }
        for (name, service) in &recorded.services {
            directory.add(name, &service.node, Some(&service.project));
            service.relocating_to.iter().for_each(|node| directory.add(name, node, None));
        }
        directory.known.retain(|addr| addr.kind == Kind::Container);
        Ok(directory)
    }

    fn add(&mut self, name: &ServiceName, node: &NodeName, project: Option<&ProjectName>) {
        let nodes = self.services.entry(name.clone()).or_default();
        if !nodes.contains(node) {
            nodes.push(node.clone());
        }
        if let Some(project) = project {
            self.projects.entry(project.clone()).or_default().insert(name.clone());
        }
    }

    /// The nodes to look at for these addresses; for none, all.
    ///
    /// # Errors
    /// A node that is not known, or the address of something else.
    pub fn nodes_of(&self, targets: &[Target]) -> Result<BTreeMap<NodeName, homelab::Node>, AddressError> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for target in targets {
            if let Some(kind) = target.kind().filter(|kind| *kind != Kind::Container) {
                return Err(AddressError::NotAContainer { target: target.clone(), kind });
            }
            match target.words() {
                [node, _] => {
                    require(Named::Node, node, self.nodes.keys().map(NodeName::as_str))?;
                    names.insert(node);
                }
                words => names.extend(words.iter().flat_map(|word| self.nodes_of_word(word))),
            }
        }
        let is_asked = |name: &NodeName| targets.is_empty() || names.contains(name.as_str());
        Ok(self
            .nodes
            .iter()
            .filter(|(name, _)| is_asked(name))
            .map(|(name, node)| (name.clone(), node.clone()))
            .collect())
    }

    /// A node, the nodes of a service, or all: what is not declared may run anywhere.
    fn nodes_of_word<'a>(&'a self, word: &'a str) -> Vec<&'a str> {
        let node = self.nodes.contains_key(word).then_some(word);
        let service = self.services.get(word).into_iter().flatten().map(NodeName::as_str);
        let found: Vec<&str> = node.into_iter().chain(service).collect();
        match found.is_empty() {
            true => self.nodes.keys().map(NodeName::as_str).collect(),
            false => found,
        }
    }

    /// The address of a live container: that of its service, or of a service called like its project if nobody declares
    /// that. None for what is not to be addressed: one that was run by hand, and one of a foreign project that is called like a
    /// service.
    pub fn address(&self, node: &NodeName, identity: &ComposeIdentity) -> Option<Addr> {
        if identity.one_off == OneOff::Yes {
            return None;
        }
        let owners = self.projects.get(&identity.project);
        let is_here = |service: &&ServiceName| self.services[*service].contains(node);
        let owner = owners.and_then(|owners| owners.iter().find(is_here).or_else(|| owners.first()));
        let foreign =
            || ServiceName::new(identity.project.as_str()).ok().filter(|name| !self.services.contains_key(name));
        let name = match identity.number {
            1 => identity.service.clone(),
            number => format!("{}#{number}", identity.service),
        };
        Some(Addr { node: node.clone(), service: owner.cloned().or_else(foreign)?, kind: Kind::Container, name })
    }

    /// Whether an address is one of those that are asked for. What nobody declares is asked for by its name alone.
    pub fn selects(&self, targets: &[Target], addr: &Addr) -> bool {
        let is_known = self.services.contains_key(&addr.service);
        let covers = |target: &Target| match target.is_node(&addr.node) && target.words() != [addr.service.to_string()]
        {
            true => is_known,
            false => target.covers(addr),
        };
        if targets.is_empty() { is_known } else { targets.iter().any(covers) }
    }

    /// The containers of a node that are asked for, by address.
    pub fn select(
        &self,
        targets: &[Target],
        node: &NodeName,
        listed: Vec<ComposeContainer>,
    ) -> BTreeMap<Addr, Instances> {
        let mut all: BTreeMap<Addr, Vec<ComposeContainer>> = BTreeMap::new();
        for container in listed {
            if let Some(addr) = self.address(node, &container.identity).filter(|addr| self.selects(targets, addr)) {
                all.entry(addr).or_default().push(container);
            }
        }
        all.into_iter().map(|(addr, containers)| (addr, Instances::of(containers))).collect()
    }

    /// Makes sure that each address means something that is declared, recorded or live; `found` is what is live. Where not
    /// all nodes that count could be asked, one that is not known may be there.
    ///
    /// # Errors
    /// [`SelectionError::Unknown`].
    pub fn require_known(
        &self,
        targets: &[Target],
        found: &BTreeSet<Addr>,
        asked: Asked,
    ) -> Result<(), SelectionError> {
        for target in targets.iter().filter(|target| !found.iter().any(|addr| target.covers(addr))) {
            let services = || self.services.iter().flat_map(|(name, nodes)| nodes.iter().map(move |node| (node, name)));
            let named: Vec<_> = services().filter(|(node, name)| target.covers_service(node, name)).collect();
            let is_node = self.nodes.keys().any(|node| target.is_node(node));
            if asked == Asked::Some && !is_node && named.is_empty() {
                continue;
            }
            if target.is_whole() || named.is_empty() {
                let nodes = self.nodes.keys().map(NodeName::as_str);
                let names = nodes.chain(self.services.keys().map(ServiceName::as_str));
                for word in target.words() {
                    require(Named::NodeOrService, word, names.clone())?;
                }
                // Each word is known, and there is no such service on this node.
                if !is_node && named.is_empty() {
                    let texts: Vec<String> = services().map(|(node, name)| format!("{node}/{name}")).collect();
                    require(Named::NodeOrService, &target.to_string(), texts.iter().map(String::as_str))?;
                }
                continue;
            }
            let is_open = named.iter().any(|(_, name)| self.unresolved.contains(*name));
            if !is_open && !self.known.iter().any(|addr| target.covers(addr)) {
                let of_service = |addr: &&Addr| named.iter().any(|(_, name)| **name == addr.service);
                let texts = self.known.iter().chain(found).filter(of_service);
                let texts: BTreeSet<String> = texts.flat_map(|addr| [addr.to_string(), without_node(addr)]).collect();
                require(Named::Resource, &target.to_string(), texts.iter().map(String::as_str))?;
            }
        }
        Ok(())
    }

    /// The services among those that are asked for that have no container, by their owner; `found` is what is live on the
    /// nodes that `answered`.
    pub fn without_container(
        &self,
        targets: &[Target],
        found: &BTreeSet<Addr>,
        answered: &BTreeSet<NodeName>,
    ) -> Vec<(NodeName, ServiceName)> {
        let asks = |node: &NodeName, service: &ServiceName| {
            targets.is_empty() || targets.iter().any(|target| target.covers_service(node, service))
        };
        let mut empty: Vec<(NodeName, ServiceName)> = Vec::new();
        for (service, nodes) in &self.services {
            let asked: Vec<&NodeName> = nodes.iter().filter(|node| asks(node, service)).collect();
            let Some(owner) = asked.first() else { continue };
            let is_answered = asked.iter().all(|node| answered.contains(*node));
            if is_answered && !found.iter().any(|addr| addr.service == *service) {
                empty.push(((*owner).clone(), service.clone()));
            }
        }
        empty.sort();
        empty
    }
}

/// How many of the nodes that count have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Each of them.
    All,
    /// Not each of them.
    Some,
}

impl Instances {
    fn of(mut containers: Vec<ComposeContainer>) -> Instances {
        containers.sort_by_key(|c| (std::cmp::Reverse((c.running, c.created_at)), c.id.clone()));
        let running = containers.iter().filter(|c| c.running == Running::Yes).count();
        let others = containers.split_off(running.max(1));
        Instances { current: containers, others }
    }
}

/// The address of a container without its node.
fn without_node(addr: &Addr) -> String {
    format!("{}/{}:{}", addr.service, addr.kind, addr.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let mut directory = Directory {
            nodes: BTreeMap::new(),
            services: BTreeMap::new(),
            projects: BTreeMap::new(),
            known: BTreeSet::from(["nas/shop/container:web".parse().unwrap()]),
            unresolved: BTreeSet::new(),
        };
        let (nas, pi) = (NodeName::new("nas").unwrap(), NodeName::new("pi").unwrap());
        for (service, node, project) in [("shop", &nas, "store"), ("media", &pi, "media"), ("odd", &pi, "media")] {
            let name = ServiceName::new(service).unwrap();
            directory.add(&name, node, Some(&ProjectName::new(project).unwrap()));
        }
        directory
    }

    fn identity(project: &str, service: &str, number: u32) -> ComposeIdentity {
        ComposeIdentity {
            project: ProjectName::new(project).unwrap(),
            service: service.to_owned(),
            number,
            one_off: OneOff::No,
            working_dir: String::new(),
        }
    }

    fn targets(texts: &[&str]) -> Vec<Target> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_container_belongs_to_the_service_of_its_project() {
        let directory = directory();
        let address = |node: &str, identity: &ComposeIdentity| {
            directory.address(&NodeName::new(node).unwrap(), identity).map(|addr| addr.to_string())
        };
        assert_eq!(address("nas", &identity("store", "web", 1)).unwrap(), "nas/shop/container:web");
        assert_eq!(address("pi", &identity("store", "web", 2)).unwrap(), "pi/shop/container:web#2");
        // Nobody declares it.
        assert_eq!(address("nas", &identity("old", "web", 1)).unwrap(), "nas/old/container:web");
        // Somebody else's project that is called like a service.
        assert_eq!(address("nas", &identity("shop", "web", 1)), None);
        let once = ComposeIdentity { one_off: OneOff::Yes, ..identity("store", "web", 1) };
        assert_eq!(address("nas", &once), None);
    }

    #[test]
    fn undeclared_containers_are_asked_for_by_name_alone() {
        let directory = directory();
        let (declared, undeclared) =
            ("nas/shop/container:web".parse().unwrap(), "nas/old/container:web".parse().unwrap());
        for (given, selected) in [
            (&[][..], [true, false]),
            (&["nas"], [true, false]),
            (&["old"], [false, true]),
            (&["nas/old"], [false, true]),
            (&["shop/container:web"], [true, false]),
            (&["shop/container:db"], [false, false]),
            (&["pi"], [false, false]),
        ] {
            let targets = targets(given);
            let found = [&declared, &undeclared].map(|addr| directory.selects(&targets, addr));
            assert_eq!(found, selected, "{given:?}");
        }
    }

    #[test]
    fn names_have_to_be_known_as_far_as_anybody_can_know() {
        let directory = directory();
        let known = |text: &str, asked| directory.require_known(&targets(&[text]), &BTreeSet::new(), asked);
        known("shop", Asked::All).unwrap();
        known("shop/container:web", Asked::All).unwrap();
        let error = known("shopp", Asked::All).unwrap_err();
        assert_eq!(error.to_string(), "there is no node or service `shopp`");
        known("shopp", Asked::Some).unwrap();
        let error = known("shop/container:wep", Asked::All).unwrap_err();
        let SelectionError::Unknown { similar, .. } = error else { panic!("{error}") };
        assert_eq!(similar.as_deref(), Some("shop/container:web"));
    }
}
