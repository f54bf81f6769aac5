//! Relocation of a service to another node. The old containers stop, the data is copied, and the new containers are
//! verified. Only then is the old node cleared. Until then the old containers can be restarted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fragment::Fragment;
use super::graph::{NewStep, StepGraph};
use super::images;
use super::operation::{AnonymousVolumes, Operation};
use super::resources::own_volume;
use super::service_plan::{Context, Relocation, ServicePlan};
use super::step::{GroupId, Phase, StepId};
use super::whereabouts::{VolumeTransfer, config_name, data_name, is_home, volume_transfer};
use super::{Action, Downtime, PlannedChange, Reason, Record, Stake, withdrawal};
use crate::diff::Change;
use crate::model::homelab::{Role, RunState, Service};
use crate::model::spec::{DataPlace, DataSource, ImageRef, MountKind, VolumeSpec};
use crate::model::view::{ComposeIdentity, LiveContainer, LiveNode, OneOff};
use crate::model::{Addr, Fields, Kind, NodeName};

/// Another node that has something of a service.
pub(super) struct RelocationSource<'a> {
    /// The node.
    node: NodeName,
    /// The changes of the service on that node.
    changes: Vec<&'a Change>,
    /// The volumes whose data moves, by address name: the real name there, and the spec here.
    volumes: BTreeMap<String, (String, &'a VolumeSpec)>,
    /// Takes the old containers back up where the new ones fail.
    group: GroupId,
    purpose: Purpose,
}

/// The treatment of a service's resources on another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The service moves from that node and takes its resources along.
    Relocate,
    /// A move to that node was aborted. The resources there are remnants; those on the home node count.
    Abort,
}

/// Data that is copied from another node.
struct Transfer {
    addr: Addr,
    source: DataSource,
    target: DataPlace,
    record: Fields,
    /// The step that makes the place for it.
    made: Option<StepId>,
}

/// The steps that move a service here, with their changes and notes.
#[derive(Default)]
pub(super) struct BroughtOver {
    /// The steps that the containers of the service wait for.
    pub(super) steps: BTreeSet<StepId>,
    /// The changes and notes of the move.
    pub(super) out: Fragment,
}

impl<'a> RelocationSource<'a> {
    /// The other node that has something of a service, if one has. `changes` are those of the service on all nodes.
    pub(super) fn of(
        context: &Context<'a>,
        service: &'a Service,
        changes: &[&'a Change],
        graph: &mut StepGraph,
    ) -> Option<Self> {
        let elsewhere: Vec<&Change> = changes.iter().filter(|c| c.addr.node != service.node).copied().collect();
        let recorded = context.input.recorded.services.get(&service.name);
        let purpose = if is_home(context.input, service) { Purpose::Abort } else { Purpose::Relocate };
        let begun = recorded.and_then(|r| r.relocating_to.as_ref());
        let begun = begun.filter(|to| purpose == Purpose::Abort && **to != service.node);
        let node = elsewhere.first().map(|change| &change.addr.node).or(begun)?.clone();
        let live = context.known(&node);
        let of_volumes = elsewhere.iter().filter(|c| c.addr.kind == Kind::Volume);
        let copied = of_volumes.filter_map(|change| {
            let there = &live?.volumes.get(change.live_id.as_ref()?)?.spec;
            let here = own_volume(service, &change.addr.name)?;
            let is_copied = volume_transfer(there, here) == VolumeTransfer::Copy;
            is_copied.then(|| (change.addr.name.clone(), (there.name.clone(), here)))
        });
        let volumes = match purpose {
            Purpose::Relocate => copied.collect(),
            Purpose::Abort => BTreeMap::new(),
        };
        Some(Self { node, changes: elsewhere, volumes, group: graph.new_group(), purpose })
    }

    /// Returns the moved parts; `None` if the service only has remnants on that node.
    pub(super) fn relocation(&self, service: &Service) -> Option<Relocation> {
        let (folders, volumes) = (BTreeSet::from([data_name(service)]), self.volumes.keys().cloned().collect());
        let stopped = BTreeMap::new();
        (self.purpose == Purpose::Relocate).then_some(Relocation { group: self.group, folders, volumes, stopped })
    }

    /// A place on the node that the service comes from, to copy from.
    fn source(&self, place: DataPlace) -> DataSource {
        DataSource::Node { node: self.node.clone(), place }
    }

    /// Where a folder of the service is on the node that it comes from, and where it is to be.
    fn folder(&self, context: &Context<'_>, service: &Service, name: &str) -> Option<(DataSource, DataPlace)> {
        let root = |node| context.input.homelab.nodes.get(node).map(|n| &n.root);
        let (old, new) = (root(&self.node)?, root(&service.node)?);
        Some((self.source(DataPlace::Folder(format!("{old}/{name}"))), DataPlace::Folder(format!("{new}/{name}"))))
    }

    /// A change for a moved resource, with the steps that move it.
    fn moved(&self, addr: Addr, steps: Vec<StepId>, record: Record) -> PlannedChange {
        let reasons = vec![Reason::OwnerChanged(self.node.clone())];
        PlannedChange { record, ..PlannedChange::new(addr, Action::Move, reasons, steps) }
    }

    /// A step on that node.
    fn step_there<'g>(
        &self,
        service: &Service,
        phase: Phase,
        operation: Operation,
        graph: &'g mut StepGraph,
    ) -> NewStep<'g> {
        let addr = service.addr(Kind::Directory, data_name(service));
        graph.step_on(&self.node, &service.name, phase, operation).about(&addr)
    }
}

