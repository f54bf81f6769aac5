//! The steps of one container: made, replaced, restarted, changed in place.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, ContainerSteps, NewStep, Site, planned};
use super::decide::{Decision, Restart, reasons};
use super::operation::{AnonymousVolumes, Operation};
use super::step::{GroupId, OnFailure, Phase, StepId};
use super::{Action, Dependent, Downtime, Reason, Record, Stake};
use crate::diff;
use crate::model::homelab::{Condition, Container, Required, Role, Rollback, RunState, UpdateOrder};
use crate::model::spec::{Attachment, ContainerSpec, ImageRef, MountKind, NetworkMode};
use crate::model::view::{Health, LiveContainer, Status};
use crate::model::{Addr, Field, Fields, Key, Kind, Value};

/// What laying down one container needs.
struct Work<'b, 'a> {
    site: &'b Site<'a>,
    addr: Addr,
    container: &'a Container,
    live: Option<&'a LiveContainer>,
    /// What the first deploying step waits for.
    after: BTreeSet<StepId>,
    steps: Vec<StepId>,
    out: ContainerSteps,
}

impl<'a> Builder<'a> {
    /// Lays down the steps that a decision asks for.
    pub(super) fn container(&mut self, site: &mut Site<'a>, name: &str) {
        let Some(decision) = site.decisions.get(name).cloned() else { return };
        let container = &site.service.containers[name];
        let live = site.instances.current.get(name).copied();
        let addr = site.service.addr(Kind::Container, name);
        let record = record_fields(site, container, &decision);
        if matches!(decision.action, Action::Adopt | Action::Refresh) {
            let mut change = planned(addr, &decision, Downtime::None, Vec::new(), record);
            change.dependents = dependents(self, site, container);
            change.live_id = live.map(|l| l.id.clone());
            self.add(change);
            return;
        }
        let mut after = site.gate.clone();
        after.extend(&site.ground);
        after.extend(self.inside_gate(site, container));
        let mut work = Work {
            site,
            addr: addr.clone(),
            container,
            live,
            after,
            steps: Vec::new(),
            out: ContainerSteps::default(),
        };
        let downtime = match decision.action {
            Action::Create => self.create(&mut work),
            Action::Replace => self.replace(&mut work),
            _ => self.change_in_place(&mut work, &decision),
        };
        let steps = std::mem::take(&mut work.steps);
        let out = std::mem::take(&mut work.out);
        let mut change = planned(addr, &decision, downtime, steps, record);
        change.dependents = dependents(self, site, container);
        change.data_at_stake = moved_mounts(&decision);
        if !matches!(decision.action, Action::Create | Action::Replace) {
            change.live_id = live.map(|l| l.id.clone());
        }
        self.add(change);
        let key = (site.service.name.clone(), container.compose_service.clone());
        let all = self.containers.entry(key).or_default();
        all.placed.extend(out.placed);
        all.started.extend(out.started);
        all.verified.extend(out.verified);
        all.groups.extend(out.groups);
        all.cleaning.extend(out.cleaning);
    }

    /// The steps of neighbours in the project that this container waits for. It is made after them
    /// even where nothing is started, since it may name them. One that is not touched and not well
    /// is waited for too.
    fn inside_gate(&mut self, site: &Site<'a>, container: &Container) -> BTreeSet<StepId> {
        let mut gate = BTreeSet::new();
        for (needed, how) in &container.depends_on {
            let key = (site.service.name.clone(), needed.clone());
            let runs = site.service.state == RunState::Running;
            if runs && !self.containers.contains_key(&key) && how.condition != Condition::Started {
                self.await_neighbour(site, needed, how.required);
            }
            let Some(steps) = self.containers.get(&key) else { continue };
            gate.extend(&steps.placed);
            gate.extend(match how.condition {
                Condition::Started => &steps.started,
                Condition::Healthy | Condition::Completed => &steps.verified,
            });
        }
        gate
    }

