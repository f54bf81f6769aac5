//! What would go wrong or destroy something, found before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use super::handover::overlap;
use super::operation::Operation;
use super::{Action, External, Holder, Input, Objection, Plan, Required};
use crate::model::homelab::{Network, Service, Volume};
use crate::model::view::{LiveContainer, LiveNode, Status};
use crate::model::{Addr, Kind, NodeName, ServiceName};

/// Adds every objection.
pub(super) fn check(plan: &mut Plan, input: &Input<'_>) {
    conflicts(plan, input);
    externals(plan, input);
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

/// Ports and names that something which stays has already.
fn conflicts(plan: &mut Plan, input: &Input<'_>) {
    let mut found = Vec::new();
    for step in &plan.steps {
        let Operation::CreateContainer { spec, .. } = &step.operation else { continue };
        let (Some(addr), Some(node)) = (&step.addr, input.live.nodes.get(&step.node).and_then(|n| n.known())) else {
            continue;
        };
        for live in node.containers.values().filter(|c| !goes(plan, c) && !takes_place_of(plan, addr, c)) {
            if live.name == spec.name {
                found.push(Objection::NameTaken { addr: addr.clone(), holder: Holder::of(live) });
            }
            let running = matches!(live.status, Status::Running | Status::Paused | Status::Restarting);
            let port = spec.ports.iter().find(|p| live.spec.ports.iter().any(|q| overlap(p, q)));
            if let (true, Some(port)) = (running, port) {
                let (addr, port) = (addr.clone(), port.clone());
                found.push(Objection::PortTaken { addr, port, holder: Holder::of(live) });
            }
        }
    }
    for step in &plan.steps {
        let Operation::RenameContainer { container, name } = &step.operation else { continue };
        let (Some(addr), Some(node)) = (&step.addr, input.live.nodes.get(&step.node).and_then(|n| n.known())) else {
            continue;
        };
        let holders = node.containers.values().filter(|c| c.name == *name && c.id != *container);
        for holder in holders.filter(|c| !gives_up_name(plan, c)) {
            let objection = Objection::NameTaken { addr: addr.clone(), holder: Holder::of(holder) };
            // A replacement takes its name by its creation and by a renaming.
            if !found.contains(&objection) {
                found.push(objection);
            }
        }
    }
    plan.objections.extend(found);
}

/// Whether the plan takes a container's name from it.
fn gives_up_name(plan: &Plan, live: &LiveContainer) -> bool {
    plan.steps.iter().any(|s| match &s.operation {
        Operation::RenameContainer { container, .. } | Operation::RemoveContainer { container, .. } => {
            *container == live.id
        }
        _ => false,
    })
}

/// Whether the plan stops or removes a container.
fn goes(plan: &Plan, live: &LiveContainer) -> bool {
    plan.steps.iter().any(|s| match &s.operation {
        Operation::StopContainer { container } | Operation::RemoveContainer { container, .. } => *container == live.id,
        _ => false,
    })
}

/// Whether a container is the one in whose place the resource is made: a start-first replacement.
fn takes_place_of(plan: &Plan, addr: &Addr, live: &LiveContainer) -> bool {
    plan.steps.iter().any(|s| {
        s.addr.as_ref() == Some(addr)
            && matches!(&s.operation, Operation::RenameContainer { container, .. } if *container == live.id)
    })
}

/// External networks and volumes that nobody makes.
fn externals(plan: &mut Plan, input: &Input<'_>) {
    let made = own_networks(&input.homelab.services);
    let mut found = Vec::new();
    for service in input.homelab.services.values() {
        let Some(node) = input.live.nodes.get(&service.node).and_then(|n| n.known()) else { continue };
        let creates = |c: &&super::PlannedChange| {
            c.addr.service == service.name
                && c.addr.kind == Kind::Container
                && !c.steps.is_empty()
                && c.action != Action::Delete
        };
        let Some(change) = plan.changes.iter().find(creates) else { continue };
        let missing = |external: External, name: &str| Objection::ExternalMissing {
            addr: change.addr.clone(),
            external,
            name: name.to_owned(),
        };
        for network in service.networks.values() {
            if let Network::External { name } = network
                && !has_network(node, name)
                && !made.contains(&(&service.node, name.as_str()))
            {
                found.push(missing(External::Network, name));
            }
        }
        for volume in service.volumes.values() {
            if let Volume::External { name } = volume
                && !node.volumes.contains_key(name)
                && !makes_volume(input, service, name)
            {
                found.push(missing(External::Volume, name));
            }
        }
    }
    plan.objections.extend(found);
}

fn has_network(node: &LiveNode, name: &str) -> bool {
    node.network(name).is_some() || node.networks.contains_key(name)
}

fn makes_volume(input: &Input<'_>, service: &Service, name: &str) -> bool {
    let others = input.homelab.services.values().filter(|s| s.node == service.node);
    others.flat_map(|s| s.volumes.values()).any(|v| matches!(v, Volume::Own(spec) if spec.name == name))
}

/// A repository that suddenly declares nothing is a broken checkout and not a wish.
fn empty(plan: &mut Plan, input: &Input<'_>) {
    let declares_nothing = input.homelab.services.is_empty() && input.homelab.unresolved.is_empty();
    if declares_nothing && !input.recorded.services.is_empty() && input.options.delete.is_empty() {
        plan.objections.push(Objection::NothingDeclared { recorded: input.recorded.services.len() });
    }
}

/// Real network names that each service declares for itself, with the node that they are on.
fn own_networks(services: &BTreeMap<ServiceName, Service>) -> BTreeSet<(&NodeName, &str)> {
    let all = services.values().flat_map(|s| s.networks.values().map(move |n| (s, n)));
    all.filter_map(|(s, n)| match n {
        Network::Own(spec) => Some((&s.node, spec.name.as_str())),
        Network::External { .. } => None,
    })
    .collect()
}
