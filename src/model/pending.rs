//! Texts that only apply can complete: a secret that it makes first (`env.generate`) goes into them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::spec::{BuildSpec, ContainerSpec};
use super::value::Text;

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

    /// The secret text with each gap filled from `values`; gaps without a value stay.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Text {
        let mut text = self.0.expose_secret().to_owned();
        for variable in self.variables() {
            if let Some(value) = values.get(&variable) {
                text = text.replace(&Self::gap(&variable), value);
            }
        }
        Text::of_secret(text)
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

impl ContainerSpec {
    /// The same with the gaps of its texts filled: what apply creates once it has made `values`.
    #[must_use]
    pub fn filled(mut self, values: &BTreeMap<String, String>) -> Self {
        let fill = |text: &mut Text| {
            if let Text::Pending(pending) = text {
                *text = pending.fill(values);
            }
        };
        self.command.iter_mut().flatten().for_each(fill);
        self.entrypoint.iter_mut().flatten().for_each(fill);
        self.environment.values_mut().flatten().for_each(fill);
        self.labels.values_mut().for_each(fill);
        self.annotations.values_mut().for_each(fill);
        self.files.values_mut().map(|file| &mut file.content).for_each(fill);
        self.mounted_files.values_mut().for_each(fill);
        self.build.values_mut().for_each(fill);
        self.healthcheck.iter_mut().flat_map(|check| &mut check.test).flatten().for_each(fill);
        self.logging.iter_mut().flat_map(|logging| logging.options.values_mut()).for_each(fill);
        self.hashed = self.hashed.map(|hashed| hashed.filled(values));
        self
    }
}

impl BuildSpec {
    /// The same with the gaps of its texts filled.
    #[must_use]
    pub fn filled(mut self, values: &BTreeMap<String, String>) -> Self {
        for text in self.args.values_mut().flatten().chain(self.labels.values_mut()) {
            if let Text::Pending(pending) = text {
                *text = pending.fill(values);
            }
        }
        self
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
        let Text::Pending(half) = pending.fill(&one) else { panic!("a gap is left") };
        assert_eq!(half.variables(), ["NAME".to_owned()].into());
        let rest = BTreeMap::from([("NAME".to_owned(), "n".to_owned())]);
        assert_eq!(half.fill(&rest), Text::secret("postgres://u:x@db/n"));
        assert_eq!(Pending::parse("plain"), None);
        assert!(!format!("{pending:?}").contains("postgres"));
    }

    #[test]
    fn a_container_is_filled_wherever_a_secret_may_stand() {
        let gap = || Text::of_secret(Pending::gap("PW"));
        let spec = ContainerSpec {
            command: Some(vec![gap()]),
            environment: BTreeMap::from([("A".into(), Some(gap())), ("B".into(), None)]),
            labels: BTreeMap::from([("l".into(), gap())]),
            ..Default::default()
        };
        assert!(spec.fields().iter().any(|(f, v)| f.to_string() == "environment.A" && !v.is_secret()));
        let filled = spec.filled(&BTreeMap::from([("PW".to_owned(), "x".to_owned())]));
        assert_eq!(filled.command, Some(vec![Text::secret("x")]));
        assert_eq!(filled.environment["A"], Some(Text::secret("x")));
        assert_eq!(filled.labels["l"], Text::secret("x"));
    }
}
