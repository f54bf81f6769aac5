//! What a look at the nodes finds, as reports have it: how containers are, whether services work, who holds locks.

use super::view::{Health, Status};
use super::{NodeName, ServiceName};

/// How one declared container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Its node.
    pub node: NodeName,
    /// Its service.
    pub service: ServiceName,
    /// Its name in the compose file; `None` for a service whose containers are not known.
    pub container: Option<String>,
    /// How it is.
    pub state: ContainerState,
    /// The name of its image as people write it: of the one that it runs, else of the declared one.
    pub image: Option<String>,
    /// When it was started last, RFC 3339 as the engine writes it.
    pub started_at: Option<String>,
}

/// How a declared container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It exists.
    Live {
        /// What it does.
        status: Status,
        /// What its health check says, if it has one.
        health: Option<Health>,
    },
    /// It does not exist.
    Missing,
    /// Nobody can tell.
    Unknown {
        /// Why, in one line.
        why: String,
    },
}

/// Whether one service works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its node.
    pub node: NodeName,
    /// The service.
    pub service: ServiceName,
    /// What was looked at.
    pub proof: Proof,
    /// What does not work; empty if all does.
    pub problems: Vec<Problem>,
}

/// What was looked at to find out whether a service works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: its node does not answer.
    Nothing,
    /// Nothing: it is declared to be stopped.
    DeclaredStopped,
    /// Its containers, and its health script if it has one.
    Containers {
        /// How many.
        count: usize,
        /// The script's path in the repository.
        script: Option<String>,
    },
}

/// What does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The node does not answer.
    NoAnswer,
    /// A container does not exist.
    Missing {
        /// Which.
        container: String,
    },
    /// A container's health check fails.
    Unhealthy {
        /// Which.
        container: String,
    },
    /// A container does not run.
    NotRunning {
        /// Which.
        container: String,
        /// What it does instead.
        status: Status,
    },
    /// Waiting for a container, or the health script, failed.
    Failed {
        /// In the node's own words, without secrets.
        error: String,
    },
}

/// A node's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLock {
    /// The node.
    pub node: NodeName,
    /// Who holds it, if anybody does.
    pub state: LockState,
}

/// Who holds a node's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Nobody does.
    Free,
    /// An apply that is under way.
    Held {
        /// The process on the node, if it has said so.
        pid: Option<u32>,
        /// Who it is for, in that apply's own words; may be empty.
        words: String,
    },
    /// The node has none: only its engine can be reached.
    Absent,
    /// The node is in maintenance and was not asked.
    Maintenance,
    /// Nobody can tell.
    Unknown {
        /// Why, in one line.
        why: String,
        /// What to do about it; may be empty.
        hint: String,
    },
}
