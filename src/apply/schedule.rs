//! When a step may begin, what a failure holds back, and what it takes back. Pure bookkeeping: it
//! makes no calls and knows no time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::leaving::{Departure, Leaving};
use crate::model::NodeName;
use crate::plan::{GroupId, Operation, Phase, Plan, PlannedChange, Scheduling, Step, StepId, cycle};

/// How many calls may be under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// In all.
    pub(super) overall: usize,
    /// On each node; on one that is not here, [`PER_NODE`].
    pub(super) nodes: BTreeMap<NodeName, usize>,
}

/// Calls under way on one node, where nobody says otherwise.
const PER_NODE: usize = 4;

/// Something to begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// The step's call.
    Do(StepId),
    /// The call that takes the step back.
    Undo(StepId),
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not begun.
    Waiting,
    /// Its call is under way.
    Running,
    /// Done as planned.
    Done,
    /// It failed, and the plan lets others go on.
    Warned,
    /// It failed.
    Failed,
    /// It is not tried: because of a failed step, or because the user wants to stop.
    Skipped(Option<StepId>),
    /// It is not asked for this time.
    OutOfScope,
}

/// The state of all steps of a plan.
#[derive(Debug)]
pub(super) struct Schedule<'p> {
    steps: &'p [Step],
    limits: Limits,
    states: Vec<State>,
    /// The other direction of `after`.
    dependents: Vec<Vec<StepId>>,
    /// The other direction of `behind`.
    next_in_line: Vec<Vec<StepId>>,
    /// How many of its `after` are not done yet, and of its `behind` not ended.
    missing: Vec<usize>,
    /// Waiting for nothing but a free slot.
    ready: BTreeSet<StepId>,
    running: BTreeSet<StepId>,
    /// Calls under way that take a slot, by node and in all.
    slots: BTreeMap<&'p NodeName, usize>,
    used: usize,
    /// In the order in which they ended.
    done: Vec<StepId>,
    failed_groups: BTreeSet<GroupId>,
    /// Groups that failed and still have steps under way; taken back as soon as those have ended.
    to_take_back: Vec<BTreeSet<GroupId>>,
    /// The steps to take back, one queue per failure. The first step of each queue is running or starts next.
    undo: Vec<VecDeque<StepId>>,
    undoing: BTreeSet<StepId>,
    taken_back: BTreeSet<StepId>,
    leaving: Leaving,
}

impl<'p> Schedule<'p> {
    /// The schedule of all steps, or of those up to the phase `until`.
    ///
    /// # Panics
    /// If steps wait for one another in a circle, which is a bug of the plan.
    pub(super) fn new(steps: &'p [Step], until: Option<Phase>, limits: Limits) -> Self {
        let cycle = cycle(steps);
        assert!(cycle.is_none(), "steps wait for one another in a circle: {cycle:?}. This is a bug in hl");
        let mut dependents = vec![Vec::new(); steps.len()];
        let mut next_in_line = vec![Vec::new(); steps.len()];
        for step in steps {
            for before in &step.after {
                dependents[before.0].push(step.id);
            }
            for before in &step.behind {
                next_in_line[before.0].push(step.id);
            }
        }
        let mut schedule = Self {
            steps,
            limits,
            states: vec![State::Waiting; steps.len()],
            dependents,
            next_in_line,
            missing: steps.iter().map(|s| s.after.len() + s.behind.len()).collect(),
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            slots: BTreeMap::new(),
            used: 0,
            done: Vec::new(),
            failed_groups: BTreeSet::new(),
            to_take_back: Vec::new(),
            undo: Vec::new(),
            undoing: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            leaving: Leaving::of(steps),
        };
        let late: Vec<StepId> = steps.iter().filter(|s| until.is_some_and(|u| s.phase > u)).map(|s| s.id).collect();
        schedule.mark_waiting(late, State::OutOfScope);
        let free = steps.iter().map(|s| s.id).filter(|s| schedule.is_free(*s));
        schedule.ready = free.collect();
        schedule
    }

    /// Whether the container of an operation of `node` goes in the same plan.
    pub(super) fn departure(&self, node: &NodeName, operation: &Operation) -> Departure {
        self.leaving.departure(node, operation)
    }

    fn is_free(&self, step: StepId) -> bool {
        self.states[step.0] == State::Waiting && self.missing[step.0] == 0
    }

    /// The work that can begin now; from here on it counts as running. Steps to take back come first and need no
    /// slot, because services may be down until they are taken back.
    pub(super) fn take(&mut self) -> Vec<Work> {
        let mut work = self.take_undo();
        let ready: Vec<StepId> = self.ready.iter().copied().collect();
        for id in ready {
            let step = &self.steps[id.0];
            // A waiting step takes no slot: the condition that it waits for may depend on other steps.
            if step.operation.describe().scheduling != Scheduling::Waiting {
                let node = self.limits.nodes.get(&step.node).copied().unwrap_or(PER_NODE).max(1);
                let used = self.slots.get(&step.node).copied().unwrap_or(0);
                if used >= node || self.used >= self.limits.overall.max(1) {
                    continue;
                }
                self.slots.insert(&step.node, used + 1);
                self.used += 1;
            }
            self.ready.remove(&id);
            self.running.insert(id);
            self.states[id.0] = State::Running;
            work.push(Work::Do(id));
        }
        work
    }

