//! YAML as Go's yaml.v3 writes it with an indentation of two.

use crate::model::unseen::is_unseen;
use std::fmt::Write;

use super::shape::Shown;
use crate::compose::syntax::scalar::{float_text, float32_text};
use crate::compose::yaml::is_plain_text;

/// A whole document.
pub(super) fn document(shown: &Shown<'_>) -> String {
    let mut out = String::new();
    match shown {
        Shown::Map(entries) if !entries.is_empty() => mapping(&mut out, entries, 0, Start::OnNewLine),
        other => {
            scalar(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

/// Whether the first line of a block is already begun, by the dash of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    OnNewLine,
    AfterDash,
}

fn mapping(out: &mut String, entries: &[(std::borrow::Cow<'_, str>, Shown<'_>)], indent: usize, start: Start) {
    for (i, (name, value)) in entries.iter().enumerate() {
        if i > 0 || start == Start::OnNewLine {
            pad(out, indent);
        }
        // A key that is too long to be a simple one needs its own sign.
        let is_simple = name.len() <= 128;
        if !is_simple {
            out.push_str("? ");
        }
        key(out, name, indent);
        if !is_simple {
            out.push('\n');
            pad(out, indent);
        }
        out.push(':');
        block(out, value, indent);
    }
}

/// The value after a key: a block on the next lines, or a scalar on this one.
fn block(out: &mut String, value: &Shown<'_>, indent: usize) {
    match value {
        Shown::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            mapping(out, entries, indent + 2, Start::OnNewLine);
        }
        Shown::List(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, indent + 2, Start::OnNewLine);
        }
        other => {
            out.push(' ');
            scalar(out, other, indent + 2);
            out.push('\n');
        }
    }
}

fn sequence(out: &mut String, items: &[Shown<'_>], indent: usize, start: Start) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || start == Start::OnNewLine {
            pad(out, indent);
        }
        out.push_str("- ");
        match item {
            Shown::Map(entries) if !entries.is_empty() => mapping(out, entries, indent + 2, Start::AfterDash),
            Shown::List(items) if !items.is_empty() => sequence(out, items, indent + 2, Start::AfterDash),
            other => {
                scalar(out, other, indent + 2);
                out.push('\n');
            }
        }
    }
}

fn scalar(out: &mut String, value: &Shown<'_>, indent: usize) {
    match value {
        Shown::Null => out.push_str("null"),
        Shown::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Shown::Int(i) => write!(out, "{i}").expect("writing to text cannot fail"),
        Shown::Float(f) => out.push_str(&float_text(*f)),
        Shown::Float32(f) => out.push_str(&float32_text(*f)),
        Shown::List(_) => out.push_str("[]"),
        Shown::Map(_) => out.push_str("{}"),
        Shown::Text(text) => {
            let text = text.as_ref();
            match style(text, Place::Value) {
                Style::Plain => out.push_str(text),
                Style::Single => single_quoted(out, text),
                Style::Double => double_quoted(out, text),
                Style::Literal => literal(out, text, indent),
            }
        }
    }
}

fn key(out: &mut String, name: &str, indent: usize) {
    match style(name, Place::Key) {
        Style::Plain => out.push_str(name),
        Style::Single => single_quoted(out, name),
        Style::Double => double_quoted(out, name),
        Style::Literal => literal(out, name, indent + 2),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// The style that yaml.v3 gives a string: one that would be read as something else is double quoted, one of several
/// lines is a literal block, and what cannot be plain or a block falls back to quotes.
fn style(text: &str, place: Place) -> Style {
    let traits = Traits::of(text);
    if text.contains('\n') {
        let fits = traits.block_allowed && place == Place::Value;
        return if fits { Style::Literal } else { Style::Double };
    }
    let reads_as_text = is_plain_text(text) && !is_sexagesimal(text) && !is_old_bool(text);
    match () {
        () if !reads_as_text => Style::Double,
        () if traits.plain_allowed => Style::Plain,
        () if traits.single_allowed => Style::Single,
        () => Style::Double,
    }
}

/// Which styles the characters of a text allow.
struct Traits {
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let is_break = |c: char| matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut tabs, mut breaks) = (false, false, false);
        let (mut space_break, mut break_space) = (false, false);
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|n| *n == ' ' || *n == '\t' || is_break(*n));
            let after_blank = previous.is_none_or(|p: char| p == ' ' || p == '\t' || is_break(p));
            indicators |= match c {
                '#' if after_blank => true,
                ':' if before_blank => true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    previous.is_none()
                }
                '-' | '?' => previous.is_none() && before_blank,
                _ => false,
            };
            tabs |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            breaks |= is_break(c);
            space_break |= is_break(c) && previous == Some(' ');
            break_space |= c == ' ' && previous.is_some_and(is_break);
            previous = Some(c);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let edges = edge(text.chars().next()) || edge(previous);
        Traits {
            plain_allowed: !(edges || space_break || break_space || tabs || special || breaks || indicators),
            single_allowed: !(break_space || space_break || tabs || special),
            block_allowed: !(previous == Some(' ') || space_break || special),
        }
    }
}

/// yaml.v3's own idea of a printable character: none beyond the basic plane. What nobody sees is none here, either: it is
/// escaped, and means the same.
fn is_printable(c: char) -> bool {
    let in_plane = matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}');
    c == '\n' || in_plane && !is_unseen(c, '\0')
}

/// A float of YAML 1.1 such as `12:30`, which older parsers read as a number.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_sixtieth = |p: &str| matches!(p.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    whole.contains(':')
        && first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && parts.all(is_sixtieth)
        && digits(fraction)
}

/// A boolean of YAML 1.1.
fn is_old_bool(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    )
}

fn single_quoted(out: &mut String, text: &str) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = c as u32;
                let escape = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                out.push_str(&escape);
            }
        }
    }
    out.push('"');
}

/// A literal block: the sign for its indentation if it starts with blanks, and the one for its last line breaks.
fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        out.push('2');
    }
    match text.strip_suffix('\n') {
        None => out.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        scalar(&mut out, &Shown::Text(text.into()), 2);
        out
    }

    #[test]
    fn strings_take_the_style_of_go() {
        for (text, yaml) in [
            ("plain text", "plain text"),
            ("", "\"\""),
            ("1.0", "\"1.0\""),
            ("yes", "\"yes\""),
            ("12:30", "\"12:30\""),
            ("a: b", "'a: b'"),
            ("#x", "'#x'"),
            ("it's", "it's"),
            ("'q'", "'''q'''"),
            (" lead", "' lead'"),
            ("tab\tx", "\"tab\\tx\""),
            ("😀", "\"\\U0001F600\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\nb\n", "|\n  a\n\n  b"),
            ("a\n\n", "|+\n  a\n"),
            ("a \nb", "\"a \\nb\""),
        ] {
            assert_eq!(shown(text), yaml);
        }
    }
}
