//! Applying a plan after somebody has agreed to it.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{mpsc::UnboundedSender, watch};

use super::observe::{Access, ConnectedNodes, Observation};
use super::plan::Planned;
use crate::apply::{self, PARALLELISM};
use crate::event::{Event, Interruption, Report};
use crate::model::view::RecordedService;
use crate::model::{NodeName, ServiceName};
use crate::node;
use crate::plan::Phase;
use crate::state::{self, Store};

/// A plan to apply, with what it was made from.
pub struct ApplyRequest<'a> {
    /// How the nodes are reached, for those whose connection was lost since they were observed.
    pub access: &'a Access,
    /// The observation that the plan was made from.
    pub observation: &'a Observation,
    /// The plan.
    pub planned: &'a Planned,
    /// The last phase; all if absent.
    pub until: Option<Phase>,
    /// The digest of the plan, for the history.
    pub digest: String,
    /// The commit of the repository, for the history.
    pub commit: Option<String>,
}

/// Records what the services are, for a plan that has nothing to do: a new protection is no step on any node.
///
/// # Errors
/// If the record cannot be written.
pub fn record_services(observation: &Observation, planned: &Planned, store: &mut Store) -> Result<(), state::Error> {
    apply::record_services(&planned.plan, store, &services(observation))
}

/// Applies a plan. Interruptions come in by `stop`, what happens goes out by `events`.
///
/// # Errors
/// As [`apply::apply`]. A step that fails is no error; it is in the report.
pub async fn apply(
    request: ApplyRequest<'_>,
    store: &mut Store,
    stop: watch::Receiver<Interruption>,
    events: UnboundedSender<Event>,
) -> Result<Report, apply::Error> {
    let ApplyRequest { access, observation, planned, until, digest, commit } = request;
    let options = apply::Options {
        until,
        parallelism: PARALLELISM,
        nodes: observation.homelab.nodes.clone(),
        services: services(observation),
        secrets: observation.secrets(store.state().view.public_texts()),
        digest,
        commit,
        holder: store.owner().to_string(),
    };
    let nodes = reconnected(access, observation, planned).await;
    apply::apply(&planned.plan, &nodes, store, &options, stop, events).await
}

/// The connected nodes. Those that the plan writes to are connected to again where the connection was lost: somebody
/// may have thought about the plan for long.
async fn reconnected(access: &Access, observation: &Observation, planned: &Planned) -> ConnectedNodes {
    let written_to: BTreeSet<&NodeName> = planned.plan.steps.iter().map(|step| &step.node).collect();
    let (used, mut nodes): (ConnectedNodes, ConnectedNodes) =
        observation.nodes.clone().into_iter().partition(|(name, _)| written_to.contains(name));
    nodes.extend(node::reconnect_lost(used, &observation.homelab.nodes, &access.node_options).await);
    nodes
}

fn services(observation: &Observation) -> BTreeMap<ServiceName, RecordedService> {
    let services = observation.homelab.services.values();
    services.map(|service| (service.name.clone(), RecordedService::of(service))).collect()
}
