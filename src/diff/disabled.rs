//! Resources of Compose services that a profile disables: what was made for them is nobody's orphan, and stays.

use std::path::Path;

use super::container::instance_of;
use crate::model::homelab::Homelab;
use crate::model::live_index::LiveIndex;
use crate::model::spec::MountKind;
use crate::model::view::LiveContainer;
use crate::model::{Addr, Kind};

/// Whether a recorded resource that is not declared belongs to a Compose service that a profile disables now, or is used
/// by a container of one. `id` is the one on record.
pub(super) fn is_of_disabled(homelab: &Homelab, index: &LiveIndex<'_>, addr: &Addr, id: &str) -> bool {
    let Some(service) = homelab.services.get(&addr.service).filter(|service| service.node == addr.node) else {
        return false;
    };
    let Some(node) = index.node(&addr.node) else { return false };
    let of_disabled = |live: &&&LiveContainer| {
        live.identity.as_ref().is_some_and(|identity| service.disabled.contains(&identity.service))
    };
    let mut containers = node.of_project(&service.project).iter().filter(of_disabled);
    match addr.kind {
        Kind::Container => service.disabled.contains(instance_of(&addr.name).0),
        Kind::Network => {
            let name = node.live.networks.get(id).map(|network| network.spec.name.as_str());
            name.is_some_and(|name| containers.any(|live| live.spec.networks.contains_key(name)))
        }
        Kind::Volume | Kind::Directory | Kind::File => containers.any(|live| mounts(live, id)),
        Kind::Image => false,
    }
}

/// Whether a container has a volume of this name, or a path in, at or above this one.
fn mounts(live: &LiveContainer, volume_or_path: &str) -> bool {
    live.spec.mounts.values().any(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => source == volume_or_path,
        MountKind::Bind { source, .. } => {
            let (source, path) = (Path::new(source), Path::new(volume_or_path));
            path.starts_with(source) || source.starts_with(path)
        }
        MountKind::Anonymous | MountKind::Tmpfs { .. } | MountKind::Image { .. } | MountKind::Other { .. } => false,
    })
}
