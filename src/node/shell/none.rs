//! A node of which nothing but the engine can be reached.

use async_trait::async_trait;

use super::{Folder, Shell};
use crate::model::NodeName;
use crate::model::spec::DirectorySpec;
use crate::model::view::{LiveFile, LiveFiles, WantContent, Wanted};
use crate::node::{ErrorKind, FileWrite, LockGuard, LockHolder, NodeError, Script, ScriptOutcome, Tools};

/// No files and no scripts.
pub struct NoShell {
    node: NodeName,
}

impl NoShell {
    /// The shell of `node`.
    pub fn new(node: &NodeName) -> Self {
        Self { node: node.clone() }
    }

    fn cannot<T>(&self, what: &str) -> Result<T, NodeError> {
        let text = "only its engine can be reached (tcp://); ssh:// reaches its files too";
        let kind = ErrorKind::Unsupported(text.to_owned());
        Err(NodeError { node: self.node.clone(), what: what.to_owned(), kind })
    }
}

#[async_trait]
impl Shell for NoShell {
    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        self.cannot(&format!("make directory {}", spec.path))
    }

    async fn write_file(&self, write: &FileWrite) -> Result<(), NodeError> {
        self.cannot(&format!("write file {}", write.path))
    }

    async fn read_file(&self, path: &str, _: WantContent) -> Result<Option<LiveFile>, NodeError> {
        self.cannot(&format!("read {path}"))
    }

    /// Nothing is there that hl could see, and nothing can be put there.
    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        Ok(LiveFiles { not_writable: wanted.files.keys().cloned().collect(), ..LiveFiles::default() })
    }

    async fn run_script(&self, _: &Script) -> Result<ScriptOutcome, NodeError> {
        self.cannot("run a script")
    }

    /// An engine has no place for a lock that would end with whoever holds it.
    async fn lock(&self, _: &str, _: &str) -> Result<LockGuard, NodeError> {
        Ok(LockGuard::new(()))
    }

    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError> {
        self.cannot(&format!("look at the lock {path}"))
    }

    async fn break_lock(&self, path: &str) -> Result<(), NodeError> {
        self.cannot(&format!("break the lock {path}"))
    }

    fn tools(&self) -> Option<&dyn Tools> {
        None
    }

    async fn folder(&self, path: &str) -> Result<Folder, NodeError> {
        self.cannot(&format!("read folder {path}"))
    }
}
