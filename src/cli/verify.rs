//! `hl verify`: proves that what runs works, without changing anything.

use clap::Args;
use tokio::sync::mpsc;

use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::selection::Selection;
use super::terminal::Terminal;
use super::waiting::Waiting;
use crate::model::{ServiceName, Target};
use crate::node::Connections;
use crate::render;
use crate::workflow::{self, observe_with_record, record, require_declared};

/// Verify services by Docker's health checks and each service's healthcheck.sh.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these services; all by default.
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    #[command(flatten)]
    selection: Selection,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, &[], Connections::Keep, terminal, record).await?;
    let mut selection = arguments.selection.clone();
    selection.targets.extend(arguments.services.iter().map(Target::from));
    let options = selection.options(&observation, &state.view)?;
    require_declared(&options, &observation.homelab)?;
    let (events, waits) = mpsc::unbounded_channel();
    let verifying = workflow::verify(&observation, &state.view, &options, events);
    let (verified, ()) = tokio::join!(verifying, Waiting::new(terminal).show(waits));
    terminal.data(&render::verify::verify(&verified, &observation.silent_nodes(&options), &terminal.options()))?;
    let failed = verified.iter().any(|service| !service.problems.is_empty());
    Ok(match (failed, observation.has_gaps(&options)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Done,
    })
}
