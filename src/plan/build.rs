//! The builder: walks the services in order and lays down steps with their edges.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, decide};
use super::moving::{Origin, Way};
use super::operation::Operation;
use super::step::{GroupId, OnFailure, Phase, Step, StepId};
use super::{Action, Downtime, Input, Note, Plan, PlannedChange, Reason, Record, Verification, order};
use crate::diff::{self, Change, Instances, Presence};
use crate::model::homelab::{Condition, RunState, Service};
use crate::model::view::LiveNode;
use crate::model::{Addr, Fields, Kind, NodeName, ServiceName};

/// What is known while a plan is laid down.
pub(super) struct Builder<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) plan: Plan,
    /// Pulls and builds already planned: node and full reference → step.
    pub(super) images: BTreeMap<(NodeName, String), StepId>,
    /// Networks that are made or made anew: node and real name → the step after which they are there.
    pub(super) networks: BTreeMap<(NodeName, String), StepId>,
    /// The steps of the containers: service and Compose service → what others wait for.
    pub(super) containers: BTreeMap<(ServiceName, String), ContainerSteps>,
    /// What the dependents of a service wait for, by condition.
    pub(super) services: BTreeMap<ServiceName, ServiceSteps>,
    groups: usize,
}

/// What others may wait for in a container.
#[derive(Clone, Debug, Default)]
pub(super) struct ContainerSteps {
    /// It is there under its own name, running or not.
    pub(super) placed: BTreeSet<StepId>,
    /// It is started.
    pub(super) started: BTreeSet<StepId>,
    /// It is healthy, or has done its job.
    pub(super) verified: BTreeSet<StepId>,
    /// Replacements in it.
    pub(super) groups: BTreeSet<GroupId>,
    /// Steps that clean up after it was verified.
    pub(super) cleaning: BTreeSet<StepId>,
}

/// What others may wait for in a service.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceSteps {
    pub(super) started: BTreeSet<StepId>,
    pub(super) verified: BTreeSet<StepId>,
    /// Whether something in it was interrupted or made anew.
    pub(super) disturbed: bool,
}

/// A step before it has its number.
pub(super) struct NewStep<'a> {
    pub(super) service: &'a Service,
    pub(super) addr: Option<Addr>,
    pub(super) phase: Phase,
    pub(super) call: Operation,
    pub(super) undo: Option<Operation>,
    pub(super) group: Option<GroupId>,
    pub(super) after: BTreeSet<StepId>,
}

