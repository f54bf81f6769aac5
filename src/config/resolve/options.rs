//! The options for loading a service: its files and its variables, from wherever they come.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ServiceContext;
use super::env::ServiceEnv;
use super::overlay::Machine;
use crate::compose::reader::{Kind, Reader};
use crate::compose::syntax::path;
use crate::compose::{self, Origin, Variables};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

impl ServiceContext<'_> {
    /// The options for loading the service, or what is wrong with the files that it is to read.
    pub(super) fn options(&self, env: &ServiceEnv) -> Result<compose::Options, Diagnostic> {
        let mut variables = Variables::default();
        variables.push(Origin::Public, self.above_env_files());
        variables.set_plain(super::env::plain(self, env));
        Ok(compose::Options {
            current_dir: self.sources.repository.current_dir.clone(),
            files: self.compose_files(env)?,
            project_dir: Some(PathBuf::from(&self.project_dir)),
            project_name: self.service.declaration.project.as_ref().map(|name| name.value.to_string()),
            named_after: self.service.named_after.clone(),
            profiles: self.profiles(),
            variables,
            defaults: self.environment().into_iter().collect(),
            home: self.home(),
            checked_env_file: Some(self.env_path()),
            other_projects: "what is in another folder goes into `depends_on` of service.yaml",
            ..compose::Options::default()
        })
    }

    /// The errors about a name of the project that Compose cannot use, with the place where the name is written.
    pub(super) fn placed<'e>(&self, errors: Diagnostics, env: &'e ServiceEnv) -> impl Iterator<Item = Diagnostic> + 'e {
        let place = env.places.get("COMPOSE_PROJECT_NAME").copied().or(self.service.place);
        errors.iter().cloned().collect::<Vec<_>>().into_iter().map(move |error| match place {
            Some(place) if error.code == Code::ProjectName && error.labels.is_empty() => error.at(place, ""),
            _ => error,
        })
    }

    /// The Compose files by their path on the machine: those that `COMPOSE_FILE` names, as Compose has it, else those that
    /// were found in the folder.
    fn compose_files(&self, env: &ServiceEnv) -> Result<Vec<PathBuf>, Diagnostic> {
        let project_dir = Path::new(&self.project_dir);
        let environment = self.environment();
        let variable = |name: &str| {
            // A value that only the node knows names no file here.
            if env.placeholders.contains(name) {
                return "";
            }
            let layers = [self.args, &env.values, &environment];
            layers.into_iter().find_map(|values| values.get(name)).map(String::as_str).unwrap_or_default()
        };
        let declared = &self.service.files;
        let named = match declared.is_empty() {
            true => compose::named_files(variable("COMPOSE_FILE"), variable("COMPOSE_PATH_SEPARATOR")),
            false => declared.iter().map(|file| PathBuf::from(&file.value)).collect(),
        };
        let key = if declared.is_empty() { "COMPOSE_FILE" } else { "files" };
        if named.is_empty() {
            let below =
                |file: &PathBuf| file.strip_prefix(&self.service.folder).map(Path::to_owned).unwrap_or_default();
            return Ok(self.service.compose_files.iter().map(|file| project_dir.join(below(file))).collect());
        }
        let mistake = |code: Code, words: String| {
            let declared = declared.first().map(|file| file.span);
            let place = declared.or(env.places.get("COMPOSE_FILE").copied()).or(self.service.place);
            let diagnostic = Diagnostic::error(code, words);
            place.map_or(diagnostic.clone(), |place| diagnostic.at(place, ""))
        };
        let absolute = |file: &PathBuf| PathBuf::from(path::clean(&project_dir.join(file).to_string_lossy()));
        let files: Vec<PathBuf> = named.iter().map(absolute).collect();
        let overlay = self.overlay(env);
        for (file, name) in files.iter().zip(&named) {
            if overlay.kind(file) != Kind::File {
                let words = format!("{key} names {}, which is not there", name.display());
                let hint =
                    "check the path: it is relative to the service's folder, and a `:` stands between two of them";
                return Err(mistake(Code::MissingFile, words).hint(hint));
            }
        }
        if files[0].parent() != Some(project_dir) {
            let words = format!("{key} begins with {}, which is in another folder", named[0].display());
            let detail = "Compose would take that folder for the project's.";
            let hint = "let the first file be one of the service's folder, which can `include` others";
            return Err(mistake(Code::Conflict, words).detail(detail).hint(hint));
        }
        Ok(files)
    }

    /// The profiles that the service itself enables; where it says nothing, `COMPOSE_PROFILES` does.
    fn profiles(&self) -> Vec<String> {
        let profiles = self.service.declaration.placement.profiles.iter().flatten();
        profiles.map(|profile| profile.value.clone()).collect()
    }

    /// `vars`, those of the node before those of the homelab.
    pub(super) fn vars(&self) -> BTreeMap<String, String> {
        let mut vars = self.sources.vars.clone();
        vars.extend(self.node.vars.clone());
        vars
    }

    /// `vars`, which stand for the environment that Compose would run in, with the home folder where that is known.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.vars();
        if let Some(home) = self.home() {
            environment.entry("HOME".to_owned()).or_insert(home);
        }
        environment
    }

    /// Variables that count more than any env file: those of the command line, and `PWD`, which the environment always has.
    pub(super) fn above_env_files(&self) -> BTreeMap<String, String> {
        let mut above = self.args.clone();
        let pwd = || self.vars().remove("PWD").unwrap_or_else(|| self.project_dir.clone());
        above.entry("PWD".to_owned()).or_insert_with(pwd);
        above
    }

    /// The home folder of the user on the service's machine, as far as that is known.
    fn home(&self) -> Option<String> {
        match self.machine() {
            Machine::Same => self.sources.repository.home.clone(),
            Machine::Other => self.facts.and_then(|facts| facts.home).map(str::to_owned),
        }
    }
}