    fn take_undo(&mut self) -> Vec<Work> {
        let blocked = |groups: &BTreeSet<GroupId>, s: &Self| {
            s.running.iter().any(|r| s.steps[r.0].group.is_some_and(|g| groups.contains(&g)))
        };
        let (later, now): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.to_take_back).into_iter().partition(|groups| blocked(groups, self));
        self.to_take_back = later;
        for groups in now {
            let own = |id: &&StepId| {
                let step = &self.steps[id.0];
                step.undo.is_some() && step.group.is_some_and(|g| groups.contains(&g)) && !self.taken_back.contains(id)
            };
            let queue: VecDeque<StepId> = self.done.iter().rev().filter(own).copied().collect();
            self.taken_back.extend(&queue);
            self.undo.push(queue);
        }
        self.undo.retain(|queue| !queue.is_empty());
        let fronts: Vec<StepId> = self.undo.iter().filter_map(|queue| queue.front().copied()).collect();
        fronts.into_iter().filter(|step| self.undoing.insert(*step)).map(Work::Undo).collect()
    }

    /// A step's call ended as planned.
    pub(super) fn done(&mut self, step: StepId) {
        self.end(step, State::Done);
        self.done.push(step);
        self.release(step);
    }

    /// A step's call failed, which the plan takes for a warning.
    pub(super) fn warned(&mut self, step: StepId) {
        self.end(step, State::Warned);
        self.release(step);
    }

    /// Handles a failed call of a step. Returns the steps that are therefore skipped.
    ///
    /// The skipped steps are: the steps that depend on it, directly or indirectly; the rest of the groups that fail
    /// with it; and the steps that depend on a step of those groups, since those groups are taken back. A group of which a
    /// step is skipped fails too: it would be left half done.
    pub(super) fn failed(&mut self, step: StepId) -> Vec<StepId> {
        self.end(step, State::Failed);
        let own = &self.steps[step.0];
        let mut falling: BTreeSet<GroupId> = own.group.into_iter().chain(own.verifies.iter().copied()).collect();
        let (mut roots, mut skipped, mut groups) = (vec![step], BTreeSet::new(), BTreeSet::new());
        loop {
            falling.retain(|group| self.failed_groups.insert(*group));
            let fallen: Vec<StepId> =
                self.steps.iter().filter(|s| s.group.is_some_and(|g| falling.contains(&g))).map(|s| s.id).collect();
            groups.append(&mut falling);
            roots.extend(&fallen);
            let next = roots.iter().flat_map(|r| self.dependents[r.0].iter().copied());
            let next: Vec<StepId> = fallen.iter().copied().chain(next).collect();
            let marked = self.mark_waiting(next, State::Skipped(Some(step)));
            falling = marked.iter().filter_map(|id| self.steps[id.0].group).collect();
            skipped.extend(marked);
            falling.retain(|group| !self.failed_groups.contains(group));
            if falling.is_empty() {
                break;
            }
        }
        if !groups.is_empty() {
            self.to_take_back.push(groups);
        }
        skipped.into_iter().collect()
    }

    /// A call that takes a step back ended, well or not.
    pub(super) fn undone(&mut self, step: StepId) {
        self.undoing.remove(&step);
        for queue in &mut self.undo {
            if queue.front() == Some(&step) {
                queue.pop_front();
            }
        }
        self.undo.retain(|queue| !queue.is_empty());
    }

    /// The user wants to stop: what has begun is brought to an end, and nothing else begins. Begun is
    /// also a group of which a step was begun, with all that it needs: a container that is stopped to
    /// be replaced is not left like that. Gives the steps that are not tried.
    pub(super) fn interrupt(&mut self) -> Vec<StepId> {
        let begun = |state: State| matches!(state, State::Running | State::Done | State::Warned);
        let of_begun_groups: BTreeSet<GroupId> =
            self.steps.iter().filter(|s| begun(self.states[s.id.0])).filter_map(|s| s.group).collect();
        let mut kept: BTreeSet<StepId> = BTreeSet::new();
        let mut groups: VecDeque<GroupId> = of_begun_groups.iter().copied().collect();
        let mut seen = of_begun_groups;
        while let Some(group) = groups.pop_front() {
            let mut needed: Vec<StepId> = self.steps.iter().filter(|s| s.group == Some(group)).map(|s| s.id).collect();
            while let Some(id) = needed.pop() {
                if self.states[id.0] == State::Waiting && kept.insert(id) {
                    needed.extend(&self.steps[id.0].after);
                    groups.extend(self.steps[id.0].group.filter(|g| seen.insert(*g)));
                }
            }
        }
        let waiting = self.steps.iter().map(|s| s.id).filter(|s| self.states[s.0] == State::Waiting);
        let left: Vec<StepId> = waiting.filter(|s| !kept.contains(s)).collect();
        for step in &left {
            self.states[step.0] = State::Skipped(None);
            self.ready.remove(step);
        }
        left.iter().for_each(|step| self.give_turn(*step));
        left
    }

    /// The user wants to stop at once: nothing is under way any more, and nothing will be. Gives the
    /// steps that were, and those that are not tried.
    pub(super) fn stop(&mut self) -> (Vec<StepId>, Vec<StepId>) {
        let running: Vec<StepId> = std::mem::take(&mut self.running).into_iter().collect();
        for step in &running {
            self.states[step.0] = State::Failed;
        }
        let waiting: Vec<StepId> =
            self.steps.iter().map(|s| s.id).filter(|s| self.states[s.0] == State::Waiting).collect();
        for step in &waiting {
            self.states[step.0] = State::Skipped(None);
        }
        self.ready.clear();
        self.to_take_back.clear();
        self.undo.clear();
        (running, waiting)
    }

    /// Whether nothing is under way and nothing can begin.
    pub(super) fn is_over(&self) -> bool {
        self.running.is_empty() && self.ready.is_empty() && self.to_take_back.is_empty() && self.undo.is_empty()
    }

    /// Whether all steps of a change are done and none of them is taken back.
    pub(super) fn is_made(&self, change: &PlannedChange) -> bool {
        change.steps.iter().all(|s| {
            matches!(self.states[s.0], State::Done | State::Warned)
                && self.steps[s.0].group.is_none_or(|g| !self.failed_groups.contains(&g))
        })
    }

    /// Where a step is.
    pub(super) fn state(&self, step: StepId) -> State {
        self.states[step.0]
    }

    fn end(&mut self, step: StepId, state: State) {
        assert!(self.running.remove(&step), "only a step that runs can end. This is a bug in hl");
        self.states[step.0] = state;
        let step = &self.steps[step.0];
        if step.operation.describe().scheduling != Scheduling::Waiting
            && let Some(used) = self.slots.get_mut(&step.node)
        {
            *used -= 1;
            self.used -= 1;
        }
        self.give_turn(step.id);
    }

    /// Lets the dependents of a step need it no more.
    fn release(&mut self, step: StepId) {
        for i in 0..self.dependents[step.0].len() {
            self.needs_one_less(self.dependents[step.0][i]);
        }
    }

    /// Gives the steps that only stand behind a step their turn.
    fn give_turn(&mut self, step: StepId) {
        for i in 0..self.next_in_line[step.0].len() {
            self.needs_one_less(self.next_in_line[step.0][i]);
        }
    }

    fn needs_one_less(&mut self, step: StepId) {
        self.missing[step.0] -= 1;
        if self.is_free(step) {
            self.ready.insert(step);
        }
    }

    /// Marks those of the steps that wait, and all that wait for them, and gives them in order.
    fn mark_waiting(&mut self, steps: Vec<StepId>, state: State) -> Vec<StepId> {
        let mut marked = BTreeSet::new();
        let mut next = steps;
        while let Some(id) = next.pop() {
            if self.states[id.0] == State::Waiting {
                self.states[id.0] = state;
                self.ready.remove(&id);
                marked.insert(id);
                next.extend(&self.dependents[id.0]);
            }
        }
        marked.iter().for_each(|step| self.give_turn(*step));
        marked.into_iter().collect()
    }
}

