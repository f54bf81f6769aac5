//! The interface of a backend: a place that keeps a state.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use crate::state::lock::LockOwner;

/// A place that keeps a state.
pub trait Backend: fmt::Debug + Send {
    /// The backend's name of a part of the state, for messages.
    fn name(&self, part: Part) -> PathBuf;

    /// Reads a part; `None` if it is not there.
    ///
    /// # Errors
    /// The I/O errors of the place.
    fn read(&self, part: Part) -> io::Result<Option<Vec<u8>>>;

    /// Puts a record in place of the one with the serial `expected`, or, with `None`, where there is none. When this
    /// returns it will outlast a loss of power; whatever happens meanwhile, the old record is there or the new one,
    /// whole.
    ///
    /// # Errors
    /// [`ReplaceError::Moved`] if another record is there, which is then untouched.
    fn replace(&self, record: &[u8], expected: Option<u64>) -> Result<(), ReplaceError>;

    /// Keeps the record as it is now beside it, in place of the one that was kept before. Without a record it does
    /// nothing.
    ///
    /// # Errors
    /// The I/O errors of the place.
    fn keep_record(&self) -> io::Result<()>;

    /// Adds whole lines to the end of a log, in the order of the calls. A line that a crash has torn before is not
    /// continued.
    ///
    /// # Errors
    /// The I/O errors of the place; some of the lines may have been added in that case.
    fn append(&self, log: Log, lines: &[u8], durability: Durability) -> io::Result<()>;

    /// Removes all lines of a log.
    ///
    /// # Errors
    /// The I/O errors of the place.
    fn clear(&self, log: Log) -> io::Result<()>;

    /// Takes the lock, and makes the place ready to be written to. Does not wait for another owner to let go of it.
    ///
    /// # Errors
    /// [`LockError`].
    fn lock(&self, owner: &LockOwner) -> Result<Box<dyn Lock>, LockError>;

    /// The current holder of the lock; `None` if nobody holds it. A holder not yet written down is called `unknown`.
    fn lock_owner(&self) -> Option<LockOwner>;
}

/// The held lock of a backend; dropping it frees it.
pub trait Lock: fmt::Debug + Send {}

/// The parts of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The recorded view.
    Record,
    /// A log.
    Log(Log),
}

/// The parts of a state that grow line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// The begun and ended calls of the running apply.
    Journal,
    /// The past applies.
    History,
}

/// When a line has to outlast a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the call returns.
    Synced,
    /// Some time later.
    Buffered,
}

/// Why a record was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The record is not the expected one.
    #[error("its serial is {}, not {}", serial_text(*found), serial_text(*expected))]
    Moved {
        /// The serial that it should have; none if there should be no record.
        expected: Option<u64>,
        /// The serial that it has; none if there is no record, or one without a serial.
        found: Option<u64>,
    },
    /// The place says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it; `None` if they have not written down yet who they are.
    #[error("somebody else holds the lock")]
    Held(Option<LockOwner>),
    /// The place cannot be made ready.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The path of the failed operation.
        path: PathBuf,
        /// The attempted operation.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

fn serial_text(serial: Option<u64>) -> String {
    serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string())
}

/// The serial of a record; `None` where it has none.
fn serial(record: &[u8]) -> Option<u64> {
    /// The one member that a backend reads.
    #[derive(Deserialize)]
    struct Numbered {
        serial: u64,
    }
    serde_json::from_slice::<Numbered>(record).ok().map(|numbered| numbered.serial)
}

/// Refuses to replace a record that is not the expected one.
pub(super) fn require_serial(record: Option<&[u8]>, expected: Option<u64>) -> Result<(), ReplaceError> {
    let found = record.and_then(serial);
    match record.is_some() == expected.is_some() && found == expected {
        true => Ok(()),
        false => Err(ReplaceError::Moved { expected, found }),
    }
}
