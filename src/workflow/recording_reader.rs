//! A reader of files that records what it read, so that a saved plan can tell whether the same would be read again.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::compose::reader::{Kind, ReadError, Reader};

/// Reads through another reader and keeps the content of every file that was read.
#[derive(Clone)]
pub(super) struct RecordingReader {
    inner: Arc<dyn Reader + Send + Sync>,
    read: Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>,
}

impl RecordingReader {
    /// Records what is read through `inner`.
    pub(super) fn over(inner: Arc<dyn Reader + Send + Sync>) -> Self {
        RecordingReader { inner, read: Arc::default() }
    }

    /// The files that were read, with their content, by their path.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for RecordingReader {
    /// Contents stay out of it: there may be secrets among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("RecordingReader").field("files", &read.keys()).finish_non_exhaustive()
    }
}

impl Reader for RecordingReader {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let bytes = self.inner.read(path)?;
        // Git rewrites its index whenever it compares files with it, and the index decides only what is shown.
        if path.components().any(|part| part.as_os_str() == ".git") {
            return Ok(bytes);
        }
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn kind(&self, path: &Path) -> Kind {
        self.inner.kind(path)
    }

    fn names(&self, path: &Path) -> Vec<String> {
        self.inner.names(path)
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        self.inner.size_and_mode(path)
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.inner.real(path)
    }

    fn is_link(&self, path: &Path) -> bool {
        self.inner.is_link(path)
    }
}
