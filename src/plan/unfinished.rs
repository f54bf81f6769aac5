//! An apply that was begun and not brought to an end is told as what it is, and not as somebody else's doing.

use super::{PlannedChange, Reason};
use crate::diff::Verdict;
use crate::model::view::RecordedView;

/// Gives the changes of what was left half done that reason.
pub(super) fn tell(changes: &mut [PlannedChange], recorded: &RecordedView) {
    let begun = |change: &&mut PlannedChange| change.acts() && recorded.unfinished.contains(&change.addr);
    for change in changes.iter_mut().filter(begun) {
        let count = change.reasons.len();
        change.reasons.retain(|reason| !reason.is_outside());
        if change.reasons.len() < count || change.reasons.is_empty() {
            change.reasons.insert(0, Reason::Unfinished);
        }
        for field in change.fields.iter_mut().filter(|f| matches!(f.verdict, Verdict::Drift | Verdict::Conflict)) {
            field.verdict = Verdict::Pending;
        }
    }
}
