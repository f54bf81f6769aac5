//! The walk that commands share: read the repository, ask the nodes, resolve, read the record, lay
//! the views over one another, plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;

use super::environment::Context;
use super::exit::{Exit, Failure};
use super::inputs::Remembering;
use super::selection::Selection;
use super::terminal::Terminal;
use crate::config::{self, Machines, Sources};
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::diff::{self, Change};
use crate::model::homelab::{self, Homelab};
use crate::model::view::{LiveView, NodeView, RecordedView};
use crate::model::{NodeName, Sealer, ServiceName};
use crate::node::{self, Fleet};
use crate::plan::{self, Plan};
use crate::render::reason;
use crate::state::{self, Paths, State};

/// The declared and the live view.
pub(super) struct World {
    /// What the repository says.
    pub homelab: Homelab,
    /// The services whose files have errors; those have been said.
    pub broken: BTreeSet<ServiceName>,
    /// What the nodes have.
    pub live: LiveView,
    /// What was read of the repository.
    pub reader: Remembering,
    /// Variables of the command line.
    pub env: Vec<(String, String)>,
}

/// Reads the repository and asks all nodes. What is wrong in the files is said; what is wrong with
/// the whole ends the walk, what is wrong with one service leaves that service out.
pub(super) async fn look(
    context: &Context,
    terminal: &Terminal,
    env: &[(String, String)],
    connections: node::Connections,
) -> Result<(World, Fleet), Failure> {
    let reader = Remembering::default();
    let machines = config::machines(context.repository_through(Arc::new(reader.clone())));
    // The engines are asked for all that they have, whatever the services are; those are read meanwhile.
    let asking = node::ask(&machines.known(), &context.node_options(), connections);
    let sources = load(machines, terminal)?;
    let (files, engines) = asking.files(config::wanted(&sources)).await;
    let mut resolved = config::resolve(&sources, &files, env);
    let known = |view: &LiveView| view.nodes.values().filter(|node| node.known().is_some()).count();
    let known_at_first = known(&files);
    let (live, fleet) = engines.beside(files).await;
    // An engine that was lost meanwhile takes its services out of the homelab.
    if known(&live) < known_at_first || config::depends_on_engines(&live) {
        resolved = config::resolve(&sources, &live, env);
    }
    terminal.diagnostics(&resolved.diagnostics, &resolved.map);
    if concerns_all(&resolved.diagnostics) {
        return Err(Failure::said(Exit::Failed));
    }
    let (homelab, broken) = (resolved.homelab, resolved.broken);
    Ok((World { homelab, broken, live, reader, env: env.to_vec() }, fleet))
}

/// As [`look`], with the record, which `read` reads meanwhile; for those who only look.
///
/// World and record stay until the process ends, which gives them back at once: taking them apart piece by piece would
/// take longer than printing what is said of them.
pub(super) async fn look_with_record(
    context: &Context,
    terminal: &Terminal,
    env: &[(String, String)],
    connections: node::Connections,
    read: impl FnOnce(&Paths) -> Result<State, state::Error> + Send + 'static,
) -> Result<(&'static World, &'static State, Fleet), Failure> {
    let paths = context.state()?;
    let reading = tokio::task::spawn_blocking(move || read(&paths));
    let (world, fleet) = look(context, terminal, env, connections).await?;
    let state = reading.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    Ok((Box::leak(Box::new(world)), Box::leak(Box::new(state.map_err(Failure::world)?)), fleet))
}

/// The nodes that answered.
pub(super) type Doors = BTreeMap<NodeName, Arc<dyn node::Node>>;

/// The doors to the nodes that answered.
pub(super) fn doors(fleet: &Fleet) -> Doors {
    let open = fleet.iter().filter_map(|(name, reach)| match reach {
        node::Reach::Node(node) => Some((name.clone(), Arc::clone(node))),
        node::Reach::Failed(_) | node::Reach::Maintenance => None,
    });
    open.collect()
}

