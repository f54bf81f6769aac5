//! Handover: who gives up goes before who takes. Names, published ports, fixed addresses, data of containers that go,
//! networks that are made anew, and their subnets. The edges are derived from the steps, across services.
//!
//! A claim that no order frees is given up early: a container that is to be renamed or removed goes by another name
//! meanwhile, and what stands in the way otherwise does not wait for who takes it.

use std::collections::{BTreeMap, BTreeSet};

use super::contention::{is_fixed, meet, overlap, shared_subnet};
use super::graph::{Milestone, StepGraph};
use super::index::Index;
use super::operation::{Effect, Operation};
use super::step::{Phase, Step, StepId};
use super::{Action, PlannedChange, path_order};
use crate::model::spec::{Attachment, ContainerSpec};
use crate::model::view::LiveContainer;
use crate::model::{Addr, NodeName};

/// Something that a step takes and that others give up.
struct Handover {
    /// Each of these gives it up.
    gives: Vec<StepId>,
    takes: StepId,
    /// The name that its holder can go by meanwhile, if it is a name that is given up.
    aside: Option<String>,
}

/// Orders steps of which one needs what another makes or gives up. Steps that are added for that belong to the changes.
pub(super) fn order(graph: &mut StepGraph, index: &Index<'_>, changes: &mut [PlannedChange]) {
    for (before, after) in networks(graph).into_iter().chain(volumes(graph)) {
        graph.connect_unless_cyclic(before, after);
    }
    let handovers = [places(graph, index), names(graph, index), claims(graph, index, changes)];
    for handover in handovers.into_iter().flatten() {
        hand_over(graph, changes, handover);
    }
    for (before, after) in vacated(graph, index) {
        graph.connect_unless_cyclic(before, after);
    }
    for (before, after) in path_order::edges(graph, index) {
        graph.connect_unless_cyclic(before, after);
    }
    for (before, after) in fixed_before_automatic(graph, index) {
        if graph.line_up(before, after) {
            continue;
        }
        if let Some(joining) = joining(graph, index, before, after) {
            graph.bring_forward(&joining, after);
            graph.line_up(before, after);
        }
    }
}

/// The steps by which a running container joins a network, if they wait for `taker` only because their container has its
/// turn after that one: who runs already needs nobody to get its address.
fn joining(graph: &StepGraph, index: &Index<'_>, joins: StepId, taker: StepId) -> Option<BTreeSet<StepId>> {
    let step = graph.get(joins);
    let Operation::ConnectNetwork { container, network, .. } = &step.operation else { return None };
    let live = index.node(&step.node)?.live.containers.get(container)?;
    let stops = |other: &Step| match &other.operation {
        Operation::StopContainer { container } => other.node == step.node && *container == live.id,
        _ => false,
    };
    if !live.status.is_up() || graph.steps().iter().any(stops) {
        return None;
    }
    let leaves = |id: &StepId| {
        let before = &graph.get(*id).operation;
        matches!(before, Operation::DisconnectNetwork { container: c, network: n } if c == container && n == network)
    };
    let joining: BTreeSet<StepId> = step.after.iter().copied().filter(leaves).chain([joins]).collect();
    // Whatever else it waits for gives something up for it, or makes the network.
    let is_turn = |id: &StepId| {
        let before = graph.get(*id);
        before.addr == step.addr
            || before.operation.describe().effect == Effect::Observes
            || matches!(
                before.operation,
                Operation::CreateContainer { .. }
                    | Operation::StartContainer { .. }
                    | Operation::RestartContainer { .. }
                    | Operation::RenameContainer { .. }
            )
    };
    let mut waits = joining.iter().flat_map(|id| &graph.get(*id).after).filter(|id| graph.leads(taker, **id));
    waits.all(|id| joining.contains(id) || is_turn(id)).then_some(joining)
}

