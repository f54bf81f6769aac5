//! Observing a homelab: the repository is read, all nodes are asked, and both are resolved into one declared and one live
//! view.

use std::borrow::BorrowMut;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::base::Base;
use super::node_facts::{engine_states, node_facts_of_record};
use super::recording_reader::RecordingReader;
use super::strangers;
use crate::compose::reader::Reader;
use crate::config::{self, Known, Machines, Sources};
use crate::diagnostic::{Code, Diagnostics, Severity, SourceMap};
use crate::envfile;
use crate::model::homelab::{self, Homelab};
use crate::model::status::SilentNode;
use crate::model::view::{LiveContainer, LiveNode, LiveView, NodeView, RecordedView, Wanted};
use crate::model::{Fields, Kind, NodeName, ServiceName, Text, Trust};
use crate::node::{self, Fleet};
use crate::plan;
use crate::state::{self, Paths, State};

/// How a homelab is reached. The caller gathers it from its own environment; nothing here reads that.
#[derive(Clone)]
pub struct Access {
    /// The repository that declares it.
    pub repository: config::Repository,
    /// How its nodes are connected to.
    pub node_options: node::Options,
    /// The base of a change that somebody else proposes: of the nodes only those that it has are asked.
    pub base: Option<Base>,
}

/// Receives the diagnostics of the repository's files as soon as they are known, which may be before the nodes answer.
pub trait DiagnosticListener: Sync {
    /// Some diagnostics, with the texts that they point into; there may be none among them.
    fn diagnostics(&self, found: &Diagnostics, sources: &SourceMap);
}

/// Why a homelab was not observed. Nodes that do not answer are no reason; see [`NodeView::Unknown`].
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Files have errors that concern more than one service. The listener has received them.
    #[error("the files of the repository have errors")]
    Repository,
    /// The record cannot be read.
    #[error(transparent)]
    State(#[from] state::Error),
}

/// The nodes that are connected.
pub type ConnectedNodes = BTreeMap<NodeName, Arc<dyn node::Node>>;

/// The declared and the live view of a homelab.
pub struct Observation {
    /// The declared view.
    pub homelab: Homelab,
    /// The services whose files have errors, which the listener has received.
    pub broken: BTreeSet<ServiceName>,
    /// The live view.
    pub live: LiveView,
    /// The nodes that are still connected; none after [`node::Connections::Close`].
    pub nodes: ConnectedNodes,
    /// Variables that the caller gave for the compose files.
    pub variables: Vec<(String, String)>,
    /// The values of files that may hold secrets.
    pub(super) secret_values: Vec<SecretString>,
    trust: Trust,
    root: PathBuf,
    reader: RecordingReader,
}

/// Reads the repository and asks all nodes. Errors that concern one service leave that service out.
///
/// `variables` are for the compose files, over those of the nodes and of the repository; `state` has what was put on the
/// nodes before, and `leaving` is a service that is to go.
///
/// # Errors
/// [`ObserveError::Repository`].
pub async fn observe(
    access: &Access,
    variables: &[(String, String)],
    connections: node::Connections,
    listener: &dyn DiagnosticListener,
    state: &mut State,
    leaving: Option<&ServiceName>,
) -> Result<Observation, ObserveError> {
    let state = std::future::ready(Ok(state));
    Ok(observe_with(access, variables, connections, listener, state, leaving).await?.0)
}

/// As [`observe`], with the record, which `read` reads at the same time.
///
/// # Errors
/// [`ObserveError`].
///
/// # Panics
/// If `read` does, which is a bug.
pub async fn observe_with_record(
    access: &Access,
    variables: &[(String, String)],
    connections: node::Connections,
    listener: &dyn DiagnosticListener,
    read: impl FnOnce() -> Result<State, state::Error> + Send + 'static,
) -> Result<(Observation, State), ObserveError> {
    let reading = tokio::task::spawn_blocking(read);
    let state = async { reading.await.expect("reading the record does not panic") };
    observe_with(access, variables, connections, listener, state, None).await
}

