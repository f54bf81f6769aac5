//! Text that a terminal may show: nothing in it acts on the terminal, and nothing in it is unseen.

use std::fmt::Write as _;

use super::Palette;
use crate::model::unseen::is_unseen;

/// The text with all escapes that keep it from acting: control characters, those that turn the direction of writing, and
/// those that nobody sees. What a repository, an engine, a script or a node says must be able to rewrite no line.
pub fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same, with characters that `stays` names as they are.
fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '\0';
    for c in text.chars() {
        match c {
            c if stays(c) || !is_unseen(c, before) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
        before = c;
    }
    out
}

/// A line of a file as a diagnostic quotes it. Tabs stay: whoever draws the line makes them spaces.
pub(super) fn quoted_line(line: &str) -> String {
    escaped(line, |c| c == '\t')
}

/// Text that may be printed. Only this file makes one, so that no text of a repository, an engine, a script or a node
/// reaches a terminal without having gone through it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printable(String);

impl Printable {
    /// Lines, with colours where the palette has some. Anything else that would act on a terminal is escaped.
    pub fn lines(text: &str, palette: Palette) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, colour, after)) = next_colour(rest).filter(|_| palette == Palette::Coloured) {
            out.push_str(&escaped(before, |c| c == '\n'));
            out.push_str(colour);
            rest = after;
        }
        out.push_str(&escaped(rest, |c| c == '\n'));
        Self(out)
    }

    /// Adds lines to what is there; see [`Printable::lines`].
    pub fn add_lines(&mut self, text: &str, palette: Palette) {
        self.0.push_str(Printable::lines(text, palette).as_str());
    }

    /// Adds a line that a program wrote, with its end. Tabs stay; bytes that are no text are escaped. Colours of the program
    /// stay where the palette has some, and end with the line.
    pub fn add_output(&mut self, line: &[u8], palette: Palette) {
        if line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            self.0.extend(line.iter().map(|byte| char::from(*byte)));
        } else {
            let mut coloured = false;
            for chunk in line.utf8_chunks() {
                let mut rest = chunk.valid();
                while let Some((before, colour, after)) = next_colour(rest).filter(|_| palette == Palette::Coloured) {
                    self.0.push_str(&quoted_line(before));
                    self.0.push_str(colour);
                    coloured = true;
                    rest = after;
                }
                self.0.push_str(&quoted_line(rest));
                for byte in chunk.invalid() {
                    let _ = write!(self.0, "\\x{byte:02x}");
                }
            }
            if coloured {
                self.0.push_str(NO_COLOUR);
            }
        }
        self.0.push('\n');
    }

    /// A document for programs, such as YAML or a shell's completions, in which tabs have a meaning.
    pub fn document(text: &str) -> Self {
        Self(escaped(text, |c| matches!(c, '\n' | '\t')))
    }

    /// A text in JSON: what is not seen is written as JSON escapes it, and means the same.
    pub fn json(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\n' => out.push(c),
                c if is_unseen(c, '\0') => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first colour in a text, with what is before and behind it.
fn next_colour(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find(COLOUR)?;
        let end = start + COLOUR.len();
        let length = text[end..].bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
        if text[end + length..].starts_with('m') {
            let end = end + length + 1;
            return Some((&text[..start], &text[start..end], &text[end..]));
        }
        from = end;
    }
}

/// How a colour begins.
const COLOUR: &str = "\u{1b}[";
/// The end of all colours.
const NO_COLOUR: &str = "\u{1b}[0m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_is_unseen_is_escaped() {
        for (text, shown) in [
            ("\u{1b}]0;x\u{7}", "\\x1b]0;x\\x07"),
            ("a\u{9b}31m", "a\\x9b31m"),
            ("a\tb\r\nc", "a\\tb\\r\\nc"),
            (
                "\u{202e}\u{200b}\u{2028}\u{e0041}\u{ad}\u{feff}",
                "\\u{202e}\\u{200b}\\u{2028}\\u{e0041}\\u{ad}\\u{feff}",
            ),
            ("\u{34f}\u{3164}\u{2066}\u{61c}\u{fffe}", "\\u{34f}\\u{3164}\\u{2066}\\u{61c}\\u{fffe}"),
            ("x\u{fe0f}y", "x\\u{fe0f}y"),
            ("❤\u{fe0f} ü 日本 🏠 →", "❤\u{fe0f} ü 日本 🏠 →"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn quoted_lines_keep_their_tabs() {
        assert_eq!(quoted_line("\ta\u{1b}"), "\ta\\x1b");
    }

    #[test]
    fn lines_keep_their_own_colours_and_nothing_else() {
        let text = "\u{1b}[31mred\u{1b}[0m\n\u{1b}[2J\u{1b}]0;x\u{7}\tend\u{1b}[";
        let coloured = "\u{1b}[31mred\u{1b}[0m\n\\x1b[2J\\x1b]0;x\\x07\\tend\\x1b[";
        assert_eq!(Printable::lines(text, Palette::Coloured).as_str(), coloured);
        assert!(!Printable::lines(text, Palette::Plain).as_str().contains('\u{1b}'));
    }

    #[test]
    fn output_keeps_its_tabs_and_its_colours_to_the_end_of_the_line() {
        let output = |line: &[u8], palette| {
            let mut text = Printable::default();
            text.add_output(line, palette);
            text.as_str().to_owned()
        };
        let hostile = b"\x1b[31mred\x1b[2J\x1b]0;x\x07\ta\rb \xff \xe2\x80\xae\x1b[8";
        let plain = "\\x1b[31mred\\x1b[2J\\x1b]0;x\\x07\ta\\rb \\xff \\u{202e}\\x1b[8\n";
        let coloured = "\x1b[31mred\\x1b[2J\\x1b]0;x\\x07\ta\\rb \\xff \\u{202e}\\x1b[8\x1b[0m\n";
        assert_eq!(output(hostile, Palette::Plain), plain);
        assert_eq!(output(hostile, Palette::Coloured), coloured);
        assert_eq!(output(b"\tplain ~", Palette::Coloured), "\tplain ~\n");
        assert_eq!(output(b"", Palette::Coloured), "\n");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "a\u{9b}": "\u{202e}\u{e0041}\u{1b}ü" });
        let text = Printable::json(&value.to_string());
        assert!(text.as_str().is_ascii() || text.as_str().chars().all(|c| !is_unseen(c, '\0')));
        assert_eq!(serde_json::from_str::<serde_json::Value>(text.as_str()).ok(), Some(value));
    }
}
