//! The state folder → the state. Takes no lock and writes nothing.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Sealer;
use crate::model::view::{Interrupted, RecordedView};

use super::backend::{Backend, Folder, Log, Part};
use super::format::{self, FORMAT_VERSION, Misread, StoredDigest, StoredState, Version};
use super::history::{self, History};
use super::journal::{self, Intent, JournalContents};
use super::key::{self, KeyMatch};
use super::lock::LockOwner;

/// Where the state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The folder `state/` of the repository.
    pub folder: PathBuf,
    /// The folder of the sealing keys, outside any repository.
    pub keys: PathBuf,
}

/// The state as it was read.
#[derive(Clone, Debug)]
pub struct State {
    /// The recorded view. Secrets in it are sealed; one that was sealed with a key that is not at
    /// hand is [`crate::model::Value::Unknown`]: recorded, and nobody can tell as what.
    pub view: RecordedView,
    /// Seals and compares secrets.
    pub sealer: Sealer,
    /// Names what all copies of this state have in common.
    pub lineage: String,
    /// The apply that is writing the state right now, if one is. What it has under way is no crash
    /// and is not in the view.
    pub busy: Option<LockOwner>,
    /// Whether the secrets in the record were sealed with the key at hand.
    pub key: KeyMatch,
}

/// An error of the state.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The attempted operation.
        doing: &'static str,
        /// The file system's words.
        source: io::Error,
    },
    /// The file is not a state.
    #[error(
        "{} cannot be understood: {why}. Take it from git or from homelab.json.backup beside it, or delete it: \
         nothing is recreated because of that, but the protection of services whose folder is gone is forgotten",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A newer hl wrote it.
    #[error(
        "{} has format {found}, and this hl knows formats up to {FORMAT_VERSION}: use the newer hl that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: u32,
    },
    /// The record is not the one that was read: somebody replaced it although the state is locked.
    #[error("{} was changed by somebody else meanwhile ({why}), and is left as it is", path.display())]
    Moved {
        /// The file.
        path: PathBuf,
        /// Its serial and the expected one.
        why: String,
    },
    /// Somebody else is at it.
    #[error("the state is locked: {}", held_by(.holder.as_ref()))]
    Locked {
        /// Who, as far as they have said.
        holder: Option<LockOwner>,
    },
}

fn held_by(holder: Option<&LockOwner>) -> String {
    match holder {
        Some(claim) => claim.to_string(),
        None => "another hl has just begun".to_owned(),
    }
}

/// Reads the state for callers that write nothing. Takes no lock and writes nothing.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Newer`], [`Error::Io`]; a state that is not there is an empty one.
pub fn read(paths: &Paths) -> Result<State, Error> {
    let backend = Folder::new(&paths.folder);
    let busy = backend.lock_owner();
    load(&backend, &paths.keys, busy)
}

/// The state with a record that the caller has, and nothing else: for those who do not take the word of the folder.
///
/// # Errors
/// As [`read`].
pub fn of_record(record: Option<Vec<u8>>, paths: &Paths) -> Result<State, Error> {
    let name = Folder::new(&paths.folder).name(Part::Record);
    let Some(bytes) = record else {
        let lineage = key::new_lineage().map_err(io_error(&name, "name"))?;
        let sealer = ephemeral_key(&paths.keys)?;
        return Ok(State { view: RecordedView::default(), sealer, lineage, busy: None, key: KeyMatch::Yes });
    };
    opened(&bytes, &name, &paths.keys, None, Vec::new())
}

/// Where the key of a lineage lies, whether it is there or not.
pub fn key_file(paths: &Paths, lineage: &str) -> PathBuf {
    key::path(&paths.keys, lineage)
}

/// The past applies.
///
/// # Errors
/// [`Error::Io`].
pub fn history(paths: &Paths) -> Result<History, Error> {
    past(&Folder::new(&paths.folder))
}

/// The past applies of a state.
pub(super) fn past(backend: &dyn Backend) -> Result<History, Error> {
    history::read(backend).map_err(io_error(&backend.name(Part::Log(Log::History)), "read"))
}

