//! The Compose files of a folder that is no homelab yet, and the layout that finds all of them.
//!
//! Reads names of files and the first keys of Compose files, and decides nothing about machines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::placement::NODE;
use super::repository::Repository;
use crate::compose::project_name;
use crate::compose::reader::{Files, Kind, Reader};
use crate::compose::syntax::path::clean;
use crate::compose::yaml::{self, Node};
use crate::compose::{self, FILE_NAMES, OVERRIDE_NAMES};
use crate::diagnostic::{Diagnostics, SourceMap, Visibility};
use crate::model::name::{NodeName, ServiceName};

/// How deep below the root Compose files are looked for.
const DEEPEST: usize = 4;

/// Folders in which no services are, whatever is in them.
const SKIPPED: [&str; 4] = ["inventory", "state", "node_modules", "schema"];

/// The parts of a variable's name that tell a password.
const TELLING: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"];

/// A Compose project that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProject {
    /// Its folder, from the root of the repository; empty for the root itself.
    pub folder: PathBuf,
    /// Its Compose files, from its folder.
    pub files: Vec<String>,
    /// Whether its file is one of several services of the folder.
    pub way: FoundBy,
    /// The project that Compose makes of it where nobody says another name.
    pub project: String,
    /// The project that Compose calls after its folder, unless a file has a name for it.
    pub folder_project: String,
    /// The variables of its files whose names tell a password, and that have their value in the file.
    pub passwords: BTreeSet<String>,
}

/// How a Compose file is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// By its folder, in which it has one of Compose's own names.
    Folder,
    /// By its own name.
    File,
}

impl FoundProject {
    /// The name that the service has by its folder or its file.
    pub fn name(&self) -> String {
        let of_folder = self.folder.file_name().map(|name| name.to_string_lossy().into_owned());
        match self.way {
            FoundBy::Folder => of_folder.unwrap_or_else(|| self.project.clone()),
            FoundBy::File => {
                let name = self.files.first().map(String::as_str).unwrap_or_default();
                name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
            }
        }
    }
}

/// The layout that finds projects, and those that it does not find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The patterns, as `services_dir` has them.
    pub services_dir: Vec<String>,
    /// The service that each project is, in the order of the projects; with the machine that its path names.
    pub services: Vec<FoundService>,
}

/// A project as a service of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundService {
    /// Its name.
    pub name: String,
    /// The machine that its path names, if the layout has a folder a machine.
    pub node: Option<NodeName>,
    /// Its folder, where no pattern leads to it under its name.
    pub path: Option<String>,
    /// Its files, where they are those of a machine in a folder of several: `compose.{node}.yml`.
    pub files: Vec<String>,
}

/// Looks for Compose projects below the root of a repository. What an `include` of another one names is a part of that.
pub fn scan(repository: &Repository) -> Vec<FoundProject> {
    let mut map = SourceMap::default();
    let mut files = Files::new(repository.reader.as_ref(), &mut map, &repository.root);
    let (reader, root) = (repository.reader.as_ref(), repository.root.as_path());
    let mut scan = Scan { reader, root, files: &mut files, found: Vec::new(), parts: BTreeSet::new() };
    scan.folder(Path::new(""), 0);
    let Scan { mut found, parts, .. } = scan;
    let is_part = |project: &FoundProject| parts.contains(&project.folder.join(&project.files[0]));
    found.retain(|project| project.way == FoundBy::Folder || !is_part(project));
    found
}

struct Scan<'s, 'm> {
    reader: &'s dyn Reader,
    root: &'s Path,
    files: &'s mut Files<'m>,
    found: Vec<FoundProject>,
    /// The files that others include or extend, from the root.
    parts: BTreeSet<PathBuf>,
}

