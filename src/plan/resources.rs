//! The steps of what containers stand on: directories, files, networks, volumes.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, quiet_reason, reasons};
use super::fragment::Fragment;
use super::graph::{Milestone, StepGraph};
use super::operation::{AnonymousVolumes, Operation};
use super::planned::Progress;
use super::service_plan::{Context, ServicePlan};
use super::step::{GroupId, OnFailure, Phase, StepId};
use super::taken;
use super::whereabouts::{config_name, data_name};
use super::{Action, Dependent, Downtime, Holder, Note, Objection, Options, PlannedChange, Reason, Record, Stake};
use crate::diff::{Change, Cost, Presence};
use crate::model::homelab::{Homelab, Network, Rollback, Service, Volume};
use crate::model::spec::{DirectorySpec, FirstOwner, NetworkSpec, VolumeSpec};
use crate::model::view::{FileKind, LiveContainer};
use crate::model::{Fields, Kind, NodeName};

/// The need that a change implies for a resource other than a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Only its record follows.
    Record,
    /// It is made.
    Make,
    /// It is changed as it is.
    Change,
    /// It is made anew.
    Remake,
}

fn need(change: &Change, options: &Options) -> Need {
    match change.presence {
        Presence::New | Presence::Gone => Need::Make,
        _ if options.replaces(&change.addr) => Need::Remake,
        _ => match change.fields.iter().filter(|f| f.verdict.needs_action()).map(|f| f.cost).max() {
            Some(Cost::Replace) => Need::Remake,
            Some(Cost::InPlace | Cost::Restart) => Need::Change,
            Some(Cost::Ignored) | None => Need::Record,
        },
    }
}

/// The files that a plan of these changes puts in place, by node and path.
pub(super) fn written<'a>(
    homelab: &'a Homelab,
    changes: impl Iterator<Item = &'a Change>,
    options: &Options,
) -> BTreeMap<&'a NodeName, BTreeSet<&'a str>> {
    let mut written: BTreeMap<&NodeName, BTreeSet<&str>> = BTreeMap::new();
    for change in changes.filter(|c| c.addr.kind == Kind::File) {
        let file = homelab.services.get(&change.addr.service).and_then(|s| s.files.get(&change.addr.name));
        if let Some(file) = file.filter(|_| is_declared(change) && need(change, options) != Need::Record) {
            written.entry(&change.addr.node).or_default().insert(&file.path);
        }
    }
    written
}

fn is_declared(change: &Change) -> bool {
    matches!(change.presence, Presence::New | Presence::Gone | Presence::Unrecorded | Presence::Known)
}

/// The volume that a service makes under this name.
pub(super) fn own_volume<'s>(service: &'s Service, name: &str) -> Option<&'s VolumeSpec> {
    match service.volumes.get(name) {
        Some(Volume::Own(spec)) => Some(spec),
        Some(Volume::External { .. }) | None => None,
    }
}

/// The real names of the volumes that are made anew with the user's leave.
pub(super) fn remade_volumes<'a>(
    context: &Context<'a>,
    service: &'a Service,
    changes: &[&Change],
) -> BTreeSet<&'a str> {
    let options = context.input.options;
    let volumes = changes.iter().filter(|c| c.addr.kind == Kind::Volume && need(c, options) == Need::Remake);
    let allowed = volumes.filter(|c| options.allows_data_loss(&c.addr));
    allowed.filter_map(|c| own_volume(service, &c.addr.name)).map(|v| v.name.as_str()).collect()
}

/// The real names of the networks that are made anew.
pub(super) fn remade_networks<'a>(
    context: &Context<'a>,
    service: &'a Service,
    changes: &[&Change],
) -> BTreeSet<&'a str> {
    let networks = changes.iter().filter(|c| c.addr.kind == Kind::Network && c.live_id.is_some());
    let remade = networks.filter(|c| need(c, context.input.options) == Need::Remake);
    let own = |change: &&Change| match service.networks.get(&change.addr.name) {
        Some(Network::Own(spec)) => Some(spec.name.as_str()),
        Some(Network::External { .. }) | None => None,
    };
    remade.filter_map(own).collect()
}

