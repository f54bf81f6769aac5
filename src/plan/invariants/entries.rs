//! One thing has one entry, renames are understood, unfinished work is finished, paths are what they are to be.

use std::collections::BTreeMap;

use super::generations::{Data, data_of};
use super::subject::Subject;
use super::violation::Violation;
use crate::diff::{Change, Presence};
use crate::model::homelab::RunState;
use crate::model::spec::{ContainerSpec, MountKind};
use crate::model::view::{FileKind, LiveContainer};
use crate::model::{Addr, Field, Key, Kind, NodeName};
use crate::plan::operation::Operation;
use crate::plan::step::{Step, StepId};
use crate::plan::{Action, PlannedChange, Reason, Record};

pub(super) fn violations(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = two_entries(subject);
    found.extend(renames(subject));
    found.extend(unproven(subject));
    found.extend(paths(subject));
    found.extend(
        subject
            .plan
            .changes
            .iter()
            .filter(|c| file_stays(subject, c))
            .map(|c| Violation::ShippedFileStays(c.addr.clone())),
    );
    found
}

/// Entries with one address, or for one live resource.
fn two_entries(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let live_ids: BTreeMap<&Addr, &str> =
        subject.input.changes.iter().filter_map(|c| Some((&c.addr, c.live_id.as_deref()?))).collect();
    let mut addresses: BTreeMap<&Addr, ()> = BTreeMap::new();
    let mut things: BTreeMap<(&NodeName, Kind, &str), &Addr> = BTreeMap::new();
    for change in &subject.plan.changes {
        let addr = &change.addr;
        if addresses.insert(addr, ()).is_some() {
            found.push(Violation::TwoEntries(addr.clone(), addr.clone()));
        } else if let Some(id) = live_ids.get(addr)
            && let Some(first) = things.insert((&addr.node, addr.kind, id), addr)
        {
            found.push(Violation::TwoEntries(first.clone(), addr.clone()));
        }
    }
    found
}

/// Containers that are removed and made again under another address.
fn renames(subject: &Subject<'_>) -> Vec<Violation> {
    let of = |action| subject.plan.changes.iter().filter(move |c| c.action == action && c.addr.kind == Kind::Container);
    // A leftover of an interrupted replacement has its successor already.
    let removed: Vec<(&Addr, &LiveContainer)> = of(Action::Delete)
        .filter(|c| !c.reasons.contains(&Reason::Leftover))
        .filter_map(|c| Some((&c.addr, c.steps.iter().find_map(|id| subject.acts_on(&subject.plan.steps[id.0]))?)))
        .collect();
    let mut found = Vec::new();
    // One that is made again where it was recorded is its own successor.
    let is_new = |change: &&PlannedChange| !subject.input.recorded.resources.contains_key(&change.addr);
    for change in of(Action::Create).filter(is_new) {
        let spec = change.steps.iter().find_map(|id| match &subject.plan.steps[id.0].operation {
            Operation::CreateContainer { spec, .. } => Some(spec.as_ref()),
            _ => None,
        });
        let Some(spec) = spec else { continue };
        let same_place = |(addr, _): &&(&Addr, &LiveContainer)| addr.node == change.addr.node && **addr != change.addr;
        let again = removed.iter().filter(same_place).filter(|(_, live)| is_again(subject, &change.addr, spec, live));
        found.extend(again.map(|(addr, _)| Violation::RenameNotUnderstood {
            removed: (*addr).clone(),
            created: change.addr.clone(),
        }));
    }
    found
}

fn is_again(subject: &Subject<'_>, addr: &Addr, spec: &ContainerSpec, live: &LiveContainer) -> bool {
    let own = data_of(subject, &addr.node, spec);
    // Another program on the same data is no rename.
    spec.name == live.name
        || spec.image == live.spec.image
            && data_of(subject, &addr.node, &live.spec).iter().any(|old| own.iter().any(|new| Data::meet(old, new)))
}

/// Services that were not proven to work, are planned, and have something that could be verified.
fn unproven(subject: &Subject<'_>) -> Vec<Violation> {
    let input = subject.input;
    let is_planned = |name: &&crate::model::ServiceName| {
        let Some(service) = input.homelab.services.get(*name) else { return false };
        let is_read = subject.node(&service.node).is_some();
        let runs = service.state == RunState::Running && service.health.is_some();
        is_read && runs && subject.plan.order.contains(name) && !subject.plan.blocked.contains_key(*name)
    };
    let verified = |name: &&crate::model::ServiceName| subject.plan.verifications.iter().any(|v| v.service == **name);
    let all = input.recorded.unverified.iter().filter(is_planned).filter(|name| !verified(name));
    all.map(|name| Violation::UnprovenNotVerified(name.clone())).collect()
}

/// Paths that are of another kind on the node, and sources of mounts that are none.
fn paths(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for step in &subject.plan.steps {
        let (path, wanted) = match &step.operation {
            Operation::EnsureDirectory(spec) => (&spec.path, FileKind::Directory),
            Operation::WriteFile(spec) => (&spec.path, FileKind::File),
            Operation::CreateContainer { spec, .. } => {
                let is_home =
                    |kind: &MountKind| matches!(kind, MountKind::Bind { source, .. } if source.starts_with('~'));
                if let (Some(addr), true) = (&step.addr, spec.mounts.values().any(|m| is_home(&m.kind))) {
                    found.push(Violation::HomeNotResolved(addr.clone()));
                }
                continue;
            }
            _ => continue,
        };
        let there = subject.node(&step.node).and_then(|node| node.files.get(path));
        let makes_room = |step: &&Step| match &step.operation {
            Operation::RemoveFile { path: removed } | Operation::RemoveVacantFolder { path: removed } => {
                removed == path
            }
            _ => false,
        };
        let on_node = subject.plan.steps.iter().filter(|other| other.node == step.node);
        let room: Vec<StepId> = on_node.filter(makes_room).map(|step| step.id).collect();
        if there.is_some_and(|file| file.kind != wanted) && !subject.any_before(&room, step.id) {
            found.push(Violation::PathOfOtherKind(step.id));
        }
    }
    found
}

/// Whether a file that is on the node as hl wrote it there, and that nothing declares any more, is only forgotten. An
/// env file has no recorded content.
fn file_stays(subject: &Subject<'_>, change: &PlannedChange) -> bool {
    let is_it = |c: &&Change| c.addr == change.addr && c.presence == Presence::Undeclared && c.fields.is_empty();
    let record = || subject.input.recorded.resources.get(&change.addr);
    change.addr.kind == Kind::File
        && change.record == Record::Forget
        && change.steps.is_empty()
        && subject.input.changes.iter().any(|c| is_it(&c))
        && record().is_some_and(|record| record.declared.get(&Field::key(Key::Content)).is_some())
}
