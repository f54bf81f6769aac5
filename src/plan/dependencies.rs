//! The steps and states of its dependencies that a service waits for, and who depends on its containers.

use std::collections::BTreeSet;

use super::fragment::Fragment;
use super::graph::StepGraph;
use super::readiness::{await_container, is_well};
use super::service_plan::{Context, PlannedServices, ServicePlan};
use super::step::{Phase, StepId};
use super::{Dependent, Note, Reason, Verification};
use crate::model::Kind;
use crate::model::homelab::{Condition, Container, RunState, Service};

/// The steps that the containers of a service wait for in other services. A dependency that is not touched and not well
/// is waited for too: dependents are not touched before it is.
pub(super) fn steps(
    context: &Context<'_>,
    service: &Service,
    planned: &PlannedServices,
    graph: &mut StepGraph,
) -> (BTreeSet<StepId>, Fragment) {
    let (mut steps, mut out) = (BTreeSet::new(), Fragment::default());
    for (name, condition) in &service.depends_on {
        if let Some(needed) = planned.get(name) {
            steps.extend(match condition {
                Condition::Started => &needed.started,
                Condition::Healthy | Condition::Completed => &needed.verified,
            });
        }
        let untouched = planned.get(name).is_none_or(|s| s.verified.is_empty());
        let (Some(other), true) = (context.input.homelab.services.get(name), untouched) else { continue };
        if other.state == RunState::Stopped {
            out.notes.push(Note::NeedsStopped { service: service.name.clone(), needed: name.clone() });
            continue;
        }
        if *condition != Condition::Started {
            let waits = await_unwell(context, other, graph);
            steps.extend(&waits);
            if !waits.is_empty() {
                out.verifications.push(Verification {
                    node: other.node.clone(),
                    service: other.name.clone(),
                    reasons: vec![Reason::Verify],
                    steps: waits,
                });
            }
        }
    }
    (steps, out)
}

/// Waits for those containers of an untouched service that are not well at the moment.
fn await_unwell(context: &Context<'_>, service: &Service, graph: &mut StepGraph) -> Vec<StepId> {
    let instances = context.instances(service);
    let live = service.containers.iter().filter_map(|(name, c)| Some((name, c, *instances.current.get(name)?)));
    live.filter(|(_, _, live)| !is_well(live))
        .map(|(name, container, live)| {
            let wait = await_container(container, live.id.clone());
            graph.step(service, Phase::Verify, wait).about(&service.addr(Kind::Container, name)).add()
        })
        .collect()
}

/// The dependents of a container: neighbours in the project, then services that need this one.
pub(super) fn dependents(context: &Context<'_>, plan: &ServicePlan<'_>, container: &Container) -> Vec<Dependent> {
    let neighbours = plan
        .service
        .containers
        .iter()
        .filter(|(_, c)| c.depends_on.contains_key(&container.compose_service))
        .map(|(name, _)| Dependent::Resource(plan.service.addr(Kind::Container, name)));
    let needing = context.index.needed_by(&plan.service.name).iter();
    let services = needing.map(|s| Dependent::Service { node: s.node.clone(), service: s.name.clone() });
    neighbours.chain(services).collect()
}