/// Brings over what persons have put beside the files of the repository, the `.env` above all: the data depends on the
/// passwords in it. Nothing stops for that, and what the repository says is laid over it afterwards.
pub(super) fn copy_config(
    context: &Context<'_>,
    service: &Service,
    from: &RelocationSource<'_>,
    graph: &mut StepGraph,
) -> Option<(StepId, PlannedChange)> {
    let name = config_name(service);
    let (source, target) = from.folder(context, service, &name)?;
    let below = format!("{name}/");
    if !from.changes.iter().any(|c| c.addr.name.starts_with(&below)) {
        return None;
    }
    let addr = service.addr(Kind::Directory, &name);
    let step = graph.step(service, Phase::Prepare, Operation::CopyData { source, target }).about(&addr).add();
    let record = service.directories.get(&name).map_or(Record::Nothing, |spec| Record::applied(spec.fields()));
    Some((step, from.moved(addr, vec![step], record)))
}

/// Stops the old containers and copies the data, once all that the new ones need is there, and it is sure that they can
/// live here.
pub(super) fn bring_over(
    context: &Context<'_>,
    plan: &ServicePlan<'_>,
    from: &RelocationSource<'_>,
    graph: &mut StepGraph,
) -> BroughtOver {
    let out = BroughtOver { steps: plan.prerequisite_steps.clone(), out: Fragment::default() };
    let mut arrival = Arrival { context, plan, from, graph, made: out };
    arrival.images();
    let transfers = arrival.transfers();
    let stops = arrival.stop_there(&transfers);
    arrival.copy(transfers, stops);
    restart_begun(plan, from.group, &mut arrival.made.steps, arrival.graph);
    arrival.made
}

/// The part of a relocation that brings the service over.
struct Arrival<'p, 'a> {
    context: &'p Context<'a>,
    plan: &'p ServicePlan<'a>,
    from: &'p RelocationSource<'a>,
    graph: &'p mut StepGraph,
    made: BroughtOver,
}

impl Arrival<'_, '_> {
    fn images(&mut self) {
        for container in self.plan.service.containers.values() {
            let step = images::ensure(self.plan, &container.spec.image, Vec::new(), self.graph, &mut self.made.out);
            self.made.steps.extend(step);
        }
    }