    fn await_neighbour(&mut self, site: &Site<'a>, compose_service: &str, required: Required) {
        let unwell: Vec<(String, String)> = site
            .instances
            .current
            .iter()
            .filter(|(name, live)| site.service.containers[*name].compose_service == compose_service && !is_well(live))
            .map(|(name, live)| (name.clone(), live.id.clone()))
            .collect();
        for (name, id) in unwell {
            let call = await_call(&site.service.containers[&name], id);
            let addr = Some(site.service.addr(Kind::Container, &name));
            let after = BTreeSet::new();
            let service = site.service;
            let step = self.push(NewStep { service, addr, phase: Phase::Verify, call, undo: None, group: None, after });
            if required == Required::No {
                self.plan.steps[step.0].on_failure = OnFailure::GoOn;
            }
            let key = (service.name.clone(), compose_service.to_owned());
            self.containers.entry(key).or_default().verified.insert(step);
        }
    }

    /// Adds a step after the last one of this container.
    fn step(
        &mut self,
        work: &mut Work<'_, 'a>,
        phase: Phase,
        call: Operation,
        undo: Option<Operation>,
        group: Option<GroupId>,
    ) -> StepId {
        let after = match work.steps.last() {
            Some(last) => BTreeSet::from([*last]),
            None => work.after.clone(),
        };
        let undo = undo.filter(|_| group.is_some());
        let (service, addr) = (work.site.service, Some(work.addr.clone()));
        let id = self.push(NewStep { service, addr, phase, call, undo, group, after });
        work.steps.push(id);
        id
    }

    fn create(&mut self, work: &mut Work<'_, 'a>) -> Downtime {
        self.ensure_image(work);
        let spec = &work.container.spec;
        // A new container that fails to start stays, with its log; the next plan starts from there. One that comes from
        // another node goes again, and the old one comes back.
        let group = work.site.comes;
        work.out.groups.extend(group);
        let create = create_call(work, spec.name.clone(), BTreeMap::new());
        let remove = Operation::RemoveContainer { container: spec.name.clone(), volumes: AnonymousVolumes::Keep };
        let made = self.step(work, Phase::Deploy, create, Some(remove), group);
        work.out.placed.insert(made);
        if work.site.service.state == RunState::Running {
            let name = spec.name.clone();
            self.start_new(work, name.clone(), group);
            self.await_it(work, name, group);
        }
        Downtime::None
    }

    /// The old container stays, stopped and under another name, until the new one is verified.
    fn replace(&mut self, work: &mut Work<'_, 'a>) -> Downtime {
        let Some(old) = work.live else { return self.create(work) };
        self.ensure_image(work);
        let spec = &work.container.spec;
        // Without rollback nothing is taken back: the old one stays where the failure left it.
        let group = (work.site.service.update.rollback == Rollback::On).then(|| self.new_group());
        work.out.groups.extend(group);
        let short = old.id.get(..12).unwrap_or(&old.id);
        let (name, fresh, kept) =
            (spec.name.clone(), format!("{short}_{}", spec.name), format!("{}.old-{short}", spec.name));
        let runs = work.site.service.state == RunState::Running;
        let stop_old = Operation::StopContainer { container: old.id.clone() };
        let start_old = Operation::StartContainer { container: old.id.clone() };
        let was_running = matches!(old.status, Status::Running | Status::Restarting | Status::Paused);
        let start_first = runs && was_running && starts_first(work);

        let create = create_call(work, fresh.clone(), carried(spec, old));
        let remove_new = Operation::RemoveContainer { container: fresh.clone(), volumes: AnonymousVolumes::Keep };
        self.step(work, Phase::Deploy, create, Some(remove_new), group);
        if start_first {
            self.start_new(work, fresh.clone(), group);
            self.await_it(work, fresh.clone(), group);
        }
        if was_running {
            self.step(work, Phase::Deploy, stop_old, Some(start_old), group);
        }
        if old.name == name {
            let back = Operation::RenameContainer { container: old.id.clone(), name: name.clone() };
            self.step(
                work,
                Phase::Deploy,
                Operation::RenameContainer { container: old.id.clone(), name: kept },
                Some(back),
                group,
            );
        }
        let rename = Operation::RenameContainer { container: fresh.clone(), name: name.clone() };
        let back = Operation::RenameContainer { container: name.clone(), name: fresh };
        let in_place = self.step(work, Phase::Deploy, rename, Some(back), group);
        work.out.placed.insert(in_place);
        if start_first {
            // Others find it by its name, so they wait until it has it.
            work.out.started = BTreeSet::from([in_place]);
            work.out.verified.insert(in_place);
        }
        if runs && !start_first {
            self.start_new(work, name.clone(), group);
            self.await_it(work, name, group);
        }
        let remove_old = Operation::RemoveContainer { container: old.id.clone(), volumes: AnonymousVolumes::Keep };
        let clean = self.step(work, Phase::Clean, remove_old, None, None);
        work.out.cleaning.insert(clean);
        if was_running && !start_first { Downtime::Restart } else { Downtime::None }
    }

