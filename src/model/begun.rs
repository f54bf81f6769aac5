//! An operation that was begun, as a journal keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An operation that was begun on a node. No value of a secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
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

/// An operation as it stands in a line of JSON: `kind` with `ids`, and `undo` if it takes a step back; `what` in journals of
/// earlier versions.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Kind {
        kind: String,
        #[serde(default)]
        ids: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undo: bool,
    },
    Words {
        what: String,
    },
}

impl From<BegunOperation> for Form {
    fn from(operation: BegunOperation) -> Self {
        match operation {
            BegunOperation::Kind { kind, ids, purpose } => Form::Kind { kind, ids, undo: purpose == Purpose::Undo },
            BegunOperation::Words(what) => Form::Words { what },
        }
    }
}

impl From<Form> for BegunOperation {
    fn from(form: Form) -> Self {
        match form {
            Form::Kind { kind, ids, undo } => {
                let purpose = if undo { Purpose::Undo } else { Purpose::Step };
                BegunOperation::Kind { kind, ids, purpose }
            }
            Form::Words { what } => BegunOperation::Words(what),
        }
    }
}
