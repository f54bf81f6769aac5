//! The rules that a machine keeps, whatever the plans said.

use std::collections::BTreeSet;

use hl::model::spec::MountKind;
use hl::model::view::{LiveContainer, Status};
use hl::node::simulated::{Entry, Inode, World};

use crate::support::homelab::Lives;

use super::declared::{Declared, Network, Volume};

/// The containers that are there now.
pub fn lives(world: &World) -> Lives {
    world.containers.values().map(|c| (c.name.clone(), (c.id.clone(), c.started_at.clone()))).collect()
}

/// The differences between the machine and the declaration.
pub fn wrong(declared: &Declared, world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left: BTreeSet<&str> = world.containers.values().map(|c| c.name.as_str()).collect();
    for (folder, key, container) in declared.containers() {
        let service = &declared.services[folder];
        let project = service.project(folder);
        let name = container.name.map_or_else(|| format!("{project}-{key}-1"), str::to_owned);
        let Some(live) = world.containers.values().find(|live| live.name == name) else {
            wrong.push(format!("{name} is not there"));
            continue;
        };
        left.remove(live.name.as_str());
        let runs = live.status == Status::Running;
        let mut expect = |what: &str, holds: bool| {
            if !holds {
                wrong.push(format!("{name}: {what}"));
            }
        };
        expect("whether it runs", runs != service.stopped);
        let variable = live.spec.environment.get("V").and_then(|text| text.as_ref()?.expose());
        expect("its variable", variable == Some(container.variable.to_string().as_str()));
        expect("its image", live.spec.image.to_string().ends_with(&format!("app:{}", container.tag)));
        let volume = match &container.volume {
            Volume::None => None,
            Volume::Own => Some(format!("{project}_data")),
            Volume::Named(name) => Some((*name).to_owned()),
        };
        expect("its volume", mounted(live).next() == volume.as_deref());
        let published = live.spec.ports.iter().next().map(|port| port.published.clone());
        expect("its port", published == container.port.map(|port| port.to_string()));
        let peer = match &container.network {
            Network::Service(peer) => {
                let peer_name = service.containers.get(peer).and_then(|peer| peer.name);
                Some(peer_name.map_or_else(|| format!("{project}-{peer}-1"), str::to_owned))
            }
            Network::Container(name) => Some((*name).to_owned()),
            Network::Default | Network::Lan | Network::Both => None,
        };
        if let Some(peer) = peer {
            let owner = world.containers.values().find(|live| live.name == peer);
            let alive = owner
                .is_some_and(|owner| live.shares_with.contains(&owner.id) && (!runs || started(owner) < started(live)));
            expect("it is not in the namespace of its peer", alive);
        }
    }
    wrong.extend(left.into_iter().map(|name| format!("{name} is left over")));
    wrong
}

fn started(live: &LiveContainer) -> Option<jiff::Timestamp> {
    live.started_at.parse().ok()
}

/// The volumes that a container mounts.
pub fn mounted(live: &LiveContainer) -> impl Iterator<Item = &str> {
    live.spec.mounts.values().filter_map(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => Some(source.as_str()),
        _ => None,
    })
}

/// Puts something into each volume that has nothing yet, as its program would; by its path.
pub fn write_data(world: &mut World, marks: &mut BTreeSet<String>) {
    let names: Vec<String> = world.volumes.keys().cloned().collect();
    for name in names {
        let path = format!("/var/lib/docker/volumes/{name}/_data/photo");
        if world.files.exists(&path) {
            continue;
        }
        let entry = Entry { node: Inode::File(b"photo".to_vec()), mode: 0o600, uid: 0, gid: 0, modified: 1 };
        world.files.write(&path, entry, None).expect("the volume can be written to");
        marks.insert(path);
    }
}
