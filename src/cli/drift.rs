//! `hl drift`: what somebody changed outside hl, and nothing else.

use clap::Args;

use super::Format;
use super::environment::Context;
use super::exit::{Answer, Exit};
use super::plan::{Form, show};
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::node::Connections;
use crate::workflow::{observe_with_record, record};

/// Show what was changed outside hl. Exits with 2 if something was, with 3 if not every node could be asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let env = &arguments.variables.variables;
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, env, Connections::Close, terminal, record).await?;
    let options = arguments.selection.options(&observation, &state.view)?;
    let plan = observation.drift(&state.view, &state.sealer, &options);
    let incomplete = plan.is_incomplete();
    match (arguments.format, plan.has_changes() || incomplete) {
        (Format::Json, _) => show(&plan, Form::Json, terminal)?,
        (Format::Text, true) => show(&plan, Form::Text, terminal)?,
        (Format::Text, false) => terminal.data("No drift: nothing was changed outside hl.\n")?,
    }
    Ok(match (incomplete, plan.has_changes()) {
        (true, _) => Exit::Incomplete,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}
