//! `hl schema`: the published shapes of hl's JSON.

use clap::{Args, ValueEnum};

use super::exit::{Answer, Exit};
use super::terminal::Terminal;

/// Print the JSON Schema of one of hl's outputs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The output.
    #[arg(value_enum)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// Of `hl plan --format json`.
    Plan,
    /// Of `hl state list` and `hl state show`.
    State,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Answer {
    terminal.data(match arguments.output {
        Output::Plan => include_str!("../../schema/plan.schema.json"),
        Output::State => include_str!("../../schema/state.schema.json"),
    })?;
    Ok(Exit::Done)
}
