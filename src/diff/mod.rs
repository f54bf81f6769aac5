//! THREE VIEWS → CHANGES. Lays the declared, the recorded and the live view over one another: a
//! verdict for each field, a change for each resource.
//!
//! Pure and synchronous. It does not know nodes, steps or order, and it decides nothing about what
//! to do: it says what is so.

pub mod policy;
pub mod verdict;

use crate::model::{Addr, Field, Value};

pub use policy::{Cost, policy};
pub use verdict::Verdict;

/// A resource whose views do not all agree, or that is only in some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which resource.
    pub addr: Addr,
    /// In which views it is.
    pub presence: Presence,
    /// The engine's id (or name, or path) of the live resource.
    pub live_id: Option<String>,
    /// The fields that do not agree in all views, in order. Safe to show: secrets are sealed.
    pub fields: Vec<FieldChange>,
}

/// In which views a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Declared only.
    New,
    /// Declared and recorded; somebody removed it.
    Gone,
    /// Declared and live, never recorded.
    Unrecorded,
    /// In all three.
    Known,
    /// Recorded and live, no longer declared.
    Undeclared,
    /// Recorded only.
    Forgotten,
    /// Live only, under a project that hl owns: an orphan.
    Orphan,
}

/// One field that does not agree in all views.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Which field.
    pub field: Field,
    /// What the views say together.
    pub verdict: Verdict,
    /// What the repository says; absent if nothing.
    pub declared: Option<Value>,
    /// What hl recorded; absent if nothing.
    pub recorded: Option<Value>,
    /// What the node has; absent if nothing.
    pub live: Option<Value>,
    /// What it takes to make it as declared.
    pub cost: Cost,
}
