//! The repository, read: [`load`] gives its typed files and where the others are.
//!
//! Compose files are looked at here only as far as that they exist: what is in them depends on
//! variables and is read by `config::resolve`, through the same [`Reader`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bounds::{BoundedReader, Bounds};
use super::disk::Disk;
use super::folders::{Folder, Found, ServiceSource};
use super::secrets::{self, Decrypt, NoKeys};
use super::section::Context;
use super::service::{self, Declaration};
use super::topology::{self, Inventory, NodeSource, Topology};
use super::{consistency, ignored, tracked};
use crate::compose;
use crate::compose::reader::{Files, Kind, MOST_TEXT, ReadError, Reader};
use crate::compose::yaml::{self, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span, Visibility};
use crate::envfile::{self, Outside};
use crate::model::Trust;
use crate::model::backup::BackupRepository;
use crate::model::homelab;
use crate::model::name::{NodeName, ServiceName};
use crate::model::trust::Contact;

/// The way out where a file is there and cannot be read.
const READABLE: &str = "check the file's permissions and that it is text";

/// Where a repository is and how it is read.
#[derive(Clone)]
pub struct Repository {
    /// Its absolute folder.
    pub root: PathBuf,
    /// Where the user stands: paths in diagnostics are shown relative to it.
    pub current_dir: PathBuf,
    /// The home folder of the user, for `~` in compose files of services of this machine.
    pub home: Option<String>,
    /// The reader of what it names: within its bounds.
    pub reader: Arc<dyn Reader + Send + Sync>,
    /// The reader without bounds, for files whose paths hl knows itself.
    pub disk: Arc<dyn Reader + Send + Sync>,
    /// Files and folders beside the repository itself that may be read.
    pub allowed: Vec<PathBuf>,
    /// The keys to its encrypted files.
    pub keys: Arc<dyn Decrypt + Send + Sync>,
    /// Whether who runs hl trusts who wrote it.
    pub trust: Trust,
}

impl Repository {
    /// A repository on this machine's disk.
    pub fn on_disk(root: impl Into<PathBuf>, current_dir: impl Into<PathBuf>, home: Option<String>) -> Self {
        Self::read_by(Arc::new(Disk), root, current_dir, home)
    }

    /// A repository that `disk` reads, without any keys.
    pub fn read_by(
        disk: Arc<dyn Reader + Send + Sync>,
        root: impl Into<PathBuf>,
        current_dir: impl Into<PathBuf>,
        home: Option<String>,
    ) -> Self {
        let repository = Self {
            root: root.into(),
            current_dir: current_dir.into(),
            home,
            reader: Arc::clone(&disk),
            disk: Arc::clone(&disk),
            allowed: Vec::new(),
            keys: Arc::new(NoKeys),
            trust: Trust::Owner,
        };
        repository.through(disk)
    }

    /// Whether it is part of a repository of git's, which has a top.
    pub fn is_in_git(&self) -> bool {
        tracked::repository(&self.disk.real(&self.root), self.disk.as_ref()).is_some()
    }

    /// The same as somebody else's: nothing but itself is read, and nothing is decrypted.
    #[must_use]
    pub fn untrusted(self) -> Self {
        Self { keys: Arc::new(NoKeys), trust: Trust::Untrusted, ..self }.allowing(Vec::new())
    }

    /// The same with some more that may be read.
    #[must_use]
    pub fn allowing(self, allowed: Vec<PathBuf>) -> Self {
        let disk = Arc::clone(&self.disk);
        Self { allowed, ..self }.through(disk)
    }