/// Reads what needs neither a variable nor a node.
fn load(machines: Machines, terminal: &Terminal) -> Result<Sources, Failure> {
    let (sources, found) = machines.with_services();
    terminal.diagnostics(&found, &sources.map);
    match found.has_errors() {
        true => Err(Failure::said(Exit::Failed)),
        false => Ok(sources),
    }
}

/// Whether something is wrong between services, so that leaving one of them out would be arbitrary.
fn concerns_all(found: &Diagnostics) -> bool {
    let whole = [Code::PortClaimedTwice, Code::NameClaimedTwice, Code::DependencyCycle];
    found.iter().any(|d| d.severity == Severity::Error && whole.contains(&d.code))
}

/// A plan and how the three views differ.
pub(super) struct Planned {
    /// How the views differ.
    pub changes: Vec<Change>,
    /// What would be done about it.
    pub plan: Plan,
    /// What was asked for.
    pub options: plan::Options,
}

impl World {
    /// Lays the views over one another.
    pub fn changes(&self, recorded: &RecordedView, sealer: &Sealer) -> Vec<Change> {
        diff::diff(&self.homelab, recorded, &self.live, sealer)
    }

    /// Makes the plan.
    pub fn plan(&self, recorded: &RecordedView, sealer: &Sealer, options: plan::Options) -> Planned {
        let changes = self.changes(recorded, sealer);
        let input =
            plan::Input { homelab: &self.homelab, recorded, live: &self.live, changes: &changes, options: &options };
        let plan = plan::plan(&input);
        Planned { changes, plan, options }
    }

    /// What a plan is asked for.
    pub fn options(&self, selection: &Selection, recorded: &RecordedView) -> Result<plan::Options, Failure> {
        selection.options(&self.homelab, recorded)
    }

    /// Ends a plan that would be about services whose files have errors: what is half read is not
    /// planned, and who mends one file must not apply another one's mistake.
    pub fn refuse_broken(&self, options: &plan::Options) -> Result<(), Failure> {
        let asked_for = |name: &&ServiceName| self.homelab.node_of(name).is_none_or(|n| options.asks_for(n, name));
        let broken: BTreeSet<ServiceName> = self.broken.iter().filter(asked_for).cloned().collect();
        let Some(first) = broken.first() else { return Ok(()) };
        let text = format!("nothing is planned while the files of {} have errors", reason::services(&broken));
        Err(Failure::world(text).hint(format!("mend them, or leave the service out with `--exclude {first}`")))
    }

    /// Whether something that was asked for is not known: a service, or a node on which nothing is
    /// declared.
    pub fn has_gaps(&self, options: &plan::Options) -> bool {
        let unknown = |node: &NodeName| matches!(self.live.nodes.get(node), Some(NodeView::Unknown { .. }));
        let homelab = &self.homelab;
        let on_unknown = homelab.services.values().filter(|s| unknown(&s.node)).map(|s| (&s.node, &s.name));
        let unresolved = homelab.unresolved.iter().map(|(name, u)| (&u.node, name));
        on_unknown.chain(unresolved).any(|(node, service)| options.asks_for(node, service))
            || homelab.nodes.keys().any(|node| unknown(node) && options.asks_for_node(node))
    }

    /// Takes services out of the declaration, as if their folders were gone.
    pub fn without(&mut self, services: &BTreeSet<ServiceName>) {
        for service in services {
            self.homelab.services.remove(service);
            self.homelab.unresolved.remove(service);
        }
    }

    /// Values of the nodes' env files, none of which may be said.
    pub fn secrets(&self) -> Vec<SecretString> {
        let files = self.live.nodes.values().filter_map(|view| view.known()).flat_map(|node| &node.files);
        let env_files = files.filter(|(path, _)| path.ends_with("/.env"));
        let texts = env_files.filter_map(|(_, file)| std::str::from_utf8(file.content.as_deref()?).ok());
        texts.flat_map(|text| config::dotenv::values(text).into_values()).map(SecretString::from).collect()
    }

    /// The declared nodes.
    pub fn nodes(&self) -> &BTreeMap<NodeName, homelab::Node> {
        &self.homelab.nodes
    }
}
