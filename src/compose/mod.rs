//! COMPOSE FILES → ONE PROJECT. Reads, merges and normalises Compose files as Docker Compose does.
//!
//! [`load`] is the entry. Its measure is `docker-compose config` of 2.26.1 (compose-go 2.4.8): the same
//! files give the same project, and every node of it still knows the line it came from. It reads
//! through a [`Reader`] alone, and takes variables from the [`Request`] alone: not from the environment
//! of the caller. It does not know the homelab, nodes, or what hl makes of a project.

mod canonical;
mod consistency;
mod cycle;
mod decode;
mod defaults;
mod discover;
mod environment;
mod extends;
pub mod hash;
mod include;
mod interpolate;
mod load;
mod merge;
mod normalize;
mod paths;
pub mod print;
mod profiles;
pub mod reader;
mod redact;
mod reset;
pub mod schema;
mod surprising_values;
pub mod syntax;
mod tree_path;
mod unique;
mod variables;
pub mod yaml;

#[cfg(test)]
mod diagnostics_tests;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::compose::reader::{Files, Kind, Reader};
use crate::compose::yaml::{Map, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Span, Visibility};
use crate::envfile::template::Lookup;
use load::{Loader, Scope};

pub use discover::{FILE_NAMES, OVERRIDE_NAMES, in_folder};
pub use variables::{Origin, Plain, Variables};

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The absolute folder that relative paths of this request start from, and that diagnostics are shown from.
    pub current_dir: PathBuf,
    /// The Compose files, later ones overriding earlier ones; when empty, those of the project folder, or
    /// else of the nearest folder upwards from the current one.
    pub files: Vec<PathBuf>,
    /// The folder that relative paths in the files start from; by default that of the first file.
    pub project_dir: Option<PathBuf>,
    /// Env files for variables; when empty, the `.env` of the project folder if there is one.
    pub env_files: Vec<PathBuf>,
    /// Variables that count more than those of the env files.
    pub variables: Variables,
    /// Public variables that count less than those of the env files.
    pub defaults: Vec<(String, String)>,
    /// Profiles to enable; when empty, those that the variable `COMPOSE_PROFILES` names.
    pub profiles: Vec<String>,
    /// The name of the project, over all that files and variables say.
    pub project_name: Option<String>,
    /// The home folder, for `~`.
    pub home: Option<String>,
}

/// A project that Compose would accept.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The absolute folder that its relative paths were joined to.
    pub working_dir: PathBuf,
    /// The absolute paths of its Compose files, in order, without those they include.
    pub config_files: Vec<PathBuf>,
    /// The absolute paths of the env files that its variables came from, in order.
    pub env_files: Vec<PathBuf>,
    /// Its tree in the canonical form: services whose profiles are enabled, and what they use.
    pub tree: Node,
    /// The services of profiles that are not enabled, in the canonical form.
    pub disabled: Map,
    /// The variables that it was made with.
    pub variables: Variables,
    /// The names of those that the files ask for, set or not.
    pub used_variables: BTreeSet<String>,
}

/// What loading gives.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project; none if there was an error.
    pub project: Option<Project>,
    /// What is wrong or worth knowing.
    pub diagnostics: Diagnostics,
}

/// Loads a project. Texts that were read are added to `sources`, to which the places in diagnostics refer.
pub fn load(request: &Request, reader: &dyn Reader, sources: &mut SourceMap) -> Loaded {
    let mut loader = Loader {
        files: Files::new(reader, sources, &request.current_dir),
        diagnostics: Diagnostics::default(),
        used: BTreeSet::new(),
        secrets: BTreeSet::new(),
        home: request.home.clone(),
        extended: HashMap::new(),
        scopes: 0,
    };
    let project = project(&mut loader, request);
    let project = project.filter(|_| !loader.diagnostics.has_errors());
    Loaded { project, diagnostics: redact::diagnostics(loader.diagnostics, &loader.secrets) }
}

