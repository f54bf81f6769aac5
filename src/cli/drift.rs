//! `hl drift`: what somebody changed outside hl, and nothing else.

use clap::Args;

use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::output_format;
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::node::Connections;
use crate::render::value::Secrets;
use crate::render::{self, OutputFormat};
use crate::workflow::{observe_with_record, record};

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json];

/// Show what was changed outside hl. Exits with 2 if something was, with 3 if not every node could be asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let env = &arguments.variables.variables;
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, env, Connections::Close, terminal, record).await?;
    let options = arguments.selection.options(&observation, &state.view)?;
    let plan = observation.drift(&state.view, &state.sealer, &options);
    let incomplete = plan.is_incomplete();
    match arguments.format {
        OutputFormat::Text => terminal.data(&render::plan::drift(&plan, &terminal.options()))?,
        OutputFormat::Json => terminal.json(&render::json::drift(&plan, &mut Secrets::default()))?,
        format => return Err(output_format::missing(format, "hl drift")),
    }
    Ok(match (incomplete, plan.has_changes()) {
        (true, _) => Exit::Incomplete,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}
