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
use crate::model::view::{LiveNode, RecordedView};
use crate::model::{Addr, Field, Key, Kind, ServiceName};

/// Plans the undeclared files and folders among these changes of a node, after some steps. What leaves a folder goes
/// before that, and a folder goes where nothing else is in it.
pub(super) fn plan(
    context: &Context<'_>,
    node: &LiveNode,
    changes: &[&Change],
    after: &BTreeSet<StepId>,
    graph: &mut StepGraph,
) -> Fragment {
    let recorded = context.input.recorded;
    let going = leaving(recorded, node, changes);
    let renamed = context.input.changes.iter().filter_map(|c| Some(&c.renamed_from.as_ref()?.service)).collect();
    let mut withdrawal = Withdrawal { graph, after, renamed, out: Fragment::default() };
    for change in undeclared(changes, Kind::File).chain(undeclared(changes, Kind::Directory)) {
        let (addr, path) = (change.addr.clone(), change.live_id.as_deref());
        let (name, node) = (addr.name.clone(), addr.node.clone());
        let stakes = match (path, addr.kind) {
            (Some(path), Kind::File) if going.contains(path) => {
                withdrawal.goes(change, Operation::RemoveFile { path: path.to_owned() });
                continue;
            }
            (Some(path), _) if going.contains(path) => {
                withdrawal.goes(change, Operation::RemoveVacantFolder { path: path.to_owned() });
                continue;
            }
            (None, _) => Vec::new(),
            (Some(_), Kind::File) if !is_env_file(recorded, &addr) => {
                vec![Stake::ChangedFileStays { path: name, node }]
            }
            (Some(_), _) => vec![Stake::PathStays { path: name, node }],
        };
        withdrawal.out.changes.push(PlannedChange::forget(addr, stakes));
    }
    withdrawal.out
}

/// The undeclared folders and files of a node, by path, that are as hl left them: files that nobody changed, and folders
/// in which nothing else is.
pub(super) fn leaving<'a>(recorded: &RecordedView, node: &LiveNode, changes: &[&'a Change]) -> BTreeSet<&'a str> {
    let is_as_left = |change: &&Change| change.fields.is_empty() && !is_env_file(recorded, &change.addr);
    let files = undeclared(changes, Kind::File).filter(is_as_left);
    let mut going: BTreeSet<&str> = files.filter_map(|change| change.live_id.as_deref()).collect();
    for path in undeclared(changes, Kind::Directory).filter_map(|change| change.live_id.as_deref()) {
        let entries = node.files.get(path).and_then(|folder| folder.entries.as_ref());
        if entries.is_some_and(|names| names.iter().all(|name| going.contains(format!("{path}/{name}").as_str()))) {
            going.insert(path);
        }
    }
    going
}

/// The undeclared resources of a kind, the deepest paths first.
fn undeclared<'a>(changes: &[&'a Change], kind: Kind) -> impl Iterator<Item = &'a Change> {
    let is_undeclared = |c: &&Change| matches!(c.presence, Presence::Undeclared | Presence::Forgotten);
    let mut found: Vec<&Change> =
        changes.iter().copied().filter(is_undeclared).filter(|c| c.addr.kind == kind).collect();
    found.sort_by_key(|change| std::cmp::Reverse(change.live_id.as_ref().map_or(0, |path| path.split('/').count())));
    found.into_iter()
}

/// Whether a recorded file is an env file, in which people and hl keep values: its content is not recorded.
fn is_env_file(recorded: &RecordedView, addr: &Addr) -> bool {
    let record = recorded.resources.get(addr);
    record.is_some_and(|record| record.declared.get(&Field::key(Key::Content)).is_none())
}

struct Withdrawal<'p> {
    graph: &'p mut StepGraph,
    after: &'p BTreeSet<StepId>,
    /// Services that go by another name: what they leave behind empty is no change of theirs.
    renamed: BTreeSet<&'p ServiceName>,
    out: Fragment,
}

impl Withdrawal<'_> {
    fn goes(&mut self, change: &Change, operation: Operation) {
        let addr = &change.addr;
        // Something may come into a folder meanwhile; then that stays, with the folder.
        let on_failure = match addr.kind {
            Kind::Directory => OnFailure::Continue,
            _ => OnFailure::Block,
        };
        let step = self.graph.step_on(&addr.node, &addr.service, Phase::Deploy, operation).about(addr);
        let step = step.after(self.after.iter().copied()).on_failure(on_failure).add();
        let action = if self.renamed.contains(&addr.service) { Action::Refresh } else { Action::Delete };
        self.out.changes.push(PlannedChange {
            record: Record::Forget,
            ..PlannedChange::new(addr.clone(), action, vec![Reason::NoLongerDeclared], vec![step])
        });
    }
}
