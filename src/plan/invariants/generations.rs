//! No two generations of a container run on one volume or path at once, and nothing is copied while it is written to.

use std::collections::BTreeMap;
use std::path::Path;

use super::subject::{Subject, stops};
use super::violation::Violation;
use crate::model::spec::{ContainerSpec, DataPlace, DataSource, MountKind};
use crate::model::view::LiveContainer;
use crate::model::{Addr, NodeName};
use crate::plan::Action;
use crate::plan::operation::Operation;
use crate::plan::step::{Phase, Step, StepId};

/// The containers of each node with the data that they write to.
type Writers<'a> = BTreeMap<&'a NodeName, Vec<(&'a LiveContainer, Vec<Data<'a>>)>>;

/// Data of the node that a container has mounted, and may write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data<'a> {
    /// A volume by its real name.
    Volume(&'a str),
    /// A path.
    Path(&'a Path),
}

impl Data<'_> {
    /// Whether two are the same, or one is below the other.
    pub(super) fn meet(a: &Data<'_>, b: &Data<'_>) -> bool {
        match (a, b) {
            (Data::Volume(a), Data::Volume(b)) => a == b,
            (Data::Path(a), Data::Path(b)) => a.starts_with(b) || b.starts_with(a),
            (Data::Volume(_), Data::Path(_)) | (Data::Path(_), Data::Volume(_)) => false,
        }
    }
}

/// Returns the writable mounts of a container. Bind paths count only below hl's data folder, because many containers
/// share a socket or a device.
pub(super) fn data_of<'s>(subject: &Subject<'_>, node: &NodeName, spec: &'s ContainerSpec) -> Vec<Data<'s>> {
    let root = subject.input.homelab.nodes.get(node).map_or("", |n| n.root.as_str());
    let folder = Path::new(root).join("data");
    let writable = spec.mounts.values().filter(|mount| !mount.read_only);
    let data = writable.filter_map(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => Some(Data::Volume(source)),
        MountKind::Bind { source, .. } => Some(Data::Path(Path::new(source))),
        MountKind::Anonymous | MountKind::Tmpfs { .. } | MountKind::Image { .. } | MountKind::Other { .. } => None,
    });
    data.filter(|data| !matches!(data, Data::Path(path) if !path.starts_with(&folder))).collect()
}

pub(super) fn violations(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let there = writers(subject);
    for (start, spec) in subject.starts() {
        let own = data_of(subject, &start.node, spec);
        for (old, data) in there.get(&start.node).into_iter().flatten() {
            if !data.iter().any(|old| own.iter().any(|new| Data::meet(old, new))) {
                continue;
            }
            let stops = subject.steps_on(&start.node, old, stops);
            if subject.any_before(&stops, start.id) {
                continue;
            }
            let (starts, old) = (start.id, old.name.clone());
            found.extend(match whose(subject, start, &stops) {
                Whose::Own => Some(Violation::TwoOnData { starts, old }),
                Whose::OfOneThatGoes => Some(Violation::DataTakenTooEarly { starts, old }),
                Whose::Shared => None,
            });
        }
    }
    found.extend(copies(subject, &there));
    found
}

/// The containers that run on each node and write to data, with that data.
fn writers<'a>(subject: &Subject<'a>) -> Writers<'a> {
    let nodes = subject.input.live.nodes.iter().filter_map(|(name, node)| Some((name, node.known()?)));
    nodes
        .map(|(name, node)| {
            let running = node.containers.values().filter(|live| live.status.is_up());
            let all = running.map(|live| (live, data_of(subject, name, &live.spec)));
            (name, all.filter(|(_, data)| !data.is_empty()).collect())
        })
        .collect()
}

/// The owner of the data that a container starts on.
enum Whose {
    /// The container that it replaces.
    Own,
    /// A container that is no longer declared.
    OfOneThatGoes,
    /// A container that shares the data with it on purpose.
    Shared,
}

/// Determines the owner of the data from the steps that stop the current writer.
fn whose(subject: &Subject<'_>, start: &Step, stops: &[StepId]) -> Whose {
    let deleted = |addr: &Addr| subject.plan.changes.iter().any(|c| c.addr == *addr && c.action == Action::Delete);
    let addrs: Vec<&Addr> = stops.iter().filter_map(|id| subject.plan.steps[id.0].addr.as_ref()).collect();
    if addrs.iter().any(|addr| Some(*addr) == start.addr.as_ref()) {
        return Whose::Own;
    }
    if addrs.iter().any(|addr| deleted(addr)) { Whose::OfOneThatGoes } else { Whose::Shared }
}

/// Copies of data whose writer has not stopped. Configuration is copied beforehand, while its service runs.
fn copies<'a>(subject: &Subject<'a>, there: &Writers<'a>) -> Vec<Violation> {
    let mut found = Vec::new();
    for step in subject.plan.steps.iter().filter(|s| s.phase != Phase::Prepare) {
        let Operation::CopyData { source: DataSource::Node { node: from, place }, .. } = &step.operation else {
            continue;
        };
        let data = match place {
            DataPlace::Folder(path) => Data::Path(Path::new(path)),
            DataPlace::Volume(name) => Data::Volume(name),
        };
        let all = there.get(from).into_iter().flatten();
        for (live, _) in all.filter(|(_, own)| own.iter().any(|own| Data::meet(own, &data))) {
            if !subject.any_before(&subject.steps_on(from, live, stops), step.id) {
                found.push(Violation::CopiedWhileRunning { copies: step.id, container: live.name.clone() });
            }
        }
    }
    found
}
