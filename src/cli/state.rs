//! `hl state`: what hl has recorded.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Format;
use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::terminal::Terminal;
use crate::model::Target;
use crate::render::json::{self, FORMAT_VERSION};
use crate::render::progress::seconds;
use crate::render::records::{self, chosen};
use crate::render::style::Label;
use crate::render::table::{Cell, table};
use crate::state::{self, Ending, Entry};

/// Look at what hl has recorded.
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
    /// Only these: nodes, services or resources.
    #[arg(value_name = "ADDRESS")]
    targets: Vec<Target>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct HistoryArguments {
    /// The most applies to show.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let paths = context.state()?;
    match &arguments.command {
        Command::List(selection) | Command::Show(selection) => {
            let view = state::read(&paths).map_err(Failure::world)?.view;
            let found = chosen(&view, &selection.targets);
            let shows = matches!(arguments.command, Command::Show(_));
            match (selection.format, shows) {
                (Format::Text, false) => terminal.data(&records::list(found, terminal.out))?,
                (Format::Text, true) => terminal.data(&records::show(found, terminal.out))?,
                (Format::Json, false) => terminal.json(&json::records::list(view.serial, found))?,
                (Format::Json, true) => terminal.json(&json::records::show(view.serial, found))?,
            }
        }
        Command::History(wanted) => {
            let history = state::history(&paths).map_err(Failure::world)?;
            let older = history.entries.len().saturating_sub(wanted.limit);
            let entries = &history.entries[older..];
            match wanted.format {
                Format::Text => terminal.data(&text(entries, terminal))?,
                Format::Json => terminal.json(&json!({ "format_version": FORMAT_VERSION, "applies": entries }))?,
            }
            if history.unreadable > 0 {
                terminal.warn(&format!("{} lines of state/history.jsonl cannot be understood", history.unreadable));
            }
        }
    }
    Ok(Exit::Done)
}

fn text(entries: &[Entry], terminal: &Terminal) -> String {
    let row = |entry: &Entry| {
        let (label, result) = match entry.result {
            Ending::Done => (Label::Good, "done"),
            Ending::Failed => (Label::Error, "failed"),
            Ending::Interrupted => (Label::Warning, "interrupted"),
            Ending::Crashed => (Label::Error, "crashed"),
        };
        let counts: Vec<String> = entry.counts.iter().map(|(action, n)| format!("{n} {action}")).collect();
        let commit = entry.commit.as_deref().unwrap_or("-");
        [
            Cell::plain(&entry.at),
            Cell::plain(format!("{}@{}", entry.who, entry.host)),
            Cell::plain(commit.get(..10).unwrap_or(commit)),
            Cell::new(label, result),
            Cell::plain(seconds(Duration::from_millis(entry.took_ms))),
            Cell::plain(counts.join(", ")),
        ]
    };
    match entries {
        [] => "Nothing was applied yet.\n".to_owned(),
        entries => {
            let rows: Vec<_> = entries.iter().map(row).collect();
            let mut text = table(["WHEN", "WHO", "COMMIT", "RESULT", "TOOK", "CHANGES"], &rows, terminal.out);
            if let Some(last) = entries.last().filter(|e| !e.trouble.is_empty()) {
                text.push_str("\nThe last one:\n");
                last.trouble.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
            }
            text
        }
    }
}
