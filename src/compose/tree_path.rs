//! Where a node stands in a project, for messages: `services.web.ports.0`.

use std::collections::BTreeMap;
use std::fmt;

/// A path in the tree as a chain of borrowed parts, so that walking costs nothing and only a message builds text.
#[derive(Clone, Copy, Debug)]
pub struct TreePath<'a> {
    parent: Option<&'a TreePath<'a>>,
    part: Part<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl Part<'_> {
    /// The text in front of the last part of a pattern, its dot included, if that part describes this one. Compared
    /// in one piece from the end: every value of every file is held against some hundred patterns.
    fn before<'p>(&self, pattern: &'p str) -> Option<&'p str> {
        let is_whole = |before: &&str| before.is_empty() || before.ends_with('.');
        let named = match self {
            Part::Root => None,
            // No part of a pattern has a dot in it.
            Part::Key(key) => pattern.strip_suffix(key).filter(|_| !key.contains('.')),
            Part::Item(_) => pattern.strip_suffix("[]"),
        };
        named.filter(is_whole).or_else(|| pattern.strip_suffix('*').filter(is_whole))
    }
}

impl<'a> TreePath<'a> {
    /// The document itself.
    pub const ROOT: TreePath<'static> = TreePath { parent: None, part: Part::Root };

    /// The value of `key` in the mapping at this place.
    pub fn key(&'a self, key: &'a str) -> TreePath<'a> {
        TreePath { parent: Some(self), part: Part::Key(key) }
    }

    /// The item at `index` of the list at this place.
    pub fn item(&'a self, index: usize) -> TreePath<'a> {
        TreePath { parent: Some(self), part: Part::Item(index) }
    }

    /// How many parts lead here: 0 for the document.
    pub fn depth(&self) -> usize {
        self.parent.map_or(0, |p| p.depth() + 1)
    }

    /// Whether a pattern such as `services.*.ports.[]` describes this place: `*` is any part, `[]` any item.
    fn matches(&self, pattern: &str) -> bool {
        let (mut at, mut rest) = (self, pattern);
        while let Some(parent) = at.parent {
            let Some(before) = at.part.before(rest) else { return false };
            at = parent;
            match before.strip_suffix('.') {
                Some(before) => rest = before,
                None => return at.parent.is_none(),
            }
        }
        false
    }

    /// The keys that lead here; items of lists have none.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = self.parent.map_or_else(Vec::new, TreePath::keys);
        if let Part::Key(key) = self.part {
            keys.push(key.to_owned());
        }
        keys
    }
}

impl fmt::Display for TreePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent.filter(|p| p.parent.is_some()) {
            write!(f, "{parent}.")?;
        }
        match self.part {
            Part::Root => f.write_str("the file"),
            Part::Key(key) => f.write_str(key),
            Part::Item(index) => write!(f, "{index}"),
        }
    }
}

/// Values for the places that patterns describe. Every value of every file is looked up here, so that a place is held
/// against no more than the patterns that end as it does.
#[derive(Debug)]
pub struct Patterns<T> {
    by_last_part: BTreeMap<&'static str, Vec<(&'static str, T)>>,
}

impl<T: Copy> Patterns<T> {
    /// A table of patterns, no two of which describe one place.
    pub fn new<const N: usize>(all: [(&'static str, T); N]) -> Self {
        let mut by_last_part: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (pattern, value) in all {
            let last = pattern.rsplit_once('.').map_or(pattern, |(_, last)| last);
            by_last_part.entry(last).or_default().push((pattern, value));
        }
        Self { by_last_part }
    }

    /// The value for a place.
    pub fn at(&self, place: &TreePath<'_>) -> Option<T> {
        let named = match place.part {
            Part::Root => return None,
            Part::Key(key) => key,
            Part::Item(_) => "[]",
        };
        let among = |last: &str| {
            let ending = self.by_last_part.get(last)?;
            ending.iter().find(|(pattern, _)| place.matches(pattern)).map(|(_, value)| *value)
        };
        among(named).or_else(|| among("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_the_top() {
        let services = TreePath::ROOT.key("services");
        let web = services.key("web");
        let ports = web.key("ports");
        assert_eq!(ports.item(0).to_string(), "services.web.ports.0");
        assert_eq!(TreePath::ROOT.to_string(), "the file");
        assert_eq!(ports.depth(), 3);
        assert_eq!(ports.item(0).keys(), ["services", "web", "ports"]);
    }

    #[test]
    fn patterns_match_whole_places() {
        let services = TreePath::ROOT.key("services");
        let web = services.key("web.x");
        let ports = web.key("ports");
        let item = ports.item(3);
        assert!(item.matches("services.*.ports.[]") && item.matches("services.*.ports.*"));
        assert!(ports.matches("services.*.ports"));
        assert!(!item.matches("services.*.ports") && !ports.matches("*.ports") && !TreePath::ROOT.matches("services"));
        assert!(!services.key("web").key("orts").matches("services.*.ports"), "half of a part");
        assert!(!services.key("web.ports").matches("services.web.ports"), "a dot in a key parts nothing");
        assert!(!ports.matches("x.services.*.ports") && !ports.matches("") && !TreePath::ROOT.matches(""));
    }

    #[test]
    fn the_pattern_that_describes_a_place_is_found() {
        let patterns =
            Patterns::new([("services.*.ports", 1), ("services.*.ports.[]", 2), ("volumes.*", 3), ("[]", 4)]);
        let (services, volumes) = (TreePath::ROOT.key("services"), TreePath::ROOT.key("volumes"));
        let web = services.key("web");
        let ports = web.key("ports");
        assert_eq!(patterns.at(&ports), Some(1));
        assert_eq!(patterns.at(&ports.item(7)), Some(2));
        assert_eq!(patterns.at(&volumes.key("ports")), Some(3), "a key that another pattern ends with");
        assert_eq!(patterns.at(&TreePath::ROOT.item(0)), Some(4));
        assert_eq!((patterns.at(&web), patterns.at(&TreePath::ROOT)), (None, None));
        assert_eq!(patterns.at(&services.key("*")), None, "a key that looks like a pattern");
    }
}
