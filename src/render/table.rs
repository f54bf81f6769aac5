//! Rows in columns.

use super::page::{Line, Page, columns};
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

/// Rows in columns under their heads, two spaces apart; nothing is cut, and the last column is not padded.
pub fn table<const N: usize>(heads: [&str; N], rows: &[[Cell; N]], palette: Palette) -> String {
    let widths: Vec<usize> = (0..N)
        .map(|n| rows.iter().map(|row| columns(&row[n].text)).chain([columns(heads[n])]).max().unwrap_or(0))
        .collect();
    let head = heads.map(|text| Cell::new(Label::Faint, text));
    let mut page = Page::default();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = Line::at(0);
        for (n, cell) in row.iter().enumerate() {
            let gap = if n + 1 < N { widths[n] + 2 - columns(&cell.text) } else { 0 };
            line = line.whole(cell.label, &cell.text).whole(Label::Plain, " ".repeat(gap));
        }
        page.push(line);
    }
    page.print(palette, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bbb"], ["aaaa", ""]].map(|row| row.map(Cell::plain));
        assert_eq!(table(["X", "Y"], &rows, Palette::Plain), "X     Y\na     bbb\naaaa\n");
    }
}
