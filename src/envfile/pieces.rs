//! The pieces of a text with variables: what stands there as it is, and the expressions between.

use std::ops::Range;

use super::template::{Match, closing_brace, first_match, name_end};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Where it stands.
    pub place: Range<usize>,
    /// Its meaning.
    pub part: Part<'t>,
}

/// The meaning of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// A text that stands for itself.
    Text,
    /// The value of a variable.
    Variable {
        /// The variable.
        name: &'t str,
        /// The value that is taken instead, where it is not set.
        default: Option<Default>,
    },
}

/// The value of a variable that has none of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Default {
    /// Where it is written.
    pub place: Range<usize>,
    /// Which values it takes the place of.
    pub instead_of: InsteadOf,
}

/// Which values a default takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsteadOf {
    /// Of none at all: `${NAME-default}`.
    Unset,
    /// Of an empty one, too: `${NAME:-default}`.
    Empty,
}

/// The pieces of a text, which cover all of it; none if there is an expression in it whose value is no value of a variable,
/// or that cannot be read.
pub fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        let rest = &text[dollar..];
        let mut last_brace = || rest.split('\n').next().unwrap_or_default().rfind('}');
        let (end, part) = match first_match(rest, &mut last_brace) {
            Match::None => {
                at = dollar + 1;
                continue;
            }
            Match::Escaped | Match::Invalid => return None,
            Match::Named(end) => (end, Part::Variable { name: &rest[1..end], default: None }),
            Match::Braced(end) => {
                let close = closing_brace(&rest[..end]).unwrap_or(end - 1);
                (close + 1, braced(&rest[2..close], dollar + 2)?)
            }
        };
        if start < dollar {
            found.push(Piece { place: start..dollar, part: Part::Text });
        }
        at = dollar + end;
        start = at;
        found.push(Piece { place: dollar..at, part });
    }
    if start < text.len() {
        found.push(Piece { place: start..text.len(), part: Part::Text });
    }
    Some(found)
}

/// The expression between braces, which begins at `at`.
fn braced(inside: &str, at: usize) -> Option<Part<'_>> {
    let length = name_end(inside).unwrap_or(inside.len());
    let (name, operation) = inside.split_at(length);
    let (instead_of, operator) = match operation.strip_prefix(':') {
        Some(operator) => (InsteadOf::Empty, operator),
        None => (InsteadOf::Unset, operation),
    };
    let default = match operator.as_bytes().first() {
        None | Some(b'?') => None,
        Some(b'-') => Some(Default { place: at + inside.len() - operator.len() + 1..at + inside.len(), instead_of }),
        Some(_) => return None,
    };
    Some(Part::Variable { name, default })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::template::{Seen, substitute};
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let text = "a/${REG:-x/y}$IMG:${TAG-1.2}-z";
        let found: Vec<String> = pieces(text)
            .unwrap()
            .into_iter()
            .map(|piece| match piece.part {
                Part::Text => text[piece.place].to_owned(),
                Part::Variable { name, default: None } => format!("<{name}>"),
                Part::Variable { name, default: Some(default) } => format!("<{name} {}>", &text[default.place]),
            })
            .collect();
        assert_eq!(found, ["a/", "<REG x/y>", "<IMG>", ":", "<TAG 1.2>", "-z"]);
        assert_eq!(pieces("a:$$1"), None);
        assert_eq!(pieces("a:${X:+1}"), None);
        assert_eq!(pieces("a:${"), None);
        assert_eq!(pieces("a:${X?say}").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_whole(text in "([a-c:/]|\\$[A-C]|\\$\\{[A-C]\\}|\\$\\{[A-C](:?)-[a-c.]{0,3}\\}|\\$){0,8}") {
            let Some(found) = pieces(&text) else { return Ok(()) };
            let variables = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new())]);
            let value = |piece: &Piece<'_>| match &piece.part {
                Part::Text => text[piece.place.clone()].to_owned(),
                Part::Variable { name, default } => {
                    let own = variables.get(*name);
                    let is_taken = |default: &Default| match default.instead_of {
                        InsteadOf::Unset => own.is_none(),
                        InsteadOf::Empty => own.is_none_or(String::is_empty),
                    };
                    let default = default.as_ref().filter(|default| is_taken(default));
                    default.map_or_else(|| own.cloned().unwrap_or_default(), |d| text[d.place.clone()].to_owned())
                }
            };
            let whole: String = found.iter().map(value).collect();
            prop_assert_eq!(whole, substitute(&text, &variables, &mut Seen::default()).unwrap().text);
            let mut end = 0;
            for piece in &found {
                prop_assert_eq!(piece.place.start, end);
                end = piece.place.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
