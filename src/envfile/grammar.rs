//! Env files: `.env`, `env_file:` and `label_file:`, as compose-go's `dotenv` reads them.
//!
//! The format is neither the shell's nor that of `docker run --env-file`: values may be quoted and
//! span lines, unquoted ones end at ` #`, and all but those in single quotes are substituted with
//! `envfile::template`. [`parse`] is the entry. This module does not know that what it reads is secret: its callers do.

use std::collections::BTreeMap;
use std::ops::Range;

use indexmap::{IndexMap, IndexSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Severity, SourceMap, Span, Visibility};
use crate::envfile::template::{self, Chained, Lookup, Seen, TemplateError};
use crate::model::Taint;

/// The most variables of one value that are looked at closely where they are not set.
const MOST_NAMED: usize = 100;

/// The most bytes that all values of an env file have together.
pub const MOST_BYTES_OF_ALL: usize = 16 << 20;

/// The assignments of an env file by name, in the order of first mention.
pub type Assignments = IndexMap<String, Assignment>;

/// The last value that a file gives to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The value, unquoted and substituted.
    pub value: String,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the value stands, quotes included; the name's place for one taken from outside.
    pub value_span: Span,
    /// Whether the value begins with a variable that is empty, and a path follows: it is the path of something else than
    /// what is meant.
    pub is_rootless: bool,
}

/// Where the variables in an env file come from, beside the file itself.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Values that count more than those that the file has set so far.
    pub before: &'a dyn Lookup,
    /// Values that count less.
    pub after: &'a dyn Lookup,
}

/// Reads an env file. Variables in values, and names without a value, are looked up outside and in what the file itself
/// has set so far. One that is set nowhere leaves nothing behind, which is reported.
///
/// A line that cannot be read is reported, and reading stops there, as Compose's does.
pub fn parse(text: &str, file: FileId, outside: Outside<'_>, diagnostics: &mut Diagnostics) -> Assignments {
    let mut reader = EnvReader::new(text, file, outside, diagnostics);
    reader.read();
    reader.out
}

/// The values of an env file that stands for itself: nothing is looked up outside of it. A value with an expression
/// that gives none stays as it is written; what comes after something that is no assignment is left out.
pub fn values(text: &str) -> BTreeMap<String, String> {
    values_with(text, &template::Nothing)
}

/// The same for a file in which variables that it does not set itself come from `after`.
pub fn values_with(text: &str, after: &dyn Lookup) -> BTreeMap<String, String> {
    let file = SourceMap::default().add("", text, Visibility::Secret);
    let mut diagnostics = Diagnostics::default();
    let outside = Outside { before: &template::Nothing, after };
    let mut reader = EnvReader::new(text, file, outside, &mut diagnostics);
    reader.unresolved = Unresolved::StaysAsWritten;
    reader.read();
    reader.out.into_iter().map(|(name, assignment)| (name, assignment.value)).collect()
}

/// Where each assignment to a name has its value, quotes included, in the order of the file.
pub(super) fn value_places(text: &str, name: &str) -> Vec<Range<usize>> {
    let file = SourceMap::default().add("", text, Visibility::Secret);
    let mut diagnostics = Diagnostics::default();
    let mut reader = EnvReader::new(text, file, Outside::NOTHING, &mut diagnostics);
    reader.unresolved = Unresolved::StaysAsWritten;
    reader.read();
    let places = reader.places.into_iter().filter(|(found, _)| *found == name);
    places.map(|(_, span)| span.start as usize..span.end as usize).collect()
}

/// The errors of an env file that stands for itself: the line and why, without any of its text.
pub fn complaints(text: &str) -> Vec<String> {
    let mut map = SourceMap::default();
    let file = map.add("", text, Visibility::Secret);
    let mut found = Diagnostics::default();
    parse(text, file, Outside::NOTHING, &mut found);
    let line = |span: Span| text[..(span.start as usize).min(text.len())].matches('\n').count() + 1;
    let said = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    said.map(|d| match d.labels.first() {
        Some(label) => format!("line {}: {}", line(label.span), d.summary),
        None => d.summary.clone(),
    })
    .collect()
}

impl Outside<'static> {
    /// Nothing outside of the file.
    pub const NOTHING: Self = Outside { before: &template::Nothing, after: &template::Nothing };
}

