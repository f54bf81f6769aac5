//! An operation that was begun, as a journal keeps it.

use std::collections::BTreeMap;

/// An operation that was begun on a node. No value of a secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BegunOperation {
    /// By its kind.
    Kind {
        /// The name of the kind, such as `create_container`. A later version may have written one that is not known.
        kind: String,
        /// The objects of the operation, by role: `container` → `shop-web-1`.
        ids: BTreeMap<String, String>,
        /// The purpose.
        purpose: Purpose,
    },
    /// In words: journals of earlier versions have nothing else.
    Words(String),
}

/// The purpose of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is a step of the plan.
    Step,
    /// It takes a step back.
    Undo,
}
