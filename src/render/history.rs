//! The past applies, for people.

use std::time::Duration;

use super::plan::Options;
use super::progress::seconds;
use super::step;
use super::style::Label;
use super::table::{Cell, Column, table};
use crate::model::history::{Ending, Entry};

const COLUMNS: [Column; 6] = [
    Column::Whole("WHEN"),
    Column::Names("WHO"),
    Column::Whole("COMMIT"),
    Column::Whole("RESULT"),
    Column::Whole("TOOK"),
    Column::Names("CHANGES"),
];

/// One line an apply, and what went wrong in the last one.
pub fn history(entries: &[Entry], options: &Options) -> String {
    let row = |entry: &Entry| {
        let (label, result) = match entry.result {
            Ending::Done => (Label::Good, "done"),
            Ending::Failed => (Label::Error, "failed"),
            Ending::Interrupted => (Label::Warning, "interrupted"),
            Ending::Crashed => (Label::Error, "crashed"),
        };
        let counts: Vec<String> = entry.counts.iter().map(|(action, n)| format!("{n} {action}")).collect();
        // Nobody was left to say how long it took.
        let took = match entry.result {
            Ending::Crashed => "-".to_owned(),
            Ending::Done | Ending::Failed | Ending::Interrupted => seconds(Duration::from_millis(entry.took_ms)),
        };
        let commit = entry.commit.as_deref().unwrap_or("-");
        [
            Cell::plain(&entry.at),
            Cell::plain(format!("{}@{}", entry.who, entry.host)),
            Cell::plain(commit.get(..10).unwrap_or(commit)),
            Cell::new(label, result),
            Cell::plain(took),
            Cell::plain(counts.join(", ")),
        ]
    };
    let Some(last) = entries.last() else { return "Nothing has been applied yet.\n".to_owned() };
    let rows: Vec<[Cell; 6]> = entries.iter().map(row).collect();
    let mut text = table(COLUMNS, &rows, options.palette, options.room);
    let unfinished = last.unfinished.iter().map(|u| format!("under way: {} ({})", step::begun(&u.operation), u.about));
    let lines: Vec<String> = last.trouble.iter().cloned().chain(unfinished).collect();
    if !lines.is_empty() {
        text.push_str("\nThe last apply:\n");
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::history::Unfinished;
    use crate::model::{BegunOperation, Purpose};

    #[test]
    fn the_last_apply_is_told_with_what_was_under_way() {
        let ids = BTreeMap::from([("container".to_owned(), "shop-web-1".to_owned())]);
        let operation = BegunOperation::Kind { kind: "create_container".to_owned(), ids, purpose: Purpose::Step };
        let crashed = Entry {
            id: "1".to_owned(),
            at: "2026-01-02T03:04:05Z".to_owned(),
            who: "ann".to_owned(),
            host: "desk".to_owned(),
            commit: None,
            plan: "sha256:1".to_owned(),
            serial: 4,
            counts: BTreeMap::from([("create".to_owned(), 2)]),
            result: Ending::Crashed,
            trouble: Vec::new(),
            unfinished: vec![Unfinished { about: "nas/shop/container:web".to_owned(), operation }],
            took_ms: 0,
        };
        insta::assert_snapshot!(history(&[crashed], &Options::default()), @r"
        WHEN                  WHO       COMMIT  RESULT   TOOK  CHANGES
        2026-01-02T03:04:05Z  ann@desk  -       crashed  -     2 create

        The last apply:
          under way: create container shop-web-1 (nas/shop/container:web)
        ");
    }
}
