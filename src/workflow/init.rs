//! The beginning of a homelab: the Compose files of a folder, and what runs of them on some machines, to a topology that finds
//! both as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::reader::Kind;
use crate::config::{self, FoundBy, FoundProject, FoundService, Repository};
use crate::model::beginning::Beginning;
use crate::model::homelab::{Access, Node};
use crate::model::view::{LiveNode, NodeView};
use crate::model::{NodeName, ProjectName};
use crate::node;

/// A Compose project that runs on a machine.
struct LiveProject {
    node: NodeName,
    project: ProjectName,
    working_dir: String,
    /// Its Compose files and env files, by absolute path.
    files: Vec<String>,
    env_files: Vec<String>,
}

/// Looks at a folder and at what runs on some machines. Nothing is written anywhere.
pub async fn begin(
    repository: &Repository,
    name: String,
    nodes: &BTreeMap<NodeName, Node>,
    options: &node::Options,
) -> Beginning {
    let found = config::scan(repository);
    let live = node::refresh(nodes, options, BTreeMap::new()).await;
    let mut beginning = Beginning {
        name,
        nodes: nodes.iter().map(|(name, node)| (name.clone(), node.address.to_string())).collect(),
        ..Beginning::default()
    };
    let mut running = Vec::new();
    for (name, view) in &live.nodes {
        match view {
            NodeView::Known(node) => {
                running.extend(projects(name, node));
                let bare = node.containers.values().filter(|c| c.identity.is_none()).map(|c| c.name.clone());
                let bare: BTreeSet<String> = bare.collect();
                if !bare.is_empty() {
                    beginning.left.bare.insert(name.clone(), bare);
                }
            }
            NodeView::Unknown { why, .. } => drop(beginning.left.silent.insert(name.clone(), why.clone())),
            NodeView::Maintenance => {}
        }
    }
    let layout = config::layout(&found, &nodes.keys().cloned().collect());
    beginning.services_dir = layout.services_dir;
    for (project, service) in found.iter().zip(layout.services) {
        let own = Place { repository, project, nodes };
        own.add(service, &mut running, &mut beginning);
    }
    let left = running.into_iter().map(|live| ((live.node, live.project), live.working_dir));
    beginning.left.elsewhere = left.collect();
    beginning.left.env_in_git = repository.is_ignored(&repository.root.join(".env")) == Some(false);
    beginning
}

/// The projects of a machine.
fn projects(name: &NodeName, node: &LiveNode) -> Vec<LiveProject> {
    let mut found: BTreeMap<ProjectName, LiveProject> = BTreeMap::new();
    for live in node.containers.values() {
        let Some(identity) = &live.identity else { continue };
        let listed = |label: &str| {
            let text = live.spec.compose_labels.get(&format!("com.docker.compose.project.{label}"));
            let paths = text.map(String::as_str).unwrap_or_default().split(',').filter(|path| !path.is_empty());
            paths.map(str::to_owned).collect::<Vec<_>>()
        };
        found.entry(identity.project.clone()).or_insert_with(|| LiveProject {
            node: name.clone(),
            project: identity.project.clone(),
            working_dir: identity.working_dir.clone(),
            files: listed("config_files"),
            env_files: listed("environment_file"),
        });
    }
    found.into_values().collect()
}

/// A project of the folder, and where it could run.
struct Place<'a> {
    repository: &'a Repository,
    project: &'a FoundProject,
    nodes: &'a BTreeMap<NodeName, Node>,
}

