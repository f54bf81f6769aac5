//! The loop. It alone owns the state, the schedule and the events; tasks make the calls and send
//! messages. While it waits for the disk, what ends meanwhile gathers, so that many steps that begin
//! at once cost one wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::event::{Event, Interruption, Outcome, Report};
use crate::model::view::{LiveNode, RecordedService};
use crate::model::{Addr, BegunOperation, NodeName, Purpose, ServiceName};
use crate::node::{Node, NodeError};
use crate::plan::operation::Effect;
use crate::plan::{OnFailure, Operation, Phase, Plan, Record, Step, StepId};
use crate::state::{self, Intent, Store, Ticket};

use super::Options;
use super::call::{Context, Failure, Made, perform};
use super::locks::Locks;
use super::read_back::{Batch, ReadBack, When};
use super::record;
use super::redact::Redactor;
use super::schedule::{CommitTracker, Limits, Schedule, State, Work};

/// The inputs of the loop.
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan,
    pub(super) nodes: &'a BTreeMap<NodeName, Arc<dyn Node>>,
    /// The locks of the nodes, and the nodes that nothing can be done on.
    pub(super) locks: &'a Locks,
    pub(super) store: &'a mut Store,
    pub(super) options: &'a Options,
    pub(super) events: UnboundedSender<Event>,
}

/// Takes the steps of a plan. The second answer is the first thing that went wrong with the state.
pub(super) async fn run(job: Job<'_>, mut stop: watch::Receiver<Interruption>) -> (Report, Option<state::Error>) {
    let mut run = Run::new(job);
    run.record_what_needs_no_step();
    let mut listening = true;
    loop {
        run.begin();
        run.read_back();
        if run.is_over() {
            break;
        }
        let next_read = run.queue.next();
        tokio::select! {
            Some(message) = run.receiver.recv() => run.take(message),
            Some(ended) = run.tasks.join_next() => if let Err(error) = ended {
                assert!(!error.is_panic(), "the task of a step panicked: {error}");
            },
            changed = stop.changed(), if listening => match changed {
                Ok(()) => {
                    let wish = *stop.borrow_and_update();
                    if run.interrupt(wish).await == Interruption::Stopped {
                        break;
                    }
                }
                // Nobody is left who could interrupt.
                Err(_) => listening = false,
            },
            () = sleep_until(next_read.unwrap_or_else(Instant::now)), if next_read.is_some() => {}
        }
    }
    run.finish()
}

/// A message from a task to the loop.
enum Message {
    /// A running step tells how far it is.
    Progress { step: StepId, text: String, bytes: Option<(u64, u64)> },
    /// A step's call ended.
    Ended { step: StepId, result: Result<Made, Failure> },
    /// A call that takes a step back ended.
    Undone { step: StepId, result: Result<Made, Failure> },
    /// A node was read back.
    Read { batch: Batch, result: Box<Result<LiveNode, NodeError>>, took: Duration },
}

/// A call under way.
struct Running {
    ticket: Option<Ticket>,
    since: Instant,
}

/// An apply under way.
struct Run<'a> {
    job: Job<'a>,
    schedule: Schedule<'a>,
    commits: CommitTracker,
    redactor: Redactor,
    tasks: JoinSet<()>,
    sender: UnboundedSender<Message>,
    receiver: UnboundedReceiver<Message>,
    running: BTreeMap<StepId, Running>,
    undoing: BTreeMap<StepId, Running>,
    /// The variables of each service's env file, as far as this apply wrote them.
    values: BTreeMap<(NodeName, ServiceName), BTreeMap<String, String>>,
    queue: ReadBack,
    report: Report,
    trouble: Option<state::Error>,
}

impl<'a> Run<'a> {
    fn new(job: Job<'a>) -> Self {
        let (sender, receiver) = unbounded_channel();
        let options = job.options;
        let limits = Limits {
            overall: options.parallelism,
            nodes: options.nodes.iter().map(|(name, node)| (name.clone(), node.parallelism)).collect(),
        };
        Self {
            schedule: Schedule::new(&job.plan.steps, options.until, limits),
            commits: CommitTracker::new(job.plan),
            redactor: Redactor::of(job.plan, &options.secrets),
            tasks: JoinSet::new(),
            sender,
            receiver,
            running: BTreeMap::new(),
            undoing: BTreeMap::new(),
            values: BTreeMap::new(),
            queue: ReadBack::default(),
            report: Report::default(),
            trouble: None,
            job,
        }
    }

    fn is_over(&self) -> bool {
        self.schedule.is_over() && self.queue.is_idle()
    }

