//! `hl validate`: everything that the files alone tell.

use clap::Args;

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::terminal::Terminal;
use crate::config;
use crate::diagnostic::{Diagnostics, Severity};
use crate::render::english::plural;
use crate::workflow::DiagnosticListener;

/// Check all files of the repository without asking any node.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// Runs the command.
pub(super) fn run(context: &Context, terminal: &Terminal) -> Answer {
    let (sources, mut found) = config::load(context.repository());
    let (of_services, map) = config::check_offline(&sources);
    found.extend(of_services);
    terminal.diagnostics(&found, &map);
    if let Some(mistakes) = verdict(&found) {
        terminal.talk("");
        terminal.talk(&mistakes);
        return Err(CommandError::shown(Exit::Failed));
    }
    let size = (plural(sources.nodes.len(), "node"), plural(sources.services.len(), "service"));
    terminal.data(&format!("{}, {}: valid\n", size.0, size.1))?;
    Ok(Exit::Done)
}

/// How many errors and warnings there are; none if there is no error.
fn verdict(found: &Diagnostics) -> Option<String> {
    let all = found.sorted();
    let of = |severity: Severity| all.iter().filter(|d| d.severity == severity).count();
    let errors = of(Severity::Error);
    let words = match of(Severity::Warning) {
        0 => plural(errors, "error"),
        warnings => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    (errors > 0).then_some(words)
}
