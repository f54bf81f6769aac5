//! The loop on nodes that do what they are told, and write down what they are asked.

mod moving;
mod node;
mod recording;
mod stopping;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::{mpsc, watch};

use self::node::TestNode;
use super::*;
use crate::event::Outcome;
use crate::model::homelab::{Maintenance, NodeAddress};
use crate::model::{Addr, Kind, ProjectName};
use crate::plan::{Action, Downtime, GroupId, OnFailure, Operation, PlannedChange, Reason, Record, Step, StepId};
use crate::state::{LockOwner, Paths};

/// A homelab of test nodes with a state folder.
struct Bench {
    folder: tempfile::TempDir,
    nodes: BTreeMap<NodeName, Arc<TestNode>>,
    plan: Plan,
    options: Options,
}

/// All that an apply left behind.
struct Left {
    report: Report,
    events: Vec<Event>,
    state: state::State,
    files: String,
}

impl Bench {
    fn new(nodes: &[&str]) -> Self {
        let names = nodes.iter().map(|name| NodeName::new(*name).unwrap());
        let service = crate::model::view::RecordedService {
            node: NodeName::new(nodes[0]).unwrap(),
            relocating_to: None,
            project: ProjectName::new("shop").unwrap(),
            project_dir: "/p".into(),
            depends_on: BTreeSet::new(),
            lifecycle: Default::default(),
        };
        let declared = |name: &NodeName| homelab::Node {
            name: name.clone(),
            address: NodeAddress::Simulated,
            root: "/root".into(),
            labels: BTreeMap::new(),
            parallelism: 2,
            maintenance: Maintenance::Off,
            connect_timeout_ms: 10_000,
            undeclared: Default::default(),
            contact: Default::default(),
        };
        let options = Options {
            until: None,
            parallelism: 3,
            nodes: names.clone().map(|name| (name.clone(), declared(&name))).collect(),
            services: BTreeMap::from([(ServiceName::new("shop").unwrap(), service)]),
            secrets: vec!["hunter2".into()],
            digest: "sha256:1".into(),
            commit: None,
            holder: "ann@desk".to_owned(),
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            nodes: nodes.iter().map(|n| (NodeName::new(*n).unwrap(), Arc::new(TestNode::new(n)))).collect(),
            plan: Plan::default(),
            options,
        }
    }

    fn node(&self) -> &TestNode {
        self.nodes.values().next().unwrap()
    }

    fn paths(&self) -> Paths {
        Paths { folder: self.folder.path().join("state"), keys: self.folder.path().join("keys") }
    }

    /// Adds a step on the first node, after those given.
    fn step(&mut self, operation: Operation, after: &[usize]) -> &mut Step {
        let id = StepId(self.plan.steps.len());
        self.plan.steps.push(Step {
            id,
            node: self.nodes.keys().next().unwrap().clone(),
            service: ServiceName::new("shop").unwrap(),
            addr: None,
            phase: Phase::Deploy,
            operation,
            undo: None,
            group: None,
            verifies: BTreeSet::new(),
            after: after.iter().map(|i| StepId(*i)).collect(),
            behind: BTreeSet::new(),
            on_failure: OnFailure::Block,
        });
        &mut self.plan.steps[id.0]
    }

    fn change(&mut self, kind: Kind, name: &str, steps: &[usize], record: Record) -> &mut PlannedChange {
        let addr = Addr {
            node: self.nodes.keys().next().unwrap().clone(),
            service: ServiceName::new("shop").unwrap(),
            kind,
            name: name.to_owned(),
        };
        self.plan.changes.push(PlannedChange {
            addr,
            action: Action::Create,
            reasons: vec![Reason::New],
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps: steps.iter().map(|i| StepId(*i)).collect(),
            record,
        });
        self.plan.changes.last_mut().unwrap()
    }

    async fn apply(&self) -> Left {
        let (_, stop) = watch::channel(Interruption::No);
        self.apply_until(stop).await
    }

