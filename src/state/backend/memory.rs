//! A state in memory, for tests.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interface::{Backend, Durability, Lock, LockError, Log, Part, ReplaceError, require_serial};
use crate::state::lock::LockOwner;

/// A state in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::state) struct Memory {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    parts: BTreeMap<Part, Vec<u8>>,
    backup: Option<Vec<u8>>,
    owner: Option<LockOwner>,
}

#[derive(Debug)]
struct MemoryLock(Memory);

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a part there, whatever was there before: as somebody does who ignores the lock.
    pub(in crate::state) fn put(&self, part: Part, bytes: &[u8]) {
        self.kept().parts.insert(part, bytes.to_owned());
    }

    /// The record that was kept last.
    pub(in crate::state) fn backup(&self) -> Option<Vec<u8>> {
        self.kept().backup.clone()
    }
}

impl Backend for Memory {
    fn name(&self, part: Part) -> PathBuf {
        PathBuf::from(format!("{part:?}"))
    }

    fn read(&self, part: Part) -> io::Result<Option<Vec<u8>>> {
        Ok(self.kept().parts.get(&part).cloned())
    }

    fn replace(&self, record: &[u8], expected: Option<u64>) -> Result<(), ReplaceError> {
        let mut kept = self.kept();
        require_serial(kept.parts.get(&Part::Record).map(Vec::as_slice), expected)?;
        kept.parts.insert(Part::Record, record.to_owned());
        Ok(())
    }

    fn keep_record(&self) -> io::Result<()> {
        let mut kept = self.kept();
        if let Some(record) = kept.parts.get(&Part::Record).cloned() {
            kept.backup = Some(record);
        }
        Ok(())
    }

    fn append(&self, log: Log, lines: &[u8], _: Durability) -> io::Result<()> {
        self.kept().parts.entry(Part::Log(log)).or_default().extend_from_slice(lines);
        Ok(())
    }

    fn clear(&self, log: Log) -> io::Result<()> {
        self.kept().parts.remove(&Part::Log(log));
        Ok(())
    }

    fn lock(&self, owner: &LockOwner) -> Result<Box<dyn Lock>, LockError> {
        let mut kept = self.kept();
        if kept.owner.is_some() {
            return Err(LockError::Held(kept.owner.clone()));
        }
        kept.owner = Some(owner.clone());
        Ok(Box::new(MemoryLock(self.clone())))
    }

    fn lock_owner(&self) -> Option<LockOwner> {
        self.kept().owner.clone()
    }
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.kept().owner = None;
    }
}
