//! `hl delete`: takes a service off its node, as if its folder were gone.

use clap::Args;

use super::apply::{Consent, Job, carry_out};
use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::plan::Limits;
use super::terminal::Terminal;
use crate::model::ServiceName;
use crate::node::Connections;
use crate::plan;
use crate::state::Store;
use crate::workflow::{observe, plan_removal};

/// Remove the containers and networks of a service from its node; its data stays.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The service.
    #[arg(value_name = "SERVICE")]
    service: ServiceName,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    consent: Consent,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let name = &arguments.service;
    let mut store = Store::open(&context.state()?, context.lock_owner("delete"))?;
    let access = context.access();
    let mut observation = observe(&access, &[], Connections::Keep, terminal, store.state(), Some(name)).await?;
    let limits = arguments.limits.set(plan::Options::default(), &observation, &store.state().view)?;
    let removal = plan_removal(&mut observation, name, store.state(), limits)?;
    let job = Job {
        access: &access,
        observation: &observation,
        planned: &removal.planned,
        until: None,
        digest: None,
        consent: arguments.consent,
    };
    let mut exit = carry_out(job, &mut store, context, terminal).await?;
    // Also where its node is in maintenance, which is no gap in other plans: it was asked for by name.
    if exit == Exit::Done && removal.planned.plan.unknown.values().any(|unknown| unknown.services.contains(name)) {
        exit = Exit::Incomplete;
    }
    if removal.is_declared && exit == Exit::Done {
        terminal.talk(&format!(
            "The repository still declares {name}: remove services/{name} and its line in the inventory, or the next \
             apply brings it back."
        ));
    }
    Ok(exit)
}
