//! The past applies, as the history keeps them and other programs read them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::begun::BegunOperation;

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
    /// The failures, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trouble: Vec<String>,
    /// The steps that were under way when it crashed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<Unfinished>,
    /// How long it took in milliseconds; 0 where nobody was left to tell.
    pub took_ms: u64,
}

/// A step that was under way when an apply crashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The address of a resource, or `node/service` for a whole service.
    pub about: String,
    /// The operation.
    #[serde(flatten)]
    pub operation: BegunOperation,
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
