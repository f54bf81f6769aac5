//! A repository that somebody wrote who means harm: what it names, what it says, and how much of it there is.

mod bombs;
mod keys;
mod printing;
mod reading;
mod values;

use crate::support::trial::Trial;

pub const TRIALS: &[&[Trial]] = &[bombs::TRIALS, printing::TRIALS, reading::TRIALS, values::TRIALS];
