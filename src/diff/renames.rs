//! Resources that go by another address: what a service that is gone, or has it no more, has on record, a declared one has
//! now.

use std::collections::BTreeMap;

use super::container::instances;
use super::disabled::is_of_disabled;
use super::{addresses, live_id};
use crate::model::homelab::{Homelab, Service};
use crate::model::live_index::{LiveIndex, NodeIndex};
use crate::model::view::RecordedView;
use crate::model::{Addr, Kind, NodeName};

/// The addresses under which recorded resources are declared now, by the recorded ones: the same container, network or
/// volume, by its id, on the same node. Nothing of that is asked of names, which may be given to something else.
pub(super) fn renames(homelab: &Homelab, recorded: &RecordedView, index: &LiveIndex<'_>) -> BTreeMap<Addr, Addr> {
    // A network or a volume may go to another service while its own one stays. A container that does is found by more than
    // its id.
    let is_declared = |addr: &Addr, id: &str| {
        homelab.services.get(&addr.service).is_some_and(|service| {
            let has_it = match addr.kind {
                Kind::Network => service.networks.contains_key(&addr.name),
                Kind::Volume => service.volumes.contains_key(&addr.name),
                Kind::Container | Kind::Directory | Kind::File | Kind::Image => true,
            };
            has_it || service.node != addr.node || is_of_disabled(homelab, index, addr, id)
        })
    };
    let vanished: Vec<(&Addr, &str)> = recorded
        .resources
        .iter()
        .filter(|(addr, _)| matches!(addr.kind, Kind::Container | Kind::Network | Kind::Volume))
        .filter(|(addr, resource)| !is_declared(addr, &resource.id) && !homelab.unresolved.contains_key(&addr.service))
        .map(|(addr, resource)| (addr, resource.id.as_str()))
        .collect();
    if vanished.is_empty() {
        return BTreeMap::new();
    }
    let mut has: BTreeMap<(&NodeName, Kind, String), Addr> = BTreeMap::new();
    for service in homelab.services.values() {
        if let Some(node) = index.node(&service.node) {
            let of_service = live(service, recorded, node).into_iter();
            let unrecorded = of_service.filter(|(addr, _)| !recorded.resources.contains_key(addr));
            has.extend(unrecorded.map(|(addr, id)| ((&service.node, addr.kind, id), addr)));
        }
    }
    let found = vanished.into_iter().filter_map(|(addr, id)| {
        let now = has.get(&(&addr.node, addr.kind, id.to_owned()))?;
        Some((addr.clone(), now.clone()))
    });
    found.collect()
}

/// What a service has on its node, with ids.
fn live(service: &Service, recorded: &RecordedView, node: &NodeIndex<'_>) -> Vec<(Addr, String)> {
    let containers = instances(service, recorded, node).current.into_iter();
    let containers = containers.map(|(name, live)| (service.addr(Kind::Container, name), live.id.clone()));
    let others = addresses(service).into_iter().filter(|addr| matches!(addr.kind, Kind::Network | Kind::Volume));
    let others = others.filter_map(|addr| live_id(service, &addr, node).map(|id| (addr, id)));
    containers.chain(others).collect()
}

/// The record with the resources at the addresses where they are now.
pub(super) fn readdressed(recorded: &RecordedView, renames: &BTreeMap<Addr, Addr>) -> RecordedView {
    let mut moved = recorded.clone();
    for (was, now) in renames {
        if let Some(resource) = moved.resources.remove(was) {
            moved.resources.insert(now.clone(), resource);
        }
    }
    moved
}
