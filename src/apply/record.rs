//! Records of applied changes. A record is made from the node as read back after the change, in the same way a plan
//! reads the node, so that the next plan compares like with like.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Outcome, Report};
use crate::model::spec::{ContainerSpec, DataPlace};
use crate::model::view::{
    FileKind, LiveContainer, LiveNode, Recorded, RecordedService, RecordedView, WantContent, Wanted,
};
use crate::model::{Addr, Field, Fields, Key, Kind, Sealer, ServiceName, Text, Value};
use crate::plan::operation::Effect;
use crate::plan::record::{self, Views};
use crate::plan::{Operation, Plan, PlannedChange, Record, StepId};
use crate::state::{self, Store};

/// The parts of a node to read for these changes of a plan, given by index.
pub(super) fn wanted(plan: &Plan, changes: &[usize]) -> Wanted {
    let mut wanted = Wanted::default();
    for change in changes.iter().map(|i| &plan.changes[*i]) {
        let Record::Applied(declared) = &change.record else { continue };
        if let Some(Subject::Path(path)) = subject(plan, change) {
            let content = declared.iter().any(|(f, _)| matches!(f.key, Key::Content | Key::Environment));
            wanted.add(path, if content { WantContent::Yes } else { WantContent::No });
        }
    }
    wanted
}

