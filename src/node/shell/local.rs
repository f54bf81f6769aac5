//! The shell of this machine.
//!
//! It reads nothing of the caller's environment: what scripts see of it is handed in.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{Folder, Shell, file, lock, script};
use crate::model::NodeName;
use crate::model::spec::DirectorySpec;
use crate::model::view::{LiveFile, LiveFiles, WantContent, Wanted};
use crate::node::{ErrorKind, FileWrite, LockGuard, LockHolder, NodeError, Script, ScriptOutcome, Tools};

/// Files and scripts of this machine, on behalf of one node.
pub struct LocalShell {
    pub(super) node: NodeName,
    /// The environment variables of every script, beside the script's own.
    pub(super) environment: BTreeMap<String, String>,
}

impl LocalShell {
    /// The shell of `node`, whose scripts see `environment`.
    pub fn new(node: &NodeName, environment: BTreeMap<String, String>) -> Self {
        Self { node: node.clone(), environment }
    }

    /// Does something with files on a thread that may wait for them.
    async fn files<T: Send + 'static>(
        &self,
        verb: &str,
        path: &str,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, NodeError> {
        let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| self.failed(verb, path, &error))
    }

    fn failed(&self, verb: &str, path: &str, error: &io::Error) -> NodeError {
        let why = words(error);
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::Denied(why),
            _ => ErrorKind::File { path: path.to_owned(), why },
        };
        self.fail(&format!("{verb} {path}"), kind)
    }

    pub(super) fn fail(&self, what: &str, kind: ErrorKind) -> NodeError {
        NodeError { node: self.node.clone(), what: what.to_owned(), kind }
    }
}

#[async_trait]
impl Shell for LocalShell {
    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        let wanted = spec.clone();
        self.files("make directory", &spec.path, move || file::ensure_directory(&wanted)).await
    }

    async fn write_file(&self, write: &FileWrite) -> Result<(), NodeError> {
        let wanted = write.clone();
        self.files("write file", &write.path, move || file::write(&wanted)).await
    }

    async fn read_file(&self, path: &str, content: WantContent) -> Result<Option<LiveFile>, NodeError> {
        let wanted = path.to_owned();
        self.files("read", path, move || file::read(&wanted, content)).await
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        let result = script::run(script, &self.environment).await;
        result.map_err(|error| self.fail("run a script", ErrorKind::Script(words(&error))))
    }

    fn tools(&self) -> Option<&dyn Tools> {
        Some(self)
    }

    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError> {
        let (wanted, holder) = (path.to_owned(), holder.to_owned());
        let taken = self.files("lock", path, move || lock::take(&wanted, &holder)).await?;
        taken.map_err(|holder| self.fail(&format!("lock {path}"), ErrorKind::Locked(holder)))
    }

    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError> {
        let wanted = path.to_owned();
        self.files("look at the lock", path, move || lock::holder(&wanted)).await
    }

    async fn break_lock(&self, path: &str) -> Result<(), NodeError> {
        let wanted = path.to_owned();
        self.files("break the lock", path, move || lock::break_it(&wanted)).await
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        let (wanted, root) = (wanted.files.clone(), wanted.retained_below.clone());
        // All on one thread: each takes microseconds, and making a thread for it takes more.
        let read = tokio::task::spawn_blocking(move || {
            let retained_dirs = root.as_deref().map(file::retained_dirs).unwrap_or_default();
            let mut files = LiveFiles { retained_dirs, ..LiveFiles::default() };
            for (path, content) in wanted {
                if file::is_not_writable(&path) {
                    files.not_writable.insert(path.clone());
                }
                match file::read(&path, content) {
                    Ok(Some(file)) => drop(files.found.insert(path, file)),
                    Ok(None) => {}
                    Err(error) => drop(files.unreadable.insert(path, words(&error))),
                }
            }
            files
        });
        read.await.map_err(|error| self.failed("read", "files", &io::Error::other(error)))
    }

    async fn folder(&self, path: &str) -> Result<Folder, NodeError> {
        Ok(Folder::Here(PathBuf::from(path)))
    }
}

/// The system's error without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut chars = text[..end].chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> LocalShell {
        LocalShell::new(&NodeName::new("here").unwrap(), BTreeMap::new())
    }

    #[tokio::test]
    async fn a_lock_is_held_by_one_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock").display().to_string();
        assert_eq!(shell().lock_holder(&path).await.unwrap(), None);
        let held = shell().lock(&path, "ann@desk applies").await.unwrap();
        let error = shell().lock(&path, "bob").await.unwrap_err();
        assert_eq!(error.to_string(), format!("here: lock {path}: another hl is at work on it: ann@desk applies"));
        let holder = shell().lock_holder(&path).await.unwrap().expect("it is held");
        assert_eq!((holder.pid, holder.words.as_str()), (Some(std::process::id()), "ann@desk applies"));
        drop(held);
        assert_eq!(shell().lock_holder(&path).await.unwrap(), None);
        shell().lock(&path, "bob").await.unwrap();
    }

    #[tokio::test]
    async fn errors_name_node_path_and_cause() {
        let error = shell().lock("/nonexistent/lock", "").await.unwrap_err();
        assert_eq!(error.to_string(), "here: lock /nonexistent/lock: no such file or directory");
    }
}
