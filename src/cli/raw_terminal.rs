//! The terminal handed over to a program elsewhere: each key goes there as it is, and what it was before comes back on every
//! way out.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::node::WindowSize;

/// How the terminal was. It belongs to the process, as the terminal does: a panic has nothing else at hand.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Holds the terminal of standard input in raw mode until it is dropped.
pub(super) struct RawTerminal;

impl RawTerminal {
    /// Puts it into raw mode.
    ///
    /// # Errors
    /// Standard input is no terminal.
    pub fn enter() -> io::Result<RawTerminal> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let held = RawTerminal;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(held)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, if it was handed over. After what was written is through.
pub(super) fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // There may be no terminal any more.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &before);
    }
}

/// The size of the terminal of standard output; none if there is none.
pub(super) fn window_size() -> Option<WindowSize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(WindowSize { rows: size.ws_row, columns: size.ws_col })
}
