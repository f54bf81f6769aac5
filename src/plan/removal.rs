//! Removal of undeclared resources and of the leftovers of an interrupted replacement.

use std::collections::{BTreeMap, BTreeSet};

use super::fragment::Fragment;
use super::graph::StepGraph;
use super::operation::{AnonymousVolumes, Operation};
use super::readiness::await_container;
use super::service_plan::{Context, ServicePlan};
use super::step::{Phase, Step, StepId};
use super::taken;
use super::{Action, Downtime, Holder, Note, Objection, PlannedChange, Reason, Record, Stake, withdrawal};
use crate::diff::{Change, Presence};
use crate::model::homelab::Protect;
use crate::model::spec::{DataPlace, DataSource};
use crate::model::view::{LiveContainer, LiveNode, Status};
use crate::model::{Addr, Kind, NodeName, ServiceName};

/// Plans the containers that are in the place of another, and those that the compose file no longer has: they go before
/// what takes their names and ports, after the steps that the service waits for already. Gives what its containers wait
/// for then.
pub(super) fn leftovers(
    context: &Context<'_>,
    plan: &ServicePlan<'_>,
    graph: &mut StepGraph,
) -> (BTreeSet<StepId>, Fragment) {
    let mut removal = Removal { context, graph, out: Fragment::default() };
    let mut prerequisites = plan.prerequisite_steps.clone();
    for change in plan.changes.iter().filter(|c| c.addr.kind == Kind::Container) {
        let reason = match change.presence {
            Presence::Leftover => Reason::Leftover,
            Presence::Undeclared => Reason::NoLongerDeclared,
            Presence::Forgotten => {
                removal.out.changes.push(PlannedChange::forget(change.addr.clone(), Vec::new()));
                continue;
            }
            Presence::New
            | Presence::Gone
            | Presence::Unrecorded
            | Presence::Known
            | Presence::Rehomed
            | Presence::Orphan => continue,
        };
        let Some(live) = change.live_id.as_ref().and_then(|id| plan.node.containers.get(id)) else { continue };
        let proof = removal.proof_of_successor(plan, change, live);
        // A network that is made anew takes its containers off first, while they are still there.
        let after = proof.iter().chain(&prerequisites).copied().collect();
        let steps = removal.container(change, live, after);
        // One whose namespace is in use stays, stopped, until those that use it have another.
        let in_use = || plan.node.containers.values().any(|other| other.shares_with.contains(&live.id));
        match (proof, change.presence) {
            (Some(_), _) => {}
            (None, Presence::Leftover) if in_use() => prerequisites.extend(steps.iter().rev().nth(1)),
            (None, _) => prerequisites.extend(steps.last()),
        }
        let steps = proof.into_iter().chain(steps).collect();
        removal.removed(change, reason, steps, left_behind(change, live, plan.node));
    }
    (prerequisites, removal.out)
}

/// Plans what else the compose file no longer has, after the containers: some of them may only now leave a network.
pub(super) fn resources(context: &Context<'_>, plan: &ServicePlan<'_>, graph: &mut StepGraph) -> Fragment {
    let mut removal = Removal { context, graph, out: Fragment::default() };
    let gone = |c: &&&Change| matches!(c.presence, Presence::Undeclared | Presence::Forgotten);
    let nothing = BTreeSet::new();
    let paths = withdrawal::plan(context, plan.node, &plan.changes, &nothing, removal.graph);
    for change in plan.changes.iter().filter(gone) {
        let steps = removal.graph.steps().iter();
        let own = steps.filter(|s| s.service == plan.service.name && s.phase == Phase::Deploy);
        let before = own.map(|s| s.id).collect();
        removal.resource(plan.node, change, before);
    }
    removal.out.append(paths);
    removal.out
}

/// Plans the removal of everything of services that are no longer declared: dependents first.
pub(super) fn services(
    context: &Context<'_>,
    changes: &BTreeMap<ServiceName, Vec<&Change>>,
    graph: &mut StepGraph,
) -> Fragment {
    let mut removal = Removal { context, graph, out: Fragment::default() };
    let mut left: BTreeSet<&ServiceName> = changes.keys().collect();
    let mut done: BTreeMap<&ServiceName, BTreeSet<StepId>> = BTreeMap::new();
    let needs = |s: &ServiceName, d: &ServiceName| {
        context.input.recorded.services.get(s).is_some_and(|s| s.depends_on.contains(d))
    };
    while !left.is_empty() {
        let free = left.iter().copied().find(|d| !left.iter().any(|s| s != d && needs(s, d)));
        let Some(name) = free.or_else(|| left.first().copied()) else { break };
        let after = done.iter().filter(|(s, _)| needs(s, name)).flat_map(|(_, steps)| steps.iter().copied()).collect();
        left.remove(name);
        let steps = removal.service(name, &changes[name], after);
        done.insert(name, steps);
    }
    removal.out
}

