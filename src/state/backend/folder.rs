//! A state in a folder of this machine, `state/` of the repository.
//!
//! | file | part | written |
//! |---|---|---|
//! | `homelab.json` | the record | whole or not at all; the one before this apply is `homelab.json.backup` |
//! | `journal.jsonl` | the journal | appended |
//! | `history.jsonl` | the history | appended |
//! | `lock` | who holds the lock | held by the operating system |
//!
//! The folder comes with a repository, which somebody else may have made: a link in it is not followed, and nothing but a
//! file is opened.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::interface::{Backend, Durability, Lock, LockError, Log, Part, ReplaceError, require_serial};
use crate::atomic_file::{keep_as, replace, sweep, sync_folder};
use crate::regular_file::{self, Links, MOST_BYTES, require_folder};
use crate::state::lock::LockOwner;

/// The ignore patterns of a state: git must not keep files that belong to one machine and one moment.
const IGNORED: &str = include_str!("../../../state/.gitignore");

/// Readers of the state look whether it is locked by locking it themselves for a moment, so one refusal proves nothing.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A state in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// The operating system's lock on an open file: it ends with its process, whatever ends that. The file's content only
/// tells people who holds it, and is empty when nobody does. Other clones have a state folder of their own; those are
/// kept apart by the locks on the nodes.
#[derive(Debug)]
struct FileLock {
    file: File,
}

impl Folder {
    /// The state in this folder, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Folder { path: path.into() }
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Opens one of the files.
    fn open(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        require_folder(&self.path)?;
        Ok(regular_file::open(path, Links::Refused, options)?)
    }

    /// Makes the folder where there is none, with what tells git to leave out parts of it. An existing folder is the
    /// user's.
    fn make(&self) -> Result<(), LockError> {
        require_folder(&self.path).map_err(failed(&self.path, "use"))?;
        if self.path.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.path).map_err(failed(&self.path, "make"))?;
        let ignore = self.path.join(".gitignore");
        replace(&ignore, IGNORED.as_bytes(), 0o644).map_err(failed(&ignore, "write"))
    }
}

impl Backend for Folder {
    fn name(&self, part: Part) -> PathBuf {
        self.path.join(match part {
            Part::Record => "homelab.json",
            Part::Log(Log::Journal) => "journal.jsonl",
            Part::Log(Log::History) => "history.jsonl",
        })
    }

    fn read(&self, part: Part) -> io::Result<Option<Vec<u8>>> {
        require_folder(&self.path)?;
        if_there(regular_file::read(&self.name(part), Links::Refused, MOST_BYTES).map_err(io::Error::from))
    }

    fn replace(&self, record: &[u8], expected: Option<u64>) -> Result<(), ReplaceError> {
        require_serial(self.read(Part::Record)?.as_deref(), expected)?;
        Ok(replace(&self.name(Part::Record), record, 0o644)?)
    }

    fn keep_record(&self) -> io::Result<()> {
        let path = self.name(Part::Record);
        if if_there(self.open(&path, OpenOptions::new().read(true)))?.is_none() {
            return Ok(());
        }
        if_there(keep_as(&path, &self.path.join("homelab.json.backup"))).map(|_| ())
    }

    fn append(&self, log: Log, lines: &[u8], durability: Durability) -> io::Result<()> {
        let path = self.name(Part::Log(log));
        let is_new = !path.exists();
        let mut file = self.open(&path, OpenOptions::new().create(true).read(true).append(true))?;
        // One write for all lines: a killed process leaves all of them or none, only a lost power can tear one.
        match ends_in_a_line(&mut file)? {
            true => file.write_all(lines)?,
            false => file.write_all(&[b"\n", lines].concat())?,
        }
        match durability {
            Durability::Synced if is_new => file.sync_all().and_then(|()| sync_folder(&self.path)),
            Durability::Synced => file.sync_data(),
            Durability::Buffered => Ok(()),
        }
    }

    fn clear(&self, log: Log) -> io::Result<()> {
        let path = self.name(Part::Log(log));
        match if_there(self.open(&path, OpenOptions::new().write(true)))? {
            Some(file) => file.set_len(0).and_then(|()| file.sync_all()),
            None => Ok(()),
        }
    }

    fn lock(&self, owner: &LockOwner) -> Result<Box<dyn Lock>, LockError> {
        self.make()?;
        // Before anything is done that could not be written down.
        for part in [Part::Record, Part::Log(Log::Journal), Part::Log(Log::History)] {
            let path = self.name(part);
            if_there(self.open(&path, OpenOptions::new().read(true))).map_err(failed(&path, "use"))?;
        }
        let path = self.lock_file();
        let file = self.open(&path, OpenOptions::new().read(true).write(true).create(true).truncate(false));
        let mut file = file.map_err(failed(&path, "lock"))?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(owner_in(&mut file))),
                Err(TryLockError::Error(error)) => return Err(failed(&path, "lock")(error)),
            }
        }
        let text = serde_json::to_string(owner).map_err(|error| failed(&path, "lock")(error.into()))?;
        file.set_len(0).and_then(|()| writeln!(file, "{text}")).map_err(failed(&path, "lock"))?;
        sweep(&self.path);
        Ok(Box::new(FileLock { file }))
    }

    fn lock_owner(&self) -> Option<LockOwner> {
        let mut file = self.open(&self.lock_file(), OpenOptions::new().read(true)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(owner_in(&mut file).unwrap_or_else(LockOwner::unknown)),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

impl Lock for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // An old owner in a free lock would mislead people, and nothing else: failing to clear it is no failure.
        let _ = self.file.set_len(0);
    }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> LockError {
    let path = path.to_owned();
    move |source| LockError::Io { path, doing, source }
}

fn owner_in(file: &mut File) -> Option<LockOwner> {
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether a file is empty or ends where a line does.
fn ends_in_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The answer of the file system; `None` where the file is not there.
fn if_there<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
