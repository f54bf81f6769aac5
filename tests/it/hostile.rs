//! A repository that somebody wrote who means harm: what it names, what it says, and how much of it there is.

mod keys;
mod reading;
mod values;

use crate::support::trial::Trial;

pub const TRIALS: &[&[Trial]] = &[reading::TRIALS, values::TRIALS];