/// The service that is being laid down.
pub(super) struct Site<'a> {
    pub(super) service: &'a Service,
    pub(super) node: &'a LiveNode,
    pub(super) instances: Instances<'a>,
    pub(super) decisions: BTreeMap<String, Decision>,
    /// What its containers wait for: the services that it depends on.
    pub(super) gate: BTreeSet<StepId>,
    /// What its containers wait for in the service itself: directories, files, networks, volumes.
    pub(super) ground: BTreeSet<StepId>,
    /// Set where it comes from another node: what takes the old one back up.
    pub(super) comes: Option<GroupId>,
    /// Volumes that come from another node with their data, by address name.
    pub(super) brought: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        Self {
            input,
            plan: Plan { order: asked_for(input), ..Plan::default() },
            images: BTreeMap::new(),
            networks: BTreeMap::new(),
            containers: BTreeMap::new(),
            services: BTreeMap::new(),
            groups: 0,
        }
    }

    pub(super) fn push(&mut self, new: NewStep<'_>) -> StepId {
        let id = StepId(self.plan.steps.len());
        self.plan.steps.push(Step {
            id,
            node: new.service.node.clone(),
            service: new.service.name.clone(),
            addr: new.addr,
            phase: new.phase,
            operation: new.call,
            undo: new.undo,
            group: new.group,
            verifies: BTreeSet::new(),
            after: new.after,
            on_failure: OnFailure::HoldBack,
        });
        id
    }

    pub(super) fn new_group(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups - 1)
    }

    /// Lays down everything of one service.
    pub(super) fn service(&mut self, service: &'a Service, node: &'a LiveNode, changes: &[&'a Change]) {
        let origin = self.origin(service, changes);
        let changes: Vec<&'a Change> = changes.iter().filter(|c| c.addr.node == service.node).copied().collect();
        let changes = changes.as_slice();
        let instances = diff::instances(service, self.input.recorded, node);
        let of_containers: BTreeMap<String, &Change> = changes
            .iter()
            .filter(|c| c.addr.kind == Kind::Container && service.containers.contains_key(&c.addr.name))
            .filter(|c| c.presence != Presence::Leftover)
            .map(|c| (c.addr.name.clone(), *c))
            .collect();
        let remade = self.remade_volumes(service, changes);
        let decisions = decide(service, &of_containers, &instances, &remade, self.input.recorded);
        let coming = origin.as_ref().filter(|origin| origin.way == Way::Comes);
        let mut site = Site {
            service,
            node,
            instances,
            decisions,
            gate: BTreeSet::new(),
            ground: BTreeSet::new(),
            comes: coming.map(|origin| origin.group),
            brought: origin.iter().flat_map(Origin::volumes).collect(),
        };
        let touches = |d: &Decision| !matches!(d.action, Action::Adopt | Action::Refresh);
        if site.decisions.values().any(touches) {
            site.gate = self.gate(service);
        }
        if let Some(origin) = coming {
            self.bring_config(&mut site, origin);
        }
        self.places(&mut site, changes);
        self.leftovers_first(&mut site, changes);
        if let Some(origin) = coming {
            self.bring_over(&mut site, origin);
        }
        for name in order::containers(service) {
            self.container(&mut site, &name);
        }
        self.verify(&site, changes);
        if let Some(origin) = &origin {
            self.clear_origin(&site, origin);
        }
    }

    /// The steps of other services that this one's containers wait for. A dependency that is not
    /// touched and not well is waited for too: dependents are not touched before it is.
    fn gate(&mut self, service: &'a Service) -> BTreeSet<StepId> {
        let mut gate = BTreeSet::new();
        for (name, condition) in &service.depends_on {
            if let Some(steps) = self.services.get(name) {
                gate.extend(match condition {
                    Condition::Started => &steps.started,
                    Condition::Healthy | Condition::Completed => &steps.verified,
                });
            }
            let untouched = self.services.get(name).is_none_or(|s| s.verified.is_empty());
            let (Some(other), true) = (self.input.homelab.services.get(name), untouched) else { continue };
            if other.state == RunState::Stopped {
                let (service, needed) = (service.name.clone(), name.clone());
                self.plan.notes.push(Note::NeedsStopped { service, needed });
                continue;
            }
            if *condition != Condition::Started {
                gate.extend(self.await_unwell(other));
            }
        }
        gate
    }

    /// Waits for those containers of an untouched service that are not well at the moment.
    fn await_unwell(&mut self, service: &'a Service) -> Vec<StepId> {
        let Some(node) = self.input.live.nodes.get(&service.node).and_then(|n| n.known()) else { return Vec::new() };
        let instances = diff::instances(service, self.input.recorded, node);
        let unwell = |name: &String| instances.current.get(name).is_some_and(|live| !super::container::is_well(live));
        let names: Vec<String> = service.containers.keys().filter(|n| unwell(n)).cloned().collect();
        let mut steps = Vec::new();
        for name in names {
            let id = instances.current[&name].id.clone();
            let call = super::container::await_call(&service.containers[&name], id);
            let addr = Some(service.addr(Kind::Container, &name));
            let after = BTreeSet::new();
            let new = NewStep { service, addr, phase: Phase::Verify, call, undo: None, group: None, after };
            steps.push(self.push(new));
        }
        if !steps.is_empty() {
            self.plan.verifications.push(Verification {
                node: service.node.clone(),
                service: service.name.clone(),
                reasons: vec![Reason::Verify],
                steps: steps.clone(),
            });
        }
        steps
    }

    /// The verification of the whole service, and what its dependents wait for.
    fn verify(&mut self, site: &Site<'a>, changes: &[&Change]) {
        let service = site.service;
        let mut result = ServiceSteps::default();
        let mut groups = BTreeSet::new();
        let mut cleaning: BTreeSet<StepId> = BTreeSet::new();
        let own = |(name, _): &(&(ServiceName, String), &ContainerSteps)| name.0 == service.name;
        for (_, steps) in self.containers.iter().filter(own) {
            result.started.extend(&steps.started);
            result.verified.extend(&steps.verified);
            groups.extend(&steps.groups);
            cleaning.extend(&steps.cleaning);
        }
        // What is declared stopped has nothing to prove.
        let runs = service.state == RunState::Running;
        let touched = runs && !(result.started.is_empty() && result.verified.is_empty());
        result.disturbed = site.decisions.values().any(Decision::disturbs)
            || changes.iter().any(|c| c.presence == Presence::Gone && c.addr.kind == Kind::Container);
        let upset: Vec<&ServiceName> =
            service.depends_on.keys().filter(|d| runs && self.services.get(*d).is_some_and(|s| s.disturbed)).collect();
        let unproven = runs && !touched && self.input.recorded.unproven.contains(&service.name);
        let mut reasons: Vec<Reason> = upset.iter().map(|d| Reason::DependencyChanged((*d).clone())).collect();
        if touched {
            reasons.insert(0, Reason::Verify);
        } else if !upset.is_empty() || unproven {
            result.verified.extend(self.await_running(site, &upset));
        }
        if unproven {
            reasons.push(Reason::Unproven);
        }
        if let (Some(script), false) = (&service.health, reasons.is_empty()) {
            let mut after = result.verified.clone();
            after.extend(&result.started);
            after.extend(self.gate_of(&upset));
            let root = self.input.homelab.nodes.get(&service.node).map_or("", |n| n.root.as_str());
            let call = Operation::RunHealthScript {
                script: Box::new(script.clone()),
                directory: service.project_dir.clone(),
                env_file: format!("{root}/config/{}/.env", service.name),
            };
            let new = NewStep { service, addr: None, phase: Phase::Verify, call, undo: None, group: None, after };
            let id = self.push(new);
            self.plan.steps[id.0].verifies = groups;
            for step in &cleaning {
                self.plan.steps[step.0].after.insert(id);
            }
            result.verified.insert(id);
        }
        // What was changed in place is there at once; only a wait or a script proves anything.
        let proves = |id: &StepId| self.plan.steps[id.0].phase == Phase::Verify;
        let steps: Vec<StepId> = result.verified.iter().copied().filter(proves).collect();
        // What comes from another node goes back there where it does not work, whatever of it was here already; it is proven
        // when all of it has come.
        if let Some(group) = site.comes {
            for step in &steps {
                self.plan.steps[step.0].after.extend(&site.ground);
                self.plan.steps[step.0].verifies.insert(group);
            }
        }
        if !reasons.is_empty() && !steps.is_empty() {
            self.plan.verifications.push(Verification {
                node: service.node.clone(),
                service: service.name.clone(),
                reasons,
                steps,
            });
        }
        self.services.insert(service.name.clone(), result);
    }

    fn gate_of(&self, services: &[&ServiceName]) -> BTreeSet<StepId> {
        services.iter().filter_map(|s| self.services.get(*s)).flat_map(|s| s.verified.iter().copied()).collect()
    }

    /// Waits again for the running containers of a service whose dependencies were disturbed, or which was not proven.
    fn await_running(&mut self, site: &Site<'a>, upset: &[&ServiceName]) -> Vec<StepId> {
        let gate = self.gate_of(upset);
        let mut steps = Vec::new();
        for (name, live) in &site.instances.current {
            if live.health.is_none() {
                continue;
            }
            let call = super::container::await_call(&site.service.containers[name], live.id.clone());
            let addr = Some(site.service.addr(Kind::Container, name));
            let after = gate.clone();
            let new =
                NewStep { service: site.service, addr, phase: Phase::Verify, call, undo: None, group: None, after };
            steps.push(self.push(new));
        }
        steps
    }

    /// Adds a change to the plan, with what is recorded of it.
    pub(super) fn add(&mut self, change: PlannedChange) {
        self.plan.changes.push(change);
    }
}

/// The services that the user asks for, in dependency order.
fn asked_for(input: &Input<'_>) -> Vec<ServiceName> {
    let mut order = order::services(input.homelab);
    order.retain(|name| input.homelab.node_of(name).is_none_or(|node| input.options.asks_for(node, name)));
    order
}

/// The parts of a planned change that are the same for most.
pub(super) fn planned(
    addr: Addr,
    decision: &Decision,
    downtime: Downtime,
    steps: Vec<StepId>,
    record: Fields,
) -> PlannedChange {
    PlannedChange {
        addr,
        action: decision.action,
        reasons: decision.reasons.clone(),
        fields: decision.fields.clone(),
        downtime,
        dependents: Vec::new(),
        data_at_stake: Vec::new(),
        live_id: None,
        steps,
        record: Record::Applied(Box::new(record)),
    }
}
