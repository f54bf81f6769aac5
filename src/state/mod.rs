//! THE ONLY DOOR TO `state/`. What hl applied last, what an apply has under way, who applied what
//! when, and who is at it right now.
//!
//! It consists of the recorded view with serial and lineage, the journal of the running apply, the history with one line an
//! apply, and a lock. [`Backend`] is where these are kept; [`Folder`] is the one that exists, and has a table of its files.
//!
//! [`read`] is for those who look, [`Store`] for the one who writes. No secret reaches a file here:
//! [`Store`] seals them, and the format has no place for one in the clear. This module does not know
//! nodes, plans or the terminal, and it decides nothing.

mod backend;
mod format;
mod history;
mod journal;
mod key;
mod lock;
mod recorded;
mod store;
mod typed_values;

#[cfg(test)]
mod tests;

pub use backend::{Backend, Durability, Folder, Lock, LockError, Log, Part, ReplaceError};
pub use history::History;
pub use journal::{Intent, Ticket};
pub use key::KeyMatch;
pub use lock::LockOwner;
pub use recorded::{Error, Paths, State, history, key_file, now, of_record, read};
pub use store::{Store, Summary};
