//! Variables: layers of values with an origin each, which says whether they are secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::envfile::template::Lookup;
use crate::model::Taint;

/// Where a layer of variables comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The command line and public settings: anyone may see its values.
    Public,
    /// A `.env` or another env file: its values are secret unless something says otherwise.
    EnvFile,
    /// An env file that not everyone has who has the others: to name one of its variables does not make it public.
    PrivateFile,
}

/// Values by name, in layers of which the first that has a name decides.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    layers: Vec<Arc<Layer>>,
    plain: Arc<Plain>,
}

/// Variables of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layer {
    origin: Origin,
    values: BTreeMap<String, String>,
    /// The names of those that are paths without their beginning.
    rootless: BTreeSet<String>,
}

/// What env files set together.
#[derive(Clone, Debug, Default)]
pub(super) struct FromFiles {
    pub values: BTreeMap<String, String>,
    /// The names of those values that begin with an empty variable before a path.
    pub rootless: BTreeSet<String>,
    /// The files are private, or one of them is.
    pub is_private: bool,
}

/// The names and values by which a variable of an env file is public after all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    /// Names that are never secret (`env.plain` of a service).
    pub names: BTreeSet<String>,
    /// Values that everyone can see in the repository (`env.example`): a variable that has the value
    /// given here is not secret.
    pub examples: BTreeMap<String, String>,
}

impl Variables {
    /// Adds a layer below all others: it counts for names that none of them has.
    pub fn push<K: Into<String>, V: Into<String>>(&mut self, origin: Origin, values: impl IntoIterator<Item = (K, V)>) {
        let values = values.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        self.layers.push(Arc::new(Layer { origin, values, rootless: BTreeSet::new() }));
    }

    /// Adds what env files set below all layers that are there.
    pub(super) fn push_files(&mut self, FromFiles { values, rootless, is_private }: FromFiles) {
        let origin = if is_private { Origin::PrivateFile } else { Origin::EnvFile };
        self.layers.push(Arc::new(Layer { origin, values, rootless }));
    }

    /// Whether the value of a name is a path without its beginning, which a variable that is not set should have given.
    pub(super) fn is_rootless(&self, name: &str) -> bool {
        let layer = self.layers.iter().find(|layer| layer.values.contains_key(name));
        layer.is_some_and(|layer| layer.rootless.contains(name))
    }

    /// Sets a public variable over whatever the layers say.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let values = BTreeMap::from([(name.into(), value.into())]);
        self.layers.insert(0, Arc::new(Layer { origin: Origin::Public, values, rootless: BTreeSet::new() }));
    }

    /// Says which variables of env files are public after all.
    pub fn set_plain(&mut self, plain: Plain) {
        self.plain = Arc::new(plain);
    }

    /// Every name that has a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().flat_map(|l| l.values.keys()).map(String::as_str)
    }

    /// Whether a value of a name from a source of this origin is secret.
    pub fn taint(&self, origin: Origin, name: &str, value: &str) -> Taint {
        let public = origin == Origin::Public
            || value.is_empty()
            || (origin == Origin::EnvFile && self.plain.names.contains(name))
            || self.plain.examples.get(name).is_some_and(|example| example == value);
        if public { Taint::Plain } else { Taint::Secret }
    }
}

impl Lookup for Variables {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        self.layers.iter().find_map(|layer| {
            let value = layer.values.get(name)?.as_str();
            Some((value, self.taint(layer.origin, name, value)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_layer_that_has_a_name_decides() {
        let mut variables = Variables::default();
        variables.push(Origin::Public, [("A", "given")]);
        variables.push(Origin::EnvFile, [("A", "file"), ("B", "file"), ("C", ""), ("D", "shown"), ("E", "listed")]);
        variables.push(Origin::Public, [("B", "var"), ("F", "var")]);
        let examples = BTreeMap::from([("D".to_owned(), "shown".to_owned()), ("B".to_owned(), "other".to_owned())]);
        variables.set_plain(Plain { names: BTreeSet::from(["E".to_owned()]), examples });
        variables.set("G", "1");
        for (name, found) in [
            ("A", Some(("given", Taint::Plain))),
            ("B", Some(("file", Taint::Secret))),
            ("C", Some(("", Taint::Plain))),
            ("D", Some(("shown", Taint::Plain))),
            ("E", Some(("listed", Taint::Plain))),
            ("F", Some(("var", Taint::Plain))),
            ("G", Some(("1", Taint::Plain))),
            ("H", None),
        ] {
            assert_eq!(variables.get(name), found, "{name}");
        }
    }
}
