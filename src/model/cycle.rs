//! Cycles in what needs what.

use std::collections::BTreeMap;

/// How far the search has come with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnPath,
    Done,
}

/// Finds cycles, each once, as the edges that lead around it, each with the node that it starts from. `edges` gives those
/// of a node with their labels. The search goes depth first, in the order of nodes and edges.
///
/// It keeps its path in a list and not on the stack of the thread: the length of a path is up to whoever writes the files.
pub fn cycles<N, E, I>(nodes: impl IntoIterator<Item = N>, edges: impl Fn(N) -> I) -> Vec<Vec<(N, E)>>
where
    N: Ord + Copy,
    E: Copy,
    I: Iterator<Item = (N, E)>,
{
    let mut found = Vec::new();
    let mut seen: BTreeMap<N, Seen> = BTreeMap::new();
    for start in nodes {
        if seen.contains_key(&start) {
            continue;
        }
        seen.insert(start, Seen::OnPath);
        // The nodes on the path with their edges that are still to be followed, and the edges between them.
        let mut open: Vec<(N, I)> = vec![(start, edges(start))];
        let mut path: Vec<(N, E)> = Vec::new();
        while let Some((node, rest)) = open.last_mut() {
            let node = *node;
            let Some((next, label)) = rest.next() else {
                seen.insert(node, Seen::Done);
                open.pop();
                path.pop();
                continue;
            };
            path.push((node, label));
            match seen.get(&next) {
                None => {
                    seen.insert(next, Seen::OnPath);
                    open.push((next, edges(next)));
                    continue;
                }
                Some(Seen::OnPath) => {
                    let first = path.iter().position(|(node, _)| *node == next).unwrap_or(0);
                    found.push(path[first..].to_vec());
                }
                Some(Seen::Done) => {}
            }
            path.pop();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
        let nodes: std::collections::BTreeSet<u32> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let next = |node| edges.iter().filter(move |(from, _)| *from == node).map(|(_, to)| (*to, ()));
        cycles(nodes, next).into_iter().map(|cycle| cycle.into_iter().map(|(node, ())| node).collect()).collect()
    }

    #[test]
    fn each_cycle_is_found_once() {
        assert_eq!(of(&[(1, 2), (2, 3), (1, 3)]), Vec::<Vec<u32>>::new());
        assert_eq!(of(&[(1, 2), (2, 3), (3, 2), (3, 4), (5, 5), (4, 2)]), [vec![2, 3], vec![2, 3, 4], vec![5]]);
    }

    #[test]
    fn a_long_path_needs_no_stack() {
        let next = |node: u32| (node < 300_000).then_some((node + 1, ())).into_iter();
        assert_eq!(cycles([0], next), Vec::<Vec<(u32, ())>>::new());
    }
}
