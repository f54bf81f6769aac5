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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printable(String);

impl Printable {
    /// Lines, with colours where the palette has some. Anything else that would act on a terminal is escaped.
    pub fn lines(text: &str, palette: Palette) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(COLOUR) {
            out.push_str(&escaped(&rest[..start], |c| c == '\n'));
            let end = start + COLOUR.len();
            let length = rest[end..].bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
            let is_colour = palette == Palette::Coloured && rest[end + length..].starts_with('m');
            let end = if is_colour { end + length + 1 } else { end };
            match is_colour {
                true => out.push_str(&rest[start..end]),
                false => out.push_str(&visible(&rest[start..end])),
            }
            rest = &rest[end..];
        }
        out.push_str(&escaped(rest, |c| c == '\n'));
        Self(out)
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

/// How a colour begins.
const COLOUR: &str = "\u{1b}[";

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
    fn json_means_the_same() {
        let value = serde_json::json!({ "a\u{9b}": "\u{202e}\u{e0041}\u{1b}ü" });
        let text = Printable::json(&value.to_string());
        assert!(text.as_str().is_ascii() || text.as_str().chars().all(|c| !is_unseen(c, '\0')));
        assert_eq!(serde_json::from_str::<serde_json::Value>(text.as_str()).ok(), Some(value));
    }
}