impl Lookup for Outside<'_> {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        self.before.get(name).or_else(|| self.after.get(name))
    }
}

struct EnvReader<'a, 'd> {
    text: &'a str,
    at: usize,
    file: FileId,
    outside: Outside<'a>,
    unresolved: Unresolved,
    /// How many bytes the values have so far.
    bytes: usize,
    out: Assignments,
    /// Every assignment, the overridden ones too: the name, and where the value stands.
    places: Vec<(&'a str, Span)>,
    diagnostics: &'d mut Diagnostics,
}

/// The treatment of a value with an expression that cannot be read or has no value although it must.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unresolved {
    /// It is reported, and reading ends there.
    EndsReading,
    /// It stays as it is written.
    StaysAsWritten,
}

/// The token after a name.
enum Follows {
    /// `=` or `:`, and a value.
    Value,
    /// The end of the line: the value comes from outside.
    Nothing,
}

impl<'a, 'd> EnvReader<'a, 'd> {
    fn new(text: &'a str, file: FileId, outside: Outside<'a>, diagnostics: &'d mut Diagnostics) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let unresolved = Unresolved::EndsReading;
        EnvReader {
            text,
            at,
            file,
            outside,
            unresolved,
            bytes: 0,
            out: Assignments::new(),
            places: Vec::new(),
            diagnostics,
        }
    }

    /// All statements, up to the first that cannot be read.
    fn read(&mut self) {
        while self.skip_to_statement() {
            if self.statement().is_none() {
                break;
            }
        }
    }

