//! WHERE THE STATE IS KEPT. What a place has to be able to do to keep a state, and the places that can.
//!
//! A backend stores bytes: it does not know what a record, a journal or a history says, apart from a record's serial. Whoever
//! holds its [`Lock`] is the only one who writes. Entry: [`Backend`].

mod folder;
mod interface;
#[cfg(test)]
mod memory;

#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use interface::{Backend, Durability, Lock, LockError, Log, Part, ReplaceError};
#[cfg(test)]
pub(super) use memory::Memory;
