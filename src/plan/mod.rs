//! CHANGES → STEPS. Turns changes into actions with reasons, and actions into steps in a graph;
//! checks that the whole is safe.
//!
//! Pure and synchronous. It does not know bollard, SSH, files or the terminal; it never asks
//! anybody anything. `apply` executes what stands here and decides nothing about *what*.

mod block;
mod containers;
mod contention;
mod decide;
mod decisions;
mod dependencies;
mod fragment;
mod graph;
mod handover;
mod images;
mod index;
pub mod invariants;
mod left_sharers;
mod live_names;
mod note;
mod objection;
mod obstacle;
pub mod operation;
mod order;
mod path_order;
mod planned;
mod predecessor;
mod readiness;
mod reason;
pub mod record;
mod relocation;
mod remade_volumes;
mod removal;
mod renamed;
mod repointed;
mod resources;
mod retained;
mod role;
mod safety;
pub mod saved_plan;
mod scope;
mod service_plan;
mod services;
mod sharing;
mod stake;
pub mod step;
mod taken;
mod unfinished;
mod verification;
mod whereabouts;
mod withdrawal;

use std::collections::{BTreeMap, BTreeSet};

use fragment::Fragment;
use graph::StepGraph;
use index::Index;
use planned::Progress;
use service_plan::Context;
use services::Services;
use sharing::Sharing;

use crate::diff::{Change, FieldChange};
use crate::model::homelab::Homelab;
use crate::model::view::{LiveView, RecordedView};
use crate::model::{Addr, Fields, Kind, NodeName, ServiceName, Target};

pub use block::Block;
pub use graph::cycle;
pub use live_names::LiveNames;
pub use note::Note;
pub use objection::{External, Holder, Objection, ObjectionKind};
pub use operation::{AnonymousVolumes, Operation, Scheduling};
pub use order::services as service_order;
pub use readiness::timeout as readiness_timeout;
pub use reason::Reason;
pub use scope::clock_is_far;
pub use stake::{DataOutcome, Stake};
pub use step::{GroupId, OnFailure, Phase, Step, StepId};

/// Everything that a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The declared homelab, from the repository.
    pub homelab: &'a Homelab,
    /// The record of the last apply.
    pub recorded: &'a RecordedView,
    /// The live view of the nodes.
    pub live: &'a LiveView,
    /// The differences: the result of [`crate::diff::diff`] on these three.
    pub changes: &'a [Change],
    /// The user's options.
    pub options: &'a Options,
}

/// Which nodes must have answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// None: what is known is planned.
    #[default]
    None,
    /// All that were asked for.
    All,
}

/// The selection of leftovers that are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// Nothing.
    #[default]
    Nothing,
    /// Leftovers of moved services on their old nodes.
    Moved,
}

/// The user's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these; everything if empty.
    pub targets: Vec<Target>,
    /// Not these.
    pub excludes: Vec<Target>,
    /// Resources whose data may be destroyed.
    pub allow_data_loss: Vec<Target>,
    /// Resources that are made anew, whatever the views say; the containers of those that are named as a whole.
    pub replace: Vec<Target>,
    /// The most changes that are in order.
    pub max_changes: Option<usize>,
    /// Which nodes must have answered.
    pub required: Required,
    /// The leftovers that are removed too.
    pub prune: Prune,
    /// Services that are to be removed although they are (or were) declared.
    pub delete: BTreeSet<ServiceName>,
}

impl Options {
    /// Whether the user asks for a service or a part of it.
    pub fn asks_for(&self, node: &NodeName, service: &ServiceName) -> bool {
        let chosen = self.targets.is_empty() || self.targets.iter().any(|t| t.covers_service(node, service));
        chosen && !self.excludes.iter().any(|t| t.is_whole() && t.covers_service(node, service))
    }

    /// Whether the user asks for a node, be nothing on it.
    pub fn asks_for_node(&self, node: &NodeName) -> bool {
        let chosen = self.targets.is_empty() || self.targets.iter().any(|t| t.is_node(node));
        chosen && !self.excludes.iter().any(|t| t.is_node(node))
    }