    fn start_new(&mut self, work: &mut Work<'_, 'a>, name: String, group: Option<GroupId>) {
        let stop = Operation::StopContainer { container: name.clone() };
        let start = self.step(work, Phase::Deploy, Operation::StartContainer { container: name }, Some(stop), group);
        work.out.started.insert(start);
    }

    fn await_it(&mut self, work: &mut Work<'_, 'a>, name: String, group: Option<GroupId>) {
        let call = await_call(work.container, name);
        let step = self.step(work, Phase::Verify, call, None, group);
        work.out.verified.insert(step);
    }

    /// Limits, networks, name, state: what a container takes while it lives.
    fn change_in_place(&mut self, work: &mut Work<'_, 'a>, decision: &Decision) -> Downtime {
        let Some(live) = work.live else { return Downtime::None };
        let spec = &work.container.spec;
        let id = live.id.clone();
        let acting: Vec<&Field> =
            decision.fields.iter().filter(|f| f.verdict.needs_action()).map(|f| &f.field).collect();
        let has = |key: Key| acting.iter().any(|f| f.key == key);
        if acting.iter().any(|f| is_updated(f.key)) {
            self.step(
                work,
                Phase::Deploy,
                Operation::UpdateContainer { container: id.clone(), spec: Box::new(spec.clone()) },
                None,
                None,
            );
        }
        let touched: BTreeSet<&str> =
            acting.iter().filter(|f| f.key == Key::Networks).filter_map(|f| f.item.as_deref()).collect();
        let stale: BTreeSet<&str> = live.stale_networks.keys().map(String::as_str).collect();
        let made: BTreeSet<&str> = spec
            .networks
            .keys()
            .map(String::as_str)
            .filter(|n| self.networks.contains_key(&(work.addr.node.clone(), (*n).to_owned())))
            .filter(|_| live.status != Status::Running)
            .collect();
        for network in touched.union(&stale).copied().chain(made).collect::<BTreeSet<_>>() {
            self.reattach(work, live, network, spec.networks.get(network));
        }
        if has(Key::Name) {
            let call = Operation::RenameContainer { container: id.clone(), name: spec.name.clone() };
            let renamed = self.step(work, Phase::Deploy, call, None, None);
            work.out.placed.insert(renamed);
        }
        if decision.action == Action::Restart {
            return self.restart(work, live, decision);
        }
        work.out.started.extend(work.steps.last());
        work.out.verified.extend(work.steps.last());
        Downtime::None
    }

    fn reattach(&mut self, work: &mut Work<'_, 'a>, live: &LiveContainer, network: &str, wanted: Option<&Attachment>) {
        let (container, name) = (live.id.clone(), network.to_owned());
        if live.spec.networks.contains_key(network) || live.stale_networks.contains_key(network) {
            let call = Operation::DisconnectNetwork { container: container.clone(), network: name.clone() };
            self.step(work, Phase::Deploy, call, None, None);
        }
        if let Some(attachment) = wanted {
            let call = Operation::ConnectNetwork { container, network: name, attachment: Box::new(attachment.clone()) };
            self.step(work, Phase::Deploy, call, None, None);
        }
    }

