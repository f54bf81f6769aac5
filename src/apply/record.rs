//! Reads back what was applied, and hands it to the state.
//!
//! A node is read as a plan reads it, so that the next plan sees what is recorded. That is cheap
//! because changes gather: a node is read at most once a second, is then left alone for a multiple of
//! the time that it took, and at the end, when nothing else is left to do, it is read at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::spec::{ContainerSpec, DataPlace};
use crate::model::view::{FileKind, LiveContainer, LiveNode, Recorded, RecordedService, WantContent, Wanted};
use crate::model::{Field, Fields, Key, Kind, NodeName, Sealer, ServiceName, Text, Value};
use crate::plan::record::{self, Views};
use crate::plan::{Operation, Plan, PlannedChange, Record, StepId};
use crate::state::{self, Store};

/// How long changes gather.
const GATHER: Duration = Duration::from_secs(1);

/// How long a node is left alone after a read, as a multiple of what the read took: reading back is
/// at most a twentieth of what the node does.
const PEACE: u32 = 20;

/// Tries of one read.
const TRIES: u32 = 2;

/// A batch of changes of one node to read back.
#[derive(Debug)]
pub(super) struct Batch {
    /// The node.
    pub(super) node: NodeName,
    /// Changes of the plan, by index.
    pub(super) changes: Vec<usize>,
    /// What to read.
    pub(super) wanted: Wanted,
    tries: u32,
}

/// What waits to be read back, by node.
#[derive(Debug, Default)]
pub(super) struct Queue {
    nodes: BTreeMap<NodeName, Line>,
}

#[derive(Debug)]
struct Line {
    waiting: Vec<usize>,
    tries: u32,
    reading: bool,
    not_before: Instant,
}

impl Queue {
    /// Puts a change in line.
    pub(super) fn push(&mut self, node: &NodeName, change: usize) {
        let line = self.nodes.entry(node.clone()).or_insert_with(|| Line {
            waiting: Vec::new(),
            tries: 0,
            reading: false,
            not_before: Instant::now(),
        });
        if line.waiting.is_empty() {
            line.not_before = line.not_before.max(Instant::now() + GATHER);
        }
        line.waiting.push(change);
    }

    /// The batches to read now; `hurry` when nothing else is left to do.
    pub(super) fn take(&mut self, plan: &Plan, hurry: bool) -> Vec<Batch> {
        let now = Instant::now();
        let mut batches = Vec::new();
        for (node, line) in &mut self.nodes {
            if !line.reading && !line.waiting.is_empty() && (hurry || line.not_before <= now) {
                line.reading = true;
                let changes = std::mem::take(&mut line.waiting);
                let wanted = wanted(plan, &changes);
                batches.push(Batch { node: node.clone(), changes, wanted, tries: line.tries + 1 });
            }
        }
        batches
    }

    /// When the next batch may be read.
    pub(super) fn next(&self) -> Option<Instant> {
        self.nodes.values().filter(|l| !l.reading && !l.waiting.is_empty()).map(|l| l.not_before).min()
    }

    /// A read ended.
    pub(super) fn ended(&mut self, node: &NodeName, took: Duration) {
        if let Some(line) = self.nodes.get_mut(node) {
            line.reading = false;
            line.tries = 0;
            line.not_before = Instant::now() + took * PEACE;
        }
    }

    /// A read failed; its changes go back in line for another try, or are given up.
    pub(super) fn failed(&mut self, batch: Batch, took: Duration) -> Vec<usize> {
        self.ended(&batch.node, took);
        if batch.tries >= TRIES {
            return batch.changes;
        }
        if let Some(line) = self.nodes.get_mut(&batch.node) {
            line.tries = batch.tries;
            line.waiting.extend(batch.changes);
        }
        Vec::new()
    }

    /// Whether nothing waits and nothing is read.
    pub(super) fn is_idle(&self) -> bool {
        self.nodes.values().all(|line| !line.reading && line.waiting.is_empty())
    }
}

fn wanted(plan: &Plan, changes: &[usize]) -> Wanted {
    let mut wanted = Wanted::default();
    for change in changes.iter().map(|i| &plan.changes[*i]) {
        let Record::Applied(declared) = &change.record else { continue };
        if let Some(Subject::Path(path)) = subject(plan, change) {
            let content = declared.iter().any(|(f, _)| matches!(f.key, Key::Content | Key::Environment));
            wanted.add(path, if content { WantContent::Yes } else { WantContent::No });
        }
    }
    wanted
}

