//! SOURCES + NODES → HOMELAB. Every service with its variables in place, as typed resources.
//!
//! [`resolve`] takes what the nodes say about the `.env` of each service; [`check_offline`] does the same without any
//! node, for `hl validate`; [`wanted`] says what to ask the nodes for. A service whose node is unknown, or that lacks a
//! required variable, is left unresolved and holds nothing else back. This module does not know how nodes are asked.

mod build_filter;
mod builds;
mod claims;
mod closed;
mod env;
mod files;
mod overlay;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::folders::ServiceSource;
use super::project::{self, Claims, Resources};
use super::sources::Sources;
use super::topology::NodeSource;
use crate::compose::print::ComposeVersion;
use crate::compose::reader::Reader;
use crate::compose::{self, Origin, Project, Variables};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, SourceMap, Visibility};
use crate::model::Pending;
use crate::model::homelab::{Homelab, NodeAddress, Service, Unresolved};
use crate::model::name::{NodeName, ServiceName};
use crate::model::view::{LiveNode, LiveView, NodeView, WantContent, Wanted};
use env::{ServiceEnv, StandIn};
use overlay::{Machine, Overlay};

/// The label in which Compose says which one it is.
const VERSION_LABEL: &str = "com.docker.compose.version";

/// What resolving gives.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The homelab, without the services that have errors.
    pub homelab: Homelab,
    /// The services whose files have errors, on nodes that could not be read too.
    pub broken: BTreeSet<ServiceName>,
    /// What is wrong or worth knowing.
    pub diagnostics: Diagnostics,
    /// Every text that was read, those of the sources among them.
    pub map: SourceMap,
}

/// What is known of the node that a service is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Knowledge<'a> {
    /// All that there is to know.
    Live(&'a LiveNode),
    /// Nothing but what the repository says.
    Repository,
}

/// Why a service has no resources although all that it depends on is known.
enum Gap {
    /// Its files have errors.
    Broken,
    /// Variables that it requires have no value on its node.
    NoValue(Vec<String>),
    /// What hl may not or cannot do there, on its node.
    Closed(String),
}

impl Gap {
    fn why(&self) -> String {
        match self {
            Gap::Broken => "its files have errors".to_owned(),
            Gap::NoValue(names) => format!("{} has no value", names.join(", ")),
            Gap::Closed(what) => what.clone(),
        }
    }
}

/// One service with all that its resolution depends on.
struct Setting<'a> {
    sources: &'a Sources,
    service: &'a ServiceSource,
    node: &'a NodeSource,
    knowledge: Knowledge<'a>,
    /// Variables of the command line.
    args: &'a BTreeMap<String, String>,
    /// What relative paths of its compose files start from, on the node.
    project_dir: String,
}

/// Resolves every service with what the nodes say and with `env`, the variables of the command line.
pub fn resolve(sources: &Sources, live: &LiveView, env: &[(String, String)]) -> Resolved {
    let knowledge = |node: &NodeName| match live.nodes.get(node) {
        Some(NodeView::Known(live)) => Ok(Knowledge::Live(live)),
        Some(NodeView::Unknown { why, .. }) => Err(format!("`{node}` cannot be read: {why}")),
        Some(NodeView::Maintenance) => Err(format!("`{node}` is in maintenance")),
        None => Err(format!("`{node}` was not asked")),
    };
    resolve_with(sources, &knowledge, env)
}

/// Resolves every service with what the repository alone says. Values that only a node has are replaced by stand-ins, and
/// what is wrong because of those is not said.
pub fn resolve_offline(sources: &Sources, env: &[(String, String)]) -> Resolved {
    resolve_with(sources, &|_| Ok(Knowledge::Repository), env)
}

/// What is wrong with the services as far as the repository alone tells, with every text that was read.
pub fn check_offline(sources: &Sources) -> (Diagnostics, SourceMap) {
    let resolved = resolve_offline(sources, &[]);
    (resolved.diagnostics, resolved.map)
}

/// The Compose project of one service with what the repository alone says, for people to read: where only the node has a
/// value, the name of the variable stands. None if there is no such service, or if it has errors.
pub fn project_offline(
    sources: &Sources,
    service: &str,
    env: &[(String, String)],
) -> (Option<Project>, Diagnostics, SourceMap) {
    let args: BTreeMap<String, String> = env.iter().cloned().collect();
    let found = sources.services.get(service).and_then(|s| Some((s, sources.nodes.get(&s.node)?)));
    let Some((service, node)) = found else { return (None, Diagnostics::default(), sources.map.clone()) };
    let knowledge = Knowledge::Repository;
    let setting = Setting { sources, service, node, knowledge, args: &args, project_dir: project_dir(service, node) };
    let mut map = sources.map.clone();
    let best = setting.best_attempt(&[StandIn::Name, StandIn::Number, StandIn::Path], &mut map);
    (best.project, best.diagnostics, map)
}