/// The resources of a service when they are planned.
pub(super) struct Resources {
    /// The steps after which they are there.
    pub(super) steps: BTreeSet<StepId>,
    /// The groups of networks that are made anew.
    pub(super) groups: BTreeMap<GroupId, Rollback>,
    /// The changes, notes and objections of the resources.
    pub(super) out: Fragment,
}

/// Plans the resources of a service, after the steps that it waits for already.
pub(super) fn plan<'a>(
    context: &Context<'a>,
    plan: &ServicePlan<'a>,
    progress: &mut Progress<'a>,
    graph: &mut StepGraph,
) -> Resources {
    let steps = plan.prerequisite_steps.clone();
    let made = Resources { steps, groups: BTreeMap::new(), out: Fragment::default() };
    let mut planner = Planner { context, plan, progress, graph, made };
    for change in &plan.changes {
        if is_declared(change) {
            planner.resource(change);
        }
    }
    planner.made
}

struct Planner<'p, 'a> {
    context: &'p Context<'a>,
    plan: &'p ServicePlan<'a>,
    progress: &'p mut Progress<'a>,
    graph: &'p mut StepGraph,
    made: Resources,
}

impl Planner<'_, '_> {
    fn need(&self, change: &Change) -> Need {
        need(change, self.context.input.options)
    }

    fn resource(&mut self, change: &Change) {
        let (service, name) = (self.plan.service, change.addr.name.as_str());
        match change.addr.kind {
            Kind::Directory => {
                let Some(spec) = service.directories.get(name) else { return };
                // A copied folder needs no separate directory step.
                let comes = self.plan.relocation.as_ref().is_some_and(|r| r.folders.contains(name));
                let need = self.need(change);
                if !(comes && matches!(need, Need::Make | Need::Record)) {
                    let first = match &spec.first_owner {
                        FirstOwner::Ids(ids) if need == Need::Make => Some(ids),
                        FirstOwner::Named(user) if need == Need::Make => {
                            let (addr, user) = (change.addr.clone(), user.clone());
                            self.made.out.notes.push(Note::OwnerByName { addr, path: spec.path.clone(), user });
                            None
                        }
                        FirstOwner::Maker | FirstOwner::Ids(_) | FirstOwner::Named(_) => None,
                    };
                    let made = DirectorySpec { owner: spec.owner.as_ref().or(first).cloned(), ..spec.clone() };
                    self.simple(change, Phase::Prepare, Operation::EnsureDirectory(made), spec.fields());
                }
            }
            Kind::File => {
                let Some(spec) = service.files.get(name) else { return };
                self.simple(change, Phase::Prepare, Operation::WriteFile(Box::new(spec.clone())), spec.fields());
                self.make_room(change, &spec.path);
            }
            Kind::Network => {
                let Some(Network::Own(spec)) = service.networks.get(name) else { return };
                self.network(change, spec);
            }
            Kind::Volume => {
                let Some(spec) = own_volume(service, name) else { return };
                // A copied volume needs no separate volume step.
                let comes = self.plan.relocation.as_ref().is_some_and(|r| r.volumes.contains(name));
                if !comes {
                    self.volume(change, spec);
                }
            }
            Kind::Image | Kind::Container => {}
        }
    }

    /// Whether a change is one of the folders that every service has, of a service that nothing else is done to: it is
    /// taken over as it is.
    fn is_taken_along(&self, change: &Change) -> bool {
        let service = self.plan.service;
        let own = [data_name(service), config_name(service)];
        let is_own =
            |c: &Change| c.addr.kind == Kind::Directory && c.presence == Presence::New && own.contains(&c.addr.name);
        is_own(change)
            && self.plan.relocation.is_none()
            && self.plan.changes.iter().all(|c| is_own(c) || !c.needs_action())
            && self.plan.decisions.values().all(|d| matches!(d.action, Action::Adopt | Action::Refresh))
            && !self.plan.instances.current.is_empty()
    }

