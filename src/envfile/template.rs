//! `$NAME` and `${NAME:-default}`: the grammar that Compose files and env files share.
//!
//! A port of the behaviour of compose-go's `template`, which works by one greedy pattern a line: a
//! braced expression with an operator reaches to the last `}` of its line, is cut back to the brace
//! that closes it, and what was cut off is read anew. [`substitute`] is the entry. This module does
//! not know where variables come from.

use std::collections::BTreeMap;

use indexmap::IndexSet;
use thiserror::Error;

use crate::model::Taint;

/// Where the values of variables come from.
pub trait Lookup {
    /// The value of a variable, if it is set, and whether it is secret.
    fn get(&self, name: &str) -> Option<(&str, Taint)>;
}

/// No variable at all.
pub struct Nothing;

impl Lookup for Nothing {
    fn get(&self, _: &str) -> Option<(&str, Taint)> {
        None
    }
}

/// One source of variables before another.
pub struct Chained<'a> {
    /// The one that decides where it has a name.
    pub first: &'a dyn Lookup,
    /// The one that is asked for all other names.
    pub second: &'a dyn Lookup,
}

impl Lookup for Chained<'_> {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        self.first.get(name).or_else(|| self.second.get(name))
    }
}

/// Values of env files, which are secret unless their reader knows better.
impl Lookup for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        BTreeMap::get(self, name).map(|value| (value.as_str(), Taint::Secret))
    }
}

/// The most bytes of a text whose variables are replaced.
pub const MOST_BYTES: usize = 1 << 20;

/// The most expressions that stand in one another: `${A:-${B:-…}}`.
const MOST_NESTED: usize = 32;

/// The variables that were looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Every variable that was asked for, in order.
    pub asked: IndexSet<String>,
    /// The variables with neither a value nor a default, for which an empty string is used.
    pub unset: IndexSet<String>,
}

/// A text with its variables replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// Whether the value of a secret variable is in it.
    pub taint: Taint,
}

/// Why a text cannot be substituted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A `${` begins nothing that can be read.
    #[error("`{0}` is not a variable expression")]
    Invalid(String),
    /// `${NAME:?message}` of a variable that has no value.
    #[error("variable `{name}` is required{}", if .message.is_empty() { String::new() } else { format!(": {message}") })]
    Required {
        /// The variable.
        name: String,
        /// The author's message; may be empty.
        message: String,
    },
    /// The text would be longer than [`MOST_BYTES`].
    #[error("it would be longer than {} MiB with its variables replaced", MOST_BYTES >> 20)]
    TooLong,
    /// Expressions stand in one another beyond reason.
    #[error("more than {MOST_NESTED} variable expressions stand in one another")]
    TooDeep,
}

/// Replaces all variables of `template`.
///
/// # Errors
///
/// The first expression that cannot be read or has no value although it must; the others are looked
/// at all the same, so that `seen` is complete.
pub fn substitute(template: &str, variables: &dyn Lookup, seen: &mut Seen) -> Result<Substituted, TemplateError> {
    substitute_nested(template, variables, seen, 0)
}

/// The same within `depth` expressions.
fn substitute_nested(
    template: &str,
    variables: &dyn Lookup,
    seen: &mut Seen,
    depth: usize,
) -> Result<Substituted, TemplateError> {
    let mut out = Substituted::default();
    let mut failure = None;
    let mut at = 0;
    let mut line = LineEnd::default();
    while let Some(found) = template[at..].find('$') {
        let dollar = at + found;
        out.text.push_str(&template[at..dollar]);
        let rest = &template[dollar..];
        let result = match first_match(rest, &mut || line.last_brace(template, dollar).map(|brace| brace - dollar)) {
            Match::None => {
                at = dollar + 1;
                Ok(Substituted { text: "$".to_owned(), taint: Taint::Plain })
            }
            Match::Escaped => {
                at = dollar + 2;
                Ok(Substituted { text: "$".to_owned(), taint: Taint::Plain })
            }
            Match::Named(end) => {
                at = dollar + end;
                Ok(value(&rest[1..end], variables, seen))
            }
            Match::Braced(end) => {
                let close = closing_brace(&rest[..end]).unwrap_or(end - 1);
                at = dollar + close + 1;
                braced(&rest[2..close], variables, seen, depth)
            }
            Match::Invalid => {
                at = dollar + 2;
                Err(Failure::Invalid)
            }
        };
        match result {
            Ok(part) => out.append(&part),
            Err(_) if failure.is_some() => {}
            Err(Failure::Invalid) => failure = Some(TemplateError::Invalid(template.to_owned())),
            Err(Failure::Of(error)) => failure = Some(error),
        }
        if out.text.len() > MOST_BYTES {
            return Err(TemplateError::TooLong);
        }
    }
    out.text.push_str(&template[at..]);
    failure.map_or(Ok(out), Err)
}

