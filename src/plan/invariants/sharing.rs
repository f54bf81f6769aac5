//! A container that shares a namespace or volumes with another follows it. The old container stays until that is
//! verified.

use super::subject::{Subject, removes, runs};
use super::violation::Violation;
use crate::model::NodeName;
use crate::model::spec::NetworkMode;
use crate::model::view::{LiveContainer, LiveNode};
use crate::plan::operation::Operation;
use crate::plan::step::{Phase, StepId};

pub(super) fn violations(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for step in &subject.plan.steps {
        let (Some(owner), Some(node)) = (subject.acts_on(step), subject.node(&step.node)) else { continue };
        for sharer in sharers(node, owner).filter(|sharer| is_own(subject, sharer)) {
            found.extend(match &step.operation {
                Operation::RemoveContainer { .. } => after_removal(subject, step.id, owner, sharer),
                Operation::RestartContainer { .. } => after_restart(subject, step.id, owner, sharer),
                _ => None,
            });
        }
    }
    found
}

fn sharers<'a>(node: &'a LiveNode, owner: &'a LiveContainer) -> impl Iterator<Item = &'a LiveContainer> {
    node.containers.values().filter(|live| live.id != owner.id && live.shares_with.contains(&owner.id))
}

/// Whether hl can do something about a container: it belongs to a service that is declared or recorded.
fn is_own(subject: &Subject<'_>, live: &LiveContainer) -> bool {
    let Some(identity) = &live.identity else { return false };
    let declared = subject.input.homelab.services.values().any(|s| s.project == identity.project);
    declared || subject.input.recorded.resources.values().any(|r| r.id == live.id)
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
        let (owner, sharer) = names();
        return Some(Violation::SharerLeft { owner, sharer });
    };
    let addr = subject.plan.steps[first.0].addr.as_ref();
    let proofs = subject.plan.steps.iter().filter(|s| s.phase == Phase::Verify && s.addr.as_ref() == addr);
    let is_late = |proof: StepId| !subject.any_before(&[proof], removal);
    let (owner, sharer) = names();
    proofs.map(|s| s.id).any(is_late).then_some(Violation::OwnerRemovedTooEarly { owner, sharer })
}

/// A container whose network namespace begins anew.
fn after_restart(
    subject: &Subject<'_>,
    restart: StepId,
    owner: &LiveContainer,
    sharer: &LiveContainer,
) -> Option<Violation> {
    let in_network = matches!(sharer.spec.network_mode, NetworkMode::Container(_)) && runs(sharer);
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
    let follows = !subject.steps_on(node, sharer, begins).is_empty();
    let (owner, sharer) = (owner.name.clone(), sharer.name.clone());
    (in_network && !follows).then_some(Violation::SharerNotRestarted { owner, sharer })
}
