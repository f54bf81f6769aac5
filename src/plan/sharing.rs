//! Leaders and followers: containers that use a namespace or the volumes of another one, and those that restart with one,
//! in their own service and in others.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, raise};
use super::service_plan::{Bond, Place, ServicePlan};
use super::{Action, Objection, Operation, Options, Plan, Reason};
use crate::model::homelab::{DependentRestart, Homelab, Rollback, RunState, Service};
use crate::model::spec::{ContainerRef, SharedPart};
use crate::model::view::LiveContainer;
use crate::model::{Addr, Kind, NodeName, ServiceName};

/// The plans of services by name.
pub(super) type Plans<'a> = BTreeMap<&'a ServiceName, ServicePlan<'a>>;

/// Why a container follows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// It uses one of its namespaces.
    Namespace,
    /// It uses its volumes.
    Volumes,
    /// It is declared to restart with it.
    Restarts,
}

/// A container and one that follows it.
#[derive(Clone, Copy, Debug)]
struct Edge<'a> {
    leader: Place<'a>,
    follower: Place<'a>,
    how: How,
}

/// All that follow one another in a homelab.
#[derive(Debug)]
pub(super) struct Sharing<'a> {
    homelab: &'a Homelab,
    edges: Vec<Edge<'a>>,
}

impl<'a> Sharing<'a> {
    /// Finds who follows whom.
    pub(super) fn of(homelab: &'a Homelab, options: &Options) -> Self {
        let mut edges = Vec::new();
        let mut named: BTreeMap<(&NodeName, &str), Place<'a>> = BTreeMap::new();
        for service in homelab.services.values() {
            for (name, container) in &service.containers {
                named.insert((&service.node, &container.spec.name), (&service.name, name));
            }
        }
        for service in homelab.services.values() {
            for (name, container) in &service.containers {
                let follower = (&service.name, name.as_str());
                for (part, at) in container.spec.shares() {
                    let how = match part {
                        SharedPart::Namespace => How::Namespace,
                        SharedPart::Volumes => How::Volumes,
                    };
                    let leaders = match at {
                        ContainerRef::Service(other) => instances_of(service, other),
                        ContainerRef::Name(other) => {
                            named.get(&(&service.node, other.as_str())).copied().into_iter().collect()
                        }
                        ContainerRef::Gone(_) => Vec::new(),
                    };
                    edges.extend(leaders.into_iter().map(|leader| Edge { leader, follower, how }));
                }
                let restarting = container.depends_on.iter().filter(|(_, d)| d.restart == DependentRestart::On);
                let leaders = restarting.flat_map(|(other, _)| instances_of(service, other));
                edges.extend(leaders.map(|leader| Edge { leader, follower, how: How::Restarts }));
            }
        }
        let is_excluded = |(service, name): Place<'_>| {
            let addr = homelab.services.get(service).map(|s| s.addr(Kind::Container, name));
            addr.is_some_and(|addr| options.excludes.iter().any(|target| target.covers(&addr)))
        };
        edges.retain(|edge| edge.leader != edge.follower && !is_excluded(edge.follower));
        Self { homelab, edges }
    }

    /// The services with a container that follows one of these services, directly or not, without these.
    pub(super) fn followers_of(&self, services: &BTreeSet<&'a ServiceName>) -> BTreeSet<&'a ServiceName> {
        let mut all = services.clone();
        let crossing = || self.edges.iter().filter(|edge| edge.leader.0 != edge.follower.0);
        while let Some(edge) = crossing().find(|e| all.contains(e.leader.0) && !all.contains(e.follower.0)) {
            all.insert(edge.follower.0);
        }
        &all - services
    }

    /// Lets containers follow what is decided for others, until nothing changes.
    pub(super) fn follow(&self, plans: &mut Plans<'a>) {
        loop {
            let mut changed = false;
            for edge in &self.edges {
                changed |= self.follow_edge(edge, plans);
            }
            if !changed {
                return;
            }
        }
    }

    fn follow_edge(&self, edge: &Edge<'a>, plans: &mut Plans<'a>) -> bool {
        let Some(leader) = self.homelab.services.get(edge.leader.0) else { return false };
        let decision = plans.get(edge.leader.0).and_then(|plan| plan.decisions.get(edge.leader.1));
        let Some(decision) = decision else { return false };
        let made_anew = matches!(decision.action, Action::Replace | Action::Create);
        let interrupted = decision.interrupts() && leader.state == RunState::Running;
        let addr = leader.addr(Kind::Container, edge.leader.1);
        let Some(plan) = plans.get_mut(edge.follower.0) else { return false };
        if !plan.instances.current.contains_key(edge.follower.1) {
            return false;
        }
        let runs = plan.service.state == RunState::Running;
        let (action, reason) = match edge.how {
            How::Namespace | How::Volumes if made_anew => (Action::Replace, Reason::PeerReplaced(addr)),
            How::Namespace if runs && interrupted => (Action::Restart, Reason::DependencyRestarted(addr)),
            How::Restarts if runs && (made_anew || interrupted) => (Action::Restart, Reason::DependencyRestarted(addr)),
            How::Namespace | How::Volumes | How::Restarts => return false,
        };
        raise(&mut plan.decisions, edge.follower.1, action, reason)
    }

    /// Objects where a container is to run in a namespace that ends, or has ended, because a service is declared stopped.
    pub(super) fn stopped_owners(&self, plan: &Plan) -> Vec<Objection> {
        let begins_or_ends = |addr: &Addr| {
            plan.steps.iter().filter(|step| step.addr.as_ref() == Some(addr)).any(|step| {
                matches!(
                    step.operation,
                    Operation::StartContainer { .. }
                        | Operation::RestartContainer { .. }
                        | Operation::StopContainer { .. }
                )
            })
        };
        let objection = |edge: &Edge<'_>| {
            let (owner, sharer) =
                (self.homelab.services.get(edge.leader.0)?, self.homelab.services.get(edge.follower.0)?);
            if edge.how != How::Namespace || owner.state == RunState::Running || sharer.state != RunState::Running {
                return None;
            }
            let (addr, owner) =
                (sharer.addr(Kind::Container, edge.follower.1), owner.addr(Kind::Container, edge.leader.1));
            (begins_or_ends(&addr) || begins_or_ends(&owner)).then_some(Objection::OwnerStopped { addr, owner })
        };
        self.edges.iter().filter_map(objection).collect()
    }

    /// Binds those together that stand or fall together: a container that is replaced, and all that follow it, be they new.
    pub(super) fn bind(&self, plans: &mut Plans<'a>) {
        let mut bonds: BTreeMap<Place<'a>, usize> = BTreeMap::new();
        let replaced = |place: &Place<'a>, plans: &Plans<'a>| decision(plans, place, |d| d.action == Action::Replace);
        let follows = |place: &Place<'a>, plans: &Plans<'a>| decision(plans, place, Decision::interrupts);
        // One that is new is of no use without the namespace or the volumes that it was made with.
        let is_new = |e: &Edge<'a>, plans: &Plans<'a>| e.how != How::Restarts && is_created(plans, &e.follower);
        let tied = |e: &&Edge<'a>| replaced(&e.leader, plans) && (follows(&e.follower, plans) || is_new(e, plans));
        let tied: Vec<Edge<'a>> = self.edges.iter().filter(tied).copied().collect();
        for (name, plan) in plans.iter() {
            for container in plan.decisions.keys() {
                let place = (*name, self.name_of(name, container));
                if replaced(&place, plans) || tied.iter().any(|edge| edge.follower == place) {
                    let number = bonds.len();
                    bonds.insert(place, number);
                }
            }
        }
        let mut networks: BTreeMap<(&'a ServiceName, &'a str), usize> = BTreeMap::new();
        for (name, plan) in plans.iter() {
            for network in &plan.remade_networks {
                let number = bonds.len() + networks.len();
                networks.insert((*name, *network), number);
            }
        }
        let mut one: Vec<(usize, usize)> = Vec::new();
        one.extend(tied.iter().filter_map(|edge| Some((*bonds.get(&edge.leader)?, *bonds.get(&edge.follower)?))));
        // A container that is replaced while its network is made anew goes back to the old network.
        for ((owner, network), number) in &networks {
            let node = &plans[*owner].service.node;
            let is_on = |(place, _): &(&Place<'a>, &usize)| {
                plans.get(place.0).is_some_and(|plan| {
                    let live = plan.instances.current.get(place.1);
                    plan.service.node == *node && live.is_some_and(|live| live.spec.networks.contains_key(*network))
                })
            };
            one.extend(bonds.iter().filter(is_on).map(|(_, bond)| (*number, *bond)));
        }
        // Each pair is one bond from now on.
        for at in 0..one.len() {
            let (a, b) = one[at];
            bonds.values_mut().chain(networks.values_mut()).filter(|bond| **bond == b).for_each(|bond| *bond = a);
            one.iter_mut().for_each(|(x, y)| [x, y].into_iter().filter(|bond| **bond == b).for_each(|bond| *bond = a));
        }
        let stays: BTreeSet<usize> =
            bonds.iter().filter(|(place, _)| !has_way_back(plans, place)).map(|(_, bond)| *bond).collect();
        for ((owner, network), number) in &networks {
            let Some(plan) = plans.get_mut(*owner) else { continue };
            let wanted = plan.service.update.rollback == Rollback::On && !stays.contains(number);
            let rollback = if wanted { Rollback::On } else { Rollback::Off };
            plan.network_bonds.insert((*network).to_owned(), (*number, rollback));
        }
        for (place, number) in &bonds {
            let leaders = tied.iter().filter(|edge| edge.follower == *place).map(|edge| edge.leader).collect();
            let rollback = if stays.contains(number) { Rollback::Off } else { Rollback::On };
            if let Some(plan) = plans.get_mut(place.0) {
                plan.bonds.insert(place.1.to_owned(), Bond { number: *number, leaders, rollback });
            }
        }
    }

    /// The containers, in other services than its own, of which a container uses something.
    pub(super) fn foreign_leaders(&self, follower: Place<'_>) -> impl Iterator<Item = Place<'a>> {
        let of_it = self.edges.iter().filter(move |e| e.follower == follower && e.leader.0 != e.follower.0);
        of_it.map(|edge| edge.leader)
    }

    /// The name of a container as the homelab has it.
    fn name_of(&self, service: &ServiceName, container: &str) -> &'a str {
        let service = self.homelab.services.get(service);
        service.and_then(|s| s.containers.get_key_value(container)).map_or("", |(name, _)| name.as_str())
    }
}

