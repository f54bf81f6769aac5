//! A plan and its input as the invariants look at them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::spec::ContainerSpec;
use crate::model::view::{LiveContainer, LiveNode};
use crate::model::{Addr, NodeName};
use crate::plan::operation::Operation;
use crate::plan::step::{Step, StepId};
use crate::plan::{Input, ObjectionKind, Plan};

/// A plan with what its steps act on.
pub(super) struct Subject<'a> {
    pub(super) plan: &'a Plan,
    pub(super) input: &'a Input<'a>,
    /// The steps that act on a container, by node and the id or name that they call it by.
    pub(super) acting: BTreeMap<(&'a NodeName, &'a str), Vec<&'a Step>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(plan: &'a Plan, input: &'a Input<'a>) -> Self {
        let mut acting: BTreeMap<_, Vec<&Step>> = BTreeMap::new();
        for step in &plan.steps {
            if let Some(container) = step.operation.container_acted_on() {
                acting.entry((&step.node, container)).or_default().push(step);
            }
        }
        Self { plan, input, acting }
    }

    pub(super) fn node(&self, name: &NodeName) -> Option<&'a LiveNode> {
        self.input.live.nodes.get(name)?.known()
    }

    /// The live container that a step stops, renames, restarts, starts or removes.
    pub(super) fn acts_on(&self, step: &Step) -> Option<&'a LiveContainer> {
        self.node(&step.node)?.containers.get(step.operation.container_acted_on()?)
    }

    /// The steps of a node whose call fits and that act on this live container.
    pub(super) fn steps_on(&self, node: &NodeName, live: &LiveContainer, fits: fn(&Operation) -> bool) -> Vec<StepId> {
        let steps = self.acting.get(&(node, live.id.as_str())).into_iter().flatten();
        steps.filter(|s| fits(&s.operation)).map(|s| s.id).collect()
    }

    /// The steps that start a container which the plan makes, with what that is.
    pub(super) fn starts(&self) -> Vec<(&'a Step, &'a ContainerSpec)> {
        let mut made = BTreeMap::new();
        for step in &self.plan.steps {
            if let Operation::CreateContainer { name, spec, .. } = &step.operation {
                made.insert((&step.node, name.as_str()), spec.as_ref());
                made.insert((&step.node, spec.name.as_str()), spec.as_ref());
            }
        }
        let of = |step: &'a Step| match &step.operation {
            Operation::StartContainer { container } => Some((step, *made.get(&(&step.node, container.as_str()))?)),
            _ => None,
        };
        self.plan.steps.iter().filter_map(of).collect()
    }

    /// Whether one of these steps is done before that one, whatever the executor chooses.
    pub(super) fn any_before(&self, before: &[StepId], after: StepId) -> bool {
        before.iter().any(|before| self.comes_before(*before, after))
    }

    fn comes_before(&self, before: StepId, after: StepId) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![after]);
        while let Some(step) = open.pop() {
            for earlier in &self.plan.steps[step.0].after {
                if *earlier == before {
                    return true;
                }
                if seen.insert(*earlier) {
                    open.push(*earlier);
                }
            }
        }
        false
    }

    /// Whether the plan says that it cannot be done as far as this resource is concerned.
    pub(super) fn objects_to(&self, addr: Option<&Addr>) -> bool {
        let mut objections = self.plan.objections.iter();
        objections.any(|o| o.kind() == ObjectionKind::Impossible && o.addr() == addr)
    }
}

impl Operation {
    /// The container that is stopped, started, restarted, thawed, renamed, updated or removed.
    pub(super) fn container_acted_on(&self) -> Option<&str> {
        match self {
            Operation::StartContainer { container }
            | Operation::StopContainer { container }
            | Operation::RestartContainer { container }
            | Operation::UnpauseContainer { container }
            | Operation::RenameContainer { container, .. }
            | Operation::RemoveContainer { container, .. }
            | Operation::UpdateContainer { container, .. } => Some(container),
            _ => None,
        }
    }
}

pub(super) fn stops(operation: &Operation) -> bool {
    matches!(operation, Operation::StopContainer { .. } | Operation::RemoveContainer { .. })
}

pub(super) fn removes(operation: &Operation) -> bool {
    matches!(operation, Operation::RemoveContainer { .. })
}
