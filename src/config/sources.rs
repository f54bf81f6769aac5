//! The repository, read: [`load`] gives its typed files and where the others are.
//!
//! Compose files are looked at here only as far as that they exist: what is in them depends on
//! variables and is read by `config::resolve`, through the same [`Reader`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folders::{Found, ServiceSource};
use super::repository::Repository;
use super::topology::{self, Inventory, NodeSource, Topology};
use super::yaml_file::{document, with_context};
use super::{consistency, ignored, service_folder, tracked, written_names};
use crate::compose::reader::{Files, Kind};
use crate::compose::syntax::path::clean;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Span};
use crate::model::backup::BackupRepository;
use crate::model::homelab;
use crate::model::name::{NodeName, ServiceName};
use crate::model::trust::Contact;

/// The declarations of the repository, as far as they need no variable and no node.
#[derive(Clone)]
pub struct Sources {
    /// Where it was read.
    pub repository: Repository,
    /// Every text that was read.
    pub map: SourceMap,
    /// The name of the homelab.
    pub name: String,
    /// Public variables for every service.
    pub vars: BTreeMap<String, String>,
    /// The machines.
    pub nodes: BTreeMap<NodeName, NodeSource>,
    /// The services that have an owner and a compose file.
    pub services: BTreeMap<ServiceName, ServiceSource>,
    /// Where backups go.
    pub backup: Option<BackupRepository>,
    /// The files that git tracks, by absolute path; none if that is not known.
    pub tracked: Option<Arc<BTreeSet<PathBuf>>>,
}

impl Sources {
    /// The warnings about env files of services in the repository: everyone who reads the repository sees them, or will
    /// after the next commit of all that is there.
    fn env_files_in_git(&self) -> Vec<Diagnostic> {
        let of_service = |service: &ServiceSource| {
            let folder = service.folder.clone();
            let path = |path: &str| PathBuf::from(clean(&folder.join(path).to_string_lossy()));
            service.env_files.iter().map(|file| path(&file.path)).collect::<Vec<_>>()
        };
        // Several services may have one and the same.
        let paths: BTreeSet<PathBuf> = self.services.values().flat_map(of_service).collect();
        paths.iter().filter_map(|path| self.env_file_in_git(path)).collect()
    }

    fn env_file_in_git(&self, path: &Path) -> Option<Diagnostic> {
        let reader = &self.repository.reader;
        if reader.kind(path) != Kind::File {
            return None;
        }
        let shown = path.strip_prefix(&self.repository.current_dir).unwrap_or(path).display();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let real = reader.real(path);
        if self.tracked.as_ref().is_some_and(|tracked| tracked.contains(&real)) {
            let words = format!("{shown} is in git, where everyone who reads the repository sees it");
            let hint = format!(
                "take it out with `git rm --cached {shown}`, add `{name}` to .gitignore, and change its passwords"
            );
            return Some(Diagnostic::warning(Code::EnvFileInGit, words).hint(hint));
        }
        let words = format!("nothing keeps {shown} out of git");
        let diagnostic = Diagnostic::warning(Code::EnvFileInGit, words);
        let diagnostic = diagnostic.hint(format!("add a line `{name}` to .gitignore"));
        (ignored::is_ignored(&real, self.repository.disk.as_ref()) == Some(false)).then_some(diagnostic)
    }

    /// The services by this name: one, or its instances on several machines. One on `node` is the only one that counts there.
    pub fn named(&self, name: &ServiceName, node: &NodeName) -> Vec<&ServiceSource> {
        if let Some(service) = self.services.get(name).or_else(|| self.services.get(&name.on(node))) {
            return vec![service];
        }
        self.services.values().filter(|service| service.name.whole() == *name).collect()
    }

    /// The same with project directories of services as what runs knows them, by links that lead to the same folder.
    #[must_use]
    pub fn with_links(&self, links: BTreeMap<ServiceName, String>) -> Sources {
        let mut sources = self.clone();
        for (name, path) in links {
            if let Some(service) = sources.services.get_mut(&name) {
                service.known_as = Some(path);
            }
        }
        sources
    }
}

/// The machines of a repository: read before its services, so that whoever asks the machines need not wait for the
/// rest.
pub struct Machines {
    repository: Repository,
    map: SourceMap,
    out: Diagnostics,
    found: Option<Found>,
    nodes: BTreeMap<NodeName, NodeSource>,
}

/// Reads the inventory.
pub fn machines(repository: Repository) -> Machines {
    let reader = Arc::clone(&repository.reader);
    let mut map = SourceMap::default();
    let mut out = Diagnostics::default();
    let mut files = Files::new(reader.as_ref(), &mut map, &repository.current_dir);
    let found = inventory(&repository, &mut files, &mut out);
    let nodes = found.as_ref().map(|found| found.topology.nodes(&mut out)).unwrap_or_default();
    Machines { repository, map, out, found, nodes }
}

impl Machines {
    /// The machines whose keys are complete; none if there are errors in the inventory.
    pub fn known(&self) -> BTreeMap<NodeName, homelab::Node> {
        match self.out.has_errors() {
            true => BTreeMap::new(),
            false => self.nodes.iter().map(|(name, source)| (name.clone(), source.node.clone())).collect(),
        }
    }

    /// The mistakes in the inventory, with the texts that it points into.
    pub(super) fn diagnostics(&self) -> (&Diagnostics, &SourceMap) {
        (&self.out, &self.map)
    }

    /// The inventory as written.
    pub(super) fn topology(&self) -> Option<&Topology> {
        self.found.as_ref().map(|found| &found.topology)
    }

