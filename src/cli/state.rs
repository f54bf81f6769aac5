//! `hl state`: what hl has recorded.

use clap::{Args, Subcommand};

use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::output_format;
use super::terminal::Terminal;
use crate::model::Target;
use crate::render::OutputFormat;
use crate::render::records::{self, chosen};
use crate::render::{history, json};
use crate::state::{self, Paths};
use crate::workflow::require_recorded;

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json];

/// Show what hl has recorded.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the recorded resources.
    List(Selection),
    /// Show recorded resources with their fields.
    Show(Selection),
    /// Show who applied what when, the latest last.
    History(HistoryArguments),
}

#[derive(Debug, Args)]
struct Selection {
    /// Only these nodes, services or resources.
    #[arg(value_name = "ADDRESS")]
    targets: Vec<Target>,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
struct HistoryArguments {
    /// The most applies to show.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let paths = context.state()?;
    match &arguments.command {
        Command::List(selection) => list(selection, &paths, terminal),
        Command::Show(selection) => show(selection, &paths, terminal),
        Command::History(wanted) => past(wanted, &paths, terminal),
    }
}

fn list(selection: &Selection, paths: &Paths, terminal: &Terminal) -> Answer {
    let view = state::read(paths)?.view;
    require_recorded(&selection.targets, &view)?;
    let found = chosen(&view, &selection.targets);
    match selection.format {
        OutputFormat::Text => terminal.data(&records::list(found, &terminal.options()))?,
        OutputFormat::Json => terminal.json(&json::records::list(view.serial, found))?,
        format => return Err(output_format::missing(format, "hl state list")),
    }
    Ok(Exit::Done)
}

fn show(selection: &Selection, paths: &Paths, terminal: &Terminal) -> Answer {
    let view = state::read(paths)?.view;
    require_recorded(&selection.targets, &view)?;
    let found = chosen(&view, &selection.targets);
    match selection.format {
        OutputFormat::Text => terminal.data(&records::show(found, terminal.out))?,
        OutputFormat::Json => terminal.json(&json::records::show(view.serial, found))?,
        format => return Err(output_format::missing(format, "hl state show")),
    }
    Ok(Exit::Done)
}

fn past(wanted: &HistoryArguments, paths: &Paths, terminal: &Terminal) -> Answer {
    let past = state::history(paths)?;
    let older = past.entries.len().saturating_sub(wanted.limit);
    let entries = &past.entries[older..];
    match wanted.format {
        OutputFormat::Text => terminal.data(&history::history(entries, &terminal.options()))?,
        OutputFormat::Json => terminal.json(&json::history::history(entries))?,
        format => return Err(output_format::missing(format, "hl state history")),
    }
    if past.unreadable > 0 {
        terminal.warn(&format!("{} lines of state/history.jsonl cannot be understood", past.unreadable));
    }
    Ok(Exit::Done)
}