    /// The data that is copied; volumes are made for it here.
    fn transfers(&mut self) -> Vec<Transfer> {
        let service = self.plan.service;
        let mut transfers = Vec::new();
        let name = data_name(service);
        let folder = self.from.folder(self.context, service, &name);
        if let (Some(spec), Some((source, target))) = (service.directories.get(&name), folder) {
            let addr = service.addr(Kind::Directory, &name);
            transfers.push(Transfer { addr, source, target, record: spec.fields(), made: None });
        }
        for (name, (there, spec)) in &self.from.volumes {
            let addr = service.addr(Kind::Volume, name);
            let create = Operation::CreateVolume(Box::new((*spec).clone()));
            let made = self.graph.step(service, Phase::Deploy, create).about(&addr).add();
            self.made.steps.insert(made);
            let source = self.from.source(DataPlace::Volume(there.clone()));
            let target = DataPlace::Volume(spec.name.clone());
            transfers.push(Transfer { addr, source, target, record: spec.fields(), made: Some(made) });
        }
        transfers
    }

    /// The check that the service can live on its new node, and after it the end of the old containers.
    fn stop_there(&mut self, transfers: &[Transfer]) -> Vec<StepId> {
        let service = self.plan.service;
        let live = self.context.known(&self.from.node);
        let of_containers = self.from.changes.iter().filter(|c| c.addr.kind == Kind::Container);
        let there: Vec<(&str, &LiveContainer)> = of_containers
            .filter_map(|change| Some((change.addr.name.as_str(), live?.containers.get(change.live_id.as_ref()?)?)))
            .collect();
        // A move that was cut off has stopped them before; where this one fails they start all the same.
        let recorded = self.context.input.recorded.services.get(&service.name);
        let was_begun = recorded.is_some_and(|r| r.relocating_to.as_ref() == Some(&service.node));
        let is_daemon = |name: &str| service.containers.get(name).is_some_and(|c| c.role == Role::Daemon);
        let was_stopped = |name: &str| was_begun && service.state == RunState::Running && is_daemon(name);
        // An image for which a container names a platform is known not to be for the machine itself.
        let unnamed = service.containers.values().filter(|c| c.spec.platform.is_none());
        let images: BTreeMap<&str, &ImageRef> = unnamed.map(|c| (c.spec.image.as_str(), &c.spec.image)).collect();
        let check = Operation::CheckMove {
            from: self.from.node.clone(),
            data: transfers.iter().map(|t| (t.source.clone(), t.target.clone())).collect(),
            mounts: foreign_mounts(self.context, service),
            images: images.into_values().cloned().collect(),
            containers: there.iter().filter(|(_, c)| c.status.is_up()).map(|(_, c)| c.id.clone()).collect(),
        };
        let addr = service.addr(Kind::Directory, data_name(service));
        let after = &self.made.steps | &self.plan.dependency_steps;
        let check = self.graph.step(service, Phase::Deploy, check).about(&addr).after(after).add();
        let mut steps = vec![check];
        for (_, old) in there.iter().filter(|(name, c)| c.status.is_up() || was_stopped(name)) {
            let start = Operation::StartContainer { container: old.id.clone() };
            let stop = Operation::StopContainer { container: old.id.clone() };
            let step = self.from.step_there(service, Phase::Deploy, stop, self.graph);
            steps.push(step.in_group(Some(self.from.group), Some(start)).after([check]).add());
        }
        steps
    }

    /// Copies the data once the old containers have stopped. What stops, stops for all of it, and is told once.
    fn copy(&mut self, transfers: Vec<Transfer>, stops: Vec<StepId>) {
        let mut untold = stops.clone();
        let mut downtime = if stops.len() > 1 { Downtime::Restart } else { Downtime::None };
        let mut copies = Vec::new();
        for Transfer { addr, source, target, record, made } in transfers {
            let undo = Operation::DiscardData { source: source.clone(), target: target.clone() };
            let after = stops.iter().chain(&self.made.steps).copied();
            let copy = Operation::CopyData { source, target };
            let step = self.graph.step(self.plan.service, Phase::Deploy, copy).about(&addr).after(after);
            let copy = step.in_group(Some(self.from.group), Some(undo)).add();
            copies.push(copy);
            let steps = std::mem::take(&mut untold).into_iter().chain(made).chain([copy]).collect();
            let downtime = std::mem::replace(&mut downtime, Downtime::None);
            let moved = self.from.moved(addr, steps, Record::applied(record));
            self.made.out.changes.push(PlannedChange { downtime, ..moved });
        }
        if copies.is_empty() {
            let addr = self.plan.service.addr(Kind::Directory, data_name(self.plan.service));
            let moved = self.from.moved(addr, untold, Record::Nothing);
            self.made.out.changes.push(PlannedChange { downtime, ..moved });
        }
        self.made.steps.extend(stops);
        self.made.steps.extend(copies);
    }
}