/// Knows when a change is made for good: when all its steps have ended, and all that could still take
/// one of them back.
#[derive(Debug)]
pub(super) struct CommitTracker {
    /// Step → the changes that it keeps open.
    changes: Vec<Vec<usize>>,
    /// Change → how many steps keep it open.
    open: Vec<usize>,
}

impl CommitTracker {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut guards: BTreeMap<GroupId, BTreeSet<StepId>> = BTreeMap::new();
        for step in &plan.steps {
            for group in step.group.iter().chain(&step.verifies) {
                guards.entry(*group).or_default().insert(step.id);
            }
        }
        let mut changes = vec![Vec::new(); plan.steps.len()];
        let mut open = Vec::new();
        for (index, change) in plan.changes.iter().enumerate() {
            let groups = change.steps.iter().filter_map(|s| plan.steps[s.0].group);
            let guards = groups.filter_map(|g| guards.get(&g)).flatten();
            let watched: BTreeSet<&StepId> = change.steps.iter().chain(guards).collect();
            open.push(watched.len());
            watched.iter().for_each(|s| changes[s.0].push(index));
        }
        Self { changes, open }
    }

    /// Changes that need no step.
    pub(super) fn at_once(&self) -> Vec<usize> {
        (0..self.open.len()).filter(|change| self.open[*change] == 0).collect()
    }

    /// A step ended in any way. Gives the changes that nothing keeps open any more.
    pub(super) fn ended(&mut self, step: StepId) -> Vec<usize> {
        let mut settled = Vec::new();
        for change in std::mem::take(&mut self.changes[step.0]) {
            self.open[change] -= 1;
            if self.open[change] == 0 {
                settled.push(change);
            }
        }
        settled
    }
}
