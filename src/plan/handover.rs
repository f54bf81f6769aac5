//! Handover between containers: a recreated network, a published port. The edges are derived from the steps, across
//! services.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Milestone, StepGraph};
use super::index::Index;
use super::operation::Operation;
use super::step::StepId;
use crate::model::NodeName;
use crate::model::spec::{ContainerSpec, Port};

/// Orders steps of which one needs what another makes or gives up.
pub(super) fn order(graph: &mut StepGraph, index: &Index<'_>) {
    for (before, after) in networks(graph) {
        graph.connect_unless_cyclic(before, after);
    }
    for (before, after) in ports(graph, index) {
        graph.connect_unless_cyclic(before, after);
    }
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

/// A container that takes a port which another gives up starts after that one has stopped.
fn ports(graph: &StepGraph, index: &Index<'_>) -> Vec<(StepId, StepId)> {
    let mut wants: BTreeMap<(&NodeName, &str), &ContainerSpec> = BTreeMap::new();
    let mut stops: BTreeMap<(&NodeName, &str), Vec<StepId>> = BTreeMap::new();
    for step in graph.steps() {
        match &step.operation {
            Operation::CreateContainer { name, spec, .. } => {
                wants.insert((&step.node, name), spec);
                wants.insert((&step.node, &spec.name), spec);
            }
            Operation::StopContainer { container } => stops.entry((&step.node, container)).or_default().push(step.id),
            _ => {}
        }
    }
    let mut edges = BTreeSet::new();
    for start in graph.steps() {
        let Operation::StartContainer { container } = &start.operation else { continue };
        let Some(spec) = wants.get(&(&start.node, container.as_str())) else { continue };
        let Some(node) = index.node(&start.node) else { continue };
        for port in &spec.ports {
            let holders = node.on_port(port).iter().filter(|live| live.spec.ports.iter().any(|q| overlap(port, q)));
            let stopping = holders.filter_map(|live| stops.get(&(&start.node, live.id.as_str())));
            edges.extend(stopping.flatten().map(|stop| (start.id, *stop)));
        }
    }
    edges.into_iter().map(|(after, before)| (before, after)).collect()
}

/// Whether two published ports cannot both be had.
pub(super) fn overlap(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let one = |text: &str| text.parse::<u16>().ok().filter(|p| *p != 0);
    let same_ip = a.host_ip == b.host_ip || everywhere(&a.host_ip) || everywhere(&b.host_ip);
    let same_port = one(&a.published).is_some_and(|p| Some(p) == one(&b.published));
    a.protocol == b.protocol && same_ip && same_port
}
