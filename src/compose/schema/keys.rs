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
        descend(&key.accepts, &path, support, since, found);
    }
}

fn descend(accepts: &Accepts, path: &str, support: Support, since: Option<Release>, found: &mut Vec<KeyPath>) {
    match accepts {
        Accepts::Keys(keys) => walk(keys, path, support, since, found),
        Accepts::List(item) | Accepts::Set(item) => descend(item, &format!("{path}.[]"), support, since, found),
        Accepts::Named(_, item) => descend(item, &format!("{path}.*"), support, since, found),
        Accepts::Either(choices) => choices.iter().for_each(|c| descend(c, path, support, since, found)),
        Accepts::Of(_) | Accepts::Word(_) | Accepts::WordOrEvery(_) | Accepts::Range(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write;

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

    /// The sections of the documentation: a title, and what the paths of its keys start with.
    const SECTIONS: [(&str, &str); 8] = [
        ("A service", "services.*."),
        ("A network", "networks.*."),
        ("A volume", "volumes.*."),
        ("A secret", "secrets.*."),
        ("A config", "configs.*."),
        ("A model", "models.*."),
        ("An included file", "include.[]."),
        ("The file", ""),
    ];

    /// The keys as tables of the documentation. What stands below a key that is not honoured needs no row.
    fn tables() -> String {
        let all = keys();
        let honoured = |support: Support| matches!(support, Support::Supported | Support::UnsupportedValues(..));
        let mut out = String::new();
        for (title, prefix) in SECTIONS {
            let _ = write!(out, "\n### {title}\n\n| key | hl | since Compose |\n|---|---|---|\n");
            for found in &all {
                let section = SECTIONS.iter().find(|(_, prefix)| found.path.starts_with(prefix));
                let parent = all.iter().rfind(|k| found.path.starts_with(&format!("{}.", k.path)));
                if section.is_none_or(|(_, own)| *own != prefix) || parent.is_some_and(|p| !honoured(p.support)) {
                    continue;
                }
                let key = found.path.strip_prefix(prefix).unwrap_or(&found.path).replace(".[]", "[]");
                let since = found.since.map_or("2.0".to_owned(), |Release(major, minor)| format!("{major}.{minor}"));
                let _ = writeln!(out, "| `{key}` | {} | {since} |", in_words(found.support));
            }
        }
        out
    }

    fn in_words(support: Support) -> String {
        match support {
            Support::Supported => "yes".to_owned(),
            Support::NoEffect(why) => format!("no effect: {why}"),
            Support::Unsupported(why) => format!("refused: {why}"),
            Support::UnsupportedValues(values, why) => {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                format!("yes, but not {}: {why}", values.join(", "))
            }
        }
    }

    /// `HL_BLESS=1` writes the tables anew.
    #[test]
    fn the_documented_keys_are_these() {
        const BEGIN: &str = "<!-- keys: written by the tests from src/compose/schema -->\n";
        const END: &str = "<!-- end of the keys -->\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compose.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (head, rest) = page.split_once(BEGIN).expect("the page has the begin mark");
        let (written, tail) = rest.split_once(END).expect("the page has the end mark");
        if std::env::var_os("HL_BLESS").is_some() {
            std::fs::write(path, format!("{head}{BEGIN}{}{END}{tail}", tables())).unwrap();
            return;
        }
        assert_eq!(written, tables(), "run the tests once with HL_BLESS=1");
    }
}