    /// Removes an empty folder that is where a file is to be: an engine makes one where it finds nothing to mount.
    fn make_room(&mut self, change: &Change, path: &str) {
        let there = self.plan.node.files.get(path).filter(|there| there.kind == FileKind::Directory);
        let is_empty = there.and_then(|there| there.entries.as_ref()).is_some_and(BTreeSet::is_empty);
        let leaves = self.plan.changes.iter().any(|c| !is_declared(c) && c.live_id.as_deref() == Some(path));
        if is_empty && !leaves {
            let remove = Operation::RemoveVacantFolder { path: path.to_owned() };
            let step = self.graph.step(self.plan.service, Phase::Prepare, remove).about(&change.addr).add();
            self.made.steps.insert(step);
            self.made.out.changes.iter_mut().filter(|c| c.addr == change.addr).for_each(|c| c.steps.insert(0, step));
        }
    }

    /// A resource that one operation makes as declared.
    fn simple(&mut self, change: &Change, phase: Phase, operation: Operation, record: Fields) -> Option<StepId> {
        let need = self.need(change);
        let step = (need != Need::Record).then(|| {
            // Files are written into directories that are made before them, and all of them at once.
            let waits_for = |id: &StepId| {
                change.addr.kind == Kind::File && !matches!(self.graph.get(*id).operation, Operation::WriteFile(_))
            };
            let after: Vec<StepId> = self.made.steps.iter().copied().filter(waits_for).collect();
            self.graph.step(self.plan.service, phase, operation).about(&change.addr).after(after).add()
        });
        self.made.steps.extend(step);
        let action = match need {
            Need::Record if change.presence == Presence::Unrecorded => Action::Adopt,
            Need::Record => Action::Refresh,
            Need::Make if self.is_taken_along(change) => Action::Adopt,
            Need::Make => Action::Create,
            Need::Change | Need::Remake => Action::Update,
        };
        let record = Record::applied(record);
        let planned = self.planned(change, action, step.into_iter().collect(), record);
        self.made.out.changes.push(planned);
        step
    }

    fn network(&mut self, change: &Change, spec: &NetworkSpec) {
        let milestone = Milestone::Network(self.plan.service.node.clone(), spec.name.clone());
        let create = Operation::CreateNetwork(Box::new(spec.clone()));
        if self.need(change) == Need::Remake {
            self.remade_network(change, spec, create, milestone);
        } else if let Some(step) = self.simple(change, Phase::Deploy, create, spec.fields()) {
            self.graph.reach(milestone, step);
        }
    }

