//! Containers that use something of one that changes, and that the plan leaves as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::StepGraph;
use super::operation::Operation;
use super::step::{Phase, StepId};
use super::{Holder, Input, Note, Objection, Plan, taken};
use crate::model::homelab::Container;
use crate::model::view::{LiveContainer, LiveView, OneOff, Status};
use crate::model::{Addr, NodeName};

/// Lets a container that goes stay until those that use something of it, and are made anew, are proven.
pub(super) fn keep_owners(graph: &mut StepGraph, live: &LiveView) {
    let mut removals: BTreeMap<(&NodeName, String), StepId> = BTreeMap::new();
    let mut proofs: BTreeMap<Addr, Vec<StepId>> = BTreeMap::new();
    for step in graph.steps() {
        if let (Operation::RemoveContainer { container, .. }, Some((node, _))) =
            (&step.operation, live.nodes.get_key_value(&step.node))
        {
            removals.insert((node, container.clone()), step.id);
        }
        if let (Phase::Verify, Some(addr)) = (step.phase, &step.addr) {
            proofs.entry(addr.clone()).or_default().push(step.id);
        }
    }
    let mut edges = Vec::new();
    for ((node, id), removal) in &removals {
        let Some(sharer) = live.nodes[*node].known().and_then(|node| node.containers.get(id)) else { continue };
        let Some(proofs) = graph.get(*removal).addr.as_ref().and_then(|addr| proofs.get(addr)) else { continue };
        let owners = sharer.shares_with.iter().filter_map(|owner| removals.get(&(*node, owner.clone())));
        edges.extend(owners.flat_map(|owner| proofs.iter().map(|proof| (*proof, *owner))));
    }
    for (proof, owner) in edges {
        graph.connect_unless_cyclic(proof, owner);
    }
}

/// Objects where hl manages a container that would be left with nothing, and notes those of others.
pub(super) fn check(plan: &mut Plan, input: &Input<'_>) {
    let mut sharers: BTreeMap<(&NodeName, &str), Vec<&LiveContainer>> = BTreeMap::new();
    for (name, node) in &input.live.nodes {
        for sharer in node.known().into_iter().flat_map(|node| node.containers.values()) {
            sharer.shares_with.iter().for_each(|id| sharers.entry((name, id)).or_default().push(sharer));
        }
    }
    if sharers.is_empty() {
        return;
    }
    let (mut removed, mut begun) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps {
        match &step.operation {
            Operation::RemoveContainer { container, .. } => {
                removed.insert((&step.node, container.as_str()));
                begun.insert((&step.node, container.as_str()));
            }
            Operation::RestartContainer { container }
            | Operation::StartContainer { container }
            | Operation::StopContainer { container } => {
                begun.insert((&step.node, container.as_str()));
            }
            _ => {}
        }
    }
    let mut left: BTreeSet<(&Addr, &str)> = BTreeSet::new();
    let (mut objections, mut notes) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        let (owner, is_removed) = match &step.operation {
            Operation::RemoveContainer { container, .. } => (container, true),
            Operation::RestartContainer { container } | Operation::StartContainer { container } => (container, false),
            _ => continue,
        };
        let Some(addr) = &step.addr else { continue };
        for sharer in sharers.get(&(&step.node, owner.as_str())).into_iter().flatten() {
            let key = (&step.node, sharer.id.as_str());
            let loses = match is_removed {
                true => !removed.contains(&key),
                false => runs_in(sharer, owner) && !begun.contains(&key),
            };
            if loses && left.insert((addr, &sharer.id)) {
                match is_managed(input, sharer) {
                    true => {
                        let sharer = Holder::of(sharer, taken::owner(input, &step.node, sharer));
                        objections.push(Objection::SharerLeft { addr: addr.clone(), sharer });
                    }
                    false => {
                        notes.push(Note::SharerOfOthers { addr: addr.clone(), sharer: sharer.name.clone() });
                    }
                }
            }
        }
    }
    plan.objections.extend(objections);
    plan.notes.extend(notes);
}

fn runs_in(sharer: &LiveContainer, owner: &str) -> bool {
    sharer.namespaces_of.contains(owner) && sharer.status == Status::Running
}

/// Whether a container is one that hl makes anew where it must: it is declared or recorded.
fn is_managed(input: &Input<'_>, live: &LiveContainer) -> bool {
    let Some(identity) = live.identity.as_ref().filter(|identity| identity.one_off == OneOff::No) else { return false };
    let mut services = input.homelab.services.values().filter(|s| s.project == identity.project);
    let is_it = |c: &Container| c.compose_service == identity.service && c.number == identity.number;
    match services.next() {
        // A container that a profile disables is left alone.
        Some(service) if service.disabled.contains(&identity.service) => false,
        Some(service) if service.containers.values().any(is_it) => true,
        Some(_) | None => input.recorded.resources.values().any(|r| r.id == live.id),
    }
}
