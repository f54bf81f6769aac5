//! SOURCES + NODES → HOMELAB. Every service with its variables in place, as typed resources.
//!
//! [`wanted`] says which files to ask the nodes for, [`resolve`] takes what they say, and [`Resolution::complete`] adds
//! what depends on the engines, which may answer later. [`check_offline`] does the same without any node, for
//! `hl validate`. A service whose node is unknown, or that lacks a required variable, is left unresolved and holds
//! nothing else back. This module does not know how nodes are asked, nor what else is live on them.

mod build_filter;
mod builds;
mod claims;
mod env;
mod env_paths;
mod files;
mod hindrance;
mod image_edits;
mod not_writable;
mod options;
mod overlay;
mod placeholders;
mod secret_settings;
mod service;
mod sharing;
mod unreadable;
mod wanted;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::{EngineState, NodeFacts, NodeState};
use super::folders::ServiceSource;
use super::project::{self, Claims, Home, Resources};
use super::sources::Sources;
use super::topology::NodeSource;
use crate::compose::print::ComposeVersion;
use crate::compose::reader::{MOST_TEXT, Reader};
use crate::compose::{self, Project};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use crate::envfile::template::Lookup;
use crate::model::homelab::{Access, Homelab, Service, Unresolved};
use crate::model::name::{NodeName, ServiceName};
use env::ServiceEnv;
use hindrance::Hindrance;
use overlay::{Above, Machine, Overlay, OwnFolders};
use placeholders::{Placeholder, explained, required_names};

pub use image_edits::{ImageChange, ImageEdits, Resolving, TextEdit, image_edits};
pub use wanted::{Drafts, Known, add_known, wanted};

/// The resolved homelab.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The homelab, without the services that have errors.
    pub homelab: Homelab,
    /// The services whose files have errors, on nodes that could not be read too.
    pub broken: BTreeSet<ServiceName>,
    /// Errors, warnings and notes.
    pub diagnostics: Diagnostics,
    /// Every text that was read, those of the sources among them.
    pub map: SourceMap,
}

/// The services with everything that does not depend on the engines.
pub struct Resolution {
    resolved: Resolved,
    /// The project of each service of the homelab.
    projects: BTreeMap<ServiceName, Project>,
}

impl Resolution {
    /// Adds what depends on the engines: labels for the Compose that looks at the containers next, which is the newest
    /// one that made a container on the node. The services of an engine that was lost are left unresolved.
    pub fn complete(self, engines: &BTreeMap<NodeName, EngineState<'_>>) -> Resolved {
        let Resolution { mut resolved, projects } = self;
        let homelab = &mut resolved.homelab;
        for (name, project) in projects {
            let Some(service) = homelab.services.get_mut(&name) else { continue };
            match engines.get(&service.node) {
                Some(EngineState::Answered(version)) => project::complete(service, &project, *version),
                None => project::complete(service, &project, ComposeVersion::default()),
                Some(EngineState::Lost { why }) => {
                    let node = service.node.clone();
                    let why = format!("`{node}` cannot be read: {why}");
                    homelab.services.remove(&name);
                    homelab.unresolved.insert(name, Unresolved { node, why });
                }
            }
        }
        resolved
    }
}

/// One service with all that its resolution depends on.
struct ServiceContext<'a> {
    sources: &'a Sources,
    service: &'a ServiceSource,
    node: &'a NodeSource,
    /// The facts of its node; none while only the repository counts.
    facts: Option<&'a NodeFacts<'a>>,
    /// Variables of the command line.
    args: &'a BTreeMap<String, String>,
    /// The folder on the node that relative paths of its compose files start from.
    project_dir: String,
}

/// Resolves every service with what the nodes say and with `variables`, those of the command line. A draft that was
/// made to ask the nodes is kept where its node says nothing else than it was made with.
pub fn resolve(
    sources: &Sources,
    drafts: Drafts,
    nodes: &BTreeMap<NodeName, NodeState<'_>>,
    variables: &[(String, String)],
) -> Resolution {
    let facts = |node: &NodeName| match nodes.get(node) {
        Some(NodeState::Known(facts)) => Ok(Some(facts)),
        Some(NodeState::Unknown { why }) => Err(format!("`{node}` cannot be read: {why}")),
        Some(NodeState::Maintenance) => Err(format!("`{node}` is in maintenance")),
        None => Err(format!("`{node}` was not asked")),
    };
    resolve_with(sources, drafts, &facts, variables)
}

