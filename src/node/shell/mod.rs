//! Files and scripts of a node: of this machine, of another one over SSH, or none.
//!
//! It does not know the engine.

mod file;
mod local;
mod lock;
mod none;
mod programs;
mod script;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tempfile::TempDir;

use super::{FileWrite, LockGuard, LockHolder, NodeError, Script, ScriptOutcome, Tools};
use crate::model::spec::DirectorySpec;
use crate::model::view::{LiveFile, LiveFiles, WantContent, Wanted};

pub use file::write as write_file;
pub use local::LocalShell;
pub use lock::{break_it as break_lock, holder as lock_holder, take as take_lock};
pub use none::NoShell;
pub use programs::{Programs, ended, last_line};
pub use script::interpreter;

/// The operations of a node beside its engine.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Makes a directory with its parents.
    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError>;

    /// Puts a file in place, all or nothing.
    async fn write_file(&self, write: &FileWrite) -> Result<(), NodeError>;

    /// Reads a file or directory; `None` if there is none.
    async fn read_file(&self, path: &str, content: WantContent) -> Result<Option<LiveFile>, NodeError>;

    /// Reads all that is wanted and there, by path.
    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError>;

    /// Runs a script to its end or its time-out.
    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError>;

    /// Takes a lock that dies with this process; `holder` tells people who takes it.
    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError>;

    /// The holder of a lock, if there is one.
    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError>;

    /// Takes a lock away from whoever holds it.
    async fn break_lock(&self, path: &str) -> Result<(), NodeError>;

    /// Primitives on its file trees; none where files cannot be reached.
    fn tools(&self) -> Option<&dyn Tools>;

    /// A folder of the node, to read all of it here.
    async fn folder(&self, path: &str) -> Result<Folder, NodeError>;
}

/// A folder of a node, as this machine can read it.
pub enum Folder {
    /// It is on this machine.
    Here(PathBuf),
    /// A copy, which goes when this is dropped.
    Copy(TempDir),
}

impl Folder {
    /// Where it is on this machine.
    pub fn path(&self) -> &Path {
        match self {
            Folder::Here(path) => path,
            Folder::Copy(folder) => folder.path(),
        }
    }
}
