//! The past applies, as the history keeps them and other programs read them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Random; names the apply.
    pub id: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// The user who began it.
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
    /// The steps that failed or were in progress when it stopped, in words.
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
