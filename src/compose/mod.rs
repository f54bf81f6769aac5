//! COMPOSE FILES → ONE PROJECT. Reads, merges and normalises Compose files as Docker Compose does.
//!
//! [`load`] is the entry: a [`Reader`] and [`Options`] in, a [`Project`] or [`Diagnostics`] out. Its measure is
//! `docker-compose config` of 2.26.1 (compose-go 2.4.8): the same files give the same project, and every node of it
//! still knows the line that it came from. [`print`](self::print) writes a project as that program prints it, [`hash`]
//! gives the configuration hash of a service, [`schema`] is the table of all keys, [`yaml`] the located tree.
//!
//! Files are read through the [`Reader`] alone, and variables come from the [`Options`] and the env files alone, not
//! from the environment of the process. This module knows one project at a time: not what a project is part of, on
//! which machine it runs, or what is made of it.

pub mod budget;
mod canonical;
mod consistency;
mod cycle;
mod decode;
mod defaults;
mod discover;
mod document;
mod environment;
mod extends;
pub mod hash;
mod include;
mod interpolate;
mod load;
mod loader;
mod merge;
mod model;
mod normalize;
mod paths;
pub mod print;
mod profiles;
mod read_error;
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
mod newer_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::compose::yaml::{Map, Node};
use crate::diagnostic::{Diagnostics, SourceMap, Span};
use reader::{Files, Reader};

pub use discover::{FILE_NAMES, OVERRIDE_NAMES, in_folder, named_files};
pub use normalize::project_name;
pub use variables::{Origin, Plain, Variables};

/// The files, variables and profiles to load.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The absolute folder that relative paths of these options start from, and that diagnostics are shown from.
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
    /// A name for a project that nothing names, in the place of that of its folder.
    pub named_after: Option<String>,
    /// The home folder, for `~`.
    pub home: Option<String>,
    /// An env file of which the caller has said already what is doubtful in it.
    pub checked_env_file: Option<PathBuf>,
    /// Where a dependency on a container of another project is declared, as the end of a hint; empty if nowhere.
    pub other_projects: &'static str,
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
    /// Its tree in the canonical form: services whose profiles are enabled, and what they use.
    pub tree: Node,
    /// The services of profiles that are not enabled, in the canonical form.
    pub disabled: Map,
    /// The variables that it was made with.
    pub variables: Variables,
    /// The names of those that the files ask for, set or not.
    pub used_variables: BTreeSet<String>,
    /// Where paths of the host begin with a variable that is empty, so that they are those of something else.
    pub rootless_paths: BTreeMap<Span, String>,
    /// The absolute paths of the env files that the files themselves name, there or not.
    pub named_env_files: BTreeSet<PathBuf>,
}

/// A project, and what is worth knowing about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// Warnings and notes.
    pub warnings: Diagnostics,
}

/// Loads a project. Texts that were read are added to `sources`, to which the places in diagnostics refer.
///
/// # Errors
///
/// All that is wrong at once, warnings among it, if Compose would refuse the files.
pub fn load(reader: &dyn Reader, options: &Options, sources: &mut SourceMap) -> Result<Loaded, Diagnostics> {
    let mut loader = loader::Loader::new(Files::new(reader, sources, &options.current_dir), options.home.clone());
    loader.checked_env_file.clone_from(&options.checked_env_file);
    let project = load::project(&mut loader, options);
    let found = redact::diagnostics(loader.diagnostics, &loader.secrets);
    match project.filter(|_| !found.has_errors()) {
        Some(project) => Ok(Loaded { project, warnings: found }),
        None => Err(found),
    }
}
