//! Invariants of every plan, whatever its input.
//!
//! Entry: [`invariants`], a pure function from a plan and its input to the list of violations. It does not depend on
//! how the plan was made, and it repairs nothing. Builds with debug assertions check every plan, so all tests do,
//! including those of the program. Known violations are listed in [`KNOWN`].

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

/// The known violations. The list may only shrink.
pub const KNOWN: &[fn(&Violation) -> bool] = &[];

/// Returns the violated invariants of a plan made from this input. The list is empty for a valid plan.
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