/// The files and folders that were put on each node.
type KnownPaths = BTreeMap<NodeName, BTreeMap<String, Known>>;

fn known_paths(recorded: &RecordedView, leaving: Option<&ServiceName>) -> KnownPaths {
    let mut paths = KnownPaths::new();
    for (addr, resource) in recorded.resources.iter().filter(|(_, resource)| resource.id.starts_with('/')) {
        if matches!(addr.kind, Kind::File | Kind::Directory) {
            let counts = addr.kind == Kind::File || leaving == Some(&addr.service.whole());
            let known = if counts { Known::Always } else { Known::IfUndeclared };
            paths.entry(addr.node.clone()).or_default().insert(resource.id.clone(), known);
        }
    }
    paths
}

/// Observes with what a record tells, which `state` reads at the same time.
async fn observe_with<T: BorrowMut<State>>(
    access: &Access,
    variables: &[(String, String)],
    connections: node::Connections,
    listener: &dyn DiagnosticListener,
    state: impl Future<Output = Result<T, state::Error>>,
    leaving: Option<&ServiceName>,
) -> Result<(Observation, T), ObserveError> {
    let reader = RecordingReader::over(Arc::clone(&access.repository.disk));
    let repository = access.repository.clone().through(Arc::new(reader.clone()));
    let trust = repository.trust;
    let mut machines = config::machines(repository);
    if let Some(base) = &access.base {
        machines = machines.keeping_to(&base.nodes);
    }
    // The engines are asked for all that they have, whatever the services are; those are read meanwhile.
    let refresh = node::begin_refresh(&machines.known(), &access.node_options, connections);
    let sources = load(machines, trust, listener)?;
    let (mut wanted, drafts) = config::wanted(&sources, variables);
    let mut state = state.await?;
    state.borrow_mut().view.follow(&sources.services.values().map(|s| (&s.name, &s.node)).collect());
    config::add_known(&sources, &mut wanted, &known_paths(&state.borrow().view, leaving));
    let (files, engines) = refresh.files(wanted).await;
    let resolution = config::resolve(&sources, drafts, &node_facts_of_record(&files, state.borrow()), variables);
    let (live, fleet) = engines.join(files).await;
    let mut resolved = resolution.complete(&engine_states(&live));
    let links = known_by_links(&resolved.homelab, &live, &reader);
    if !links.is_empty() {
        let sources = sources.with_links(links);
        let drafts = config::Drafts::none(&sources);
        let again = config::resolve(&sources, drafts, &node_facts_of_record(&live, state.borrow()), variables);
        resolved = again.complete(&engine_states(&live));
    }
    let mut secret_values = Vec::new();
    match trust {
        Trust::Owner => listener.diagnostics(&resolved.diagnostics, &resolved.map),
        Trust::Untrusted => {
            secret_values = strangers::values(&resolved.map);
            listener.diagnostics(&strangers::redacted(&resolved.diagnostics, &secret_values), &resolved.map);
        }
    }
    if concern_all(&resolved.diagnostics) {
        return Err(ObserveError::Repository);
    }
    let observation = Observation {
        homelab: resolved.homelab,
        broken: resolved.broken,
        live,
        nodes: connected(fleet),
        variables: variables.to_vec(),
        secret_values,
        trust,
        root: access.repository.root.clone(),
        reader,
    };
    Ok((observation, state))
}

