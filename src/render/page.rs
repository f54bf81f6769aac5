//! Text before it is printed: lines of labelled pieces, which are wrapped first and coloured last.

use super::printable::visible;
use super::style::{Label, Palette};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The role of the text.
    pub label: Label,
    /// The text; control characters in it are made visible when it is printed.
    pub text: String,
    /// Whether a line may break at its spaces. Values stay in one piece, so that they can be copied.
    pub breaks: Breaks,
}

/// Where a line may break inside a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// At its spaces.
    AtSpaces,
    /// Nowhere.
    Never,
}

impl Span {
    /// Running text.
    pub fn text(label: Label, text: impl Into<String>) -> Self {
        Span { label, text: text.into(), breaks: Breaks::AtSpaces }
    }

    /// A value or a name, which is never broken.
    pub fn whole(label: Label, text: impl Into<String>) -> Self {
        Span { label, text: text.into(), breaks: Breaks::Never }
    }
}

/// A line before it is wrapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Spaces before it.
    pub indent: usize,
    /// Additional indent of wrapped lines.
    pub hang: usize,
    /// The pieces of the line.
    pub spans: Vec<Span>,
}

impl Line {
    /// An empty line at an indent.
    pub fn at(indent: usize) -> Self {
        Line { indent, hang: 2, spans: Vec::new() }
    }

    /// The same with another hanging indent.
    #[must_use]
    pub fn hang(mut self, hang: usize) -> Self {
        self.hang = hang;
        self
    }

    /// The same with running text at its end.
    #[must_use]
    pub fn text(mut self, label: Label, text: impl Into<String>) -> Self {
        self.spans.push(Span::text(label, text));
        self
    }

    /// The same with a value or a name at its end.
    #[must_use]
    pub fn whole(mut self, label: Label, text: impl Into<String>) -> Self {
        self.spans.push(Span::whole(label, text));
        self
    }

    /// Its width in columns if it is not wrapped.
    pub fn width(&self) -> usize {
        self.indent + self.spans.iter().map(|s| columns(&s.text)).sum::<usize>()
    }
}

/// How wide a text is on a terminal.
pub fn columns(text: &str) -> usize {
    console::measure_text_width(&visible(text))
}

/// Lines in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    lines: Vec<Line>,
}

impl Page {
    /// Adds a line.
    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds an empty line, unless there is one already or nothing stands before it.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|l| !l.spans.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    /// Adds lines.
    pub fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.lines.extend(lines);
    }

    /// Its lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The text: wrapped at `width` where that is possible, each line ended.
    pub fn print(&self, palette: Palette, width: usize) -> String {
        let mut out = String::new();
        for line in &self.lines {
            print_line(&mut out, line, palette, width);
        }
        out
    }
}

/// A word of a line: pieces without a place to break between them.
#[derive(Default)]
struct Word {
    pieces: Vec<(Label, String)>,
    width: usize,
    spaces_before: usize,
}

fn words(line: &Line) -> Vec<Word> {
    let mut words: Vec<Word> = vec![Word::default()];
    let mut push = |label: Label, text: &str, spaces: usize| {
        if spaces > 0 {
            words.push(Word { spaces_before: spaces, ..Word::default() });
        }
        if !text.is_empty() {
            let text = visible(text);
            let word = words.last_mut().expect("there is always one");
            word.width += console::measure_text_width(&text);
            word.pieces.push((label, text));
        }
    };
    for span in &line.spans {
        match span.breaks {
            Breaks::Never => push(span.label, &span.text, 0),
            Breaks::AtSpaces => {
                let mut rest = span.text.as_str();
                while !rest.is_empty() {
                    let spaces = rest.len() - rest.trim_start_matches(' ').len();
                    rest = &rest[spaces..];
                    let end = rest.find(' ').unwrap_or(rest.len());
                    push(span.label, &rest[..end], spaces);
                    rest = &rest[end..];
                }
            }
        }
    }
    words
}

fn print_line(out: &mut String, line: &Line, palette: Palette, width: usize) {
    let mut column = line.indent;
    let mut first = true;
    let start = out.len();
    out.extend(std::iter::repeat_n(' ', line.indent));
    for word in words(line) {
        if word.pieces.is_empty() && word.spaces_before == 0 {
            continue;
        }
        if !first && word.spaces_before > 0 && column + word.spaces_before + word.width > width {
            trim_spaces(out, start);
            out.push('\n');
            column = line.indent + line.hang;
            out.extend(std::iter::repeat_n(' ', column));
        } else {
            column += word.spaces_before;
            out.extend(std::iter::repeat_n(' ', word.spaces_before));
        }
        first = false;
        column += word.width;
        for (label, text) in word.pieces {
            out.push_str(&palette.paint(label, &text));
        }
    }
    trim_spaces(out, start);
    out.push('\n');
}

fn trim_spaces(out: &mut String, start: usize) {
    let end = start + out[start..].trim_end_matches(' ').len();
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(line: Line, width: usize) -> String {
        let mut page = Page::default();
        page.push(line);
        page.print(Palette::Plain, width)
    }

    #[test]
    fn prose_wraps_at_spaces_and_values_do_not() {
        let line = Line::at(2)
            .text(Label::Plain, "why: one two ")
            .whole(Label::Plain, "\"a b c d\"")
            .text(Label::Plain, ", three");
        assert_eq!(print(line.clone(), 80), "  why: one two \"a b c d\", three\n");
        assert_eq!(print(line, 18), "  why: one two\n    \"a b c d\",\n    three\n");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(
            print(Line::at(0).text(Label::Plain, "a https://example.org/x b"), 8),
            "a\n  https://example.org/x\n  b\n"
        );
    }

    #[test]
    fn what_a_node_sends_cannot_rewrite_the_terminal() {
        let printed = print(Line::at(0).whole(Label::Plain, "\u{1b}[2Jx\u{202e}y\nz"), 80);
        assert_eq!(printed, "\\x1b[2Jx\\u{202e}y\\nz\n");
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let line = Line::at(0).text(Label::Added, "aaa ").text(Label::Removed, "bbb");
        let mut page = Page::default();
        page.push(line);
        assert_eq!(page.print(Palette::Coloured, 7).lines().count(), 1);
    }
}
