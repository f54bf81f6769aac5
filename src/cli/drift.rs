//! `hl drift`: what somebody changed outside hl, and nothing else.

use std::collections::BTreeSet;

use clap::Args;

use super::Format;
use super::environment::Context;
use super::exit::{Answer, Exit};
use super::plan::{Form, show};
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use super::walk::look_with_record;
use crate::diff::Change;
use crate::model::view::RecordedView;
use crate::node::Connections;
use crate::plan::{self, Input};
use crate::state;

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
    let (world, state, _) = look_with_record(context, terminal, env, Connections::Close, state::read).await?;
    let options = world.options(&arguments.selection, &state.view)?;
    let mut changes: Vec<Change> = world.changes(&state.view, &state.sealer);
    changes.retain(Change::is_drift);
    // What is still to be proven is nobody's doing.
    let recorded = RecordedView { unproven: BTreeSet::new(), ..state.view.clone() };
    let plan = plan::plan(&Input {
        homelab: &world.homelab,
        recorded: &recorded,
        live: &world.live,
        changes: &changes,
        options: &options,
    });
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
