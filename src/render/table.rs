//! Rows in columns.

use super::page::{Line, Page, columns};
use super::printable::visible;
use super::style::{Label, Palette};

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The role of the text.
    pub label: Label,
    /// The text.
    pub text: String,
}

impl Cell {
    /// Running text.
    pub fn plain(text: impl Into<String>) -> Self {
        Cell { label: Label::Plain, text: text.into() }
    }

    /// Text with a label.
    pub fn new(label: Label, text: impl Into<String>) -> Self {
        Cell { label, text: text.into() }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Of words, times and numbers, which are never cut.
    Whole(&'static str),
    /// Of names, which lose their middle where there is no room.
    Names(&'static str),
}

/// The width that a table may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Any: whoever reads it is a program, or a file.
    #[default]
    Unbounded,
    /// So many columns of a terminal.
    Columns(usize),
}

impl Room {
    /// Where running text is wrapped.
    pub(super) fn width(self) -> usize {
        match self {
            Room::Unbounded => usize::MAX,
            Room::Columns(width) => width,
        }
    }
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Column::Whole(head) | Column::Names(head) => head,
        }
    }

    /// The least that it may have of its width.
    fn least(self, width: usize) -> usize {
        match self {
            Column::Whole(_) => width,
            Column::Names(head) => width.min(columns(head).max(SHORTEST)),
        }
    }
}

/// Less than this is left of no name.
const SHORTEST: usize = 10;
const GAP: usize = 2;

/// Rows in columns under their heads, two spaces apart; the last column is not padded. Where there is no room for all of
/// it, the widest names are shortened first.
pub fn table<const N: usize>(columns: [Column; N], rows: &[[Cell; N]], palette: Palette, room: Room) -> String {
    let widths = widths(&columns, rows, room);
    let head = columns.map(|column| Cell::new(Label::Faint, column.head()));
    let mut page = Page::default();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = Line::at(0);
        for (n, cell) in row.iter().enumerate() {
            let text = shortened(&cell.text, widths[n]);
            let gap = if n + 1 < N { widths[n] + GAP - self::columns(&text) } else { 0 };
            line = line.whole(cell.label, text).whole(Label::Plain, " ".repeat(gap));
        }
        page.push(line);
    }
    page.print(palette, usize::MAX)
}

/// The widths of the columns: as wide as their widest cells, or as the room allows.
fn widths<const N: usize>(columns: &[Column; N], rows: &[[Cell; N]], room: Room) -> [usize; N] {
    let of =
        |n: usize| rows.iter().map(move |row| self::columns(&row[n].text)).chain([self::columns(columns[n].head())]);
    let mut widths: [usize; N] = std::array::from_fn(|n| of(n).max().unwrap_or(0));
    let least: [usize; N] = std::array::from_fn(|n| columns[n].least(widths[n]));
    let room = room.width().saturating_sub(GAP * N.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = (0..N).filter(|n| widths[*n] > least[*n]).max_by_key(|n| widths[*n]) else { break };
        widths[widest] -= 1;
    }
    widths
}

/// A text without its middle if it is wider than that: both ends of a name tell it apart from others.
fn shortened(text: &str, width: usize) -> String {
    let text = visible(text);
    if columns(&text) <= width {
        return text;
    }
    let fitting = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += columns(&c.to_string());
            used <= room
        };
        chars.take_while(fits).collect::<Vec<char>>()
    };
    let room = width.saturating_sub(1);
    let start = fitting(&mut text.chars(), room.div_ceil(2));
    let end = fitting(&mut text.chars().rev(), room / 2);
    start.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [Column::Names("X"), Column::Whole("Y"), Column::Names("Z")];

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bbb", "c"], ["aaaa", "", "c"]].map(|row| row.map(Cell::plain));
        for room in [Room::Unbounded, Room::Columns(12)] {
            assert_eq!(table(COLUMNS, &rows, Palette::Plain, room), "X     Y    Z\na     bbb  c\naaaa       c\n");
        }
    }

    #[test]
    fn the_widest_names_lose_their_middle_and_nothing_else_does() {
        let rows = [["short", "as long as it is", "ghcr.io/example/the-server:v1.2.3"]].map(|row| row.map(Cell::plain));
        let of = |room| table(COLUMNS, &rows, Palette::Plain, Room::Columns(room)).lines().last().unwrap().to_owned();
        assert_eq!(of(58), "short  as long as it is  ghcr.io/example/the-server:v1.2.3");
        assert_eq!(of(40), "short  as long as it is  ghcr.io…:v1.2.3");
        assert_eq!(of(20), "short  as long as it is  ghcr.….2.3", "there is an end to it");
    }

    #[test]
    fn wide_and_strange_characters_are_counted_as_they_are_shown() {
        for text in ["数据库数据库数据库", "a\u{1b}b\u{1b}c\u{1b}d", "äöüäöüäöüäöü"] {
            for width in 1..9 {
                assert!(columns(&shortened(text, width)) <= width, "{text} at {width}");
            }
        }
    }
}