/// Lets containers that a move which was cut off has started here already stop where this one fails.
pub(super) fn restart_begun(
    plan: &ServicePlan<'_>,
    group: GroupId,
    steps: &mut BTreeSet<StepId>,
    graph: &mut StepGraph,
) {
    let addr = plan.service.addr(Kind::Directory, data_name(plan.service));
    for live in
        plan.instances.current.values().filter(|live| live.status.is_up() && plan.stop_before_copy(&live.id).is_none())
    {
        let stop = Operation::StopContainer { container: live.id.clone() };
        let start = Operation::StartContainer { container: live.id.clone() };
        let step = graph.step(plan.service, Phase::Deploy, start).about(&addr).after(steps.clone());
        steps.insert(step.in_group(Some(group), Some(stop)).add());
    }
}

/// Paths that a service mounts and that neither come along nor are its own files.
fn foreign_mounts(context: &Context<'_>, service: &Service) -> Vec<String> {
    let root = context.root(&service.node);
    let own = [data_name(service), config_name(service)].map(|name| format!("{root}/{name}"));
    let is_brought = |path: &Path| own.iter().any(|folder| path.starts_with(folder));
    let is_shipped = |path: &Path| service.files.values().any(|file| Path::new(&file.path).starts_with(path));
    let mounts = service.containers.values().flat_map(|c| c.spec.mounts.values());
    let paths: BTreeSet<&str> = mounts
        .filter_map(|mount| match &mount.kind {
            MountKind::Bind { source, .. } => Some(source.as_str()),
            _ => None,
        })
        .filter(|path| !is_brought(Path::new(path)) && !is_shipped(Path::new(path)))
        .collect();
    paths.into_iter().map(str::to_owned).collect()
}

/// The resources of a service on a node that it must not be on, each with its address, and its id or name.
#[derive(Default)]
struct Remnants<'a> {
    containers: Vec<(Addr, String)>,
    networks: Vec<(Addr, String, String)>,
    folders: Vec<Addr>,
    volumes: Vec<(Addr, String)>,
    others: Vec<Addr>,
    /// Files and folders that are not in one of those that stay under another name.
    outside: Vec<&'a Change>,
}

/// Clears the old place once the service is proven to work in the new one, after the steps of `proof`. Its data stays,
/// under another name.
pub(super) fn clear(
    context: &Context<'_>,
    service: &Service,
    from: &RelocationSource<'_>,
    proof: BTreeSet<StepId>,
    graph: &mut StepGraph,
) -> Fragment {
    let remnants = remnants(context, service, from);
    let mut out = Fragment::default();
    let mut gone = proof.clone();
    for (addr, id) in remnants.containers {
        let remove = Operation::RemoveContainer { container: id, volumes: AnonymousVolumes::Keep };
        let step = from.step_there(service, Phase::Clean, remove, graph).after(proof.clone()).add();
        gone.insert(step);
        out.changes.push(removed(addr, service, step));
    }
    for (addr, id, name) in remnants.networks {
        let remove = Operation::RemoveNetwork { id, name };
        let step = from.step_there(service, Phase::Clean, remove, graph).after(gone.clone()).add();
        out.changes.push(removed(addr, service, step));
    }
    for addr in remnants.folders {
        let retire = Operation::RetireFolder { path: format!("{}/{}", context.root(&from.node), addr.name) };
        let step = from.step_there(service, Phase::Clean, retire, graph).after(gone.clone()).add();
        let kept = Stake::FolderRetired { path: addr.name.clone(), node: from.node.clone() };
        out.changes.push(left_behind(addr, service, vec![kept], vec![step]));
    }
    if let Some(live) = context.known(&from.node) {
        out.append(withdrawal::plan(context, live, &remnants.outside, &gone, graph));
    }
    let last: Vec<StepId> = gone.into_iter().collect();
    for (addr, volume) in remnants.volumes {
        let kept = Stake::VolumeRetired { volume, node: from.node.clone() };
        out.changes.push(left_behind(addr, service, vec![kept], last.clone()));
    }
    for addr in remnants.others {
        out.changes.push(left_behind(addr, service, Vec::new(), last.clone()));
    }
    out
}