/// Reads the state; `busy` is who is writing it.
pub(super) fn load(backend: &dyn Backend, keys: &Path, busy: Option<LockOwner>) -> Result<State, Error> {
    let path = backend.name(Part::Record);
    let Some(bytes) = backend.read(Part::Record).map_err(io_error(&path, "read"))? else {
        return fresh(backend, keys, busy);
    };
    let interrupted = interrupted(backend, busy.as_ref())?;
    opened(&bytes, &path, keys, busy, interrupted)
}

/// The state with a record; `path` is what that is called.
fn opened(
    bytes: &[u8],
    path: &Path,
    keys: &Path,
    busy: Option<LockOwner>,
    interrupted: Vec<Interrupted>,
) -> Result<State, Error> {
    let corrupt = |why: String| Error::Corrupt { path: path.to_owned(), why };
    // As text it is checked once, and not string by string.
    let text = std::str::from_utf8(bytes).map_err(|error| corrupt(error.to_string()))?;
    let file = serde_json::from_str::<StoredState>(text);
    // Of a newer format nothing but its version is sure to be readable.
    if !file.as_ref().is_ok_and(|file| file.format_version <= FORMAT_VERSION) {
        let version: Version = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
        if version.format_version > FORMAT_VERSION {
            return Err(Error::Newer { path: path.to_owned(), found: version.format_version });
        }
    }
    let file = file.map_err(|e| corrupt(e.to_string()))?;
    // The lineage becomes the name of a file.
    if file.lineage.is_empty() || !file.lineage.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(corrupt("the lineage is not a hex number".to_owned()));
    }
    let sealer = load_key(keys, &file.lineage)?;
    let key = match (&sealer, &file.key) {
        (_, None) => KeyMatch::Yes,
        (Some(sealer), Some(StoredDigest(proof))) if key::proof(sealer) == *proof => KeyMatch::Yes,
        (Some(_) | None, Some(_)) => KeyMatch::No,
    };
    let resources = format::open(file.resources, key).map_err(|Misread(why)| corrupt(why))?;
    let view = RecordedView {
        serial: file.serial,
        resources,
        services: file.services.into_iter().map(|(name, service)| (name, service.into())).collect(),
        unverified: file.unverified,
        unfinished: file.unfinished.iter().filter_map(|addr| addr.parse().ok()).collect(),
        interrupted,
    };
    let sealer = match sealer {
        Some(sealer) => sealer,
        None => ephemeral_key(keys)?,
    };
    Ok(State { view, sealer, lineage: file.lineage, busy, key })
}

/// The state of a homelab that was never applied, or whose state was thrown away.
fn fresh(backend: &dyn Backend, keys: &Path, busy: Option<LockOwner>) -> Result<State, Error> {
    let view = RecordedView { interrupted: interrupted(backend, busy.as_ref())?, ..RecordedView::default() };
    let lineage = key::new_lineage().map_err(io_error(&backend.name(Part::Record), "name"))?;
    Ok(State { view, sealer: ephemeral_key(keys)?, lineage, busy, key: KeyMatch::Yes })
}

fn interrupted(backend: &dyn Backend, busy: Option<&LockOwner>) -> Result<Vec<Interrupted>, Error> {
    if busy.is_some() {
        return Ok(Vec::new());
    }
    let contents = journal(backend)?;
    let interrupted = |i: Intent| Interrupted { about: i.about(), operation: i.operation, begun_at: i.at };
    Ok(contents.open.into_iter().map(interrupted).collect())
}

/// The contents of the journal of a state.
pub(super) fn journal(backend: &dyn Backend) -> Result<JournalContents, Error> {
    journal::read_log(backend).map_err(io_error(&backend.name(Part::Log(Log::Journal)), "read"))
}

fn load_key(keys: &Path, lineage: &str) -> Result<Option<Sealer>, Error> {
    key::load(keys, lineage).map_err(io_error(&key::path(keys, lineage), "read the key"))
}

fn ephemeral_key(keys: &Path) -> Result<Sealer, Error> {
    key::ephemeral().map_err(io_error(keys, "make a key for"))
}

/// An error of the file system, with the file and what was tried.
pub(super) fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, doing, source }
}

/// The time as the state writes it.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
