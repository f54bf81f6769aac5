//! Env files with `format: raw`: values as they stand, as `docker run --env-file` reads them.
//!
//! A line is `NAME=value`. Nothing is quoted, escaped or substituted, and what follows the `=` is the value up to the
//! end of the line, blanks and `#` included. [`parse`] is the entry.

use super::grammar::{Assignment, Assignments};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Span};
use crate::envfile::template::Lookup;

/// Reads a raw env file. Names without a value are looked up in `outside`.
///
/// A line that cannot be read is reported, and reading stops there, as Compose's does.
pub fn parse(text: &str, file: FileId, outside: &dyn Lookup, diagnostics: &mut Diagnostics) -> Assignments {
    let mut out = Assignments::new();
    let mut next = 0;
    for line in text.split_inclusive('\n') {
        let start = next;
        next += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let unmarked = if start == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        let statement = unmarked.trim_start();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let at = start + (line.len() - statement.len());
        let (name, value) = match statement.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (statement, None),
        };
        let name_span = Span::new(file, at, at + name.len());
        if name.is_empty() || name.contains([' ', '\t']) {
            let words = if name.is_empty() { "a value without a name" } else { "a name cannot have a space in it" };
            let place = if name.is_empty() { Span::new(file, at, at + 1) } else { name_span };
            let diagnostic = Diagnostic::error(Code::EnvFileSyntax, words).at(place, "");
            diagnostics.push(diagnostic.hint("a line is `NAME=value`, and `# …` is a comment"));
            break;
        }
        let assignment = match (value, outside.get(name)) {
            (Some(value), _) => {
                let value_at = at + name.len() + 1;
                let value_span = Span::new(file, value_at, value_at + value.len());
                Assignment { value: value.to_owned(), name_span, value_span, is_rootless: false }
            }
            (None, Some((value, _))) => {
                Assignment { value: value.to_owned(), name_span, value_span: name_span, is_rootless: false }
            }
            (None, None) => continue,
        };
        out.insert(name.to_owned(), assignment);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diagnostic::{SourceMap, Visibility};

    fn read(text: &str) -> (Assignments, Diagnostics) {
        let file = SourceMap::default().add("raw.env", text, Visibility::Secret);
        let outside = BTreeMap::from([("SET".to_owned(), "val".to_owned())]);
        let mut diagnostics = Diagnostics::default();
        (parse(text, file, &outside, &mut diagnostics), diagnostics)
    }

    #[test]
    fn values_are_taken_as_they_stand() {
        for (text, set) in [
            ("A=\"x\"\nB='y' # z\n", "A=\"x\"|B='y' # z"),
            ("A=$SET${SET}$$\nB=a\\nb", "A=$SET${SET}$$|B=a\\nb"),
            ("  A= x \r\nB=\r\n", "A= x |B="),
            ("\u{feff}A=1\n# c\n\n \t#d\n=", "A=1"),
            ("SET\nNO\nA=b=c", "SET=val|A=b=c"),
            ("A=1\nA=2", "A=2"),
            ("export=1\na-b.c/d=2\nA:b", "export=1|a-b.c/d=2"),
        ] {
            let (out, _) = read(text);
            let out = out.iter().map(|(name, a)| format!("{name}={}", a.value)).collect::<Vec<_>>().join("|");
            assert_eq!(out, set, "{text:?}");
        }
    }

    #[test]
    fn places_cover_names_and_values() {
        let text = "\u{feff}A=1\n  B = x\n";
        let (out, diagnostics) = read(text);
        let slice = |span: Span| &text[span.start as usize..span.end as usize];
        assert_eq!((slice(out["A"].name_span), slice(out["A"].value_span)), ("A", "1"));
        assert_eq!(diagnostics.iter().map(|d| slice(d.labels[0].span)).collect::<Vec<_>>(), ["B "]);
        let (_, diagnostics) = read("A=1\n=secret\n");
        assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::EnvFileSyntax]);
    }
}
