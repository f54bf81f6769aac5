//! Which files make a project, and what it is called.

use std::path::{Path, PathBuf};

use super::normalize::{is_project_name, project_name as project_name_of};
use super::variables::Variables;
use crate::compose::reader::{Files, Kind};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::envfile::template::{self, Lookup, Seen};

/// The names of a Compose file, the preferred one first.
pub const FILE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The names of the file that overrides it, whichever name that one has.
pub const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// The Compose file of a folder and the override beside it; none if the folder has no Compose file.
pub fn in_folder(folder: &Path, files: &Files<'_>, diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for names in [FILE_NAMES, OVERRIDE_NAMES] {
        let mut candidates = names.map(|name| folder.join(name)).into_iter().filter(|p| files.kind(p) == Kind::File);
        let Some(first) = candidates.next() else { break };
        if let Some(second) = candidates.next() {
            let (first, second) = (files.shown(&first), files.shown(&second));
            let words = format!("{} is used, and {} is not read", first.display(), second.display());
            diagnostics
                .push(Diagnostic::warning(Code::SurprisingValue, words).hint("remove the one that is not meant"));
        }
        found.push(first);
    }
    found
}

/// The same for the nearest folder upwards that has a Compose file.
pub fn upwards(folder: &Path, files: &Files<'_>, diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
    folder.ancestors().map(|f| in_folder(f, files, diagnostics)).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The project name as the files themselves give it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Naming {
    /// The first document of a file has a `name`, so that the folder's name does not count.
    pub is_named: bool,
    /// The last `name` of all documents, with its place.
    pub name: Option<(String, Span)>,
}

impl Naming {
    /// Takes the documents of one more file into account.
    pub fn see(&mut self, documents: &[Node]) {
        for (i, document) in documents.iter().enumerate() {
            let Some(node) = document.get("name") else { continue };
            let Some(name) = super::syntax::scalar::scalar_text(&node.value).filter(|n| !n.is_empty()) else {
                continue;
            };
            self.is_named |= i == 0;
            self.name = Some((name, node.span));
        }
    }
}

/// The name of a project, after Docker Compose's precedence: what the caller says and
/// `COMPOSE_PROJECT_NAME`, both of which must be valid; then `name:`, then the folder, both of which are made valid.
pub(super) fn project_name(
    given: Option<&str>,
    naming: &Naming,
    folder: &Path,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let from_variables = variables.get("COMPOSE_PROJECT_NAME").map(|(name, _)| name).filter(|n| !n.is_empty());
    if let Some(name) = given.or(from_variables) {
        if is_project_name(name) {
            return Some(name.to_owned());
        }
        let words = format!("`{name}` cannot be the name of a project");
        let hint = match project_name_of(name) {
            valid if valid.is_empty() => "use lower case letters, digits, `-` and `_`".to_owned(),
            valid => format!("write `{valid}`"),
        };
        diagnostics.push(Diagnostic::error(Code::ProjectName, words).hint(hint));
        return None;
    }
    let from_folder = folder.file_name().map(|n| project_name_of(&n.to_string_lossy())).filter(|_| !naming.is_named);
    let from_files = naming.name.as_ref().and_then(|(name, _)| {
        // A value that cannot be substituted is reported with the rest of the file.
        let name = template::substitute(name, variables, &mut Seen::default()).ok()?.text;
        Some(project_name_of(&name)).filter(|n| !n.is_empty())
    });
    let name = from_files.or(from_folder).filter(|n| !n.is_empty());
    if name.is_none() {
        let diagnostic = Diagnostic::error(Code::ProjectName, "the project has no name")
            .hint("add `name:` with lower case letters, digits, `-` and `_`");
        diagnostics.push(match &naming.name {
            Some((_, span)) => diagnostic.at(*span, "nothing is left of this one"),
            None => diagnostic,
        });
    }
    name
}

/// The files that the variable `COMPOSE_FILE` names.
pub(super) fn from_variable(variables: &Variables) -> Vec<PathBuf> {
    let value = |name: &str| variables.get(name).map(|(value, _)| value).unwrap_or_default();
    named_files(value("COMPOSE_FILE"), value("COMPOSE_PATH_SEPARATOR"))
}

/// The files in a value of `COMPOSE_FILE`, between which `COMPOSE_PATH_SEPARATOR` stands, or a colon.
pub fn named_files(value: &str, separator: &str) -> Vec<PathBuf> {
    if value.is_empty() {
        return Vec::new();
    }
    let separator = if separator.is_empty() { ":" } else { separator };
    value.split(separator).map(PathBuf::from).collect()
}

/// The profiles to enable: those given, else those of `COMPOSE_PROFILES`, which without a value names the
/// empty profile, as `profiles: ["${UNSET}"]` does.
pub(super) fn profiles(given: &[String], variables: &Variables) -> Vec<String> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let named = variables.get("COMPOSE_PROFILES").map(|(profiles, _)| profiles).unwrap_or_default();
    named.split(',').map(|p| p.trim().to_owned()).collect()
}
