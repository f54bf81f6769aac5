//! The errors of a node.

use std::time::Duration;

use super::LockHolder;
use crate::model::NodeName;

/// A call to a node that failed: where, what was tried, and the node's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {what}: {kind}")]
pub struct NodeError {
    /// The node.
    pub node: NodeName,
    /// The attempted operation, as in "create container web".
    pub what: String,
    /// The kind of error.
    pub kind: ErrorKind,
}

/// The kind of a node error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Nothing answers.
    #[error("{why}")]
    Unreachable {
        /// How far the connection was.
        phase: ConnectionPhase,
        /// Why, in one line.
        why: String,
        /// The suggested remedy; may be empty.
        hint: String,
    },
    /// It took too long.
    #[error("no answer within {}", seconds(*after))]
    Timeout {
        /// The time that was given.
        after: Duration,
    },
    /// The thing is not there.
    #[error("{0}")]
    NotFound(String),
    /// A name, a port or a network is taken, or the thing is in a state that does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// It is not allowed, by the node or by a registry.
    #[error("{0}")]
    Denied(String),
    /// Another process holds the lock.
    #[error("{0}")]
    Locked(LockHolder),
    /// The engine refuses or fails.
    #[error("{message}")]
    Engine {
        /// Its HTTP status; 0 for an error in the middle of an answer.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The engine answers something that cannot be read.
    #[error("the engine's answer cannot be read: {0}")]
    Garbled(String),
    /// A file or directory.
    #[error("{why}")]
    File {
        /// Its path on the node.
        path: String,
        /// The system's own words.
        why: String,
    },
    /// A script could not be run at all.
    #[error("{0}")]
    Script(String),
    /// hl cannot do that with this kind of node.
    #[error("{0}")]
    Unsupported(String),
}

/// How far a connection was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionPhase {
    /// It was being made. The reason says so by itself.
    Connecting,
    /// It was there; something on the other side does not answer, or is gone.
    Connected,
}

impl NodeError {
    /// Whether it says that nobody answered, which may pass; who refuses will refuse again.
    pub fn is_silence(&self) -> bool {
        match self.kind {
            ErrorKind::Unreachable { .. } | ErrorKind::Timeout { .. } => true,
            ErrorKind::NotFound(_)
            | ErrorKind::Conflict(_)
            | ErrorKind::Denied(_)
            | ErrorKind::Locked(_)
            | ErrorKind::Engine { .. }
            | ErrorKind::Garbled(_)
            | ErrorKind::File { .. }
            | ErrorKind::Script(_)
            | ErrorKind::Unsupported(_) => false,
        }
    }

    /// The suggested remedy; empty if there is none.
    pub fn hint(&self) -> &str {
        match &self.kind {
            ErrorKind::Unreachable { hint, .. } => hint,
            ErrorKind::Locked(_) => "wait until it is done; `hl unlock` shows who it is",
            ErrorKind::Timeout { .. }
            | ErrorKind::NotFound(_)
            | ErrorKind::Conflict(_)
            | ErrorKind::Denied(_)
            | ErrorKind::Engine { .. }
            | ErrorKind::Garbled(_)
            | ErrorKind::File { .. }
            | ErrorKind::Script(_)
            | ErrorKind::Unsupported(_) => "",
        }
    }

    /// Whether the thing that was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound(_))
    }
}

/// A time in words.
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1 => "1 second".to_owned(),
        n => format!("{n} seconds"),
    }
}
