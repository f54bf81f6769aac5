//! Whether the one who runs hl trusts the one who wrote the repository, and what follows for values.

use std::collections::{BTreeMap, BTreeSet};

use super::addr::Kind;
use super::setting::Key;

/// Whose the repository is to the one who runs hl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Their own, or that of somebody whom they trust with what is on the nodes.
    #[default]
    Owner,
    /// Somebody else's, such as a pull request's: it may ask for nothing that it does not know itself.
    Untrusted,
}

/// Whether a node may be contacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contact {
    /// It may.
    #[default]
    Allowed,
    /// The one who runs hl knows no such node: it is new in a repository that they do not trust, or it is somewhere else.
    Withheld,
}

/// The settings of a service into which a value of secret origin went, wherever that is shown as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSettings {
    settings: BTreeMap<(Kind, String), Extent>,
}

/// How much of one resource is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extent {
    Keys(BTreeSet<Key>),
    All,
}

impl SecretSettings {
    /// Adds one setting of a resource, by its key in the Compose file; all of the resource without a setting.
    pub fn add(&mut self, kind: Kind, name: &str, key: Option<Key>) {
        let extent = self.settings.entry((kind, name.to_owned())).or_insert_with(|| Extent::Keys(BTreeSet::new()));
        match (extent, key) {
            (Extent::Keys(keys), Some(key)) => drop(keys.insert(key)),
            (extent, None) => *extent = Extent::All,
            (Extent::All, Some(_)) => {}
        }
    }

    /// Whether a setting is one of them. `name` is the resource's name in its address: `web#2` is an instance of `web`.
    pub fn have(&self, kind: Kind, name: &str, key: Key) -> bool {
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        match self.settings.get(&(kind, name.to_owned())) {
            Some(Extent::Keys(keys)) => keys.contains(&key),
            Some(Extent::All) => true,
            None => false,
        }
    }
}
