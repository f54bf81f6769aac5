//! The steps of the containers of a service: made, replaced, restarted, changed in place.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, Restart, reasons};
use super::fragment::Fragment;
use super::graph::{Milestone, NewStep, StepGraph};
use super::operation::{AnonymousVolumes, Operation};
use super::planned::Progress;
use super::readiness::{await_container, is_well};
use super::service_plan::{Bond, ContainerSteps, Context, Pivot, ServicePlan};
use super::step::{GroupId, OnFailure, Phase, StepId};
use super::{Action, Downtime, PlannedChange, Reason, Record, dependencies, images, order, repointed};
use crate::diff;
use crate::model::homelab::{Condition, Container, Required, Rollback, RunState, UpdateOrder};
use crate::model::spec::{Attachment, ImageRef, MountKind, NetworkMode};
use crate::model::view::{LiveContainer, Status};
use crate::model::{Addr, Field, Fields, Key, Kind, Value};

/// The containers of a service that are planned already, by Compose service, with what others may wait for in them.
type Neighbours = BTreeMap<String, ContainerSteps>;

/// Plans the containers of a service, each after those that it depends on.
pub(super) fn plan<'a>(
    context: &Context<'_>,
    plan: &ServicePlan<'a>,
    progress: &mut Progress<'a>,
    graph: &mut StepGraph,
) -> (Neighbours, Fragment) {
    let (mut neighbours, mut out) = (Neighbours::new(), Fragment::default());
    for name in order::containers(plan.service) {
        let Some(decision) = plan.decisions.get(&name) else { continue };
        let container = &plan.service.containers[&name];
        let live = plan.instances.current.get(&name).copied();
        let addr = plan.service.addr(Kind::Container, &name);
        let mut change = PlannedChange {
            fields: decision.fields.clone(),
            dependents: dependencies::dependents(context, plan, container),
            record: Record::applied(record_fields(plan, container, decision)),
            ..PlannedChange::new(addr.clone(), decision.action, decision.reasons.clone(), Vec::new())
        };
        if !matches!(decision.action, Action::Create | Action::Replace) {
            change.live_id = live.map(|l| l.id.clone());
        }
        if !matches!(decision.action, Action::Adopt | Action::Refresh) {
            let mut after = &plan.dependency_steps | &plan.prerequisite_steps;
            after.extend(neighbour_steps(plan, container, &mut neighbours, graph));
            after.extend(progress.foreign_leaders(plan.service, &name));
            let mut work = ContainerPlan {
                plan,
                bond: plan.bonds.get(&name),
                progress: &mut *progress,
                container,
                live,
                addr,
                after,
                steps: Vec::new(),
                reached: ContainerSteps::default(),
                graph: &mut *graph,
                out: &mut out,
            };
            change.downtime = match decision.action {
                Action::Create => work.create(),
                Action::Replace => work.replace(),
                _ => work.change_in_place(decision),
            };
            let ContainerPlan { steps, reached, .. } = work;
            change.steps = steps;
            change.data_at_stake = repointed::mounts(plan, decision, live);
            neighbours.entry(container.compose_service.clone()).or_default().extend(reached.clone());
            if let Some((name, _)) = plan.service.containers.get_key_value(&name) {
                progress.containers.insert((&plan.service.name, name), reached);
            }
        }
        out.changes.push(change);
    }
    (neighbours, out)
}

/// The steps of neighbours in the project that a container waits for. It is made after them even where nothing is
/// started, since it may name them. One that is not touched and not well is waited for too.
fn neighbour_steps(
    plan: &ServicePlan<'_>,
    container: &Container,
    neighbours: &mut Neighbours,
    graph: &mut StepGraph,
) -> BTreeSet<StepId> {
    let runs = plan.service.state == RunState::Running;
    let mut gate = BTreeSet::new();
    for (needed, how) in &container.depends_on {
        if runs && !neighbours.contains_key(needed) && how.condition != Condition::Started {
            let waits = await_unwell(plan, needed, how.required, graph);
            if !waits.is_empty() {
                neighbours.entry(needed.clone()).or_default().verified.extend(waits);
            }
        }
        let Some(steps) = neighbours.get(needed) else { continue };
        gate.extend(&steps.placed);
        gate.extend(match how.condition {
            Condition::Started => &steps.started,
            Condition::Healthy | Condition::Completed => &steps.verified,
        });
    }
    gate
}

