//! JSON as Go's `encoding/json` writes it.

use std::fmt::Write;

use super::shape::Shown;
use crate::compose::syntax::scalar::{float_json, float32_json};

/// With line breaks and two spaces for each level.
pub(super) fn indented(shown: &Shown<'_>) -> String {
    let mut out = String::new();
    write(&mut out, shown, Some(0));
    out
}

/// In one line without spaces.
pub(super) fn compact(shown: &Shown<'_>) -> String {
    let mut out = String::new();
    write(&mut out, shown, None);
    out
}

/// Writes a value at a level; `None` for a single line.
fn write(out: &mut String, shown: &Shown<'_>, level: Option<usize>) {
    let inner = level.map(|l| l + 1);
    match shown {
        Shown::Null => out.push_str("null"),
        Shown::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Shown::Int(i) => write!(out, "{i}").expect("writing to text cannot fail"),
        Shown::Float(f) => out.push_str(&float_json(*f)),
        Shown::Float32(f) => out.push_str(&float32_json(*f)),
        Shown::Text(text) => quote(out, text),
        Shown::List(items) if items.is_empty() => out.push_str("[]"),
        Shown::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Shown::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, i, inner);
                write(out, item, inner);
            }
            break_line(out, level);
            out.push(']');
        }
        Shown::Map(entries) => {
            out.push('{');
            for (i, (name, value)) in entries.iter().enumerate() {
                separate(out, i, inner);
                quote(out, name);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(out, value, inner);
            }
            break_line(out, level);
            out.push('}');
        }
    }
}

fn separate(out: &mut String, index: usize, level: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    break_line(out, level);
}

fn break_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}

/// Go escapes what could end a script in a page, and the line breaks of JavaScript.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => {
                write!(out, "\\u{:04x}", c as u32).expect("writing to text cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go() {
        let mut out = String::new();
        quote(&mut out, "a<b>&\"\\\n\u{1}\u{2028}é");
        assert_eq!(out, r#""a\u003cb\u003e\u0026\"\\\n\u0001\u2028é""#);
    }

    #[test]
    fn empty_ones_stay_on_their_line() {
        let shown = Shown::Map(vec![
            ("a".into(), Shown::List(vec![])),
            ("b".into(), Shown::List(vec![Shown::Int(1), Shown::Null])),
            ("c".into(), Shown::Map(vec![])),
        ]);
        assert_eq!(indented(&shown), "{\n  \"a\": [],\n  \"b\": [\n    1,\n    null\n  ],\n  \"c\": {}\n}");
        assert_eq!(compact(&shown), r#"{"a":[],"b":[1,null],"c":{}}"#);
    }
}
