//! The walk through one service: what it waits for, its resources, what goes first, what comes from elsewhere, its
//! containers, its verification.

use super::fragment::Fragment;
use super::graph::StepGraph;
use super::planned::Progress;
use super::predecessor::Predecessor;
use super::relocation::{self, RelocationSource};
use super::service_plan::{Context, PlannedServices, ServicePlan};
use super::{Action, PlannedChange, Reason, containers, dependencies, removal, resources, verification};
use crate::diff::{Change, Presence};

/// Plans the services of a homelab, one after the other in dependency order.
pub(super) struct Services<'p, 'a> {
    context: &'p Context<'a>,
    graph: &'p mut StepGraph,
    planned: PlannedServices,
    progress: Progress<'a>,
}

impl<'p, 'a> Services<'p, 'a> {
    pub(super) fn new(context: &'p Context<'a>, progress: Progress<'a>, graph: &'p mut StepGraph) -> Self {
        Self { context, graph, planned: PlannedServices::new(), progress }
    }

    /// Plans a service, after those that it depends on. `changes` are those of it on all nodes.
    pub(super) fn plan(&mut self, mut plan: ServicePlan<'a>, changes: &[&'a Change]) -> Fragment {
        let (context, service, mut out) = (self.context, plan.service, Fragment::default());
        let source = RelocationSource::of(context, service, changes, self.graph);
        let predecessor = Predecessor::of(context, service, self.graph);
        plan.relocation = source.as_ref().and_then(|source| source.relocation(service));
        if plan.decisions.values().any(|d| !matches!(d.action, Action::Adopt | Action::Refresh)) {
            let (steps, part) = dependencies::steps(context, service, &self.planned, self.graph);
            plan.dependency_steps = steps;
            out.append(part);
        }
        let coming = source.as_ref().filter(|_| plan.relocation.is_some());
        if let (None, Some(predecessor)) = (coming, &predecessor) {
            plan.relocation = Some(predecessor.relocation());
        }
        if let Some(source) = coming {
            self.copy_config(&mut plan, source, &mut out);
        }
        let resources = resources::plan(context, &plan, &mut self.progress, self.graph);
        plan.prerequisite_steps = resources.steps;
        plan.network_groups = resources.groups;
        // They are removed with the volume, so that there is no old one to keep.
        plan.instances.current.retain(|_, live| !self.progress.volume_users.removed.contains(live.id.as_str()));
        out.append(resources.out);
        let (steps, part) = removal::leftovers(context, &plan, self.graph);
        plan.prerequisite_steps = steps;
        out.append(part);
        if let Some(source) = coming {
            let brought = relocation::bring_over(context, &plan, source, self.graph);
            plan.prerequisite_steps = brought.steps;
            out.append(brought.out);
        } else if let Some(predecessor) = &predecessor {
            let brought = predecessor.bring_over(context, &mut plan, self.graph);
            plan.prerequisite_steps = brought.steps;
            out.append(brought.out);
        }
        let (containers, part) = containers::plan(context, &plan, &mut self.progress, self.graph);
        out.append(part);
        let old_names: Vec<_> = changes.iter().filter_map(|change| forgotten_name(change, &out.changes)).collect();
        out.changes.extend(old_names);
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

/// The record of what goes by another address now. It goes when what takes its place is made.
fn forgotten_name(change: &Change, planned: &[PlannedChange]) -> Option<PlannedChange> {
    let was = change.renamed_from.clone()?;
    let now = planned.iter().find(|planned| planned.addr == change.addr);
    let steps = now.filter(|_| change.presence == Presence::Rehomed).map(|now| now.steps.clone()).unwrap_or_default();
    let reasons = vec![Reason::RenamedTo(change.addr.clone())];
    Some(PlannedChange { reasons, steps, ..PlannedChange::forget(was, Vec::new()) })
}
