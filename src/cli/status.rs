//! `hl status`: what runs where.

use clap::Args;

use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::output_format;
use super::selection::Selection;
use super::terminal::Terminal;
use crate::model::status::Works;
use crate::node::Connections;
use crate::render;
use crate::render::OutputFormat;
use crate::workflow::{self, observe_with_record, record};

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json];

/// Show what runs where, and whether it is healthy.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Exit with 2 if a container does not work; with 3, as always, if not every node could be asked.
    #[arg(long)]
    check: bool,
    /// List what runs and belongs to no service, too.
    #[arg(long)]
    all: bool,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, &[], Connections::Close, terminal, record).await?;
    let options = arguments.selection.options(&observation, &state.view)?;
    let containers = workflow::status(&observation, &state.view, &options);
    let silent = observation.silent_nodes(&options);
    let undeclared = arguments.all.then(|| workflow::undeclared(&observation, &state.view, &options));
    match arguments.format {
        OutputFormat::Text => {
            let mut text = render::status::status(&containers, &silent, &terminal.options());
            text.extend(undeclared.map(|all| render::undeclared::list(&all, &terminal.options())));
            terminal.data(&text)?;
        }
        OutputFormat::Json => {
            let mut report = render::json::status::status(&containers, &silent);
            if let Some(all) = undeclared {
                report["undeclared"] = render::json::status::undeclared(&all);
            }
            terminal.json(&report)?;
        }
        format => return Err(output_format::missing(format, "hl status")),
    }
    let broken = containers.iter().any(|container| container.works == Works::No);
    Ok(match (observation.has_gaps(&options), broken && arguments.check) {
        (true, _) => Exit::Incomplete,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}
