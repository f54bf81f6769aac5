//! The part of a plan beside its steps: changes, verifications, notes and objections, in order.

use super::step::StepId;
use super::{Action, Downtime, Note, Objection, PlannedChange, Reason, Record, Stake, Verification};
use crate::model::{Addr, Fields};

/// The part of a plan that one resource, container or service gives.
#[derive(Debug, Default)]
pub(super) struct Fragment {
    /// The changes.
    pub(super) changes: Vec<PlannedChange>,
    /// The verifications.
    pub(super) verifications: Vec<Verification>,
    /// The notes for the reader.
    pub(super) notes: Vec<Note>,
    /// The objections to applying it.
    pub(super) objections: Vec<Objection>,
}

impl Fragment {
    /// Puts another part behind this one.
    pub(super) fn append(&mut self, part: Fragment) {
        self.changes.extend(part.changes);
        self.verifications.extend(part.verifications);
        self.notes.extend(part.notes);
        self.objections.extend(part.objections);
    }
}

impl PlannedChange {
    /// A change that shows no fields, stops nothing and is not recorded.
    pub(super) fn new(addr: Addr, action: Action, reasons: Vec<Reason>, steps: Vec<StepId>) -> Self {
        Self {
            addr,
            action,
            reasons,
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps,
            record: Record::Nothing,
        }
    }

    /// A change that only drops the record of something.
    pub(super) fn forget(addr: Addr, data_at_stake: Vec<Stake>) -> Self {
        let change = Self::new(addr, Action::Refresh, vec![Reason::NoLongerDeclared], Vec::new());
        Self { data_at_stake, record: Record::Forget, ..change }
    }
}

impl Record {
    /// The record of a resource that is as these fields declare it when its steps are done.
    pub(super) fn applied(fields: Fields) -> Self {
        Record::Applied(Box::new(fields))
    }
}
