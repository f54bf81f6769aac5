//! PLAN → REALITY. Takes the steps of a plan as soon as what they need is done, as many at once as
//! the limits allow, and records what is then true.
//!
//! Entry: [`apply`]. The room decides *when*, never *what*: a step carries all that its call needs.
//! It does not know the homelab, files of the repository or the terminal; what happens goes out as
//! [`Event`]s, and at the end a [`Report`] has an outcome for each step.
//!
//! - Before each call its intent is in the journal, on the disk; after it, its result.
//! - A failed step stops what needs it and nothing else. The done steps of its group, and of the
//!   groups that it verifies, are taken back, last first.
//! - A change is recorded when nothing can take it back any more: what was declared, and what the
//!   node then shows.
//! - A first interruption lets finish what was begun, a second one stops everything.

mod call;
mod env_file;
mod health;
mod leaving;
mod locks;
mod read_back;
mod record;
mod redact;
mod run;
mod schedule;
pub mod verify;
mod wait;

#[cfg(test)]
mod tests;

pub use locks::{fallback_lock_file, lock_file};
pub use redact::Redactor;

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::{mpsc::UnboundedSender, watch};

use crate::event::{Event, Interruption, Recording, Report};
use crate::model::history::Ending;
use crate::model::homelab;
use crate::model::view::RecordedService;
use crate::model::{NodeName, ServiceName};
use crate::node::{Node, NodeError};
use crate::plan::{Operation, Phase, Plan};
use crate::state::{self, Store, Summary};

/// How a plan is applied.
#[derive(Clone)]
pub struct Options {
    /// The last phase; all if absent.
    pub until: Option<Phase>,
    /// Calls under way in all.
    pub parallelism: usize,
    /// The nodes as declared, for the limit of each and for the place of its lock.
    pub nodes: BTreeMap<NodeName, homelab::Node>,
    /// The record of each declared service.
    pub services: BTreeMap<ServiceName, RecordedService>,
    /// Secrets that must not be said, beside those that the plan carries.
    pub secrets: Vec<SecretString>,
    /// The digest of the plan, for the history.
    pub digest: String,
    /// The commit of the repository, for the history.
    pub commit: Option<String>,
    /// The holder of the locks, shown to anyone who finds a node locked.
    pub holder: String,
}

/// Calls under way in all, where nobody says otherwise.
pub const PARALLELISM: usize = 16;

/// Why an apply did not take place, or is not written down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another apply writes to a node. Nothing was done.
    #[error("{0}")]
    Locked(#[source] NodeError),
    /// The state could not be begun. Nothing was done.
    #[error(transparent)]
    NotBegun(state::Error),
    /// The state could not be written. The report lists the steps that were done, and what of them is not recorded.
    #[error("{source}")]
    Unrecorded {
        /// Why.
        source: state::Error,
        /// The outcomes of the steps.
        report: Box<Report>,
    },
}

/// Applies a plan: all of it, or up to a phase.
///
/// `stop` is how the user interrupts: [`Interruption::Finished`] the first time,
/// [`Interruption::Stopped`] the second.
///
/// # Errors
/// [`Error`]. A step that fails is no error; it stands in the report.
///
/// # Panics
/// If the steps of the plan wait for one another in a circle, which is a bug of the plan.
pub async fn apply(
    plan: &Plan,
    nodes: &BTreeMap<NodeName, Arc<dyn Node>>,
    store: &mut Store,
    options: &Options,
    stop: watch::Receiver<Interruption>,
    events: UnboundedSender<Event>,
) -> Result<Report, Error> {
    let locks = locks::take(plan, nodes, options).await.map_err(Error::Locked)?;
    store.start(&options.digest, options.commit.as_deref()).map_err(Error::NotBegun)?;
    let unverified = plan.verifications.iter().map(|v| v.service.clone()).collect();
    store.require_verification(unverified).map_err(Error::NotBegun)?;
    let (changes, services) = record::begun(plan, &store.state().view);
    store.begin_changes(changes, &services).map_err(Error::NotBegun)?;
    let moves = plan.steps.iter().filter(|step| matches!(step.operation, Operation::CheckMove { .. }));
    store
        .begin_moves(moves.map(|step| (step.service.clone(), step.node.clone())).collect())
        .map_err(Error::NotBegun)?;
    let job = run::Job { plan, nodes, locks: &locks, store, options, events };
    let (report, trouble) = run::run(job, stop).await;
    let written = store.finish(summary(plan, &report));
    match trouble.map_or(written, Err) {
        Ok(()) => Ok(report),
        Err(source) => {
            let recording = Recording::Torn { missing: store.unsaved().clone() };
            Err(Error::Unrecorded { source, report: Box::new(Report { recording, ..report }) })
        }
    }
}

/// Records what the services are, for a plan that has nothing to do: a new protection or another
/// dependency is no step on any node, and has to be known when the service's folder is gone. What
/// the plan leaves out stays as it was recorded.
///
/// # Errors
/// If the state cannot be written.
pub fn record_services(
    plan: &Plan,
    store: &mut Store,
    services: &BTreeMap<ServiceName, RecordedService>,
) -> Result<(), state::Error> {
    record::services(plan, store, services, |_| true);
    store.save()
}

/// The apply's line in the history.
fn summary(plan: &Plan, report: &Report) -> Summary {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for change in &plan.changes {
        *counts.entry(change.action.as_str().to_owned()).or_default() += 1;
    }
    let result = match (report.interrupted, report.is_complete()) {
        (Interruption::Finished | Interruption::Stopped, _) => Ending::Interrupted,
        (Interruption::No, true) => Ending::Done,
        (Interruption::No, false) => Ending::Failed,
    };
    Summary { counts, result, trouble: report.failures().map(|(_, error)| error.to_owned()).collect() }
}
