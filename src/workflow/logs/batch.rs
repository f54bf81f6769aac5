//! Lines that are passed on together: enough to be quick, few enough to need little room while they wait.

use tokio::sync::mpsc::Sender;

use super::pump::End;
use crate::event::{ContainerLine, LogEvent};

const MOST_LINES: usize = 512;
const MOST_BYTES: usize = 256 << 10;

/// Lines on their way to whoever shows them.
pub(super) struct Batch<'a> {
    out: &'a Sender<LogEvent>,
    lines: Vec<ContainerLine>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub fn new(out: &'a Sender<LogEvent>) -> Batch<'a> {
        Batch { out, lines: Vec::new(), bytes: 0 }
    }

    /// Adds a line, and passes all on when there are enough.
    ///
    /// # Errors
    /// [`End::Unwanted`].
    pub async fn push(&mut self, line: ContainerLine) -> Result<(), End> {
        self.bytes += line.line.text.len();
        self.lines.push(line);
        if self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES { self.send().await } else { Ok(()) }
    }

    /// Passes all on.
    ///
    /// # Errors
    /// [`End::Unwanted`].
    pub async fn send(&mut self) -> Result<(), End> {
        self.bytes = 0;
        match std::mem::take(&mut self.lines) {
            none if none.is_empty() => Ok(()),
            lines => self.out.send(LogEvent::Lines(lines)).await.map_err(|_| End::Unwanted),
        }
    }
}
