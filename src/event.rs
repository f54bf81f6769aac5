//! Events during an apply, for its reporters: terminal, plain lines, JSON, journal; and what comes of reading logs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::log::LogLine;
use crate::model::status::SilentNode;
use crate::model::{Addr, NodeName, ServiceName};

/// One thing that happened. Steps are named by their index in the plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step's call begins.
    Started {
        /// Which step.
        step: usize,
    },
    /// A running step tells how far it is.
    Progress {
        /// Which step.
        step: usize,
        /// The current activity: "pulling", a layer, the state that is waited for.
        text: String,
        /// Bytes done and in all, where it moves bytes.
        bytes: Option<(u64, u64)>,
    },
    /// A step ended.
    Finished {
        /// Which step.
        step: usize,
        /// How long it took.
        took: Duration,
        /// How.
        outcome: Outcome,
    },
    /// A done step is taken back, because another of its group failed.
    Undoing {
        /// The step that is taken back.
        step: usize,
    },
    /// The call that takes a step back ended.
    Undone {
        /// The step that was to be taken back.
        step: usize,
        /// The node's own words where that failed.
        error: Option<String>,
    },
    /// Something that the reader should know, in a whole sentence.
    Notice {
        /// The sentence.
        text: String,
    },
}

/// A proof that is under way: what a service is still waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proving {
    /// The node of the service.
    pub node: NodeName,
    /// The service.
    pub service: ServiceName,
    /// The part of it that is waited for.
    pub subject: ProvingSubject,
}

/// What a proof waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProvingSubject {
    /// The health check of a container, by its name.
    Container(String),
    /// The health script, by its path in the repository.
    Script(String),
}

/// How a proof goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvingEvent {
    /// It waits; the text says how it is, and is empty at first.
    Waits(Proving, String),
    /// It waits no more.
    Ended(Proving),
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// As planned.
    Done,
    /// It failed.
    Failed {
        /// The node's own words.
        error: String,
        /// The last lines of the container's log, without secrets; empty if there is none.
        log: Vec<String>,
    },
    /// It failed, which the plan takes for a warning.
    Warned {
        /// The node's own words.
        error: String,
    },
    /// It was not tried.
    Skipped {
        /// The failed step behind it; `None` if the apply was interrupted.
        because: Option<usize>,
    },
}

/// The result of an apply: the outcome of each step, by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Every step of the plan that was in scope.
    pub steps: BTreeMap<usize, Outcome>,
    /// Steps that were taken back, with the error if that failed too.
    pub undone: BTreeMap<usize, Option<String>>,
    /// Whether the user interrupted it.
    pub interrupted: Interruption,
    /// Whether the state has all of it.
    pub recording: Recording,
    /// Resources that it made or changed, and that were not there any more when they were to be recorded.
    pub vanished: BTreeSet<Addr>,
}

/// Whether the state has all that an apply did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// All of it.
    #[default]
    Whole,
    /// It could not be written at least once.
    Torn {
        /// The resources whose last change it does not have.
        missing: BTreeSet<Addr>,
    },
}

/// Whether the user interrupted an apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interruption {
    /// No.
    #[default]
    No,
    /// Once: what ran was finished, nothing new was started.
    Finished,
    /// Twice: it stopped at once.
    Stopped,
}

impl Report {
    /// The steps that failed, with the node's own words.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &str)> {
        self.steps.iter().filter_map(|(step, outcome)| match outcome {
            Outcome::Failed { error, .. } => Some((*step, error.as_str())),
            Outcome::Done | Outcome::Warned { .. } | Outcome::Skipped { .. } => None,
        })
    }

    /// Whether every step was done, is recorded and has lasted.
    pub fn is_complete(&self) -> bool {
        self.interrupted == Interruption::No
            && self.vanished.is_empty()
            && self.recording == Recording::Whole
            && self.steps.values().all(|o| matches!(o, Outcome::Done | Outcome::Warned { .. }))
    }
}

/// The events of reading logs, in the order in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// Containers whose lines may come from now on. Lines name a container by its place in the list of all that were told.
    Containers(Vec<Addr>),
    /// Lines in the order of time.
    Lines(Vec<ContainerLine>),
    /// Something that is not in a log.
    Notice(LogNotice),
}

/// A line of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLine {
    /// The place of the container in the list of all that were told.
    pub container: usize,
    /// The line.
    pub line: LogLine,
}

/// Why lines are missing, or come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogNotice {
    /// A node could not be asked.
    Silent(SilentNode),
    /// A node is out of service on purpose.
    Maintenance(NodeName),
    /// A node has no logs to read, such as a simulated one.
    NoLogs(NodeName),
    /// The connection to a node was lost; it is connected to again.
    Lost {
        /// The node.
        node: NodeName,
        /// Why, in one line.
        why: String,
    },
    /// A node that could not be reached is there again.
    Connected(NodeName),
    /// The log of a container cannot be read, or not to its end.
    Unreadable {
        /// The container.
        container: Addr,
        /// The engine's own words.
        why: String,
    },
    /// These services have no container.
    NoContainers(Vec<(NodeName, ServiceName)>),
}
