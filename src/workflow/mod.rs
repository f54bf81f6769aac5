//! WHAT COMMANDS DO, without a terminal: the walk from the repository and the nodes to a plan, and from a plan to an apply,
//! as functions that the front door, a scheduler or a notifier can call.
//!
//! Everything that depends on the caller comes in as data ([`Access`]), and every result goes out as data. Nothing here
//! prints, asks for consent, ends the process or reads the environment, and nothing here knows the terminal or how a result is
//! shown. Decisions are made in the rooms below; this room only calls them in the right order.
//!
//! Entry: [`observe`].

mod base;
mod hidden;
mod node_facts;
mod observe;
mod recording_reader;
mod selection;
mod strangers;

mod delete;
mod plan;
mod saved_plan;

mod apply;

mod directory;
mod doctor;
mod exec;
mod init;
mod logs;

mod locks;
mod new_service;
mod node_checks;
mod status;
mod undeclared;
mod updates;
mod verify;
mod write_updates;

pub use crate::apply::{Error as ApplyError, Redactor};
pub use apply::{ApplyRequest, apply, record_services};
pub use base::Base;
pub use delete::{Declared, NotRecorded, Removal, plan_removal};
pub use directory::AddressError;
pub use doctor::{CompletionPlaces, doctor};
pub use exec::{ExecTarget, ExecTargetError, exec_target};
pub use init::begin;
pub use locks::{LocksError, NodeLocks, node_locks};
pub use logs::{LogRequest, LogsEnd, logs};
pub use new_service::{Drafted, NewFile, NewServiceError, draft_service};
pub use node_facts::{engine_states, node_facts};
pub use observe::{
    Access, ConnectedNodes, DiagnosticListener, Observation, ObserveError, observe, observe_with_record, record,
};
pub use plan::{BrokenServices, Planned};
pub use saved_plan::{
    PlanContent, SavedPlanError, established_record, read_plan, require_current, require_plan_file, require_unapplied,
    saved_plan, write_plan,
};
pub use selection::{Named, Selection, SelectionError, require_declared, require_recorded, require_resources};
pub use status::status;
pub use undeclared::{reported, undeclared};
pub use updates::{Proposal, Updates, updates};
pub use verify::verify;
pub use write_updates::write_updates;