    /// Skips blank lines and comments; false at the end of the file.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            let rest = &self.text[self.at..];
            if !rest.starts_with('#') {
                return !rest.is_empty();
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// One assignment; none if it cannot be read.
    fn statement(&mut self) -> Option<()> {
        self.skip_export();
        let (name, name_span, follows) = self.name()?;
        match follows {
            Follows::Nothing => {
                if let Some((value, _)) = self.outside.get(name) {
                    let value = value.to_owned();
                    let taken = Assignment { value, name_span, value_span: name_span, is_rootless: false };
                    self.out.insert(name.to_owned(), taken);
                }
            }
            Follows::Value => {
                let (value, value_span, is_rootless) = self.value()?;
                self.bytes += value.len();
                if self.bytes > MOST_BYTES_OF_ALL {
                    let words =
                        format!("the values of the file have more than {} MiB together", MOST_BYTES_OF_ALL >> 20);
                    self.too_much(words, value_span);
                    return None;
                }
                self.places.push((name, value_span));
                self.out.insert(name.to_owned(), Assignment { value, name_span, value_span, is_rootless });
            }
        }
        Some(())
    }

    fn skip_export(&mut self) {
        let rest = &self.text[self.at..];
        if let Some(after) = rest.strip_prefix("export")
            && after.starts_with(|c: char| c.is_ascii_whitespace())
        {
            self.at = self.text.len() - after.trim_start_matches(is_blank).len();
        }
    }

    /// The name that starts here, up to its `=`, `:` or line end.
    fn name(&mut self) -> Option<(&'a str, Span, Follows)> {
        let rest = &self.text[self.at..];
        let mut end = rest.len();
        // Compose reads a last name without a line end as a value without a name; that helps nobody.
        let (mut follows, mut behind) = (Follows::Nothing, rest.len());
        for (i, c) in rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    follows = if c == '\n' { Follows::Nothing } else { Follows::Value };
                    (end, behind) = (i, i + 1);
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_blank(c) || c.is_alphabetic() || c.is_numeric() => {}
                c => {
                    let span = Span::new(self.file, self.at + i, self.at + i + c.len_utf8());
                    let words = format!("a name cannot have the character `{c}`");
                    let diagnostic = Diagnostic::error(Code::EnvFileSyntax, words).at(span, "");
                    self.diagnostics
                        .push(diagnostic.hint("a line is `NAME=value`; a value of several lines needs quotes"));
                    return None;
                }
            }
        }
        let name = rest[..end].trim_end();
        let span = Span::new(self.file, self.at, self.at + name.len());
        if behind == rest.len() && end == rest.len() && !name.is_empty() {
            let words = "a name on a last line that does not end: Compose takes it for a value without a name";
            let diagnostic = Diagnostic::warning(Code::SurprisingValue, words).at(span, "");
            self.diagnostics
                .push(diagnostic.hint("end the line; hl takes the variable's value from outside of the file"));
        }
        if name.contains(' ') {
            let diagnostic = Diagnostic::error(Code::EnvFileSyntax, "a name cannot have a space in it").at(span, "");
            self.diagnostics.push(diagnostic.hint("a line is `NAME=value`"));
            return None;
        }
        let after = &rest[behind..];
        self.at = self.text.len() - after.trim_start_matches(is_blank).len();
        Some((name, span, follows))
    }

    /// The value that starts here, its place, and whether it is a path that lacks its beginning.
    fn value(&mut self) -> Option<(String, Span, bool)> {
        let rest = &self.text[self.at..];
        match rest.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(*quote),
            _ => {
                let line = rest.split('\n').next().unwrap_or_default();
                let raw = line.split(" #").next().unwrap_or_default().trim_end();
                // Where there is no value, one would stand before the end of the line, of which a `\r` is a part.
                let is_before_line_end = raw.is_empty() && self.text[..self.at].ends_with('\r');
                let start = if is_before_line_end { self.at - 1 } else { self.at };
                let span = Span::new(self.file, start, start + raw.len());
                self.at = (self.at + line.len() + 1).min(self.text.len());
                self.substituted(raw, span)
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Option<(String, Span, bool)> {
        let start = self.at;
        let (mut value, mut escaped) = (String::new(), false);
        for (i, c) in self.text[start + 1..].char_indices() {
            if c == char::from(quote) && !escaped {
                self.at = start + i + 2;
                let span = Span::new(self.file, start, self.at);
                return match quote {
                    b'"' => self.substituted(&unescape(&value), span),
                    _ => Some((value, span, false)),
                };
            }
            match (escaped, c) {
                (false, '\\') => escaped = true,
                (true, c) => {
                    // Only the quote loses its backslash here; the rest is for `unescape`.
                    if c != char::from(quote) {
                        value.push('\\');
                    }
                    value.push(c);
                    escaped = false;
                }
                (false, c) => value.push(c),
            }
        }
        let span = Span::new(self.file, start, start + 1);
        let diagnostic = Diagnostic::error(Code::EnvFileSyntax, "the quotes are never closed").at(span, "opened here");
        self.diagnostics.push(diagnostic.hint("close them, or put a value that contains a quote into the other kind"));
        None
    }

    fn substituted(&mut self, raw: &str, span: Span) -> Option<(String, Span, bool)> {
        let behind = Chained { first: &self.out, second: self.outside.after };
        let variables = Chained { first: self.outside.before, second: &behind };
        let mut seen = Seen::default();
        let error = match template::substitute(raw, &variables, &mut seen) {
            Ok(substituted) => {
                let lacks_beginning = |name: &str| self.out.get(name).is_some_and(|a| a.is_rootless);
                let is_rootless = template::rootless(raw, &variables, &lacks_beginning).is_some();
                if self.unresolved == Unresolved::EndsReading {
                    self.unset(raw, &seen.unset, span);
                }
                return Some((substituted.text, span, is_rootless));
            }
            Err(_) if self.unresolved == Unresolved::StaysAsWritten => return Some((raw.to_owned(), span, false)),
            // The expression may hold a secret: it is named by its place alone.
            Err(TemplateError::Invalid(_)) => Diagnostic::error(Code::InterpolationSyntax, "not a variable expression")
                .hint("write `$$` for a dollar sign, or put the value in single quotes"),
            Err(error @ TemplateError::TooLong) => {
                let words = format!("the value is too long: {error}");
                self.too_much(words, span);
                return None;
            }
            Err(error @ TemplateError::TooDeep) => {
                self.too_much(error.to_string(), span);
                return None;
            }
            Err(TemplateError::Required { name, message }) => {
                let error = TemplateError::Required { name: name.clone(), message };
                Diagnostic::error(Code::VariableRequired, error.to_string()).hint(format!("set `{name}`"))
            }
        };
        self.diagnostics.push(error.at(span, ""));
        None
    }

    fn too_much(&mut self, words: String, span: Span) {
        let hint = "write the value out where it is used; a variable that repeats another one grows quickly";
        self.diagnostics.push(Diagnostic::error(Code::TooDeep, words).at(span, "").hint(hint));
    }

    /// Reports variables that are not set. A word behind a dollar sign may as well be a part of a password, so that only
    /// what is clearly a variable is named.
    fn unset(&mut self, raw: &str, names: &IndexSet<String>, span: Span) {
        let is_clear = |name: &&String| {
            let is_capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            name.chars().all(is_capital) && raw.contains(&format!("${{{name}"))
        };
        for name in names.iter().take(MOST_NAMED).filter(is_clear) {
            let words = format!("variable `{name}` is not set: nothing stands in its place");
            let hint = format!("set it in `vars`, or write `${{{name}:-}}` where nothing is meant");
            self.diagnostics.push(Diagnostic::warning(Code::VariableUnset, words).at(span, "").hint(hint));
        }
        if !names.iter().take(MOST_NAMED).all(|name| is_clear(&name)) {
            let words =
                "a word behind a dollar sign is taken for a variable that is not set: nothing stands in its place";
            let hint = "write `$$` for a dollar sign, or put the value in single quotes";
            self.diagnostics.push(Diagnostic::warning(Code::VariableUnset, words).at(span, "").hint(hint));
        }
    }
}

impl Lookup for Assignments {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        IndexMap::get(self, name).map(|assignment| (assignment.value.as_str(), Taint::Secret))
    }
}