    fn restart(&mut self, work: &mut Work<'_, 'a>, live: &LiveContainer, decision: &Decision) -> Downtime {
        let id = live.id.clone();
        if work.site.service.state == RunState::Stopped {
            self.step(work, Phase::Deploy, Operation::StopContainer { container: id }, None, None);
            return Downtime::Stops;
        }
        let (call, downtime) = match live.status {
            Status::Paused if decision.restart == Restart::Thaw => {
                (Operation::UnpauseContainer { container: id.clone() }, Downtime::None)
            }
            Status::Running | Status::Restarting | Status::Paused => {
                (Operation::RestartContainer { container: id.clone() }, Downtime::Restart)
            }
            Status::Created | Status::Exited { .. } | Status::Removing | Status::Dead => {
                (Operation::StartContainer { container: id.clone() }, Downtime::None)
            }
        };
        let step = self.step(work, Phase::Deploy, call, None, None);
        work.out.started.insert(step);
        self.await_it(work, id, None);
        downtime
    }

    /// The image is there before the container is made; one pull serves all that need it.
    fn ensure_image(&mut self, work: &mut Work<'_, 'a>) {
        let spec = &work.container.spec;
        let declared = work.site.service.images.get(spec.image.as_str());
        let changed = sources_changed(work.site, &spec.image);
        if let Some(step) = self.image_step(work.site, &spec.image, declared, changed) {
            work.after.insert(step);
        }
    }
}

/// What changed of that which an image is built from, as all containers of the service that run it have it.
fn sources_changed(site: &Site<'_>, image: &ImageRef) -> Vec<Reason> {
    let runs_it = |name: &String| site.service.containers.get(name).is_some_and(|c| c.spec.image == *image);
    let decisions = site.decisions.iter().filter(|(name, _)| runs_it(name)).map(|(_, decision)| decision);
    let of_sources = decisions.map(|decision| {
        let fields = decision.fields.iter().filter(|f| matches!(f.field.key, Key::Build | Key::BuiltFrom));
        reasons(&fields.cloned().collect::<Vec<_>>())
    });
    of_sources.max_by_key(Vec::len).unwrap_or_default()
}

/// Whether the new container may run beside the old one: nothing that only one of them can have.
fn starts_first(work: &Work<'_, '_>) -> bool {
    let spec = &work.container.spec;
    let writes = |kind: &MountKind| !matches!(kind, MountKind::Tmpfs { .. } | MountKind::Image { .. });
    let shares_data = spec.mounts.values().any(|m| !m.read_only && writes(&m.kind));
    let old_data = work.live.is_some_and(|l| !l.anonymous_volumes.is_empty());
    let fixed =
        spec.networks.values().any(|a| a.ipv4_address.is_some() || a.ipv6_address.is_some() || a.mac_address.is_some());
    let fixed =
        fixed || spec.mac_address.is_some() || !matches!(spec.network_mode, NetworkMode::Networks | NetworkMode::None);
    let possible = spec.ports.is_empty() && !fixed;
    match work.site.service.update.order {
        UpdateOrder::StopFirst => false,
        UpdateOrder::StartFirst => possible,
        UpdateOrder::Auto => possible && !shares_data && !old_data && !spec.volumes_from.iter().any(|_| true),
    }
}

fn create_call(work: &Work<'_, '_>, name: String, carry: BTreeMap<String, String>) -> Operation {
    let peers =
        work.site.service.containers.values().rev().map(|c| (c.compose_service.clone(), c.spec.name.clone())).collect();
    Operation::CreateContainer { name, spec: Box::new(work.container.spec.clone()), peers, carry }
}

