//! A reference as it is written, with variables in it, and the pieces of it that another reference has otherwise.

use std::ops::Range;

use crate::compose::Variables;
use crate::envfile::template::Lookup;
use crate::envfile::{InsteadOf, Part, pieces};

/// A reference as a file has it.
pub(super) struct Written<'a> {
    /// The text.
    pub text: &'a str,
    /// The variables that it is made with.
    pub variables: &'a Variables,
}

/// A piece of a reference that is to be another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PieceChange {
    pub at: At,
    pub from: String,
    pub to: String,
}

/// Where a piece is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In the text itself.
    Text(Range<usize>),
    /// In the value of a variable.
    Variable(String),
}

/// A piece with its value.
struct Valued {
    at: At,
    value: String,
}

impl Written<'_> {
    /// The changes that make another reference of it; none if it is not `from`, or if a change does not fall into one piece.
    pub fn changes(&self, from: &str, to: &str) -> Option<Vec<PieceChange>> {
        let valued = self.valued()?;
        if valued.iter().map(|piece| piece.value.as_str()).collect::<String>() != from {
            return None;
        }
        let (old, new) = (Parts::of(from)?, Parts::of(to)?);
        if from[..old.start] != to[..new.start] {
            return None;
        }
        // Tag and digest together where they stand together, else each by itself.
        let whole = change(&valued, old.start..from.len(), &to[new.start..]);
        if let Some(whole) = whole {
            return Some(vec![whole]);
        }
        let tag = old.start..old.tag_end;
        let mut found = Vec::new();
        if from[tag.clone()] != to[new.start..new.tag_end] {
            found.push(change(&valued, tag, &to[new.start..new.tag_end])?);
        }
        if from[old.tag_end..] != to[new.tag_end..] {
            found.push(change(&valued, old.tag_end..from.len(), &to[new.tag_end..])?);
        }
        Some(found)
    }

    /// Each piece with its value.
    fn valued(&self) -> Option<Vec<Valued>> {
        let value = |piece: crate::envfile::Piece<'_>| {
            let Part::Variable { name, default } = piece.part else {
                let value = self.text[piece.place.clone()].to_owned();
                return Some(Valued { at: At::Text(piece.place), value });
            };
            let own = self.variables.get(name).map(|(value, _)| value.to_owned());
            let is_taken = |instead_of| match instead_of {
                InsteadOf::Unset => own.is_none(),
                InsteadOf::Empty => own.as_ref().is_none_or(String::is_empty),
            };
            match default.filter(|default| is_taken(default.instead_of)) {
                // A default that is made of variables is left alone.
                Some(default) if self.text[default.place.clone()].contains('$') => None,
                Some(default) => {
                    let value = self.text[default.place.clone()].to_owned();
                    Some(Valued { at: At::Text(default.place), value })
                }
                None => Some(Valued { at: At::Variable(name.to_owned()), value: own.unwrap_or_default() }),
            }
        };
        pieces(self.text)?.into_iter().map(value).collect()
    }
}

/// Where a reference has its tag, which a digest may follow.
struct Parts {
    start: usize,
    tag_end: usize,
}

impl Parts {
    fn of(reference: &str) -> Option<Parts> {
        let tag_end = reference.find('@').unwrap_or(reference.len());
        let colon = reference[..tag_end].rfind(':')?;
        (!reference[colon..tag_end].contains('/')).then_some(Parts { start: colon + 1, tag_end })
    }
}

/// The one piece in which a change of some bytes falls, as it is to be.
fn change(valued: &[Valued], bytes: Range<usize>, new: &str) -> Option<PieceChange> {
    let mut end = 0;
    let mut touched = Vec::new();
    for piece in valued {
        let (start, length) = (end, piece.value.len());
        end += length;
        let own = bytes.start.max(start)..bytes.end.min(end);
        if own.start < own.end {
            touched.push((piece, own.start - start..own.end - start));
        }
    }
    let text = |(piece, own): &(&Valued, Range<usize>)| piece.value[own.clone()].to_owned();
    let candidates = (0..touched.len()).filter_map(|n| {
        let before: String = touched[..n].iter().map(text).collect();
        let after: String = touched[n + 1..].iter().map(text).collect();
        let middle = new.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
        let (piece, own) = &touched[n];
        (!middle.is_empty()).then(|| altered(piece, own.clone(), middle))
    });
    let is_variable = |change: &PieceChange| matches!(change.at, At::Variable(_));
    let mut candidates: Vec<PieceChange> = candidates.collect();
    candidates.sort_by_key(|change| !is_variable(change));
    candidates.into_iter().next()
}

