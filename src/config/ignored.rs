//! Which files git ignores.
//!
//! The rules are those of `.git/info/exclude` and of the `.gitignore` files from the top of the repository down to the
//! file; the last rule that fits counts. A user's own `core.excludesFile` is not looked at: others do not have it.

use std::path::Path;

use super::tracked;
use crate::compose::reader::Reader;
use crate::model::ignore::Ignore;

/// Whether git ignores a file, by its real path; none if it is in no git repository.
pub(super) fn is_ignored(path: &Path, reader: &dyn Reader) -> Option<bool> {
    let (top, git) = tracked::repository(path.parent()?, reader)?;
    let text = |path: &Path| reader.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).ok();
    let mut rules: Vec<String> = text(&git.join("info/exclude"))
        .iter()
        .flat_map(|text| text.lines().filter_map(|line| rule("", line)))
        .collect();
    let mut folders: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&top)).collect();
    folders.reverse();
    for folder in folders {
        let below = folder.strip_prefix(&top).ok()?.to_string_lossy().into_owned();
        let text = text(&folder.join(".gitignore")).unwrap_or_default();
        rules.extend(text.lines().filter_map(|line| rule(&below, line)));
    }
    let ignore = Ignore::parse(&rules.join("\n"));
    Some(ignore.leaves_out(&path.strip_prefix(&top).ok()?.to_string_lossy()))
}

/// A line of a `.gitignore` in a folder as a pattern of a `.dockerignore` at the top: there one without a slash fits the
/// name of a file at any depth. None for an empty line and for a comment.
fn rule(folder: &str, line: &str) -> Option<String> {
    let line = line.trim_end();
    let (negation, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern));
    let pattern = pattern.trim_end_matches('/');
    if pattern.is_empty() || line.starts_with('#') {
        return None;
    }
    let above = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let pattern = match pattern.contains('/') {
        true => pattern.trim_start_matches('/').to_owned(),
        false => format!("**/{pattern}"),
    };
    Some(format!("{negation}{above}{pattern}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::reader::Memory;

    #[test]
    fn rules_are_those_of_git() {
        let is_ignored = |rules: &[(&str, &str)], path: &str| {
            let files = rules.iter().map(|(path, text)| (format!("/lab/{path}"), (*text).to_owned()));
            let memory: Memory = files.chain([("/lab/.git/index".to_owned(), String::new())]).collect();
            is_ignored(&Path::new("/lab").join(path), &memory)
        };
        let env = "services/web/.env";
        assert_eq!(is_ignored(&[], env), Some(false));
        for rules in [".env", "*.env\n", "/services/*/.env", "services/**/.env", "services/", "# env\n.env*  "] {
            assert_eq!(is_ignored(&[(".gitignore", rules)], env), Some(true), "{rules}");
        }
        for rules in ["/.env", "#.env", ".env\n!.env", "web/.env"] {
            assert_eq!(is_ignored(&[(".gitignore", rules)], env), Some(false), "{rules}");
        }
        assert_eq!(is_ignored(&[("services/web/.gitignore", "/.env")], env), Some(true));
        assert_eq!(is_ignored(&[(".git/info/exclude", ".env")], env), Some(true));
        assert_eq!(is_ignored(&[(".gitignore", ".env"), ("services/.gitignore", "!.env")], env), Some(false));
        assert_eq!(super::is_ignored(Path::new("/other/.env"), &Memory::default()), None);
    }
}