impl Scan<'_, '_> {
    fn folder(&mut self, below: &Path, depth: usize) {
        let folder = self.root.join(below);
        let own = compose::in_folder(&folder, self.files, &mut Diagnostics::default());
        let names = self.reader.names(&folder);
        let mut included = BTreeSet::new();
        if !own.is_empty() {
            let trees: Vec<Node> = own.iter().filter_map(|path| self.tree(path)).collect();
            trees.iter().for_each(|tree| included.extend(includes(tree)));
            let files = own.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
            self.add(below, files.collect(), FoundBy::Folder, &trees);
            if !below.as_os_str().is_empty() {
                return;
            }
        } else {
            for name in names.iter().filter(|name| is_candidate(name)) {
                let path = folder.join(name);
                let tree =
                    Some(path).filter(|path| self.files.kind(path) == Kind::File).and_then(|path| self.tree(&path));
                if let Some(tree) = tree.filter(|tree| tree.get("services").is_some_and(|node| node.as_map().is_some()))
                {
                    self.add(below, vec![name.clone()], FoundBy::File, &[tree]);
                }
            }
        }
        if depth == DEEPEST {
            return;
        }
        for name in names.iter().filter(|name| !name.starts_with('.') && !SKIPPED.contains(&name.as_str())) {
            let inner = below.join(name);
            let is_part = included.iter().any(|file| Path::new(file).starts_with(&inner));
            if !is_part && self.files.kind(&self.root.join(&inner)) == Kind::Folder {
                self.folder(&inner, depth + 1);
            }
        }
    }

    fn tree(&mut self, path: &Path) -> Option<Node> {
        let file = self.files.load(path, Visibility::Public).ok()?;
        let text = self.files.text(file);
        yaml::parse(&text, file, &mut Diagnostics::default()).into_iter().next()
    }

    fn add(&mut self, below: &Path, files: Vec<String>, way: FoundBy, trees: &[Node]) {
        let said = trees.iter().rev().find_map(|tree| tree.get("name")?.as_text().map(str::to_owned));
        let folder = self.root.join(below);
        let name = |path: &Path| path.file_name().map(|name| project_name(&name.to_string_lossy())).unwrap_or_default();
        let said = said.filter(|name| !name.contains('$')).map(|said| project_name(&said));
        let folder_project = said.clone().unwrap_or_else(|| name(&folder));
        let project = match (said, way) {
            (None, FoundBy::File) => project_name(files[0].rsplit_once('.').map_or(&files[0], |(stem, _)| stem)),
            (Some(_), _) | (None, FoundBy::Folder) => folder_project.clone(),
        };
        let parts = trees.iter().flat_map(|tree| includes(tree).into_iter().chain(extended(tree)));
        self.parts.extend(parts.map(|path| PathBuf::from(clean(&below.join(path).to_string_lossy()))));
        let passwords = trees.iter().flat_map(passwords).collect();
        self.found.push(FoundProject { folder: below.to_owned(), files, way, project, folder_project, passwords });
    }
}

/// Whether a file may be a Compose file under a name of its own.
fn is_candidate(name: &str) -> bool {
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    is_yaml && !name.starts_with('.') && !FILE_NAMES.contains(&name) && !OVERRIDE_NAMES.contains(&name)
}

/// The paths of the files that a Compose file includes, from its folder.
fn includes(tree: &Node) -> Vec<String> {
    let texts = |node: &Node| match node.as_list() {
        Some(items) => items.iter().filter_map(|item| item.as_text().map(clean)).collect(),
        None => node.as_text().map(clean).into_iter().collect::<Vec<_>>(),
    };
    let entries = tree.get("include").and_then(Node::as_list).unwrap_or_default();
    entries.iter().flat_map(|entry| entry.get("path").map_or_else(|| texts(entry), texts)).collect()
}

/// The paths of the files whose services a Compose file extends, from its folder.
fn extended(tree: &Node) -> Vec<String> {
    let services = tree.get("services").and_then(Node::as_map);
    let entries = services.into_iter().flat_map(|map| map.values()).filter_map(|entry| entry.node.get("extends"));
    entries.filter_map(|entry| entry.get("file")?.as_text().map(str::to_owned)).collect()
}

