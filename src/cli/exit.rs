//! How hl ends: one enum of exit codes, and one place where what went wrong becomes one of them.

use std::process::ExitCode;

use super::terminal::Terminal;
use crate::render::english;
use crate::workflow::{BrokenServices, ObserveError, SelectionError};

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or nothing (more) to do.
    Done = 0,
    /// It did not work.
    Failed = 1,
    /// There are changes, and that is what was asked.
    Changes = 2,
    /// What was said is true, and some node or service could not be asked.
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

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    exit: Exit,
    text: String,
    hint: String,
}

impl Failure {
    /// Something in the world is not as it must be.
    pub fn world(error: impl ToString) -> Self {
        Failure { exit: Exit::Failed, text: error.to_string(), hint: String::new() }
    }

    /// The arguments make no sense.
    pub fn usage(text: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, text: text.into(), hint: String::new() }
    }

    /// All there is to say has been said.
    pub fn said(exit: Exit) -> Self {
        Failure { exit, text: String::new(), hint: String::new() }
    }

    /// The same with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says it, and gives the exit code.
    pub fn report(&self, terminal: &Terminal) -> Exit {
        if !self.text.is_empty() {
            terminal.error(&self.text, &self.hint);
        }
        self.exit
    }
}

impl From<ObserveError> for Failure {
    fn from(error: ObserveError) -> Self {
        match error {
            // The terminal was the listener, and has shown them.
            ObserveError::Repository => Failure::said(Exit::Failed),
            ObserveError::State(error) => Failure::world(error),
        }
    }
}

impl From<SelectionError> for Failure {
    fn from(error: SelectionError) -> Self {
        match &error {
            SelectionError::Unknown { similar: Some(similar), .. } => {
                Failure::usage(error.to_string()).hint(format!("did you mean `{similar}`?"))
            }
            SelectionError::Unknown { similar: None, .. } => Failure::usage(error.to_string()),
            SelectionError::EmptyNode(_) => Failure::world(error),
        }
    }
}

impl From<BrokenServices> for Failure {
    fn from(BrokenServices(services): BrokenServices) -> Self {
        let text = format!("nothing is planned while the files of {} have errors", english::services(&services));
        let failure = Failure::world(text);
        match services.first() {
            Some(first) => failure.hint(format!("mend them, or leave the service out with `--exclude {first}`")),
            None => failure,
        }
    }
}

/// What a command answers.
pub(super) type Answer = Result<Exit, Failure>;