/// Lets a step wait for those that give up what it takes. Where all of them wait for it, one gives it up earlier.
fn hand_over(graph: &mut StepGraph, changes: &mut [PlannedChange], handover: Handover) {
    let Handover { gives, takes, aside } = handover;
    let waits: Vec<bool> = gives.iter().map(|gives| graph.connect_unless_cyclic(*gives, takes)).collect();
    let Some(gives) = gives.first().copied().filter(|_| !waits.contains(&true)) else { return };
    let change = changes.iter_mut().find(|change| change.steps.contains(&gives));
    // A replaced container has a new name of its own anyway; it gets that earlier.
    let renamed = change.filter(|change| change.action != Action::Replace).zip(aside);
    let step = graph.get(gives);
    match (renamed, &step.operation) {
        (
            Some((change, name)),
            Operation::RenameContainer { container, .. } | Operation::RemoveContainer { container, .. },
        ) => {
            let rename = Operation::RenameContainer { container: container.clone(), name };
            let (node, service) = (step.node.clone(), step.service.clone());
            let early = graph.step_on(&node, &service, Phase::Deploy, rename).about(&change.addr).add();
            graph.connect_unless_cyclic(early, gives);
            graph.connect_unless_cyclic(early, takes);
            change.steps.insert(0, early);
        }
        _ => {
            graph.bring_forward(&with_what_it_needs(graph, gives), takes);
            graph.connect_unless_cyclic(gives, takes);
        }
    }
}

/// A step with those of the same resource without which it would fail: what is removed must be unused.
fn with_what_it_needs(graph: &StepGraph, step: StepId) -> BTreeSet<StepId> {
    let (mut needed, mut open) = (BTreeSet::new(), vec![step]);
    while let Some(id) = open.pop().filter(|id| needed.insert(*id)) {
        let step = graph.get(id);
        let frees = |before: &&StepId| {
            let before = graph.get(**before);
            let frees = matches!(
                before.operation,
                Operation::StopContainer { .. }
                    | Operation::RemoveContainer { .. }
                    | Operation::DisconnectNetwork { .. }
            );
            frees && before.addr == step.addr
        };
        let removes = matches!(
            step.operation,
            Operation::RemoveContainer { .. } | Operation::RemoveNetwork { .. } | Operation::RemoveVolume { .. }
        );
        open.extend(step.after.iter().filter(|_| removes).filter(frees));
    }
    needed
}

/// A volume or a network is made after one of its name is removed, and a network after those that have its addresses.
fn places(graph: &StepGraph, index: &Index<'_>) -> Vec<Handover> {
    let removals: Vec<&Step> = graph
        .steps()
        .iter()
        .filter(|s| matches!(s.operation, Operation::RemoveVolume { .. } | Operation::RemoveNetwork { .. }))
        .collect();
    let gives_to = |giving: &Step, taking: &Step| match (&giving.operation, &taking.operation) {
        _ if giving.node != taking.node => false,
        (Operation::RemoveVolume { name }, Operation::CreateVolume(spec)) => spec.name == *name,
        (Operation::RemoveNetwork { id, name }, Operation::CreateNetwork(spec)) => {
            let live = index.node(&giving.node).and_then(|node| node.live.networks.get(id));
            spec.name == *name || live.is_some_and(|live| shared_subnet(spec, &live.spec).is_some())
        }
        _ => false,
    };
    let mut found = Vec::new();
    for taking in graph.steps() {
        let giving = removals.iter().filter(|giving| gives_to(giving, taking));
        found.extend(giving.map(|giving| Handover { gives: vec![giving.id], takes: taking.id, aside: None }));
    }
    found
}

/// A container gets a name after the one that has it is removed or renamed.
fn names(graph: &StepGraph, index: &Index<'_>) -> Vec<Handover> {
    let mut gives: BTreeMap<(&NodeName, &str), Vec<StepId>> = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::RemoveContainer { container, .. } | Operation::RenameContainer { container, .. } =
            &step.operation
        {
            gives.entry((&step.node, container)).or_default().push(step.id);
        }
    }
    let mut found = Vec::new();
    for step in graph.steps() {
        let (taken, by) = match &step.operation {
            Operation::CreateContainer { name, .. } => (name, None),
            Operation::RenameContainer { container, name } => (name, Some(container)),
            _ => continue,
        };
        let Some(node) = index.node(&step.node) else { continue };
        for holder in node.named(taken).iter().filter(|holder| Some(&holder.id) != by) {
            // The first step that gives the name up is enough: what is renamed may be removed much later.
            let giving = gives.get(&(&step.node, holder.id.as_str())).and_then(|steps| steps.iter().min());
            let short = holder.id.get(..12).unwrap_or(&holder.id);
            let aside = Some(format!("{short}_{}", holder.name));
            found.extend(giving.map(|giving| Handover { gives: vec![*giving], takes: step.id, aside }));
        }
    }
    found
}