struct Removal<'p, 'a> {
    context: &'p Context<'a>,
    graph: &'p mut StepGraph,
    out: Fragment,
}

impl Removal<'_, '_> {
    fn service(&mut self, name: &ServiceName, changes: &[&Change], after: BTreeSet<StepId>) -> BTreeSet<StepId> {
        let input = self.context.input;
        if input.recorded.services.get(name).is_some_and(|r| r.lifecycle.protect == Protect::On) {
            let (addr, service) = (changes.first().map(|c| c.addr.clone()), name.clone());
            self.out.objections.push(Objection::ProtectedService { addr, service });
            return BTreeSet::new();
        }
        let reason = match input.options.delete.contains(name) {
            true => Reason::Requested,
            false => Reason::NoLongerDeclared,
        };
        let mut steps = after.clone();
        for change in changes.iter().filter(|c| c.addr.kind == Kind::Container) {
            let Some(node) = self.context.known(&change.addr.node) else { continue };
            match change.live_id.as_ref().and_then(|id| node.containers.get(id)) {
                Some(live) => {
                    let made = self.container(change, live, after.clone());
                    steps.extend(&made);
                    self.removed(change, reason.clone(), made, left_behind(change, live, node));
                }
                None => self.out.changes.push(PlannedChange::forget(change.addr.clone(), Vec::new())),
            }
        }
        for change in changes {
            if let Some(node) = self.context.known(&change.addr.node) {
                self.resource(node, change, steps.clone());
            }
        }
        let nodes: BTreeSet<&NodeName> = changes.iter().map(|c| &c.addr.node).collect();
        for name in nodes {
            let Some(node) = self.context.known(name) else { continue };
            let there: Vec<&Change> = changes.iter().filter(|c| c.addr.node == *name).copied().collect();
            self.out.append(withdrawal::plan(self.context, node, &there, &steps, self.graph));
        }
        steps
    }

    /// Where the successor runs already and was never recorded, the old one stays until that is
    /// verified: the apply that made it was cut off.
    fn proof_of_successor(
        &mut self,
        plan: &ServicePlan<'_>,
        change: &Change,
        leftover: &LiveContainer,
    ) -> Option<StepId> {
        let identity = leftover.identity.as_ref()?;
        let is_successor =
            |compose_service: &str, number| compose_service == identity.service && number == identity.number;
        let mut all = plan.service.containers.iter();
        let (name, container) = all.find(|(_, c)| is_successor(&c.compose_service, c.number))?;
        let current = plan.instances.current.get(name)?;
        let addr = plan.service.addr(Kind::Container, name);
        let recorded = self.context.input.recorded.resources.get(&addr).is_some_and(|r| r.id == current.id);
        let settled = plan.decisions.get(name).is_none_or(|d| matches!(d.action, Action::Adopt | Action::Refresh));
        if change.presence != Presence::Leftover || recorded || !settled || current.status != Status::Running {
            return None;
        }
        let wait = await_container(container, current.id.clone());
        Some(self.graph.step(plan.service, Phase::Verify, wait).about(&addr).add())
    }

    fn container(&mut self, change: &Change, live: &LiveContainer, mut after: BTreeSet<StepId>) -> Vec<StepId> {
        let mut steps = Vec::new();
        if live.status.is_up() {
            let stop = self.step(change, Operation::StopContainer { container: live.id.clone() }, after);
            steps.push(stop);
            after = BTreeSet::from([stop]);
        }
        let (container, volumes) = (live.id.clone(), AnonymousVolumes::Keep);
        steps.push(self.step(change, Operation::RemoveContainer { container, volumes }, after));
        steps
    }

    /// A network goes once nothing hangs on it; volumes stay, and so does what is in them.
    fn resource(&mut self, node: &LiveNode, change: &Change, after: BTreeSet<StepId>) {
        let addr = change.addr.clone();
        match (addr.kind, &change.live_id) {
            (Kind::Network, Some(id)) => self.network(node, change, id, after),
            (Kind::Volume, Some(name))
                if self.context.input.options.allows_data_loss(&addr) && self.copy_of(&addr.node, name).is_none() =>
            {
                let held = self.held(&addr, name);
                if !held.is_empty() {
                    let stays = Stake::VolumeStays { volume: name.clone(), node: addr.node.clone() };
                    self.out.objections.extend(held);
                    self.out.changes.push(PlannedChange::forget(addr, vec![stays]));
                    return;
                }
                let step = self.step(change, Operation::RemoveVolume { name: name.clone() }, after);
                self.out.changes.push(PlannedChange {
                    data_at_stake: vec![Stake::VolumeRemoved { volume: name.clone() }],
                    record: Record::Forget,
                    ..PlannedChange::new(addr, Action::Delete, vec![Reason::NoLongerDeclared], vec![step])
                });
            }
            (Kind::Volume, Some(name)) => {
                let stays = Stake::VolumeStays { volume: name.clone(), node: addr.node.clone() };
                let steps = self.copy_of(&addr.node, name).into_iter().collect();
                self.out.changes.push(PlannedChange { steps, ..PlannedChange::forget(addr, vec![stays]) });
            }
            (Kind::Network | Kind::Volume | Kind::Image, None) => {
                self.out.changes.push(PlannedChange::forget(addr, Vec::new()));
            }
            (Kind::Image, Some(_)) | (Kind::Container | Kind::Directory | Kind::File, _) => {}
        }
    }

