//! ENV FILES. One grammar of `.env`, `env_file:` and `label_file:`, one `${NAME}` for them and for Compose files, one
//! way to write a value, one way to change a file.
//!
//! [`parse`] reads a file with its variables looked up and everything that is wrong reported; [`values`] reads one that
//! stands for itself, and [`raw`] those in which values are taken as they stand. [`quoted`] writes a value, [`merge`] and [`set`] change a file and leave every other byte of it
//! as it is. [`pieces`] takes a text with variables apart. Pure: texts in, texts and values out. This module does not know which file is which, where files are kept,
//! nor where variables come from; [`template::Lookup`] gives those.

mod edit;
mod grammar;
mod pieces;
mod quote;
pub mod raw;
mod sealed;
pub mod template;

pub use edit::{Addition, Unreadable, merge, set, text_of_value};
pub use grammar::{Assignment, Assignments, Outside, complaints, parse, values, values_with};
pub use pieces::{Default, InsteadOf, Part, Piece, pieces};
pub use quote::{assignment, quoted};
pub use sealed::Sealed;