/// A change for a resource that is removed from the old node.
fn removed(addr: Addr, service: &Service, step: StepId) -> PlannedChange {
    let change = PlannedChange::new(addr, Action::Delete, vec![Reason::MovedTo(service.node.clone())], vec![step]);
    PlannedChange { record: Record::Forget, ..change }
}

/// A change for a resource that stays on the old node. hl stops managing it once the steps are done. Until then it
/// stays on record, so that a later run can complete the move.
fn left_behind(addr: Addr, service: &Service, data_at_stake: Vec<Stake>, steps: Vec<StepId>) -> PlannedChange {
    let reasons = match data_at_stake.is_empty() {
        true => vec![Reason::NoLongerDeclared],
        false => vec![Reason::MovedTo(service.node.clone())],
    };
    PlannedChange { reasons, steps, ..PlannedChange::forget(addr, data_at_stake) }
}

/// Finds the resources of a service on another node: those on record there, and, for a move that was interrupted before
/// they were recorded, those that carry the name of its project.
fn remnants<'a>(context: &Context<'_>, service: &Service, from: &RelocationSource<'a>) -> Remnants<'a> {
    let mut remnants = Remnants::default();
    let live = context.known(&from.node);
    let folders = [data_name(service), config_name(service)];
    for change in &from.changes {
        let (addr, id) = (change.addr.clone(), change.live_id.clone());
        let network = id.as_ref().and_then(|id| live?.networks.get(id));
        match (addr.kind, id, network) {
            (Kind::Container, Some(id), _) => remnants.containers.push((addr, id)),
            (Kind::Network, _, Some(network)) => {
                remnants.networks.push((addr, network.id.clone(), network.spec.name.clone()));
            }
            (Kind::Directory, ..) if folders.contains(&addr.name) => remnants.folders.push(addr),
            (Kind::Directory | Kind::File, ..) if !folders.iter().any(|f| Path::new(&addr.name).starts_with(f)) => {
                remnants.outside.push(change);
            }
            (Kind::Volume, Some(id), _) => remnants.volumes.push((addr, id)),
            _ => remnants.others.push(addr),
        }
    }
    let others = context.input.homelab.services.values();
    let is_shared = others.filter(|s| s.node == from.node).any(|s| s.project == service.project);
    if let (Some(live), Purpose::Abort, false) = (live, from.purpose, is_shared) {
        remnants.add_unrecorded(service, &from.node, live);
    }
    remnants
}

impl Remnants<'_> {
    /// Adds what carries the name of the service's project and is not on record.
    fn add_unrecorded(&mut self, service: &Service, node: &NodeName, live: &LiveNode) {
        let addr = |kind, name: &str| Addr { node: node.clone(), ..service.addr(kind, name) };
        let is_own = |own: &&ComposeIdentity| own.project == service.project && own.one_off == OneOff::No;
        for container in live.containers.values() {
            if let Some(own) = container.identity.as_ref().filter(is_own)
                && self.containers.iter().all(|(_, id)| *id != container.id)
            {
                let name = match own.number {
                    0 | 1 => own.service.clone(),
                    number => format!("{}#{number}", own.service),
                };
                self.containers.push((addr(Kind::Container, &name), container.id.clone()));
            }
        }
        for network in live.networks.values() {
            let own = network.identity.as_ref().filter(|(project, _)| *project == service.project);
            if let Some((_, key)) = own
                && self.networks.iter().all(|(_, id, _)| *id != network.id)
            {
                self.networks.push((addr(Kind::Network, key), network.id.clone(), network.spec.name.clone()));
            }
        }
        for folder in [data_name(service), config_name(service)] {
            if self.folders.iter().all(|known| known.name != folder) {
                self.folders.push(addr(Kind::Directory, &folder));
            }
        }
    }
}
