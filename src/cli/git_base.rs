//! The base of a change in git: the commit that the owner had a hand in, and the files of it that count.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::compose::reader::Memory;
use crate::workflow::Base;

/// Why there is no base.
#[derive(Debug, thiserror::Error)]
pub(super) enum BaseError {
    /// Git cannot be run.
    #[error("git cannot be run: {0}")]
    NoGit(#[source] std::io::Error),
    /// The name of a commit leads nowhere.
    #[error("there is no commit `{0}` here")]
    NoCommit(String),
    /// Nobody says what the default branch is, or it has nothing in common with what is checked out.
    #[error("the base of the change is not known: there is no default branch here, or no commit in common with it")]
    NoBase,
    /// Git fails at something that should work.
    #[error("git {what} fails")]
    Failed {
        /// The command.
        what: &'static str,
    },
}

/// The branches that a change is usually for, in the order in which they are looked for.
const BRANCHES: [&str; 5] = ["origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// Files of the inventory that are looked at, at most, and the bytes of each.
const MOST_FILES: usize = 1000;
const MOST_BYTES: usize = 64 << 20;

/// The base of what is checked out at `root`: the commit `reference`, by default the newest one that it has in common with
/// the default branch.
pub(super) fn base(root: &Path, reference: Option<&str>) -> Result<Base, BaseError> {
    let git = Git { root };
    let commit = match reference {
        Some(reference) => git.commit(reference)?.ok_or_else(|| BaseError::NoCommit(reference.to_owned()))?,
        None => git.merge_base()?.ok_or(BaseError::NoBase)?,
    };
    let mut inventory = Memory::default();
    for path in git.files(&commit, "inventory")? {
        if let Some(bytes) = git.read(&commit, &path)? {
            inventory.insert(root.join(&path), bytes);
        }
    }
    let record = match git.files(&commit, "state/homelab.json")?.first() {
        Some(path) => git.read(&commit, path)?,
        None => None,
    };
    Ok(Base::new(inventory, root, record))
}

struct Git<'a> {
    root: &'a Path,
}

impl Git<'_> {
    /// Runs git, without any of the programs that a configuration could name, and without a network.
    fn run(&self, arguments: &[&str]) -> Result<Option<Vec<u8>>, BaseError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
        let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = output.map_err(BaseError::NoGit)?;
        Ok(output.status.success().then_some(output.stdout))
    }

    fn commit(&self, reference: &str) -> Result<Option<String>, BaseError> {
        let name = format!("{reference}^{{commit}}");
        Ok(self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?.as_deref().and_then(line))
    }

    fn merge_base(&self) -> Result<Option<String>, BaseError> {
        for branch in BRANCHES {
            let Some(commit) = self.commit(branch)? else { continue };
            return Ok(self.run(&["merge-base", "HEAD", &commit])?.as_deref().and_then(line));
        }
        Ok(None)
    }

    /// The regular files of a commit at or below a path, relative to the root.
    fn files(&self, commit: &str, path: &str) -> Result<Vec<String>, BaseError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--end-of-options", commit, path])?;
        let listed = listed.ok_or(BaseError::Failed { what: "ls-tree" })?;
        let text = String::from_utf8_lossy(&listed);
        let regular = text.split('\0').filter(|entry| entry.starts_with("100"));
        Ok(regular.filter_map(|entry| Some(entry.split_once('\t')?.1.to_owned())).take(MOST_FILES).collect())
    }

    /// The content of a file of a commit; none if it is larger than what is read.
    fn read(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, BaseError> {
        let bytes = self.run(&["cat-file", "blob", &format!("{commit}:./{path}")])?;
        let bytes = bytes.ok_or(BaseError::Failed { what: "cat-file" })?;
        Ok((bytes.len() <= MOST_BYTES).then_some(bytes))
    }
}

/// The first line of what git printed.
fn line(bytes: &[u8]) -> Option<String> {
    String::from_utf8_lossy(bytes).lines().next().map(str::to_owned)
}
