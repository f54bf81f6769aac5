//! THREE VIEWS → CHANGES. Lays the declared, the recorded and the live view over one another: a
//! verdict for each field, a change for each resource.
//!
//! Pure and synchronous. It does not know nodes, steps or order, and it decides nothing about what
//! to do: it says what is so. Entry: [`diff`].

mod container;
mod disabled;
pub mod policy;
mod rehomed;
mod renames;
mod resources;
mod three_way;
pub mod verdict;
mod withheld;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::homelab::{Homelab, Network, Service, Volume};
use crate::model::live_index::{LiveIndex, NodeIndex};
use crate::model::view::{LiveContainer, LiveNode, LiveView, RecordedView};
use crate::model::{Addr, Field, Fields, Kind, ProjectName, Sealer, ServiceName, Value};

pub use container::{
    Instances, cut_off, instances, is_done, live_fields, names_no_tag, show_mac_address, wanted_state,
};
pub use policy::{Cost, policy};
pub use resources::path_fields;
pub use verdict::Verdict;
pub use withheld::withhold;

/// A resource whose views do not all agree, or that is only in some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which resource.
    pub addr: Addr,
    /// In which views it is.
    pub presence: Presence,
    /// The engine's id (or name, or path) of the live resource.
    pub live_id: Option<String>,
    /// The address that it was recorded under, if that is another one: it is the same thing by another name.
    pub renamed_from: Option<Addr>,
    /// The fields that do not agree in all views, in order. Safe to show: secrets are sealed. Of a
    /// new resource, all that it will have.
    pub fields: Vec<FieldChange>,
}

impl Change {
    /// Whether the node has to change, and not only the record.
    pub fn needs_action(&self) -> bool {
        match self.presence {
            Presence::New | Presence::Gone | Presence::Rehomed | Presence::Undeclared | Presence::Leftover => true,
            Presence::Unrecorded | Presence::Known => {
                self.fields.iter().any(|f| f.verdict.needs_action() && f.cost != Cost::Ignored)
            }
            Presence::Forgotten | Presence::Orphan => false,
        }
    }

    /// The part of it that somebody outside did, without what only the declaration changed; `None` if that is nothing.
    #[must_use]
    pub fn drift(mut self) -> Option<Change> {
        let keep = match self.presence {
            Presence::Gone => {
                // Its old value is known; its new one is for the plan to say.
                self.fields.clear();
                true
            }
            Presence::Known => {
                self.fields.retain(|field| {
                    matches!(field.verdict, Verdict::Drift | Verdict::Conflict) && field.cost != Cost::Ignored
                });
                !self.fields.is_empty()
            }
            Presence::New
            | Presence::Unrecorded
            | Presence::Rehomed
            | Presence::Undeclared
            | Presence::Forgotten
            | Presence::Orphan
            | Presence::Leftover => false,
        };
        keep.then_some(self)
    }
}

/// In which views a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Declared only.
    New,
    /// Declared and recorded; somebody removed it.
    Gone,
    /// Declared and live, never recorded.
    Unrecorded,
    /// In all three.
    Known,
    /// In all three, but its labels, which cannot be changed, are those of the address that it had.
    Rehomed,
    /// Recorded and live, no longer declared.
    Undeclared,
    /// Recorded only.
    Forgotten,
    /// Live only, under a project that hl owns.
    Orphan,
    /// Live, a second container in the place of one: left over from an interrupted replacement.
    Leftover,
}

/// One field that does not agree in all views.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Which field.
    pub field: Field,
    /// The verdict on the views.
    pub verdict: Verdict,
    /// The desired value: the one in the repository or, if that has none, the one in the image.
    pub declared: Option<Value>,
    /// The value that hl recorded; absent if there is none.
    pub recorded: Option<Value>,
    /// The value on the node; absent if there is none.
    pub live: Option<Value>,
    /// The cost of changing the live value to the declared one.
    pub cost: Cost,
}