/// A network is removed after those containers that are removed and do not leave it before.
fn vacated(graph: &StepGraph, index: &Index<'_>) -> Vec<(StepId, StepId)> {
    let mut removed: BTreeMap<(&NodeName, &str), StepId> = BTreeMap::new();
    let mut off: BTreeSet<(&NodeName, &str, &str)> = BTreeSet::new();
    for step in graph.steps() {
        match &step.operation {
            Operation::RemoveContainer { container, .. } => drop(removed.insert((&step.node, container), step.id)),
            Operation::DisconnectNetwork { container, network } => drop(off.insert((&step.node, container, network))),
            _ => {}
        }
    }
    let mut edges = Vec::new();
    for step in graph.steps() {
        let Operation::RemoveNetwork { name, .. } = &step.operation else { continue };
        let users = index.node(&step.node).map_or(&[][..], |node| node.on_network(name));
        let staying = users.iter().filter(|user| !off.contains(&(&step.node, user.id.as_str(), name.as_str())));
        let going = staying.filter_map(|user| removed.get(&(&step.node, user.id.as_str())));
        edges.extend(going.map(|before| (*before, step.id)));
    }
    edges
}

/// A container is made after the network that it joins, whichever service makes that.
fn networks(graph: &StepGraph) -> Vec<(StepId, StepId)> {
    let mut edges = Vec::new();
    for step in graph.steps() {
        let wanted: Vec<&String> = match &step.operation {
            Operation::CreateContainer { spec, .. } => spec.networks.keys().collect(),
            Operation::ConnectNetwork { network, .. } => vec![network],
            _ => continue,
        };
        let milestone = |name: &String| Milestone::Network(step.node.clone(), name.clone());
        let made = wanted.into_iter().filter_map(|name| graph.reached(&milestone(name)));
        edges.extend(made.map(|made| (made, step.id)));
    }
    edges
}

/// A container is made after the volumes that it mounts, whichever service makes them: where there is none, the engine
/// makes a plain one.
fn volumes(graph: &StepGraph) -> Vec<(StepId, StepId)> {
    let mut made: BTreeMap<(&NodeName, &str), StepId> = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::CreateVolume(spec) = &step.operation {
            made.insert((&step.node, &spec.name), step.id);
        }
    }
    let mut edges = Vec::new();
    for step in graph.steps().iter().filter(|_| !made.is_empty()) {
        let Operation::CreateContainer { spec, .. } = &step.operation else { continue };
        let mounted = spec.volumes().filter_map(|volume| made.get(&(&step.node, volume)));
        edges.extend(mounted.map(|made| (*made, step.id)));
    }
    edges
}

/// The specs of the containers that are made, by each name that they go by.
fn made(graph: &StepGraph) -> BTreeMap<(&NodeName, &str), &ContainerSpec> {
    let mut made = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::CreateContainer { name, spec, .. } = &step.operation {
            made.insert((&step.node, name.as_str()), &**spec);
            made.insert((&step.node, spec.name.as_str()), &**spec);
        }
    }
    made
}

/// A container starts after those have stopped that give up a port or a fixed address for it, and after those that go for
/// good and write to its data. It joins a network after those have left that give up its address.
fn claims(graph: &StepGraph, index: &Index<'_>, changes: &[PlannedChange]) -> Vec<Handover> {
    let made = made(graph);
    let releases = Releases::of(graph, changes);
    let mut found = BTreeMap::new();
    for step in graph.steps() {
        let Some(node) = index.node(&step.node) else { continue };
        let mut on_network = |network: &str, end: &Attachment, by: &str| {
            let held = |live: &&&LiveContainer| live.spec.networks.get(network).is_some_and(|held| meet(held, end));
            for holder in node.on_network(network).iter().filter(held).filter(|holder| holder.id != by) {
                let gives = releases.address(&step.node, &holder.id, network);
                found.insert((step.id, &holder.id, network.to_owned()), gives);
            }
        };
        match &step.operation {
            Operation::ConnectNetwork { container, network, attachment } => on_network(network, attachment, container),
            Operation::StartContainer { container } => {
                let live = || node.live.containers.get(container).map(|live| &live.spec);
                let Some(spec) = made.get(&(&step.node, container.as_str())).copied().or_else(live) else { continue };
                let stays = |network: &String| !releases.leaves(&step.node, container, network);
                let ends = spec.networks.iter().filter(|(network, _)| stays(network));
                ends.for_each(|(network, end)| on_network(network, end, container));
                let conflicts = |live: &LiveContainer| {
                    spec.ports.iter().any(|port| live.spec.ports.iter().any(|other| overlap(port, other)))
                };
                let on_ports = spec.ports.iter().flat_map(|port| node.on_port(port)).filter(|live| conflicts(live));
                let going = releases.going(&step.node).filter_map(|id| node.live.containers.get(id));
                let on_data = going.filter(|live| live.spec.shares_data_with(spec));
                for holder in on_ports.copied().chain(on_data).filter(|holder| holder.id != *container) {
                    let gives = releases.stops(&step.node, &holder.id);
                    found.insert((step.id, &holder.id, String::new()), gives);
                }
            }
            _ => {}
        }
    }
    let all = found.into_iter().filter(|(_, gives)| !gives.is_empty());
    all.map(|((takes, ..), gives)| Handover { gives, takes, aside: None }).collect()
}

