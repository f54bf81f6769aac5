//! Lookup tables of declared, recorded and live resources. They are built once per plan and replace searches in its
//! lists.

use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use crate::model::homelab::{Homelab, Network, Service, Volume};
use crate::model::live_index::{LiveIndex, NodeIndex};
use crate::model::{NodeName, ServiceName};

/// The index of what a plan is made from.
#[derive(Clone, Debug)]
pub struct Index<'a> {
    live: LiveIndex<'a>,
    on_node: BTreeMap<&'a NodeName, BTreeSet<&'a ServiceName>>,
    needed_by: BTreeMap<&'a ServiceName, Vec<&'a Service>>,
    recorded_on: BTreeMap<&'a ServiceName, BTreeSet<&'a NodeName>>,
    own_networks: BTreeSet<(&'a NodeName, &'a str)>,
    own_volumes: BTreeSet<(&'a NodeName, &'a str)>,
}

impl<'a> Index<'a> {
    /// The index of the views of an input.
    pub fn of(input: &Input<'a>) -> Self {
        let mut index = Self {
            live: LiveIndex::of(input.live),
            on_node: BTreeMap::new(),
            needed_by: BTreeMap::new(),
            recorded_on: BTreeMap::new(),
            own_networks: BTreeSet::new(),
            own_volumes: BTreeSet::new(),
        };
        index.add_declared(input.homelab);
        for addr in input.recorded.resources.keys() {
            index.recorded_on.entry(&addr.service).or_default().insert(&addr.node);
        }
        index
    }

    fn add_declared(&mut self, homelab: &'a Homelab) {
        for service in homelab.services.values() {
            self.on_node.entry(&service.node).or_default().insert(&service.name);
            for needed in service.depends_on.keys() {
                self.needed_by.entry(needed).or_default().push(service);
            }
            for network in service.networks.values() {
                if let Network::Own(spec) = network {
                    self.own_networks.insert((&service.node, &spec.name));
                }
            }
            for volume in service.volumes.values() {
                if let Volume::Own(spec) = volume {
                    self.own_volumes.insert((&service.node, &spec.name));
                }
            }
        }
        for (name, unresolved) in &homelab.unresolved {
            self.on_node.entry(&unresolved.node).or_default().insert(name);
        }
    }

    /// A node, if it was read.
    pub fn node(&self, name: &NodeName) -> Option<&NodeIndex<'a>> {
        self.live.node(name)
    }

    /// The services that are declared on a node, resolved or not.
    pub fn services_on(&self, node: &NodeName) -> BTreeSet<ServiceName> {
        self.on_node.get(node).into_iter().flatten().copied().cloned().collect()
    }

    /// The services that need this one, by name.
    pub fn needed_by(&self, service: &ServiceName) -> &[&'a Service] {
        self.needed_by.get(service).map_or(&[], Vec::as_slice)
    }

    /// The nodes on which something of a service is recorded, by name.
    pub fn recorded_on(&self, service: &ServiceName) -> impl Iterator<Item = &'a NodeName> + '_ {
        self.recorded_on.get(service).into_iter().flatten().copied()
    }

    /// Whether a service makes a network of this name on the node.
    pub fn makes_network(&self, node: &NodeName, name: &str) -> bool {
        self.own_networks.contains(&(node, name))
    }

    /// Whether a service makes a volume of this name on the node.
    pub fn makes_volume(&self, node: &NodeName, name: &str) -> bool {
        self.own_volumes.contains(&(node, name))
    }
}
