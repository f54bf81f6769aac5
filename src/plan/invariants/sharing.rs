//! A container that shares a namespace or volumes with another follows it. The old container stays until that is
//! verified.

use super::subject::{Subject, removes};
use super::violation::Violation;
use crate::model::NodeName;
use crate::model::homelab::Container;
use crate::model::view::{LiveContainer, LiveNode, OneOff};
use crate::plan::Objection;
use crate::plan::operation::Operation;
use crate::plan::step::{Phase, StepId};

pub(super) fn violations(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for step in &subject.plan.steps {
        let (Some(owner), Some(node)) = (subject.acts_on(step), subject.node(&step.node)) else { continue };
        for sharer in sharers(node, owner).filter(|sharer| is_own(subject, sharer)) {
            found.extend(match &step.operation {
                Operation::RemoveContainer { .. } => after_removal(subject, step.id, owner, sharer),
                Operation::RestartContainer { .. } | Operation::StartContainer { .. } => {
                    after_restart(subject, step.id, owner, sharer)
                }
                _ => None,
            });
        }
    }
    found
}

fn sharers<'a>(node: &'a LiveNode, owner: &'a LiveContainer) -> impl Iterator<Item = &'a LiveContainer> {
    node.containers.values().filter(|live| live.id != owner.id && live.shares_with.contains(&owner.id))
}

/// Whether hl can do something about a container: it is declared or recorded.
fn is_own(subject: &Subject<'_>, live: &LiveContainer) -> bool {
    let Some(identity) = &live.identity else { return false };
    let mut services = subject.input.homelab.services.values().filter(|s| s.project == identity.project);
    let is_it = |c: &Container| c.compose_service == identity.service && c.number == identity.number;
    let recorded = || subject.input.recorded.resources.values().any(|r| r.id == live.id);
    match services.next() {
        Some(service) if service.disabled.contains(&identity.service) => false,
        Some(service) => identity.one_off == OneOff::No && service.containers.values().any(is_it) || recorded(),
        None => recorded(),
    }
}

/// Checks the container that shares with a removed container.
fn after_removal(
    subject: &Subject<'_>,
    removal: StepId,
    owner: &LiveContainer,
    sharer: &LiveContainer,
) -> Option<Violation> {
    let node: &NodeName = &subject.plan.steps[removal.0].node;
    let names = || (owner.name.clone(), sharer.name.clone());
    let gone = subject.steps_on(node, sharer, removes);
    let Some(first) = gone.first() else {
        if is_objected(subject, sharer) {
            return None;
        }
        let (owner, sharer) = names();
        return Some(Violation::SharerLeft { owner, sharer });
    };
    let addr = subject.plan.steps[first.0].addr.as_ref();
    let proofs = subject.plan.steps.iter().filter(|s| s.phase == Phase::Verify && s.addr.as_ref() == addr);
    let is_late = |proof: StepId| !subject.any_before(&[proof], removal);
    let (owner, sharer) = names();
    proofs.map(|s| s.id).any(is_late).then_some(Violation::OwnerRemovedTooEarly { owner, sharer })
}

/// A container whose namespaces begin anew.
fn after_restart(
    subject: &Subject<'_>,
    restart: StepId,
    owner: &LiveContainer,
    sharer: &LiveContainer,
) -> Option<Violation> {
    let in_namespace = sharer.namespaces_of.contains(&owner.id) && sharer.status.is_up();
    let node: &NodeName = &subject.plan.steps[restart.0].node;
    let begins = |operation: &Operation| {
        matches!(
            operation,
            Operation::RestartContainer { .. }
                | Operation::StartContainer { .. }
                | Operation::StopContainer { .. }
                | Operation::RemoveContainer { .. }
        )
    };
    let objected = is_objected(subject, sharer);
    let follows = !subject.steps_on(node, sharer, begins).is_empty();
    let (owner, sharer) = (owner.name.clone(), sharer.name.clone());
    (in_namespace && !follows && !objected).then_some(Violation::SharerNotRestarted { owner, sharer })
}

/// Whether the plan says that a container would be left.
fn is_objected(subject: &Subject<'_>, sharer: &LiveContainer) -> bool {
    let mut objections = subject.plan.objections.iter();
    objections.any(|o| matches!(o, Objection::SharerLeft { sharer: left, .. } if left.name == sharer.name))
}
