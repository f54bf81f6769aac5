//! `hl validate`: everything that the files alone tell.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::{Exit, repository};
use crate::config;
use crate::diagnostic::{Diagnostics, Severity};

/// Check all files of the repository without asking any node.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// Runs the command.
pub(super) fn run(_: &Arguments, directory: Option<&Path>) -> Exit {
    let repository = match repository::repository(directory) {
        Ok(repository) => repository,
        Err(exit) => return exit,
    };
    let (sources, mut found) = config::load(repository);
    let (of_services, map) = config::check_offline(&sources);
    found.extend(of_services);
    repository::say(&found, &map);
    let summary = match verdict(&found) {
        Some(mistakes) => mistakes,
        None => format!("{}, {}: valid", count(sources.nodes.len(), "node"), count(sources.services.len(), "service")),
    };
    if found.has_errors() {
        eprintln!("\n{summary}");
        return Exit::Failed;
    }
    match writeln!(std::io::stdout(), "{summary}") {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("hl: {error}");
            Exit::Failed
        }
    }
}

/// How many errors and warnings there are; none if there is no error.
fn verdict(found: &Diagnostics) -> Option<String> {
    let all = found.sorted();
    let of = |severity: Severity| all.iter().filter(|d| d.severity == severity).count();
    let errors = of(Severity::Error);
    let words = match of(Severity::Warning) {
        0 => count(errors, "error"),
        warnings => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    (errors > 0).then_some(words)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