    /// Recreates a network, because a network cannot be changed. Its containers are disconnected and connected again:
    /// the network has an outage, but no container is replaced.
    fn remade_network(&mut self, change: &Change, spec: &NetworkSpec, create: Operation, milestone: Milestone) {
        let Some(id) = change.live_id.clone() else { return };
        let attached: Vec<&LiveContainer> =
            self.plan.node.containers.values().filter(|c| c.spec.networks.contains_key(&spec.name)).collect();
        // Where nothing is to go back, containers are all the same not left without a network that cannot be made.
        let (bond, rollback) = match self.plan.network_bonds.get(&spec.name) {
            Some((number, Rollback::On)) => (Some(*number), Rollback::On),
            Some((_, Rollback::Off)) | None => (None, Rollback::Off),
        };
        let group = self.progress.group(bond, self.graph);
        self.made.groups.insert(group, rollback);
        let group = Some(group);
        let mut steps = Vec::new();
        for live in &attached {
            let (container, network) = (live.id.clone(), spec.name.clone());
            let attachment = Box::new(live.spec.networks[&spec.name].clone());
            let back = Operation::ConnectNetwork { container: container.clone(), network: network.clone(), attachment };
            let off = Operation::DisconnectNetwork { container, network };
            // One that goes for good does not come back.
            let back = Some(back).filter(|_| !self.goes(live));
            steps.push(self.undoable(change, off, back, group, self.plan.dependency_steps.iter().copied()));
        }
        let name = spec.name.clone();
        let old = self.plan.node.networks.get(&id).map(|live| Operation::CreateNetwork(Box::new(live.spec.clone())));
        let removal = Operation::RemoveNetwork { id, name: name.clone() };
        let remove = self.undoable(change, removal, old, group, steps.clone());
        let unmake = Operation::RemoveNetwork { id: name.clone(), name };
        let made = self.undoable(change, create, Some(unmake), group, [remove]);
        steps.extend([remove, made]);
        self.made.steps.insert(made);
        self.graph.reach(milestone, made);
        let staying: Vec<&LiveContainer> = attached.iter().copied().filter(|c| !self.is_removed(c)).collect();
        for container in staying {
            let back = self.put_back(change, spec, container, made, group);
            self.made.steps.insert(back);
            steps.push(back);
        }
        let mut planned = self.planned(change, Action::Replace, steps, Record::applied(spec.fields()));
        planned.downtime = if attached.is_empty() { Downtime::None } else { Downtime::Restart };
        planned.dependents = attached.iter().map(|c| Dependent::Container(c.name.clone())).collect();
        self.made.out.changes.push(planned);
    }

    /// Attaches a container to a network that is made anew.
    fn put_back(
        &mut self,
        change: &Change,
        spec: &NetworkSpec,
        live: &LiveContainer,
        made: StepId,
        group: Option<GroupId>,
    ) -> StepId {
        let declared =
            self.instance(live).and_then(|name| self.plan.service.containers[name].spec.networks.get(&spec.name));
        let attachment = declared.unwrap_or(&live.spec.networks[&spec.name]);
        let (container, network) = (live.id.clone(), spec.name.clone());
        let off = Operation::DisconnectNetwork { container: container.clone(), network: network.clone() };
        let connect = Operation::ConnectNetwork { container, network, attachment: Box::new(attachment.clone()) };
        // The owner of a container outside the service may replace it concurrently, so a failure does not block.
        let on_failure = if declared.is_some() { OnFailure::Block } else { OnFailure::Continue };
        let step = self.graph.step(self.plan.service, Phase::Deploy, connect).about(&change.addr).after([made]);
        step.in_group(group, Some(off)).on_failure(on_failure).add()
    }

    /// Whether the plan removes a container for good.
    fn goes(&self, live: &LiveContainer) -> bool {
        let goes = |c: &&&Change| matches!(c.presence, Presence::Undeclared | Presence::Leftover);
        self.plan.changes.iter().filter(goes).filter_map(|c| c.live_id.as_ref()).any(|id| *id == live.id)
    }

    /// Whether the plan removes or replaces a container.
    fn is_removed(&self, live: &LiveContainer) -> bool {
        let is_replaced = |decision: &Decision| decision.action == Action::Replace;
        self.goes(live)
            || self.instance(live).is_some_and(|name| self.plan.decisions.get(name).is_some_and(is_replaced))
    }

    /// The container of the service, by address name, that a live one is.
    fn instance(&self, live: &LiveContainer) -> Option<&String> {
        self.plan.instances.current.iter().find(|(_, c)| c.id == live.id).map(|(name, _)| name)
    }