/// What to read on each node: the files that hl looks after there, with the content where that counts.
pub fn wanted(sources: &Sources) -> BTreeMap<NodeName, Wanted> {
    let nothing = BTreeMap::new();
    let mut map = sources.map.clone();
    let nothing_yet = |node: &NodeSource| Wanted { aside: Some(node.node.root.clone()), ..Wanted::default() };
    let mut all: BTreeMap<NodeName, Wanted> =
        sources.nodes.iter().map(|(name, node)| (name.clone(), nothing_yet(node))).collect();
    for (name, source) in &sources.services {
        let (Some(wanted), Some(node)) = (all.get_mut(&source.node), sources.nodes.get(&source.node)) else { continue };
        let root = &node.node.root;
        wanted.add(format!("{root}/data/{name}"), WantContent::No);
        wanted.add(format!("{root}/config/{name}"), WantContent::No);
        wanted.add(format!("{root}/config/{name}/.env"), WantContent::Yes);
        let project_dir = project_dir(source, node);
        if source.declaration.project_dir.is_some() {
            wanted.add(project_env_path(&project_dir), WantContent::Yes);
        }
        // Where the service is read from its own folder, there is nothing of it on the node but the above, unless the
        // node's root is in that folder.
        if source.folder == Path::new(&project_dir) && !Path::new(root).starts_with(&source.folder) {
            continue;
        }
        let knowledge = Knowledge::Repository;
        let setting = Setting { sources, service: source, node, knowledge, args: &nothing, project_dir };
        let Ok((service, _)) = setting.resolve(&mut map, &mut Diagnostics::default()) else { continue };
        for directory in service.directories.values() {
            wanted.add(&directory.path, WantContent::No);
        }
        for file in service.files.values() {
            wanted.add(&file.path, WantContent::Yes);
        }
    }
    all
}

fn resolve_with<'a>(
    sources: &Sources,
    knowledge: &dyn Fn(&NodeName) -> Result<Knowledge<'a>, String>,
    env: &[(String, String)],
) -> Resolved {
    let args: BTreeMap<String, String> = env.iter().cloned().collect();
    let mut map = sources.map.clone();
    let mut diagnostics = Diagnostics::default();
    let mut homelab = Homelab {
        name: sources.name.clone(),
        nodes: sources.nodes.iter().map(|(name, source)| (name.clone(), source.node.clone())).collect(),
        backup: sources.backup.clone(),
        ..Homelab::default()
    };
    let mut all_claims: BTreeMap<ServiceName, Claims> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for (name, service) in &sources.services {
        let Some(node) = sources.nodes.get(&service.node) else { continue };
        let (knowledge, unknown) = match knowledge(&service.node) {
            Ok(knowledge) => (knowledge, None),
            // Its files are checked all the same, as far as they alone tell.
            Err(why) => (Knowledge::Repository, Some(why)),
        };
        let project_dir = project_dir(service, node);
        let setting = Setting { sources, service, node, knowledge, args: &args, project_dir };
        let resolved = setting.resolve(&mut map, &mut diagnostics);
        if matches!(resolved, Err(Gap::Broken)) {
            broken.insert(name.clone());
        }
        match (resolved, unknown) {
            (Ok((service, claims)), None) => {
                homelab.services.insert(name.clone(), service);
                all_claims.insert(name.clone(), claims);
            }
            (resolved, unknown) => {
                let why = unknown.or_else(|| resolved.err().map(|gap| gap.why())).unwrap_or_default();
                homelab.unresolved.insert(name.clone(), Unresolved { node: service.node.clone(), why });
            }
        }
    }
    claims::check(&homelab, &all_claims, &mut diagnostics);
    Resolved { homelab, broken, diagnostics, map }
}

/// A service that was loaded, with what that took.
struct Attempt {
    project: Option<Project>,
    resources: Resources,
    env: ServiceEnv,
    diagnostics: Diagnostics,
    /// How many mistakes were left out because a stand-in may be their cause.
    left_out: usize,
}