/// Waits for those containers of an untouched Compose service that are not well at the moment.
fn await_unwell(
    plan: &ServicePlan<'_>,
    compose_service: &str,
    required: Required,
    graph: &mut StepGraph,
) -> Vec<StepId> {
    let of_it = |name: &String| plan.service.containers[name].compose_service == compose_service;
    let unwell = plan.instances.current.iter().filter(|(name, live)| of_it(name) && !is_well(live));
    let on_failure = match required {
        Required::Yes => OnFailure::Block,
        Required::No => OnFailure::Continue,
    };
    unwell
        .map(|(name, live)| {
            let wait = await_container(&plan.service.containers[name], live.id.clone());
            let addr = plan.service.addr(Kind::Container, name);
            plan.proving(graph.step(plan.service, Phase::Verify, wait).about(&addr).on_failure(on_failure)).add()
        })
        .collect()
}

/// One container while its steps are planned, each after the one before.
struct ContainerPlan<'p, 'a> {
    plan: &'p ServicePlan<'a>,
    /// The bond with all that it stands or falls with.
    bond: Option<&'p Bond<'a>>,
    progress: &'p mut Progress<'a>,
    container: &'a Container,
    live: Option<&'a LiveContainer>,
    addr: Addr,
    /// The steps that the first step waits for.
    after: BTreeSet<StepId>,
    steps: Vec<StepId>,
    /// The steps of the container that others may wait for.
    reached: ContainerSteps,
    graph: &'p mut StepGraph,
    out: &'p mut Fragment,
}

