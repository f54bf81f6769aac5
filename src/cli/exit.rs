//! How hl ends: one enum of exit codes.

use std::process::ExitCode;

/// The meaning of an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or nothing (more) to do.
    Done,
    /// It did not work, or would not: a problem prevents the apply of a plan.
    Failed,
    /// There are changes, and that is what was asked.
    Changes,
    /// The output is true, and some node or service could not be asked.
    Incomplete,
    /// The apply ended with steps that failed or were not tried.
    Partial,
    /// The arguments make no sense.
    Usage,
    /// The user interrupted it.
    Interrupted,
    /// A command that ran in a container ended with this code.
    OfCommand(u8),
}

impl Exit {
    /// The code.
    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Changes => 2,
            Exit::Incomplete => 3,
            Exit::Partial => 4,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
            Exit::OfCommand(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
