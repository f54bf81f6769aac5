//! What would go wrong or destroy something, found before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use super::operation::Operation;
use super::step::StepId;
use super::{Action, External, Holder, Input, Objection, Plan, Required, order, place};
use crate::model::homelab::{Network, Volume};
use crate::model::spec::{ContainerSpec, Port};
use crate::model::view::{LiveContainer, LiveNode, Status};
use crate::model::{Addr, Kind, NodeName};

/// Adds the edges that follow from what containers share, and every objection.
pub(super) fn check(plan: &mut Plan, input: &Input<'_>, networks: &BTreeMap<(NodeName, String), StepId>) {
    wait_for_networks(plan, networks);
    hand_over_ports(plan, input);
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
    if let Some(circle) = order::circle(&plan.steps) {
        panic!("the plan goes in a circle: {circle:?}");
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

/// A container is made after the network that it joins, whichever service makes that.
fn wait_for_networks(plan: &mut Plan, networks: &BTreeMap<(NodeName, String), StepId>) {
    for index in 0..plan.steps.len() {
        let step = &plan.steps[index];
        let wanted: Vec<&String> = match &step.operation {
            Operation::CreateContainer { spec, .. } => spec.networks.keys().collect(),
            Operation::ConnectNetwork { network, .. } => vec![network],
            _ => continue,
        };
        let made = wanted.into_iter().filter_map(|n| networks.get(&(step.node.clone(), n.clone())).copied());
        let made: Vec<StepId> = made.filter(|m| *m != step.id).collect();
        for before in made {
            add_edge(plan, before, StepId(index));
        }
    }
}

/// A container that takes a port which another gives up starts after that one has stopped.
fn hand_over_ports(plan: &mut Plan, input: &Input<'_>) {
    let mut wants: BTreeMap<(NodeName, String), &ContainerSpec> = BTreeMap::new();
    for step in &plan.steps {
        if let Operation::CreateContainer { name, spec, .. } = &step.operation {
            wants.insert((step.node.clone(), name.clone()), spec);
            wants.insert((step.node.clone(), spec.name.clone()), spec);
        }
    }
    let mut edges = Vec::new();
    for start in &plan.steps {
        let Operation::StartContainer { container } = &start.operation else { continue };
        let Some(spec) = wants.get(&(start.node.clone(), container.clone())) else { continue };
        let Some(node) = input.live.nodes.get(&start.node).and_then(|n| n.known()) else { continue };
        for stop in plan.steps.iter().filter(|s| s.node == start.node) {
            let Operation::StopContainer { container } = &stop.operation else { continue };
            let Some(live) = node.containers.get(container) else { continue };
            if spec.ports.iter().any(|p| live.spec.ports.iter().any(|q| overlap(p, q))) {
                edges.push((stop.id, start.id));
            }
        }
    }
    for (before, after) in edges {
        add_edge(plan, before, after);
    }
}

/// Adds an edge unless it would close a circle.
fn add_edge(plan: &mut Plan, before: StepId, after: StepId) {
    let mut seen = BTreeSet::new();
    let mut stack = vec![before];
    while let Some(step) = stack.pop() {
        if step == after {
            return;
        }
        if seen.insert(step) {
            stack.extend(&plan.steps[step.0].after);
        }
    }
    plan.steps[after.0].after.insert(before);
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

/// Whether two published ports cannot both be had.
fn overlap(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let one = |text: &str| text.parse::<u16>().ok().filter(|p| *p != 0);
    let same_ip = a.host_ip == b.host_ip || everywhere(&a.host_ip) || everywhere(&b.host_ip);
    let same_port = one(&a.published).is_some_and(|p| Some(p) == one(&b.published));
    a.protocol == b.protocol && same_ip && same_port
}

/// External networks and volumes that nobody makes.
fn externals(plan: &mut Plan, input: &Input<'_>) {
    let made = place::own_networks(&input.homelab.services);
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
                && !made.contains(&(service.node.to_string(), name.clone()))
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

fn makes_volume(input: &Input<'_>, service: &crate::model::homelab::Service, name: &str) -> bool {
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
