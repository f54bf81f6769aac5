//! Containers on the nodes that belong to no service: what hl leaves alone.

use std::collections::BTreeSet;

use super::observe::Observation;
use crate::model::homelab::Undeclared;
use crate::model::status::{ContainerState, UndeclaredContainer};
use crate::model::view::RecordedView;
use crate::model::{NodeName, ProjectName};
use crate::plan;

/// The undeclared containers that a plan names: not the ones of nodes whose undeclared projects are somebody else's.
pub fn reported(
    observation: &Observation,
    recorded: &RecordedView,
    options: &plan::Options,
) -> Vec<UndeclaredContainer> {
    let mut all = undeclared(observation, recorded, options);
    all.retain(|container| observation.homelab.nodes[&container.node].undeclared == Undeclared::Report);
    all
}

/// The containers of projects that no service declares or has on record, and of no project, on the nodes that are asked
/// for; by node, project and name.
pub fn undeclared(
    observation: &Observation,
    recorded: &RecordedView,
    options: &plan::Options,
) -> Vec<UndeclaredContainer> {
    let homelab = &observation.homelab;
    let declared = homelab.services.values().map(|service| (&service.node, service.project.as_str()));
    let recorded = recorded.services.values().map(|service| (&service.node, service.project.as_str()));
    // Of what could not be resolved nobody knows the project; it is most often called like the service.
    let unresolved = homelab.unresolved.iter().map(|(name, service)| (&service.node, name.as_str()));
    let own: BTreeSet<(&NodeName, &str)> = declared.chain(recorded).chain(unresolved).collect();
    let mut all = Vec::new();
    let known = observation.live.nodes.iter().filter_map(|(name, node)| Some((name, node.known()?)));
    for (name, node) in known.filter(|(name, _)| options.asks_for_node(name)) {
        let project = |live: &crate::model::view::LiveContainer| live.identity.as_ref().map(|i| i.project.clone());
        let is_foreign = |project: &Option<ProjectName>| {
            project.as_ref().is_none_or(|project| !own.contains(&(name, project.as_str())))
        };
        for live in node.containers.values() {
            let project = project(live);
            if is_foreign(&project) {
                let state = ContainerState::Live { status: live.status.clone(), health: live.health.clone() };
                all.push(UndeclaredContainer {
                    node: name.clone(),
                    project,
                    name: live.name.clone(),
                    state,
                    image: live.spec.image.familiar(),
                    started_at: live.started_at.clone(),
                });
            }
        }
    }
    all.sort_by_cached_key(|container| (container.node.clone(), container.project.clone(), container.name.clone()));
    all
}
