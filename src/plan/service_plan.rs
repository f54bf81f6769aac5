//! The state of one service while its steps are planned.

use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use super::decide::Decision;
use super::graph::NewStep;
use super::index::Index;
use super::step::{GroupId, StepId};
use crate::diff::{self, Change, Instances};
use crate::model::homelab::{Rollback, Service};
use crate::model::view::LiveNode;
use crate::model::{NodeName, ServiceName};

/// The input of the whole plan, with its index.
pub(super) struct Context<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) index: &'a Index<'a>,
    /// The files that are put in place on each node, by path.
    pub(super) written: BTreeMap<&'a NodeName, BTreeSet<&'a str>>,
}

impl<'a> Context<'a> {
    /// Returns the live view of a node, if it is known.
    pub(super) fn known(&self, node: &NodeName) -> Option<&'a LiveNode> {
        self.index.node(node).map(|node| node.live)
    }

    /// The live containers of a service on its node; none where that is not known.
    pub(super) fn instances(&self, service: &Service) -> Instances<'a> {
        let node = self.index.node(&service.node);
        node.map(|node| diff::instances(service, self.input.recorded, node)).unwrap_or_default()
    }

    /// The env file of a service on its node.
    pub(super) fn env_file(&self, service: &Service) -> String {
        let node = self.input.homelab.nodes.get(&service.node);
        node.map(|node| node.env_file(&service.name)).unwrap_or_default()
    }

    /// The folder on a node that is the root of all that hl keeps there.
    pub(super) fn root(&self, node: &NodeName) -> &'a str {
        self.input.homelab.nodes.get(node).map_or("", |n| n.root.as_str())
    }
}

/// One service with what is decided for it.
pub(super) struct ServicePlan<'a> {
    pub(super) service: &'a Service,
    /// The service's own node.
    pub(super) node: &'a LiveNode,
    /// The changes of it on that node.
    pub(super) changes: Vec<&'a Change>,
    /// The containers that run there for it.
    pub(super) instances: Instances<'a>,
    /// The decision for each container, by address name.
    pub(super) decisions: BTreeMap<String, Decision>,
    /// The real names of its volumes that are made anew with the user's leave.
    pub(super) remade_volumes: BTreeSet<&'a str>,
    /// The real names of its networks that are made anew.
    pub(super) remade_networks: BTreeSet<&'a str>,
    /// The bonds of those networks with containers that are replaced, and whether they go back; by real name.
    pub(super) network_bonds: BTreeMap<String, (usize, Rollback)>,
    /// The groups of those networks.
    pub(super) network_groups: BTreeMap<GroupId, Rollback>,
    /// The bonds of containers that are replaced, and of those that follow them; by address name.
    pub(super) bonds: BTreeMap<String, Bond<'a>>,
    /// The steps of other services that its containers wait for.
    pub(super) dependency_steps: BTreeSet<StepId>,
    /// The steps of its own that its containers wait for: directories, files, networks, volumes, data.
    pub(super) prerequisite_steps: BTreeSet<StepId>,
    /// Set where it comes from another node.
    pub(super) relocation: Option<Relocation>,
}

/// A declared container: its service and its name in it.
pub(super) type Place<'a> = (&'a ServiceName, &'a str);

/// Containers that stand or fall together, as one of them sees it.
pub(super) struct Bond<'a> {
    /// Which bond.
    pub(super) number: usize,
    /// The containers of it that this one follows.
    pub(super) leaders: BTreeSet<Place<'a>>,
    /// Whether all of it is taken back when one of them fails.
    pub(super) rollback: Rollback,
}

/// The parts of a service that move from another node.
pub(super) struct Relocation {
    /// Takes the old containers back up where the new ones fail.
    pub(super) group: GroupId,
    /// Folders that come with what is in them, by address name.
    pub(super) folders: BTreeSet<String>,
    /// Volumes that come with their data, by address name.
    pub(super) volumes: BTreeSet<String>,
    /// The steps that stop containers which are replaced here, by id: all of them before any data is copied.
    pub(super) stopped: BTreeMap<String, StepId>,
}

impl ServicePlan<'_> {
    /// The group that takes a relocation back, if it is one.
    pub(super) fn relocation_group(&self) -> Option<GroupId> {
        self.relocation.as_ref().map(|relocation| relocation.group)
    }

    /// The step that stops a live container before data is copied, if there is one.
    pub(super) fn stop_before_copy(&self, id: &str) -> Option<StepId> {
        self.relocation.as_ref()?.stopped.get(id).copied()
    }

    /// Completes a step that proves the service. One that comes from another node goes back there where it does not
    /// work, whatever of it was here already; it is proven when all of it has come.
    pub(super) fn proving<'g>(&self, step: NewStep<'g>) -> NewStep<'g> {
        match self.relocation_group() {
            Some(group) => step.after(self.prerequisite_steps.iter().copied()).verifies([group]),
            None => step,
        }
    }
}

/// The steps of a container that others may wait for.
#[derive(Clone, Debug, Default)]
pub(super) struct ContainerSteps {
    /// It is there under its own name, running or not.
    pub(super) placed: BTreeSet<StepId>,
    /// It is started.
    pub(super) started: BTreeSet<StepId>,
    /// It is healthy, or has done its job.
    pub(super) verified: BTreeSet<StepId>,
    /// The groups that it stands or falls with, and whether they are taken back.
    pub(super) groups: BTreeMap<GroupId, Rollback>,
    /// Where those that follow it come in, if it is replaced.
    pub(super) pivot: Option<Pivot>,
}

impl ContainerSteps {
    /// Adds the steps of another container of the same Compose service.
    pub(super) fn extend(&mut self, other: ContainerSteps) {
        self.placed.extend(other.placed);
        self.started.extend(other.started);
        self.verified.extend(other.verified);
        self.groups.extend(other.groups);
        self.pivot = other.pivot.or(self.pivot);
    }
}

/// The steps of a replacement around which those that follow the container are stopped and made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pivot {
    /// The new one is made: nothing stops before all that follow it have their images.
    pub(super) creates: StepId,
    /// The last step before the old one stops.
    pub(super) ready: StepId,
    /// The old one stops, after those that follow it.
    pub(super) stops: Option<StepId>,
}

/// The steps of a service that others may wait for.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceSteps {
    /// All of it is started.
    pub(super) started: BTreeSet<StepId>,
    /// All of it is healthy.
    pub(super) verified: BTreeSet<StepId>,
    /// Whether something in it was interrupted or made anew.
    pub(super) disturbed: bool,
}

/// The services that are planned already, with what others may wait for in them.
pub(super) type PlannedServices = BTreeMap<ServiceName, ServiceSteps>;