/// Why one expression has no value.
enum Failure {
    /// It cannot be read.
    Invalid,
    /// Anything else.
    Of(TemplateError),
}

/// The end of the line that is being read, so that each line is searched once, however many expressions are in it.
#[derive(Default)]
struct LineEnd {
    end: usize,
    last_brace: Option<usize>,
}

impl LineEnd {
    /// Where the last `}` of the line stands that `at` is in.
    fn last_brace(&mut self, text: &str, at: usize) -> Option<usize> {
        if at >= self.end {
            self.end = text[at..].find('\n').map_or(text.len(), |length| at + length);
            self.last_brace = text[at..self.end].rfind('}').map(|brace| at + brace);
        }
        self.last_brace.filter(|brace| *brace > at)
    }
}

/// The first variable of a text that begins with empty variables and goes on with a path, which is then the path of
/// something else than what is meant: `${DATA}/x`. None where a default says that nothing is meant. A variable that
/// `lacks_beginning` counts as empty: its own value was made in this way.
pub fn rootless<'t>(text: &'t str, variables: &dyn Lookup, lacks_beginning: &dyn Fn(&str) -> bool) -> Option<&'t str> {
    let (mut rest, mut first) = (text, None);
    loop {
        if !rest.starts_with('$') {
            return first.filter(|_| rest.starts_with('/'));
        }
        let mut last_brace = || rest.split('\n').next().unwrap_or_default().rfind('}');
        let (name, after) = match first_match(rest, &mut last_brace) {
            Match::Named(end) => (&rest[1..end], &rest[end..]),
            Match::Braced(_) => {
                let end = name_end(&rest[2..])? + 2;
                (&rest[2..end], rest[end..].strip_prefix('}')?)
            }
            Match::None | Match::Escaped | Match::Invalid => return None,
        };
        if lacks_beginning(name) {
            return Some(first.unwrap_or(name));
        }
        if variables.get(name).is_some_and(|(value, _)| !value.is_empty()) {
            return None;
        }
        first = first.or(Some(name));
        rest = after;
    }
}

impl Substituted {
    fn append(&mut self, other: &Substituted) {
        self.text.push_str(&other.text);
        self.taint = self.taint.max(other.taint);
    }
}

/// The kind of expression that a text with a leading `$` starts with; numbers are its length in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// A dollar sign that means itself.
    None,
    /// `$$`
    Escaped,
    /// `$NAME`
    Named(usize),
    /// `${NAME}`, or `${NAME:-…}` up to the last brace of the line.
    Braced(usize),
    /// `${` and then something else.
    Invalid,
}

/// `last_brace` says where the last `}` of the line is.
pub(super) fn first_match(text: &str, last_brace: &mut dyn FnMut() -> Option<usize>) -> Match {
    match text.as_bytes().get(1) {
        Some(b'$') => Match::Escaped,
        Some(b'{') => match name_end(&text[2..]).map(|end| end + 2) {
            None => Match::Invalid,
            Some(end) => braced_end(text, end, last_brace).map_or(Match::Invalid, Match::Braced),
        },
        Some(_) => name_end(&text[1..]).map_or(Match::None, |end| Match::Named(end + 1)),
        None => Match::None,
    }
}

/// Where the expression ends whose name ends at `name_end`.
fn braced_end(text: &str, name_end: usize, last_brace: &mut dyn FnMut() -> Option<usize>) -> Option<usize> {
    let after = &text[name_end..];
    if after.starts_with('}') {
        return Some(name_end + 1);
    }
    let operator = after.strip_prefix(':').unwrap_or(after);
    if !operator.starts_with(['-', '+', '?']) {
        return None;
    }
    last_brace().filter(|brace| *brace > text.len() - operator.len()).map(|brace| brace + 1)
}