fn project(loader: &mut Loader<'_>, request: &Request) -> Option<Project> {
    let config_files = config_files(loader, request)?;
    let working_dir = match &request.project_dir {
        Some(folder) => request.current_dir.join(folder),
        None => config_files[0].parent().unwrap_or(&request.current_dir).to_owned(),
    };
    let working_dir = PathBuf::from(syntax::path::clean(&working_dir.to_string_lossy()));
    let (mut variables, env_files) = variables(loader, request, &working_dir)?;

    let mut naming = discover::Naming::default();
    let mut documents = Vec::new();
    for path in &config_files {
        documents.push(loader.documents(path, None)?);
        naming.see(documents.last()?);
    }
    let given = request.project_name.as_deref();
    let name = discover::project_name(given, &naming, &working_dir, &variables, &mut loader.diagnostics);
    variables.set("COMPOSE_PROJECT_NAME", name.as_deref().unwrap_or_default());

    let scope = Scope {
        id: 0,
        base: working_dir.to_string_lossy().into_owned(),
        folder: working_dir.clone(),
        variables,
        including: Vec::new(),
    };
    let parsed = config_files.iter().cloned().zip(documents).collect();
    let tree = loader.model(parsed, &scope);
    if tree.as_ref().is_none_or(|t| t.as_map().is_none_or(|m| m.is_empty())) {
        if !loader.diagnostics.has_errors() {
            loader.nothing_in(&config_files);
        }
        return None;
    }
    let (mut tree, name) = (tree?, name?);
    let disabled = finish(loader, request, &name, &mut tree, &scope);
    Some(Project {
        name,
        working_dir,
        config_files,
        env_files,
        tree,
        disabled,
        variables: scope.variables,
        used_variables: std::mem::take(&mut loader.used),
    })
}

/// The absolute paths of the Compose files to load.
fn config_files(loader: &mut Loader<'_>, request: &Request) -> Option<Vec<PathBuf>> {
    let absolute = |path: &Path| PathBuf::from(syntax::path::clean(&request.current_dir.join(path).to_string_lossy()));
    if !request.files.is_empty() {
        return Some(request.files.iter().map(|f| absolute(f)).collect());
    }
    let folder = absolute(request.project_dir.as_deref().unwrap_or(Path::new("")));
    let (variables, _) = variables(loader, request, &folder)?;
    let named = discover::from_variable(&variables);
    if !named.is_empty() {
        return Some(named.iter().map(|f| absolute(f)).collect());
    }
    let found = match request.project_dir {
        Some(_) => discover::in_folder(&folder, &loader.files, &mut loader.diagnostics),
        None => discover::upwards(&folder, &loader.files, &mut loader.diagnostics),
    };
    if found.is_empty() {
        let words = format!("no Compose file in {}", loader.files.shown(&folder).display());
        let hint = format!("add one named {}", FILE_NAMES.join(", "));
        loader.diagnostics.push(Diagnostic::error(Code::MissingFile, words).hint(hint));
        return None;
    }
    Some(found)
}

/// The variables of a project, and the env files that they came from.
fn variables(loader: &mut Loader<'_>, request: &Request, folder: &Path) -> Option<(Variables, Vec<PathBuf>)> {
    let default = folder.join(".env");
    let env_files: Vec<PathBuf> = if !request.env_files.is_empty() {
        request.env_files.iter().map(|f| request.current_dir.join(f)).collect()
    } else if loader.files.kind(&default) == Kind::File {
        vec![default]
    } else {
        Vec::new()
    };
    let mut variables = request.variables.clone();
    if !env_files.is_empty() {
        let files: Vec<_> = env_files.iter().map(|f| (f.clone(), None)).collect();
        let values = loader.env_files(&files, &request.variables)?;
        variables.push(Origin::EnvFile, values);
    }
    if !request.defaults.is_empty() {
        variables.push(Origin::Public, request.defaults.iter().cloned());
    }
    Some((variables, env_files))
}

impl Loader<'_> {
    fn nothing_in(&mut self, files: &[PathBuf]) {
        let names: Vec<_> = files.iter().map(|f| self.files.shown(f).display().to_string()).collect();
        let diagnostic = Diagnostic::error(Code::EmptyFile, format!("{} declares nothing", names.join(", ")));
        let diagnostic = diagnostic.hint("declare at least one service under `services:`");
        let first = files.first().and_then(|path| self.files.load(path, Visibility::Public).ok());
        self.diagnostics.push(match first {
            Some(file) => diagnostic.at(Span::new(file, 0, 0), ""),
            None => diagnostic,
        });
    }
}

/// What comes after the files are one: names and implied settings, types, profiles, references, env files.
fn finish(loader: &mut Loader<'_>, request: &Request, name: &str, tree: &mut Node, scope: &Scope) -> Map {
    let lookup = |name: &str| scope.variables.get(name).map(|(value, taint)| (value.to_owned(), taint));
    normalize::normalize(tree, &normalize::Context { name, lookup: &lookup }, &mut loader.diagnostics);
    let disabled = profiles::take_disabled(tree, &discover::profiles(&request.profiles, &scope.variables));
    consistency::check(tree, &disabled, &mut loader.diagnostics);
    loader.fold_files(tree, &scope.variables);
    profiles::drop_unused(tree);
    disabled
}
