//! Order: what comes before what, and the same every time.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graphmap::{DiGraphMap, NodeTrait};

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
    let mut needs = DiGraphMap::new();
    for (name, node) in &nodes {
        needs.add_node((*node, *name));
        let needed = homelab.services.get(*name).into_iter().flat_map(|s| s.depends_on.keys());
        for (name_of_it, node_of_it) in needed.filter_map(|d| nodes.get_key_value(d)) {
            needs.add_edge((*node_of_it, *name_of_it), (*node, *name), ());
        }
    }
    sorted(needs).into_iter().map(|(_, name)| name.clone()).collect()
}

/// The containers of a service by address name, each after those that it depends on.
pub fn containers(service: &Service) -> Vec<String> {
    let mut needs = DiGraphMap::new();
    for (name, container) in &service.containers {
        needs.add_node(name.as_str());
        let of_it = service.containers.iter().filter(|(_, c)| container.depends_on.contains_key(&c.compose_service));
        for (needed, _) in of_it {
            needs.add_edge(needed.as_str(), name.as_str(), ());
        }
    }
    sorted(needs).into_iter().map(str::to_owned).collect()
}

/// The members of a graph, each after those that lead to it, the smallest first among those that could come next. Of a
/// cycle, which the loader has refused before, the smallest member comes first.
fn sorted<T: NodeTrait>(needs: DiGraphMap<T, ()>) -> Vec<T> {
    let missing = |item: T| needs.neighbors_directed(item, Incoming).filter(|needed| *needed != item).count();
    let mut missing: BTreeMap<T, usize> = needs.nodes().map(|item| (item, missing(item))).collect();
    let mut ready: BTreeSet<T> = missing.iter().filter(|(_, count)| **count == 0).map(|(item, _)| *item).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(next) = ready.pop_first().or_else(|| missing.keys().next().copied()) {
        missing.remove(&next);
        order.push(next);
        for after in needs.neighbors_directed(next, Outgoing) {
            if let Some(count) = missing.get_mut(&after) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(after);
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_come_first_and_ties_are_by_name() {
        let mut needs = DiGraphMap::from_edges([("c", "a"), ("a", "d"), ("b", "d")]);
        needs.add_node("e");
        assert_eq!(sorted(needs), ["b", "c", "a", "d", "e"]);
    }

    #[test]
    fn a_cycle_does_not_hang() {
        let mut needs = DiGraphMap::from_edges([("a", "b"), ("b", "a")]);
        needs.add_node("c");
        assert_eq!(sorted(needs), ["c", "a", "b"]);
    }
}
