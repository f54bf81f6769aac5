//! The walk through one service: what it waits for, its resources, what goes first, what comes from elsewhere, its
//! containers, its verification.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::decide;
use super::fragment::Fragment;
use super::graph::StepGraph;
use super::relocation::{self, RelocationSource};
use super::service_plan::{Context, PlannedServices, ServicePlan};
use super::step::StepId;
use super::{Action, PlannedChange, Reason, containers, dependencies, removal, resources, verification};
use crate::diff::{Change, Presence};
use crate::model::Kind;
use crate::model::homelab::Service;
use crate::model::view::LiveNode;

/// Plans the services of a homelab, one after the other in dependency order.
pub(super) struct Services<'p, 'a> {
    context: &'p Context<'a>,
    graph: &'p mut StepGraph,
    planned: PlannedServices,
}

impl<'p, 'a> Services<'p, 'a> {
    pub(super) fn new(context: &'p Context<'a>, graph: &'p mut StepGraph) -> Self {
        Self { context, graph, planned: PlannedServices::new() }
    }

    /// Plans a service, after those that it depends on. `changes` are those of it on all nodes.
    pub(super) fn plan(&mut self, service: &'a Service, node: &'a LiveNode, changes: &[&'a Change]) -> Fragment {
        let (context, mut out) = (self.context, Fragment::default());
        let source = RelocationSource::of(context, service, changes, self.graph);
        let mut plan = service_plan(context, service, node, changes);
        plan.relocation = source.as_ref().and_then(|source| source.relocation(service));
        if plan.decisions.values().any(|d| !matches!(d.action, Action::Adopt | Action::Refresh)) {
            let (steps, part) = dependencies::steps(context, service, &self.planned, self.graph);
            plan.dependency_steps = steps;
            out.append(part);
        }
        let coming = source.as_ref().filter(|_| plan.relocation.is_some());
        if let Some(source) = coming {
            self.copy_config(&mut plan, source, &mut out);
        }
        out.changes.extend(changes.iter().filter_map(|change| {
            let was = change.renamed_from.clone()?;
            let reasons = vec![Reason::RenamedTo(change.addr.clone())];
            Some(PlannedChange { reasons, ..PlannedChange::forget(was, Vec::new()) })
        }));
        let resources = resources::plan(context, &plan, self.graph);
        plan.prerequisite_steps = resources.steps;
        plan.instances.current.retain(|_, live| !resources.removed_containers.contains(&live.id));
        out.append(resources.out);
        let (steps, part) = removal::leftovers(context, &plan, self.graph);
        plan.prerequisite_steps = steps;
        out.append(part);
        if let Some(source) = coming {
            let brought = relocation::bring_over(context, &plan, source, self.graph);
            plan.prerequisite_steps = brought.steps;
            out.append(brought.out);
        }
        let (containers, part) = containers::plan(context, &plan, self.graph);
        out.append(part);
        out.append(removal::resources(context, &plan, self.graph));
        let (steps, verification) = verification::plan(context, &plan, &containers, &self.planned, self.graph);
        out.verifications.extend(verification);
        if let Some(source) = &source {
            // A service declared as stopped has no health to verify. The proof is that its data was copied.
            let proof = &steps.verified | &plan.prerequisite_steps;
            out.append(relocation::clear(context, service, source, proof, self.graph));
        }
        self.planned.insert(service.name.clone(), steps);
        out
    }

    fn copy_config(&mut self, plan: &mut ServicePlan<'a>, source: &RelocationSource<'a>, out: &mut Fragment) {
        let Some((step, change)) = relocation::copy_config(self.context, plan.service, source, self.graph) else {
            return;
        };
        plan.prerequisite_steps.insert(step);
        if let Some(relocation) = &mut plan.relocation {
            relocation.folders.insert(change.addr.name.clone());
        }
        out.changes.push(change);
    }
}

/// A service with what is decided for its containers.
fn service_plan<'a>(
    context: &Context<'a>,
    service: &'a Service,
    node: &'a LiveNode,
    changes: &[&'a Change],
) -> ServicePlan<'a> {
    let recorded = context.input.recorded;
    let changes: Vec<&Change> = changes.iter().filter(|c| c.addr.node == service.node).copied().collect();
    let instances = context.instances(service);
    let of_containers: BTreeMap<String, &Change> = changes
        .iter()
        .filter(|c| c.addr.kind == Kind::Container && service.containers.contains_key(&c.addr.name))
        .filter(|c| c.presence != Presence::Leftover)
        .map(|c| (c.addr.name.clone(), *c))
        .collect();
    let remade = resources::remade_volumes(context, service, &changes);
    let decisions = decide(service, &of_containers, &instances, &remade, recorded, context.input.options);
    let none = BTreeSet::<StepId>::new;
    ServicePlan {
        service,
        node,
        changes,
        instances,
        decisions,
        dependency_steps: none(),
        prerequisite_steps: none(),
        relocation: None,
    }
}
