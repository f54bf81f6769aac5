//! The decisions for all services, before any step is planned: what happens to one container decides for those that
//! follow it, in other services too.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Remade, decide};
use super::remade_volumes::{RemadeVolume, remade_volumes};
use super::resources;
use super::scope::{self, Scope};
use super::service_plan::{Context, ServicePlan};
use super::sharing::{Plans, Sharing};
use super::step::StepId;
use crate::diff::{Change, Presence};
use crate::model::homelab::Service;
use crate::model::{Addr, Kind, ServiceName};

/// Decides for the services that are asked for, and for those of which something has to follow. What follows comes into
/// the scope with its own changes, and with those of what it stands on.
pub(super) fn decide_all<'a>(
    context: &Context<'a>,
    scope: &mut Scope<'a>,
    asked: &[ServiceName],
    sharing: &Sharing<'a>,
) -> Plans<'a> {
    let homelab = context.input.homelab;
    let known = |name: &ServiceName| {
        let (name, service) = homelab.services.get_key_value(name)?;
        Some((name, service, context.known(&service.node)?))
    };
    let mut barred: BTreeSet<ServiceName> = scope.blocked.keys().cloned().collect();
    let asked: BTreeSet<&ServiceName> =
        asked.iter().filter(|name| !barred.contains(*name)).filter_map(|name| Some(known(name)?.0)).collect();
    let mut further = sharing.followers_of(&asked);
    loop {
        let remade =
            remade_volumes(context, scope, asked.iter().chain(&further).filter(|name| !barred.contains(**name)));
        if !remade.is_empty() {
            let is_taken = |service: &&Service| remade.iter().any(|volume| volume.takes_along(homelab, service));
            let taken = homelab.services.values().filter(is_taken).map(|service| &service.name);
            further.extend(taken.filter(|name| !asked.contains(name)));
            further.extend(&sharing.followers_of(&(&asked | &further)));
        }
        let all = asked.iter().chain(&further).filter(|name| !barred.contains(**name));
        let mut plans: Plans<'a> = all
            .filter_map(|name| known(name))
            .map(|(name, service, node)| {
                let changes = scope.changes.get(name).map_or(&[][..], Vec::as_slice);
                (name, service_plan(context, service, node, changes, &remade))
            })
            .collect();
        sharing.follow(&mut plans);
        plans.retain(|name, plan| asked.contains(name) || !plan.decisions.is_empty());
        let came = bring_in(context, scope, &plans);
        let is_blocked = |name: &&&ServiceName| {
            let service = &homelab.services[**name];
            further.contains(**name) && scope::block_of(context.input, context.index, service, scope).is_some()
        };
        match plans.keys().find(is_blocked) {
            Some(name) => {
                barred.insert((*name).clone());
            }
            None if came => {}
            None => {
                sharing.bind(&mut plans);
                return plans;
            }
        }
    }
}

/// Brings what follows into the scope, with its own changes; tells whether that is news.
fn bring_in<'a>(context: &Context<'a>, scope: &mut Scope<'a>, plans: &Plans<'a>) -> bool {
    let options = context.input.options;
    if options.targets.is_empty() {
        return false;
    }
    let mut known: BTreeSet<&Addr> = scope.changes.values().flatten().map(|change| &change.addr).collect();
    let mut news: BTreeMap<&ServiceName, Vec<&'a Change>> = BTreeMap::new();
    for change in context.input.changes {
        let Some((name, plan)) = plans.get_key_value(&change.addr.service) else { continue };
        let decided = |container: &String| plan.decisions.contains_key(container);
        let wanted = match change.addr.kind {
            Kind::Container => decided(&change.addr.name),
            _ => !plan.decisions.is_empty(),
        };
        let excluded = options.excludes.iter().any(|target| target.covers(&change.addr));
        if wanted && !excluded && known.insert(&change.addr) {
            news.entry(*name).or_default().push(change);
        }
    }
    let came = !news.is_empty();
    for (name, changes) in news {
        let all = scope.changes.entry(name.clone()).or_default();
        all.extend(changes);
        all.sort_by(|a, b| a.addr.cmp(&b.addr));
    }
    came
}

/// A service with what is decided for its containers by themselves.
fn service_plan<'a>(
    context: &Context<'a>,
    service: &'a Service,
    node: &'a crate::model::view::LiveNode,
    changes: &[&'a Change],
    remade: &[RemadeVolume<'a>],
) -> ServicePlan<'a> {
    let recorded = context.input.recorded;
    let changes: Vec<&Change> = changes.iter().filter(|c| c.addr.node == service.node).copied().collect();
    let mut instances = context.instances(service);
    for change in changes.iter().filter(|change| change.presence == Presence::Rehomed) {
        let live = change.live_id.as_ref().and_then(|id| node.containers.get(id));
        instances.current.extend(live.map(|live| (change.addr.name.clone(), live)));
    }
    let of_containers: BTreeMap<String, &Change> = changes
        .iter()
        .filter(|c| c.addr.kind == Kind::Container && service.containers.contains_key(&c.addr.name))
        .filter(|c| c.presence != Presence::Leftover)
        .map(|c| (c.addr.name.clone(), *c))
        .collect();
    let (own, others): (Vec<_>, Vec<_>) = remade.iter().partition(|volume| volume.owner.name == service.name);
    let taken_along = others.into_iter().filter(|volume| volume.takes_along(context.input.homelab, service));
    let remade_volumes: BTreeSet<&str> = own.into_iter().map(|volume| volume.name).collect();
    let volumes = remade_volumes.iter().copied().chain(taken_along.map(|volume| volume.name)).collect();
    let files = context.written.get(&service.node).cloned().unwrap_or_default();
    let remade_networks = resources::remade_networks(context, service, &changes);
    let remade = Remade { volumes, files, networks: &remade_networks };
    let decisions = decide(service, &of_containers, &instances, &remade, recorded, context.input.options);
    let none = BTreeSet::<StepId>::new;
    ServicePlan {
        service,
        node,
        changes,
        instances,
        decisions,
        remade_volumes,
        remade_networks,
        network_bonds: BTreeMap::new(),
        network_groups: BTreeMap::new(),
        bonds: BTreeMap::new(),
        dependency_steps: none(),
        prerequisite_steps: none(),
        relocation: None,
    }
}
