//! `hl schema`: the published shapes of hl's JSON and of the files that people write for it.

use clap::{Args, ValueEnum};

use super::command_error::Answer;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::render::printable::Printable;

/// Print the JSON Schema of one of hl's outputs or files.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The output or the file.
    #[arg(value_enum)]
    shape: Shape,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// Of `hl plan --format json`.
    Plan,
    /// Of `hl update --format json`.
    Update,
    /// Of `hl state list` and `hl state show`.
    State,
    /// Of `hl doctor --format json`.
    Doctor,
    /// Of `services/<service>/service.yaml`.
    Service,
    /// Of `inventory/topology.yaml`.
    Topology,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Answer {
    let schema = match arguments.shape {
        Shape::Plan => include_str!("../../schema/plan.schema.json"),
        Shape::Update => include_str!("../../schema/update.schema.json"),
        Shape::State => include_str!("../../schema/state.schema.json"),
        Shape::Doctor => include_str!("../../schema/doctor.schema.json"),
        Shape::Service => include_str!("../../schema/service.schema.json"),
        Shape::Topology => include_str!("../../schema/topology.schema.json"),
    };
    terminal.print(&Printable::json(schema))?;
    Ok(Exit::Done)
}
