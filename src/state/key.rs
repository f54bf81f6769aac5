//! The sealing key: what makes the digests of secrets worthless to whoever reads the repository.
//!
//! It lies in a folder outside the repository, one file for each lineage of state, 0600: with the user, wherever the
//! state is kept, so it is no part of a backend. A lost key loses no more than the answer to "did this secret change
//! since the last apply": the recorded value is then [unknown](crate::model::Value::Unknown), and nothing is recreated
//! because of it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::model::{Digest, Sealer, hex};
use crate::regular_file::{self, Links, MOST_BYTES};

/// The fixed text that every key seals once. Its seal tells which key a state was written with.
const PROOF: &str = "hl state key 1";

/// Whether the key at hand is the one that a record was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMatch {
    /// It is, or nothing was written yet: digests of secrets can be compared.
    Yes,
    /// It is not, or it is lost. A value with such a digest is read as [`crate::model::Value::Unknown`]: there is
    /// something recorded and nobody can tell what, which is not "it changed". That lasts until the value is recorded
    /// anew.
    No,
}

/// The proof of a key: the seal of a fixed text.
pub(super) fn proof(sealer: &Sealer) -> Digest {
    sealer.seal(PROOF)
}

/// The key of this lineage, if it is there.
pub(super) fn load(folder: &Path, lineage: &str) -> io::Result<Option<Sealer>> {
    let path = path(folder, lineage);
    let bytes = match regular_file::read(&path, Links::Refused, MOST_BYTES).map_err(io::Error::from) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match std::str::from_utf8(&bytes).ok().and_then(|text| hex::decode(text.trim_end())) {
        Some(key) => Ok(Some(Sealer::new(key))),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "it is no key: 64 hex digits are expected")),
    }
}

/// The key of this lineage, made if it is not there.
pub(super) fn load_or_make(folder: &Path, lineage: &str) -> io::Result<Sealer> {
    if let Some(sealer) = load(folder, lineage)? {
        return Ok(sealer);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let key = random()?;
    match atomic_file::create(&path(folder, lineage), format!("{}\n", hex::encode(&key)).as_bytes(), 0o600) {
        Ok(()) => Ok(Sealer::new(key)),
        // Another clone on this machine was faster: its key is the key.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            load(folder, lineage)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        }
        Err(e) => Err(e),
    }
}

/// A key for one run, when there is nothing yet that it would have to match.
pub(super) fn ephemeral() -> io::Result<Sealer> {
    Ok(Sealer::new(random()?))
}

/// A new lineage: 128 random bits in hex.
pub(super) fn new_lineage() -> io::Result<String> {
    Ok(hex::encode(&random()?[..16]))
}

/// Where the key of a lineage lies.
pub(super) fn path(folder: &Path, lineage: &str) -> PathBuf {
    folder.join(format!("{lineage}.key"))
}

fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    Ok(bytes)
}