/// The object that is read back for a change.
enum Subject<'p> {
    /// A container that the plan makes.
    Made(&'p ContainerSpec),
    /// A container that was there, by id.
    Container(&'p str),
    /// A network by name.
    Network(&'p str),
    /// A volume by name.
    Volume(&'p str),
    /// A file or a directory.
    Path(&'p str),
}

fn subject<'p>(plan: &'p Plan, change: &'p PlannedChange) -> Option<Subject<'p>> {
    let Record::Applied(declared) = &change.record else { return None };
    let calls = || change.steps.iter().map(|StepId(i)| &plan.steps[*i].operation);
    let live_id = change.live_id.as_deref();
    match change.addr.kind {
        Kind::Container => {
            let made = calls().find_map(|call| match call {
                Operation::CreateContainer { spec, .. } => Some(Subject::Made(spec.as_ref())),
                _ => None,
            });
            made.or_else(|| live_id.map(Subject::Container))
        }
        Kind::Network => text(declared, Key::Name).map(Subject::Network),
        Kind::Volume => text(declared, Key::Name).map(Subject::Volume),
        Kind::Directory | Kind::File => {
            let written = calls().find_map(|call| match call {
                Operation::EnsureDirectory(spec) => Some(spec.path.as_str()),
                Operation::WriteFile(spec) => Some(spec.path.as_str()),
                Operation::CopyData { target: DataPlace::Folder(path), .. } => Some(path.as_str()),
                _ => None,
            });
            written.or(live_id).map(Subject::Path)
        }
        Kind::Image => None,
    }
}

fn text(fields: &Fields, key: Key) -> Option<&str> {
    match fields.get(&Field::key(key)) {
        Some(Value::Text(Text::Plain(text))) => Some(text),
        _ => None,
    }
}

/// The record of a change, made from the node as read afterwards; `None` if the object of the change does not exist.
/// `values` are the variables of its service's env file that this apply knows.
pub(super) fn recorded(
    plan: &Plan,
    change: &PlannedChange,
    live: &LiveNode,
    values: &BTreeMap<String, String>,
    sealer: &Sealer,
) -> Option<Recorded> {
    let Record::Applied(declared) = &change.record else { return None };
    let container = |live_container: &LiveContainer, made: Option<&ContainerSpec>| {
        let made = made.map(|spec| spec.clone().filled(values));
        let views = record::container(declared, made.as_ref(), live_container, sealer);
        (live_container.id.clone(), views)
    };
    let (id, Views { declared, baseline }) = match subject(plan, change)? {
        Subject::Made(spec) => container(live.containers.values().find(|c| c.name == spec.name)?, Some(spec)),
        Subject::Container(id) => container(live.containers.get(id)?, None),
        Subject::Network(name) => {
            let network = live.network(name)?;
            (network.id.clone(), record::place(declared, &network.spec.fields(), sealer))
        }
        Subject::Volume(name) => {
            let volume = live.volumes.get(name)?;
            (name.to_owned(), record::place(declared, &volume.spec.fields(), sealer))
        }
        Subject::Path(path) => {
            let kind = if change.addr.kind == Kind::Directory { FileKind::Directory } else { FileKind::File };
            (path.to_owned(), record::path(declared, live.files.get(path)?, kind, sealer))
        }
    };
    Some(Recorded { id, declared, baseline, applied_at: state::now() })
}

/// Records a service with its first resource. A service that is being moved keeps its old node until the move is complete.
pub(super) fn service(store: &mut Store, name: &ServiceName, services: &BTreeMap<ServiceName, RecordedService>) {
    let known = store.state().view.services.get(name);
    let stays = |service: &&RecordedService| known.is_none_or(|known| known.node == service.node);
    if let Some(service) = services.get(name).filter(stays) {
        let relocating_to = known.and_then(|known| known.relocating_to.clone());
        store.record_service(name, &RecordedService { relocating_to, ..service.clone() });
    }
}

/// Records the new id of a network that was made again as it was: that is hl's doing and nobody else's.
pub(super) fn same_network(store: &mut Store, addr: &Addr, id: &str) {
    if let Some(recorded) = store.state().view.resources.get(addr).cloned() {
        store.record(addr.clone(), Recorded { id: id.to_owned(), ..recorded });
    }
}

/// The resources that a plan changes, with those that it only takes off their networks and puts back, and the services
/// that it is about.
pub(super) fn begun(plan: &Plan, recorded: &RecordedView) -> (BTreeSet<Addr>, BTreeSet<ServiceName>) {
    let changes = plan.changes.iter().filter(|change| change.acts()).map(|change| change.addr.clone());
    let changes = changes.chain(reattached(plan, recorded).into_keys());
    (changes.collect(), plan.order.iter().cloned().collect())
}

/// The steps that take recorded containers off networks, or put them on, by container.
fn reattached(plan: &Plan, recorded: &RecordedView) -> BTreeMap<Addr, Vec<StepId>> {
    let known = recorded.resources.iter().filter(|(addr, _)| addr.kind == Kind::Container);
    let by_id: BTreeMap<_, _> = known.map(|(addr, record)| ((&addr.node, record.id.as_str()), addr)).collect();
    let mut found: BTreeMap<Addr, Vec<StepId>> = BTreeMap::new();
    for step in &plan.steps {
        let (Operation::DisconnectNetwork { container, .. } | Operation::ConnectNetwork { container, .. }) =
            &step.operation
        else {
            continue;
        };
        if let Some(addr) = by_id.get(&(&step.node, container.as_str())) {
            found.entry((*addr).clone()).or_default().push(step.id);
        }
    }
    found
}

/// Records which changes were brought to an end, or are left as nobody had begun them.
pub(super) fn end_changes(plan: &Plan, store: &mut Store, report: &Report, is_made: impl Fn(&PlannedChange) -> bool) {
    let is_changed = |addr: &Addr| plan.changes.iter().any(|change| change.acts() && change.addr == *addr);
    let reattached = reattached(plan, &store.state().view);
    // The steps for the networks of a container are settled where all of them are done, or nothing of them is left.
    let is_attached = |steps: &mut dyn Iterator<Item = &StepId>| {
        let is_back = |id: &StepId| report.undone.get(&id.0).is_some_and(Option::is_none);
        let (mut all_done, mut nothing_left) = (true, true);
        for id in steps {
            let outcome = report.steps.get(&id.0);
            all_done &= matches!(outcome, Some(Outcome::Done | Outcome::Warned { .. }));
            nothing_left &= matches!(outcome, None | Some(Outcome::Skipped { .. })) || is_back(id);
        }
        all_done || nothing_left
    };
    for (addr, steps) in &reattached {
        if !is_changed(addr) && is_attached(&mut steps.iter()) {
            store.end_change(addr);
        }
    }
    for change in plan.changes.iter().filter(|change| change.acts()) {
        let made = is_made(change);
        let settled = |id: &StepId| {
            let step = &plan.steps[id.0];
            let looks = step.operation.describe().effect == Effect::Observes;
            match report.steps.get(&id.0) {
                None | Some(Outcome::Skipped { .. }) => !takes_up_files(plan, report, *id),
                Some(Outcome::Done | Outcome::Warned { .. }) => {
                    made || looks || report.undone.get(&id.0).is_some_and(Option::is_none)
                }
                // A failed step of a group leaves nothing behind that the undo of the group does not take along.
                Some(Outcome::Failed { .. }) => looks || step.group.is_some(),
            }
        };
        let of_networks = reattached.get(&change.addr).into_iter().flatten();
        if change.steps.iter().all(settled) && is_attached(&mut of_networks.filter(|id| !change.steps.contains(id))) {
            store.end_change(&change.addr);
        }
    }
}

/// Whether a step that was not tried was to let a container have files that were written: until it has them, it is not as
/// nobody had begun to change it.
fn takes_up_files(plan: &Plan, report: &Report, StepId(step): StepId) -> bool {
    let step = &plan.steps[step];
    let begins = matches!(step.operation, Operation::StartContainer { .. } | Operation::RestartContainer { .. });
    let is_written = |StepId(before): &StepId| {
        let writes = matches!(plan.steps[*before].operation, Operation::WriteFile(_));
        writes && matches!(report.steps.get(before), Some(Outcome::Done | Outcome::Warned { .. }))
    };
    begins && step.after.iter().any(is_written)
}

/// Records the services that are as declared: they have resources, the plan does not leave them out,
/// and none of its steps for them is open or went wrong, which `clean` tells.
pub(super) fn services(
    plan: &Plan,
    store: &mut Store,
    services: &BTreeMap<ServiceName, RecordedService>,
    clean: impl Fn(StepId) -> bool,
) {
    let open: BTreeSet<&ServiceName> = plan.steps.iter().filter(|s| !clean(s.id)).map(|s| &s.service).collect();
    let left_out = |name| plan.blocked.contains_key(name) || plan.unknown.values().any(|u| u.services.contains(name));
    for (name, service) in services {
        let has_resources = store.state().view.resources.keys().any(|addr| addr.service == *name);
        if has_resources && !open.contains(name) && !left_out(name) {
            // `relocating_to` is kept while its node is unknown: an aborted move may have left resources there.
            let relocating_to = store.state().view.services.get(name).and_then(|known| known.relocating_to.clone());
            let relocating_to = relocating_to.filter(|node| *node != service.node && plan.unknown.contains_key(node));
            store.record_service(name, &RecordedService { relocating_to, ..service.clone() });
        }
    }
}