    async fn apply_until(&self, stop: watch::Receiver<Interruption>) -> Left {
        let (report, events) = self.try_apply(stop).await;
        let paths = self.paths();
        let state = state::read(&paths).unwrap();
        let mut files = String::new();
        for entry in std::fs::read_dir(&paths.folder).unwrap() {
            files += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
        }
        Left { report: report.unwrap(), events, state, files }
    }

    async fn try_apply(&self, stop: watch::Receiver<Interruption>) -> (Result<Report, Error>, Vec<Event>) {
        let claim =
            LockOwner { who: "ann".into(), host: "desk".into(), pid: 1, why: "apply".into(), since: state::now() };
        let mut store = Store::open(&self.paths(), claim).unwrap();
        let nodes = self.nodes.iter().map(|(n, node)| (n.clone(), Arc::clone(node) as Arc<dyn Node>)).collect();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let report = apply(&self.plan, &nodes, &mut store, &self.options, stop, sender).await;
        let mut events = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            events.push(event);
        }
        (report, events)
    }
}

fn start(name: &str) -> Operation {
    Operation::StartContainer { container: name.to_owned() }
}

fn stop(name: &str) -> Operation {
    Operation::StopContainer { container: name.to_owned() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// One step of a random plan.
#[derive(Clone, Debug)]
struct Random {
    node: usize,
    after: BTreeSet<usize>,
    group: Option<usize>,
    verifies: BTreeSet<usize>,
    undo: bool,
    fails: bool,
    undo_fails: bool,
    goes_on: bool,
    delay: u8,
}

fn random_plan() -> impl Strategy<Value = Vec<Random>> {
    let edges = (0..3usize, prop::collection::btree_set(any::<u16>(), 0..3));
    let groups = (prop::option::weighted(0.6, 0..4usize), prop::collection::btree_set(0..4usize, 0..2));
    let fate =
        (any::<bool>(), prop::bool::weighted(0.15), prop::bool::weighted(0.2), prop::bool::weighted(0.1), 0..3u8);
    let step = (edges, groups, fate).prop_map(|((node, after), (group, verifies), fate)| {
        let (undo, fails, undo_fails, goes_on, delay) = fate;
        let after = after.into_iter().map(usize::from).collect();
        Random { node, after, group, verifies, undo, fails, undo_fails, goes_on, delay }
    });
    prop::collection::vec(step, 1..24).prop_map(|mut steps| {
        for (i, step) in steps.iter_mut().enumerate() {
            step.after = step.after.iter().filter(|_| i > 0).map(|a| a % i.max(1)).collect();
        }
        steps
    })
}

fn bench_of(steps: &[Random]) -> Bench {
    let mut bench = Bench::new(&["a", "b", "c"]);
    for (i, random) in steps.iter().enumerate() {
        let after: Vec<usize> = random.after.iter().copied().collect();
        let (name, node) = (format!("s{i}"), bench.nodes.keys().nth(random.node).unwrap().clone());
        let step = bench.step(start(&name), &after);
        step.node = node.clone();
        step.group = random.group.map(GroupId);
        step.verifies = random.verifies.iter().map(|g| GroupId(*g)).collect();
        step.undo = random.undo.then(|| stop(&name));
        step.on_failure = if random.goes_on { OnFailure::Continue } else { OnFailure::Block };
        let mut world = bench.nodes[&node].world();
        world.delays.insert(format!("start {name}"), Duration::from_millis(random.delay.into()));
        if random.fails {
            world.fails.insert(format!("start {name}"));
        }
        if random.undo_fails {
            world.fails.insert(format!("stop {name}"));
        }
    }
    bench
}

/// The steps that a failure may hold back: what needs the failed step, the groups that fail with it or of which a step
/// is held back, and what needs those.
fn reach(steps: &[Random], failed: usize) -> BTreeSet<usize> {
    let groups: BTreeSet<usize> =
        steps[failed].group.into_iter().chain(steps[failed].verifies.iter().copied()).collect();
    let mut reach = BTreeSet::from([failed]);
    loop {
        let held: BTreeSet<usize> = reach.iter().filter(|i| **i != failed).filter_map(|i| steps[*i].group).collect();
        let falls = |step: &Random| step.group.is_some_and(|g| groups.contains(&g) || held.contains(&g));
        let before = reach.len();
        for (i, step) in steps.iter().enumerate() {
            if falls(step) || step.after.iter().any(|a| reach.contains(a)) {
                reach.insert(i);
            }
        }
        if reach.len() == before {
            return reach;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_plan_with_any_failures_is_taken_in_order(steps in random_plan()) {
        let bench = bench_of(&steps);
        let left = run(bench.apply());
        let outcome = |i: usize| &left.report.steps[&i];
        prop_assert_eq!(left.report.steps.len(), steps.len(), "each step has an outcome");

        // The events tell one order of all nodes: a step begins once all that it needs has ended well.
        let mut ended_well = BTreeSet::new();
        let (mut begun, mut under_way) = (BTreeSet::new(), BTreeSet::new());
        let mut order = Vec::new();
        for event in &left.events {
            match event {
                Event::Started { step } => {
                    under_way.insert(*step);
                    let on_node = under_way.iter().filter(|i| steps[**i].node == steps[*step].node).count();
                    prop_assert!(on_node <= 2 && under_way.len() <= 3, "two on a node, three in all");
                    prop_assert!(begun.insert(*step), "step {} began twice", step);
                    prop_assert!(steps[*step].after.is_subset(&ended_well), "step {} began too early", step);
                }
                Event::Finished { step, outcome, .. } => {
                    under_way.remove(step);
                    if matches!(outcome, Outcome::Done | Outcome::Warned { .. }) {
                        ended_well.insert(*step);
                        order.push(*step);
                    }
                }
                // A step that was taken back no longer counts as done.
                Event::Undoing { step } => drop(ended_well.remove(step)),
                _ => {}
            }
        }

        // Each outcome matches what happened. A skipped step names a failed step that it depends on.
        let failed: Vec<usize> = (0..steps.len()).filter(|i| matches!(outcome(*i), Outcome::Failed { .. })).collect();
        for (i, step) in steps.iter().enumerate() {
            let tried = begun.contains(&i);
            match outcome(i) {
                Outcome::Done => prop_assert!(tried && !step.fails),
                Outcome::Warned { .. } => prop_assert!(tried && step.fails && step.goes_on),
                Outcome::Failed { error, .. } => {
                    prop_assert!(tried && step.fails && !step.goes_on);
                    prop_assert!(!error.contains("hunter2"));
                }
                Outcome::Skipped { because } => {
                    let because = because.unwrap();
                    prop_assert!(!tried && failed.contains(&because));
                    prop_assert!(reach(&steps, because).contains(&i), "step {} because of {}", i, because);
                }
            }
        }

        // Exactly the done steps of groups that failed, or that could not be finished, are taken back, each once, in reverse order.
        let skipped = (0..steps.len()).filter(|i| matches!(outcome(*i), Outcome::Skipped { .. }));
        let fallen: BTreeSet<usize> = failed.iter()
            .flat_map(|f| steps[*f].group.into_iter().chain(steps[*f].verifies.iter().copied()))
            .chain(skipped.filter_map(|i| steps[i].group))
            .collect();
        let undone: Vec<usize> = left.events.iter().filter_map(|e| match e {
            Event::Undoing { step } => Some(*step),
            _ => None,
        }).collect();
        let expected: BTreeSet<usize> = (0..steps.len())
            .filter(|i| *outcome(*i) == Outcome::Done && steps[*i].undo && steps[*i].group.is_some_and(|g| fallen.contains(&g)))
            .collect();
        prop_assert_eq!(undone.len(), expected.len());
        prop_assert_eq!(undone.iter().copied().collect::<BTreeSet<_>>(), expected);
        for group in &fallen {
            let place = |i: &usize| order.iter().position(|o| o == i);
            let own: Vec<_> = undone.iter().filter(|i| steps[**i].group == Some(*group)).map(place).collect();
            prop_assert!(own.is_sorted_by(|a, b| a > b), "group {} is taken back last first", group);
        }
        for (step, error) in &left.report.undone {
            prop_assert_eq!(error.is_some(), steps[*step].undo_fails);
        }
        prop_assert_eq!(left.state.view.interrupted, vec![]);
    }
}