    /// Containers that stay and mount a volume that is to go with its data: they would be left without it.
    fn held(&self, addr: &Addr, volume: &str) -> Vec<Objection> {
        let input = self.context.input;
        let Some(node) = self.context.index.node(&addr.node) else { return Vec::new() };
        let objection = |live: &&LiveContainer| Objection::VolumeHeld {
            addr: addr.clone(),
            volume: volume.to_owned(),
            holder: Holder::of(live, taken::owner(input, &addr.node, live)),
        };
        node.on_volume(volume).iter().filter(|live| !self.goes(&live.id)).map(objection).collect()
    }

    /// The step that copies a volume of a node, whose data is needed until the copy is proven.
    fn copy_of(&self, node: &NodeName, volume: &str) -> Option<StepId> {
        let copies = |step: &&Step| match &step.operation {
            Operation::CopyData { source: DataSource::Node { node: from, place: DataPlace::Volume(name) }, .. } => {
                from == node && name == volume
            }
            _ => false,
        };
        self.graph.steps().iter().find(copies).map(|step| step.id)
    }

    fn network(&mut self, node: &LiveNode, change: &Change, id: &str, after: BTreeSet<StepId>) {
        let Some(network) = node.networks.get(id) else { return };
        let name = network.spec.name.clone();
        let running = node.containers.values().filter(|c| c.status == Status::Running);
        let on_it = running.filter(|c| c.spec.networks.contains_key(&name) && !self.leaves(&c.id, &name));
        let users: Vec<String> = on_it.map(|c| c.name.clone()).collect();
        if users.is_empty() {
            let step = self.step(change, Operation::RemoveNetwork { id: id.to_owned(), name }, after);
            self.removed(change, Reason::NoLongerDeclared, vec![step], Vec::new());
        } else {
            self.out.notes.push(Note::NetworkInUse { network: name, users });
        }
    }

    /// Whether the plan takes a container off a network: it goes, or is disconnected.
    fn leaves(&self, id: &str, network: &str) -> bool {
        let disconnects = |step: &Step| match &step.operation {
            Operation::DisconnectNetwork { container, network: off } => container == id && off == network,
            _ => false,
        };
        self.goes(id) || self.graph.steps().iter().any(disconnects)
    }

    /// Whether the plan removes a container, or makes it anew elsewhere.
    fn goes(&self, id: &str) -> bool {
        let is_it = |c: &Change| c.presence == Presence::Rehomed && c.live_id.as_deref() == Some(id);
        let removes = |step: &Step| match &step.operation {
            Operation::RemoveContainer { container, .. } => container == id,
            _ => false,
        };
        self.context.input.changes.iter().any(is_it) || self.graph.steps().iter().any(removes)
    }

    fn step(&mut self, change: &Change, operation: Operation, after: BTreeSet<StepId>) -> StepId {
        let (node, service) = (&change.addr.node, &change.addr.service);
        self.graph.step_on(node, service, Phase::Deploy, operation).about(&change.addr).after(after).add()
    }

    fn removed(&mut self, change: &Change, reason: Reason, steps: Vec<StepId>, data_at_stake: Vec<Stake>) {
        let is_stop = |id: &StepId| matches!(self.graph.get(*id).operation, Operation::StopContainer { .. });
        // A container that is not running causes no downtime when it is removed.
        let downtime = if steps.iter().any(is_stop) { Downtime::Stops } else { Downtime::None };
        self.out.changes.push(PlannedChange {
            downtime,
            data_at_stake,
            record: Record::Forget,
            ..PlannedChange::new(change.addr.clone(), Action::Delete, vec![reason], steps)
        });
    }
}

/// The volumes without a name of a container that goes. They stay, and nothing else tells where the data is; those that
/// its successor has taken over are no news.
fn left_behind(change: &Change, live: &LiveContainer, node: &LiveNode) -> Vec<Stake> {
    let others = || node.containers.values().filter(|other| other.id != live.id);
    let only_its_own = |volume: &&String| !others().any(|other| other.anonymous_volumes.values().any(|v| v == *volume));
    let stays = |volume: &String| Stake::VolumeStays { volume: volume.clone(), node: change.addr.node.clone() };
    live.anonymous_volumes.values().filter(only_its_own).map(stays).collect()
}
