//! Where a repository is and how it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bounds::{BoundedReader, Bounds};
use super::disk::Disk;
use super::secrets::{Decrypt, NoKeys};
use super::{ignored, tracked};
use crate::compose::reader::Reader;
use crate::model::Trust;

/// Where a repository is and how it is read.
#[derive(Clone)]
pub struct Repository {
    /// Its absolute folder.
    pub root: PathBuf,
    /// Where the user stands: paths in diagnostics are shown relative to it.
    pub current_dir: PathBuf,
    /// The home folder of the user, for `~` in compose files of services of this machine.
    pub home: Option<String>,
    /// The reader of what it names: within its bounds.
    pub reader: Arc<dyn Reader + Send + Sync>,
    /// The reader without bounds, for files whose paths hl knows itself.
    pub disk: Arc<dyn Reader + Send + Sync>,
    /// Files and folders beside the repository itself that may be read.
    pub allowed: Vec<PathBuf>,
    /// The keys to its encrypted files.
    pub keys: Arc<dyn Decrypt + Send + Sync>,
    /// Whether who runs hl trusts who wrote it.
    pub trust: Trust,
}

impl Repository {
    /// A repository on this machine's disk.
    pub fn on_disk(root: impl Into<PathBuf>, current_dir: impl Into<PathBuf>, home: Option<String>) -> Self {
        Self::read_by(Arc::new(Disk), root, current_dir, home)
    }

    /// A repository that `disk` reads, without any keys.
    pub fn read_by(
        disk: Arc<dyn Reader + Send + Sync>,
        root: impl Into<PathBuf>,
        current_dir: impl Into<PathBuf>,
        home: Option<String>,
    ) -> Self {
        let repository = Self {
            root: root.into(),
            current_dir: current_dir.into(),
            home,
            reader: Arc::clone(&disk),
            disk: Arc::clone(&disk),
            allowed: Vec::new(),
            keys: Arc::new(NoKeys),
            trust: Trust::Owner,
        };
        repository.through(disk)
    }

    /// Whether it is part of a repository of git's, which has a top.
    pub fn is_in_git(&self) -> bool {
        tracked::repository(&self.disk.real(&self.root), self.disk.as_ref()).is_some()
    }

    /// Whether git ignores a file, by its absolute path; none if it is in no repository of git's.
    pub fn is_ignored(&self, file: &Path) -> Option<bool> {
        ignored::is_ignored(&self.disk.real(file), self.disk.as_ref())
    }

    /// The same as somebody else's: nothing but itself is read, and nothing is decrypted.
    #[must_use]
    pub fn untrusted(self) -> Self {
        Self { keys: Arc::new(NoKeys), trust: Trust::Untrusted, ..self }.allowing(Vec::new())
    }

    /// The same with some more that may be read.
    #[must_use]
    pub fn allowing(self, allowed: Vec<PathBuf>) -> Self {
        let disk = Arc::clone(&self.disk);
        Self { allowed, ..self }.through(disk)
    }

    /// The same, read by another reader.
    #[must_use]
    pub fn through(self, disk: Arc<dyn Reader + Send + Sync>) -> Self {
        let bounds = Bounds::of_repository(&self.root, &self.allowed, disk.as_ref());
        Self { reader: Arc::new(BoundedReader::new(Arc::clone(&disk), bounds)), disk, ..self }
    }
}
