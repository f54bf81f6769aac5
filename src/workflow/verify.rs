//! Verifying that services work as they are, without changing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::observe::Observation;
use crate::apply::verify::{self, Subject};
use crate::diff;
use crate::model::homelab::Service;
use crate::model::live_index::LiveIndex;
use crate::model::status::{Problem, Verified};
use crate::model::view::{Health, RecordedView, Status};
use crate::plan;

/// Verifies the services that `options` ask for, all at once. They are given in the order of their dependencies.
pub async fn verify(observation: &Observation, recorded: &RecordedView, options: &plan::Options) -> Vec<Verified> {
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
        secrets: &observation.secrets(),
    };
    verify::verify(&job).await
}

/// A service with how its containers are, as they were observed.
fn subject<'a>(service: &'a Service, index: &LiveIndex<'_>, recorded: &RecordedView) -> Subject<'a> {
    let (mut problems, mut starting) = (Vec::new(), BTreeMap::new());
    let Some(node) = index.node(&service.node) else {
        return Subject { service, problems, starting };
    };
    let found = diff::instances(service, recorded, node);
    for (name, declared) in &service.containers {
        let container = name.clone();
        let Some(live) = found.current.get(name) else {
            problems.push(Problem::Missing { container });
            continue;
        };
        match (&live.status, &live.health) {
            (Status::Running, None | Some(Health::Healthy)) | (Status::Exited { code: 0 }, _) => {}
            (Status::Running, Some(Health::Starting)) => {
                starting.insert(live.id.clone(), Duration::from_millis(plan::readiness_timeout(declared)));
            }
            (Status::Running, Some(Health::Unhealthy)) => problems.push(Problem::Unhealthy { container }),
            (status, _) => problems.push(Problem::NotRunning { container, status: status.clone() }),
        }
    }
    Subject { service, problems, starting }
}
