//! `hl delete`: takes a service off its node, as if its folder were gone.

use clap::Args;

use super::apply::{Consent, Job, carry_out};
use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::plan::Limits;
use super::terminal::Terminal;
use crate::model::{Addr, ServiceName};
use crate::node::Connections;
use crate::plan;
use crate::render::english::shortened;
use crate::state::Store;
use crate::workflow::{Observation, observe, plan_removal};

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
    let mut observation = observe(&access, &[], Connections::Keep, terminal, store.state_mut(), Some(name)).await?;
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
    if exit == Exit::Done
        && removal
            .planned
            .plan
            .unknown
            .values()
            .any(|unknown| unknown.services.iter().any(|service| service.whole() == *name))
    {
        exit = Exit::Incomplete;
    }
    let left: Vec<&Addr> = store.state().view.resources.keys().filter(|addr| addr.service.whole() == *name).collect();
    if exit == Exit::Done && !left.is_empty() {
        terminal.warn(&not_deleted(name, &left, &observation));
        exit = Exit::Incomplete;
    }
    if removal.is_declared && exit == Exit::Done {
        terminal.talk(&format!(
            "The repository still declares {name}: remove its folder and its line in the inventory, or the next apply \
             brings it back."
        ));
    }
    Ok(exit)
}

/// The remains of a service that were not deleted, although nothing went wrong with what was planned.
fn not_deleted(service: &ServiceName, left: &[&Addr], observation: &Observation) -> String {
    let addresses: Vec<String> = left.iter().map(ToString::to_string).collect();
    let unknown = left.iter().map(|addr| &addr.node).find(|node| !observation.homelab.nodes.contains_key(*node));
    let what = shortened(&addresses, 12);
    match unknown {
        Some(node) => format!(
            "not deleted: {what}. {node} is not in the inventory: put it back there, run `hl delete {service}`, and take it \
             out again; or, if the machine is gone, nothing is left to delete."
        ),
        None => format!("not deleted: {what}. `hl plan` says what is in the way."),
    }
}