    /// The same with the machines as `base` has them: one that is not there, or is somewhere else there, is not asked.
    #[must_use]
    pub fn keeping_to(mut self, base: &BTreeMap<NodeName, homelab::Node>) -> Self {
        for (name, source) in &mut self.nodes {
            let declared = &mut source.node;
            match base.get(name) {
                Some(known) if known.address == declared.address && known.root == declared.root => {
                    *declared =
                        homelab::Node { maintenance: declared.maintenance.max(known.maintenance), ..known.clone() };
                }
                Some(_) | None => declared.contact = Contact::Withheld,
            }
        }
        self
    }

    /// Reads the services. What is wrong with the repository in itself is said here, without any node.
    pub fn with_services(self) -> (Sources, Diagnostics) {
        let Machines { repository, mut map, mut out, found, nodes } = self;
        let reader = Arc::clone(&repository.reader);
        let mut files = Files::new(reader.as_ref(), &mut map, &repository.current_dir);
        let mut sources = Sources {
            tracked: tracked::tracked_files(&repository.root, repository.disk.as_ref()).map(Arc::new),
            name: String::new(),
            vars: BTreeMap::new(),
            services: BTreeMap::new(),
            backup: None,
            map: SourceMap::default(),
            nodes,
            repository,
        };
        if let Some(mut found) = found {
            service_folder::read_all(&sources.repository, &sources.nodes, &mut files, &mut out, &mut found);
            let topology = &found.topology;
            let name = || folder_name(&sources.repository.root);
            sources.name = topology.name.as_ref().map_or_else(name, |n| n.value.clone());
            sources.vars = topology.vars.iter().map(|(name, v)| (name.clone(), v.value.clone())).collect();
            sources.backup = topology.backup.clone();
            sources.services =
                consistency::services(found, &sources.nodes, &sources.repository.root, &mut files, &mut out);
        }
        sources.env_files_in_git().into_iter().for_each(|diagnostic| out.push(diagnostic));
        sources.map = map;
        (sources, out)
    }
}

/// Reads the repository once. What is wrong in itself is said here, without any node.
pub fn load(repository: Repository) -> (Sources, Diagnostics) {
    machines(repository).with_services()
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "homelab".to_owned(), |n| n.to_string_lossy().into_owned())
}

fn inventory(repository: &Repository, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<Found> {
    let inventory = repository.root.join("inventory");
    let services = repository.root.join("services");
    let topology_file = topology_file(repository);
    let hosts = host_files(&inventory.join("hosts"), repository);
    if topology_file.is_none() && hosts.is_empty() {
        out.push(not_a_homelab(repository, files.kind(&services)));
        return None;
    }
    let mut found = Found { topology: Topology::default(), folders: BTreeMap::new(), inventory: Inventory::Whole };
    match topology_file {
        None => {}
        Some(path) => match document(&path, files, out) {
            Some(tree) => {
                found.topology = with_context(files, out, |context| topology::parse(&tree, context));
                found.inventory = found.topology.inventory;
            }
            None => found.inventory = Inventory::Partial,
        },
    }
    for (stem, path) in hosts {
        let Some(tree) = document(&path, files, out) else {
            found.inventory = Inventory::Partial;
            continue;
        };
        let host = with_context(files, out, |context| {
            let place = Span { end: tree.span.start, ..tree.span };
            let name = written_names::node_name(super::section::Located::new(stem, place), context)?;
            topology::parse_host(&name.value, &tree, context)
        });
        match host {
            Some(host) => found.topology.add_host(host, out),
            None => found.inventory = Inventory::Partial,
        }
    }
    Some(found)
}

/// The file that names the machines, if there is one.
pub(super) fn topology_file(repository: &Repository) -> Option<PathBuf> {
    let inventory = repository.root.join("inventory");
    let mut names = ["topology.yaml", "topology.yml"].map(|name| inventory.join(name)).into_iter();
    names.find(|path| repository.reader.kind(path) == Kind::File)
}

/// The files of `inventory/hosts`, with the node that each is named after.
fn host_files(folder: &Path, repository: &Repository) -> Vec<(String, PathBuf)> {
    let names = repository.reader.names(folder).into_iter().filter(|n| !n.starts_with('.'));
    let stem = |name: &str| {
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
        stem.map(|stem| (stem.to_owned(), folder.join(name)))
    };
    names.filter_map(|name| stem(&name)).collect()
}

fn not_a_homelab(repository: &Repository, services: Kind) -> Diagnostic {
    let is_root = |folder: &&Path| {
        let inventory = folder.join("inventory");
        repository.reader.kind(&inventory.join("topology.yaml")) == Kind::File
            || !host_files(&inventory.join("hosts"), repository).is_empty()
    };
    let shown = repository.root.display();
    if let Some(above) = repository.root.ancestors().skip(1).find(is_root) {
        return Diagnostic::error(Code::NotAHomelab, format!("{shown} is not the root of a homelab repository"))
            .hint(format!("the root is above it: use `-C {}`", above.display()));
    }
    let words = match services {
        Kind::Folder => format!("{shown} has services/ but no inventory/topology.yaml"),
        Kind::File | Kind::Missing => format!("{shown} is not a homelab: it has no inventory/topology.yaml"),
    };
    Diagnostic::error(Code::NotAHomelab, words)
        .detail("inventory/topology.yaml names the machines and which of them owns which service.")
        .hint("run hl in the root of the repository, or say where it is with `-C DIR`")
}