/// Lays the three views over one another. The result is sorted by address and has one change for
/// each resource on which they do not all agree; resources on nodes that are not known, and of
/// services that could not be resolved, are left out.
pub fn diff(homelab: &Homelab, recorded: &RecordedView, live: &LiveView, sealer: &Sealer) -> Vec<Change> {
    let index = LiveIndex::of(live);
    let mut renames = renames::renames(homelab, recorded, &index);
    let rehomed = rehomed::rehomed(homelab, recorded, &index);
    renames.extend(rehomed.renames);
    let rehomed = rehomed.containers;
    let readdressed;
    let recorded = match renames.is_empty() {
        true => recorded,
        false => {
            readdressed = renames::readdressed(recorded, &renames);
            &readdressed
        }
    };
    let mut changes: BTreeMap<Addr, Change> = BTreeMap::new();
    let mut declared: BTreeSet<Addr> = BTreeSet::new();
    for service in homelab.services.values() {
        let Some(node) = index.node(&service.node) else { continue };
        let views = ServiceViews { service, recorded, live: node.live, index: node, sealer, rehomed: &rehomed };
        let found = container::changes(&views).into_iter().chain(resources::changes(&views));
        for change in found {
            changes.insert(change.addr.clone(), change);
        }
        declared.extend(addresses(service));
    }
    for (addr, record) in &recorded.resources {
        let untouchable = declared.contains(addr)
            || homelab.unresolved.contains_key(&addr.service)
            || disabled::is_of_disabled(homelab, &index, addr, &record.id);
        let Some(node) = index.node(&addr.node) else { continue };
        if !untouchable && !changes.contains_key(addr) {
            let change = match addr.kind {
                Kind::Directory | Kind::File => resources::undeclared_path(addr, record, homelab, node.live, sealer),
                _ => undeclared(addr, &record.id, project_of(recorded, &addr.service), node),
            };
            changes.insert(addr.clone(), change);
        }
    }
    for (was, now) in renames {
        let live_id = recorded.resources.get(&now).map(|resource| resource.id.clone());
        let agreeing =
            || Change { addr: now.clone(), presence: Presence::Known, live_id, renamed_from: None, fields: Vec::new() };
        changes.entry(now.clone()).or_insert_with(agreeing).renamed_from = Some(was);
    }
    changes.into_values().collect()
}

/// Adds changes for declared resources on which all views agree, for those that are to be made anew all the same.
/// Containers are not among them: they are found by what runs.
pub fn add_agreeing(changes: &mut Vec<Change>, homelab: &Homelab, live: &LiveView, wanted: impl Fn(&Addr) -> bool) {
    let index = LiveIndex::of(live);
    let known: BTreeSet<&Addr> = changes.iter().map(|change| &change.addr).collect();
    let mut found = Vec::new();
    for service in homelab.services.values() {
        let Some(node) = index.node(&service.node) else { continue };
        for addr in addresses(service).into_iter().filter(|addr| wanted(addr) && !known.contains(addr)) {
            if let Some(id) = live_id(service, &addr, node) {
                found.push(Change {
                    addr,
                    presence: Presence::Known,
                    live_id: Some(id),
                    renamed_from: None,
                    fields: Vec::new(),
                });
            }
        }
    }
    changes.extend(found);
    changes.sort_by(|a, b| a.addr.cmp(&b.addr));
}

/// The engine's id, the name or the path of a live network, volume or file of a service.
fn live_id(service: &Service, addr: &Addr, node: &NodeIndex<'_>) -> Option<String> {
    match addr.kind {
        Kind::Network => match service.networks.get(&addr.name)? {
            Network::Own(spec) => node.network(&spec.name).map(|network| network.id.clone()),
            Network::External { .. } => None,
        },
        Kind::Volume => match service.volumes.get(&addr.name)? {
            Volume::Own(spec) => node.live.volumes.get(&spec.name).map(|volume| volume.spec.name.clone()),
            Volume::External { .. } => None,
        },
        Kind::File => {
            let path = &service.files.get(&addr.name)?.path;
            node.live.files.get(path).map(|_| path.clone())
        }
        Kind::Container | Kind::Directory | Kind::Image => None,
    }
}

