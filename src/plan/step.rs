//! Steps: one call to one node each, with all that the call needs.

use std::collections::BTreeSet;

use super::operation::Operation;
use crate::model::{Addr, NodeName, ServiceName};

/// The index of a step in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// Steps that stand or fall together: if one of them fails, what the others of the group did is
/// undone. One group is one replacement of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub usize);

/// One call to one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in the plan.
    pub id: StepId,
    /// The node that is called.
    pub node: NodeName,
    /// The service that it is for.
    pub service: ServiceName,
    /// The resource that it is about; `None` for the verification of a whole service.
    pub addr: Option<Addr>,
    /// When in a deployment it belongs.
    pub phase: Phase,
    /// The operation.
    pub operation: Operation,
    /// The undo operation, run if a later step of its groups fails.
    pub undo: Option<Operation>,
    /// The group that it belongs to; a failing step undoes its group's done steps, last first.
    pub group: Option<GroupId>,
    /// Further groups that are undone if this step fails: the replacements that a verification covers.
    pub verifies: BTreeSet<GroupId>,
    /// The steps that must be done before.
    pub after: BTreeSet<StepId>,
    /// The steps that must have ended before, be it with an error: it needs nothing of them but its turn.
    pub behind: BTreeSet<StepId>,
    /// Whether a failure holds back what comes after.
    pub on_failure: OnFailure,
}

/// Whether a failing step holds back what comes after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It does.
    #[default]
    Block,
    /// It is a warning (an optional dependency).
    Continue,
}

/// When in a deployment a step belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing that runs is touched: directories, files, images.
    Prepare,
    /// Networks, volumes, containers.
    Deploy,
    /// Health.
    Verify,
    /// Removal of the leftovers of a verified change.
    Clean,
}
