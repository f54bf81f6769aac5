//! The graph of steps. It alone numbers steps, makes groups and draws edges: a step is whole when it is added.
//!
//! A point that others wait for has a name, a [`Milestone`].

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::{astar, has_path_connecting, toposort};
use petgraph::graphmap::DiGraphMap;

use super::operation::Operation;
use super::step::{GroupId, OnFailure, Phase, Step, StepId};
use crate::model::homelab::Service;
use crate::model::{Addr, NodeName, ServiceName};

/// Something that a step reaches and that others wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Milestone {
    /// An image, by its full reference, is on a node.
    Image(NodeName, String),
    /// A network, by its real name, is on a node.
    Network(NodeName, String),
}

/// The steps of a plan while it is made.
#[derive(Debug, Default)]
pub(super) struct StepGraph {
    steps: Vec<Step>,
    /// An edge from each step to those that come after it.
    edges: DiGraphMap<usize, ()>,
    groups: usize,
    /// Steps that prove a group, and steps that remove what it leaves behind.
    proofs: BTreeMap<GroupId, Vec<StepId>>,
    removals: BTreeMap<GroupId, Vec<StepId>>,
    reached: BTreeMap<Milestone, StepId>,
}

impl StepGraph {
    /// A new group of steps that stand or fall together.
    pub(super) fn new_group(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups - 1)
    }

    /// A step of a service on its node.
    pub(super) fn step(&mut self, service: &Service, phase: Phase, operation: Operation) -> NewStep<'_> {
        self.step_on(&service.node, &service.name, phase, operation)
    }

    /// A step of a service on a node that is not its own, or of a service that is not declared.
    pub(super) fn step_on(
        &mut self,
        node: &NodeName,
        service: &ServiceName,
        phase: Phase,
        operation: Operation,
    ) -> NewStep<'_> {
        let step = Step {
            id: StepId(self.steps.len()),
            node: node.clone(),
            service: service.clone(),
            addr: None,
            phase,
            operation,
            undo: None,
            group: None,
            verifies: BTreeSet::new(),
            after: BTreeSet::new(),
            behind: BTreeSet::new(),
            on_failure: OnFailure::Block,
        };
        NewStep { graph: self, step }
    }

    /// The steps so far, in the order of their ids.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A step by its id.
    pub(super) fn get(&self, id: StepId) -> &Step {
        &self.steps[id.0]
    }

    /// Tells that a step proves a group: what the group leaves behind stays until then.
    pub(super) fn proves(&mut self, group: GroupId, step: StepId) {
        self.proofs.entry(group).or_default().push(step);
    }

    /// Tells that a step removes what a group leaves behind.
    pub(super) fn removes(&mut self, group: GroupId, step: StepId) {
        self.removals.entry(group).or_default().push(step);
    }

    /// Lets what a group leaves behind stay until all of it is proven.
    pub(super) fn keep_until_proven(&mut self) {
        for (group, removals) in std::mem::take(&mut self.removals) {
            for proof in self.proofs.get(&group).cloned().unwrap_or_default() {
                for removal in &removals {
                    self.connect_unless_cyclic(proof, *removal);
                }
            }
        }
    }

    /// Tells that a milestone is reached when a step is done. Of two steps that reach the same one the later counts.
    pub(super) fn reach(&mut self, milestone: Milestone, step: StepId) {
        self.reached.insert(milestone, step);
    }

    /// The step that reaches a milestone, if it is planned already.
    pub(super) fn reached(&self, milestone: &Milestone) -> Option<StepId> {
        self.reached.get(milestone).copied()
    }

    /// Lets a step wait for another one, unless that would close a cycle; whether it does.
    pub(super) fn connect_unless_cyclic(&mut self, before: StepId, after: StepId) -> bool {
        let is_free = !self.leads(after, before);
        if is_free {
            self.connect(before, after);
        }
        is_free
    }

    /// Lets a step have its turn after another one, however that ends, unless that would close a cycle; whether it does.
    pub(super) fn line_up(&mut self, before: StepId, after: StepId) -> bool {
        let is_free = !self.leads(after, before);
        if is_free {
            self.edges.add_edge(before.0, after.0, ());
            self.steps[after.0].behind.insert(before);
        }
        is_free
    }

    /// Whether a step is done before another one, or is that one.
    pub(super) fn leads(&self, before: StepId, after: StepId) -> bool {
        has_path_connecting(&self.edges, before.0, after.0, None)
    }

    /// Lets steps wait for nothing any more that needs `taker`, so that they can be done before that. What comes after
    /// them waits for it instead, so that nothing else loses its order. A step that fails meanwhile takes the groups of
    /// those that were brought forward back: their work is not done for nothing.
    pub(super) fn bring_forward(&mut self, steps: &BTreeSet<StepId>, taker: StepId) {
        let groups: BTreeSet<GroupId> = steps.iter().filter_map(|step| self.steps[step.0].group).collect();
        let between = |id: &StepId| self.leads(taker, *id) && steps.iter().any(|step| self.leads(*id, *step));
        let between: BTreeSet<StepId> = self.steps.iter().map(|s| s.id).filter(between).collect();
        let followers: BTreeSet<StepId> =
            steps.iter().flat_map(|step| self.edges.neighbors(step.0)).map(StepId).collect();
        for step in steps {
            let mut open: Vec<StepId> = self.steps[step.0].after.intersection(&between).copied().collect();
            open.retain(|before| !steps.contains(before));
            for before in &open {
                self.edges.remove_edge(before.0, step.0);
                self.steps[step.0].after.remove(before);
                followers.difference(steps).for_each(|after| self.connect(*before, *after));
            }
            let mut seen = BTreeSet::new();
            while let Some(before) = open.pop().filter(|before| seen.insert(*before)) {
                let (needs_taker, free): (Vec<_>, Vec<_>) =
                    self.steps[before.0].after.iter().partition(|id| self.leads(taker, **id));
                open.extend(needs_taker);
                free.into_iter().for_each(|before: StepId| self.connect(before, *step));
            }
        }
        for id in between.difference(steps) {
            self.steps[id.0].verifies.extend(&groups);
        }
    }

    /// The steps.
    ///
    /// # Panics
    /// If they wait for one another in a cycle, which is a bug of the planner.
    pub(super) fn finish(self) -> Vec<Step> {
        if let Some(path) = cycle_of(&self.edges) {
            panic!("the plan goes in a circle: {path:?}");
        }
        self.steps
    }

    fn connect(&mut self, before: StepId, after: StepId) {
        self.edges.add_edge(before.0, after.0, ());
        self.steps[after.0].after.insert(before);
    }
}

