//! Containers that a plan removes. Whoever removed one of them meanwhile has only been faster: what it was to do before it
//! goes needs no doing, and is no reason to take back what has taken its place.

use std::collections::BTreeSet;

use crate::model::NodeName;
use crate::plan::{Operation, Step};

/// Whether the container of a step goes in the same plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// It goes: that it is not there any more is as good.
    Leaves,
    /// It stays, or the step is about something else.
    Stays,
}

/// The containers that a plan removes, by node and id.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaving(BTreeSet<(NodeName, String)>);

impl Leaving {
    /// The containers that these steps remove.
    pub(super) fn of(steps: &[Step]) -> Self {
        let removed = |step: &Step| match &step.operation {
            Operation::RemoveContainer { container, .. } => Some((step.node.clone(), container.clone())),
            _ => None,
        };
        Leaving(steps.iter().filter_map(removed).collect())
    }

    /// Whether the container of an operation of `node` is one of them.
    pub(super) fn departure(&self, node: &NodeName, operation: &Operation) -> Departure {
        let (Operation::StopContainer { container }
        | Operation::UnpauseContainer { container }
        | Operation::RenameContainer { container, .. }
        | Operation::DisconnectNetwork { container, .. }) = operation
        else {
            return Departure::Stays;
        };
        match self.0.contains(&(node.clone(), container.clone())) {
            true => Departure::Leaves,
            false => Departure::Stays,
        }
    }
}
