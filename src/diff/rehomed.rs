//! Containers that went to another compose file, or go by another key in theirs: what a declared service has on record and
//! declares no more, another one has now. Their labels cannot be changed, so that they are replaced, and not made beside.

use std::collections::{BTreeMap, BTreeSet};

use super::container::instances;
use super::disabled::is_of_disabled;
use crate::model::homelab::{Container, Homelab, Service};
use crate::model::live_index::LiveIndex;
use crate::model::view::{LiveContainer, OneOff, RecordedView};
use crate::model::{Addr, Kind};

/// The containers that were found again.
#[derive(Default)]
pub(super) struct Rehomed<'a> {
    /// The addresses of now by those that are on record.
    pub(super) renames: BTreeMap<Addr, Addr>,
    /// The live containers by their addresses of now.
    pub(super) containers: BTreeMap<Addr, &'a LiveContainer>,
}

/// A recorded container that is declared no more and is still there.
struct Vanished<'a> {
    addr: &'a Addr,
    live: &'a LiveContainer,
    service: Remains,
}

/// The remains of the service that had a container. Where it is gone, and the other one new, a whole service may have
/// another name; the plan asks about that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remains {
    Declared,
    Gone,
}

pub(super) fn rehomed<'a>(homelab: &Homelab, recorded: &'a RecordedView, index: &LiveIndex<'a>) -> Rehomed<'a> {
    let vanished = vanished(homelab, recorded, index);
    let mut found = Rehomed::default();
    let nodes: BTreeSet<_> = vanished.iter().map(|old| &old.addr.node).collect();
    let mut new: Vec<(&Service, &String, &Container)> = Vec::new();
    for service in homelab.services.values().filter(|service| nodes.contains(&service.node)) {
        let Some(node) = index.node(&service.node) else { continue };
        let current = instances(service, recorded, node).current;
        let is_new = |name: &str| {
            !current.contains_key(name) && !recorded.resources.contains_key(&service.addr(Kind::Container, name))
        };
        new.extend(service.containers.iter().filter(|(name, _)| is_new(name)).map(|(name, c)| (service, name, c)));
    }
    // A proof by name counts more than one by looks.
    for proof in [Proof::Name, Proof::Data] {
        for (service, name, container) in &new {
            let now = service.addr(Kind::Container, name.as_str());
            let free = |old: &&Vanished<'_>| {
                old.addr.node == service.node
                    && (old.service == Remains::Declared
                        || recorded.services.contains_key(&service.name)
                        || service.renamed_from.service() == Some(&old.addr.service))
                    && !found.renames.contains_key(old.addr)
            };
            let mut fitting = vanished.iter().filter(free);
            let Some(old) = fitting.find(|old| is_it(service, name, container, old, proof)) else { continue };
            if !found.containers.contains_key(&now) {
                found.renames.insert(old.addr.clone(), now.clone());
                found.containers.insert(now, old.live);
            }
        }
    }
    found
}

fn vanished<'a>(homelab: &Homelab, recorded: &'a RecordedView, index: &LiveIndex<'a>) -> Vec<Vanished<'a>> {
    let of_record = |addr: &'a Addr, id: &str| {
        let service = homelab.services.get(&addr.service);
        let is_declared = service.is_some_and(|s| s.node != addr.node || s.containers.contains_key(&addr.name));
        if addr.kind != Kind::Container || is_declared || homelab.unresolved.contains_key(&addr.service) {
            return None;
        }
        let live = index.node(&addr.node)?.live.containers.get(id)?;
        let is_other = is_of_disabled(homelab, index, addr, id)
            || live.identity.as_ref().is_none_or(|identity| identity.one_off == OneOff::Yes);
        let service = if service.is_some() { Remains::Declared } else { Remains::Gone };
        (!is_other).then_some(Vanished { addr, live, service })
    };
    recorded.resources.iter().filter_map(|(addr, resource)| of_record(addr, &resource.id)).collect()
}

/// The evidence that a container is one that vanished.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// The user says so, or it claims the name.
    Name,
    /// It is made from the same image and writes to the same data.
    Data,
}

fn is_it(service: &Service, name: &str, container: &Container, old: &Vanished<'_>, proof: Proof) -> bool {
    let (spec, live) = (&container.spec, old.live);
    match (service.renamed_from.container(name), proof) {
        (Some((from, key)), _) => *from == old.addr.service && key == old.addr.name,
        (None, Proof::Name) => spec.name == live.name,
        (None, Proof::Data) => spec.image == live.spec.image && spec.shares_data_with(&live.spec),
    }
}
