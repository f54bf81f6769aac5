//! Text that a terminal may show: nothing in it acts on the terminal, and nothing in it is unseen.

use std::fmt::Write as _;

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

/// Whether a character acts on a terminal or is not seen on it, behind the one `before` it.
pub(super) fn is_unseen(c: char, before: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match c {
        // Chooses the coloured form of the sign before it.
        '\u{fe0f}' => !is_pictograph(before),
        // Controls, separators of lines and paragraphs, marks between annotations, and those of hieroglyphs.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1345f}' => true,
        // Source: Unicode's Default_Ignorable_Code_Point, of DerivedCoreProperties.txt.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        // A cell without dots, and what is no character at all.
        '\u{2800}' | '\u{fdd0}'..='\u{fdef}' => true,
        c => u32::from(c) & 0xfffe == 0xfffe,
    }
}

/// Whether a sign has a form as a picture.
fn is_pictograph(c: char) -> bool {
    matches!(c, '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2bff}' | '〰' | '〽' | '㊗' | '㊙')
        || matches!(c, '\u{1f000}'..='\u{1faff}')
}

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
}
