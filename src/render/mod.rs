//! DATA → TEXT. What a person or another program reads: plans, progress, reports, JSON, Markdown.
//!
//! Everything here is a function from data to text. Nothing here prints, asks for a terminal, reads
//! the environment or decides anything. Pieces of text get labels first ([`style::Label`]), are
//! wrapped next ([`page::Page`]) and coloured last ([`Palette`]), so that the plain text says all.

pub mod style;

pub mod page;

mod text_diff;
pub mod value;
pub mod wording;

mod change;
mod count;
mod create;
mod display_action;
pub mod english;
mod field;
pub mod reason;
pub mod sentences;
pub mod step;

pub mod diagnostic;
pub mod plan;
mod report;

mod forms;
pub mod init;
pub mod json;
pub mod markdown;

pub mod printable;
pub mod progress;

pub mod doctor;
pub mod history;
pub mod locks;
pub mod logs;
pub mod new_service;
pub mod stale;
pub mod status;
pub mod undeclared;
pub mod updates;
pub mod verify;

pub mod records;
pub mod table;

#[cfg(test)]
mod fixtures;

/// How something is printed; each command has some of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// As files are written.
    Yaml,
}

impl OutputFormat {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            OutputFormat::Text => "text",
            OutputFormat::Json => "json",
            OutputFormat::Markdown => "markdown",
            OutputFormat::Yaml => "yaml",
        }
    }
}

pub use count::Counts;
pub use display_action::DisplayAction;
pub use field::Detail;
pub use forms::forms;
pub use style::Palette;
