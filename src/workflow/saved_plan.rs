//! A plan in a file: written for somebody to agree to, read again, and held against the plan of the present.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::observe::Observation;
use super::plan::Planned;
use crate::atomic_file;
use crate::model::AddrError;
use crate::plan::saved_plan::{self, ParseError, SavedOptions, SavedPlan, Stale};
use crate::regular_file::{self, Links, MOST_BYTES};
use crate::state::{self, LockOwner, Paths, State, Store};

/// The contents of a plan as shown to a reader, made by the code that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanContent {
    /// The plan without secrets, for programs.
    pub json: serde_json::Value,
    /// The keyed digests of the secrets that it shows by their numbers, in order.
    pub secrets: Vec<String>,
}

/// Why a plan is not saved, or a saved one not applied.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a saved plan that this hl can read.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParseError,
    },
    /// Something else is where a plan is to be saved.
    #[error("{} is there already and is no saved plan, so it is left as it is", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// Why it is none.
        source: ParseError,
    },
    /// A target, an exclusion or a service in the saved options is not a valid address.
    #[error(transparent)]
    Address(#[from] AddrError),
    /// It was applied before.
    #[error("{} was applied already", path.display())]
    Applied {
        /// The file.
        path: PathBuf,
    },
    /// Something has changed since it was made.
    #[error("the saved plan is not applied")]
    Stale(
        /// What; never empty.
        BTreeSet<Stale>,
    ),
    /// The record cannot be read.
    #[error(transparent)]
    State(#[from] state::Error),
}

/// The plan as it is saved.
pub fn saved_plan(observation: &Observation, state: &State, planned: &Planned, content: PlanContent) -> SavedPlan {
    SavedPlan {
        format_version: saved_plan::FORMAT_VERSION,
        made_by: format!("hl {}", env!("CARGO_PKG_VERSION")),
        made_at: state::now(),
        homelab: observation.homelab.name.clone(),
        lineage: state.lineage.clone(),
        serial: state.view.serial,
        inputs: saved_plan::inputs(&observation.inputs(), &state.sealer).to_string(),
        options: SavedOptions::of(&planned.options),
        fingerprints: saved_plan::fingerprints(&planned.plan, &planned.changes, &state.sealer),
        secrets: content.secrets,
        plan: content.json,
    }
}

/// Reads the record and writes it if there is none yet: a plan can only be saved with a record that is the same one
/// when the plan is applied.
///
/// # Errors
/// As [`Store::open`].
pub fn established_record(
    paths: Paths,
    owner: LockOwner,
) -> impl FnOnce() -> Result<State, state::Error> + Send + 'static {
    move || {
        let mut store = Store::open(&paths, owner)?;
        store.establish()?;
        Ok(store.state().clone())
    }
}

/// Makes sure that a plan may be saved in a file: nothing is there yet, or another saved plan.
///
/// # Errors
/// [`SavedPlanError::Write`], [`SavedPlanError::Occupied`].
pub fn require_plan_file(path: &Path) -> Result<(), SavedPlanError> {
    let cannot_write = |source| SavedPlanError::Write { path: path.to_owned(), source };
    let bytes = match regular_file::read(path, Links::Refused, MOST_BYTES).map_err(io::Error::from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(cannot_write)?,
    };
    // Bytes that are no text are no JSON either, and that is what is said of them.
    SavedPlan::recognise(&String::from_utf8_lossy(&bytes))
        .map_err(|source| SavedPlanError::Occupied { path: path.to_owned(), source })
}

/// Writes a plan to a file that only its owner can read, in place of another saved plan at most.
///
/// # Errors
/// [`SavedPlanError::Write`], [`SavedPlanError::Occupied`]; what the file held before is then untouched.
pub fn write_plan(path: &Path, saved: &SavedPlan) -> Result<(), SavedPlanError> {
    require_plan_file(path)?;
    atomic_file::replace(path, saved.text().as_bytes(), 0o600)
        .map_err(|source| SavedPlanError::Write { path: path.to_owned(), source })
}

/// Reads a plan from a file.
///
/// # Errors
/// [`SavedPlanError::Read`], [`SavedPlanError::Malformed`].
pub fn read_plan(path: &Path) -> Result<SavedPlan, SavedPlanError> {
    let bytes = regular_file::read(path, Links::Followed, MOST_BYTES);
    let bytes = bytes.map_err(|error| SavedPlanError::Read { path: path.to_owned(), source: error.into() })?;
    SavedPlan::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|source| SavedPlanError::Malformed { path: path.to_owned(), source })
}

/// Makes sure that a plan from a file was not applied before, even by an apply that was cut off.
///
/// # Errors
/// [`SavedPlanError::Applied`], [`SavedPlanError::State`].
pub fn require_unapplied(path: &Path, saved: &SavedPlan, store: &Store) -> Result<(), SavedPlanError> {
    match store.was_applied(&saved.digest())? {
        true => Err(SavedPlanError::Applied { path: path.to_owned() }),
        false => Ok(()),
    }
}

/// Makes sure that the plan of the present is the one that was agreed to.
///
/// # Errors
/// [`SavedPlanError::Stale`] says what has changed.
pub fn require_current(agreed: &SavedPlan, present: &SavedPlan) -> Result<(), SavedPlanError> {
    let stale = agreed.stale(present);
    if stale.is_empty() { Ok(()) } else { Err(SavedPlanError::Stale(stale)) }
}