fn instances_of<'a>(service: &'a Service, compose_service: &str) -> Vec<Place<'a>> {
    let of_it = service.containers.iter().filter(|(_, c)| c.compose_service == compose_service);
    of_it.map(|(name, _)| (&service.name, name.as_str())).collect()
}

fn decision(plans: &Plans<'_>, place: &Place<'_>, fits: impl Fn(&Decision) -> bool) -> bool {
    let Some(plan) = plans.get(place.0) else { return false };
    plan.instances.current.contains_key(place.1) && plan.decisions.get(place.1).is_some_and(fits)
}

/// Whether a container is made where there is none.
fn is_created(plans: &Plans<'_>, place: &Place<'_>) -> bool {
    let decision = plans.get(place.0).and_then(|plan| plan.decisions.get(place.1));
    decision.is_some_and(|decision| decision.action == Action::Create)
}

/// Whether a container can be taken back: its service wants that, and those whose namespaces it uses are still there.
fn has_way_back(plans: &Plans<'_>, place: &Place<'_>) -> bool {
    let Some(plan) = plans.get(place.0) else { return false };
    let is_there = |live: &&LiveContainer| live.namespaces_of.iter().all(|id| plan.node.containers.contains_key(id));
    plan.service.update.rollback == Rollback::On && plan.instances.current.get(place.1).is_none_or(is_there)
}
