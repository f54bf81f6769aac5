//! Listing what runs where.

use super::observe::Observation;
use crate::apply::Redactor;
use crate::diff;
use crate::model::homelab::{RunState, Service};
use crate::model::live_index::LiveIndex;
use crate::model::status::{ContainerState, ContainerStatus, Works};
use crate::model::view::{Health, LiveContainer, NodeView, RecordedView, Status};
use crate::model::{NodeName, ServiceName};
use crate::plan;

/// How the declared containers are that `options` ask for, by service and name. A service whose node could not be asked, or
/// that is not known, has one line.
pub fn status(observation: &Observation, recorded: &RecordedView, options: &plan::Options) -> Vec<ContainerStatus> {
    let (homelab, index) = (&observation.homelab, LiveIndex::of(&observation.live));
    let redactor = Redactor::hiding(&observation.secrets(recorded.public_texts()));
    let is_silent = |node: &NodeName| matches!(observation.live.nodes.get(node), Some(NodeView::Unknown { .. }));
    let mut all: Vec<ContainerStatus> = Vec::new();
    for service in homelab.services.values().filter(|s| options.asks_for(&s.node, &s.name)) {
        if is_silent(&service.node) {
            all.push(whole(&service.node, &service.name, ContainerState::Silent));
        }
        all.extend(of_service(service, &index, recorded, &redactor));
    }
    for (name, unresolved) in homelab.unresolved.iter().filter(|(name, u)| options.asks_for(&u.node, name)) {
        let state = match is_silent(&unresolved.node) {
            true => ContainerState::Silent,
            false => ContainerState::Unknown { why: unresolved.why.clone() },
        };
        all.push(whole(&unresolved.node, name, state));
    }
    all.sort_by_cached_key(|status| (format!("{}/{}", status.node, status.service), status.container.clone()));
    all
}

/// A service of whose containers nothing is known.
fn whole(node: &NodeName, service: &ServiceName, state: ContainerState) -> ContainerStatus {
    ContainerStatus {
        node: node.clone(),
        service: service.clone(),
        container: None,
        state,
        image: None,
        started_at: None,
        works: Works::Unknown,
        failed_check: None,
    }
}

fn of_service(
    service: &Service,
    index: &LiveIndex<'_>,
    recorded: &RecordedView,
    redactor: &Redactor,
) -> Vec<ContainerStatus> {
    let Some(node) = index.node(&service.node) else { return Vec::new() };
    let found = diff::instances(service, recorded, node);
    let cut_off = |live: &LiveContainer| diff::cut_off(live, node.live).filter(|_| service.state == RunState::Running);
    let of_container = |name: &String, live: Option<&&LiveContainer>| ContainerStatus {
        container: Some(name.clone()),
        image: Some(live.map_or_else(|| &service.containers[name].spec.image, |l| &l.spec.image).familiar()),
        started_at: live.map(|live| live.started_at.clone()),
        works: match live.and_then(|live| cut_off(live)) {
            Some(_) => Works::No,
            None => works(service, name, live.copied(), recorded),
        },
        failed_check: live.and_then(|live| live.failed_check.clone()).map(|check| redactor.clean_check(check)),
        ..whole(
            &service.node,
            &service.name,
            live.map_or(ContainerState::Missing, |live| match cut_off(live) {
                Some(owner) => ContainerState::CutOff { from: owner.name.clone() },
                None => ContainerState::Live { status: live.status.clone(), health: live.health.clone() },
            }),
        )
    };
    service.containers.keys().map(|name| of_container(name, found.current.get(name))).collect()
}

/// Whether a container does what it is declared for.
pub(super) fn works(service: &Service, name: &str, live: Option<&LiveContainer>, recorded: &RecordedView) -> Works {
    if service.state == RunState::Stopped {
        return Works::Yes;
    }
    let Some(live) = live else { return Works::No };
    match (&live.status, &live.health) {
        (Status::Running, None | Some(Health::Healthy)) => Works::Yes,
        (Status::Running, Some(Health::Starting)) => Works::NotYet,
        (Status::Running, Some(Health::Unhealthy)) => Works::No,
        (Status::Exited { code: 0 }, _) => {
            let record = recorded.resources.get(&service.addr(crate::model::Kind::Container, name));
            match diff::is_done(&service.containers[name], live, record) {
                true => Works::Yes,
                false => Works::No,
            }
        }
        (_, _) => Works::No,
    }
}
