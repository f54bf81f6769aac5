//! What one container gives up and another takes: a network that is made anew, a published port. The edges follow from the
//! steps, whichever service they are of.

use std::collections::BTreeMap;

use super::Input;
use super::graph::{Milestone, StepGraph};
use super::operation::Operation;
use super::step::StepId;
use crate::model::NodeName;
use crate::model::spec::{ContainerSpec, Port};

/// Orders steps of which one needs what another makes or gives up.
pub(super) fn order(graph: &mut StepGraph, input: &Input<'_>) {
    for (before, after) in networks(graph) {
        graph.connect_unless_cyclic(before, after);
    }
    for (before, after) in ports(graph, input) {
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
fn ports(graph: &StepGraph, input: &Input<'_>) -> Vec<(StepId, StepId)> {
    let mut wants: BTreeMap<(&NodeName, &str), &ContainerSpec> = BTreeMap::new();
    for step in graph.steps() {
        if let Operation::CreateContainer { name, spec, .. } = &step.operation {
            wants.insert((&step.node, name.as_str()), spec);
            wants.insert((&step.node, spec.name.as_str()), spec);
        }
    }
    let mut edges = Vec::new();
    for start in graph.steps() {
        let Operation::StartContainer { container } = &start.operation else { continue };
        let Some(spec) = wants.get(&(&start.node, container.as_str())) else { continue };
        let Some(node) = input.live.nodes.get(&start.node).and_then(|n| n.known()) else { continue };
        for stop in graph.steps().iter().filter(|s| s.node == start.node) {
            let Operation::StopContainer { container } = &stop.operation else { continue };
            let Some(live) = node.containers.get(container) else { continue };
            if spec.ports.iter().any(|p| live.spec.ports.iter().any(|q| overlap(p, q))) {
                edges.push((stop.id, start.id));
            }
        }
    }
    edges
}

/// Whether two published ports cannot both be had.
pub(super) fn overlap(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let one = |text: &str| text.parse::<u16>().ok().filter(|p| *p != 0);
    let same_ip = a.host_ip == b.host_ip || everywhere(&a.host_ip) || everywhere(&b.host_ip);
    let same_port = one(&a.published).is_some_and(|p| Some(p) == one(&b.published));
    a.protocol == b.protocol && same_ip && same_port
}
