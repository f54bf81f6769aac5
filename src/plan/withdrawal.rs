//! Files and folders that hl put on a node and that are no longer declared: they leave it, but for what others made of
//! them.

use std::collections::BTreeSet;

use super::fragment::Fragment;
use super::graph::StepGraph;
use super::operation::Operation;
use super::service_plan::Context;
use super::step::{OnFailure, Phase, StepId};
use super::{Action, PlannedChange, Reason, Record, Stake};
use crate::diff::{Change, Presence};
use crate::model::view::LiveNode;
use crate::model::{Addr, Field, Key, Kind};

/// Plans the undeclared files and folders among these changes of a node, after some steps. What leaves a folder goes
/// before that, and a folder goes where nothing else is in it.
pub(super) fn plan(
    context: &Context<'_>,
    node: &LiveNode,
    changes: &[&Change],
    after: &BTreeSet<StepId>,
    graph: &mut StepGraph,
) -> Fragment {
    let of_kind = |kind: Kind| {
        let undeclared = |c: &&&Change| matches!(c.presence, Presence::Undeclared | Presence::Forgotten);
        changes.iter().filter(undeclared).filter(move |c| c.addr.kind == kind).copied()
    };
    let mut withdrawal = Withdrawal { context, graph, after, going: BTreeSet::new(), out: Fragment::default() };
    of_kind(Kind::File).for_each(|change| withdrawal.file(change));
    let mut folders: Vec<&Change> = of_kind(Kind::Directory).collect();
    folders.sort_by_key(|change| std::cmp::Reverse(change.live_id.as_ref().map_or(0, String::len)));
    folders.into_iter().for_each(|change| withdrawal.folder(node, change));
    withdrawal.out
}

/// Whether a recorded file is an env file, in which people and hl keep values: its content is not recorded.
pub(super) fn is_env_file(context: &Context<'_>, addr: &Addr) -> bool {
    let record = context.input.recorded.resources.get(addr);
    record.is_some_and(|record| record.declared.get(&Field::key(Key::Content)).is_none())
}

struct Withdrawal<'p, 'a> {
    context: &'p Context<'a>,
    graph: &'p mut StepGraph,
    after: &'p BTreeSet<StepId>,
    /// The paths that leave the node.
    going: BTreeSet<&'p str>,
    out: Fragment,
}

impl<'p> Withdrawal<'p, '_> {
    fn file(&mut self, change: &'p Change) {
        let (addr, node) = (change.addr.clone(), change.addr.node.clone());
        let stakes = match &change.live_id {
            None => Vec::new(),
            Some(_) if is_env_file(self.context, &addr) => vec![Stake::PathStays { path: addr.name.clone(), node }],
            Some(_) if !change.fields.is_empty() => vec![Stake::ChangedFileStays { path: addr.name.clone(), node }],
            Some(path) => return self.goes(change, path, Operation::RemoveFile { path: path.clone() }),
        };
        self.out.changes.push(PlannedChange::forget(addr, stakes));
    }

    fn folder(&mut self, node: &LiveNode, change: &'p Change) {
        let addr = change.addr.clone();
        let Some(path) = &change.live_id else {
            self.out.changes.push(PlannedChange::forget(addr, Vec::new()));
            return;
        };
        let entries = node.files.get(path).and_then(|folder| folder.entries.as_ref());
        let leaves = |name: &String| self.going.contains(format!("{path}/{name}").as_str());
        if entries.is_some_and(|names| names.iter().all(leaves)) {
            return self.goes(change, path, Operation::RemoveVacantFolder { path: path.clone() });
        }
        let stays = Stake::PathStays { path: addr.name.clone(), node: addr.node.clone() };
        self.out.changes.push(PlannedChange::forget(addr, vec![stays]));
    }

    fn goes(&mut self, change: &'p Change, path: &'p str, operation: Operation) {
        let addr = &change.addr;
        // Something may come into a folder meanwhile; then that stays, with the folder.
        let on_failure = match addr.kind {
            Kind::Directory => OnFailure::Continue,
            _ => OnFailure::Block,
        };
        let step = self.graph.step_on(&addr.node, &addr.service, Phase::Deploy, operation).about(addr);
        let step = step.after(self.after.iter().copied()).on_failure(on_failure).add();
        self.going.insert(path);
        self.out.changes.push(PlannedChange {
            record: Record::Forget,
            ..PlannedChange::new(addr.clone(), Action::Delete, vec![Reason::NoLongerDeclared], vec![step])
        });
    }
}