/// Resolves every service with what the repository alone says. Values that only a node has are replaced by
/// placeholders, and what is wrong because of those is not said.
pub fn resolve_offline(sources: &Sources, variables: &[(String, String)]) -> Resolved {
    resolve_with(sources, Drafts::none(sources), &|_| Ok(None), variables).complete(&BTreeMap::new())
}

/// The diagnostics of the services as far as the repository alone tells, with every text that was read.
pub fn check_offline(sources: &Sources) -> (Diagnostics, SourceMap) {
    let resolved = resolve_offline(sources, &[]);
    (resolved.diagnostics, resolved.map)
}

/// The Compose project of one service with what the repository alone says, for people to read: where only the node has
/// a value, the name of the variable stands. None if there is no such service, or if it has errors.
pub fn project_offline(
    sources: &Sources,
    service: &str,
    env: &[(String, String)],
) -> (Option<Project>, Diagnostics, SourceMap) {
    let args: BTreeMap<String, String> = env.iter().cloned().collect();
    let found = sources.services.get(service).and_then(|s| Some((s, sources.nodes.get(&s.node)?)));
    let Some((service, node)) = found else { return (None, Diagnostics::default(), sources.map.clone()) };
    let project_dir = project_dir(service, node);
    let context = ServiceContext { sources, service, node, facts: None, args: &args, project_dir };
    let mut map = sources.map.clone();
    let best =
        context.resolve_with_placeholders(&[Placeholder::Name, Placeholder::Number, Placeholder::Path], &mut map);
    (best.project, best.diagnostics, map)
}

fn resolve_with<'a>(
    sources: &'a Sources,
    drafts: Drafts,
    facts: &dyn Fn(&NodeName) -> Result<Option<&'a NodeFacts<'a>>, String>,
    variables: &[(String, String)],
) -> Resolution {
    let args: BTreeMap<String, String> = variables.iter().cloned().collect();
    let Drafts { mut map, services: mut drafts } = drafts;
    let mut diagnostics = Diagnostics::default();
    let mut homelab = Homelab {
        name: sources.name.clone(),
        nodes: sources.nodes.iter().map(|(name, source)| (name.clone(), source.node.clone())).collect(),
        backup: sources.backup.clone(),
        ..Homelab::default()
    };
    let mut all_claims: BTreeMap<ServiceName, Claims> = BTreeMap::new();
    let mut projects = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for (name, service) in &sources.services {
        let Some(node) = sources.nodes.get(&service.node) else { continue };
        let (facts, unknown) = match facts(&service.node) {
            Ok(facts) => (facts, None),
            // Its files are checked all the same, as far as they alone tell.
            Err(why) => (None, Some(why)),
        };
        let project_dir = project_dir(service, node);
        let context = ServiceContext { sources, service, node, facts, args: &args, project_dir };
        let draft = context.draft(drafts.remove(name), &mut map);
        let resolved = context.resolve(draft, &mut diagnostics);
        if matches!(resolved, Err(Hindrance::Broken)) {
            broken.insert(name.clone());
        }
        match (resolved, unknown) {
            (Ok((service, claims, project)), None) => {
                homelab.services.insert(name.clone(), service);
                all_claims.insert(name.clone(), claims);
                projects.insert(name.clone(), project);
            }
            (resolved, unknown) => {
                let why = unknown
                    .or_else(|| {
                        resolved.err().map(|hindrance| hindrance.why(&context.node.node, &context.node_env_path()))
                    })
                    .unwrap_or_default();
                homelab.unresolved.insert(name.clone(), Unresolved { node: service.node.clone(), why });
            }
        }
    }
    claims::check(&homelab, &all_claims, &mut diagnostics);
    sharing::imply_dependencies(&mut homelab, &all_claims, &mut diagnostics);
    Resolution { resolved: Resolved { homelab, broken, diagnostics, map }, projects }
}

/// A service that was loaded, with what that took.
struct Attempt {
    project: Option<Project>,
    resources: Resources,
    env: ServiceEnv,
    diagnostics: Diagnostics,
    /// How many mistakes were left out because a placeholder may be their cause.
    left_out: usize,
    /// Whether mistakes were left out because the node may set a variable that nobody sets in the repository.
    node_may_differ: bool,
}