/// The inputs for the comparison of one service.
struct ServiceViews<'a> {
    service: &'a Service,
    recorded: &'a RecordedView,
    live: &'a LiveNode,
    index: &'a NodeIndex<'a>,
    sealer: &'a Sealer,
    /// Containers that are found by their labels at another address.
    rehomed: &'a BTreeMap<Addr, &'a LiveContainer>,
}

/// Every address that a service declares.
pub fn addresses(service: &Service) -> Vec<Addr> {
    let own = |kind, names: Vec<&String>| names.into_iter().map(move |n| (kind, n.clone())).collect::<Vec<_>>();
    [
        own(Kind::Directory, service.directories.keys().collect()),
        own(Kind::File, service.files.keys().collect()),
        own(Kind::Network, service.networks.keys().collect()),
        own(Kind::Volume, service.volumes.keys().collect()),
        own(Kind::Container, service.containers.keys().collect()),
    ]
    .concat()
    .into_iter()
    .map(|(kind, name)| service.addr(kind, name))
    .collect()
}

fn project_of<'a>(recorded: &'a RecordedView, service: &ServiceName) -> Option<&'a ProjectName> {
    recorded.services.get(service).map(|s| &s.project)
}

/// A recorded resource that nothing declares any more: still there, or gone as well.
fn undeclared(addr: &Addr, id: &str, project: Option<&ProjectName>, node: &NodeIndex<'_>) -> Change {
    let live = node.live;
    let live_id = match addr.kind {
        Kind::Container => {
            let by_labels = || {
                let wanted = container::instance_of(&addr.name);
                let is_it =
                    |c: &&&LiveContainer| c.identity.as_ref().is_some_and(|i| (i.service.as_str(), i.number) == wanted);
                node.of_project(project?).iter().find(is_it).copied()
            };
            live.containers.get(id).or_else(by_labels).map(|c| c.id.clone())
        }
        Kind::Network => live.networks.get(id).map(|n| n.id.clone()),
        Kind::Volume => live.volumes.contains_key(id).then(|| id.to_owned()),
        Kind::Directory | Kind::File | Kind::Image => None,
    };
    let presence = if live_id.is_some() { Presence::Undeclared } else { Presence::Forgotten };
    Change { addr: addr.clone(), presence, live_id, renamed_from: None, fields: Vec::new() }
}

/// The fields of a resource that is not there yet, each as a change from nothing.
fn all_new(fields: &Fields, sealer: &Sealer) -> Vec<FieldChange> {
    fields
        .iter()
        .map(|(field, value)| FieldChange {
            field: field.clone(),
            verdict: Verdict::Pending,
            declared: Some(value.without_secrets(sealer)),
            recorded: None,
            live: None,
            cost: Cost::Replace,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_what_somebody_did_and_nothing_that_is_pending() {
        let field = |name: &str, verdict, cost| FieldChange {
            field: Field::parse(name).unwrap(),
            verdict,
            declared: None,
            recorded: None,
            live: None,
            cost,
        };
        let change = |presence, fields| Change {
            addr: "nas/shop/container:web".parse().unwrap(),
            presence,
            live_id: Some("c1".to_owned()),
            renamed_from: None,
            fields,
        };
        let all = || {
            vec![
                field("image", Verdict::Pending, Cost::Replace),
                field("restart", Verdict::Drift, Cost::InPlace),
                field("user", Verdict::Conflict, Cost::Replace),
                field("tty", Verdict::Converged, Cost::Ignored),
                field("labels.a", Verdict::Drift, Cost::Ignored),
            ]
        };
        let drift = change(Presence::Known, all()).drift().unwrap();
        let names: Vec<String> = drift.fields.iter().map(|f| f.field.to_string()).collect();
        assert_eq!(names, ["restart", "user"]);
        assert_eq!(change(Presence::Known, vec![field("image", Verdict::Pending, Cost::Replace)]).drift(), None);
        assert_eq!(change(Presence::Gone, all()).drift(), Some(change(Presence::Gone, Vec::new())));
        for presence in [Presence::New, Presence::Unrecorded, Presence::Undeclared, Presence::Orphan] {
            assert_eq!(change(presence, all()).drift(), None);
        }
    }
}
