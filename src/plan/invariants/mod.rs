//! What must hold for every plan, whatever it is made from: the invariants of things that hang together.
//!
//! Entry: [`invariants`], a pure function from a plan and its input to what is violated. It does not know how a plan is
//! made, and it mends nothing. Builds with debug assertions check every plan that they make, so that all tests do, those
//! of the program too; what is known to be violated is listed in [`KNOWN`].

mod entries;
mod generations;
mod sharing;
mod subject;
mod takeovers;
mod violation;
mod well_formed;

use super::{Input, Plan};
use subject::Subject;

pub use violation::{Claim, Violation};

/// What is known to be violated. The list only gets shorter.
pub const KNOWN: &[fn(&Violation) -> bool] = &[
    // A service that was renamed is adopted under its new name and removed under its old one: the diff knows addresses only.
    |violation| matches!(violation, Violation::TwoEntries(first, second) if first.service != second.service),
    // A service that went into another project is removed and created.
    |violation| matches!(violation, Violation::RenameNotUnderstood { .. }),
    // Only ports are handed over in order. What a service that goes had, another one may take before it is gone.
    |violation| matches!(violation, Violation::TakenTooEarly { claim, .. } if !matches!(claim, Claim::Port(_))),
    |violation| matches!(violation, Violation::DataTakenTooEarly { .. }),
    // The planner treats sharing inside of one project only; `container:NAME` of another service is not followed.
    |violation| matches!(violation, Violation::SharerLeft { .. }),
    // A restart gives a container a new network namespace, and the planner lets sharers follow replacements only.
    |violation| matches!(violation, Violation::SharerNotRestarted { .. }),
    // The old container is removed when its own successor is verified, whatever its sharers do.
    |violation| matches!(violation, Violation::OwnerRemovedTooEarly { .. }),
    // A network that is made anew has no way back, and neither have those that were taken off it.
    |violation| matches!(violation, Violation::NetworkWithoutUndo(_)),
    // Files that are no longer declared are only forgotten.
    |violation| matches!(violation, Violation::ShippedFileStays(_)),
    // A container of hl that holds a name which another one needs gets the hint that strangers get.
    |violation| matches!(violation, Violation::HintRemovesOwn(_)),
    // A folder in the place of a file is found when the file is written.
    |violation| matches!(violation, Violation::PathOfOtherKind(_)),
];

/// What does not hold for a plan that was made from this input; nothing for a good one.
pub fn invariants(plan: &Plan, input: &Input<'_>) -> Vec<Violation> {
    let mut found = well_formed::violations(plan);
    // The others follow edges and need a graph that is one.
    if found.iter().any(|v| matches!(v, Violation::NoSuchStep(_) | Violation::Cycle(_))) {
        return found;
    }
    let subject = Subject::new(plan, input);
    found.extend(well_formed::undo_violations(&subject));
    found.extend(entries::violations(&subject));
    found.extend(generations::violations(&subject));
    found.extend(takeovers::violations(&subject));
    found.extend(sharing::violations(&subject));
    found
}

/// The violations that are not known.
pub fn news(violations: Vec<Violation>) -> Vec<Violation> {
    violations.into_iter().filter(|violation| !KNOWN.iter().any(|known| known(violation))).collect()
}

#[cfg(test)]
mod tests;
