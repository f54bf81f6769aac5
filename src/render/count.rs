//! What is done, in one word, and how often.

use std::collections::BTreeMap;

use super::reason;
use crate::diff::{Cost, Verdict};
use crate::model::Kind;
use crate::plan::{Action, Call, Downtime, Plan, PlannedChange, Reason, Verification};

/// What is done to a resource, as a reader would say it; in the order in which counts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
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

impl Deed {
    /// What is done to the resource of a change.
    pub fn of(change: &PlannedChange, plan: &Plan) -> Deed {
        let calls = || change.steps.iter().filter_map(|id| plan.steps.get(id.0)).map(|s| &s.call);
        let image = || match calls().any(|c| matches!(c, Call::BuildImage { .. })) {
            true => Deed::Build,
            false => Deed::Pull,
        };
        match change.action {
            Action::Create | Action::Replace | Action::Update if change.addr.kind == Kind::Image => image(),
            Action::Create => Deed::Create,
            Action::Replace => Deed::Replace,
            Action::Update => Deed::Update,
            Action::Move => Deed::Move,
            Action::Delete => Deed::Remove,
            Action::Adopt => Deed::Adopt,
            Action::Refresh => Deed::Record,
            Action::Run if change.addr.kind == Kind::Image => image(),
            Action::Run => Deed::Verify,
            Action::Restart => {
                let stops = calls().any(|c| matches!(c, Call::StopContainer { .. } | Call::RestartContainer { .. }));
                let starts = calls().any(|c| matches!(c, Call::StartContainer { .. } | Call::RestartContainer { .. }));
                let resumes = calls().any(|c| matches!(c, Call::UnpauseContainer { .. }));
                match (stops, starts) {
                    (true, false) => Deed::Stop,
                    (false, true) => Deed::Start,
                    (false, false) if resumes => Deed::Resume,
                    (true, true) | (false, false) => Deed::Restart,
                }
            }
        }
    }

    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Deed::Create => "create",
            Deed::Replace => "replace",
            Deed::Update => "update in place",
            Deed::Start => "start",
            Deed::Resume => "resume",
            Deed::Stop => "stop",
            Deed::Restart => "restart",
            Deed::Move => "move",
            Deed::Remove => "remove",
            Deed::Pull => "pull",
            Deed::Build => "build",
            Deed::Verify => "verify",
            Deed::Adopt => "adopt",
            Deed::Record => "record",
        }
    }

    /// One word for it, for programs.
    pub fn as_word(self) -> &'static str {
        match self {
            Deed::Update => "update",
            other => other.as_str(),
        }
    }

    /// Whether nothing happens on the node.
    pub fn is_quiet(self) -> bool {
        match self {
            Deed::Adopt | Deed::Record => true,
            Deed::Create
            | Deed::Replace
            | Deed::Update
            | Deed::Start
            | Deed::Resume
            | Deed::Stop
            | Deed::Restart
            | Deed::Move
            | Deed::Remove
            | Deed::Pull
            | Deed::Build
            | Deed::Verify => false,
        }
    }
}

/// How often what is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Resources by what is done to them.
    pub deeds: BTreeMap<Deed, usize>,
    /// Containers that stop and start again.
    pub restarting: usize,
    /// Containers that stop for good.
    pub stopping: usize,
    /// Things that somebody changed outside hl and that are put back.
    pub drifts: usize,
    /// Things that were changed both outside hl and in the repository, where the repository counts.
    pub conflicts: usize,
}

impl Counts {
    /// The counts of a whole plan.
    pub fn of_plan(plan: &Plan) -> Counts {
        Self::of(&plan.changes, &plan.verifications, plan)
    }

    /// The counts of some changes and verifications of a plan. That a service is verified after its
    /// own changes goes without saying.
    pub fn of<'a>(
        changes: impl IntoIterator<Item = &'a PlannedChange>,
        verifications: impl IntoIterator<Item = &'a Verification>,
        plan: &Plan,
    ) -> Counts {
        let mut counts = Counts::default();
        for change in changes {
            let deed = Deed::of(change, plan);
            *counts.deeds.entry(deed).or_default() += 1;
            if change.addr.kind == Kind::Container && !matches!(deed, Deed::Start | Deed::Resume) {
                match change.downtime {
                    Downtime::None => {}
                    Downtime::Restart => counts.restarting += 1,
                    Downtime::Stops => counts.stopping += 1,
                }
            }
            if !deed.is_quiet() {
                counts.drifts += drifts(change);
                counts.conflicts += with_verdict(change, Verdict::Conflict);
            }
        }
        let verified = verifications.into_iter().filter(|v| v.reasons.first() != Some(&Reason::Verify)).count();
        if verified > 0 {
            *counts.deeds.entry(Deed::Verify).or_default() += verified;
        }
        counts
    }

    /// How often one thing is done.
    pub fn get(&self, deed: Deed) -> usize {
        self.deeds.get(&deed).copied().unwrap_or(0)
    }

    /// Whether apply has anything to do, beyond bringing records up to date.
    pub fn has_work(&self) -> bool {
        self.deeds.keys().any(|d| *d != Deed::Record)
    }

    /// Whether nothing is done on any node.
    pub fn is_quiet(&self) -> bool {
        self.deeds.keys().all(|d| d.is_quiet())
    }

    /// `1 to create, 2 to replace`; the record is not worth a word here.
    pub fn words(&self) -> String {
        let some = self.deeds.iter().filter(|(deed, _)| **deed != Deed::Record);
        some.map(|(deed, n)| format!("{n} to {}", deed.as_str())).collect::<Vec<_>>().join(", ")
    }
}

/// How many things of a change somebody did outside, and the repository has as they were.
fn drifts(change: &PlannedChange) -> usize {
    let outside = change.reasons.iter().any(|r| reason::is_outside(r) && !matches!(r, Reason::Conflict(_)));
    with_verdict(change, Verdict::Drift).max(usize::from(outside))
}

/// How many fields of a change have this verdict and are acted upon.
fn with_verdict(change: &PlannedChange, verdict: Verdict) -> usize {
    change.fields.iter().filter(|f| f.verdict == verdict && f.cost != Cost::Ignored).count()
}

/// `1 container`, `2 containers`.
pub fn plural(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}
