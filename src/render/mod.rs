//! DATA → TEXT. What a person or another program reads: plans, progress, reports, JSON, Markdown.
//!
//! Everything here is a function from data to text. Nothing here prints, asks for a terminal, reads
//! the environment or decides anything. Pieces of text get labels first ([`style::Label`]), are
//! wrapped next ([`page::Page`]) and coloured last ([`Palette`]), so that the plain text says all.

pub mod style;

pub mod page;

mod contrast;
pub mod value;

mod change;
mod count;
mod create;
mod field;
pub mod reason;
pub mod sentences;
pub mod step;

pub mod diagnostic;
pub mod plan;

pub mod json;
pub mod markdown;

pub mod progress;

pub mod records;
pub mod table;

#[cfg(test)]
mod fixtures;

pub use count::{Counts, Deed};
pub use field::Detail;
pub use style::Palette;