    /// Whether the user wants a resource to be made anew. A node or a service means its containers: who wants to lose a
    /// volume names it.
    pub fn replaces(&self, addr: &Addr) -> bool {
        self.replace.iter().any(|t| t.covers(addr) && (!t.is_whole() || addr.kind == Kind::Container))
    }

    /// Whether the user has allowed that the data of a resource is destroyed.
    pub fn allows_data_loss(&self, addr: &Addr) -> bool {
        self.allow_data_loss.iter().any(|t| t.covers(addr))
    }
}

/// Makes the plan. The same input gives the same plan, to the byte.
pub fn plan(input: &Input<'_>) -> Plan {
    let index = Index::of(input);
    let mut scope = scope::scope(input, &index);
    let planned = scope.changes.iter().filter(|(name, _)| !scope.blocked.contains_key(*name));
    let planned = planned.flat_map(|(_, changes)| changes.iter().copied());
    let written = resources::written(input.homelab, planned, input.options);
    let context = Context { input, index: &index, written };
    let (mut graph, mut out) = (StepGraph::default(), Fragment::default());
    let sharing = Sharing::of(input.homelab, input.options);
    let mut order = scope::asked_for(input);
    let mut plans = decisions::decide_all(&context, &mut scope, &order, &sharing);
    scope::add_followers(input, &mut order, &plans);
    let progress = Progress::new(&sharing, remade_volumes::volume_users(&context, &plans));
    let mut services = Services::new(&context, progress, &mut graph);
    for name in &order {
        if let Some(plan) = plans.remove(name) {
            out.append(services.plan(plan, scope.changes.get(name).map_or(&[], Vec::as_slice)));
        }
    }
    out.append(removal::services(&context, &scope.removed, &mut graph));
    out.append(retained::prune(&context, &order, &scope.blocked, &mut graph));
    graph.keep_until_proven();
    left_sharers::keep_owners(&mut graph, input.live);
    handover::order(&mut graph, &index, &mut out.changes);
    unfinished::tell(&mut out.changes, input.recorded);
    record::keep_private(&mut out.changes, input.homelab);
    let steps = graph.finish();
    let mut plan = Plan {
        names: LiveNames::of(&steps, input.live),
        changes: out.changes,
        verifications: out.verifications,
        steps,
        unknown: scope.unknown,
        blocked: scope.blocked,
        objections: out.objections,
        notes: [scope.notes, out.notes].concat(),
        order,
    };
    left_sharers::check(&mut plan, input);
    let stopped = sharing.stopped_owners(&plan);
    plan.objections.extend(stopped);
    safety::check(&mut plan, input, &index);
    if cfg!(debug_assertions) {
        let news = invariants::news(invariants::invariants(&plan, input));
        assert!(news.is_empty(), "an invariant does not hold for this plan. This is a bug in hl: {news:?}");
    }
    plan
}

/// The changes to make, in order, with their reasons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes in the order in which they happen: by service in dependency order, then in
    /// Docker's own order inside a service. Those that need no action (a record only) are in it.
    pub changes: Vec<PlannedChange>,
    /// Services that are verified although (or after) something changed, in order.
    pub verifications: Vec<Verification>,
    /// The steps; an id is an index.
    pub steps: Vec<Step>,
    /// The names of the containers that steps name by id.
    pub names: LiveNames,
    /// Nodes that are not planned, with why.
    pub unknown: BTreeMap<NodeName, Unknown>,
    /// Services that are not planned although their node is known, with why.
    pub blocked: BTreeMap<ServiceName, Block>,
    /// Failures and data loss found before anything is applied.
    pub objections: Vec<Objection>,
    /// Notes for the reader: crashes found, containers that are left alone.
    pub notes: Vec<Note>,
    /// Every service that was asked for in dependency order, touched or not.
    pub order: Vec<ServiceName>,
}

/// The verification of a service: Docker's own health checks, then its health script.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// The node that it is on.
    pub node: NodeName,
    /// Which service.
    pub service: ServiceName,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// The steps that do it.
    pub steps: Vec<StepId>,
}