/// What is read back for a change.
enum Subject<'p> {
    /// A container that the plan makes.
    Made(&'p ContainerSpec),
    /// A container that was there, by id.
    Container(&'p str),
    /// A network by name.
    Network(&'p str),
    /// A volume by name.
    Volume(&'p str),
    /// A file or a directory.
    Path(&'p str),
}

fn subject<'p>(plan: &'p Plan, change: &'p PlannedChange) -> Option<Subject<'p>> {
    let Record::Applied(declared) = &change.record else { return None };
    let calls = || change.steps.iter().map(|StepId(i)| &plan.steps[*i].operation);
    let live_id = change.live_id.as_deref();
    match change.addr.kind {
        Kind::Container => {
            let made = calls().find_map(|call| match call {
                Operation::CreateContainer { spec, .. } => Some(Subject::Made(spec.as_ref())),
                _ => None,
            });
            made.or_else(|| live_id.map(Subject::Container))
        }
        Kind::Network => text(declared, Key::Name).map(Subject::Network),
        Kind::Volume => text(declared, Key::Name).map(Subject::Volume),
        Kind::Directory | Kind::File => {
            let written = calls().find_map(|call| match call {
                Operation::EnsureDirectory(spec) => Some(spec.path.as_str()),
                Operation::WriteFile(spec) => Some(spec.path.as_str()),
                Operation::CopyData { target: DataPlace::Folder(path), .. } => Some(path.as_str()),
                _ => None,
            });
            written.or(live_id).map(Subject::Path)
        }
        Kind::Image => None,
    }
}

fn text(fields: &Fields, key: Key) -> Option<&str> {
    match fields.get(&Field::key(key)) {
        Some(Value::Text(Text::Plain(text))) => Some(text),
        _ => None,
    }
}

/// What is recorded of a change, from the node as it was read afterwards; `None` if what it is about
/// is not there. `values` are the variables of its service's env file that this apply knows.
pub(super) fn recorded(
    plan: &Plan,
    change: &PlannedChange,
    live: &LiveNode,
    values: &BTreeMap<String, String>,
    sealer: &Sealer,
) -> Option<Recorded> {
    let Record::Applied(declared) = &change.record else { return None };
    let container = |live_container: &LiveContainer, made: Option<&ContainerSpec>| {
        let image = live.images.get(&live_container.image_id).and_then(|image| image.config.as_ref());
        let made = made.map(|spec| spec.clone().filled(values));
        let views = record::container(declared, made.as_ref(), live_container, image, sealer);
        (live_container.id.clone(), views)
    };
    let (id, Views { declared, baseline }) = match subject(plan, change)? {
        Subject::Made(spec) => container(live.containers.values().find(|c| c.name == spec.name)?, Some(spec)),
        Subject::Container(id) => container(live.containers.get(id)?, None),
        Subject::Network(name) => {
            let network = live.network(name)?;
            (network.id.clone(), record::place(declared, &network.spec.fields(), sealer))
        }
        Subject::Volume(name) => {
            let volume = live.volumes.get(name)?;
            (name.to_owned(), record::place(declared, &volume.spec.fields(), sealer))
        }
        Subject::Path(path) => {
            let kind = if change.addr.kind == Kind::Directory { FileKind::Directory } else { FileKind::File };
            (path.to_owned(), record::path(declared, live.files.get(path)?, kind, sealer))
        }
    };
    Some(Recorded { id, declared, baseline, applied_at: state::now() })
}

/// Records the services that are as declared: they have resources, the plan does not leave them out,
/// and none of its steps for them is open or went wrong, which `clean` tells.
pub(super) fn services(
    plan: &Plan,
    store: &mut Store,
    services: &BTreeMap<ServiceName, RecordedService>,
    clean: impl Fn(StepId) -> bool,
) {
    let open: BTreeSet<&ServiceName> = plan.steps.iter().filter(|s| !clean(s.id)).map(|s| &s.service).collect();
    let left_out = |name| plan.blocked.contains_key(name) || plan.unknown.values().any(|u| u.services.contains(name));
    for (name, service) in services {
        let has_resources = store.state().view.resources.keys().any(|addr| addr.service == *name);
        if has_resources && !open.contains(name) && !left_out(name) {
            // What a move that came to nothing has left on a node is looked for until that node is known.
            let moves_to = store.state().view.services.get(name).and_then(|known| known.moves_to.clone());
            let moves_to = moves_to.filter(|node| *node != service.node && plan.unknown.contains_key(node));
            store.record_service(name, &RecordedService { moves_to, ..service.clone() });
        }
    }
}