/// The variables whose names tell a password, and whose values stand in the file.
fn passwords(tree: &Node) -> Vec<String> {
    let services = tree.get("services").and_then(Node::as_map);
    let environments = services.into_iter().flat_map(|map| map.values()).filter_map(|e| e.node.get("environment"));
    let assignments = environments.flat_map(|environment| match (environment.as_list(), environment.as_map()) {
        (Some(items), _) => {
            let pairs = items.iter().filter_map(|item| item.as_text()?.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
        }
        (_, Some(map)) => {
            let text = |node: &Node| node.as_text().map(str::to_owned);
            map.iter().filter_map(|(name, entry)| Some((name.clone(), text(&entry.node)?))).collect()
        }
        (None, None) => Vec::new(),
    });
    let is_told =
        |name: &str| TELLING.iter().any(|part| name.to_uppercase().contains(part)) && !name.ends_with("_FILE");
    let telling = assignments.filter(|(name, value)| is_told(name) && !value.is_empty() && !value.contains('$'));
    telling.map(|(name, _)| name).collect()
}

/// The layout that finds these projects; `nodes` are the machines that are known by name.
pub fn layout(found: &[FoundProject], nodes: &BTreeSet<NodeName>) -> Layout {
    let parent = |project: &FoundProject| match project.way {
        FoundBy::Folder => project.folder.parent().map(Path::to_owned),
        FoundBy::File => Some(project.folder.clone()),
    };
    let mut patterns = BTreeSet::new();
    let mut services = Vec::new();
    let mut taken: BTreeMap<String, BTreeSet<Option<NodeName>>> = BTreeMap::new();
    for project in found {
        if let Some(service) = of_machine(project, nodes) {
            taken.entry(service.name.clone()).or_default().insert(service.node.clone());
            services.push(service);
            continue;
        }
        let name = project.name();
        let above = parent(project);
        let word = above.as_ref().and_then(|above| above.file_name()).map(|word| word.to_string_lossy().into_owned());
        let node = word.and_then(|word| nodes.iter().find(|node| node.as_str() == word).cloned());
        let pattern = above.as_ref().map(|above| pattern(above, node.is_some(), project));
        let others = taken.entry(name.clone()).or_default();
        let is_free = match &node {
            Some(_) => !others.contains(&None) && !others.contains(&node),
            None => others.is_empty(),
        };
        let is_named = ServiceName::new(name.as_str()).is_ok();
        match pattern
            .filter(|_| is_free && is_named && !project.folder.as_os_str().is_empty() || project.way == FoundBy::File)
        {
            Some(pattern) => {
                patterns.insert(pattern);
                others.insert(node.clone());
                services.push(FoundService { name, node, path: None, files: Vec::new() });
            }
            None => {
                let path = match project.folder.as_os_str().is_empty() {
                    true => ".".to_owned(),
                    false => project.folder.to_string_lossy().into_owned(),
                };
                let name = free_name(&name, above.as_deref(), &taken);
                taken.entry(name.clone()).or_default().insert(None);
                services.push(FoundService { name, node: None, path: Some(path), files: Vec::new() });
            }
        }
    }
    // The default need not be said.
    let mut services_dir: Vec<String> = patterns.into_iter().collect();
    if services_dir == ["services"] {
        services_dir.clear();
    }
    Layout { services_dir, services }
}

/// The service of a folder that has a Compose file for each machine, such as `compose.nas.yml`.
fn of_machine(project: &FoundProject, nodes: &BTreeSet<NodeName>) -> Option<FoundService> {
    let file = project.files.first().filter(|_| project.way == FoundBy::File)?;
    let (stem, kind) = file.rsplit_once('.')?;
    let (before, word) = stem.split_once('.').filter(|(before, _)| matches!(*before, "compose" | "docker-compose"))?;
    let node = nodes.iter().find(|node| node.as_str() == word)?.clone();
    let folder = project.folder.to_string_lossy().into_owned();
    let path = if folder.is_empty() { ".".to_owned() } else { folder };
    let name = ServiceName::new(project.folder_project.as_str()).ok()?.to_string();
    Some(FoundService { name, node: Some(node), path: Some(path), files: vec![format!("{before}.{NODE}.{kind}")] })
}

/// The pattern that leads to a project below a folder.
fn pattern(above: &Path, is_of_node: bool, project: &FoundProject) -> String {
    let shown = above.to_string_lossy().into_owned();
    let last = match project.way {
        FoundBy::Folder => "*".to_owned(),
        FoundBy::File => format!("*.{}", project.files[0].rsplit_once('.').map_or("yml", |(_, kind)| kind)),
    };
    match (is_of_node, above.parent().map(|folder| folder.to_string_lossy().into_owned())) {
        (true, Some(folder)) if !folder.is_empty() => format!("{folder}/{NODE}/{last}"),
        (true, _) => format!("{NODE}/{last}"),
        (false, _) if project.way == FoundBy::File && shown.is_empty() => last,
        (false, _) if project.way == FoundBy::File => format!("{shown}/{last}"),
        (false, _) if shown.is_empty() => ".".to_owned(),
        (false, _) => shown,
    }
}

/// A name for a service whose own name another one has, or that cannot be a name.
fn free_name(name: &str, above: Option<&Path>, taken: &BTreeMap<String, BTreeSet<Option<NodeName>>>) -> String {
    let name = project_name(name);
    let name = if name.is_empty() { "service".to_owned() } else { name };
    let group = above.and_then(|above| above.file_name()).map(|word| project_name(&word.to_string_lossy()));
    let grouped = group.filter(|group| !group.is_empty()).map(|group| format!("{group}-{name}"));
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut all = std::iter::once(name.clone()).chain(grouped).chain(numbered);
    all.find(|name| taken.get(name).is_none_or(BTreeSet::is_empty)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::repository;

    const APP: &str = "services: { app: { image: app } }\n";

    fn found(paths: &[&str], nodes: &[&str]) -> (Vec<String>, Vec<String>) {
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (*path, APP)).collect();
        let nodes = nodes.iter().map(|name| NodeName::new(*name).unwrap()).collect();
        let layout = layout(&scan(&repository(&files)), &nodes);
        let line = |service: &FoundService| {
            let node = service.node.as_ref().map(|node| format!("{node}/")).unwrap_or_default();
            let path = service.path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
            format!("{node}{}{path}", service.name)
        };
        (layout.services_dir, layout.services.iter().map(line).collect())
    }

    #[test]
    fn a_layout_finds_what_is_there() {
        let none = Vec::<String>::new();
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(found(&["services/web/compose.yml"], &[]), (none.clone(), texts(&["web"])));
        let stacks = ["stacks/web/compose.yml", "stacks/db/docker-compose.yml", "stacks/web/more/compose.yml"];
        assert_eq!(found(&stacks, &[]), (texts(&["stacks"]), texts(&["db", "web"])));
        assert_eq!(found(&["web/compose.yml", "docs/a.yml.txt"], &[]), (texts(&["."]), texts(&["web"])));
        let groups = ["apps/web/compose.yml", "infra/web/compose.yml"];
        assert_eq!(found(&groups, &[]), (texts(&["apps"]), texts(&["web", "infra-web at infra/web"])));
        let hosts = ["nas/agent/compose.yml", "pi/agent/compose.yml"];
        assert_eq!(found(&hosts, &["nas", "pi"]), (texts(&["{node}/*"]), texts(&["nas/agent", "pi/agent"])));
        assert_eq!(found(&["apps/web.yml", "apps/db.yml"], &[]), (texts(&["apps/*.yml"]), texts(&["db", "web"])));
        assert_eq!(found(&["compose.yml"], &[]), (none.clone(), texts(&["lab at ."])));
        let machines = ["compose.nas.yml", "compose.pi.yml"];
        assert_eq!(found(&machines, &["nas", "pi"]), (none, texts(&["nas/lab at .", "pi/lab at ."])));
    }

    #[test]
    fn what_a_file_includes_is_a_part_of_it() {
        let files = [
            ("compose.yml", "include: [web/compose.yml]\nname: all\n"),
            ("web/compose.yml", APP),
            ("b/compose.yml", APP),
        ];
        let found = scan(&repository(&files));
        let folders: Vec<_> =
            found.iter().map(|project| (project.folder.to_str().unwrap(), project.project.as_str())).collect();
        assert_eq!(folders, [("", "all"), ("b", "b")]);
        let extending = "services: { app: { extends: { file: ../../common.yml, service: base } } }\n";
        let files = [("common.yml", APP), ("stacks/web/compose.yml", extending)];
        let found = scan(&repository(&files));
        assert_eq!(found.iter().map(FoundProject::name).collect::<Vec<_>>(), ["web"]);
    }

    #[test]
    fn passwords_in_the_clear_are_found() {
        let text = "services:\n  a: { image: a, environment: { DB_PASSWORD: hunter, PORT: '1', API_TOKEN: '${T}', X_PASSWORD_FILE: /f } }\n  \
                    b: { image: b, environment: ['ADMIN_SECRET=x', 'EMPTY_SECRET='] }\n";
        let found = scan(&repository(&[("compose.yml", text)]));
        assert_eq!(found[0].passwords.iter().map(String::as_str).collect::<Vec<_>>(), ["ADMIN_SECRET", "DB_PASSWORD"]);
    }
}
