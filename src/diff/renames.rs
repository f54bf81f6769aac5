//! Resources that go by another address: what a service that is gone has on record, a declared one has now.

use std::collections::BTreeMap;

use super::container::instances;
use crate::model::homelab::{Homelab, Network, Service, Volume};
use crate::model::live_index::{LiveIndex, NodeIndex};
use crate::model::view::RecordedView;
use crate::model::{Addr, Kind, NodeName};

/// The addresses under which recorded resources are declared now, by the recorded ones: the same container, network or
/// volume, by its id, on the same node. Nothing of that is asked of names, which may be given to something else.
pub(super) fn renames(homelab: &Homelab, recorded: &RecordedView, index: &LiveIndex<'_>) -> BTreeMap<Addr, Addr> {
    let is_declared = |addr: &Addr| homelab.services.contains_key(&addr.service);
    let vanished: Vec<(&Addr, &str)> = recorded
        .resources
        .iter()
        .filter(|(addr, _)| matches!(addr.kind, Kind::Container | Kind::Network | Kind::Volume))
        .filter(|(addr, _)| !is_declared(addr) && !homelab.unresolved.contains_key(&addr.service))
        .map(|(addr, resource)| (addr, resource.id.as_str()))
        .collect();
    if vanished.is_empty() {
        return BTreeMap::new();
    }
    let mut has: BTreeMap<(&NodeName, Kind, &str), Addr> = BTreeMap::new();
    for service in homelab.services.values() {
        if let Some(node) = index.node(&service.node) {
            let of_service = live(service, recorded, node).into_iter();
            let unrecorded = of_service.filter(|(addr, _)| !recorded.resources.contains_key(addr));
            has.extend(unrecorded.map(|(addr, id)| ((&service.node, addr.kind, id), addr)));
        }
    }
    let found = vanished.into_iter().filter_map(|(addr, id)| {
        let now = has.get(&(&addr.node, addr.kind, id))?;
        Some((addr.clone(), now.clone()))
    });
    found.collect()
}

/// What a service has on its node, with ids.
fn live<'a>(service: &Service, recorded: &RecordedView, node: &NodeIndex<'a>) -> Vec<(Addr, &'a str)> {
    let containers = instances(service, recorded, node).current.into_iter();
    let mut found: Vec<(Addr, &'a str)> =
        containers.map(|(name, live)| (service.addr(Kind::Container, name), live.id.as_str())).collect();
    for (name, network) in &service.networks {
        if let Network::Own(spec) = network
            && let Some(live) = node.network(&spec.name)
        {
            found.push((service.addr(Kind::Network, name.as_str()), live.id.as_str()));
        }
    }
    for (name, volume) in &service.volumes {
        if let Volume::Own(spec) = volume
            && let Some(live) = node.live.volumes.get(&spec.name)
        {
            found.push((service.addr(Kind::Volume, name.as_str()), live.spec.name.as_str()));
        }
    }
    found
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