/// White space that ends no line, as compose-go counts it.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The escapes of a value in double quotes. An escaped `$` becomes `$$`, which substitution takes for
/// a dollar sign; escapes that Go does not know stay as they are.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let plain = match escape.as_bytes().first() {
            Some(b'a') => Some("\u{7}"),
            Some(b'b') => Some("\u{8}"),
            Some(b'f') => Some("\u{c}"),
            Some(b'n') => Some("\n"),
            Some(b'r') => Some("\r"),
            Some(b't') => Some("\t"),
            Some(b'v') => Some("\u{b}"),
            Some(b'$') => Some("$$"),
            Some(b'"') => Some("\""),
            Some(b'\\') => Some("\\"),
            _ => None,
        };
        if let Some(plain) = plain {
            out.push_str(plain);
            rest = &escape[1..];
        } else if let Some(digits) = escape.strip_prefix('0') {
            let count = digits.bytes().take(3).take_while(u8::is_ascii_digit).count();
            rest = &digits[count..];
            match u8::from_str_radix(&digits[..count], 8).ok().filter(|_| count == 3) {
                Some(byte) => out.push(char::from(byte)),
                // Go's own quirk: what is no byte loses its leading zero.
                None => {
                    out.push('\\');
                    out.push_str(&digits[..count]);
                }
            }
        } else {
            out.push('\\');
            rest = escape;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envfile::template::Nothing;

    struct Set;

    impl Lookup for Set {
        fn get(&self, name: &str) -> Option<(&str, Taint)> {
            match name {
                "SET" => Some(("val", Taint::Plain)),
                _ => None,
            }
        }
    }

    fn read(text: &str) -> (Assignments, Vec<Diagnostic>) {
        let file = SourceMap::default().add(".env", text, Visibility::Secret);
        let mut diagnostics = Diagnostics::default();
        let out = parse(text, file, Outside { before: &Set, after: &Nothing }, &mut diagnostics);
        (out, diagnostics.iter().cloned().collect())
    }

    /// The assignments of a file, as `NAME=value` joined by `|`.
    fn env(text: &str) -> String {
        let (out, diagnostics) = read(text);
        assert!(diagnostics.iter().all(|d| d.code == Code::SurprisingValue), "{text}");
        out.iter().map(|(name, a)| format!("{name}={}", a.value)).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn values_and_comments() {
        for (text, set) in [
            ("A=b", "A=b"),
            ("A = b \nexport\tB: c", "A=b|B=c"),
            ("A=b c # comment\nB=b#no", "A=b c|B=b#no"),
            ("A=b  \t# c", "A=b  \t# c"),
            ("#c\n\n  # d\nA=1", "A=1"),
            ("A=\nB=\r\nC=c\r\n", "A=|B=|C=c"),
            ("A= #x\nB=#y", "A=#x|B=#y"),
            ("A==b", "A==b"),
            ("a.b-c[0]=1\n1A=2\nÉ=3", "a.b-c[0]=1|1A=2|É=3"),
            ("\u{feff}A=1", "A=1"),
            ("A=b\nA=c", "A=c"),
            ("=x", "=x"),
            ("SET\nOTHER\nB=1", "SET=val|B=1"),
            ("B=1\nSET", "B=1|SET=val"),
        ] {
            assert_eq!(env(text), set, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_stands_for_itself_has_values() {
        let values = values("A=1\nB=\"${A} $NO\"\nC\nE=a${NO?why}\nF=${\nD=\"never closed");
        let pairs: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "1 "), ("E", "a${NO?why}"), ("F", "${")]);
    }

    #[test]
    fn quotes_and_escapes() {
        for (text, set) in [
            ("A=\"b # x\" # c\nB='c d'", "A=b # x|B=c d"),
            ("A=\"l1\nl2\"\nB='l1\nl2'", "A=l1\nl2|B=l1\nl2"),
            ("A=\"x\\ny\" B='x\\ny' C=x\\ny", "A=x\ny|B=x\\ny|C=x\\ny"),
            ("A=\"a\\\"b\" B='a\\'b' C=it's", "A=a\"b|B=a'b|C=it's"),
            ("A=\"a\\\\\" B=\"\\x41\\q\"", "A=a\\|B=\\x41\\q"),
            ("A=\"\\101\\0101\\08\\0777\"", "A=\\101A\\8\\777"),
            ("A=\"é\\0351\"", "A=éé"),
        ] {
            assert_eq!(env(text), set, "{text:?}");
        }
    }

    #[test]
    fn variables_come_from_outside_first() {
        for (text, set) in [
            ("A=$SET\nB=${SET}\nC=\"$SET\"\nD='$SET'", "A=val|B=val|C=val|D=$SET"),
            ("A=1\nB=$A\nC=${NO:-d}", "A=1|B=1|C=d"),
            ("SET=file\nB=$SET", "SET=file|B=val"),
            ("A=\\$SET\nB=\"\\$SET\"\nC=$$SET", "A=\\val|B=$SET|C=$SET"),
        ] {
            assert_eq!(env(text), set, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_place_only() {
        for (text, code, place) in [
            ("A B=1", Code::EnvFileSyntax, (0, 3)),
            ("A=1\nB/C=1", Code::EnvFileSyntax, (5, 6)),
            ("A=\"unterminated", Code::EnvFileSyntax, (2, 3)),
            ("A=\"a\"'b'", Code::EnvFileSyntax, (5, 6)),
            ("A=s3cret${", Code::InterpolationSyntax, (2, 10)),
            ("A=${NO?why}", Code::VariableRequired, (2, 11)),
        ] {
            let (_, diagnostics) = read(text);
            assert_eq!(diagnostics.len(), 1, "{text}");
            let span = diagnostics[0].labels[0].span;
            assert_eq!((diagnostics[0].code, (span.start, span.end)), (code, place), "{text}");
            assert!(!format!("{:?}", diagnostics[0]).contains("s3cret"));
        }
    }

    #[test]
    fn a_last_name_without_a_line_end_is_a_trap() {
        let codes = |text| read(text).1.iter().map(|d| d.code).collect::<Vec<_>>();
        assert_eq!(codes("A=1\nSET"), [Code::SurprisingValue]);
        assert_eq!(codes("A=1\nSET\n"), []);
        assert_eq!(codes("A=1\nB="), []);
    }

    #[test]
    fn places_cover_names_and_values() {
        let text = "A = 'b c' \nexport SET\n";
        let (out, _) = read(text);
        let slice = |span: Span| &text[span.start as usize..span.end as usize];
        assert_eq!((slice(out["A"].name_span), slice(out["A"].value_span)), ("A", "'b c'"));
        assert_eq!(slice(out["SET"].name_span), "SET");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[AB=: '\"\\\\$${}#\\n\\r\té0-9x\\[-]{0,60}") {
            read(&text);
        }
    }
}
