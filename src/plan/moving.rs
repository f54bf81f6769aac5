//! A service that goes to another node: its old containers stop, its data is copied, the new ones prove themselves, and only
//! then is the old place cleared. Until then the old ones can come back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::build::{Builder, NewStep, Site};
use super::container::applied;
use super::operation::{AnonymousVolumes, Operation};
use super::place::{forget, own_volume};
use super::scope::is_home;
use super::step::{GroupId, Phase, StepId};
use super::{Action, Downtime, PlannedChange, Reason, Record, Stake};
use crate::diff::Change;
use crate::model::homelab::{Role, RunState, Service};
use crate::model::spec::{DataPlace, DataSource, ImageRef, MountKind, VolumeSpec};
use crate::model::view::{ComposeIdentity, LiveContainer, OneOff, Status};
use crate::model::{Addr, Kind, NodeName, Text};

/// Where a service comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin<'a> {
    /// The node that had it.
    node: NodeName,
    /// What of it is there.
    changes: Vec<&'a Change>,
    /// The volumes whose data comes along, by address name: their real name there, and what they are here.
    volumes: BTreeMap<String, (String, &'a VolumeSpec)>,
    /// Takes the old containers back up where the new ones fail.
    pub(super) group: GroupId,
    /// What becomes of it.
    pub(super) way: Way,
}

/// What a service has on a node that it is not to be on, each with its address, and its id or name.
#[derive(Default)]
struct Traces {
    containers: Vec<(Addr, String)>,
    networks: Vec<(Addr, String, String)>,
    folders: Vec<Addr>,
    volumes: Vec<(Addr, String)>,
    others: Vec<Addr>,
}

/// What becomes of what a service has on another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It comes from there, and brings that along.
    Comes,
    /// It was to go there, which came to nothing: those are traces, and what it has at home counts.
    Stays,
}

impl Origin<'_> {
    /// The volumes that come along, by address name.
    pub(super) fn volumes(&self) -> impl Iterator<Item = String> {
        self.volumes.keys().cloned()
    }

    /// A place on the node that the service comes from, to copy from.
    fn source(&self, place: DataPlace) -> DataSource {
        DataSource::Node { node: self.node.clone(), place }
    }
}

/// How the data of a volume gets to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carriage {
    /// It is copied.
    Copied,
    /// It is on a machine of its own, which the volume leads to from every node.
    Shared,
    /// hl does not know where it is.
    Stuck,
}

/// How the data of a volume, as it is on the old node, gets to the one that is declared on the new one. Source:
/// the options of the engine's own driver are those of `mount(8)`.
pub(super) fn carriage(live: &VolumeSpec, declared: &VolumeSpec) -> Carriage {
    let own = |spec: &VolumeSpec| spec.driver.as_deref().is_none_or(|driver| driver == "local");
    let plain = |spec: &VolumeSpec| own(spec) && spec.driver_opts.is_empty();
    let kind = live.driver_opts.get("type").and_then(Text::expose);
    let is_remote = kind.is_some_and(|kind| ["nfs", "nfs4", "cifs", "smb3", "ceph"].contains(&kind));
    match (plain(live) && plain(declared), own(live) && is_remote) {
        (true, _) => Carriage::Copied,
        (false, true) => Carriage::Shared,
        (false, false) => Carriage::Stuck,
    }
}

/// The name of a service's data among its directories.
pub(super) fn data_name(service: &Service) -> String {
    format!("data/{}", service.name)
}

/// The name of what lies beside the files of the repository on a node.
pub(super) fn config_name(service: &Service) -> String {
    format!("config/{}", service.name)
}