/// The length of the variable name that a text starts with.
pub(super) fn name_end(text: &str) -> Option<usize> {
    let end = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if end == 0 || text.as_bytes()[0].is_ascii_digit() { None } else { Some(end) }
}

/// The value of a variable without an operator.
fn value(name: &str, variables: &dyn Lookup, seen: &mut Seen) -> Substituted {
    seen.asked.insert(name.to_owned());
    match variables.get(name) {
        Some((text, taint)) => Substituted { text: text.to_owned(), taint },
        None => {
            seen.unset.insert(name.to_owned());
            Substituted::default()
        }
    }
}

/// The text between `${` and `}`.
fn braced(inside: &str, variables: &dyn Lookup, seen: &mut Seen, depth: usize) -> Result<Substituted, Failure> {
    let name_len = name_end(inside).unwrap_or(inside.len());
    let (name, operation) = inside.split_at(name_len);
    let (operator, word) = match operation.strip_prefix(':') {
        Some(operation) => (Operator::of(operation, Empty::CountsAsUnset), operation.get(1..)),
        None => (Operator::of(operation, Empty::IsAValue), operation.get(1..)),
    };
    let Some(operator) = operator else { return Ok(value(name, variables, seen)) };
    // The word is substituted even where it is not used, so that a mistake in it shows at once.
    if depth == MOST_NESTED {
        return Err(Failure::Of(TemplateError::TooDeep));
    }
    let word = word.unwrap_or_default();
    let word = substitute_nested(word, variables, seen, depth + 1).map_err(Failure::Of)?;
    seen.asked.insert(name.to_owned());
    let found = variables.get(name);
    let has_value = found.is_some_and(|(text, _)| operator.empty == Empty::IsAValue || !text.is_empty());
    let found = found.map(|(text, taint)| Substituted { text: text.to_owned(), taint }).unwrap_or_default();
    match (operator.kind, has_value) {
        (Kind::Default, true) | (Kind::Alternative, false) | (Kind::Required, true) => Ok(found),
        (Kind::Default, false) | (Kind::Alternative, true) => Ok(word),
        (Kind::Required, false) => {
            Err(Failure::Of(TemplateError::Required { name: name.to_owned(), message: word.text }))
        }
    }
}

/// The effect of an operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Default,
    Alternative,
    Required,
}

/// Whether an operator counts an empty value as one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    CountsAsUnset,
    IsAValue,
}

#[derive(Clone, Copy)]
struct Operator {
    kind: Kind,
    empty: Empty,
}

impl Operator {
    fn of(operation: &str, empty: Empty) -> Option<Self> {
        let kind = match operation.as_bytes().first()? {
            b'-' => Kind::Default,
            b'+' => Kind::Alternative,
            b'?' => Kind::Required,
            _ => return None,
        };
        Some(Self { kind, empty })
    }
}

