//! The records of hl, for people.

use super::field::value_text;
use super::page::{Line, Page};
use super::plan::Options;
use super::style::{Label, Palette};
use super::table::{Cell, Column, table};
use super::value::Secrets;
use super::wording::short;
use crate::model::view::{Recorded, RecordedView};
use crate::model::{Addr, Field, Target, Value};

/// One line a recorded resource.
pub fn list<'a>(resources: impl IntoIterator<Item = (&'a Addr, &'a Recorded)>, options: &Options) -> String {
    let rows: Vec<[Cell; 3]> = resources
        .into_iter()
        .map(|(addr, recorded)| {
            [
                Cell::plain(addr.to_string()),
                Cell::plain(short(&recorded.id)),
                Cell::new(Label::Faint, &recorded.applied_at),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => "Nothing is recorded.\n".to_owned(),
        false => {
            // An address is there to be copied.
            let columns = [Column::Whole("RESOURCE"), Column::Names("ID"), Column::Whole("APPLIED")];
            table(columns, &rows, options.palette, options.room)
        }
    }
}

/// Recorded resources with their fields: what was declared, and what the node showed right after
/// where that says something else.
pub fn show<'a>(resources: impl IntoIterator<Item = (&'a Addr, &'a Recorded)>, palette: Palette) -> String {
    let mut page = Page::default();
    let mut secrets = Secrets::default();
    for (addr, recorded) in resources {
        page.gap();
        page.push(Line::at(0).whole(Label::Title, addr.to_string()));
        let id = if recorded.id.is_empty() { String::new() } else { format!("id {}, ", short(&recorded.id)) };
        page.push(Line::at(2).text(Label::Faint, format!("{id}applied {}", recorded.applied_at)));
        for (field, value) in recorded.declared.iter() {
            let text = value_text(field, value, &mut secrets);
            page.push(Line::at(2).whole(Label::Plain, format!("{field}: {text}")));
        }
        for (field, value) in undeclared(recorded) {
            let text = value_text(field, value, &mut secrets);
            page.push(Line::at(2).whole(Label::Faint, format!("{field}: {text}  (not declared)")));
        }
    }
    page.print(palette, usize::MAX)
}

fn undeclared(recorded: &Recorded) -> impl Iterator<Item = (&Field, &Value)> {
    recorded.baseline.iter().filter(|(field, _)| recorded.declared.get(field).is_none())
}

/// The recorded resources that some targets choose; all without any target.
pub fn chosen<'a>(view: &'a RecordedView, targets: &'a [Target]) -> impl Iterator<Item = (&'a Addr, &'a Recorded)> {
    view.resources.iter().filter(move |(addr, _)| targets.is_empty() || targets.iter().any(|t| t.covers(addr)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;

    #[test]
    fn the_record_as_text() {
        let view = fixtures::record();
        insta::assert_snapshot!("list", list(chosen(&view, &[]), &Options::default()));
        let target = ["web/container:web".parse().unwrap()];
        insta::assert_snapshot!("show", show(chosen(&view, &target), Palette::Plain));
        assert_eq!(list([], &Options::default()), "Nothing is recorded.\n");
    }
}