impl<'a> Builder<'a> {
    /// Parts what is on the service's own node from what is on the one that it comes from.
    pub(super) fn origin(&mut self, service: &'a Service, changes: &[&'a Change]) -> Option<Origin<'a>> {
        let elsewhere: Vec<&Change> = changes.iter().filter(|c| c.addr.node != service.node).copied().collect();
        let recorded = self.input.recorded.services.get(&service.name);
        let way = if is_home(self.input, service) { Way::Stays } else { Way::Comes };
        let begun = recorded.and_then(|r| r.moves_to.as_ref()).filter(|to| way == Way::Stays && **to != service.node);
        let node = elsewhere.first().map(|change| &change.addr.node).or(begun)?.clone();
        let live = self.input.live.nodes.get(&node).and_then(|n| n.known());
        let of_volumes = elsewhere.iter().filter(|c| c.addr.kind == Kind::Volume);
        let copied = of_volumes.filter_map(|change| {
            let there = &live?.volumes.get(change.live_id.as_ref()?)?.spec;
            let here = own_volume(service, &change.addr.name)?;
            let is_copied = carriage(there, here) == Carriage::Copied;
            is_copied.then(|| (change.addr.name.clone(), (there.name.clone(), here)))
        });
        let volumes = if way == Way::Comes { copied.collect() } else { BTreeMap::new() };
        Some(Origin { node, changes: elsewhere, volumes, group: self.new_group(), way })
    }

    /// Brings over what persons have put beside the files of the repository, the `.env` above all: the data depends on the
    /// passwords in it. Nothing stops for that, and what the repository says is laid over it afterwards.
    pub(super) fn bring_config(&mut self, site: &mut Site<'a>, origin: &Origin<'a>) {
        let name = config_name(site.service);
        let Some((source, target)) = self.folders(site, origin, &name) else { return };
        let below = format!("{name}/");
        if !origin.changes.iter().any(|c| c.addr.name.starts_with(&below)) {
            return;
        }
        let call = Operation::CopyData { source, target };
        let addr = site.service.addr(Kind::Directory, &name);
        let (phase, after) = (Phase::Prepare, BTreeSet::new());
        let new =
            NewStep { service: site.service, addr: Some(addr.clone()), phase, call, undo: None, group: None, after };
        let step = self.push(new);
        site.ground.insert(step);
        let record = site.service.directories.get(&name).map_or(Record::Nothing, |spec| applied(spec.fields()));
        self.add(comes(addr, origin, Downtime::None, vec![step], record));
    }

    /// Where a folder of the service is on the node that it comes from, and where it is to be.
    fn folders(&self, site: &Site<'a>, origin: &Origin<'a>, name: &str) -> Option<(DataSource, DataPlace)> {
        let root = |node| self.input.homelab.nodes.get(node).map(|n| &n.root);
        let (old, new) = (root(&origin.node)?, root(&site.service.node)?);
        Some((origin.source(DataPlace::Folder(format!("{old}/{name}"))), DataPlace::Folder(format!("{new}/{name}"))))
    }

    /// Whether a folder of the service is copied from another node: the data always, the configuration where there is any.
    pub(super) fn brings(&self, site: &Site<'a>, name: &str) -> bool {
        let addr = Some(site.service.addr(Kind::Directory, name));
        let copies = |s: &super::step::Step| matches!(s.operation, Operation::CopyData { .. }) && s.addr == addr;
        name == data_name(site.service) || self.plan.steps.iter().any(copies)
    }

    /// Stops the old containers and copies the data, once all that the new ones need is there, and it is sure that they can
    /// live here.
    pub(super) fn bring_over(&mut self, site: &mut Site<'a>, origin: &Origin<'a>) {
        let service = site.service;
        for container in service.containers.values() {
            let image = &container.spec.image;
            let declared = service.images.get(image.as_str());
            let step = self.image_step(site, image, declared, Vec::new());
            site.ground.extend(step);
        }
        let mut coming = Vec::new();
        let name = data_name(service);
        let folders = self.folders(site, origin, &name);
        if let (Some(spec), Some((source, target))) = (service.directories.get(&name), folders) {
            coming.push((service.addr(Kind::Directory, &name), source, target, spec.fields(), Vec::new()));
        }
        for (name, (source, spec)) in &origin.volumes {
            let addr = service.addr(Kind::Volume, name);
            let call = Operation::CreateVolume(Box::new((*spec).clone()));
            let (phase, after) = (Phase::Deploy, BTreeSet::new());
            let new = NewStep { service, addr: Some(addr.clone()), phase, call, undo: None, group: None, after };
            let made = self.push(new);
            site.ground.insert(made);
            let source = origin.source(DataPlace::Volume(source.clone()));
            let target = DataPlace::Volume(spec.name.clone());
            coming.push((addr, source, target, spec.fields(), vec![made]));
        }
        let data = coming.iter().map(|(_, source, target, ..)| (source.clone(), target.clone())).collect();
        let stops = self.stop_origin(site, origin, data);
        // What stops, stops for all of it, and is told once.
        let mut untold = stops.clone();
        let mut downtime = if stops.len() > 1 { Downtime::Restart } else { Downtime::None };
        let mut copies = Vec::new();
        for (addr, source, target, fields, made) in coming {
            let undo = Operation::DiscardData { source: source.clone(), target: target.clone() };
            let call = Operation::CopyData { source, target };
            let (phase, undo, group) = (Phase::Deploy, Some(undo), Some(origin.group));
            let after = stops.iter().chain(&site.ground).copied().collect();
            let copy = self.push(NewStep { service, addr: Some(addr.clone()), phase, call, undo, group, after });
            copies.push(copy);
            let steps = std::mem::take(&mut untold).into_iter().chain(made).chain([copy]).collect();
            let downtime = std::mem::replace(&mut downtime, Downtime::None);
            self.add(comes(addr, origin, downtime, steps, applied(fields)));
        }
        if copies.is_empty() {
            let addr = service.addr(Kind::Directory, &name);
            self.add(comes(addr, origin, downtime, untold, Record::Nothing));
        }
        site.ground.extend(stops);
        site.ground.extend(copies);
        self.already_begun(site, origin);
    }

    /// Paths that a service mounts and that neither come along nor are its own files.
    fn mounts_elsewhere(&self, service: &Service) -> Vec<String> {
        let root = self.input.homelab.nodes.get(&service.node).map_or("", |n| n.root.as_str());
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

    /// Containers that a move which was cut off has started here already: they stop where this one fails.
    fn already_begun(&mut self, site: &mut Site<'a>, origin: &Origin<'a>) {
        let running = site.instances.current.values().filter(|live| runs(live));
        for container in running.map(|live| live.id.clone()).collect::<Vec<_>>() {
            let undo = Some(Operation::StopContainer { container: container.clone() });
            let (call, after) = (Operation::StartContainer { container }, site.ground.clone());
            let (phase, group) = (Phase::Deploy, Some(origin.group));
            let addr = Some(site.service.addr(Kind::Directory, data_name(site.service)));
            let step = self.push(NewStep { service: site.service, addr, phase, call, undo, group, after });
            site.ground.insert(step);
        }
    }

    /// The check that the service can live on its new node, and after it the end of the old containers.
    fn stop_origin(&mut self, site: &Site<'a>, origin: &Origin<'a>, data: Vec<(DataSource, DataPlace)>) -> Vec<StepId> {
        let live = self.input.live.nodes.get(&origin.node).and_then(|n| n.known());
        let of_containers = origin.changes.iter().filter(|c| c.addr.kind == Kind::Container);
        let there: Vec<(&str, &LiveContainer)> = of_containers
            .filter_map(|change| Some((change.addr.name.as_str(), live?.containers.get(change.live_id.as_ref()?)?)))
            .collect();
        let running: Vec<String> = there.iter().filter(|(_, c)| runs(c)).map(|(_, c)| c.id.clone()).collect();
        // A move that was cut off has stopped them before; where this one fails they start all the same.
        let recorded = self.input.recorded.services.get(&site.service.name);
        let was_begun = recorded.is_some_and(|r| r.moves_to.as_ref() == Some(&site.service.node));
        let is_daemon = |name: &str| site.service.containers.get(name).is_some_and(|c| c.role == Role::Daemon);
        let was_stopped = |name: &str| was_begun && site.service.state == RunState::Running && is_daemon(name);
        let stopping = there.iter().filter(|(name, c)| runs(c) || was_stopped(name)).map(|(_, c)| c.id.clone());
        let stopping: Vec<String> = stopping.collect();
        // Who names a platform knows that it is not the machine's own.
        let unnamed = site.service.containers.values().filter(|c| c.spec.platform.is_none());
        let images: BTreeMap<&str, &ImageRef> = unnamed.map(|c| (c.spec.image.as_str(), &c.spec.image)).collect();
        let call = Operation::CheckMove {
            from: origin.node.clone(),
            data,
            mounts: self.mounts_elsewhere(site.service),
            images: images.into_values().cloned().collect(),
            containers: running,
        };
        let addr = Some(site.service.addr(Kind::Directory, data_name(site.service)));
        let (phase, after) = (Phase::Deploy, site.ground.iter().chain(&site.gate).copied().collect());
        let check = self.push(NewStep { service: site.service, addr, phase, call, undo: None, group: None, after });
        let mut steps = vec![check];
        for container in stopping {
            let undo = Some(Operation::StartContainer { container: container.clone() });
            let call = Operation::StopContainer { container };
            steps.push(self.on_origin(site, origin, Phase::Deploy, call, undo, BTreeSet::from([check])));
        }
        steps
    }

    /// Clears the old place once the service is proven to work in the new one. Its data stays, under another name.
    pub(super) fn clear_origin(&mut self, site: &Site<'a>, origin: &Origin<'a>) {
        // What is declared stopped has nothing to prove but that it was copied.
        let proven = self.services.get(&site.service.name).map(|s| s.verified.clone());
        let proof: BTreeSet<StepId> = proven.into_iter().flatten().chain(site.ground.iter().copied()).collect();
        let traces = self.traces(site.service, origin);
        let mut gone = proof.clone();
        for (addr, id) in traces.containers {
            let call = Operation::RemoveContainer { container: id, volumes: AnonymousVolumes::Keep };
            let step = self.on_origin(site, origin, Phase::Clean, call, None, proof.clone());
            gone.insert(step);
            self.add(self.cleared(&addr, site.service, vec![step]));
        }
        for (addr, id, name) in traces.networks {
            let step =
                self.on_origin(site, origin, Phase::Clean, Operation::RemoveNetwork { id, name }, None, gone.clone());
            self.add(self.cleared(&addr, site.service, vec![step]));
        }
        for addr in traces.folders {
            let root = self.input.homelab.nodes.get(&origin.node).map_or("", |n| n.root.as_str());
            let call = Operation::SetAside { path: format!("{root}/{}", addr.name) };
            let step = self.on_origin(site, origin, Phase::Clean, call, None, gone.clone());
            let kept = Stake::FolderRetired { path: addr.name.clone(), node: origin.node.clone() };
            self.add(left(addr, site.service, vec![kept], vec![step]));
        }
        let last: Vec<StepId> = gone.into_iter().collect();
        for (addr, volume) in traces.volumes {
            let kept = Stake::VolumeRetired { volume, node: origin.node.clone() };
            self.add(left(addr, site.service, vec![kept], last.clone()));
        }
        for addr in traces.others {
            self.add(left(addr, site.service, Vec::new(), last.clone()));
        }
    }

    /// What a service has on another node: all that is on record there, and of a move that was cut off before that what
    /// carries its project's name.
    fn traces(&self, service: &Service, origin: &Origin<'a>) -> Traces {
        let mut traces = Traces::default();
        let live = self.input.live.nodes.get(&origin.node).and_then(|n| n.known());
        let folders = [data_name(service), config_name(service)];
        for change in &origin.changes {
            let (addr, id) = (change.addr.clone(), change.live_id.clone());
            let network = id.as_ref().and_then(|id| live?.networks.get(id));
            match (addr.kind, id, network) {
                (Kind::Container, Some(id), _) => traces.containers.push((addr, id)),
                (Kind::Network, _, Some(network)) => {
                    traces.networks.push((addr, network.id.clone(), network.spec.name.clone()));
                }
                (Kind::Directory, ..) if folders.contains(&addr.name) => traces.folders.push(addr),
                (Kind::Volume, Some(id), _) => traces.volumes.push((addr, id)),
                _ => traces.others.push(addr),
            }
        }
        let others = self.input.homelab.services.values();
        let is_shared = others.filter(|s| s.node == origin.node).any(|s| s.project == service.project);
        let (Some(live), Way::Stays, false) = (live, origin.way, is_shared) else { return traces };
        let addr = |kind, name: &str| Addr { node: origin.node.clone(), ..service.addr(kind, name) };
        for container in live.containers.values() {
            let is_own =
                |identity: &&ComposeIdentity| identity.project == service.project && identity.one_off == OneOff::No;
            if let Some(own) = container.identity.as_ref().filter(is_own)
                && traces.containers.iter().all(|(_, id)| *id != container.id)
            {
                let name = match own.number {
                    0 | 1 => own.service.clone(),
                    number => format!("{}#{number}", own.service),
                };
                traces.containers.push((addr(Kind::Container, &name), container.id.clone()));
            }
        }
        for network in live.networks.values() {
            let own = network.identity.as_ref().filter(|(project, _)| *project == service.project);
            if let Some((_, key)) = own
                && traces.networks.iter().all(|(_, id, _)| *id != network.id)
            {
                traces.networks.push((addr(Kind::Network, key), network.id.clone(), network.spec.name.clone()));
            }
        }
        for folder in &folders {
            if traces.folders.iter().all(|known| known.name != *folder) {
                traces.folders.push(addr(Kind::Directory, folder));
            }
        }
        traces
    }

    fn cleared(&self, addr: &Addr, service: &Service, steps: Vec<StepId>) -> PlannedChange {
        PlannedChange {
            addr: addr.clone(),
            action: Action::Delete,
            reasons: vec![Reason::MovedTo(service.node.clone())],
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps,
            record: Record::Forget,
        }
    }

    fn on_origin(
        &mut self,
        site: &Site<'a>,
        origin: &Origin<'a>,
        phase: Phase,
        call: Operation,
        undo: Option<Operation>,
        after: BTreeSet<StepId>,
    ) -> StepId {
        let group = undo.is_some().then_some(origin.group);
        let addr = Some(site.service.addr(Kind::Directory, data_name(site.service)));
        let step = self.push(NewStep { service: site.service, addr, phase, call, undo, group, after });
        self.plan.steps[step.0].node = origin.node.clone();
        step
    }
}

/// What stays on the old node and is no longer hl's business once the steps are done. As long as they are not, it is on
/// record there: whoever completes the move has to find it.
fn left(addr: Addr, service: &Service, data_at_stake: Vec<Stake>, steps: Vec<StepId>) -> PlannedChange {
    let reasons = match data_at_stake.is_empty() {
        true => vec![Reason::NoLongerDeclared],
        false => vec![Reason::MovedTo(service.node.clone())],
    };
    PlannedChange { reasons, steps, ..forget(addr, data_at_stake) }
}

fn runs(container: &LiveContainer) -> bool {
    matches!(container.status, Status::Running | Status::Restarting | Status::Paused)
}

/// What comes from another node.
fn comes(addr: Addr, origin: &Origin<'_>, downtime: Downtime, steps: Vec<StepId>, record: Record) -> PlannedChange {
    PlannedChange {
        addr,
        action: Action::Move,
        reasons: vec![Reason::OwnerChanged(origin.node.clone())],
        fields: Vec::new(),
        downtime,
        dependents: Vec::new(),
        data_at_stake: Vec::new(),
        live_id: None,
        steps,
        record,
    }
}