impl Place<'_> {
    /// Adds it as a service, with what of it runs, which is then accounted for.
    fn add(&self, service: FoundService, running: &mut Vec<LiveProject>, beginning: &mut Beginning) {
        let (mine, others): (Vec<LiveProject>, Vec<LiveProject>) =
            std::mem::take(running).into_iter().partition(|live| self.is_it(&service, live));
        *running = others;
        if !self.project.passwords.is_empty() {
            beginning.left.passwords.entry(service.name.clone()).or_default().extend(self.project.passwords.clone());
        }
        if mine.is_empty() {
            beginning.left.not_running.insert(service.name.clone());
        }
        let entry = beginning.services.entry(service.name.clone()).or_default();
        entry.path = entry.path.take().or_else(|| service.path.clone());
        let is_of_machine = !service.files.is_empty();
        match (is_of_machine, service.path.is_some() && self.project.way == FoundBy::File) {
            (true, _) => entry.files.clone_from(&service.files),
            (false, true) => entry.files.clone_from(&self.project.files),
            (false, false) => {}
        }
        let default = if is_of_machine { &self.project.folder_project } else { &self.project.project };
        for live in mine {
            if live.project.as_str() != default {
                entry.project = Some(live.project.clone());
            }
            if (service.node.is_none() || is_of_machine) && self.nodes.len() > 1 {
                entry.nodes.insert(live.node.clone());
            }
            if !live.working_dir.is_empty() && !self.is_here(&live) {
                entry.project_dir = Some(live.working_dir.clone());
            }
            let below = |paths: &[String]| {
                paths
                    .iter()
                    .map(|path| relative(Path::new(&live.working_dir), Path::new(path)))
                    .collect::<Option<Vec<_>>>()
            };
            if let Some(files) = below(&live.files).filter(|files| self.counts(files)) {
                entry.files = files;
            }
            if let Some(files) = below(&live.env_files).filter(|files| !files.is_empty() && *files != [".env"]) {
                entry.env_files = files;
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.repository.root.join(&self.project.folder)
    }

    /// Whether a project was started from the folder itself, on this machine.
    fn is_here(&self, live: &LiveProject) -> bool {
        let reader = &self.repository.disk;
        let is_this_machine =
            self.nodes.get(&live.node).is_some_and(|node| node.address.access() == Access::ThisMachine);
        is_this_machine && reader.real(Path::new(&live.working_dir)) == reader.real(&self.folder())
    }

    /// Whether what runs is this project: it was started from this folder, or it has its name and a folder of the same one.
    fn is_it(&self, service: &FoundService, live: &LiveProject) -> bool {
        if service.node.as_ref().is_some_and(|node| *node != live.node) {
            return false;
        }
        let names_file = || {
            let names = live.files.iter().filter_map(|path| Path::new(path).file_name());
            names.map(|name| name.to_string_lossy()).any(|name| self.project.files.iter().any(|file| *file == name))
        };
        if self.is_here(live) {
            return self.project.way == FoundBy::Folder || names_file();
        }
        let same_folder = || {
            let folder = Path::new(&live.working_dir).file_name();
            folder.is_some() && folder == self.folder().file_name()
        };
        let names = [&self.project.project, &self.project.folder_project];
        names.iter().any(|name| **name == live.project.as_str())
            && (same_folder() || names_file() || live.working_dir.is_empty())
    }

    /// Whether the files that a project was started with say something that is not found by itself, and are all here.
    fn counts(&self, files: &[String]) -> bool {
        let there = |file: &String| self.repository.reader.kind(&self.folder().join(file)) == Kind::File;
        let by_env = self.repository.reader.kind(&self.folder().join(".env")) == Kind::File && self.names_files();
        self.project.way == FoundBy::Folder
            && !files.is_empty()
            && *files != *self.project.files
            && files.iter().all(there)
            && !by_env
    }

    /// Whether the `.env` of the folder names the Compose files.
    fn names_files(&self) -> bool {
        let text = self.repository.reader.read(&self.folder().join(".env")).unwrap_or_default();
        crate::envfile::values(&String::from_utf8_lossy(&text)).contains_key("COMPOSE_FILE")
    }
}

/// A path as seen from a folder, with `..` where it is above; none if it has no common beginning but the root.
fn relative(folder: &Path, path: &Path) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common < 2 {
        return None;
    }
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_a_folder() {
        let seen = |folder: &str, path: &str| relative(Path::new(folder), Path::new(path));
        assert_eq!(seen("/opt/stacks/web", "/opt/stacks/web/prod.yml").as_deref(), Some("prod.yml"));
        assert_eq!(seen("/opt/stacks/web", "/opt/stacks/.env").as_deref(), Some("../.env"));
        assert_eq!(seen("/opt/stacks/web", "/etc/x.env"), None);
    }
}
