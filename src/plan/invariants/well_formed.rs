//! Steps, edges, groups and undo are well-formed.

use std::collections::BTreeSet;

use super::subject::Subject;
use super::violation::Violation;
use crate::plan::operation::Operation;
use crate::plan::step::{Step, StepId};
use crate::plan::{Action, Plan, cycle};

/// Every step stands where its id says, everything names steps that exist, and no steps wait for one another.
pub(super) fn violations(plan: &Plan) -> Vec<Violation> {
    let misplaced = plan.steps.iter().enumerate().filter(|(index, step)| step.id.0 != *index).map(|(_, step)| step.id);
    let edges = plan.steps.iter().flat_map(|s| s.after.iter().chain(&s.behind).copied());
    let of_entries = plan.changes.iter().flat_map(|c| &c.steps);
    let of_verifications = plan.verifications.iter().flat_map(|v| &v.steps);
    let named = edges.chain(of_entries.copied()).chain(of_verifications.copied());
    let missing = named.filter(|id| id.0 >= plan.steps.len());
    let found: BTreeSet<StepId> = misplaced.chain(missing).collect();
    let mut found: Vec<Violation> = found.into_iter().map(Violation::NoSuchStep).collect();
    if found.is_empty() {
        let waits_for_itself = plan.steps.iter().find(|s| s.after.contains(&s.id)).map(|s| vec![s.id]);
        found.extend(waits_for_itself.or_else(|| cycle(&plan.steps)).map(Violation::Cycle));
    }
    found
}

/// Every operation in a group has a matching undo, and dependencies give the undo order.
pub(super) fn undo_violations(subject: &Subject<'_>) -> Vec<Violation> {
    let steps = &subject.plan.steps;
    let mut found = Vec::new();
    for step in steps {
        match (&step.undo, step.group) {
            (Some(_), None) => found.push(Violation::UndoWithoutGroup(step.id)),
            (None, Some(_)) if needs_undo(&step.operation) => found.push(Violation::NoWayBack(step.id)),
            (Some(undo), Some(_)) if !takes_back(&step.operation, undo) => found.push(Violation::WrongUndo(step.id)),
            (Some(_), Some(_)) | (None, _) => {}
        }
        let of_group = |group| steps.iter().any(|s| s.group == Some(group));
        let missing = step.verifies.iter().filter(|group| !of_group(**group));
        found.extend(missing.map(|group| Violation::NoSuchGroup(step.id, *group)));
    }
    found.extend(unordered(subject));
    found.extend(networks(subject));
    found
}

fn needs_undo(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::StopContainer { .. }
            | Operation::StartContainer { .. }
            | Operation::RenameContainer { .. }
            | Operation::CreateContainer { .. }
            | Operation::CopyData { .. }
    )
}

fn takes_back(operation: &Operation, undo: &Operation) -> bool {
    match (operation, undo) {
        (Operation::StopContainer { container }, Operation::StartContainer { container: back })
        | (Operation::StartContainer { container }, Operation::StopContainer { container: back }) => container == back,
        // A container that got a name is called by that; one that was called by its id still is.
        (Operation::RenameContainer { container, name }, Operation::RenameContainer { container: renamed, .. }) => {
            renamed == name || renamed == container
        }
        (Operation::CreateContainer { name, .. }, Operation::RemoveContainer { container, .. }) => container == name,
        (
            Operation::DisconnectNetwork { container, network },
            Operation::ConnectNetwork { container: c, network: n, .. },
        )
        | (
            Operation::ConnectNetwork { container, network, .. },
            Operation::DisconnectNetwork { container: c, network: n },
        ) => container == c && network == n,
        (Operation::RemoveNetwork { name, .. }, Operation::CreateNetwork(spec))
        | (Operation::CreateNetwork(spec), Operation::RemoveNetwork { name, .. }) => *name == spec.name,
        (Operation::CopyData { target, .. }, Operation::DiscardData { target: copy, .. }) => target == copy,
        _ => false,
    }
}

/// Steps of one group on one container that have no order.
fn unordered(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for acting in subject.acting.values() {
        let undoable: Vec<&Step> = acting.iter().copied().filter(|s| s.group.is_some() && s.undo.is_some()).collect();
        for (index, first) in undoable.iter().enumerate() {
            for second in undoable[index + 1..].iter().filter(|s| s.group == first.group) {
                if !subject.any_before(&[first.id], second.id) && !subject.any_before(&[second.id], first.id) {
                    found.push(Violation::UndoWithoutOrder(first.id, second.id));
                }
            }
        }
    }
    found
}

/// Networks that are made anew without a way back.
fn networks(subject: &Subject<'_>) -> Vec<Violation> {
    let remade = subject.plan.changes.iter().filter(|c| c.action == Action::Replace);
    let steps = remade.flat_map(|c| &c.steps).map(|id| &subject.plan.steps[id.0]);
    let removing = steps.filter(|s| matches!(s.operation, Operation::RemoveNetwork { .. }) && s.undo.is_none());
    removing.map(|s| Violation::NetworkWithoutUndo(s.id)).collect()
}
