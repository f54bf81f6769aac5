//! The steps of what containers live in: directories, files, images, networks, volumes.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, NewStep, Site};
use super::container::applied;
use super::decide::{quiet_reason, reasons};
use super::moving::{config_name, data_name};
use super::operation::Operation;
use super::step::{OnFailure, Phase, StepId};
use super::{Action, Dependent, Downtime, Objection, PlannedChange, Reason, Record, Stake};
use crate::diff::{Change, Cost, Presence};
use crate::model::homelab::{Image, Network, Service, Volume};
use crate::model::spec::{ImageRef, NetworkSpec, PullPolicy, VolumeSpec};
use crate::model::view::{LiveContainer, RecordedView};
use crate::model::{Addr, Fields, Kind};

/// What a change asks for, for everything that is not a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Record,
    Make,
    Change,
    Remake,
}

fn need(change: &Change) -> Need {
    match change.presence {
        Presence::New | Presence::Gone => Need::Make,
        _ => match change.fields.iter().filter(|f| f.verdict.needs_action()).map(|f| f.cost).max() {
            Some(Cost::Replace) => Need::Remake,
            Some(Cost::InPlace | Cost::Restart) => Need::Change,
            Some(Cost::Ignored) | None => Need::Record,
        },
    }
}

impl<'a> Builder<'a> {
    /// The real names of the volumes that are made anew with the user's leave.
    pub(super) fn remade_volumes(&self, service: &Service, changes: &[&Change]) -> BTreeSet<String> {
        let volumes = changes.iter().filter(|c| c.addr.kind == Kind::Volume && need(c) == Need::Remake);
        let allowed = volumes.filter(|c| self.input.options.allows_data_loss(&c.addr));
        allowed.filter_map(|c| own_volume(service, &c.addr.name)).map(|v| v.name.clone()).collect()
    }

