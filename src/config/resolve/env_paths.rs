//! Where the env files of a service are: in the repository, in its project directory, and hl's own on the node.

use std::path::{Path, PathBuf};

use super::ServiceContext;
use crate::compose::syntax::path::clean;
use crate::config::folders::EnvFile;

impl<'a> ServiceContext<'a> {
    /// The env files of the service, each above those before it: its own, or those that `COMPOSE_ENV_FILES` names in `vars`,
    /// which stand for the environment that Compose would run in.
    pub(super) fn env_files(&self) -> Vec<EnvFile> {
        let vars = [&self.node.vars, &self.sources.vars];
        let named = vars.iter().find_map(|vars| vars.get("COMPOSE_ENV_FILES")).map(String::as_str).unwrap_or_default();
        if named.is_empty() || self.service.declaration.placement.env_files.is_some() {
            return self.service.env_files.clone();
        }
        let at = self.service.place;
        named.split(',').map(|path| EnvFile { path: path.trim().to_owned(), named: at }).collect()
    }

    /// A path of the repository that starts from the service's folder.
    pub(super) fn in_folder(&self, path: &str) -> PathBuf {
        PathBuf::from(clean(&self.service.folder.join(path).to_string_lossy()))
    }

    /// The same path on the node, where it starts from the project directory.
    pub(super) fn project_path(&self, path: &str) -> String {
        clean(&format!("{}/{path}", self.project_dir))
    }

    /// The paths of the env files that Compose reads, where the project directory is.
    pub(super) fn project_env_paths(&self) -> Vec<String> {
        self.env_files().iter().map(|file| self.project_path(&file.path)).collect()
    }

    /// The path at which the compose files find the service's `.env`.
    pub(super) fn env_path(&self) -> PathBuf {
        Path::new(&self.project_dir).join(".env")
    }

    /// The path of the service's `.env` on the node.
    pub(super) fn node_env_path(&self) -> String {
        self.node.node.env_file(&self.service.name)
    }

    /// The env files on the node with what is in them, the one that counts more last: the `.env` of a project directory
    /// of its own, as Compose reads it, and hl's. None if there are none or nobody asked.
    pub(super) fn node_envs(&self) -> Vec<(String, &'a [u8])> {
        let Some(facts) = self.facts else { return Vec::new() };
        let own = self.node_env_path();
        let mut paths: Vec<String> = self.project_env_paths();
        paths.retain(|path| *path != own);
        paths.push(own);
        let content = |path: String| {
            let bytes = (*facts.files.get(path.as_str())?)?;
            Some((path, bytes))
        };
        paths.into_iter().filter_map(content).collect()
    }
}