/// A step that is not part of the graph yet.
#[must_use = "a step is part of the plan only when it is added"]
pub(super) struct NewStep<'g> {
    graph: &'g mut StepGraph,
    step: Step,
}

impl NewStep<'_> {
    /// The resource that it is about.
    pub(super) fn about(mut self, addr: &Addr) -> Self {
        self.step.addr = Some(addr.clone());
        self
    }

    /// Steps that must be done before.
    pub(super) fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        self.step.after.extend(steps);
        self
    }

    /// The group that it belongs to, if any, and what takes it back when a step of that group fails.
    pub(super) fn in_group(mut self, group: Option<GroupId>, undo: Option<Operation>) -> Self {
        self.step.undo = undo.filter(|_| group.is_some());
        self.step.group = group;
        self
    }

    /// Groups that are taken back if it fails.
    pub(super) fn verifies(mut self, groups: impl IntoIterator<Item = GroupId>) -> Self {
        self.step.verifies.extend(groups);
        self
    }

    /// Whether its failure holds back what comes after it.
    pub(super) fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.step.on_failure = on_failure;
        self
    }

    /// Adds it to the graph.
    pub(super) fn add(self) -> StepId {
        let Self { graph, step } = self;
        let id = step.id;
        graph.edges.add_node(id.0);
        for before in &step.after {
            graph.edges.add_edge(before.0, id.0, ());
        }
        graph.steps.push(step);
        id
    }
}

/// Steps that wait for one another, each for the one before it, if there are any. A plan with a cycle is a bug in hl.
pub fn cycle(steps: &[Step]) -> Option<Vec<StepId>> {
    let mut edges = DiGraphMap::new();
    for step in steps {
        edges.add_node(step.id.0);
        for before in step.after.iter().chain(&step.behind) {
            edges.add_edge(before.0, step.id.0, ());
        }
    }
    cycle_of(&edges)
}

fn cycle_of(edges: &DiGraphMap<usize, ()>) -> Option<Vec<StepId>> {
    let member = toposort(edges, None).err()?.node_id();
    // The shortest way from a successor of the member back to it.
    let ways = edges.neighbors(member).filter_map(|next| astar(edges, next, |at| at == member, |_| 1, |_| 0));
    let (_, path) = ways.min_by_key(|(length, _)| *length)?;
    Some(path.into_iter().map(StepId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation() -> Operation {
        Operation::RemoveFolder { path: "/x".to_owned() }
    }

    fn add(graph: &mut StepGraph, after: &[StepId]) -> StepId {
        let (node, service) = (NodeName::new("nas").unwrap(), ServiceName::new("shop").unwrap());
        graph.step_on(&node, &service, Phase::Clean, operation()).after(after.iter().copied()).add()
    }

    #[test]
    fn an_edge_that_would_close_a_cycle_is_left_out() {
        let mut graph = StepGraph::default();
        let first = add(&mut graph, &[]);
        let second = add(&mut graph, &[first]);
        let third = add(&mut graph, &[second]);
        assert!(!graph.connect_unless_cyclic(third, first));
        assert!(!graph.connect_unless_cyclic(first, first));
        assert!(graph.connect_unless_cyclic(first, third));
        let steps = graph.finish();
        assert!(steps[first.0].after.is_empty());
        assert_eq!(steps[third.0].after, BTreeSet::from([first, second]));
    }

    #[test]
    fn a_step_that_is_brought_forward_leaves_its_order_to_those_after_it() {
        let mut graph = StepGraph::default();
        let (taker, image) = (add(&mut graph, &[]), add(&mut graph, &[]));
        let proof = add(&mut graph, &[taker]);
        let fresh = add(&mut graph, &[proof, image]);
        let stop = add(&mut graph, &[fresh]);
        let remove = add(&mut graph, &[stop]);
        let last = add(&mut graph, &[remove]);
        graph.bring_forward(&BTreeSet::from([stop, remove]), taker);
        assert!(graph.connect_unless_cyclic(remove, taker));
        let steps = graph.finish();
        assert_eq!(steps[stop.0].after, BTreeSet::from([image]));
        assert_eq!(steps[remove.0].after, BTreeSet::from([stop]));
        assert_eq!(steps[last.0].after, BTreeSet::from([fresh, remove]));
    }

    #[test]
    fn a_cycle_is_told_by_its_path() {
        let mut graph = StepGraph::default();
        let first = add(&mut graph, &[]);
        let second = add(&mut graph, &[first]);
        let third = add(&mut graph, &[second]);
        add(&mut graph, &[third]);
        let mut steps = graph.steps().to_vec();
        assert_eq!(cycle(&steps), None);
        steps[first.0].after.insert(third);
        let mut path = cycle(&steps).unwrap();
        let length = path.len();
        path.dedup();
        path.sort_unstable();
        assert_eq!((path, length), (vec![first, second, third], 3));
    }
}