    /// Lays down everything that containers stand on.
    pub(super) fn places(&mut self, site: &mut Site<'a>, changes: &[&'a Change]) {
        let goes = |c: &&&Change| matches!(c.presence, Presence::Undeclared | Presence::Leftover);
        let going: BTreeSet<&str> = changes.iter().filter(goes).filter_map(|c| c.live_id.as_deref()).collect();
        for change in changes {
            let known =
                matches!(change.presence, Presence::New | Presence::Gone | Presence::Unrecorded | Presence::Known);
            if !known {
                continue;
            }
            let name = change.addr.name.as_str();
            match change.addr.kind {
                Kind::Directory => {
                    let Some(spec) = site.service.directories.get(name) else { continue };
                    // What is brought over comes with its folder.
                    let comes = [data_name(site.service), config_name(site.service)].iter().any(|own| own == name);
                    let as_it_is = matches!(need(change), Need::Make | Need::Record);
                    if site.comes.is_some() && as_it_is && comes && self.brings(site, name) {
                        continue;
                    }
                    let call = Operation::EnsureDirectory(spec.clone());
                    self.place(site, change, Phase::Prepare, call, spec.fields());
                }
                Kind::File => {
                    let Some(spec) = site.service.files.get(name) else { continue };
                    let call = Operation::WriteFile(Box::new(spec.clone()));
                    self.place(site, change, Phase::Prepare, call, spec.fields());
                }
                Kind::Network => {
                    let Some(Network::Own(spec)) = site.service.networks.get(name) else { continue };
                    self.network(site, change, spec, &going);
                }
                Kind::Volume => {
                    let Some(spec) = own_volume(site.service, name) else { continue };
                    // What is brought over comes with its volume.
                    if site.brought.contains(name) {
                        continue;
                    }
                    self.volume(site, change, spec);
                }
                Kind::Image | Kind::Container => {}
            }
        }
    }

    fn place(
        &mut self,
        site: &mut Site<'a>,
        change: &Change,
        phase: Phase,
        call: Operation,
        record: Fields,
    ) -> Option<StepId> {
        let need = need(change);
        let mut steps = Vec::new();
        if need != Need::Record {
            // Files are written into directories that are made before them.
            let after = if change.addr.kind == Kind::File { site.ground.clone() } else { BTreeSet::new() };
            let addr = Some(change.addr.clone());
            let new = NewStep { service: site.service, addr, phase, call, undo: None, group: None, after };
            let step = self.push(new);
            site.ground.insert(step);
            steps.push(step);
        }
        let action = match need {
            Need::Record => record_action(change),
            Need::Make => Action::Create,
            Need::Change | Need::Remake => Action::Update,
        };
        let step = steps.last().copied();
        self.add(simple(change, self.input.recorded, action, steps, applied(record)));
        step
    }

    /// `going` are the ids of the containers that the plan removes.
    fn network(&mut self, site: &mut Site<'a>, change: &'a Change, spec: &NetworkSpec, going: &BTreeSet<&str>) {
        let create = Operation::CreateNetwork(Box::new(spec.clone()));
        let key = (site.service.node.clone(), spec.name.clone());
        if need(change) != Need::Remake {
            if let Some(step) = self.place(site, change, Phase::Deploy, create, spec.fields()) {
                self.networks.insert(key, step);
            }
            return;
        }
        // A network cannot be changed. Its containers are taken off it, it is made anew, and they
        // are put back: an outage of the network, and no container is replaced for it.
        let Some(id) = change.live_id.clone() else { return };
        let attached: Vec<&LiveContainer> =
            site.node.containers.values().filter(|c| c.spec.networks.contains_key(&spec.name)).collect();
        let addr = Some(change.addr.clone());
        let service = site.service;
        let step = |b: &mut Self, call: Operation, undo: Option<Operation>, after: BTreeSet<StepId>| {
            let new = NewStep { service, addr: addr.clone(), phase: Phase::Deploy, call, undo, group: None, after };
            b.push(new)
        };
        let mut steps = Vec::new();
        for container in &attached {
            let call = Operation::DisconnectNetwork { container: container.id.clone(), network: spec.name.clone() };
            steps.push(step(self, call, None, site.gate.clone()));
        }
        let off: BTreeSet<StepId> = steps.iter().copied().collect();
        let remove = step(self, Operation::RemoveNetwork { id, name: spec.name.clone() }, None, off);
        let made = step(self, create, None, BTreeSet::from([remove]));
        steps.extend([remove, made]);
        site.ground.insert(made);
        self.networks.insert(key, made);
        let leaves = |live: &LiveContainer| {
            if going.contains(live.id.as_str()) {
                return true;
            }
            let current = site.instances.current.iter().find(|(_, c)| c.id == live.id);
            current.is_some_and(|(name, _)| site.decisions.get(name).is_some_and(|d| d.action == Action::Replace))
        };
        for container in attached.iter().filter(|c| !leaves(c)) {
            let declared = site
                .instances
                .current
                .iter()
                .find(|(_, c)| c.id == container.id)
                .and_then(|(name, _)| site.service.containers[name].spec.networks.get(&spec.name));
            let attachment = declared.unwrap_or(&container.spec.networks[&spec.name]);
            let call = Operation::ConnectNetwork {
                container: container.id.clone(),
                network: spec.name.clone(),
                attachment: Box::new(attachment.clone()),
            };
            let back = step(self, call, None, BTreeSet::from([made]));
            if declared.is_none() {
                // It belongs to somebody else, who may be replacing it at this moment.
                self.plan.steps[back.0].on_failure = OnFailure::GoOn;
            }
            site.ground.insert(back);
            steps.push(back);
        }
        let mut planned = simple(change, self.input.recorded, Action::Replace, steps, applied(spec.fields()));
        planned.downtime = if attached.is_empty() { Downtime::None } else { Downtime::Restart };
        planned.dependents = attached.iter().map(|c| Dependent::Container(c.name.clone())).collect();
        self.add(planned);
    }

    fn volume(&mut self, site: &mut Site<'a>, change: &'a Change, spec: &VolumeSpec) {
        let create = Operation::CreateVolume(Box::new(spec.clone()));
        if need(change) != Need::Remake {
            self.place(site, change, Phase::Deploy, create, spec.fields());
            return;
        }
        let mut planned = simple(change, self.input.recorded, Action::Replace, Vec::new(), Record::Nothing);
        planned.data_at_stake = vec![Stake::VolumeRemade { volume: spec.name.clone() }];
        if !self.input.options.allows_data_loss(&change.addr) {
            let (addr, volume) = (change.addr.clone(), spec.name.clone());
            self.plan.objections.push(Objection::VolumeRemade { addr, volume });
            self.add(planned);
            return;
        }
        // Containers hold their volumes as long as they exist: those that use it are removed first
        // and made again afterwards.
        let service = site.service;
        let users: Vec<&LiveContainer> = site
            .node
            .containers
            .values()
            .filter(|c| c.spec.mounts.values().any(|m| uses(&m.kind, &spec.name)))
            .collect();
        let mut steps: Vec<StepId> = Vec::new();
        let mut after = site.gate.clone();
        let mut push = |b: &mut Self, call: Operation, after: BTreeSet<StepId>| {
            let addr = Some(change.addr.clone());
            let id = b.push(NewStep { service, addr, phase: Phase::Deploy, call, undo: None, group: None, after });
            steps.push(id);
            id
        };
        for user in &users {
            let stop = push(self, Operation::StopContainer { container: user.id.clone() }, site.gate.clone());
            let volumes = super::operation::AnonymousVolumes::Keep;
            let remove = Operation::RemoveContainer { container: user.id.clone(), volumes };
            after.insert(push(self, remove, BTreeSet::from([stop])));
        }
        let remove = push(self, Operation::RemoveVolume { name: spec.name.clone() }, after);
        let made = push(self, create, BTreeSet::from([remove]));
        site.ground.insert(made);
        // Their replacement is then a plain creation: there is no old one left to keep.
        let gone: BTreeSet<&str> = users.iter().map(|u| u.id.as_str()).collect();
        site.instances.current.retain(|_, live| !gone.contains(live.id.as_str()));
        planned.steps = steps;
        planned.record = applied(spec.fields());
        self.add(planned);
    }

    /// The step after which an image is on the node as declared, if it has to be brought there. `changed` tells what
    /// it is built from and was not before.
    pub(super) fn image_step(
        &mut self,
        site: &Site<'a>,
        reference: &ImageRef,
        declared: Option<&Image>,
        changed: Vec<Reason>,
    ) -> Option<StepId> {
        let key = (site.service.node.clone(), reference.normal());
        if let Some(step) = self.images.get(&key) {
            return Some(*step);
        }
        let present = site.node.image(reference).is_some();
        let policy = declared.map(|i| i.pull.clone()).unwrap_or_default();
        let build = declared.and_then(|i| i.build.clone());
        let build_it = |build| Operation::BuildImage { reference: reference.clone(), build: Box::new(build) };
        let (call, reasons) = match (build, policy, present) {
            (Some(build), PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build, false) => {
                (build_it(build), vec![Reason::ImageMissing])
            }
            (Some(build), _, true) if !changed.is_empty() => (build_it(build), changed),
            (Some(build), PullPolicy::Build, true) => (build_it(build), vec![Reason::PullPolicy(PullPolicy::Build)]),
            (None, PullPolicy::Never | PullPolicy::Build, _) | (_, PullPolicy::Never | PullPolicy::Missing, true) => {
                return None;
            }
            (_, policy, present) => {
                let platform = declared.and_then(|i| i.platform.clone());
                let reason = match (present, policy) {
                    (false, _) => Reason::ImageMissing,
                    (true, PullPolicy::Every(seconds)) => Reason::PullPolicy(PullPolicy::Every(seconds)),
                    (true, _) => Reason::PullPolicy(PullPolicy::Always),
                };
                (Operation::PullImage { reference: reference.clone(), platform }, vec![reason])
            }
        };
        let addr = site.service.addr(Kind::Image, reference.familiar());
        let new = NewStep {
            service: site.service,
            addr: Some(addr.clone()),
            phase: Phase::Prepare,
            call,
            undo: None,
            group: None,
            after: BTreeSet::new(),
        };
        let step = self.push(new);
        self.images.insert(key, step);
        self.add(PlannedChange {
            addr,
            action: Action::Run,
            reasons,
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps: vec![step],
            record: Record::Nothing,
        });
        Some(step)
    }
}

