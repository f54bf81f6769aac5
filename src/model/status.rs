//! The results of a status check of the nodes, as reports contain them: container status, service health and locks.

use super::view::{FailedCheck, Health, Status};
use super::{NodeName, ProjectName, ServiceName};

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
    /// Whether it does what it is declared for.
    pub works: Works,
    /// The last run of its health check if it failed, without secrets.
    pub failed_check: Option<FailedCheck>,
}

/// A container on a node that belongs to no service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndeclaredContainer {
    /// The node.
    pub node: NodeName,
    /// Its Compose project; none if no compose file made it.
    pub project: Option<ProjectName>,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: ContainerState,
    /// The name of its image as people write it.
    pub image: String,
    /// When it was started last, as the engine writes it.
    pub started_at: String,
}

/// Whether a container does what it is declared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// It does, or it is declared stopped.
    Yes,
    /// It has just been started, and its health check has not decided yet.
    NotYet,
    /// It does not.
    No,
    /// Nobody can tell.
    Unknown,
}

/// A node that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentNode {
    /// The node.
    pub node: NodeName,
    /// Why, in one line.
    pub why: String,
    /// The recommended action; may be empty.
    pub hint: String,
}

/// How a declared container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It exists.
    Live {
        /// The container status.
        status: Status,
        /// The result of its health check, if it has one.
        health: Option<Health>,
    },
    /// It runs, in a namespace that another container has left by being started anew.
    CutOff {
        /// The name of that container.
        from: String,
    },
    /// It does not exist.
    Missing,
    /// Its node could not be asked.
    Silent,
    /// Nobody can tell, although its node was asked.
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
    /// The basis of the result.
    pub proof: Proof,
    /// The problems found; empty if the service works.
    pub problems: Vec<Problem>,
}

/// The basis on which a service is found to work or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: its node could not be asked.
    Silent,
    /// Nothing: its node is in maintenance and was not asked.
    Maintenance,
    /// Nothing: what it is to be is not known.
    Unknown {
        /// Why, in one line.
        why: String,
    },
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

/// A reason why a service does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A container does not exist.
    Missing {
        /// Which.
        container: String,
    },
    /// A container's health check fails.
    Unhealthy {
        /// Which.
        container: String,
        /// The last run of the check, without secrets.
        check: Option<FailedCheck>,
    },
    /// A container runs in a namespace that another one has left by being started anew.
    CutOff {
        /// Which.
        container: String,
        /// The name of the other one.
        from: String,
    },
    /// A container does not run.
    NotRunning {
        /// Which.
        container: String,
        /// Its actual status.
        status: Status,
        /// The last lines of its log, without secrets.
        log: Vec<String>,
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
    /// The holder, if there is one.
    pub state: LockState,
}

/// The holder of a node's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Nobody holds it.
    Free,
    /// An apply that is under way.
    Held {
        /// The process on the node, if it has said so.
        pid: Option<u32>,
        /// A description of the holder, written by that apply; may be empty.
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
        /// The recommended action; may be empty.
        hint: String,
    },
}
