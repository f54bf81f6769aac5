//! Verifying that services work as they are, without changing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::observe::Observation;
use super::status::works;
use crate::apply::verify::{self, Starting, Subject};
use crate::diff;
use crate::event::ProvingEvent;
use crate::model::homelab::{RunState, Service};
use crate::model::live_index::LiveIndex;
use crate::model::status::{Problem, Proof, Verified, Works};
use crate::model::view::{NodeView, RecordedView, Status};
use crate::plan;

/// Verifies the services that `options` ask for, all at once. They are given in the order of their dependencies; what is
/// waited for goes out by `events`.
pub async fn verify(
    observation: &Observation,
    recorded: &RecordedView,
    options: &plan::Options,
    events: UnboundedSender<ProvingEvent>,
) -> Vec<Verified> {
    let index = LiveIndex::of(&observation.live);
    let order = plan::service_order(&observation.homelab);
    let chosen = order
        .iter()
        .filter_map(|name| observation.homelab.services.get(name))
        .filter(|service| options.asks_for(&service.node, &service.name));
    let job = verify::Job {
        services: chosen.map(|service| subject(service, &index, recorded)).collect(),
        live: &observation.live,
        declared: &observation.homelab.nodes,
        nodes: &observation.nodes,
        secrets: &observation.secrets(recorded.public_texts()),
        events,
    };
    let mut all = verify::verify(&job).await;
    all.extend(unresolved(observation, options));
    all.sort_by_key(|verified| order.iter().position(|name| *name == verified.service));
    all
}

/// The services of which it is not known what they are to be.
fn unresolved(observation: &Observation, options: &plan::Options) -> Vec<Verified> {
    let unresolved = &observation.homelab.unresolved;
    let chosen = unresolved.iter().filter(|(name, unresolved)| options.asks_for(&unresolved.node, name));
    let of = chosen.map(|(name, unresolved)| {
        let proof = match observation.live.nodes.get(&unresolved.node) {
            Some(NodeView::Unknown { .. }) => Proof::Silent,
            Some(NodeView::Maintenance) => Proof::Maintenance,
            Some(NodeView::Known(_)) | None => Proof::Unknown { why: unresolved.why.clone() },
        };
        Verified { node: unresolved.node.clone(), service: name.clone(), proof, problems: Vec::new() }
    });
    of.collect()
}

/// A service with how its containers are, as they were observed.
fn subject<'a>(service: &'a Service, index: &LiveIndex<'_>, recorded: &RecordedView) -> Subject<'a> {
    let (mut problems, mut starting, mut logs) = (Vec::new(), Vec::new(), BTreeMap::new());
    let Some(node) = index.node(&service.node) else {
        return Subject { service, problems, starting, logs };
    };
    let found = diff::instances(service, recorded, node);
    for (name, declared) in &service.containers {
        let container = name.clone();
        let Some(live) = found.current.get(name) else {
            problems.push(Problem::Missing { container });
            continue;
        };
        if let Some(owner) = diff::cut_off(live, node.live).filter(|_| service.state == RunState::Running) {
            problems.push(Problem::CutOff { container, from: owner.name.clone() });
            continue;
        }
        match (works(service, name, Some(live), recorded), &live.status) {
            (Works::Yes | Works::Unknown, _) => {}
            (Works::NotYet, _) => starting.push(Starting {
                id: live.id.clone(),
                name: live.name.clone(),
                timeout: Duration::from_millis(plan::readiness_timeout(declared)),
            }),
            (Works::No, Status::Running) => {
                problems.push(Problem::Unhealthy { container, check: live.failed_check.clone() });
            }
            (Works::No, status) => {
                logs.insert(container.clone(), live.id.clone());
                problems.push(Problem::NotRunning { container, status: status.clone(), log: Vec::new() });
            }
        }
    }
    Subject { service, problems, starting, logs }
}
