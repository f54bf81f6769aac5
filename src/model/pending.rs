//! Texts that only apply can complete: a secret that it makes first (`env.generate`) goes into them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A text with gaps, each named after the variable whose value apply will make. What stands around
/// the gaps may be secret as well, so nothing of it is ever shown.
#[derive(Clone)]
pub struct Pending(SecretString);

/// The gap's marks: from Unicode's private use area, so that no file holds them by accident, and
/// ordinary characters for every parser that the text goes through.
const OPEN: char = '\u{f8f0}';
const CLOSE: char = '\u{f8f1}';

impl Pending {
    /// The stand-in for the value of `variable` until apply has made it.
    pub fn gap(variable: &str) -> String {
        format!("{OPEN}{variable}{CLOSE}")
    }

    /// Whether a gap is in `text`.
    pub fn is_in(text: &str) -> bool {
        text.contains(OPEN)
    }

    /// The text with words in place of its gaps, for messages about it.
    pub fn readable(text: &str) -> String {
        text.replace(OPEN, "(generated ").replace(CLOSE, ")")
    }

    /// The text with gaps, if `text` has one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::is_in(text).then(|| Self(SecretString::from(text.to_owned())))
    }

    /// The variables whose values are missing.
    pub fn variables(&self) -> BTreeSet<String> {
        let after_marks = self.0.expose_secret().split(OPEN).skip(1);
        after_marks.filter_map(|rest| rest.split_once(CLOSE)).map(|(name, _)| name.to_owned()).collect()
    }

    /// The characters, which are secret, with each gap filled from `values`; gaps without a value stay.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> SecretString {
        let mut text = self.0.expose_secret().to_owned();
        for variable in self.variables() {
            if let Some(value) = values.get(&variable) {
                text = text.replace(&Self::gap(&variable), value);
            }
        }
        SecretString::from(text)
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Pending {}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(known after apply)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_found_and_filled() {
        let text = format!("postgres://u:{}@db/{}", Pending::gap("PW"), Pending::gap("NAME"));
        let pending = Pending::parse(&text).unwrap();
        assert_eq!(pending.variables(), ["NAME", "PW"].map(String::from).into());
        let one = BTreeMap::from([("PW".to_owned(), "x".to_owned())]);
        let half = Pending::parse(pending.fill(&one).expose_secret()).expect("a gap is left");
        assert_eq!(half.variables(), ["NAME".to_owned()].into());
        let rest = BTreeMap::from([("NAME".to_owned(), "n".to_owned())]);
        assert_eq!(half.fill(&rest).expose_secret(), "postgres://u:x@db/n");
        assert_eq!(Pending::parse("plain"), None);
        assert!(!format!("{pending:?}").contains("postgres"));
    }
}