    /// Begins all that can begin. The intents of all of it are on the disk, with one wait, before
    /// the first call is made.
    fn begin(&mut self) {
        loop {
            let work = self.schedule.take();
            if work.is_empty() {
                return;
            }
            let (acts, waits): (Vec<Work>, Vec<Work>) =
                work.into_iter().partition(|w| self.operation(*w).describe().effect == Effect::Changes);
            for work in waits {
                self.spawn(work, None);
            }
            let intents = acts.iter().map(|work| self.intent(*work)).collect();
            let moved = self.moved(&acts);
            match self.job.store.complete_moves(moved).and_then(|()| self.job.store.begin(intents)) {
                Ok(tickets) => acts.into_iter().zip(tickets).for_each(|(work, ticket)| self.spawn(work, Some(ticket))),
                Err(error) => self.refuse(acts, error),
            }
        }
    }

    /// The services whose old node these steps begin to clear: all that they have is proven to work on the new one.
    fn moved(&self, acts: &[Work]) -> BTreeMap<ServiceName, RecordedService> {
        let recorded = &self.job.store.state().view.services;
        let steps = acts.iter().filter_map(|work| match work {
            Work::Do(id) => Some(self.step(*id)),
            Work::Undo(_) => None,
        });
        let moved = steps.filter(|step| step.phase == Phase::Clean).filter_map(|step| {
            let (known, declared) = (recorded.get(&step.service)?, self.job.options.services.get(&step.service)?);
            let leaves = known.node == step.node && declared.node != step.node;
            leaves.then(|| (step.service.clone(), declared.clone()))
        });
        moved.collect()
    }

    /// Without a journal no call is made, but for what takes a step back: something is down meanwhile.
    fn refuse(&mut self, acts: Vec<Work>, error: state::Error) {
        for work in acts {
            match work {
                Work::Undo(_) => self.spawn(work, None),
                Work::Do(step) => {
                    self.running.insert(step, Running { ticket: None, since: Instant::now() });
                    self.emit(Event::Started { step: step.0 });
                    self.ended(step, Err(Failure { error: error.to_string(), log: Vec::new() }));
                }
            }
        }
        self.trouble.get_or_insert(error);
    }

