//! ENV FILES. The grammar of `.env`, `env_file:` and `label_file:`, and of the `${NAME}` in them and in Compose files.
//!
//! [`parse`] is the entry. Pure: texts in, values out. It does not know which file is which, where files are kept, nor
//! where variables come from.

mod grammar;
pub mod template;

pub use grammar::{Assignment, Assignments, complaints, parse, quoted, values};
