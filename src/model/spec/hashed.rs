//! The input of Compose's label `config-hash`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::model::hex;
use crate::model::pending::Pending;

/// A service as Compose writes it down before it hashes it: JSON in which marks stand for the ids of
/// other containers and for values that only apply makes. It holds the secrets of the service, so
/// nothing of it is ever shown.
#[derive(Clone)]
pub struct HashedConfig(SecretString);

/// The marks around a reference and between its parts, from Unicode's private use area as those of
/// [`Pending`].
const OPEN: char = '\u{f8f2}';
const CLOSE: char = '\u{f8f3}';
const BETWEEN: char = '\u{f8f4}';

impl HashedConfig {
    /// The service in one line of JSON.
    pub fn new(json: impl Into<String>) -> Self {
        Self(SecretString::from(json.into()))
    }

    /// The placeholder in the JSON for `before` followed by the id of a service's container. It is replaced by
    /// `otherwise` if the service has no container.
    pub fn id_of(service: &str, before: &str, otherwise: &str) -> String {
        format!("{OPEN}{service}{BETWEEN}{before}{BETWEEN}{otherwise}{CLOSE}")
    }

    /// The services whose containers' ids go into it.
    pub fn services(&self) -> BTreeSet<String> {
        self.references().filter_map(|reference| reference.split(BETWEEN).next()).map(String::from).collect()
    }

    fn references(&self) -> impl Iterator<Item = &str> {
        let after_marks = self.0.expose_secret().split(OPEN).skip(1);
        after_marks.filter_map(|rest| rest.split_once(CLOSE)).map(|(reference, _)| reference)
    }

    /// The same with the values that apply has made.
    #[must_use]
    pub fn filled(self, values: &BTreeMap<String, String>) -> Self {
        let text = self.0.expose_secret();
        if !Pending::is_in(text) {
            return self;
        }
        let gaps = values.iter().map(|(name, value)| (Pending::gap(name), in_json(value)));
        Self::new(gaps.fold(text.to_owned(), |text, (gap, value)| text.replace(&gap, &value)))
    }

    /// The hash in lower case hexadecimal, with the ids of `containers` by service.
    pub fn hash(&self, containers: &BTreeMap<String, String>) -> String {
        let mut text = self.0.expose_secret().to_owned();
        for reference in self.references() {
            let mut parts = reference.splitn(3, BETWEEN);
            let mut part = || parts.next().unwrap_or_default();
            let (service, before, otherwise) = (part(), part(), part());
            let found = containers.get(service).map(|id| format!("{before}{id}"));
            text = text.replace(&format!("{OPEN}{reference}{CLOSE}"), found.as_deref().unwrap_or(otherwise));
        }
        hex::encode(&Sha256::digest(text.as_bytes()))
    }
}

/// A text as Go writes it between the quotes of JSON.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text can be written as JSON");
    let inner = &quoted[1..quoted.len() - 1];
    inner.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl PartialEq for HashedConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for HashedConfig {}

impl fmt::Debug for HashedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(config)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        HashedConfig::new(text).hash(&BTreeMap::new())
    }

    #[test]
    fn ids_take_the_place_of_services() {
        let mode = HashedConfig::id_of("vpn", "container:", "service:vpn");
        let mode = format!("{{\"network_mode\":\"{mode}\"}}");
        let config = HashedConfig::new(mode);
        assert_eq!(config.services(), ["vpn".to_owned()].into());
        let ids = BTreeMap::from([("vpn".to_owned(), "0a1b".to_owned())]);
        assert_eq!(config.hash(&ids), plain("{\"network_mode\":\"container:0a1b\"}"));
        assert_eq!(config.hash(&BTreeMap::new()), plain("{\"network_mode\":\"service:vpn\"}"));
    }

    #[test]
    fn made_values_are_written_as_go_writes_them() {
        let config = HashedConfig::new(format!("{{\"a\":\"{}\"}}", Pending::gap("PW")));
        let values = BTreeMap::from([("PW".to_owned(), "x<\"&".to_owned())]);
        assert_eq!(config.clone().filled(&values).hash(&BTreeMap::new()), plain(r#"{"a":"x\u003c\"\u0026"}"#));
        assert_eq!(format!("{config:?}"), "(config)");
    }
}