    fn volume(&mut self, change: &Change, spec: &VolumeSpec) {
        let create = Operation::CreateVolume(Box::new(spec.clone()));
        if self.need(change) != Need::Remake {
            self.simple(change, Phase::Deploy, create, spec.fields());
            return;
        }
        let mut planned = self.planned(change, Action::Replace, Vec::new(), Record::Nothing);
        planned.data_at_stake = vec![Stake::VolumeRemade { volume: spec.name.clone() }];
        if self.context.input.options.allows_data_loss(&change.addr) {
            let held = self.held(change, spec);
            if held.is_empty() {
                let node = self.context.index.node(&change.addr.node);
                let users = node.map(|node| node.on_volume(&spec.name)).unwrap_or_default();
                planned.steps = self.remade_volume(change, spec, create, &users);
                planned.record = Record::applied(spec.fields());
                planned.dependents = users.iter().map(|user| Dependent::Container(user.name.clone())).collect();
            }
            self.made.out.objections.extend(held);
        } else {
            let (addr, volume) = (change.addr.clone(), spec.name.clone());
            self.made.out.objections.push(Objection::VolumeRemade { addr, volume });
        }
        self.made.out.changes.push(planned);
    }

    /// Containers that mount a volume and are not made anew with it: what is not hl's, or is left out, does not go unasked.
    fn held(&self, change: &Change, spec: &VolumeSpec) -> Vec<Objection> {
        let holding = self.progress.volume_users.holding.get(&(&self.plan.service.name, spec.name.as_str()));
        let objection = |live: &&LiveContainer| Objection::VolumeHeld {
            addr: change.addr.clone(),
            volume: spec.name.clone(),
            holder: Holder::of(live, taken::owner(self.context.input, &change.addr.node, live)),
        };
        holding.into_iter().flatten().map(objection).collect()
    }

    /// Containers hold their volumes as long as they exist: those that use it are removed first and made again
    /// afterwards. That is then a plain creation, since there is no old one left to keep.
    fn remade_volume(
        &mut self,
        change: &Change,
        spec: &VolumeSpec,
        create: Operation,
        users: &[&LiveContainer],
    ) -> Vec<StepId> {
        let mut after = self.plan.dependency_steps.clone();
        let mut steps = Vec::new();
        for user in users {
            let stop = Operation::StopContainer { container: user.id.clone() };
            let stop = self.deploy(change, stop, self.plan.dependency_steps.iter().copied());
            let (container, volumes) = (user.id.clone(), AnonymousVolumes::Keep);
            let remove = self.deploy(change, Operation::RemoveContainer { container, volumes }, [stop]);
            after.insert(remove);
            steps.extend([stop, remove]);
        }
        let remove = self.deploy(change, Operation::RemoveVolume { name: spec.name.clone() }, after);
        let made = self.deploy(change, create, [remove]);
        self.made.steps.insert(made);
        steps.extend([remove, made]);
        steps
    }

    fn deploy(&mut self, change: &Change, operation: Operation, after: impl IntoIterator<Item = StepId>) -> StepId {
        self.graph.step(self.plan.service, Phase::Deploy, operation).about(&change.addr).after(after).add()
    }

    fn undoable(
        &mut self,
        change: &Change,
        operation: Operation,
        undo: Option<Operation>,
        group: Option<GroupId>,
        after: impl IntoIterator<Item = StepId>,
    ) -> StepId {
        let step = self.graph.step(self.plan.service, Phase::Deploy, operation).about(&change.addr).after(after);
        step.in_group(group, undo).add()
    }

    /// A planned change with the reasons that its fields give.
    fn planned(&self, change: &Change, action: Action, steps: Vec<StepId>, record: Record) -> PlannedChange {
        let mut why = match change.presence {
            Presence::New => vec![Reason::New],
            Presence::Gone => vec![Reason::Gone],
            Presence::Undeclared => vec![Reason::NoLongerDeclared],
            _ => reasons(&change.fields),
        };
        if self.need(change) == Need::Remake && self.context.input.options.replaces(&change.addr) {
            why.insert(0, Reason::Requested);
        }
        if let Some(was) = &change.renamed_from {
            why.insert(0, Reason::RenamedFrom(was.clone()));
        }
        if why.is_empty() {
            why.push(quiet_reason(change, self.context.input.recorded));
        }
        let planned = PlannedChange::new(change.addr.clone(), action, why, steps);
        PlannedChange { fields: change.fields.clone(), live_id: change.live_id.clone(), record, ..planned }
    }
}
