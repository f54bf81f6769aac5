//! What is no longer declared, and what an interrupted replacement left behind.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, NewStep, Site};
use super::operation::{AnonymousVolumes, Operation};
use super::place::forget;
use super::step::{GroupId, Phase, Step, StepId};
use super::{Action, Downtime, Note, Objection, OnFailure, PlannedChange, Reason, Record, Stake};
use crate::diff::{Change, Presence};
use crate::model::homelab::Protect;
use crate::model::view::{LiveContainer, LiveNode, Status};
use crate::model::{Addr, Kind, ServiceName};

impl<'a> Builder<'a> {
    /// Containers that are in the place of another, and containers that the compose file no longer
    /// has, go before what takes their names and ports.
    pub(super) fn leftovers_first(&mut self, site: &mut Site<'a>, changes: &[&'a Change]) {
        for change in changes.iter().filter(|c| c.addr.kind == Kind::Container) {
            let reason = match change.presence {
                Presence::Leftover => Reason::Leftover,
                Presence::Undeclared => Reason::NoLongerDeclared,
                Presence::Forgotten => {
                    self.add(forget(change.addr.clone(), Vec::new()));
                    continue;
                }
                Presence::New | Presence::Gone | Presence::Unrecorded | Presence::Known | Presence::Orphan => continue,
            };
            let Some(live) = change.live_id.as_ref().and_then(|id| site.node.containers.get(id)) else { continue };
            let proof = self.proof_of_successor(site, change, live);
            // A network that is made anew takes its containers off first, while they are still there.
            let after = proof.iter().chain(&site.ground).copied().collect();
            let steps = self.remove_container(change, live, after);
            if proof.is_none() {
                site.ground.extend(steps.last());
            }
            let change = self.removal(change.addr.clone(), reason, proof.into_iter().chain(steps).collect());
            self.add(change);
        }
        for change in changes.iter().filter(|c| matches!(c.presence, Presence::Undeclared | Presence::Forgotten)) {
            let before: BTreeSet<StepId> = self.steps_of(&site.service.name);
            self.remove_place(site.node, change, before);
        }
    }

    /// Where the successor runs already and was never recorded, the old one stays until that is
    /// verified: the apply that made it was cut off.
    fn proof_of_successor(&mut self, site: &Site<'a>, change: &Change, leftover: &LiveContainer) -> Option<StepId> {
        let identity = leftover.identity.as_ref()?;
        let (name, container) = site
            .service
            .containers
            .iter()
            .find(|(_, c)| c.compose_service == identity.service && c.number == identity.number)?;
        let current = site.instances.current.get(name)?;
        let addr = site.service.addr(Kind::Container, name);
        let recorded = self.input.recorded.resources.get(&addr).is_some_and(|r| r.id == current.id);
        let settled = site.decisions.get(name).is_none_or(|d| matches!(d.action, Action::Adopt | Action::Refresh));
        if change.presence != Presence::Leftover || recorded || !settled || current.status != Status::Running {
            return None;
        }
        let call = super::container::await_call(container, current.id.clone());
        let after = BTreeSet::new();
        let new = NewStep {
            service: site.service,
            addr: Some(addr),
            phase: Phase::Verify,
            call,
            undo: None,
            group: None,
            after,
        };
        Some(self.push(new))
    }

    fn steps_of(&self, service: &ServiceName) -> BTreeSet<StepId> {
        self.plan.steps.iter().filter(|s| s.service == *service && s.phase == Phase::Deploy).map(|s| s.id).collect()
    }

    /// Everything of services that are no longer declared: dependents first.
    pub(super) fn removed_services(&mut self, changes: &BTreeMap<ServiceName, Vec<&'a Change>>) {
        let mut left: BTreeSet<&ServiceName> = changes.keys().collect();
        let mut done: BTreeMap<&ServiceName, BTreeSet<StepId>> = BTreeMap::new();
        while !left.is_empty() {
            let needs = |s: &ServiceName, d: &ServiceName| {
                self.input.recorded.services.get(s).is_some_and(|s| s.depends_on.contains(d))
            };
            let free = left.iter().copied().find(|d| !left.iter().any(|s| s != d && needs(s, d)));
            let Some(name) = free.or_else(|| left.first().copied()) else { break };
            let after: BTreeSet<StepId> =
                done.iter().filter(|(s, _)| needs(s, name)).flat_map(|(_, steps)| steps.iter().copied()).collect();
            left.remove(name);
            let steps = self.removed_service(name, &changes[name], after);
            done.insert(name, steps);
        }
    }

    fn removed_service(
        &mut self,
        name: &ServiceName,
        changes: &[&'a Change],
        after: BTreeSet<StepId>,
    ) -> BTreeSet<StepId> {
        let record = self.input.recorded.services.get(name);
        if record.is_some_and(|r| r.lifecycle.protect == Protect::On) {
            let (addr, service) = (changes.first().map(|c| c.addr.clone()), name.clone());
            self.plan.objections.push(Objection::ProtectedService { addr, service });
            return BTreeSet::new();
        }
        let mut steps = after.clone();
        for change in changes {
            let Some(node) = self.input.live.nodes.get(&change.addr.node).and_then(|n| n.known()) else { continue };
            let live = change.live_id.as_ref().and_then(|id| node.containers.get(id));
            match (change.addr.kind, live) {
                (Kind::Container, Some(live)) => {
                    let made = self.remove_container(change, live, after.clone());
                    steps.extend(&made);
                    let reason = if self.input.options.delete.contains(name) {
                        Reason::Requested
                    } else {
                        Reason::NoLongerDeclared
                    };
                    let change = self.removal(change.addr.clone(), reason, made);
                    self.add(change);
                }
                (Kind::Container, None) => self.add(forget(change.addr.clone(), Vec::new())),
                _ => {}
            }
        }
        for change in changes {
            if let Some(node) = self.input.live.nodes.get(&change.addr.node).and_then(|n| n.known()) {
                self.remove_place(node, change, steps.clone());
            }
        }
        steps
    }

    fn remove_container(&mut self, change: &Change, live: &LiveContainer, after: BTreeSet<StepId>) -> Vec<StepId> {
        let mut steps = Vec::new();
        let mut after = after;
        if matches!(live.status, Status::Running | Status::Restarting | Status::Paused) {
            let stop = self.bare(change, Operation::StopContainer { container: live.id.clone() }, after);
            steps.push(stop);
            after = BTreeSet::from([stop]);
        }
        let call = Operation::RemoveContainer { container: live.id.clone(), volumes: AnonymousVolumes::Keep };
        steps.push(self.bare(change, call, after));
        steps
    }

    /// A network goes once nothing hangs on it; volumes, folders and files stay, and so does what is in them.
    fn remove_place(&mut self, node: &LiveNode, change: &Change, after: BTreeSet<StepId>) {
        let addr = change.addr.clone();
        match (addr.kind, &change.live_id) {
            (Kind::Network, Some(id)) => {
                let Some(network) = node.networks.get(id) else { return };
                let name = network.spec.name.clone();
                let users: Vec<String> = node
                    .containers
                    .values()
                    .filter(|c| c.status == Status::Running && c.spec.networks.contains_key(&name))
                    .filter(|c| !self.leaves(&c.id, &name))
                    .map(|c| c.name.clone())
                    .collect();
                if users.is_empty() {
                    let step = self.bare(change, Operation::RemoveNetwork { id: id.clone(), name }, after);
                    let change = self.removal(addr, Reason::NoLongerDeclared, vec![step]);
                    self.add(change);
                } else {
                    self.plan.notes.push(Note::NetworkInUse { network: name, users });
                }
            }
            (Kind::Volume, Some(name)) if self.input.options.allows_data_loss(&addr) => {
                let step = self.bare(change, Operation::RemoveVolume { name: name.clone() }, after);
                let mut planned = self.removal(addr, Reason::NoLongerDeclared, vec![step]);
                planned.data_at_stake = vec![Stake::VolumeRemoved { volume: name.clone() }];
                self.add(planned);
            }
            (Kind::Volume, Some(name)) => {
                let stays = Stake::VolumeStays { volume: name.clone(), node: addr.node.clone() };
                self.add(forget(addr, vec![stays]));
            }
            (Kind::Directory | Kind::File, _) => {
                let stays = Stake::PathStays { path: addr.name.clone(), node: addr.node.clone() };
                self.add(forget(addr, vec![stays]));
            }
            (Kind::Network | Kind::Volume | Kind::Image, None) => self.add(forget(addr, Vec::new())),
            (Kind::Image, Some(_)) | (Kind::Container, _) => {}
        }
    }

    /// Whether the plan takes a container off a network: it removes it, or disconnects it.
    fn leaves(&self, id: &str, network: &str) -> bool {
        self.plan.steps.iter().any(|s| match &s.operation {
            Operation::RemoveContainer { container, .. } => container == id,
            Operation::DisconnectNetwork { container, network: off } => container == id && off == network,
            _ => false,
        })
    }

    fn bare(&mut self, change: &Change, call: Operation, after: BTreeSet<StepId>) -> StepId {
        let id = StepId(self.plan.steps.len());
        self.plan.steps.push(Step {
            id,
            node: change.addr.node.clone(),
            service: change.addr.service.clone(),
            addr: Some(change.addr.clone()),
            phase: Phase::Deploy,
            operation: call,
            undo: None,
            group: None::<GroupId>,
            verifies: BTreeSet::new(),
            after,
            on_failure: OnFailure::HoldBack,
        });
        id
    }

    fn removal(&self, addr: Addr, reason: Reason, steps: Vec<StepId>) -> PlannedChange {
        let stops = steps.iter().any(|id| matches!(self.plan.steps[id.0].operation, Operation::StopContainer { .. }));
        PlannedChange {
            addr,
            action: Action::Delete,
            reasons: vec![reason],
            fields: Vec::new(),
            // What does not run does not stop.
            downtime: if stops { Downtime::Stops } else { Downtime::None },
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps,
            record: Record::Forget,
        }
    }
}
