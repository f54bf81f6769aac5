//! How hl ends: one enum of exit codes.

use std::process::ExitCode;

/// The meaning of an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or nothing (more) to do.
    Done = 0,
    /// It did not work, or would not: a problem prevents the apply of a plan.
    Failed = 1,
    /// There are changes, and that is what was asked.
    Changes = 2,
    /// The output is true, and some node or service could not be asked.
    Incomplete = 3,
    /// The apply ended with steps that failed or were not tried.
    Partial = 4,
    /// The arguments make no sense.
    Usage = 64,
    /// The user interrupted it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
