//! Clocks that jump: hl sees another time than the machine has.

use std::process::Command;

use super::subject::Subject;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(a_clock_that_jumps_changes_nothing, needs Engine, Clock)];

/// Runs hl at another time. Waits are as long as ever: the clock that counts from the start of the machine is the true one.
fn at(subject: &Subject, time: &str, arguments: &[&str]) -> Outcome {
    let mut program = Command::new("faketime");
    program.arg("--exclude-monotonic").arg("-f").arg(time);
    subject.lab.hl_under(program, arguments)
}

fn a_clock_that_jumps_changes_nothing() {
    let subject = Subject::new();
    for (number, time) in ["-3d", "+10y", "-30y", "-0.5s", "@1970-01-01 00:00:10"].into_iter().enumerate() {
        let version = number + 1;
        subject.declare(version);
        at(&subject, time, &["plan", "--detailed-exitcode"]).code(2);
        at(&subject, time, &["apply", "--yes"]).code(0);
        at(&subject, time, &["plan", "--detailed-exitcode"]).code(0);
        for arguments in [&["status"][..], &["state", "history"], &["unlock"], &["drift"]] {
            at(&subject, time, arguments).code(0);
            subject.lab.hl(arguments).code(0);
        }
        subject.is_made_up_for(version);
    }
    // A saved plan is of another time, and no worse for it.
    subject.declare(9);
    at(&subject, "+10y", &["plan", "-o", "x.hlplan"]).code(0);
    at(&subject, "-3d", &["apply", "x.hlplan", "--yes"]).code(0);
    std::fs::remove_file(subject.lab.repository().join("x.hlplan")).expect("it is there");
    subject.is_made_up_for(9);
}
