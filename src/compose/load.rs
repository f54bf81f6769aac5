//! A whole project: find its files and variables, load the files into one model, name it, complete it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::loader::{Loader, Scope};
use super::variables::{Origin, Variables};
use super::{
    FILE_NAMES, Options, Project, consistency, defaults, discover, environment, model, normalize, profiles, syntax,
};
use crate::compose::reader::Kind;
use crate::compose::yaml::{Map, Node};
use crate::diagnostic::{Code, Diagnostic, Span, Visibility};
use crate::envfile::template::Lookup;

/// The project of the options; none if there was an error, which is in the loader.
pub(super) fn project(loader: &mut Loader<'_>, options: &Options) -> Option<Project> {
    let config_files = config_files(loader, options)?;
    let working_dir = match &options.project_dir {
        Some(folder) => options.current_dir.join(folder),
        None => config_files[0].parent().unwrap_or(&options.current_dir).to_owned(),
    };
    let working_dir = PathBuf::from(syntax::path::clean(&working_dir.to_string_lossy()));
    let mut variables = variables(loader, options, &working_dir)?;

    let mut naming = discover::Naming::default();
    let mut documents = Vec::new();
    for path in &config_files {
        documents.push(loader.documents(path, None)?);
        naming.see(documents.last()?);
    }
    let given = options.project_name.as_deref();
    let named_after = options.named_after.as_ref().map_or(working_dir.as_path(), Path::new);
    let name = discover::project_name(given, &naming, named_after, &variables, &mut loader.diagnostics);
    variables.set("COMPOSE_PROJECT_NAME", name.as_deref().unwrap_or_default());

    let scope = Scope {
        id: 0,
        base: working_dir.to_string_lossy().into_owned(),
        folder: working_dir.clone(),
        variables,
        including: Vec::new(),
    };
    let parsed = config_files.iter().cloned().zip(documents).collect();
    let tree = model::model(loader, parsed, &scope);
    if tree.as_ref().is_none_or(|t| t.as_map().is_none_or(|m| m.is_empty())) {
        if !loader.diagnostics.has_errors() {
            nothing_in(loader, &config_files);
        }
        return None;
    }
    let (mut tree, name) = (tree?, name?);
    let disabled = finish(loader, options, &name, &mut tree, &scope);
    Some(Project {
        name,
        working_dir,
        config_files,
        tree,
        disabled,
        variables: scope.variables,
        used_variables: std::mem::take(&mut loader.asked.used),
        rootless_paths: std::mem::take(&mut loader.asked.rootless),
        named_env_files: std::mem::take(&mut loader.named_env_files),
    })
}

/// The absolute paths of the Compose files to load.
fn config_files(loader: &mut Loader<'_>, options: &Options) -> Option<Vec<PathBuf>> {
    let absolute = |path: &Path| PathBuf::from(syntax::path::clean(&options.current_dir.join(path).to_string_lossy()));
    if !options.files.is_empty() {
        return Some(options.files.iter().map(|f| absolute(f)).collect());
    }
    let folder = absolute(options.project_dir.as_deref().unwrap_or(Path::new("")));
    let variables = variables(loader, options, &folder)?;
    let named = discover::from_variable(&variables);
    if !named.is_empty() {
        return Some(named.iter().map(|f| absolute(f)).collect());
    }
    let found = match options.project_dir {
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

/// The variables of a project.
fn variables(loader: &mut Loader<'_>, options: &Options, folder: &Path) -> Option<Variables> {
    let default = folder.join(".env");
    let env_files: Vec<PathBuf> = if !options.env_files.is_empty() {
        options.env_files.iter().map(|f| options.current_dir.join(f)).collect()
    } else if loader.files.kind(&default) == Kind::File {
        vec![default]
    } else {
        Vec::new()
    };
    let mut variables = options.variables.clone();
    if !env_files.is_empty() {
        let files: Vec<_> = env_files.iter().map(|f| (f.clone(), None)).collect();
        let after: BTreeMap<String, String> = options.defaults.iter().cloned().collect();
        variables.push_files(environment::env_files(loader, &files, &options.variables, &after)?);
    }
    if !options.defaults.is_empty() {
        variables.push(Origin::Public, options.defaults.iter().cloned());
    }
    Some(variables)
}

fn nothing_in(loader: &mut Loader<'_>, files: &[PathBuf]) {
    let names: Vec<_> = files.iter().map(|f| loader.files.shown(f).display().to_string()).collect();
    let diagnostic = Diagnostic::error(Code::EmptyFile, format!("{} declares nothing", names.join(", ")));
    let diagnostic = diagnostic.hint("declare at least one service under `services:`");
    let first = files.first().and_then(|path| loader.files.load(path, Visibility::Public).ok());
    loader.diagnostics.push(match first {
        Some(file) => diagnostic.at(Span::new(file, 0, 0), ""),
        None => diagnostic,
    });
}

/// The steps after the files are one model: names and implied settings, types, profiles, references, env files.
fn finish(loader: &mut Loader<'_>, options: &Options, name: &str, tree: &mut Node, scope: &Scope) -> Map {
    let lookup = |name: &str| scope.variables.get(name).map(|(value, taint)| (value.to_owned(), taint));
    defaults::reveal_contents(tree);
    normalize::normalize(tree, &normalize::Context { name, lookup: &lookup }, &mut loader.diagnostics);
    let disabled = profiles::take_disabled(tree, &discover::profiles(&options.profiles, &scope.variables));
    consistency::check(tree, &disabled, options.other_projects, &mut loader.diagnostics);
    environment::fold_files(loader, tree, &scope.variables);
    consistency::check_weight(tree, &mut loader.diagnostics);
    profiles::drop_unused(tree);
    disabled
}