impl<'a> Setting<'a> {
    /// The service and what it claims, or why there is none.
    fn resolve(&self, map: &mut SourceMap, out: &mut Diagnostics) -> Result<(Service, Claims), Gap> {
        let best = self.best_attempt(&[StandIn::Number, StandIn::Path], map);
        let Attempt { project, resources, env, diagnostics, .. } = best;
        let is_broken = diagnostics.has_errors();
        out.extend(diagnostics);
        let empty = match self.knowledge {
            Knowledge::Live(_) => env::required(self, &env, out),
            Knowledge::Repository => Vec::new(),
        };
        if !empty.is_empty() {
            return Err(Gap::NoValue(empty));
        }
        let Some(project) = project.filter(|_| !is_broken) else { return Err(Gap::Broken) };
        let claims = resources.claims.clone();
        let mut problems = Diagnostics::default();
        let service = self.assemble(&project, resources, &env, &mut problems);
        let is_broken = problems.has_errors();
        out.extend(problems);
        let service = service.filter(|_| !is_broken).ok_or(Gap::Broken)?;
        match self.closed(&service, &env) {
            Some(what) => {
                out.push(self.is_closed(&what));
                Err(Gap::Closed(what))
            }
            None => Ok((service, claims)),
        }
    }

    /// The first attempt in which no mistake comes from a stand-in, else the one with the fewest.
    fn best_attempt(&self, stand_ins: &[StandIn], map: &mut SourceMap) -> Attempt {
        let mut best = self.attempt(stand_ins[0], map);
        for stand_in in &stand_ins[1..] {
            if best.left_out == 0 {
                break;
            }
            let next = self.attempt(*stand_in, map);
            if next.left_out < best.left_out {
                best = next;
            }
        }
        best
    }

    /// Loads the compose files once.
    fn attempt(&self, stand_in: StandIn, map: &mut SourceMap) -> Attempt {
        let mut found = Diagnostics::default();
        let asked = match self.knowledge {
            Knowledge::Live(_) => BTreeSet::new(),
            Knowledge::Repository => self.asked(),
        };
        let env = env::service_env(self, stand_in, &asked, map, &mut found);
        let mut resources = Resources::default();
        let mut project = None;
        // An env file that cannot be read says nothing reliable about the rest.
        if !found.has_errors() {
            let overlay = self.overlay(&env);
            match compose::load(&overlay, &self.options(), map) {
                Ok(loaded) => {
                    found.extend(loaded.warnings);
                    resources = project::build(&loaded.project, &overlay, self.version(), &mut found);
                    project = Some(loaded.project);
                }
                Err(errors) => found.extend(errors),
            }
        }
        let (diagnostics, left_out) = explained(found, &env.stand_ins, map);
        Attempt { project, resources, env, diagnostics, left_out }
    }

    /// Whose labels containers get: those of the newest Compose that has made one on the node, which is the Compose that
    /// would look at them next.
    fn version(&self) -> ComposeVersion {
        match self.knowledge {
            Knowledge::Live(live) => version(live),
            Knowledge::Repository => ComposeVersion::default(),
        }
    }

    fn options(&self) -> compose::Options {
        let project_dir = PathBuf::from(&self.project_dir);
        let name = |path: &PathBuf| path.file_name().map(PathBuf::from).unwrap_or_default();
        let mut variables = Variables::default();
        variables.push(Origin::Public, self.args.clone());
        variables.set_plain(env::plain(self));
        compose::Options {
            current_dir: self.sources.repository.current_dir.clone(),
            files: self.service.compose_files.iter().map(|path| project_dir.join(name(path))).collect(),
            project_dir: Some(project_dir),
            variables,
            defaults: self.vars().into_iter().collect(),
            home: self.sources.repository.home.clone().filter(|_| self.machine() == Machine::Same),
            other_projects: "what is in another folder goes into `depends_on` of service.yaml",
            ..compose::Options::default()
        }
    }

    fn overlay<'o>(&'o self, env: &ServiceEnv) -> Overlay<'o> {
        let env_shown = match self.node_envs().pop() {
            Some((path, _)) => PathBuf::from(self.on_node(&path)),
            None => self.service.folder.join(".env"),
        };
        Overlay {
            base: self.reader(),
            root: &self.sources.repository.root,
            seen_from: &self.sources.repository.current_dir,
            folder: &self.service.folder,
            project_dir: Path::new(&self.project_dir),
            machine: self.machine(),
            env: env.text.clone(),
            env_shown,
        }
    }

    /// The variables of the compose files that must have a value, by their text.
    fn asked(&self) -> BTreeSet<String> {
        let texts = self.service.compose_files.iter().filter_map(|path| self.reader().read(path).ok());
        texts.flat_map(|bytes| required_names(&String::from_utf8_lossy(&bytes))).collect()
    }

    fn machine(&self) -> Machine {
        machine(self.node)
    }

    fn reader(&self) -> &'a dyn Reader {
        self.sources.repository.reader.as_ref()
    }

    /// A path of the repository as the user knows it.
    fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.sources.repository.current_dir).unwrap_or(path).to_owned()
    }

    /// `vars`, those of the node before those of the homelab.
    fn vars(&self) -> BTreeMap<String, String> {
        let mut vars = self.sources.vars.clone();
        vars.extend(self.node.vars.clone());
        vars
    }

    /// The path of the service's `.env` on the node.
    fn node_env_path(&self) -> String {
        format!("{}/config/{}/.env", self.node.node.root, self.service.name)
    }

    /// A path of the node, for people.
    fn on_node(&self, path: &str) -> String {
        format!("{}:{path}", self.service.node)
    }

    /// The env files on the node with what is in them, the one that counts more last: the `.env` of a project directory
    /// of its own, as Compose reads it, and hl's. None if there are none or nobody asked.
    fn node_envs(&self) -> Vec<(String, &'a [u8])> {
        let Knowledge::Live(live) = self.knowledge else { return Vec::new() };
        let paths = BTreeSet::from([project_env_path(&self.project_dir), self.node_env_path()]);
        let mut paths: Vec<String> = paths.into_iter().collect();
        paths.sort_by_key(|path| *path == self.node_env_path());
        let content = |path: String| {
            let bytes = live.files.get(&path)?.content.as_deref()?;
            Some((path, bytes))
        };
        paths.into_iter().filter_map(content).collect()
    }
}

