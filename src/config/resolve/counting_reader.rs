//! A reader for tests that tells how much is read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::compose::reader::{Kind, ReadError, Reader};

/// Counts how often a Compose file is read.
pub(super) struct CountingReader {
    pub(super) inner: Arc<dyn Reader + Send + Sync>,
    pub(super) reads: AtomicUsize,
}

impl Reader for CountingReader {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        if path.ends_with("compose.yml") {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.read(path)
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

    fn is_link(&self, path: &Path) -> bool {
        self.inner.is_link(path)
    }
}