/// The brace that closes the first one, by compose-go's count, which never looks at the character
/// behind an opening brace: in `${A:-{}}` it thus finds none, and the last brace counts.
pub(super) fn closing_brace(text: &str) -> Option<usize> {
    let (mut open, mut at) = (0_usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'}' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Env;

    impl Lookup for Env {
        fn get(&self, name: &str) -> Option<(&str, Taint)> {
            match name {
                "SET" => Some(("val", Taint::Plain)),
                "EMPTY" => Some(("", Taint::Plain)),
                "NUM" => Some(("5", Taint::Plain)),
                "KEY" => Some(("s3cret", Taint::Secret)),
                _ => None,
            }
        }
    }

    fn run(template: &str) -> Result<String, TemplateError> {
        substitute(template, &Env, &mut Seen::default()).map(|s| s.text)
    }

    #[test]
    fn every_form() {
        for (template, text) in [
            ("$SET", "val"),
            ("a${SET}b${NUM}c", "avalb5c"),
            ("$UNSET.", "."),
            ("${UNSET:-def}${UNSET-def}", "defdef"),
            ("${EMPTY:-def}/${EMPTY-def}", "def/"),
            ("${SET:+alt}/${EMPTY:+alt}/${EMPTY+alt}/${UNSET+alt}", "alt//alt/"),
            ("${SET:?m}${EMPTY?m}", "val"),
            ("$$SET $$$SET $$$$", "$SET $val $$"),
            ("${UNSET:-${SET}}/${UNSET:-${UNSET2:-deep}}/${UNSET:-$SET}", "val/deep/val"),
            ("$ a$ $1 $(SET) 5$", "$ a$ $1 $(SET) 5$"),
            ("${UNSET:-a:-b}${UNSET-:-x}${A-B}", "a:-b:-xB"),
            ("${UNSET:-{json}}", "{json}"),
            ("${UNSET:-{\"a\":1}}", "{\"a\":1}"),
            ("${UNSET:-{}}", "{}"),
            ("${UNSET:-a}}", "a}"),
            ("${SET:+a} ${UNSET:+b} ${UNSET:-c}", "a  c"),
            ("${UNSET:-$$x}", "$x"),
            ("${UNSET:-é}é", "éé"),
            ("${UNSET-a?b}", "a?b"),
            ("line1\n${SET}", "line1\nval"),
        ] {
            assert_eq!(run(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn what_cannot_be_read() {
        for template in
            ["${}", "${1}", "${ SET}", "${SET }", "${SET", "${UNSET:=x}", "${SET%al}", "${A.B}", "${A:-x\ny}"]
        {
            assert_eq!(run(template), Err(TemplateError::Invalid(template.to_owned())), "{template}");
        }
    }

    #[test]
    fn required_variables() {
        let required =
            |message: &str| TemplateError::Required { name: "UNSET".to_owned(), message: message.to_owned() };
        assert_eq!(run("${UNSET:?need ${SET}}"), Err(required("need val")));
        assert_eq!(run("${UNSET?}"), Err(required("")));
        assert_eq!(run("${SET:-${UNSET?eager}}"), Err(required("eager")));
        assert!(run("${EMPTY:?m}").is_err());
        assert_eq!(required("").to_string(), "variable `UNSET` is required");
        assert_eq!(required("why").to_string(), "variable `UNSET` is required: why");
    }

    #[test]
    fn unset_variables_and_secrets_are_noticed() {
        let mut seen = Seen::default();
        let out = substitute("$UNSET ${A:-$B} ${C:-} ${KEY:+x}", &Env, &mut seen).expect("it is valid");
        assert_eq!((out.text.as_str(), out.taint), ("   x", Taint::Plain));
        assert!(seen.unset.iter().eq(["UNSET", "B"]));
        assert!(seen.asked.iter().eq(["UNSET", "B", "A", "C", "KEY"]));
        let taint = |t: &str| substitute(t, &Env, &mut Seen::default()).map(|s| s.taint);
        assert_eq!(taint("${UNSET:-$KEY}"), Ok(Taint::Secret));
        assert_eq!(taint("${SET:-$KEY}"), Ok(Taint::Plain));
        assert_eq!(taint("${SET:-x} $KEY"), Ok(Taint::Secret));
    }

    #[test]
    fn what_grows_beyond_reason_is_refused() {
        let long = "x".repeat(MOST_BYTES / 2);
        let values = BTreeMap::from([("A".to_owned(), long)]);
        let run = |template: &str| substitute(template, &values, &mut Seen::default()).map(|s| s.text.len());
        assert_eq!(run("$A$A"), Ok(MOST_BYTES));
        assert_eq!(run("$A${A}."), Ok(MOST_BYTES + 1), "what is written and not replaced is as long as it is");
        assert_eq!(run("$A$A$A"), Err(TemplateError::TooLong));
        assert_eq!(run("${B:-$A$A$A}"), Err(TemplateError::TooLong));
        let nested = |depth: usize| "${B:-".repeat(depth) + &"}".repeat(depth);
        assert_eq!(run(&nested(MOST_NESTED)), Ok(0));
        assert_eq!(run(&nested(MOST_NESTED + 1)), Err(TemplateError::TooDeep));
        assert_eq!(run(&nested(100_000)), Err(TemplateError::TooDeep));
        assert_eq!(run(&"${B:-x}".repeat(100_000)), Ok(100_000), "side by side is not in one another");
        assert!(matches!(run(&"${".repeat(100_000)), Err(TemplateError::Invalid(_))));
    }

    proptest! {
        #[test]
        fn no_text_panics(template in "[$${}A:?+é \\n-]{0,40}") {
            let _ = run(&template);
        }

        #[test]
        fn text_without_dollars_stays(text in "[^$]{0,40}") {
            prop_assert_eq!(run(&text), Ok(text));
        }
    }
}
