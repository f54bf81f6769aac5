//! Containers that a plan removes. Whoever removed one of them meanwhile has only been faster: what it was to do before it
//! goes needs no doing, and is no reason to take back what has taken its place. It does not go before what takes its place is
//! there: somebody may have removed that meanwhile.

use std::collections::BTreeMap;

use crate::model::NodeName;
use crate::plan::{Operation, Step};

/// Whether the container of a step goes in the same plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// It goes: that it is not there any more is as good.
    Leaves,
    /// It goes now, and this container takes its place.
    LeavesTo(String),
    /// It stays, or the step is about something else.
    Stays,
}

/// The containers that a plan removes, by node and id, each with the name of the one that takes its place, if one does.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaving(BTreeMap<(NodeName, String), Option<String>>);

impl Leaving {
    /// The containers that these steps remove.
    pub(super) fn of(steps: &[Step]) -> Self {
        let made = |step: &Step| match &step.operation {
            Operation::CreateContainer { spec, .. } => Some((step.addr.clone()?, spec.name.clone())),
            _ => None,
        };
        let made: BTreeMap<_, _> = steps.iter().filter_map(made).collect();
        let removed = |step: &Step| match &step.operation {
            Operation::RemoveContainer { container, .. } => {
                let successor = step.addr.as_ref().and_then(|addr| made.get(addr)).cloned();
                Some(((step.node.clone(), container.clone()), successor))
            }
            _ => None,
        };
        Leaving(steps.iter().filter_map(removed).collect())
    }

    /// Whether the container of an operation of `node` is one of them.
    pub(super) fn departure(&self, node: &NodeName, operation: &Operation) -> Departure {
        let (Operation::StopContainer { container }
        | Operation::UnpauseContainer { container }
        | Operation::RenameContainer { container, .. }
        | Operation::DisconnectNetwork { container, .. }
        | Operation::RemoveContainer { container, .. }) = operation
        else {
            return Departure::Stays;
        };
        let is_removed_now = matches!(operation, Operation::RemoveContainer { .. });
        match self.0.get(&(node.clone(), container.clone())) {
            Some(Some(successor)) if is_removed_now => Departure::LeavesTo(successor.clone()),
            Some(_) if !is_removed_now => Departure::Leaves,
            Some(_) | None => Departure::Stays,
        }
    }
}
