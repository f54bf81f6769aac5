//! What each field takes to change: one table, with the why of each row.

use crate::model::Key;

/// What it takes to make a field of a live resource as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Nothing: only the record follows.
    Ignored,
    /// A call on the live resource; nothing stops.
    InPlace,
    /// A restart of the container.
    Restart,
    /// A new one in place of the old.
    Replace,
}

impl Cost {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cost::Ignored => "ignored",
            Cost::InPlace => "in place",
            Cost::Restart => "restart",
            Cost::Replace => "replace",
        }
    }
}

/// The policy of a field: its cost and why.
pub fn policy(key: Key) -> (Cost, &'static str) {
    match key {
        Key::State => (Cost::InPlace, "start, stop and unpause are calls of their own"),
        Key::Restart => (Cost::InPlace, "the engine's update call takes it"),
        _ => (Cost::Replace, "the engine fixes it at creation"),
    }
}
