//! The history: one line an apply, never rewritten.

use std::io;

use super::backend::{Backend, Durability, Log, Part};
use crate::model::history::Entry;

/// The contents of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The applies, oldest first.
    pub entries: Vec<Entry>,
    /// Lines that cannot be understood: torn by a crash, or left by a merge of two clones.
    pub unreadable: usize,
}

/// Reads the history; one that is not there is empty.
pub(super) fn read(backend: &dyn Backend) -> io::Result<History> {
    let bytes = backend.read(Part::Log(Log::History))?.unwrap_or_default();
    let mut history = History::default();
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(entry) => history.entries.push(entry),
            Err(_) => history.unreadable += 1,
        }
    }
    Ok(history)
}

/// Adds one line; when this returns it will outlast a loss of power.
pub(super) fn append(backend: &dyn Backend, entry: &Entry) -> io::Result<()> {
    let mut text = serde_json::to_vec(entry)?;
    text.push(b'\n');
    backend.append(Log::History, &text, Durability::Synced)
}
