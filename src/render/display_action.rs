//! The action on a resource, in one word for readers.

use crate::model::Kind;
use crate::plan::{Action, Operation, Plan, PlannedChange};

/// The action on a resource, in the terms of a reader. The variants are in the order in which counts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisplayAction {
    /// It is made.
    Create,
    /// A new one takes its place.
    Replace,
    /// It is changed while it runs.
    Update,
    /// It is started.
    Start,
    /// It was frozen and goes on.
    Resume,
    /// It is stopped.
    Stop,
    /// It is stopped and started.
    Restart,
    /// It goes to another node.
    Move,
    /// It is removed.
    Remove,
    /// An image is pulled.
    Pull,
    /// An image is built.
    Build,
    /// It proves that it works.
    Verify,
    /// It is taken into the record.
    Adopt,
    /// Its record follows.
    Record,
}

impl DisplayAction {
    /// The action on the resource of a change.
    pub fn of(change: &PlannedChange, plan: &Plan) -> DisplayAction {
        let calls = || change.steps.iter().filter_map(|id| plan.steps.get(id.0)).map(|s| &s.operation);
        let image = || match calls().any(|c| matches!(c, Operation::BuildImage { .. })) {
            true => DisplayAction::Build,
            false => DisplayAction::Pull,
        };
        match change.action {
            Action::Create | Action::Replace | Action::Update if change.addr.kind == Kind::Image => image(),
            Action::Create => DisplayAction::Create,
            Action::Replace => DisplayAction::Replace,
            Action::Update => DisplayAction::Update,
            Action::Move => DisplayAction::Move,
            Action::Delete => DisplayAction::Remove,
            Action::Adopt => DisplayAction::Adopt,
            Action::Refresh => DisplayAction::Record,
            Action::Run if change.addr.kind == Kind::Image => image(),
            Action::Run => DisplayAction::Verify,
            Action::Restart => {
                let stops =
                    calls().any(|c| matches!(c, Operation::StopContainer { .. } | Operation::RestartContainer { .. }));
                let starts =
                    calls().any(|c| matches!(c, Operation::StartContainer { .. } | Operation::RestartContainer { .. }));
                let resumes = calls().any(|c| matches!(c, Operation::UnpauseContainer { .. }));
                match (stops, starts) {
                    (true, false) => DisplayAction::Stop,
                    (false, true) => DisplayAction::Start,
                    (false, false) if resumes => DisplayAction::Resume,
                    (true, true) | (false, false) => DisplayAction::Restart,
                }
            }
        }
    }

    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            DisplayAction::Create => "create",
            DisplayAction::Replace => "replace",
            DisplayAction::Update => "update in place",
            DisplayAction::Start => "start",
            DisplayAction::Resume => "resume",
            DisplayAction::Stop => "stop",
            DisplayAction::Restart => "restart",
            DisplayAction::Move => "move",
            DisplayAction::Remove => "remove",
            DisplayAction::Pull => "pull",
            DisplayAction::Build => "build",
            DisplayAction::Verify => "verify",
            DisplayAction::Adopt => "adopt",
            DisplayAction::Record => "record",
        }
    }

    /// One word for it, for programs.
    pub fn as_word(self) -> &'static str {
        match self {
            DisplayAction::Update => "update",
            other => other.as_str(),
        }
    }

    /// Whether nothing happens on the node.
    pub fn is_quiet(self) -> bool {
        match self {
            DisplayAction::Adopt | DisplayAction::Record => true,
            DisplayAction::Create
            | DisplayAction::Replace
            | DisplayAction::Update
            | DisplayAction::Start
            | DisplayAction::Resume
            | DisplayAction::Stop
            | DisplayAction::Restart
            | DisplayAction::Move
            | DisplayAction::Remove
            | DisplayAction::Pull
            | DisplayAction::Build
            | DisplayAction::Verify => false,
        }
    }

    /// How much it may break: the smaller the number, the more it matters.
    pub fn importance(self) -> u8 {
        match self {
            DisplayAction::Remove => 0,
            DisplayAction::Replace | DisplayAction::Move => 1,
            DisplayAction::Restart | DisplayAction::Stop | DisplayAction::Start | DisplayAction::Resume => 2,
            DisplayAction::Update => 3,
            DisplayAction::Create => 4,
            DisplayAction::Build | DisplayAction::Pull | DisplayAction::Verify => 5,
            DisplayAction::Adopt | DisplayAction::Record => 6,
        }
    }
}
