//! The past applies, for people.

use std::time::Duration;

use super::progress::seconds;
use super::style::{Label, Palette};
use super::table::{Cell, table};
use crate::model::history::{Ending, Entry};

/// One line an apply, and what went wrong in the last one.
pub fn history(entries: &[Entry], palette: Palette) -> String {
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
    let Some(last) = entries.last() else { return "Nothing was applied yet.\n".to_owned() };
    let rows: Vec<[Cell; 6]> = entries.iter().map(row).collect();
    let mut text = table(["WHEN", "WHO", "COMMIT", "RESULT", "TOOK", "CHANGES"], &rows, palette);
    if !last.trouble.is_empty() {
        text.push_str("\nThe last one:\n");
        last.trouble.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text
}