/// A service as far as its declaration goes, whether it can be resolved or not.
struct Draft {
    attempt: Attempt,
    /// The service and what it claims; none if its files have errors.
    service: Option<(Service, Claims)>,
    /// The diagnostics of putting the service together.
    problems: Diagnostics,
}

impl Draft {
    /// Whether the same would come out with the variables of `env`; `path` is that of the `.env` that these are in.
    fn holds_for(&self, env: &ServiceEnv, path: &Path) -> bool {
        let before = &self.attempt.env;
        let Some(project) = &self.attempt.project else { return false };
        before.placeholders.is_empty()
            && !self.attempt.node_may_differ
            && before.values == env.values
            && before.declared == env.declared
            // A file that is named must be there, even if there is nothing in it.
            && (env.text.is_some() || !project.named_env_files.contains(path))
    }
}

impl<'a> ServiceContext<'a> {
    /// The service with what its node says, from `earlier` where that holds.
    fn draft(&self, earlier: Option<Draft>, map: &mut SourceMap) -> Draft {
        if self.facts.is_none() {
            return earlier.unwrap_or_else(|| self.draft_offline(map));
        }
        let mut found = Diagnostics::default();
        let env = env::service_env(self, Placeholder::Number, &BTreeSet::new(), map, &mut found);
        match earlier {
            Some(draft) if found.is_empty() && draft.holds_for(&env, &self.env_path()) => {
                Draft { attempt: Attempt { env, ..draft.attempt }, ..draft }
            }
            Some(_) | None => self.assembled(self.attempt_with(env, found, map)),
        }
    }

    /// The service with placeholders for what only its node knows.
    fn draft_offline(&self, map: &mut SourceMap) -> Draft {
        self.assembled(self.resolve_with_placeholders(&[Placeholder::Number, Placeholder::Path], map))
    }

    fn assembled(&self, mut attempt: Attempt) -> Draft {
        let mut problems = Diagnostics::default();
        let resources = std::mem::take(&mut attempt.resources);
        let claims = resources.claims.clone();
        let project = attempt.project.as_ref().filter(|_| !attempt.diagnostics.has_errors());
        let service = project.and_then(|project| self.assemble(project, resources, &attempt.env, &mut problems));
        let service = service.filter(|_| !problems.has_errors()).map(|service| (service, claims));
        Draft { attempt, service, problems }
    }

    /// The service, what it claims and its project, or why there is none.
    fn resolve(&self, draft: Draft, out: &mut Diagnostics) -> Result<(Service, Claims, Project), Hindrance> {
        let Draft { attempt: Attempt { project, env, diagnostics, .. }, service, problems } = draft;
        // Errors that come of a file that cannot be read are none.
        if let Some(hindrance) = self.unreadable(service.as_ref().map(|(service, _)| service)) {
            out.push(self.closed(&hindrance));
            return Err(hindrance);
        }
        out.extend(diagnostics);
        let empty = match self.facts {
            Some(_) => env::required(self, &env, out),
            None => Vec::new(),
        };
        if !empty.is_empty() {
            return Err(Hindrance::NoValue(empty));
        }
        out.extend(problems);
        let ((mut service, claims), project) = service.zip(project).ok_or(Hindrance::Broken)?;
        self.drop_unneeded_folders(&mut service);
        match self.not_writable(&service, &env) {
            Some(hindrance) => {
                out.push(self.closed(&hindrance));
                Err(hindrance)
            }
            None => Ok((service, claims, project)),
        }
    }

    /// The first attempt in which no mistake comes from a placeholder, else the one with the fewest.
    fn resolve_with_placeholders(&self, placeholders: &[Placeholder], map: &mut SourceMap) -> Attempt {
        let mut best = self.attempt(placeholders[0], map);
        for placeholder in &placeholders[1..] {
            if best.left_out == 0 {
                break;
            }
            let next = self.attempt(*placeholder, map);
            if next.left_out < best.left_out {
                best = next;
            }
        }
        best
    }

    /// Loads the compose files once.
    fn attempt(&self, placeholder: Placeholder, map: &mut SourceMap) -> Attempt {
        let mut found = Diagnostics::default();
        let asked = if self.facts.is_none() { self.asked() } else { BTreeSet::new() };
        let env = env::service_env(self, placeholder, &asked, map, &mut found);
        self.attempt_with(env, found, map)
    }

