//! Whole processes by the clock on the wall, and what many runs say together.

use std::io::{Error, Result};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs a command to its end and gives the seconds. One that fails ends the measurement with what it said.
pub fn run(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null());
    let begun = Instant::now();
    let output = command.output()?;
    let seconds = begun.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(seconds);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::other(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said))))
}

/// The middle one of some values, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The median of `a/b`, each pair from one round.
pub fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(&a.iter().zip(b).map(|(a, b)| a / b).collect::<Vec<_>>())
}
