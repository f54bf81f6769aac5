//! One apply at a time for one state folder.
//!
//! The lock is the operating system's, on an open file: it ends with its process, whatever ends that.
//! What stands in the file only tells people who holds it, and is empty when nobody does. Other
//! clones have a state folder of their own; those are kept apart by the locks on the nodes.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who holds the lock or wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// What for, such as `apply`.
    pub why: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { who, host, pid, why, since } = self;
        write!(f, "{who}@{host} runs `hl {why}` (process {pid}) since {since}")
    }
}

/// The held lock; dropping it frees it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// Why the lock could not be taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else has it; `None` if they have not written down yet who they are.
    Held(Option<Claim>),
    /// The file system says no.
    Io(io::Error),
}

/// Readers of the state look whether it is locked by locking it themselves for a moment, so one
/// refusal proves nothing.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Takes the lock, without waiting for another apply to end.
pub(super) fn acquire(path: &Path, claim: &Claim) -> Result<Lock, Refusal> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open().map_err(Refusal::Io)?;
    let mut tries = 1;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(BETWEEN_TRIES);
            }
            Err(TryLockError::WouldBlock) => return Err(Refusal::Held(claim_in(&mut file))),
            Err(TryLockError::Error(e)) => return Err(Refusal::Io(e)),
        }
    }
    let text = serde_json::to_string(claim).map_err(|e| Refusal::Io(e.into()))?;
    file.set_len(0).and_then(|()| writeln!(file, "{text}")).map_err(Refusal::Io)?;
    Ok(Lock { file })
}

/// Who holds the lock now; `None` if nobody does. A holder who has not written a claim yet, or whose
/// claim cannot be read, has the name `unknown`.
pub(super) fn holder(path: &Path) -> Option<Claim> {
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(claim_in(&mut file).unwrap_or_else(|| Claim {
            who: "unknown".to_owned(),
            host: "unknown".to_owned(),
            pid: 0,
            why: "unknown".to_owned(),
            since: "unknown".to_owned(),
        })),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn claim_in(file: &mut File) -> Option<Claim> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An old claim in a free lock would mislead people, and nothing else: failing to clear it is no failure.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim {
            who: "ann".into(),
            host: "desk".into(),
            pid: 7,
            why: "apply".into(),
            since: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_second_one_is_told_who_holds_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(holder(&path), None);
        let lock = acquire(&path, &claim()).unwrap();
        assert_eq!(holder(&path), Some(claim()));
        match acquire(&path, &Claim { who: "bob".into(), ..claim() }) {
            Err(Refusal::Held(Some(held))) => assert_eq!(held, claim()),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(holder(&path), None);
        drop(acquire(&path, &claim()).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
