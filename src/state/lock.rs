//! The owner of the lock of a state: one apply at a time for one state.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The owner of the lock, or an applicant for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOwner {
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The command that needs the lock, such as `apply`.
    pub why: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl LockOwner {
    /// An owner who has not written down yet who they are.
    pub(super) fn unknown() -> Self {
        let unknown = || "unknown".to_owned();
        LockOwner { who: unknown(), host: unknown(), pid: 0, why: unknown(), since: unknown() }
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockOwner { who, host, pid, why, since } = self;
        write!(f, "{who}@{host} runs `hl {why}` (process {pid}) since {since}")
    }
}