/// The project directories of services of this machine as what runs knows them, where that is another path of the same
/// folder: it is compared by what it is, not by how it is spelt.
fn known_by_links(homelab: &Homelab, live: &LiveView, reader: &dyn Reader) -> BTreeMap<ServiceName, String> {
    let mut found = BTreeMap::new();
    for service in homelab.services.values() {
        let Some(declared) = homelab.nodes.get(&service.node) else { continue };
        let Some(node) = live.nodes.get(&service.node).and_then(NodeView::known) else { continue };
        if declared.address.access() != homelab::Access::ThisMachine {
            continue;
        }
        let own = node.containers.values().filter_map(|c| c.identity.as_ref()).filter(|i| i.project == service.project);
        let is_another = |path: &&str| {
            let real = |path: &str| reader.real(Path::new(path));
            !path.is_empty() && **path != *service.project_dir && real(path) == real(&service.project_dir)
        };
        let mut others = own.map(|identity| identity.working_dir.as_str()).filter(is_another);
        found.extend(others.next().map(|path| (service.name.clone(), path.to_owned())));
    }
    found
}

/// Reads the record without a lock; for callers that write nothing.
///
/// # Errors
/// As [`state::read`].
pub fn record(paths: Paths) -> impl FnOnce() -> Result<State, state::Error> + Send + 'static {
    move || state::read(&paths)
}

/// The nodes of a fleet that answered.
fn connected(fleet: Fleet) -> ConnectedNodes {
    let answered = fleet.into_iter().filter_map(|(name, reach)| match reach {
        node::Reach::Node(node) => Some((name, node)),
        node::Reach::Failed(_) | node::Reach::Maintenance => None,
    });
    answered.collect()
}

/// Reads what needs neither a variable nor a node.
fn load(machines: Machines, trust: Trust, listener: &dyn DiagnosticListener) -> Result<Sources, ObserveError> {
    let (sources, found) = machines.with_services();
    match trust {
        Trust::Owner => listener.diagnostics(&found, &sources.map),
        Trust::Untrusted => {
            listener.diagnostics(&strangers::redacted(&found, &strangers::values(&sources.map)), &sources.map);
        }
    }
    match found.has_errors() {
        true => Err(ObserveError::Repository),
        false => Ok(sources),
    }
}

/// Whether there are errors between services, so that leaving one of them out would be arbitrary.
fn concern_all(found: &Diagnostics) -> bool {
    let between = [Code::PortClaimedTwice, Code::NameClaimedTwice, Code::DependencyCycle];
    found.iter().any(|d| d.severity == Severity::Error && between.contains(&d.code))
}

impl Observation {
    /// Whether the one who runs hl trusts the one who wrote the repository.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Whether something that was asked for is not known: a service, or a node on which nothing is declared.
    pub fn has_gaps(&self, options: &plan::Options) -> bool {
        let unknown = |node: &NodeName| matches!(self.live.nodes.get(node), Some(NodeView::Unknown { .. }));
        let homelab = &self.homelab;
        let on_unknown = homelab.services.values().filter(|s| unknown(&s.node)).map(|s| (&s.node, &s.name));
        let unresolved = homelab.unresolved.iter().map(|(name, u)| (&u.node, name));
        on_unknown.chain(unresolved).any(|(node, service)| options.asks_for(node, service))
            || homelab.nodes.keys().any(|node| unknown(node) && options.asks_for_node(node))
    }

    /// Takes services out of the declaration, as if their folders were gone.
    pub fn leave_out(&mut self, services: &BTreeSet<ServiceName>) {
        for service in services {
            self.homelab.services.remove(service);
            self.homelab.unresolved.remove(service);
        }
    }

    /// The nodes that could not be asked, of those that `options` ask for or for something on them.
    pub fn silent_nodes(&self, options: &plan::Options) -> Vec<SilentNode> {
        let homelab = &self.homelab;
        let declared = homelab.services.values().map(|service| (&service.node, &service.name));
        let all: Vec<_> = declared.chain(homelab.unresolved.iter().map(|(name, u)| (&u.node, name))).collect();
        let asked = |node: &NodeName| {
            options.asks_for_node(node)
                || all.iter().any(|(at, service)| *at == node && options.asks_for(node, service))
        };
        let silent = |(node, view): (&NodeName, &NodeView)| match view {
            NodeView::Unknown { why, hint } if asked(node) => {
                Some(SilentNode { node: node.clone(), why: why.clone(), hint: hint.clone() })
            }
            NodeView::Unknown { .. } | NodeView::Known(_) | NodeView::Maintenance => None,
        };
        self.live.nodes.iter().filter_map(silent).collect()
    }

