//! How often each kind of thing is done in a plan.

use std::collections::BTreeMap;

use super::display_action::DisplayAction;
use crate::diff::{Cost, Verdict};
use crate::model::Kind;
use crate::plan::{Downtime, Plan, PlannedChange, Reason, Verification};

/// How often what is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Resources by what is done to them.
    pub actions: BTreeMap<DisplayAction, usize>,
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
            let action = DisplayAction::of(change, plan);
            *counts.actions.entry(action).or_default() += 1;
            if change.addr.kind == Kind::Container && !matches!(action, DisplayAction::Start | DisplayAction::Resume) {
                match change.downtime {
                    Downtime::None => {}
                    Downtime::Restart => counts.restarting += 1,
                    Downtime::Stops => counts.stopping += 1,
                }
            }
            if !action.is_quiet() {
                counts.drifts += drifts(change);
                counts.conflicts += with_verdict(change, Verdict::Conflict);
            }
        }
        let verified = verifications.into_iter().filter(|v| v.reasons.first() != Some(&Reason::Verify)).count();
        if verified > 0 {
            *counts.actions.entry(DisplayAction::Verify).or_default() += verified;
        }
        counts
    }

    /// How often one thing is done.
    pub fn get(&self, action: DisplayAction) -> usize {
        self.actions.get(&action).copied().unwrap_or(0)
    }

    /// Whether apply has anything to do, beyond bringing records up to date.
    pub fn has_work(&self) -> bool {
        self.actions.keys().any(|d| *d != DisplayAction::Record)
    }

    /// Whether nothing is done on any node.
    pub fn is_quiet(&self) -> bool {
        self.actions.keys().all(|d| d.is_quiet())
    }

    /// `1 to create, 2 to replace`; the record is not worth a word here.
    pub fn words(&self) -> String {
        let some = self.actions.iter().filter(|(action, _)| **action != DisplayAction::Record);
        some.map(|(action, n)| format!("{n} to {}", action.as_str())).collect::<Vec<_>>().join(", ")
    }
}

/// How many things of a change somebody did outside, and the repository has as they were.
fn drifts(change: &PlannedChange) -> usize {
    let outside = change.reasons.iter().any(|r| r.is_outside() && !matches!(r, Reason::Conflict(_)));
    with_verdict(change, Verdict::Drift).max(usize::from(outside))
}

/// How many fields of a change have this verdict and are acted upon.
fn with_verdict(change: &PlannedChange, verdict: Verdict) -> usize {
    change.fields.iter().filter(|f| f.verdict == verdict && f.cost != Cost::Ignored).count()
}
