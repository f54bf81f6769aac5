//! Images: pulled or built once for all that need them, before anything stops.

use super::fragment::Fragment;
use super::graph::{Milestone, StepGraph};
use super::operation::Operation;
use super::service_plan::ServicePlan;
use super::step::{Phase, StepId};
use super::{Action, PlannedChange, Reason};
use crate::model::Kind;
use crate::model::spec::{ImageRef, PullPolicy};

/// The step after which an image is on the service's node as declared, if it has to be brought there. `changed` tells
/// what it is built from and was not before.
pub(super) fn ensure(
    plan: &ServicePlan<'_>,
    reference: &ImageRef,
    changed: Vec<Reason>,
    graph: &mut StepGraph,
    out: &mut Fragment,
) -> Option<StepId> {
    let service = plan.service;
    let milestone = Milestone::Image(service.node.clone(), reference.normal());
    if let Some(step) = graph.reached(&milestone) {
        return Some(step);
    }
    let (operation, reasons) = operation(plan, reference, changed)?;
    let addr = service.addr(Kind::Image, reference.familiar());
    let step = graph.step(service, Phase::Prepare, operation).about(&addr).add();
    graph.reach(milestone, step);
    out.changes.push(PlannedChange::new(addr, Action::Run, reasons, vec![step]));
    Some(step)
}

/// Returns the operation that provides an image on the node, with its reasons; `None` if the image is present and needs
/// no update.
fn operation(plan: &ServicePlan<'_>, reference: &ImageRef, changed: Vec<Reason>) -> Option<(Operation, Vec<Reason>)> {
    let declared = plan.service.images.get(reference.as_str());
    let present = plan.node.image(reference).is_some();
    let policy = declared.map(|i| i.pull.clone()).unwrap_or_default();
    let build = declared.and_then(|i| i.build.clone());
    let build_it = |build| Operation::BuildImage { reference: reference.clone(), build: Box::new(build) };
    Some(match (build, policy, present) {
        (Some(build), PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build, false) => {
            (build_it(build), vec![Reason::ImageMissing])
        }
        (Some(build), _, true) if !changed.is_empty() => (build_it(build), changed),
        (Some(build), PullPolicy::Build, true) => (build_it(build), vec![Reason::PullPolicy(PullPolicy::Build)]),
        (None, PullPolicy::Never | PullPolicy::Build, _) | (_, PullPolicy::Never | PullPolicy::Missing, true) => {
            return None;
        }
        (_, policy, present) => {
            let platform = declared.and_then(|i| i.platform.clone());
            let reason = match (present, policy) {
                (false, _) => Reason::ImageMissing,
                (true, PullPolicy::Every(seconds)) => Reason::PullPolicy(PullPolicy::Every(seconds)),
                (true, _) => Reason::PullPolicy(PullPolicy::Always),
            };
            (Operation::PullImage { reference: reference.clone(), platform }, vec![reason])
        }
    })
}