    /// The same, read by another reader.
    #[must_use]
    pub fn through(self, disk: Arc<dyn Reader + Send + Sync>) -> Self {
        let bounds = Bounds::of_repository(&self.root, &self.allowed, disk.as_ref());
        Self { reader: Arc::new(BoundedReader::new(Arc::clone(&disk), bounds)), disk, ..self }
    }
}

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
    /// The warning about the `.env` of a service in the repository: everyone who reads the repository sees it, or will
    /// after the next commit of all that is there.
    fn env_file_in_git(&self, service: &ServiceSource) -> Option<Diagnostic> {
        let reader = &self.repository.reader;
        let path = service.folder.join(".env");
        if reader.kind(&path) != Kind::File {
            return None;
        }
        let shown = path.strip_prefix(&self.repository.current_dir).unwrap_or(&path).display();
        let real = reader.real(&path);
        if self.tracked.as_ref().is_some_and(|tracked| tracked.contains(&real)) {
            let words = format!("{shown} is in git, where everyone who reads the repository sees it");
            let hint = format!(
                "take it out with `git rm --cached {shown}`, add `.env` to .gitignore, and change its passwords"
            );
            return Some(Diagnostic::warning(Code::EnvFileInGit, words).hint(hint));
        }
        let words = format!("nothing keeps {shown} out of git");
        let diagnostic = Diagnostic::warning(Code::EnvFileInGit, words).hint("add a line `.env` to .gitignore");
        (ignored::is_ignored(&real, self.repository.disk.as_ref()) == Some(false)).then_some(diagnostic)
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
            folders(&sources.repository, &mut files, &mut out, &mut found);
            let topology = &found.topology;
            let name = || folder_name(&sources.repository.root);
            sources.name = topology.name.as_ref().map_or_else(name, |n| n.value.clone());
            sources.vars = topology.vars.iter().map(|(name, v)| (name.clone(), v.value.clone())).collect();
            sources.backup = topology.backup.clone();
            sources.services = consistency::services(found, &sources.nodes, &mut files, &mut out);
        }
        for service in sources.services.values() {
            sources.env_file_in_git(service).into_iter().for_each(|diagnostic| out.push(diagnostic));
        }
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
    let topology_file =
        ["topology.yaml", "topology.yml"].map(|n| inventory.join(n)).into_iter().find(|p| files.kind(p) == Kind::File);
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
            let name = service::node_name(super::section::Located::new(stem, place), context)?;
            topology::parse_host(&name.value, &tree, context)
        });
        match host {
            Some(host) => found.topology.add_host(host, out),
            None => found.inventory = Inventory::Partial,
        }
    }
    Some(found)
}