    /// The secrets in the declaration, the values in the nodes' env files, and those of variables of running containers that
    /// nothing shows in the clear, none of which may be shown. Texts in `public` are known to anyone, such as those of the
    /// record.
    pub fn secrets<'a>(&'a self, public: impl IntoIterator<Item = &'a str>) -> Vec<SecretString> {
        let containers = self.homelab.services.values().flat_map(|service| service.containers.values());
        let fields: Vec<Fields> = containers.map(|container| container.spec.fields()).collect();
        let declared = fields.iter().flat_map(Fields::iter).flat_map(|(_, value)| value.secrets()).cloned();
        let files = self.live.nodes.values().filter_map(|view| view.known()).flat_map(|node| &node.files);
        let env_files = files.filter(|(path, _)| path.ends_with("/.env"));
        let texts = env_files.filter_map(|(_, file)| std::str::from_utf8(file.content.as_deref()?).ok());
        let in_env_files = texts.flat_map(|text| envfile::values(text).into_values()).map(SecretString::from);
        declared.chain(in_env_files).chain(self.live_secrets(public)).collect()
    }

    /// The values of variables of the homelab's own containers that neither the declaration, an image nor `public` has: a
    /// container may still have the password of yesterday. Nothing that others run is ever told, so their values mask nothing.
    fn live_secrets<'a>(&'a self, public: impl IntoIterator<Item = &'a str>) -> Vec<SecretString> {
        let containers = self.homelab.services.values().flat_map(|service| service.containers.values());
        let declared = containers.flat_map(|container| container.spec.environment.values().flatten());
        let declared = declared.filter(|text| !text.is_secret()).filter_map(Text::expose);
        let mut public: BTreeSet<&str> = public.into_iter().chain(declared).collect();
        let nodes: Vec<&LiveNode> = self.live.nodes.values().filter_map(|view| view.known()).collect();
        let images = nodes.iter().flat_map(|node| node.images.values()).filter_map(|image| image.config.as_ref());
        public.extend(images.flat_map(|config| config.environment.values()).map(String::as_str));
        let projects: BTreeSet<_> = self.homelab.services.values().map(|service| &service.project).collect();
        let is_own = |live: &&LiveContainer| live.identity.as_ref().is_some_and(|i| projects.contains(&i.project));
        let live = nodes.iter().flat_map(|node| node.containers.values()).filter(is_own);
        let values = live.flat_map(|container| container.spec.environment.values().flatten()).filter_map(Text::expose);
        values.filter(|value| !public.contains(value)).map(SecretString::from).collect()
    }

    /// Every text that the views were made from, by its name: the repository's files by their path in it, the nodes' files,
    /// and the variables of the caller.
    pub(super) fn inputs(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.reader.files().into_iter().map(|(path, bytes)| {
            let name = path.strip_prefix(&self.root).unwrap_or(&path);
            (format!("file {}", name.display()), bytes)
        });
        let known = self.live.nodes.iter().filter_map(|(name, view)| Some((name, view.known()?)));
        let on_nodes = known.flat_map(|(name, node)| {
            // Counters of a machine are others each time, and declare nothing.
            let lasting = node.files.iter().filter(|(path, _)| *path != Wanted::INTERFACES);
            let read = lasting.filter_map(|(path, file)| Some((path, file.content.as_ref()?)));
            read.map(move |(path, bytes)| (format!("node {name} {path}"), bytes.clone()))
        });
        let variable = |(name, value): &(String, String)| (format!("variable {name}"), value.clone().into_bytes());
        files.chain(on_nodes).chain(self.variables.iter().map(variable)).collect()
    }
}