/// The newest Compose that has made a container on a node.
fn version(live: &LiveNode) -> ComposeVersion {
    let labels = live.containers.values().filter_map(|c| c.spec.compose_labels.get(VERSION_LABEL));
    labels.map(|version| ComposeVersion::of_release(version)).max().unwrap_or_default()
}

/// Whether what the engines have changes what was resolved with the files of the nodes alone: on a node whose containers
/// a newer Compose has made, labels are another.
pub fn depends_on_engines(live: &LiveView) -> bool {
    live.nodes.values().filter_map(NodeView::known).any(|node| version(node) != ComposeVersion::default())
}

/// The path of the `.env` that Compose reads in a project directory.
fn project_env_path(project_dir: &str) -> String {
    format!("{project_dir}/.env")
}

fn machine(node: &NodeSource) -> Machine {
    match node.node.address {
        NodeAddress::Local | NodeAddress::Unix { .. } => Machine::Same,
        NodeAddress::Ssh { .. } | NodeAddress::Tcp { .. } | NodeAddress::Simulated => Machine::Other,
    }
}

/// The project directory on the node: what the service says, else its own folder where node and repository are one
/// machine, as Compose has it, else its folder below the node's `config/`.
fn project_dir(service: &ServiceSource, node: &NodeSource) -> String {
    match (&service.declaration.project_dir, machine(node)) {
        (Some(path), _) => path.value.clone(),
        (None, Machine::Same) => service.folder.to_string_lossy().into_owned(),
        (None, Machine::Other) => format!("{}/config/{}", node.node.root, service.name),
    }
}

/// Names in `${NAME:?…}` and `${NAME?…}` of a text.
fn required_names(text: &str) -> Vec<String> {
    let expressions = text.split("${").skip(1);
    let name_of = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let operator = &rest[end..];
        (operator.starts_with(":?") || operator.starts_with('?')).then(|| rest[..end].to_owned())
    };
    expressions.filter_map(name_of).filter(|name| !name.is_empty()).collect()
}

/// What is left of `found` without the mistakes that a stand-in may be the cause of, and how many those are.
fn explained(found: Diagnostics, stand_ins: &BTreeSet<String>, map: &SourceMap) -> (Diagnostics, usize) {
    let mut kept = Diagnostics::default();
    let mut left_out = 0;
    for diagnostic in found.iter() {
        if diagnostic.severity != Severity::Note && is_about(diagnostic, stand_ins, map) {
            left_out += 1;
            continue;
        }
        let mut diagnostic = diagnostic.clone();
        for text in [&mut diagnostic.summary, &mut diagnostic.detail, &mut diagnostic.hint] {
            *text = Pending::readable(text);
        }
        kept.push(diagnostic);
    }
    (kept, left_out)
}

/// Whether the text that a mistake points to uses one of the variables.
fn is_about(diagnostic: &Diagnostic, names: &BTreeSet<String>, map: &SourceMap) -> bool {
    let Some(label) = diagnostic.labels.first().filter(|_| !names.is_empty()) else { return false };
    let source = map.get(label.span.file);
    if source.visibility == Visibility::Secret {
        return true;
    }
    let quoted = source.text.get(label.span.start as usize..label.span.end as usize).unwrap_or_default();
    let uses = |rest: &str| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        names.contains(&rest[..end])
    };
    quoted.split('$').skip(1).any(uses)
}

/// A service cannot be found in two places at once, so a mistake in it is said of the service as a whole.
fn at_service(service: &ServiceSource, code: Code, words: String) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, words);
    match service.place {
        Some(place) => diagnostic.at(place, ""),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests;