/// Reads the folders below `services/`.
fn folders(repository: &Repository, files: &mut Files<'_>, out: &mut Diagnostics, found: &mut Found) {
    let services = repository.root.join("services");
    for name in repository.reader.names(&services) {
        let path = services.join(&name);
        if name.starts_with('.') || files.kind(&path) != Kind::Folder {
            continue;
        }
        match files.refusal(&path) {
            Some(refusal) => out.push(ReadError::Refused(refusal).diagnostic(&files.shown(&path), "")),
            None => read_folder(name, path, files, out, found),
        }
    }
    let paths = found.folders.values().map(|folder| folder.path.as_path());
    let opened = secrets::open_all(paths, repository.keys.as_ref(), files, out);
    for (folder, opened) in found.folders.values_mut().zip(opened) {
        folder.secrets = opened.and_then(|opened| secrets::variables(opened, &folder.path, files, out));
    }
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

fn read_folder(name: String, path: PathBuf, files: &mut Files<'_>, out: &mut Diagnostics, found: &mut Found) {
    let compose_files = compose_files(&path, files, out);
    let own_file =
        ["service.yaml", "service.yml"].map(|n| path.join(n)).into_iter().find(|p| files.kind(p) == Kind::File);
    let service = match ServiceName::new(name.as_str()) {
        Ok(service) => service,
        Err(error) => {
            if !compose_files.is_empty() || own_file.is_some() {
                let words = format!("the folder services/{name} cannot be a service: {error}");
                let diagnostic = Diagnostic::error(Code::InvalidName, words).hint("rename the folder");
                let file = compose_files.first().or(own_file.as_ref());
                out.push(match file.and_then(|path| files.load(path, Visibility::Public).ok()) {
                    Some(file) => diagnostic.at(Span::new(file, 0, 0), ""),
                    None => diagnostic,
                });
            }
            return;
        }
    };
    let mut place =
        compose_files.first().and_then(|p| files.load(p, Visibility::Public).ok()).map(|f| Span::new(f, 0, 0));
    let mut declaration = Declaration::default();
    if let Some(path) = own_file {
        // An empty service.yaml says nothing, and that is allowed.
        let is_empty = files.load(&path, Visibility::Public).is_ok_and(|f| is_blank(&files.text(f)));
        if !is_empty && let Some(tree) = document(&path, files, out) {
            declaration = with_context(files, out, |context| service::parse(&tree, "", context));
            place = Some(Span { end: tree.span.start, ..tree.span });
        }
    }
    let (env_example_file, env_example) = env_example(&path, files, out).unzip();
    let folder = Folder { path, compose_files, declaration, env_example, env_example_file, secrets: None, place };
    found.folders.insert(service, folder);
}

/// The Compose files of a folder: those that its `.env` names, else those that are called so.
fn compose_files(folder: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Vec<PathBuf> {
    let env = files.bytes(&folder.join(".env")).ok().filter(|bytes| bytes.len() as u64 <= MOST_TEXT);
    let env = env.map(|bytes| envfile::values(&String::from_utf8_lossy(&bytes)));
    let env = env.unwrap_or_default();
    let value = |name: &str| env.get(name).map(String::as_str).unwrap_or_default();
    match compose::named_files(value("COMPOSE_FILE"), value("COMPOSE_PATH_SEPARATOR")) {
        named if named.is_empty() => compose::in_folder(folder, files, out),
        named => named.iter().map(|file| folder.join(file)).collect(),
    }
}

/// Whether nothing but comments is in a YAML text.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

/// The file and what it sets. What it takes from `vars` is looked up once the owner is known.
fn env_example(folder: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<(FileId, envfile::Assignments)> {
    let path = folder.join("env.example");
    if files.kind(&path) != Kind::File {
        return None;
    }
    match files.load(&path, Visibility::Public) {
        Ok(file) => {
            let mut said = Diagnostics::default();
            let found = envfile::parse(&files.text(file), file, Outside::NOTHING, &mut said);
            said.iter().filter(|d| d.code != Code::VariableUnset).for_each(|d| out.push(d.clone()));
            Some((file, found))
        }
        Err(error) => {
            out.push(error.diagnostic(&files.shown(&path), READABLE));
            None
        }
    }
}

/// The one document of a YAML file; none if it cannot be read, which is then reported.
pub(super) fn document(path: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<Node> {
    let file = match files.load(path, Visibility::Public) {
        Ok(file) => file,
        Err(error) => {
            out.push(error.diagnostic(&files.shown(path), READABLE));
            return None;
        }
    };
    let mut found = Diagnostics::default();
    let mut documents = yaml::parse(&files.text(file), file, &mut found).into_iter();
    let (first, second) = (documents.next(), documents.next());
    let broken = found.has_errors();
    out.extend(found);
    if let Some(second) = second {
        let words = "the file holds more than one document";
        out.push(
            Diagnostic::error(Code::InvalidValue, words)
                .at(point(second.span), "")
                .hint("remove the `---` between them"),
        );
    }
    match first {
        _ if broken => None,
        Some(tree) if !tree.is_null() => Some(tree),
        _ => {
            out.push(empty_file(file));
            None
        }
    }
}

fn point(span: Span) -> Span {
    Span { end: span.start, ..span }
}

fn empty_file(file: FileId) -> Diagnostic {
    Diagnostic::error(Code::EmptyFile, "the file is empty")
        .at(Span::new(file, 0, 0), "")
        .hint("write `version: 1`, `nodes:` and `services:` into it, or remove it")
}

/// Runs `read` with a context over the texts read so far, and keeps what it reports.
fn with_context<T>(files: &Files<'_>, out: &mut Diagnostics, read: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut context = Context { map: files.sources(), out: Diagnostics::default() };
    let result = read(&mut context);
    out.extend(context.out);
    result
}
