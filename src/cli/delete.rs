//! `hl delete`: takes a service off its node, as if its folder were gone.

use std::collections::BTreeSet;

use clap::Args;

use super::apply::{Consent, Job, carry_out};
use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::plan::Limits;
use super::terminal::Terminal;
use crate::diagnostic::did_you_mean;
use crate::model::ServiceName;
use crate::node;
use crate::plan;
use crate::state::Store;
use crate::workflow::observe;

/// Take a service off its node: its containers and networks; its data stays.
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
    let mut store = Store::open(&context.state()?, context.claim("delete")).map_err(Failure::world)?;
    let mut observation = observe(&context.access(), &[], node::Connections::Keep, terminal).await?;
    let recorded = &store.state().view;
    if !recorded.services.contains_key(name) {
        let failure = Failure::world(format!("hl has recorded nothing of a service `{name}`"));
        let near = did_you_mean(name.as_str(), recorded.services.keys().map(|n| n.as_str()));
        return Err(match near {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`hl apply` records what runs; what hl never recorded it does not remove"),
        });
    }
    let declared = observation.homelab.services.contains_key(name) || observation.homelab.unresolved.contains_key(name);
    let gone = BTreeSet::from([name.clone()]);
    observation.leave_out(&gone);
    let target = name.as_str().parse().map_err(Failure::world)?;
    let options = plan::Options { targets: vec![target], delete: gone, ..plan::Options::default() };
    let planned = observation.plan(&store.state().view, &store.state().sealer, arguments.limits.set(options));
    let job = Job { planned, until: None, digest: None };
    let exit = carry_out(job, &observation, &mut store, arguments.consent, context, terminal).await?;
    if declared && exit == Exit::Done {
        terminal.talk(&format!(
            "The repository still declares {name}: remove services/{name} and its line in the inventory, or the next \
             apply brings it back."
        ));
    }
    Ok(exit)
}
