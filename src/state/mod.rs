//! THE ONLY DOOR TO `state/`. What hl applied last, what an apply has under way, who applied what
//! when, and who is at it right now.
//!
//! | file | what | written |
//! |---|---|---|
//! | `homelab.json` | the recorded view, with serial and lineage | whole or not at all; the one before this apply is `homelab.json.backup` |
//! | `journal.jsonl` | what the running apply has begun and ended | appended, on the disk before each call |
//! | `history.jsonl` | one line an apply | appended |
//! | `lock` | who is at it | held by the operating system |
//!
//! [`read`] is for those who look, [`Store`] for the one who writes. No secret reaches a file here:
//! [`Store`] seals them, and the format has no place for one in the clear. This module does not know
//! nodes, plans or the terminal, and it decides nothing.

mod format;
mod history;
mod journal;
mod key;
mod load;
mod lock;
mod replace;
mod store;

#[cfg(test)]
mod tests;

pub use history::{Ending, Entry, History};
pub use journal::{Intent, Ticket};
pub use load::{Error, Matching, Paths, State, history, now, read};
pub use lock::Claim;
pub use store::{Store, Summary};
