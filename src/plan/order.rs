//! Order: what comes before what, and the same every time.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::{is_cyclic_directed, tarjan_scc};
use petgraph::graphmap::DiGraphMap;

use super::step::{Step, StepId};
use crate::model::homelab::{Homelab, Service};
use crate::model::{NodeName, ServiceName};

/// The services of the homelab, each after those that it depends on; ties by node and name.
pub fn services(homelab: &Homelab) -> Vec<ServiceName> {
    let nodes: BTreeMap<&ServiceName, &NodeName> = homelab
        .services
        .iter()
        .map(|(name, s)| (name, &s.node))
        .chain(homelab.unresolved.iter().map(|(name, u)| (name, &u.node)))
        .collect();
    let edges: BTreeMap<(&NodeName, &ServiceName), BTreeSet<(&NodeName, &ServiceName)>> = nodes
        .iter()
        .map(|(name, node)| {
            let needs = homelab.services.get(*name).into_iter().flat_map(|s| s.depends_on.keys());
            let needs = needs.filter_map(|d| nodes.get_key_value(d).map(|(name, node)| (*node, *name))).collect();
            ((*node, *name), needs)
        })
        .collect();
    sorted(&edges).into_iter().map(|(_, name)| name.clone()).collect()
}

/// The containers of a service by address name, each after those that it depends on.
pub fn containers(service: &Service) -> Vec<String> {
    let edges: BTreeMap<&str, BTreeSet<&str>> = service
        .containers
        .iter()
        .map(|(name, container)| {
            let needs = service
                .containers
                .iter()
                .filter(|(_, c)| container.depends_on.contains_key(&c.compose_service))
                .map(|(n, _)| n.as_str());
            (name.as_str(), needs.collect())
        })
        .collect();
    sorted(&edges).into_iter().map(str::to_owned).collect()
}

/// Kahn's order with the smallest first; members of a cycle, which the loader has refused before,
/// come last in their own order.
fn sorted<T: Copy + Ord>(needs: &BTreeMap<T, BTreeSet<T>>) -> Vec<T> {
    let mut waiting: BTreeMap<T, BTreeSet<T>> = needs
        .iter()
        .map(|(item, needs_of)| {
            let known = needs_of.iter().copied().filter(|n| n != item && needs.contains_key(n));
            (*item, known.collect())
        })
        .collect();
    let mut order = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().find(|(_, needs)| needs.is_empty()).map(|(item, _)| *item);
        let Some(next) = ready.or_else(|| waiting.keys().next().copied()) else { break };
        waiting.remove(&next);
        waiting.values_mut().for_each(|needs| {
            needs.remove(&next);
        });
        order.push(next);
    }
    order
}

/// The steps as a graph: an edge from each step to those that come after it.
pub fn graph(steps: &[Step]) -> DiGraphMap<usize, ()> {
    let mut graph = DiGraphMap::new();
    for step in steps {
        graph.add_node(step.id.0);
        for before in &step.after {
            graph.add_edge(before.0, step.id.0, ());
        }
    }
    graph
}

/// A circle among the steps, if there is one. A plan with a circle is a bug in hl.
pub fn circle(steps: &[Step]) -> Option<Vec<StepId>> {
    let graph = graph(steps);
    if !is_cyclic_directed(&graph) {
        return None;
    }
    let mut members = tarjan_scc(&graph).into_iter().find(|c| c.len() > 1)?;
    members.sort_unstable();
    Some(members.into_iter().map(StepId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_come_first_and_ties_are_by_name() {
        let needs = BTreeMap::from([
            ("a", BTreeSet::from(["c"])),
            ("b", BTreeSet::new()),
            ("c", BTreeSet::from(["gone"])),
            ("d", BTreeSet::from(["a", "b"])),
        ]);
        assert_eq!(sorted(&needs), ["b", "c", "a", "d"]);
    }

    #[test]
    fn a_circle_does_not_hang() {
        let needs =
            BTreeMap::from([("a", BTreeSet::from(["b"])), ("b", BTreeSet::from(["a"])), ("c", BTreeSet::new())]);
        assert_eq!(sorted(&needs), ["c", "a", "b"]);
    }
}
