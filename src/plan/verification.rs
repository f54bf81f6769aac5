//! The verification of a whole service, and what its dependents wait for.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Decision;
use super::graph::StepGraph;
use super::operation::Operation;
use super::readiness::await_container;
use super::service_plan::{ContainerSteps, Context, PlannedServices, ServicePlan, ServiceSteps};
use super::step::{Phase, StepId};
use super::{Reason, Verification};
use crate::diff::Presence;
use crate::model::homelab::{HealthScript, Rollback, RunState};
use crate::model::{Kind, ServiceName};

/// Plans the verification of a service after the steps of its containers.
pub(super) fn plan(
    context: &Context<'_>,
    plan: &ServicePlan<'_>,
    containers: &BTreeMap<String, ContainerSteps>,
    planned: &PlannedServices,
    graph: &mut StepGraph,
) -> (ServiceSteps, Option<Verification>) {
    let service = plan.service;
    let mut result = ServiceSteps { disturbed: disturbed(plan), ..ServiceSteps::default() };
    for steps in containers.values() {
        result.started.extend(&steps.started);
        result.verified.extend(&steps.verified);
    }
    // A service declared as stopped is not verified.
    let runs = service.state == RunState::Running;
    // Each container on a network that is made anew has to find its neighbours again.
    let rewired = runs && !plan.network_groups.is_empty();
    let touched = rewired || runs && !(result.started.is_empty() && result.verified.is_empty());
    let is_upset = |name: &&ServiceName| runs && planned.get(*name).is_some_and(|s| s.disturbed);
    let upset: Vec<&ServiceName> = service.depends_on.keys().filter(is_upset).collect();
    let after_upset: BTreeSet<StepId> =
        upset.iter().filter_map(|name| planned.get(*name)).flat_map(|s| s.verified.iter().copied()).collect();
    // An in-place change takes effect at once and proves nothing.
    let proves = result.verified.iter().any(|id| graph.get(*id).phase == Phase::Verify);
    let unverified = runs && !proves && context.input.recorded.unverified.contains(&service.name);
    let mut reasons: Vec<Reason> = upset.iter().map(|name| Reason::DependencyChanged((*name).clone())).collect();
    if touched {
        reasons.insert(0, Reason::Verify);
    }
    if unverified || rewired || !touched && !upset.is_empty() {
        let after = if rewired { &after_upset | &plan.prerequisite_steps } else { after_upset.clone() };
        result.verified.extend(await_running(plan, &after, graph));
    }
    if unverified {
        reasons.push(Reason::Unproven);
    }
    if let (Some(script), false) = (&service.health, reasons.is_empty()) {
        let mut after: BTreeSet<StepId> = &(&result.verified | &result.started) | &after_upset;
        if rewired {
            after.extend(&plan.prerequisite_steps);
        }
        let groups = || containers.values().flat_map(|steps| &steps.groups).chain(&plan.network_groups);
        let taken_back = groups().filter(|(_, rollback)| **rollback == Rollback::On).map(|(group, _)| *group);
        let step = graph.step(service, Phase::Verify, run_script(context, plan, script));
        let step = plan.proving(step.after(after).verifies(taken_back)).add();
        // The leftovers of a replacement are removed after this step.
        groups().for_each(|(group, _)| graph.proves(*group, step));
        result.verified.insert(step);
    }
    // Only wait steps and health scripts count as verification.
    let steps: Vec<StepId> =
        result.verified.iter().copied().filter(|id| graph.get(*id).phase == Phase::Verify).collect();
    let verification = (!reasons.is_empty() && !steps.is_empty()).then(|| Verification {
        node: service.node.clone(),
        service: service.name.clone(),
        reasons,
        steps,
    });
    (result, verification)
}

/// Whether something of a service is interrupted or made anew.
fn disturbed(plan: &ServicePlan<'_>) -> bool {
    plan.decisions.values().any(Decision::disturbs)
        || !plan.network_groups.is_empty()
        || plan.changes.iter().any(|c| c.presence == Presence::Gone && c.addr.kind == Kind::Container)
}

fn run_script(context: &Context<'_>, plan: &ServicePlan<'_>, script: &HealthScript) -> Operation {
    Operation::RunHealthScript {
        script: Box::new(script.clone()),
        directory: plan.service.project_dir.clone(),
        env_file: context.env_file(plan.service),
    }
}

/// Waits again for the running containers of a service whose dependencies were disturbed, or which was not proven.
fn await_running(plan: &ServicePlan<'_>, after: &BTreeSet<StepId>, graph: &mut StepGraph) -> Vec<StepId> {
    let checked = plan.instances.current.iter().filter(|(_, live)| live.health.is_some());
    // One that goes, or that is started anew, proves nothing as it is now.
    let stays = |name: &String| plan.decisions.get(name).is_none_or(|decision| !decision.disturbs());
    checked
        .filter(|(name, _)| stays(name))
        .map(|(name, live)| {
            let wait = await_container(&plan.service.containers[name], live.id.clone());
            let addr = plan.service.addr(Kind::Container, name);
            let step = graph.step(plan.service, Phase::Verify, wait).about(&addr).after(after.iter().copied());
            plan.proving(step).add()
        })
        .collect()
}
