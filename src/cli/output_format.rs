//! The output formats as arguments.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::command_error::CommandError;
use crate::render::OutputFormat;

/// Reads one of the formats that a command has; clap lists them where another one is given.
pub(super) fn one_of(formats: &'static [OutputFormat]) -> impl TypedValueParser<Value = OutputFormat> {
    let names = PossibleValuesParser::new(formats.iter().map(|format| format.as_str()));
    names.try_map(|name| formats.iter().find(|format| format.as_str() == name).copied().ok_or("no such format"))
}

/// The error of a command that does not have a format.
pub(super) fn missing(format: OutputFormat, command: &str) -> CommandError {
    CommandError::usage(format!("`{command}` does not print {}", format.as_str()))
}