/// The volume that a service makes under this name.
pub(super) fn own_volume<'s>(service: &'s Service, name: &str) -> Option<&'s VolumeSpec> {
    match service.volumes.get(name) {
        Some(Volume::Own(spec)) => Some(spec),
        Some(Volume::External { .. }) | None => None,
    }
}

fn uses(kind: &crate::model::spec::MountKind, volume: &str) -> bool {
    matches!(kind, crate::model::spec::MountKind::Volume { source, .. } if source == volume)
}

fn record_action(change: &Change) -> Action {
    match change.presence {
        Presence::Unrecorded => Action::Adopt,
        _ => Action::Refresh,
    }
}

/// A planned change with the reasons that its fields give.
fn simple(
    change: &Change,
    recorded: &RecordedView,
    action: Action,
    steps: Vec<StepId>,
    record: Record,
) -> PlannedChange {
    let mut why = match change.presence {
        Presence::New => vec![Reason::New],
        Presence::Gone => vec![Reason::Gone],
        Presence::Undeclared => vec![Reason::NoLongerDeclared],
        _ => reasons(&change.fields),
    };
    if why.is_empty() {
        why.push(quiet_reason(change, recorded));
    }
    PlannedChange {
        addr: change.addr.clone(),
        action,
        reasons: why,
        fields: change.fields.clone(),
        downtime: Downtime::None,
        dependents: Vec::new(),
        data_at_stake: Vec::new(),
        live_id: change.live_id.clone(),
        steps,
        record,
    }
}

/// A planned change that only drops the record of something.
pub(super) fn forget(addr: Addr, data_at_stake: Vec<Stake>) -> PlannedChange {
    PlannedChange {
        addr,
        action: Action::Refresh,
        reasons: vec![Reason::NoLongerDeclared],
        fields: Vec::new(),
        downtime: Downtime::None,
        dependents: Vec::new(),
        data_at_stake,
        live_id: None,
        steps: Vec::new(),
        record: Record::Forget,
    }
}

/// Real network names that each service declares for itself, for whoever needs them from outside.
pub(super) fn own_networks(services: &BTreeMap<crate::model::ServiceName, Service>) -> BTreeSet<(String, String)> {
    let all = services.values().flat_map(|s| s.networks.values().map(move |n| (s, n)));
    all.filter_map(|(s, n)| match n {
        Network::Own(spec) => Some((s.node.to_string(), spec.name.clone())),
        Network::External { .. } => None,
    })
    .collect()
}