    /// Loads the compose files with these variables; `found` is what is wrong with those.
    fn attempt_with(&self, env: ServiceEnv, mut found: Diagnostics, map: &mut SourceMap) -> Attempt {
        let mut resources = Resources::default();
        let mut project = None;
        let mut node_may_differ = false;
        // An env file that cannot be read says nothing reliable about the rest.
        let options =
            if found.has_errors() { None } else { self.options(&env).map_err(|error| found.push(error)).ok() };
        if let Some(options) = options {
            let overlay = self.overlay(&env);
            match compose::load(&overlay, &options, map) {
                Ok(loaded) => {
                    found.extend(loaded.warnings);
                    let mut said = Diagnostics::default();
                    let home = if self.facts.is_none() && self.machine() == Machine::Other {
                        Home::NotAsked
                    } else {
                        Home::Asked
                    };
                    resources = project::build(&loaded.project, &overlay, home, &mut said);
                    if self.facts.is_none() {
                        // The node may well set what nobody sets here; that it is not set has been said.
                        let all = said.iter().count();
                        (said, _) = explained(said, &unset(&loaded.project), map);
                        node_may_differ = said.iter().count() < all || resources.waits_for_home;
                    }
                    found.extend(said);
                    project = Some(loaded.project);
                }
                Err(errors) => self.placed(errors, &env).for_each(|error| found.push(error)),
            }
        }
        let (diagnostics, left_out) = explained(found, &env.placeholders, map);
        Attempt { project, resources, env, diagnostics, left_out, node_may_differ }
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
            own: (self.machine() == Machine::Same).then(|| self.own_folders()),
            above: if self.is_linked() { Above::Unrelated } else { Above::Alike },
            env: env.text.clone(),
            tracked: self.sources.tracked.as_deref(),
            env_shown,
        }
    }

    /// The service's own folders on this machine: nothing of another service.
    fn own_folders(&self) -> OwnFolders {
        let (node, name, disk) = (&self.node.node, &self.service.name, &self.sources.repository.disk);
        let folders = [node.config_dir(name), node.data_dir(name)].map(PathBuf::from);
        OwnFolders { disk: Arc::clone(disk), folders, reader: OnceCell::new() }
    }

    /// The variables of the compose files that must have a value, by their text.
    fn asked(&self) -> BTreeSet<String> {
        let texts = self.service.compose_files.iter().filter_map(|path| self.reader().read(path).ok());
        let texts = texts.filter(|bytes| bytes.len() as u64 <= MOST_TEXT);
        texts.flat_map(|bytes| required_names(&String::from_utf8_lossy(&bytes))).collect()
    }

    /// Whether the project directory is the service's own folder by another path: links lead to it.
    fn is_linked(&self) -> bool {
        let (folder, project_dir) = (self.service.folder.as_path(), Path::new(&self.project_dir));
        let real = |path: &Path| self.reader().real(path);
        folder != project_dir && self.machine() == Machine::Same && real(folder) == real(project_dir)
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

    /// Whether the value of a variable of the service's `.env` on the node is one that hl wrote there.
    fn is_unchanged(&self, name: &str) -> bool {
        let variable = (self.node_env_path(), name.to_owned());
        self.facts.is_some_and(|facts| facts.unchanged.contains(&variable))
    }

    /// A path of the node, for people.
    fn on_node(&self, path: &str) -> String {
        format!("{}:{path}", self.service.node)
    }
}

/// The variables that the files of a project ask for and that have no value.
fn unset(project: &Project) -> BTreeSet<String> {
    let used = project.used_variables.iter();
    used.filter(|name| Lookup::get(&project.variables, name).is_none()).cloned().collect()
}

fn machine(node: &NodeSource) -> Machine {
    match node.node.address.access() {
        Access::ThisMachine => Machine::Same,
        Access::RemoteShell | Access::EngineOnly | Access::Memory => Machine::Other,
    }
}

/// The project directory on the node: what the service says, else its own folder where node and repository are one
/// machine, as Compose has it, else its folder below the node's `config/`.
fn project_dir(service: &ServiceSource, node: &NodeSource) -> String {
    if let Some(path) = &service.known_as {
        return path.clone();
    }
    match (&service.declaration.project_dir, machine(node)) {
        (Some(path), _) => path.value.clone(),
        (None, Machine::Same) => service.folder.to_string_lossy().into_owned(),
        (None, Machine::Other) => node.node.config_dir(&service.name),
    }
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
mod counting_reader;
#[cfg(test)]
mod env_tests;
#[cfg(test)]
mod tests;