/// The steps by which live containers give up what they have, by node and id.
#[derive(Default)]
struct Releases<'g> {
    stops: BTreeMap<(&'g NodeName, &'g str), Vec<StepId>>,
    leaves: BTreeMap<(&'g NodeName, &'g str, &'g str), Vec<StepId>>,
    /// Containers that are stopped to be removed for good.
    going: BTreeMap<&'g NodeName, BTreeSet<&'g str>>,
}

impl<'g> Releases<'g> {
    fn of(graph: &'g StepGraph, changes: &[PlannedChange]) -> Self {
        let removed: BTreeSet<&Addr> = changes.iter().filter(|c| c.action == Action::Delete).map(|c| &c.addr).collect();
        let mut releases = Self::default();
        for step in graph.steps() {
            match &step.operation {
                Operation::DisconnectNetwork { container, network } => {
                    releases.leaves.entry((&step.node, container, network)).or_default().push(step.id);
                }
                Operation::StopContainer { container } => {
                    releases.stops.entry((&step.node, container)).or_default().push(step.id);
                    if step.addr.as_ref().is_some_and(|addr| removed.contains(addr)) {
                        releases.going.entry(&step.node).or_default().insert(container);
                    }
                }
                _ => {}
            }
        }
        releases
    }

    fn stops(&self, node: &NodeName, id: &str) -> Vec<StepId> {
        self.stops.get(&(node, id)).cloned().unwrap_or_default()
    }

    /// Whether a container leaves a network.
    fn leaves(&self, node: &NodeName, id: &str, network: &str) -> bool {
        self.leaves.contains_key(&(node, id, network))
    }

    /// The steps by which a container gives up its address in a network.
    fn address(&self, node: &NodeName, id: &str, network: &str) -> Vec<StepId> {
        let leaves = self.leaves.get(&(node, id, network)).into_iter().flatten().copied();
        self.stops(node, id).into_iter().chain(leaves).collect()
    }

    fn going(&self, node: &NodeName) -> impl Iterator<Item = &'g str> + '_ {
        self.going.get(node).into_iter().flatten().copied()
    }
}

/// Whoever asks for an address or a subnet by its number gets it before the engine chooses for others, since it may choose
/// that one.
fn fixed_before_automatic(graph: &StepGraph, index: &Index<'_>) -> Vec<(StepId, StepId)> {
    let made = made(graph);
    // By node and network, with no name for the subnets of the node; each the fixed and the automatic ones.
    let mut claims: BTreeMap<(&NodeName, &str), [Vec<StepId>; 2]> = BTreeMap::new();
    let mut claim = |step: &'_ Step, node, network, is_fixed: bool| {
        claims.entry((node, network)).or_default()[usize::from(!is_fixed)].push(step.id);
    };
    for step in graph.steps() {
        match &step.operation {
            Operation::CreateNetwork(spec) => {
                claim(step, &step.node, "", spec.ipam_pools.iter().any(|pool| pool.subnet.is_some()));
            }
            Operation::ConnectNetwork { network, attachment, .. } => {
                claim(step, &step.node, network, is_fixed(attachment));
            }
            Operation::StartContainer { container } | Operation::RestartContainer { container } => {
                let live = || index.node(&step.node)?.live.containers.get(container).map(|live| &live.spec);
                let spec = made.get(&(&step.node, container.as_str())).copied().or_else(live);
                for (network, end) in spec.into_iter().flat_map(|spec| &spec.networks) {
                    claim(step, &step.node, network, is_fixed(end));
                }
            }
            _ => {}
        }
    }
    let pairs = |[fixed, automatic]: [Vec<StepId>; 2]| {
        fixed.into_iter().flat_map(move |fixed| automatic.clone().into_iter().map(move |other| (fixed, other)))
    };
    claims.into_values().flat_map(pairs).collect()
}
