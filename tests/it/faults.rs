//! Faults while hl works: disks, engines, registries, connections, clocks, hl itself. Each fault ends in what was or in
//! what was asked for, is said, has the right exit code, and is made up for by the next apply.

mod clock;
mod cut;
mod disk;
mod engine;
mod link;
mod memory;
mod registry;
mod subject;

use crate::support::trial::Trial;

pub const TRIALS: &[&[Trial]] =
    &[clock::TRIALS, cut::TRIALS, disk::TRIALS, engine::TRIALS, link::TRIALS, memory::TRIALS, registry::TRIALS];