/// The anonymous volumes of the old container that the new one takes over, as Compose does: those
/// whose target nothing else is mounted at.
fn carried(spec: &ContainerSpec, old: &LiveContainer) -> BTreeMap<String, String> {
    let free = |target: &str| match spec.mounts.get(target) {
        None => !spec.tmpfs.contains_key(target),
        Some(mount) => mount.kind == MountKind::Anonymous,
    };
    let own = old.anonymous_volumes.iter().filter(|(target, _)| free(target));
    own.map(|(target, volume)| (target.clone(), volume.clone())).collect()
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

/// Whether a container needs no waiting for: it runs and nothing says that it is not healthy, or it
/// ended well.
pub(super) fn is_well(live: &LiveContainer) -> bool {
    match live.status {
        Status::Running => matches!(live.health, None | Some(Health::Healthy)),
        Status::Exited { code } => code == 0,
        Status::Created | Status::Paused | Status::Restarting | Status::Removing | Status::Dead => false,
    }
}

/// The wait for a container to be what others need of it.
pub(super) fn await_call(container: &Container, name: String) -> Operation {
    let condition = match container.role {
        Role::Daemon => Condition::Healthy,
        Role::OneShot => Condition::Completed,
    };
    Operation::AwaitContainer { container: name, condition, timeout_ms: patience(container) }
}

/// How long a container may take to become what others need of it, in milliseconds: what its health check allows for at most, with a
/// margin; three minutes where the image may bring a check that is not known yet; half an hour for a job.
pub fn patience(container: &Container) -> u64 {
    const MARGIN: i64 = 30_000;
    if container.role == Role::OneShot {
        return 30 * 60 * 1000;
    }
    let Some(check) = container.spec.healthcheck.as_ref().filter(|c| !c.is_disabled()) else { return 180_000 };
    let ms = |ns: i64, default: i64| if ns > 0 { ns / 1_000_000 } else { default };
    // The engine's own defaults: 30 s between checks, 30 s for one, three in a row.
    let round = ms(check.interval, 30_000) + ms(check.timeout, 30_000);
    let retries = if check.retries > 0 { check.retries } else { 3 };
    let most = ms(check.start_period, 0) + round.saturating_mul(retries + 1) + MARGIN;
    u64::try_from(most).unwrap_or(180_000).max(60_000)
}

/// The declared view as it is recorded: what the diff will compare with the next time.
fn record_fields(site: &Site<'_>, container: &Container, decision: &Decision) -> Fields {
    let mut fields = container.spec.fields();
    fields.set(Key::State, Value::text(diff::wanted_state(site.service.state)));
    let content = match decision.action {
        // What a pull will bring is not known yet; the container that it makes will tell.
        Action::Create | Action::Replace => Value::Unknown,
        _ => site.node.image(&container.spec.image).map_or(Value::Unknown, |i| Value::text(&i.id)),
    };
    fields.set(Key::ImageContent, content);
    fields
}

/// Who depends on a container: neighbours in the project, then services that need this one.
fn dependents(builder: &Builder<'_>, site: &Site<'_>, container: &Container) -> Vec<Dependent> {
    let neighbours = site
        .service
        .containers
        .iter()
        .filter(|(_, c)| c.depends_on.contains_key(&container.compose_service))
        .map(|(name, _)| Dependent::Resource(site.service.addr(Kind::Container, name)));
    let services = builder
        .input
        .homelab
        .services
        .values()
        .filter(|s| s.depends_on.contains_key(&site.service.name))
        .map(|s| Dependent::Service { node: s.node.clone(), service: s.name.clone() });
    neighbours.chain(services).collect()
}

/// Mounts that would show other data than before.
fn moved_mounts(decision: &Decision) -> Vec<Stake> {
    let source = |value: &Option<Value>| match value {
        Some(Value::Text(text)) => text.expose().unwrap_or_default().split(", ").next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let mounts = decision.fields.iter().filter(|f| f.field.key == Key::Volumes && f.verdict.needs_action());
    mounts
        .filter_map(|f| {
            let (old, new) = (source(&f.live), source(&f.declared));
            let target = f.field.item.clone().unwrap_or_default();
            let moves = !old.is_empty() && old != new && !old.starts_with("tmpfs") && !old.starts_with("anonymous");
            match (moves, new.is_empty()) {
                (false, _) => None,
                (true, true) => Some(Stake::MountDropped { target, source: old }),
                (true, false) => Some(Stake::MountRepointed { target, from: old, to: new }),
            }
        })
        .collect()
}

/// The record of a resource that is there and not changed by any step.
pub(super) fn applied(fields: Fields) -> Record {
    Record::Applied(Box::new(fields))
}
