//! Listing what runs where.

use super::observe::Observation;
use crate::diff;
use crate::model::homelab::Service;
use crate::model::live_index::LiveIndex;
use crate::model::status::{ContainerState, ContainerStatus};
use crate::model::view::{LiveContainer, RecordedView};
use crate::plan;

/// How the declared containers are that `options` ask for, by service and name. Those of a node that does not answer are left
/// out.
pub fn status(observation: &Observation, recorded: &RecordedView, options: &plan::Options) -> Vec<ContainerStatus> {
    let (homelab, index) = (&observation.homelab, LiveIndex::of(&observation.live));
    let services = homelab.services.values().filter(|s| options.asks_for(&s.node, &s.name));
    let mut all: Vec<ContainerStatus> = services.flat_map(|service| of_service(service, &index, recorded)).collect();
    let unresolved = homelab.unresolved.iter().filter(|(name, u)| options.asks_for(&u.node, name));
    all.extend(unresolved.map(|(name, unresolved)| ContainerStatus {
        node: unresolved.node.clone(),
        service: name.clone(),
        container: None,
        state: ContainerState::Unknown { why: unresolved.why.clone() },
        image: None,
        started_at: None,
    }));
    all.sort_by_cached_key(|status| (format!("{}/{}", status.node, status.service), status.container.clone()));
    all
}

fn of_service(service: &Service, index: &LiveIndex<'_>, recorded: &RecordedView) -> Vec<ContainerStatus> {
    let Some(node) = index.node(&service.node) else { return Vec::new() };
    let found = diff::instances(service, recorded, node);
    let of_container = |name: &String, live: Option<&&LiveContainer>| ContainerStatus {
        node: service.node.clone(),
        service: service.name.clone(),
        container: Some(name.clone()),
        state: live.map_or(ContainerState::Missing, |live| ContainerState::Live {
            status: live.status.clone(),
            health: live.health.clone(),
        }),
        image: Some(live.map_or_else(|| &service.containers[name].spec.image, |l| &l.spec.image).familiar()),
        started_at: live.map(|live| live.started_at.clone()),
    };
    service.containers.keys().map(|name| of_container(name, found.current.get(name))).collect()
}
