//! The table as a list, for the documentation and for tests.

use super::*;

/// A key of the Compose format with the way to it.
#[derive(Clone, Debug)]
pub struct KeyPath {
    /// The path: `services.*.ports.[].target`.
    pub path: String,
    /// The key.
    pub key: Key,
    /// Whether it is honoured, its parents taken into account.
    pub support: Support,
    /// Since when, its parents taken into account.
    pub since: Option<Release>,
}

/// Every key of the format, parents before their children, in the order of the table.
pub fn keys() -> Vec<KeyPath> {
    let mut found = Vec::new();
    walk(&PROJECT, "", Support::Supported, None, &mut found);
    found
}

fn walk(keys: &Keys, prefix: &str, support: Support, since: Option<Release>, found: &mut Vec<KeyPath>) {
    for key in keys.keys {
        let path = if prefix.is_empty() { key.name.to_string() } else { format!("{prefix}.{}", key.name) };
        let support = match (support, key.support) {
            (Support::Supported | Support::UnsupportedValues(..), own) => own,
            (parents, _) => parents,
        };
        let since = since.max(key.since);
        found.push(KeyPath { path: path.clone(), key: *key, support, since });
        descend(&key.takes, &path, support, since, found);
    }
}

fn descend(takes: &Takes, path: &str, support: Support, since: Option<Release>, found: &mut Vec<KeyPath>) {
    match takes {
        Takes::Keys(keys) => walk(keys, path, support, since, found),
        Takes::List(item) | Takes::Set(item) => descend(item, &format!("{path}.[]"), support, since, found),
        Takes::Named(_, item) => descend(item, &format!("{path}.*"), support, since, found),
        Takes::Either(choices) => choices.iter().for_each(|c| descend(c, path, support, since, found)),
        Takes::Of(_) | Takes::Word(_) | Takes::WordOrEvery(_) | Takes::Range(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_stands_once_and_is_reachable() {
        let all = keys();
        let paths: BTreeSet<&str> = all.iter().map(|k| k.path.as_str()).collect();
        assert_eq!(paths.len(), all.len(), "no key twice");
        for path in ["services.*.image", "services.*.ports.[].target", "services.*.deploy.resources.limits.cpus"] {
            assert!(paths.contains(path), "{path}");
        }
        assert!(all.len() > 300, "{}", all.len());
    }

    #[test]
    fn children_inherit_support_and_release() {
        let all = keys();
        let find = |path: &str| all.iter().find(|k| k.path == path).unwrap();
        assert!(matches!(find("services.*.provider.type").support, Support::Unsupported(_)));
        assert_eq!(find("services.*.provider.type").since, Some(Release(2, 35)));
        assert!(matches!(find("services.*.deploy.update_config.order").support, Support::NoEffect(_)));
    }
}
