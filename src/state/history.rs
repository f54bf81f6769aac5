//! The history: one line an apply, never rewritten.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Random; names the apply.
    pub id: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// Who began it.
    pub who: String,
    /// On which machine.
    pub host: String,
    /// The commit of the repository, if it is one.
    pub commit: Option<String>,
    /// The digest of the plan: a saved plan with a digest that stands here was applied.
    pub plan: String,
    /// The state's serial afterwards.
    pub serial: u64,
    /// How many resources of each action the plan had: `create`, `replace` and so on.
    pub counts: BTreeMap<String, usize>,
    /// How it ended.
    pub result: Ending,
    /// What failed or was under way when it stopped, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<String>,
    /// How long it took in milliseconds; 0 where nobody was left to tell.
    pub took_ms: u64,
}

/// How an apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// Every step was done.
    Done,
    /// Some steps failed or were not tried.
    Failed,
    /// The user interrupted it.
    Interrupted,
    /// Its process died; the line was written by the next apply.
    Crashed,
}

/// What the history tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The applies, oldest first.
    pub entries: Vec<Entry>,
    /// Lines that cannot be understood: torn by a crash, or left by a merge of two clones.
    pub unreadable: usize,
}

/// Reads the history at `path`; one that is not there is empty.
pub(super) fn read(path: &Path) -> io::Result<History> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(e),
    };
    let mut history = History::default();
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(entry) => history.entries.push(entry),
            Err(_) => history.unreadable += 1,
        }
    }
    Ok(history)
}

/// Adds one line; when this returns it is on the disk.
pub(super) fn append(path: &Path, entry: &Entry) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut text = Vec::new();
    // A line that a crash has torn must not swallow the new one.
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push(b'\n');
        }
    }
    serde_json::to_writer(&mut text, entry)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), super::replace::sync_folder)
}
