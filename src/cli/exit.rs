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

impl Exit {
    /// All of them, in the order of their codes.
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
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
