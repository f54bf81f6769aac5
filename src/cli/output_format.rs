//! How outputs are printed: one list of formats, of which each command has some.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::command_error::CommandError;

/// How something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
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
    /// Reads one of the formats that a command has; clap lists them where another one is given.
    pub fn one_of(formats: &[OutputFormat]) -> impl TypedValueParser<Value = OutputFormat> + use<> {
        let names = formats.iter().filter_map(ValueEnum::to_possible_value);
        PossibleValuesParser::new(names).try_map(|name| OutputFormat::from_str(&name, false))
    }

    /// The error of a command that does not have this format.
    pub fn missing(self, command: &str) -> CommandError {
        let name = self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        CommandError::usage(format!("`{command}` does not print {name}"))
    }
}