impl<'a> ContainerPlan<'_, 'a> {
    fn create(&mut self) -> Downtime {
        let image = self.ensure_image();
        self.after.extend(image);
        let name = self.container.spec.name.clone();
        // A new container that fails to start stays, with its log; the next plan starts from there. One that comes from
        // another node, or uses something of a container that is replaced, goes again, and the old one comes back.
        let follows = self.bond.is_some_and(|bond| !self.progress.pivots(bond).is_empty());
        let group = match self.plan.relocation_group() {
            None if follows => self.join_group().1,
            relocation => relocation,
        };
        self.reached.groups.extend(group.map(|group| (group, Rollback::On)));
        let create = self.create_as(name.clone(), BTreeMap::new());
        let made = self.undoable(create, remove(name.clone()), group);
        self.reached.placed.insert(made);
        if self.runs() {
            self.start_new(name.clone(), group);
            self.await_it(name, group);
        }
        Downtime::None
    }

    /// The old container stays, stopped and under another name, until the new one is verified.
    fn replace(&mut self) -> Downtime {
        let Some(old) = self.live else { return self.create() };
        let spec = &self.container.spec;
        let (id, group) = self.join_group();
        let short = old.id.get(..12).unwrap_or(&old.id);
        let (name, fresh, kept) =
            (spec.name.clone(), format!("{short}_{}", spec.name), format!("{}.old-{short}", spec.name));
        let was_running = old.status.is_up();
        let start_first = self.runs() && was_running && self.plan.relocation.is_none() && self.starts_first();

        let image = self.ensure_image();
        let before_copy = self.plan.stop_before_copy(&old.id);
        let stopped = was_running && before_copy.is_none() && self.stop_before_leaders(old, image, group);
        self.after.extend(image);
        let create = self.create_as(fresh.clone(), self.inherited_volumes(old));
        let creates = self.undoable(create, remove(fresh.clone()), group);
        if start_first {
            self.start_new(fresh.clone(), group);
            self.await_it(fresh.clone(), group);
        }
        let ready = self.steps.last().copied().unwrap_or(creates);
        let stops = match (stopped, before_copy) {
            (true, _) => Some(self.steps[0]),
            (false, Some(stop)) => Some(stop),
            (false, None) => was_running.then(|| self.undoable(stop(old.id.clone()), start(old.id.clone()), group)),
        };
        self.reached.pivot = Some(Pivot { creates, ready, stops });
        // It gives up its name even where its successor has another one: that may be for somebody else.
        if old.name != kept {
            self.undoable(rename(&old.id, &kept), rename(&old.id, &old.name), group);
        }
        let in_place = self.undoable(rename(&fresh, &name), rename(&name, &fresh), group);
        self.reached.placed.insert(in_place);
        if start_first {
            // Others find it by its name, so they wait until it has it.
            self.reached.started = BTreeSet::from([in_place]);
            self.reached.verified.insert(in_place);
        }
        if self.runs() && !start_first {
            self.start_new(name.clone(), group);
            self.await_it(name, group);
        }
        let removal = self.step(Phase::Clean, remove(old.id.clone()), |step| step);
        self.graph.removes(id, removal);
        if was_running && !start_first { Downtime::Restart } else { Downtime::None }
    }

    fn start_new(&mut self, name: String, group: Option<GroupId>) {
        let start = self.undoable(start(name.clone()), stop(name), group);
        self.reached.started.insert(start);
    }

    fn await_it(&mut self, name: String, group: Option<GroupId>) {
        let (plan, wait) = (self.plan, await_container(self.container, name));
        let step = self.step(Phase::Verify, wait, |step| plan.proving(step.in_group(group, None)));
        self.reached.groups.keys().for_each(|group| self.graph.proves(*group, step));
        self.reached.verified.insert(step);
    }

    /// The group of what it stands or falls with. Without rollback nothing is taken back: the old ones stay where the
    /// failure left them, until all is proven all the same.
    fn join_group(&mut self) -> (GroupId, Option<GroupId>) {
        // A service that comes with copies of its data goes back as a whole.
        if let Some(relocation) = self.plan.relocation.as_ref().filter(|relocation| !relocation.stopped.is_empty()) {
            self.reached.groups.insert(relocation.group, Rollback::On);
            return (relocation.group, Some(relocation.group));
        }
        let (number, rollback) = match self.bond {
            Some(bond) => (Some(bond.number), bond.rollback),
            None => (None, self.plan.service.update.rollback),
        };
        let id = self.progress.group(number, self.graph);
        self.reached.groups.insert(id, rollback);
        (id, (rollback == Rollback::On).then_some(id))
    }

    /// Stops a container that runs before those that it follows are stopped: when these are taken back, they run before
    /// it does. Tells whether that is planned.
    fn stop_before_leaders(&mut self, old: &LiveContainer, image: Option<StepId>, group: Option<GroupId>) -> bool {
        let pivots: Vec<Pivot> = self.bond.map_or_else(Vec::new, |bond| self.progress.pivots(bond));
        if pivots.is_empty() {
            return false;
        }
        let stop = self.graph.step(self.plan.service, Phase::Deploy, stop(old.id.clone())).about(&self.addr);
        let stop =
            stop.after(pivots.iter().map(|pivot| pivot.ready)).in_group(group, Some(start(old.id.clone()))).add();
        self.steps.push(stop);
        for pivot in &pivots {
            let images_first = image.map(|image| (image, pivot.creates));
            for (before, after) in images_first.into_iter().chain(pivot.stops.map(|stops| (stop, stops))) {
                self.graph.connect_unless_cyclic(before, after);
            }
        }
        // All else that it waits for comes first, but for what comes of those that it follows.
        for before in image.iter().chain(&self.after) {
            self.graph.connect_unless_cyclic(*before, stop);
        }
        true
    }

    /// Limits, networks, name, state: what a container takes while it lives.
    fn change_in_place(&mut self, decision: &Decision) -> Downtime {
        let Some(live) = self.live else { return Downtime::None };
        let spec = &self.container.spec;
        let acting: Vec<&Field> =
            decision.fields.iter().filter(|f| f.verdict.needs_action()).map(|f| &f.field).collect();
        let group = match self.bond.filter(|bond| bond.rollback == Rollback::On && live.status.is_up()) {
            Some(_) => self.join_group().1,
            None => None,
        };
        let mut stopped = group.is_some() && self.stop_before_leaders(live, None, group);
        if !stopped && decision.action == Action::Restart && decision.restart == Restart::Rewired {
            self.undoable(stop(live.id.clone()), start(live.id.clone()), group);
            stopped = true;
        }
        if acting.iter().any(|f| is_updated(f.key)) {
            self.deploy(Operation::UpdateContainer { container: live.id.clone(), spec: Box::new(spec.clone()) });
        }
        for network in self.networks_to_attach(live, &acting) {
            self.reattach(live, network, spec.networks.get(network));
        }
        if acting.iter().any(|f| f.key == Key::Name) {
            let renamed = self.deploy(rename(&live.id, &spec.name));
            self.reached.placed.insert(renamed);
        }
        if decision.action == Action::Restart {
            return match stopped {
                true => self.start_again(live, group),
                false => self.restart(live, decision),
            };
        }
        self.reached.started.extend(self.steps.last());
        self.reached.verified.extend(self.steps.last());
        Downtime::None
    }

    /// The networks whose attachment differs, whose network is gone, or is made anew while the container does not run.
    fn networks_to_attach<'d>(&self, live: &'d LiveContainer, acting: &[&'d Field]) -> BTreeSet<&'d str>
    where
        'a: 'd,
    {
        let differs = acting.iter().filter(|f| f.key == Key::Networks).filter_map(|f| f.item.as_deref());
        let stale = live.stale_networks.keys().map(String::as_str);
        let is_made = |name: &&str| {
            let milestone = Milestone::Network(self.addr.node.clone(), (*name).to_owned());
            live.status != Status::Running && self.graph.reached(&milestone).is_some()
        };
        let made = self.container.spec.networks.keys().map(String::as_str).filter(is_made);
        differs.chain(stale).chain(made).collect()
    }

    fn reattach(&mut self, live: &LiveContainer, network: &str, wanted: Option<&Attachment>) {
        let (container, name) = (live.id.clone(), network.to_owned());
        if live.spec.networks.contains_key(network) || live.stale_networks.contains_key(network) {
            self.deploy(Operation::DisconnectNetwork { container: container.clone(), network: name.clone() });
        }
        if let Some(attachment) = wanted {
            let attachment = Box::new(attachment.clone());
            self.deploy(Operation::ConnectNetwork { container, network: name, attachment });
        }
    }

    /// Starts a container again that was stopped because of those that it follows.
    fn start_again(&mut self, live: &LiveContainer, group: Option<GroupId>) -> Downtime {
        let id = live.id.clone();
        let step = self.undoable(start(id.clone()), stop(id.clone()), group);
        self.reached.started.insert(step);
        self.await_it(id, group);
        Downtime::Restart
    }

    fn restart(&mut self, live: &LiveContainer, decision: &Decision) -> Downtime {
        let id = live.id.clone();
        if !self.runs() {
            self.deploy(stop(id));
            return Downtime::Stops;
        }
        let (operation, downtime) = match live.status {
            Status::Paused if decision.restart == Restart::Thaw => {
                (Operation::UnpauseContainer { container: id.clone() }, Downtime::None)
            }
            Status::Running | Status::Restarting | Status::Paused => {
                (Operation::RestartContainer { container: id.clone() }, Downtime::Restart)
            }
            Status::Created | Status::Exited { .. } | Status::Removing | Status::Dead => {
                (start(id.clone()), Downtime::None)
            }
        };
        let step = self.deploy(operation);
        self.reached.started.insert(step);
        self.await_it(id, None);
        downtime
    }

    /// The image is there before the container is made; one pull serves all that need it.
    fn ensure_image(&mut self) -> Option<StepId> {
        let image = &self.container.spec.image;
        images::ensure(self.plan, image, sources_changed(self.plan, image), self.graph, self.out)
    }

    fn create_as(&self, name: String, inherited_volumes: BTreeMap<String, String>) -> Operation {
        let containers = self.plan.service.containers.values().rev();
        let peers = containers.map(|c| (c.compose_service.clone(), c.spec.name.clone())).collect();
        Operation::CreateContainer { name, spec: Box::new(self.container.spec.clone()), peers, inherited_volumes }
    }

    /// The anonymous volumes of the old container that the new one takes over, as Compose does: those that it declares
    /// as well, and those of the image. One whose line is gone from the file stays behind.
    fn inherited_volumes(&self, old: &LiveContainer) -> BTreeMap<String, String> {
        let spec = &self.container.spec;
        let image = self.plan.node.images.get(&old.image_id).and_then(|image| image.config.as_ref());
        // A volume of an image that cannot be looked at is better kept than left behind.
        let of_image = |target: &str| image.is_none_or(|image| image.volumes.contains(target));
        let taken = |target: &str| match spec.mounts.get(target) {
            None => !spec.tmpfs.contains_key(target) && of_image(target),
            Some(mount) => mount.kind == MountKind::Anonymous,
        };
        let own = old.anonymous_volumes.iter().filter(|(target, _)| taken(target));
        own.map(|(target, volume)| (target.clone(), volume.clone())).collect()
    }

    /// Adds a step after the last one of this container.
    fn step(
        &mut self,
        phase: Phase,
        operation: Operation,
        complete: impl for<'g> FnOnce(NewStep<'g>) -> NewStep<'g>,
    ) -> StepId {
        let after = std::mem::take(&mut self.after).into_iter().chain(self.steps.last().copied());
        let step = self.graph.step(self.plan.service, phase, operation).about(&self.addr).after(after);
        let id = complete(step).add();
        self.steps.push(id);
        id
    }

    fn deploy(&mut self, operation: Operation) -> StepId {
        self.step(Phase::Deploy, operation, |step| step)
    }

    fn undoable(&mut self, operation: Operation, undo: Operation, group: Option<GroupId>) -> StepId {
        self.step(Phase::Deploy, operation, |step| step.in_group(group, Some(undo)))
    }

    fn runs(&self) -> bool {
        self.plan.service.state == RunState::Running
    }

    /// Whether the new container may run beside the old one: nothing that only one of them can have.
    fn starts_first(&self) -> bool {
        let spec = &self.container.spec;
        let writes = |kind: &MountKind| !matches!(kind, MountKind::Tmpfs { .. } | MountKind::Image { .. });
        let shares_data = spec.mounts.values().any(|m| !m.read_only && writes(&m.kind));
        let old_data = self.live.is_some_and(|l| !l.anonymous_volumes.is_empty());
        let fixed = spec
            .networks
            .values()
            .any(|a| a.ipv4_address.is_some() || a.ipv6_address.is_some() || a.mac_address.is_some());
        let fixed = fixed
            || spec.mac_address.is_some()
            || !matches!(spec.network_mode, NetworkMode::Networks | NetworkMode::None);
        // A container that uses a namespace or volumes finds those of the new one only when the old one has made room.
        let possible = spec.ports.is_empty() && !fixed && spec.shares().next().is_none();
        match self.plan.service.update.order {
            UpdateOrder::StopFirst => false,
            UpdateOrder::StartFirst => possible,
            UpdateOrder::Auto => possible && !shares_data && !old_data,
        }
    }
}