/// A piece with other bytes in it: of a text only those, of a variable its whole value.
fn altered(piece: &Valued, own: Range<usize>, new: &str) -> PieceChange {
    match &piece.at {
        At::Text(place) => PieceChange {
            at: At::Text(place.start + own.start..place.start + own.end),
            from: piece.value[own].to_owned(),
            to: new.to_owned(),
        },
        At::Variable(name) => {
            let mut value = piece.value.clone();
            value.replace_range(own, new);
            PieceChange { at: At::Variable(name.clone()), from: piece.value.clone(), to: value }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::Origin;

    fn changes(text: &str, variables: &[(&str, &str)], from: &str, to: &str) -> Option<Vec<(String, String)>> {
        let mut all = Variables::default();
        all.push(Origin::Public, variables.iter().copied());
        let found = Written { text, variables: &all }.changes(from, to)?;
        let shown = |change: PieceChange| {
            let at = match change.at {
                At::Text(place) => text[place].to_owned(),
                At::Variable(name) => format!("${name}"),
            };
            (at, change.to)
        };
        Some(found.into_iter().map(shown).collect())
    }

    #[test]
    fn a_change_falls_into_one_piece() {
        for (text, variables, from, to, expected) in [
            ("a:1", &[][..], "a:1", "a:2", &[("1", "2")][..]),
            ("h:5000/a:1", &[], "h:5000/a:1", "h:5000/a:2", &[("1", "2")]),
            ("a:${T}", &[("T", "1")], "a:1", "a:2", &[("$T", "2")]),
            ("a:${T:-1}", &[], "a:1", "a:2", &[("1", "2")]),
            ("a:${T:-1}", &[("T", "")], "a:1", "a:2", &[("1", "2")]),
            ("a:${T:-1}", &[("T", "3")], "a:3", "a:4", &[("$T", "4")]),
            ("a:v${T}-alpine", &[("T", "1.2")], "a:v1.2-alpine", "a:v1.3-alpine", &[("$T", "1.3")]),
            ("${I}", &[("I", "a:1")], "a:1", "a:2", &[("$I", "a:2")]),
            ("${I:-a:1}", &[], "a:1", "a:2", &[("1", "2")]),
            ("${R:-x}/a:1", &[], "x/a:1", "x/a:2", &[("1", "2")]),
            ("a:${A}.${B}", &[("A", "1"), ("B", "2")], "a:1.2", "a:1.3", &[("$B", "3")]),
            ("a:1@sha256:00", &[], "a:1@sha256:00", "a:2@sha256:11", &[("1@sha256:00", "2@sha256:11")]),
            (
                "a:${T}@sha256:00",
                &[("T", "1")],
                "a:1@sha256:00",
                "a:2@sha256:11",
                &[("$T", "2"), ("@sha256:00", "@sha256:11")],
            ),
            ("a:${T}@${D}", &[("T", "1"), ("D", "x:0")], "a:1@x:0", "a:1@x:1", &[("$D", "x:1")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(changes(text, variables, from, to), Some(expected), "{text}");
        }
        for (text, variables, from, to) in [
            ("a:${A}.${B}", &[("A", "1"), ("B", "9")][..], "a:1.9", "a:2.0"),
            ("a:${T:-${U:-1}}", &[], "a:1", "a:2"),
            ("a:$$1", &[], "a:1", "a:2"),
            ("a:1", &[], "a:3", "a:2"),
            ("a:1", &[], "a:1", "b:2"),
        ] {
            assert_eq!(changes(text, variables, from, to), None, "{text}");
        }
    }
}