    fn step(&self, step: StepId) -> &'a Step {
        &self.job.plan.steps[step.0]
    }

    /// The subject of a step: a resource, or a whole service.
    fn place(&self, step: StepId) -> String {
        let Step { node, service, addr, .. } = self.step(step);
        addr.as_ref().map_or_else(|| format!("{node}/{service}"), Addr::to_string)
    }

    fn operation(&self, work: Work) -> &'a Operation {
        match work {
            Work::Do(step) => &self.step(step).operation,
            Work::Undo(step) => self.step(step).undo.as_ref().expect("only what has an undo is taken back"),
        }
    }

    fn intent(&self, work: Work) -> Intent {
        let (id, purpose) = match work {
            Work::Do(id) => (id, Purpose::Step),
            Work::Undo(id) => (id, Purpose::Undo),
        };
        let row = self.operation(work).describe();
        let ids = row.names.iter().map(|(role, name)| (role.as_str().to_owned(), (*name).to_owned())).collect();
        let step = self.step(id);
        Intent {
            step: id.0,
            node: step.node.clone(),
            service: step.service.clone(),
            addr: step.addr.clone(),
            operation: BegunOperation::Kind { kind: row.kind.to_owned(), ids, purpose },
            at: state::now(),
        }
    }

    /// Makes a call in a task of its own.
    fn spawn(&mut self, work: Work, ticket: Option<Ticket>) {
        let running = Running { ticket, since: Instant::now() };
        let id = match work {
            Work::Do(id) => {
                self.running.insert(id, running);
                self.emit(Event::Started { step: id.0 });
                id
            }
            Work::Undo(id) => {
                self.undoing.insert(id, running);
                self.emit(Event::Undoing { step: id.0 });
                id
            }
        };
        let end = move |result| match work {
            Work::Do(step) => Message::Ended { step, result },
            Work::Undo(step) => Message::Undone { step, result },
        };
        let step = self.step(id);
        // Nobody listens any more once the user has stopped everything, so a failed send is no failure.
        let sender = self.sender.clone();
        let node = match (self.job.locks.broken.get(&step.node), self.job.nodes.get(&step.node)) {
            (None, Some(node)) => Arc::clone(node),
            (Some(why), _) => {
                let _ = sender.send(end(Err(Failure { error: why.clone(), log: Vec::new() })));
                return;
            }
            (None, None) => {
                let error = format!("{}: hl is not connected to it", step.node);
                let _ = sender.send(end(Err(Failure { error, log: Vec::new() })));
                return;
            }
        };
        let operation = self.operation(work).clone();
        let values = self.values.get(&(step.node.clone(), step.service.clone())).cloned().unwrap_or_default();
        let departure = self.schedule.departure(&step.node, &operation);
        let lost = self.job.locks.lost(&step.node);
        // Only what is copied from one node to another needs more than its own.
        let nodes = match operation.describe().other_node {
            Some(_) => self.job.nodes.clone(),
            None => BTreeMap::new(),
        };
        self.tasks.spawn(async move {
            let say = |text, bytes| drop(sender.send(Message::Progress { step: id, text, bytes }));
            let context = Context { values: &values, nodes: &nodes, departure, say: &say };
            let result = tokio::select! {
                result = perform(node.as_ref(), &operation, &context) => result,
                error = lost => Err(Failure { error, log: Vec::new() }),
            };
            let _ = sender.send(end(result));
        });
    }

    /// Takes a message and all that have gathered behind it.
    fn take(&mut self, message: Message) {
        self.handle(message);
        while let Ok(message) = self.receiver.try_recv() {
            self.handle(message);
        }
        self.try_state(|store| store.save_if_due());
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Progress { step, text, bytes } => {
                let text = self.redactor.clean(&text);
                self.emit(Event::Progress { step: step.0, text, bytes });
            }
            Message::Ended { step, result } => self.ended(step, result),
            Message::Undone { step, result } => self.undone(step, result),
            Message::Read { batch, result, took } => self.was_read(batch, *result, took),
        }
    }

    /// A node's words about a step, without secrets, and with names where it has ids.
    fn told(&self, step: StepId, text: &str) -> String {
        self.job.plan.names.in_text(step, &self.redactor.clean(text))
    }

    fn ended(&mut self, id: StepId, result: Result<Made, Failure>) {
        let Some(Running { ticket, since }) = self.running.remove(&id) else { return };
        let step = self.step(id);
        let failure = result.as_ref().err().map(|f| self.told(id, &f.error));
        if let Some(ticket) = ticket {
            let error = failure.clone();
            self.try_state(|store| store.end(ticket, error));
        }
        let mut skipped = Vec::new();
        let outcome = match (result, step.on_failure) {
            (Ok(made), _) => {
                self.redactor.add_generated(&step.operation, &made.values);
                self.values.entry((step.node.clone(), step.service.clone())).or_default().extend(made.values);
                self.schedule.done(id);
                Outcome::Done
            }
            (Err(_), OnFailure::Continue) => {
                self.schedule.warned(id);
                Outcome::Warned { error: failure.unwrap_or_default() }
            }
            (Err(Failure { log, .. }), OnFailure::Block) => {
                skipped = self.schedule.failed(id);
                let log = log.iter().map(|line| self.redactor.clean(line)).collect();
                Outcome::Failed { error: failure.unwrap_or_default(), log }
            }
        };
        self.close(id, since.elapsed(), outcome);
        for step in skipped {
            self.close(step, Duration::ZERO, Outcome::Skipped { because: Some(id.0) });
        }
    }

    /// Writes an outcome into the report, and records the changes that are thereby made for good.
    fn close(&mut self, step: StepId, took: Duration, outcome: Outcome) {
        self.report.steps.insert(step.0, outcome.clone());
        self.emit(Event::Finished { step: step.0, took, outcome });
        for change in self.commits.ended(step) {
            self.record(change);
        }
    }

    fn undone(&mut self, id: StepId, result: Result<Made, Failure>) {
        let Some(Running { ticket, .. }) = self.undoing.remove(&id) else { return };
        if let (Ok(Made { network: Some(network), .. }), Some(addr)) = (&result, &self.step(id).addr) {
            record::same_network(self.job.store, addr, network);
        }
        let error = result.err().map(|f| self.told(id, &f.error));
        if let Some(ticket) = ticket {
            let error = error.clone();
            self.try_state(|store| store.end(ticket, error));
        }
        self.schedule.undone(id);
        self.emit(Event::Undone { step: id.0, error: error.clone() });
        self.report.undone.insert(id.0, error);
    }

    fn record_what_needs_no_step(&mut self) {
        for change in self.commits.at_once() {
            self.record(change);
        }
    }

    fn record(&mut self, index: usize) {
        let change = &self.job.plan.changes[index];
        if !self.schedule.is_made(change) {
            return;
        }
        match &change.record {
            Record::Nothing => {}
            Record::Applied(_) => self.queue.push(&change.addr.node, index),
            Record::Forget => self.job.store.forget(&change.addr),
        }
    }

    /// Reads back what waits: at once if nothing else is left to do.
    fn read_back(&mut self) {
        let when = if self.schedule.is_over() { When::AtOnce } else { When::InTurn };
        for batch in self.queue.take(self.job.plan, when) {
            let Some(node) = self.job.nodes.get(&batch.node).cloned() else {
                self.queue.ended(&batch.node, Duration::ZERO);
                batch
                    .changes
                    .into_iter()
                    .for_each(|change| self.notice_unrecorded(change, "hl is not connected to its node"));
                continue;
            };
            let sender = self.sender.clone();
            self.tasks.spawn(async move {
                let began = Instant::now();
                let result = Box::new(node.read(&batch.wanted).await);
                let _ = sender.send(Message::Read { batch, result, took: began.elapsed() });
            });
        }
    }

    fn was_read(&mut self, batch: Batch, result: Result<LiveNode, NodeError>, took: Duration) {
        let live = match result {
            Ok(live) => live,
            Err(error) => {
                let why = self.redactor.clean(&error.to_string());
                for change in self.queue.failed(batch, took) {
                    self.notice_unrecorded(change, &why);
                }
                return;
            }
        };
        self.queue.ended(&batch.node, took);
        for index in batch.changes {
            let change = &self.job.plan.changes[index];
            let addr = &change.addr;
            let nothing = BTreeMap::new();
            let values = self.values.get(&(addr.node.clone(), addr.service.clone())).unwrap_or(&nothing);
            let sealer = self.job.store.state().sealer.clone();
            match record::recorded(self.job.plan, change, &live, values, &sealer) {
                Some(recorded) => {
                    self.job.store.record(addr.clone(), recorded);
                    record::service(self.job.store, &addr.service, &self.job.options.services);
                }
                None => {
                    if !change.steps.is_empty() {
                        self.report.vanished.insert(addr.clone());
                    }
                    self.notice_unrecorded(index, "it no longer exists");
                }
            }
        }
    }

    fn notice_unrecorded(&mut self, change: usize, why: &str) {
        let addr = &self.job.plan.changes[change].addr;
        let text = format!("{addr} is not recorded ({why}); the next plan looks at it again.");
        self.emit(Event::Notice { text });
    }

    /// The user wants to stop. The first time what has begun is brought to an end, the second time
    /// nothing is.
    async fn interrupt(&mut self, wish: Interruption) -> Interruption {
        match wish {
            Interruption::No => {}
            Interruption::Finished => {
                for step in self.schedule.interrupt() {
                    self.close(step, Duration::ZERO, Outcome::Skipped { because: None });
                }
            }
            Interruption::Stopped => {
                self.tasks.shutdown().await;
                // Calls that ended before the stop are still handled.
                while let Ok(message) = self.receiver.try_recv() {
                    self.handle(message);
                }
                let (running, waiting) = self.schedule.stop();
                for step in running {
                    let error = format!("{}: stopped before it ended; it may or may not be done", self.place(step));
                    self.close(step, Duration::ZERO, Outcome::Failed { error, log: Vec::new() });
                }
                for step in waiting {
                    self.close(step, Duration::ZERO, Outcome::Skipped { because: None });
                }
                for step in std::mem::take(&mut self.undoing).into_keys() {
                    self.report.undone.insert(step.0, Some("stopped before it ended".to_owned()));
                }
            }
        }
        self.report.interrupted = wish;
        wish
    }

    fn finish(mut self) -> (Report, Option<state::Error>) {
        let clean = |step| matches!(self.schedule.state(step), State::Done | State::Warned);
        record::services(self.job.plan, self.job.store, &self.job.options.services, clean);
        record::end_changes(self.job.plan, self.job.store, &self.report, |change| self.schedule.is_made(change));
        for verification in &self.job.plan.verifications {
            if verification.steps.iter().all(|step| clean(*step)) {
                self.job.store.mark_verified(&verification.service);
            }
        }
        self.try_state(Store::save);
        (self.report, self.trouble)
    }

    fn try_state(&mut self, act: impl FnOnce(&mut Store) -> Result<(), state::Error>) {
        if let Err(error) = act(self.job.store) {
            self.trouble.get_or_insert(error);
        }
    }

    /// Tells whoever reports; an apply goes on when nobody does.
    fn emit(&self, event: Event) {
        let _ = self.job.events.send(event);
    }
}
