//! Claims that a plan makes although somebody keeps them, or there is nothing to take.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::fast::RandomState;

use super::contention::{overlap, shared_subnet};
use super::index::Index;
use super::operation::Operation;
use super::step::Step;
use super::{Holder, Input, Objection, Plan};
use crate::model::homelab::{Network, Service};
use crate::model::live_index::NodeIndex;
use crate::model::spec::{Attachment, ContainerSpec, NetworkSpec};
use crate::model::view::LiveContainer;
use crate::model::{Addr, NodeName, ServiceName};

/// Names, ports, addresses and subnets that something which stays has already, and interfaces that are not there.
pub(super) fn objections(plan: &Plan, input: &Input<'_>, index: &Index<'_>) -> Vec<Objection> {
    let fates = Fates::of(&plan.steps);
    [
        conflicts(plan, &fates, input, index),
        addresses(plan, &fates, input, index),
        subnets(plan, input, index),
        parents(plan, index),
    ]
    .concat()
}

/// The effects of a plan's steps on live containers, by node and id. They are looked up and never listed.
#[derive(Default)]
struct Fates<'p> {
    /// Containers that stop or are removed.
    going: HashSet<(&'p NodeName, &'p str), RandomState>,
    /// Containers that are renamed or removed.
    nameless: HashSet<(&'p NodeName, &'p str), RandomState>,
    /// Containers that leave a network, which is named last.
    leaving: HashSet<(&'p NodeName, &'p str, &'p str), RandomState>,
}

impl<'p> Fates<'p> {
    fn of(steps: &'p [Step]) -> Self {
        let mut fates = Self::default();
        for step in steps {
            match &step.operation {
                Operation::StopContainer { container } => {
                    fates.going.insert((&step.node, container));
                }
                Operation::RemoveContainer { container, .. } => {
                    fates.going.insert((&step.node, container));
                    fates.nameless.insert((&step.node, container));
                }
                Operation::DisconnectNetwork { container, network } => {
                    fates.leaving.insert((&step.node, container, network));
                }
                Operation::RenameContainer { container, .. } => {
                    fates.nameless.insert((&step.node, container));
                }
                _ => {}
            }
        }
        fates
    }

    fn keeps_its_ports(&self, node: &'p NodeName, live: &'p LiveContainer) -> bool {
        !self.going.contains(&(node, live.id.as_str()))
    }

    fn keeps_its_name(&self, node: &'p NodeName, live: &'p LiveContainer) -> bool {
        !self.nameless.contains(&(node, live.id.as_str()))
    }
}

/// Ports and names that something which stays has already.
fn conflicts(plan: &Plan, fates: &Fates<'_>, input: &Input<'_>, index: &Index<'_>) -> Vec<Objection> {
    let mut found = Vec::new();
    for step in &plan.steps {
        let (Some(addr), Some(node)) = (&step.addr, index.node(&step.node)) else { continue };
        if let Operation::CreateContainer { spec, .. } = &step.operation {
            found.extend(taken(input, fates, addr, spec, node));
        }
    }
    for step in &plan.steps {
        let Operation::RenameContainer { container, name } = &step.operation else { continue };
        let (Some(addr), Some(node)) = (&step.addr, index.node(&step.node)) else { continue };
        let holders = node.named(name).iter().filter(|c| c.id != *container);
        for live in holders.filter(|live| fates.keeps_its_name(&step.node, live)) {
            let holder = Holder::of(live, owner(input, &step.node, live));
            let objection = Objection::NameTaken { addr: addr.clone(), holder };
            // A replacement takes its name by its creation and by a renaming.
            if !found.contains(&objection) {
                found.push(objection);
            }
        }
    }
    found
}

/// The containers that stay and have the name or a port of one that is made, by id.
fn taken<'p>(
    input: &Input<'_>,
    fates: &Fates<'p>,
    addr: &'p Addr,
    spec: &ContainerSpec,
    node: &NodeIndex<'p>,
) -> Vec<Objection> {
    let named = node.named(&spec.name).iter();
    let on_ports = spec.ports.iter().flat_map(|port| node.on_port(port));
    let holders: BTreeMap<&str, &LiveContainer> = named.chain(on_ports).map(|c| (c.id.as_str(), *c)).collect();
    let mut found = Vec::new();
    for live in holders.into_values() {
        let holder = || Holder::of(live, owner(input, &addr.node, live));
        if live.name == spec.name && fates.keeps_its_name(&addr.node, live) {
            found.push(Objection::NameTaken { addr: addr.clone(), holder: holder() });
        }
        let port = spec.ports.iter().find(|p| live.spec.ports.iter().any(|q| overlap(p, q)));
        if let (true, Some(port)) = (live.status.is_up() && fates.keeps_its_ports(&addr.node, live), port) {
            let (addr, port) = (addr.clone(), port.clone());
            found.push(Objection::PortTaken { addr, port, holder: holder() });
        }
    }
    found
}