fn start(container: String) -> Operation {
    Operation::StartContainer { container }
}

fn stop(container: String) -> Operation {
    Operation::StopContainer { container }
}

fn rename(container: &str, name: &str) -> Operation {
    Operation::RenameContainer { container: container.to_owned(), name: name.to_owned() }
}

fn remove(container: String) -> Operation {
    Operation::RemoveContainer { container, volumes: AnonymousVolumes::Keep }
}

/// The reasons from changed build sources of an image: the longest list among the service's containers that run it.
fn sources_changed(plan: &ServicePlan<'_>, image: &ImageRef) -> Vec<Reason> {
    let runs_it = |name: &String| plan.service.containers.get(name).is_some_and(|c| c.spec.image == *image);
    let decisions = plan.decisions.iter().filter(|(name, _)| runs_it(name)).map(|(_, decision)| decision);
    let of_sources = decisions.map(|decision| {
        let fields = decision.fields.iter().filter(|f| matches!(f.field.key, Key::Build | Key::BuiltFrom));
        reasons(&fields.cloned().collect::<Vec<_>>())
    });
    of_sources.max_by_key(Vec::len).unwrap_or_default()
}

/// Whether the engine's update call takes the field.
fn is_updated(key: Key) -> bool {
    matches!(
        key,
        Key::Restart
            | Key::PidsLimit
            | Key::MemLimit
            | Key::MemReservation
            | Key::MemswapLimit
            | Key::Cpus
            | Key::CpuShares
            | Key::CpuQuota
            | Key::CpuPeriod
            | Key::CpuRtPeriod
            | Key::CpuRtRuntime
            | Key::Cpuset
    )
}

/// The declared view as it is recorded: what the diff will compare with the next time.
fn record_fields(plan: &ServicePlan<'_>, container: &Container, decision: &Decision) -> Fields {
    let mut fields = container.spec.fields();
    fields.set(Key::State, diff::wanted_state(plan.service.state).into());
    let content = match decision.action {
        // The image that a pull will bring is not known yet. The created container will report it.
        Action::Create | Action::Replace => Value::Unknown,
        _ => plan.node.image(&container.spec.image).map_or(Value::Unknown, |i| Value::text(&i.id)),
    };
    fields.set(Key::ImageContent, content);
    fields
}
