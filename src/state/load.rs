//! The state folder → the state. Takes no lock and writes nothing.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Sealer;
use crate::model::view::{Interrupted, RecordedView};

use super::format::{self, FORMAT_VERSION, Misread, Seals, V1, V1Digest, Version};
use super::history::{self, History};
use super::journal::{self, Intent};
use super::key;
use super::lock::{self, Claim};

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
    pub busy: Option<Claim>,
    /// Whether there are secrets in the state that were sealed with another key.
    pub seals: Matching,
}

/// Whether the key at hand is the one that the state was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// It is, or nothing was written yet.
    Yes,
    /// It is not: recorded secrets cannot be compared until they are recorded anew.
    No,
}

/// What goes wrong with the state.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
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
    /// Somebody else is at it.
    #[error("the state is locked: {}", held_by(.holder.as_ref()))]
    Locked {
        /// Who, as far as they have said.
        holder: Option<Claim>,
    },
}

fn held_by(holder: Option<&Claim>) -> String {
    match holder {
        Some(claim) => claim.to_string(),
        None => "another hl has just begun".to_owned(),
    }
}

/// Reads the state for those who only look. Takes no lock and writes nothing.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Newer`], [`Error::Io`]; a state that is not there is an empty one.
pub fn read(paths: &Paths) -> Result<State, Error> {
    let busy = lock::holder(&paths.folder.join("lock"));
    load(paths, busy)
}

/// The past applies.
///
/// # Errors
/// [`Error::Io`].
pub fn history(paths: &Paths) -> Result<History, Error> {
    let path = paths.folder.join("history.jsonl");
    history::read(&path).map_err(io_error(&path, "read"))
}

/// Reads the state; `busy` is who is writing it.
pub(super) fn load(paths: &Paths, busy: Option<Claim>) -> Result<State, Error> {
    let path = paths.folder.join("homelab.json");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return fresh(paths, busy),
        Err(e) => return Err(io_error(&path, "read")(e)),
    };
    let corrupt = |why: String| Error::Corrupt { path: path.clone(), why };
    let file = serde_json::from_slice::<V1>(&bytes);
    // Of a newer format nothing but its version is sure to be readable.
    if !file.as_ref().is_ok_and(|file| file.format_version <= FORMAT_VERSION) {
        let version: Version = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
        if version.format_version > FORMAT_VERSION {
            return Err(Error::Newer { path, found: version.format_version });
        }
    }
    let file = file.map_err(|e| corrupt(e.to_string()))?;
    // The lineage becomes the name of a file.
    if file.lineage.is_empty() || !file.lineage.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(corrupt("the lineage is not a hex number".to_owned()));
    }
    let sealer = load_key(paths, &file.lineage)?;
    let matching = match (&sealer, &file.key) {
        (_, None) => Matching::Yes,
        (Some(sealer), Some(V1Digest(proof))) if key::proof(sealer) == *proof => Matching::Yes,
        (Some(_) | None, Some(_)) => Matching::No,
    };
    let seals = match matching {
        Matching::Yes => Seals::Ours,
        Matching::No => Seals::Foreign,
    };
    let resources = format::open(file.resources, seals).map_err(|Misread(why)| corrupt(why))?;
    let view = RecordedView {
        serial: file.serial,
        resources,
        services: file.services.into_iter().map(|(name, service)| (name, service.into())).collect(),
        unproven: file.unproven,
        interrupted: interrupted(paths, busy.as_ref())?,
    };
    let sealer = match sealer {
        Some(sealer) => sealer,
        None => passing_key(paths)?,
    };
    Ok(State { view, sealer, lineage: file.lineage, busy, seals: matching })
}

/// The state of a homelab that was never applied, or whose state was thrown away.
fn fresh(paths: &Paths, busy: Option<Claim>) -> Result<State, Error> {
    let view = RecordedView { interrupted: interrupted(paths, busy.as_ref())?, ..RecordedView::default() };
    let lineage = key::new_lineage().map_err(io_error(&paths.folder, "name"))?;
    Ok(State { view, sealer: passing_key(paths)?, lineage, busy, seals: Matching::Yes })
}

fn interrupted(paths: &Paths, busy: Option<&Claim>) -> Result<Vec<Interrupted>, Error> {
    if busy.is_some() {
        return Ok(Vec::new());
    }
    let path = paths.folder.join("journal.jsonl");
    let told = journal::read_file(&path).map_err(io_error(&path, "read"))?;
    let about = |i: Intent| {
        let about = i.addr.map_or_else(|| format!("{}/{}", i.node, i.service), |addr| addr.to_string());
        Interrupted { about, operation: i.operation, begun_at: i.at }
    };
    Ok(told.open.into_iter().map(about).collect())
}

fn load_key(paths: &Paths, lineage: &str) -> Result<Option<Sealer>, Error> {
    key::load(&paths.keys, lineage).map_err(io_error(&key::path(&paths.keys, lineage), "read the key"))
}

fn passing_key(paths: &Paths) -> Result<Sealer, Error> {
    key::passing().map_err(io_error(&paths.keys, "make a key for"))
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