/// Fixed addresses that somebody else has in the network, be it by the engine's choice.
fn addresses(plan: &Plan, fates: &Fates<'_>, input: &Input<'_>, index: &Index<'_>) -> Vec<Objection> {
    let mut made: BTreeMap<(&NodeName, &str), &ContainerSpec> = BTreeMap::new();
    for step in &plan.steps {
        if let Operation::CreateContainer { name, spec, .. } = &step.operation {
            made.insert((&step.node, name), spec);
            made.insert((&step.node, &spec.name), spec);
        }
    }
    let mut found = Vec::new();
    for step in &plan.steps {
        let (Some(addr), Some(node)) = (&step.addr, index.node(&step.node)) else { continue };
        let (container, ends): (&str, Vec<(&String, &Attachment)>) = match &step.operation {
            Operation::ConnectNetwork { container, network, attachment } => (container, vec![(network, attachment)]),
            Operation::StartContainer { container } => match made.get(&(&step.node, container.as_str())) {
                Some(spec) => (container, spec.networks.iter().collect()),
                None => continue,
            },
            _ => continue,
        };
        for (network, end) in ends {
            let Some(address) = &end.ipv4_address else { continue };
            let has_it = |live: &&&LiveContainer| {
                let key = (&step.node, live.id.as_str(), network.as_str());
                live.id != container
                    && live.addresses.get(network) == Some(address)
                    && fates.keeps_its_ports(&step.node, live)
                    && !fates.leaving.contains(&key)
            };
            found.extend(node.on_network(network).iter().find(has_it).map(|live| Objection::AddressTaken {
                addr: addr.clone(),
                address: address.clone(),
                network: network.clone(),
                holder: Holder::of(live, owner(input, &step.node, live)),
            }));
        }
    }
    found
}

/// The service of the homelab that a live container belongs to: that which recorded it, or declares it, or has it for a
/// profile that is not enabled now.
pub(super) fn owner<'a>(input: &Input<'a>, node: &NodeName, live: &LiveContainer) -> Option<&'a ServiceName> {
    let recorded = || {
        let mut records = input.recorded.resources.iter();
        records.find(|(addr, record)| addr.node == *node && record.id == live.id).map(|(addr, _)| &addr.service)
    };
    let identity = live.identity.as_ref();
    let declares = |service: &&Service| {
        identity.is_some_and(|identity| {
            let mut containers = service.containers.values();
            service.node == *node
                && service.project == identity.project
                && (service.disabled.contains(&identity.service)
                    || containers.any(|container| container.compose_service == identity.service))
        })
    };
    recorded().or_else(|| input.homelab.services.values().find(declares).map(|service| &service.name))
}

/// Networks whose addresses another one has, be it there or to be made as well.
fn subnets(plan: &Plan, input: &Input<'_>, index: &Index<'_>) -> Vec<Objection> {
    let removed: BTreeSet<(&NodeName, &str)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::RemoveNetwork { id, .. } => Some((&step.node, id.as_str())),
            _ => None,
        })
        .collect();
    let mut made: Vec<(&Addr, &NetworkSpec)> = Vec::new();
    let mut found = Vec::new();
    for step in &plan.steps {
        let (Some(addr), Operation::CreateNetwork(spec)) = (&step.addr, &step.operation) else { continue };
        let Some(node) = index.node(&step.node) else { continue };
        let live = node.live.networks.values();
        let staying = live.filter(|live| live.spec.name != spec.name && !removed.contains(&(&step.node, &*live.id)));
        let others = made.iter().filter(|(other, _)| other.node == addr.node).map(|(_, other)| *other);
        for other in staying.map(|live| &live.spec).chain(others) {
            if let Some(subnet) = shared_subnet(spec, other) {
                let declares = |service: &&Service| {
                    let mut networks = service.networks.values();
                    service.node == addr.node
                        && networks.any(|n| matches!(n, Network::Own(own) if own.name == other.name))
                };
                let owner = input.homelab.services.values().find(declares).map(|service| service.name.clone());
                let (addr, subnet, network) = (addr.clone(), subnet.to_owned(), other.name.clone());
                found.push(Objection::SubnetTaken { addr, subnet, network, owner });
            }
        }
        made.push((addr, spec));
    }
    found
}

/// Networks that are to hang on an interface which the node does not have. Of `eth0.10` the engine makes the last part.
fn parents(plan: &Plan, index: &Index<'_>) -> Vec<Objection> {
    let mut found = Vec::new();
    for step in &plan.steps {
        let (Some(addr), Operation::CreateNetwork(spec)) = (&step.addr, &step.operation) else { continue };
        if !matches!(spec.driver.as_deref(), Some("macvlan" | "ipvlan")) {
            continue;
        }
        let there = index.node(&step.node).and_then(|node| node.live.interfaces());
        let (Some(there), Some(parent)) = (there, spec.driver_opts.get("parent")) else { continue };
        let base = parent.rsplit_once('.').map_or(parent.as_str(), |(base, _)| base);
        if !there.contains(parent.as_str()) && !there.contains(base) {
            let there = there.into_iter().filter(|name| *name != "lo").map(str::to_owned).collect();
            found.push(Objection::ParentMissing { addr: addr.clone(), parent: parent.clone(), there });
        }
    }
    found
}
