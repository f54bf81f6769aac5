//! Handover: who gives up goes before who takes. Names, published ports, fixed addresses, data of containers that go, and
//! networks that are made anew. The edges are derived from the steps, across services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::graph::{Milestone, StepGraph};
use super::index::Index;
use super::operation::Operation;
use super::step::StepId;
use super::{Action, PlannedChange, path_order};
use crate::model::spec::{Attachment, ContainerSpec, MountKind, Port};
use crate::model::view::LiveContainer;
use crate::model::{Addr, NodeName};

/// Orders steps of which one needs what another makes or gives up.
pub(super) fn order(graph: &mut StepGraph, index: &Index<'_>, changes: &[PlannedChange]) {
    let edges = [
        networks(graph),
        volumes(graph),
        names(graph, index),
        claims_of_starts(graph, index, changes),
        path_order::edges(graph, index),
    ]
    .concat();
    for (before, after) in edges {
        graph.connect_unless_cyclic(before, after);
    }
}

/// A volume is made after one of its name is removed.
fn volumes(graph: &StepGraph) -> Vec<(StepId, StepId)> {
    let mut removed: BTreeMap<(&NodeName, &str), Vec<StepId>> = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::RemoveVolume { name } = &step.operation {
            removed.entry((&step.node, name)).or_default().push(step.id);
        }
    }
    let mut edges = Vec::new();
    for step in graph.steps() {
        let Operation::CreateVolume(spec) = &step.operation else { continue };
        let before = removed.get(&(&step.node, spec.name.as_str()));
        edges.extend(before.into_iter().flatten().map(|before| (*before, step.id)));
    }
    edges
}

/// A container gets a name after the one that has it is removed or renamed.
fn names(graph: &StepGraph, index: &Index<'_>) -> Vec<(StepId, StepId)> {
    let mut gives: BTreeMap<(&NodeName, &str), Vec<StepId>> = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::RemoveContainer { container, .. } | Operation::RenameContainer { container, .. } =
            &step.operation
        {
            gives.entry((&step.node, container)).or_default().push(step.id);
        }
    }
    let mut edges = Vec::new();
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
            edges.extend(giving.map(|giving| (*giving, step.id)));
        }
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

/// A container starts after those have stopped that give up a port or a fixed address for it, and after those that go for
/// good and write to its data.
fn claims_of_starts(graph: &StepGraph, index: &Index<'_>, changes: &[PlannedChange]) -> Vec<(StepId, StepId)> {
    let mut wants: BTreeMap<(&NodeName, &str), &ContainerSpec> = BTreeMap::new();
    let mut stops: BTreeMap<(&NodeName, &str), Vec<StepId>> = BTreeMap::new();
    let mut leaves: BTreeMap<(&NodeName, &str, &str), Vec<StepId>> = BTreeMap::new();
    let mut going: BTreeMap<&NodeName, BTreeSet<&str>> = BTreeMap::new();
    let removed: BTreeSet<&Addr> = changes.iter().filter(|c| c.action == Action::Delete).map(|c| &c.addr).collect();
    for step in graph.steps() {
        match &step.operation {
            Operation::CreateContainer { name, spec, .. } => {
                wants.insert((&step.node, name), spec);
                wants.insert((&step.node, &spec.name), spec);
            }
            Operation::DisconnectNetwork { container, network } => {
                leaves.entry((&step.node, container, network)).or_default().push(step.id);
            }
            Operation::StopContainer { container } => {
                stops.entry((&step.node, container)).or_default().push(step.id);
                if step.addr.as_ref().is_some_and(|addr| removed.contains(addr)) {
                    going.entry(&step.node).or_default().insert(container);
                }
            }
            _ => {}
        }
    }
    let mut edges = BTreeSet::new();
    for start in graph.steps() {
        let Operation::StartContainer { container } = &start.operation else { continue };
        let Some(spec) = wants.get(&(&start.node, container.as_str())) else { continue };
        let Some(node) = index.node(&start.node) else { continue };
        let by_port = spec
            .ports
            .iter()
            .flat_map(|port| node.on_port(port).iter().filter(|live| live.spec.ports.iter().any(|q| overlap(port, q))));
        let of_those_that_go =
            going.get(&start.node).into_iter().flatten().filter_map(|id| node.live.containers.get(*id));
        let by_data = of_those_that_go.filter(|live| share_data(&live.spec, spec));
        for (network, end) in &spec.networks {
            let holds = |live: &&&LiveContainer| live.spec.networks.get(network).is_some_and(|held| meet(held, end));
            for holder in node.on_network(network).iter().filter(holds) {
                let stopping = stops.get(&(&start.node, holder.id.as_str()));
                let leaving = leaves.get(&(&start.node, holder.id.as_str(), network.as_str()));
                edges.extend(stopping.into_iter().chain(leaving).flatten().map(|gives| (start.id, *gives)));
            }
        }
        for holder in by_port.copied().chain(by_data) {
            let stopping = stops.get(&(&start.node, holder.id.as_str()));
            edges.extend(stopping.into_iter().flatten().map(|stop| (start.id, *stop)));
        }
    }
    edges.into_iter().map(|(after, before)| (before, after)).collect()
}

/// Whether two ends of one network have a fixed address in common.
fn meet(a: &Attachment, b: &Attachment) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    same(&a.ipv4_address, &b.ipv4_address) || same(&a.ipv6_address, &b.ipv6_address)
}

/// Folders whose paths are those of the machine, such as the engine's socket, and no data of a container.
const MACHINE: [&str; 6] = ["/dev", "/etc", "/proc", "/run", "/sys", "/var/run"];

/// Whether two containers write to one volume, or to paths of which one is in the other.
pub(super) fn share_data(a: &ContainerSpec, b: &ContainerSpec) -> bool {
    fn data(spec: &ContainerSpec) -> Vec<&MountKind> {
        let writable = spec.mounts.values().filter(|mount| !mount.read_only).map(|mount| &mount.kind);
        let is_machines = |source: &str| MACHINE.iter().any(|folder| Path::new(source).starts_with(folder));
        writable.filter(|kind| !matches!(kind, MountKind::Bind { source, .. } if is_machines(source))).collect()
    }
    let meet = |a: &MountKind, b: &MountKind| match (a, b) {
        (MountKind::Volume { source: a, .. }, MountKind::Volume { source: b, .. }) => a == b,
        (MountKind::Bind { source: a, .. }, MountKind::Bind { source: b, .. }) => {
            Path::new(a).starts_with(b) || Path::new(b).starts_with(a)
        }
        _ => false,
    };
    let (a, b) = (data(a), data(b));
    a.iter().any(|a| b.iter().any(|b| meet(a, b)))
}

/// Whether two published ports cannot both be had.
pub(super) fn overlap(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let one = |text: &str| text.parse::<u16>().ok().filter(|p| *p != 0);
    let same_ip = a.host_ip == b.host_ip || everywhere(&a.host_ip) || everywhere(&b.host_ip);
    let same_port = one(&a.published).is_some_and(|p| Some(p) == one(&b.published));
    a.protocol == b.protocol && same_ip && same_port
}