/// A node that is not planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Why.
    pub cause: UnknownCause,
    /// The services that are not planned because of it.
    pub services: BTreeSet<ServiceName>,
}

/// Why a node is not planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownCause {
    /// It could not be read.
    Unreachable {
        /// Why, in one line, as the node's connection tells it.
        why: String,
        /// A hint for the user; empty if there is none.
        hint: String,
    },
    /// It is in maintenance, on purpose.
    Maintenance,
}

impl Unknown {
    /// Whether it could not be read; nodes in maintenance are left out on purpose.
    pub fn is_unreachable(&self) -> bool {
        match self.cause {
            UnknownCause::Unreachable { .. } => true,
            UnknownCause::Maintenance => false,
        }
    }
}

impl Plan {
    /// Whether applying it would do anything on a node. Adopting and refreshing only record.
    pub fn has_changes(&self) -> bool {
        self.changes.iter().any(PlannedChange::acts)
    }

    /// Whether anything would be done, be it only to prove that a service works.
    pub fn has_work(&self) -> bool {
        self.has_changes() || !self.verifications.is_empty()
    }

    /// Whether it says nothing about some node or service.
    pub fn is_incomplete(&self) -> bool {
        self.unknown.values().any(Unknown::is_unreachable) || !self.blocked.is_empty()
    }
}

/// One resource and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// The address of the resource.
    pub addr: Addr,
    /// The action on the resource.
    pub action: Action,
    /// The reasons, most important first; never empty.
    pub reasons: Vec<Reason>,
    /// Fields that differ (or, for a create, the fields it will have). Safe to show.
    pub fields: Vec<FieldChange>,
    /// Whether something stops meanwhile.
    pub downtime: Downtime,
    /// The dependents of the resource.
    pub dependents: Vec<Dependent>,
    /// The data that is destroyed or left behind; usually empty.
    pub data_at_stake: Vec<Stake>,
    /// The engine's id (or name, or path) of the live one that goes on living; `None` where there is
    /// none, or none that is read back afterwards.
    pub live_id: Option<String>,
    /// The steps that do it.
    pub steps: Vec<StepId>,
    /// The record to write when the steps are done.
    pub record: Record,
}

impl PlannedChange {
    /// Whether something is done on a node, and not only recorded.
    pub fn acts(&self) -> bool {
        !matches!(self.action, Action::Adopt | Action::Refresh)
    }
}

/// Something that depends on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependent {
    /// A resource of the homelab.
    Resource(Addr),
    /// A whole service.
    Service {
        /// The node that it is on.
        node: NodeName,
        /// Its name.
        service: ServiceName,
    },
    /// A live container by its name, whoever made it.
    Container(String),
}

/// The action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing on the node; the record follows.
    Adopt,
    /// Nothing on the node; the record follows what both sides already agree on.
    Refresh,
    /// It is made.
    Create,
    /// It is changed while it runs.
    Update,
    /// It is started, stopped or restarted.
    Restart,
    /// A new one takes its place.
    Replace,
    /// It goes to another node.
    Move,
    /// It is removed.
    Delete,
    /// It is verified, pulled, built or run.
    Run,
}

impl Action {
    /// The symbol in front of the line.
    pub fn symbol(self) -> char {
        match self {
            Action::Adopt | Action::Refresh => '=',
            Action::Create => '+',
            Action::Update => '~',
            Action::Restart => '↻',
            Action::Replace => '±',
            Action::Move => '→',
            Action::Delete => '-',
            Action::Run => '✓',
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Adopt => "adopt",
            Action::Refresh => "refresh",
            Action::Create => "create",
            Action::Update => "update",
            Action::Restart => "restart",
            Action::Replace => "replace",
            Action::Move => "move",
            Action::Delete => "delete",
            Action::Run => "run",
        }
    }
}

/// Whether something stops while a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Downtime {
    /// Nothing stops.
    None,
    /// It stops and starts again.
    Restart,
    /// It stops for good.
    Stops,
}

/// The record to write when a change is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// The declared view as given (without secrets), and the live view read back from the node.
    Applied(Box<Fields>),
    /// The resource is removed from the record.
    Forget,
}

#[cfg(test)]
mod tests;
