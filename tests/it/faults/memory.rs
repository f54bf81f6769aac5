//! hl itself ends: for want of memory, or by a signal.

use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::subject::{Subject, step};
use crate::support::homelab::send;
use crate::support::random::Random;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_memory_does_not_suffice_for_is_made_up_for, needs Engine),
    trial!(what_a_signal_ends_is_made_up_for, needs Engine),
];

/// Sizes of the address space in MiB, from one in which nothing can begin to one that is enough.
const SIZES: [usize; 10] = [16, 44, 48, 52, 56, 60, 66, 72, 90, 4096];

fn what_memory_does_not_suffice_for_is_made_up_for() {
    let subject = Subject::new();
    let mut codes = Vec::new();
    // From the last on, which is enough.
    for (number, size) in SIZES.into_iter().rev().step_by(step()).enumerate() {
        let version = number + 1;
        subject.declare(version);
        let mut program = Command::new("prlimit");
        program.arg(format!("--as={}", size << 20)).arg("--core=0");
        let ended = subject.lab.hl_under(program, &["apply", "--yes"]);
        codes.push(ended.code);
        // Of a program that ends in the midst of it nothing better can be had than that it does not say that all is well.
        assert_eq!(ended.code == 0, ended.stdout.contains("Done"), "{ended}");
        subject.files_are_whole(&[version - 1, version]);
        subject.is_made_up_for(version);
    }
    println!("{codes:?}");
    assert!(codes[0] == 0 && codes[codes.len() - 1] != 0, "{codes:?}");
}

fn what_a_signal_ends_is_made_up_for() {
    let seed = Random::any_seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let subject = Subject::new();
    let signals = [Signal::TERM, Signal::HUP, Signal::INT, Signal::KILL, Signal::ABORT, Signal::QUIT];
    for (number, signal) in signals.into_iter().enumerate() {
        let version = number + 1;
        subject.declare(version);
        let mut child = subject.lab.begin(&["apply", "--yes"]);
        thread::sleep(Duration::from_millis(200 + random.next() % 2000));
        if child.try_wait().expect("it can be asked").is_none() {
            send(&child, signal);
        }
        let ended = subject.lab.end(child);
        let by_signal = 128 + signal.as_raw();
        assert!([0, 4, 130, by_signal].contains(&ended.code), "the exit code of {ended}");
        assert!(!ended.stderr.contains("panicked"), "{ended}");
        subject.is_made_up_for(version);
    }
}
