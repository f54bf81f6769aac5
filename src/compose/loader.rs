//! The state that loading carries from file to file: open files, diagnostics, the variables that were asked for.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::budget::{Budget, Weight};
use super::interpolate::Asked;
use super::reset::Resets;
use super::syntax::path as text_path;
use super::variables::Variables;
use crate::compose::reader::{Files, Kind};
use crate::compose::yaml::{self, Map, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, Visibility};

/// The state of one load.
pub(super) struct Loader<'a> {
    pub files: Files<'a>,
    pub diagnostics: Diagnostics,
    /// The variables that the files ask for.
    pub asked: Asked,
    /// The values of the secret ones among them, which no diagnostic may quote.
    pub secrets: BTreeSet<String>,
    /// The env files that are named in the files.
    pub named_env_files: BTreeSet<PathBuf>,
    /// An env file of which the caller has said already what is doubtful in it.
    pub checked_env_file: Option<PathBuf>,
    /// The home folder, for `~`.
    pub home: Option<String>,
    /// Files that services extend, each read once a scope.
    pub extended: HashMap<(usize, PathBuf), Option<Rc<Extended>>>,
    /// The limits, as far as they are used up.
    pub budget: Budget,
    /// How many scopes there have been.
    pub scopes: usize,
}

/// Files that are merged in order, each with its documents.
pub(super) type Documents = Vec<(PathBuf, Vec<Node>)>;

/// A set of files that are read with the same variables and the same base of relative paths.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Tells scopes apart.
    pub id: usize,
    /// The folder that relative paths in the files are joined to; of an included file relative to the including file.
    pub base: String,
    /// The same as an absolute path, where files that are referred to are looked up.
    pub folder: PathBuf,
    pub variables: Variables,
    /// The files that include one another down to here.
    pub including: Vec<PathBuf>,
}

/// A file that services extend: its services in the long form, with paths as seen from the extending file.
pub(super) struct Extended {
    pub services: Map,
    pub resets: Resets,
}

impl<'a> Loader<'a> {
    pub fn new(files: Files<'a>, home: Option<String>) -> Self {
        Loader {
            files,
            diagnostics: Diagnostics::default(),
            asked: Asked::default(),
            secrets: BTreeSet::new(),
            named_env_files: BTreeSet::new(),
            checked_env_file: None,
            home,
            extended: HashMap::new(),
            budget: Budget::default(),
            scopes: 0,
        }
    }

    /// The documents of a file; `reference` is where it was named.
    pub fn documents(&mut self, path: &Path, reference: Option<Span>) -> Option<Vec<Node>> {
        self.budget.file(reference, &mut self.diagnostics)?;
        match self.files.load(path, Visibility::Public) {
            Ok(file) => {
                let text = self.files.text(file);
                let documents = yaml::parse(&text, file, &mut self.diagnostics);
                for document in &documents {
                    self.spend(Weight::of(document), reference.unwrap_or(document.span))?;
                }
                Some(documents)
            }
            Err(error) => {
                let otherwise = match reference {
                    Some(_) => "check the path; it is relative to the file's folder",
                    None => "check the path",
                };
                let diagnostic = error.diagnostic(&self.files.shown(path), otherwise);
                self.diagnostics.push(match reference {
                    Some(span) => diagnostic.at(span, "named here"),
                    None => diagnostic,
                });
                None
            }
        }
    }

    /// Counts what is added to the project; none if that is too much, which is reported once.
    pub fn spend(&mut self, more: Weight, place: Span) -> Option<()> {
        self.budget.spend(more, Some(place), &mut self.diagnostics)
    }

    /// The folder of a file (or a folder itself), relative to `from`.
    pub fn folder_seen_from(&self, path: &Path, from: &Path) -> String {
        let is_folder = self.files.kind(path) == Kind::Folder;
        let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
        text_path::relative(&from.to_string_lossy(), &folder.to_string_lossy())
    }

    /// Reports a reference to a file of another machine.
    pub fn refuse_remote(&mut self, target: &str, span: Span) {
        let words = format!("`{target}` is not on this disk, and hl fetches no Compose files");
        let diagnostic = Diagnostic::error(Code::UnsupportedKey, words).at(span, "");
        self.diagnostics.push(diagnostic.hint("put a copy into the repository"));
    }
}

/// Whether Compose would fetch a file from a git or image registry.
pub(super) fn is_remote(file: &str) -> bool {
    ["oci:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"].iter().any(|p| file.starts_with(p))
}
