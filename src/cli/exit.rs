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

    /// All of hl's own, in the order of their codes.
    pub const ALL: [Exit; 7] =
        [Exit::Done, Exit::Failed, Exit::Changes, Exit::Incomplete, Exit::Partial, Exit::Usage, Exit::Interrupted];

    /// The meaning, for the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "Done, or nothing (more) to do.",
            Exit::Failed => {
                "Failed; or the files have errors, and nothing was done; or a problem prevents the apply of a plan."
            }
            Exit::Changes => {
                "There are changes, and nothing prevents them (plan --detailed-exitcode, drift), or a container does not \
                 work (status --check)."
            }
            Exit::Incomplete => {
                "Incomplete: what is said is true, but some node could not be asked, or delete could not take all of a \
                 service away."
            }
            Exit::Partial => {
                "An apply ended with steps that failed or were not tried, or state/ could not be written: what is not \
                 recorded is said."
            }
            Exit::Usage => "Wrong usage, such as the name of a node, a service or a resource that is nowhere.",
            Exit::Interrupted => {
                "Interrupted, by Ctrl-C, SIGTERM or a terminal that was closed: steps under way are finished first. A \
                 second time it stops at once."
            }
            Exit::OfCommand(_) => "The exit code of the command that exec ran.",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
