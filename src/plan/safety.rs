//! Checks for failures and data loss, made before anything is applied.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::fast::RandomState;

use super::contention::{overlap, shared_subnet};
use super::index::Index;
use super::operation::Operation;
use super::step::Step;
use super::{Action, External, Holder, Input, Objection, Plan, Required};
use crate::model::homelab::{Network, Service, Volume};
use crate::model::live_index::NodeIndex;
use crate::model::spec::{ContainerSpec, NetworkSpec};
use crate::model::view::{LiveContainer, Status};
use crate::model::{Addr, Kind, NodeName, ServiceName};

/// Adds every objection.
pub(super) fn check(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
    conflicts(plan, input, index);
    subnets(plan, input, index);
    externals(plan, input, index);
    empty(plan, input);
    incomplete(plan, input);
    if let Some(most) = input.options.max_changes {
        let count = plan.changes.iter().filter(|c| !c.steps.is_empty()).count();
        if count > most {
            plan.objections.push(Objection::TooManyChanges { count, most });
        }
    }
}

/// Nodes that are not known although all must be.
fn incomplete(plan: &mut Plan, input: &Input<'_>) {
    if input.options.required == Required::None {
        return;
    }
    let silent = plan.unknown.iter().filter(|(_, unknown)| unknown.is_unreachable());
    plan.objections.extend(silent.map(|(node, _)| Objection::NodeUnknown { node: node.clone() }));
}

/// The effects of a plan's steps on live containers, by node and id. They are looked up and never listed.
#[derive(Default)]
struct Fates<'p> {
    /// Containers that stop or are removed.
    going: HashSet<(&'p NodeName, &'p str), RandomState>,
    /// Containers that are renamed or removed.
    nameless: HashSet<(&'p NodeName, &'p str), RandomState>,
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
fn conflicts(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
    let fates = Fates::of(&plan.steps);
    let mut found = Vec::new();
    for step in &plan.steps {
        let (Some(addr), Some(node)) = (&step.addr, index.node(&step.node)) else { continue };
        if let Operation::CreateContainer { spec, .. } = &step.operation {
            found.extend(taken(input, &fates, addr, spec, node));
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
    plan.objections.extend(found);
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
        let running = matches!(live.status, Status::Running | Status::Paused | Status::Restarting);
        let port = spec.ports.iter().find(|p| live.spec.ports.iter().any(|q| overlap(p, q)));
        if let (true, Some(port)) = (running && fates.keeps_its_ports(&addr.node, live), port) {
            let (addr, port) = (addr.clone(), port.clone());
            found.push(Objection::PortTaken { addr, port, holder: holder() });
        }
    }
    found
}

/// The service of the homelab that a live container belongs to: that which recorded it, or declares it, or has it for a
/// profile that is not enabled now.
fn owner<'a>(input: &Input<'a>, node: &NodeName, live: &LiveContainer) -> Option<&'a ServiceName> {
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
fn subnets(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
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
    plan.objections.extend(found);
}

/// External networks and volumes that nobody makes.
fn externals(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
    let mut makes: BTreeMap<&ServiceName, &Addr> = BTreeMap::new();
    for change in &plan.changes {
        if change.addr.kind == Kind::Container && !change.steps.is_empty() && change.action != Action::Delete {
            makes.entry(&change.addr.service).or_insert(&change.addr);
        }
    }
    let mut found = Vec::new();
    for service in input.homelab.services.values() {
        let (Some(node), Some(addr)) = (index.node(&service.node), makes.get(&service.name)) else { continue };
        let missing = |external: External, name: &str| Objection::ExternalMissing {
            addr: (*addr).clone(),
            external,
            name: name.to_owned(),
        };
        for network in service.networks.values() {
            if let Network::External { name } = network
                && !has_network(node, name)
                && !index.makes_network(&service.node, name)
            {
                found.push(missing(External::Network, name));
            }
        }
        for volume in service.volumes.values() {
            if let Volume::External { name } = volume
                && !node.live.volumes.contains_key(name)
                && !index.makes_volume(&service.node, name)
            {
                found.push(missing(External::Volume, name));
            }
        }
    }
    plan.objections.extend(found);
}

fn has_network(node: &NodeIndex<'_>, name: &str) -> bool {
    node.network(name).is_some() || node.live.networks.contains_key(name)
}

/// A repository that suddenly declares nothing is a broken checkout and not a wish.
fn empty(plan: &mut Plan, input: &Input<'_>) {
    let declares_nothing = input.homelab.services.is_empty() && input.homelab.unresolved.is_empty();
    if declares_nothing && !input.recorded.services.is_empty() && input.options.delete.is_empty() {
        plan.objections.push(Objection::NothingDeclared { recorded: input.recorded.services.len() });
    }
}
