//! Random histories: a repository is changed, the node is disturbed, an apply is cut off, again and again. Each plan holds
//! the invariants of plans, which builds with debug assertions check by themselves; and after each apply the machine is
//! looked at.
//!
//! They happen on a simulated node, which takes milliseconds. Some happen on a real engine at the same time, and must be the
//! same there.
//!
//! `HL_HISTORIES` makes it more of them, from `HL_HISTORIES_SEED` on; `cargo test --profile histories` goes through
//! thousands in minutes, and `.ci/run` through twenty thousand.

mod change;
mod check;
mod declared;
mod history;
mod lab;
mod twin;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::trial::{Trial, trial};
use history::History;
use twin::Twin;

pub const TRIALS: &[Trial] =
    &[trial!(no_history_breaks_what_hangs_together), trial!(a_real_engine_has_the_same_histories, needs Engine)];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn no_history_breaks_what_hangs_together() {
    let first = number("HL_HISTORIES_SEED").unwrap_or(1);
    let count = number("HL_HISTORIES").unwrap_or(400);
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let failed: BTreeMap<u64, String> = std::thread::scope(|scope| {
        let run = |worker: u64| {
            let seeds = (first + worker..first + count).step_by(workers as usize);
            move || seeds.filter_map(|seed| failure(History::new(seed))).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(run(worker))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect()
    });
    report(count, &failed);
}

fn a_real_engine_has_the_same_histories() {
    let first = number("HL_HISTORIES_SEED").unwrap_or(1);
    let count = number("HL_HISTORIES").unwrap_or(6);
    let failed = (first..first + count).filter_map(|seed| failure(History::with_twin(seed, Twin::new()))).collect();
    report(count, &failed);
}

/// The fault of a history, by its seed.
fn failure(mut history: History) -> Option<(u64, String)> {
    let why = match catch_unwind(AssertUnwindSafe(|| history.run())) {
        Ok(Ok(())) => return None,
        Ok(Err(why)) => why,
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned()),
    };
    Some((history.seed, format!("{}\n=> {why}", history.told.join("\n"))))
}

/// Fails with the first few histories in full and why each of them fails.
fn report(count: u64, failed: &BTreeMap<u64, String>) {
    let whole = |(seed, why): (&u64, &String)| format!("HL_HISTORIES_SEED={seed} HL_HISTORIES=1\n{why}");
    let line = |(seed, why): (&u64, &String)| {
        let why = why.rsplit("=> ").next().and_then(|why| why.lines().next()).unwrap_or_default();
        format!("{seed}: {why}")
    };
    let some: Vec<String> = failed.iter().take(5).map(whole).collect();
    let reasons: Vec<String> = failed.iter().map(line).collect();
    let (some, fail) = (some.join("\n\n"), failed.len());
    assert!(failed.is_empty(), "{some}\n\n{fail} of {count} histories fail:\n{}", reasons.join("\n"));
}
