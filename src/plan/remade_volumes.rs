//! Volumes that are made anew with the user's leave, and the containers that go and come with them, in whichever service.

use std::collections::BTreeSet;

use super::planned::VolumeUsers;
use super::scope::Scope;
use super::service_plan::{Context, ServicePlan};
use super::sharing::Plans;
use super::{Action, resources};
use crate::diff::Change;
use crate::model::ServiceName;
use crate::model::homelab::{Homelab, Service};

/// A volume that is made anew.
pub(super) struct RemadeVolume<'a> {
    /// The service that makes it.
    pub(super) owner: &'a Service,
    /// Its real name.
    pub(super) name: &'a str,
}

impl RemadeVolume<'_> {
    /// Whether containers of another service are made anew with it. Where its own service needs the other one, nothing
    /// could be first.
    pub(super) fn takes_along(&self, homelab: &Homelab, service: &Service) -> bool {
        let mounts = || service.containers.values().any(|c| c.spec.volumes().any(|volume| volume == self.name));
        service.name != self.owner.name
            && service.node == self.owner.node
            && mounts()
            && !needs(homelab, self.owner, &service.name)
    }
}

/// Whether a service needs another one, directly or not.
fn needs(homelab: &Homelab, service: &Service, other: &ServiceName) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![service]);
    while let Some(service) = open.pop() {
        let news = service.depends_on.keys().filter(|name| seen.insert(*name));
        open.extend(news.filter_map(|name| homelab.services.get(name)));
    }
    seen.contains(other)
}

/// The volumes of services that are made anew.
pub(super) fn remade_volumes<'a, 'n>(
    context: &Context<'a>,
    scope: &Scope<'a>,
    services: impl Iterator<Item = &'n &'a ServiceName>,
) -> Vec<RemadeVolume<'a>>
where
    'a: 'n,
{
    let owners = services.filter_map(|name| context.input.homelab.services.get(*name));
    let volumes = owners.map(|owner| {
        let changes = scope.changes.get(&owner.name).map_or(&[][..], Vec::as_slice);
        let on_node: Vec<&Change> = changes.iter().filter(|c| c.addr.node == owner.node).copied().collect();
        let names = resources::remade_volumes(context, owner, &on_node);
        names.into_iter().map(move |name| RemadeVolume { owner, name })
    });
    volumes.flatten().collect()
}

/// The containers that mount volumes which are made anew.
pub(super) fn volume_users<'a>(context: &Context<'a>, plans: &Plans<'a>) -> VolumeUsers<'a> {
    let mut users = VolumeUsers::default();
    for owner in plans.values().filter(|owner| !owner.remade_volumes.is_empty()) {
        let Some(node) = context.index.node(&owner.service.node) else { continue };
        let left = owner.instances.leftovers.values().flatten().map(|old| old.id.as_str());
        let may = |other: &&ServicePlan<'_>| {
            other.service.node == owner.service.node
                && !needs(context.input.homelab, owner.service, &other.service.name)
        };
        let replaced = plans.values().filter(may).flat_map(|other| {
            let replaced = other.decisions.iter().filter(|(_, decision)| decision.action == Action::Replace);
            replaced.filter_map(|(name, _)| other.instances.current.get(name)).map(|live| live.id.as_str())
        });
        let goes: BTreeSet<&str> = left.chain(replaced).collect();
        for volume in &owner.remade_volumes {
            let (going, holding): (Vec<_>, Vec<_>) =
                node.on_volume(volume).into_iter().partition(|user| goes.contains(user.id.as_str()));
            match holding.is_empty() {
                true => users.removed.extend(going.iter().map(|user| user.id.as_str())),
                false => drop(users.holding.insert((&owner.service.name, *volume), holding)),
            }
        }
    }
    users
}
