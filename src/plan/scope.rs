//! Scope: which changes are planned at all, and why the others are not.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::resources::own_volume;
use super::sharing::Plans;
use super::whereabouts::{VolumeTransfer, is_home, volume_transfer};
use super::{Block, Input, Note, Unknown, UnknownCause, obstacle, order, renamed};
use crate::diff::{Change, Presence, instances};
use crate::model::homelab::Service;
use crate::model::view::NodeView;
use crate::model::{Addr, Key, Kind, NodeName, ServiceName};

/// The changes that are planned, by service, and what is not planned.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// Declared services → their changes.
    pub(super) changes: BTreeMap<ServiceName, Vec<&'a Change>>,
    /// Services that are no longer declared → what is left of them.
    pub(super) removed: BTreeMap<ServiceName, Vec<&'a Change>>,
    pub(super) unknown: BTreeMap<NodeName, Unknown>,
    pub(super) blocked: BTreeMap<ServiceName, Block>,
    pub(super) notes: Vec<Note>,
}

/// Sorts the changes into what is planned and what is not.
pub(super) fn scope<'a>(input: &Input<'a>, index: &Index<'_>) -> Scope<'a> {
    let mut scope = Scope { unknown: unknown(input, index), ..Scope::default() };
    scope.notes.extend(input.recorded.interrupted.iter().cloned().map(Note::Interrupted));
    scope.notes.extend(clocks(input));
    for change in input.changes.iter().filter(|c| in_scope(input, &c.addr)) {
        let name = &change.addr.service;
        if change.presence == Presence::Orphan {
            scope.notes.push(Note::Orphan { addr: change.addr.clone() });
        } else if input.homelab.services.contains_key(name) {
            scope.changes.entry(name.clone()).or_default().push(change);
        } else {
            scope.removed.entry(name.clone()).or_default().push(change);
        }
    }
    block(input, index, &mut scope);
    leave_out(input, &mut scope);
    scope
}

/// Seconds that clocks may differ without anybody being told: an answer takes a while.
const CLOCKS_DIFFER: i64 = 60;

/// Whether a clock that is so many seconds ahead, or behind, is worth a word.
pub fn clock_is_far(ahead: i64) -> bool {
    ahead.abs() > CLOCKS_DIFFER
}

/// Nodes whose clock is far from this machine's.
fn clocks(input: &Input<'_>) -> Vec<Note> {
    let known = input.live.nodes.iter().filter_map(|(name, view)| Some((name, view.known()?.clock_ahead)));
    let far = known.filter(|(_, ahead)| clock_is_far(*ahead));
    far.map(|(node, ahead)| Note::ClockDiffers { node: node.clone(), ahead }).collect()
}

/// Services and nodes outside the selection are not reported as missing from the plan.
fn leave_out(input: &Input<'_>, scope: &mut Scope<'_>) {
    let options = input.options;
    for (node, unknown) in &mut scope.unknown {
        unknown.services.retain(|service| options.asks_for(node, service));
    }
    scope.unknown.retain(|node, unknown| !unknown.services.is_empty() || options.asks_for_node(node));
    scope.blocked.retain(|name, _| input.homelab.node_of(name).is_none_or(|node| options.asks_for(node, name)));
}

/// Whether the user's targets choose an address. Who chooses a container chooses what it stands on.
fn in_scope(input: &Input<'_>, addr: &Addr) -> bool {
    let options = input.options;
    if options.excludes.iter().any(|t| t.covers(addr)) {
        return false;
    }
    let stands_under = || {
        let service = input.homelab.services.get(&addr.service);
        service.is_some_and(|s| {
            let containers = s.containers.keys().map(|name| s.addr(Kind::Container, name));
            let mut covered = containers.filter(|a| options.targets.iter().any(|t| t.covers(a)));
            addr.kind != Kind::Container && covered.next().is_some()
        })
    };
    options.targets.is_empty() || options.targets.iter().any(|t| t.covers(addr)) || stands_under()
}

fn unknown(input: &Input<'_>, index: &Index<'_>) -> BTreeMap<NodeName, Unknown> {
    let mut unknown = BTreeMap::new();
    for (name, view) in &input.live.nodes {
        let cause = match view {
            NodeView::Known(_) => continue,
            NodeView::Unknown { why, hint } => UnknownCause::Unreachable { why: why.clone(), hint: hint.clone() },
            NodeView::Maintenance => UnknownCause::Maintenance,
        };
        // A service that is no longer declared is still there, as far as anybody knows.
        let recorded = input.recorded.resources.keys().filter(|addr| addr.node == *name).map(|addr| &addr.service);
        let undeclared = recorded.filter(|service| input.homelab.node_of(service).is_none()).cloned();
        let services = index.services_on(name).into_iter().chain(undeclared).collect();
        unknown.insert(name.clone(), Unknown { cause, services });
    }
    unknown
}

/// Finds the services whose changes cannot be planned although their node is known.
fn block(input: &Input<'_>, index: &Index<'_>, scope: &mut Scope<'_>) {
    for (name, unresolved) in &input.homelab.unresolved {
        if !scope.unknown.contains_key(&unresolved.node) {
            scope.blocked.insert(name.clone(), Block::Unresolved { why: unresolved.why.clone() });
        }
    }
    for name in order::services(input.homelab) {
        let Some(service) = input.homelab.services.get(&name) else { continue };
        if let Some(block) = block_of(input, index, service, scope) {
            let of_changes = scope.changes.get(&name).into_iter().flatten();
            let was = of_changes.filter_map(|change| Some(&change.renamed_from.as_ref()?.service));
            for old in was.chain(renamed::withheld(&block)) {
                scope.removed.remove(old);
            }
            scope.blocked.insert(name, block);
        }
    }
}

/// Why the changes of a service cannot be planned, if they cannot.
pub(super) fn block_of(input: &Input<'_>, index: &Index<'_>, service: &Service, scope: &Scope<'_>) -> Option<Block> {
    let changes = scope.changes.get(&service.name).map_or(&[][..], Vec::as_slice);
    left_behind(input, index, service)
        .or_else(|| moved(input, index, service, scope))
        .or_else(|| renamed::block(input, index, service, changes))
        .or_else(|| other_directory(input, index, service, scope))
        .or_else(|| obstacle::block(input, index.node(&service.node)?.live, service, changes))
        .or_else(|| changes.iter().any(|c| c.needs_action()).then(|| held_back(input, service, scope)).flatten())
}

/// A service whose owner changed while the node that has it, and its data, cannot be read: made anew elsewhere it would
/// begin with nothing, beside itself.
fn left_behind(input: &Input<'_>, index: &Index<'_>, service: &Service) -> Option<Block> {
    let unknown =
        |node: &NodeName| matches!(input.live.nodes.get(node), Some(NodeView::Unknown { .. } | NodeView::Maintenance));
    let from = index.recorded_on(&service.name).find(|node| **node != service.node && unknown(node))?;
    if is_home(input, service) {
        return None;
    }
    Some(Block::DataOnUnknownNode { node: from.clone() })
}

/// A service that is to leave a node on which it has what cannot be taken along.
fn moved(input: &Input<'_>, index: &Index<'_>, service: &Service, scope: &Scope<'_>) -> Option<Block> {
    if is_home(input, service) {
        return None;
    }
    let recorded = input.recorded.services.get(&service.name);
    if let Some(recorded) = recorded.filter(|r| r.relocating_to.is_none())
        && index.recorded_on(&service.name).any(|node| *node == service.node)
    {
        return Some(Block::MoveNotCleared { home: recorded.node.clone(), from: service.node.clone() });
    }
    if let Some((home, begun)) = recorded.and_then(|r| Some((&r.node, r.relocating_to.as_ref()?)))
        && *begun != service.node
    {
        return Some(Block::MoveUnfinished { home: home.clone(), begun: begun.clone() });
    }
    let changes = scope.changes.get(&service.name)?;
    let elsewhere = || changes.iter().filter(|c| c.addr.node != service.node && c.live_id.is_some());
    let from = &elsewhere().next()?.addr.node;
    let live = input.live.nodes.get(from).and_then(|n| n.known());
    let stuck = |change: &&&Change| {
        let there = live.and_then(|live| live.volumes.get(change.live_id.as_ref()?));
        match (there, own_volume(service, &change.addr.name)) {
            (Some(there), Some(here)) => volume_transfer(&there.spec, here) == VolumeTransfer::Unsupported,
            (None, _) | (_, None) => false,
        }
    };
    let of_volumes = elsewhere().filter(|c| c.addr.kind == Kind::Volume);
    let volumes: Vec<String> = of_volumes.filter(stuck).map(|c| c.addr.name.clone()).collect();
    if !volumes.is_empty() {
        return Some(Block::VolumesStuck { node: from.clone(), volumes });
    }
    let nodes: BTreeSet<&NodeName> = elsewhere().map(|c| &c.addr.node).collect();
    (nodes.len() > 1).then(|| Block::OnSeveralNodes {
        home: recorded.map(|recorded| recorded.node.clone()),
        nodes: nodes.into_iter().cloned().collect(),
    })
}

/// A running project that was started from another folder, whose mounts would silently be re-pointed.
fn other_directory(input: &Input<'_>, index: &Index<'_>, service: &Service, scope: &Scope<'_>) -> Option<Block> {
    let node = index.node(&service.node)?;
    let repointed = scope.changes.get(&service.name)?.iter().find(|c| {
        c.addr.kind == Kind::Container
            && c.fields.iter().any(|f| f.field.key == Key::Volumes && f.verdict.needs_action() && f.live.is_some())
    })?;
    let found = instances(service, input.recorded, node);
    let live = found.current.get(&repointed.addr.name)?;
    let working_dir = &live.identity.as_ref()?.working_dir;
    let same = working_dir.is_empty() || *working_dir == service.project_dir;
    (!same).then(|| Block::OtherDirectory {
        service: service.name.clone(),
        running: working_dir.clone(),
        declared: service.project_dir.clone(),
    })
}

/// A service that needs one which is not known or not planned.
fn held_back(input: &Input<'_>, service: &Service, scope: &Scope<'_>) -> Option<Block> {
    service.depends_on.keys().find_map(|needed| {
        let node = input.homelab.node_of(needed)?;
        if let Some(unknown) = scope.unknown.get(node) {
            let (needed, node, cause) = (needed.clone(), node.clone(), unknown.cause.clone());
            return Some(Block::NeedsUnknown { needed, node, cause });
        }
        let block = scope.blocked.get(needed)?;
        Some(Block::NeedsBlocked { needed: needed.clone(), block: Box::new(block.clone()) })
    })
}

/// The services that the user asks for, in dependency order.
pub(super) fn asked_for(input: &Input<'_>) -> Vec<ServiceName> {
    let mut order = order::services(input.homelab);
    order.retain(|name| input.homelab.node_of(name).is_none_or(|node| input.options.asks_for(node, name)));
    order
}

/// Adds the services of which only something follows, each in its place.
pub(super) fn add_followers(input: &Input<'_>, order: &mut Vec<ServiceName>, plans: &Plans<'_>) {
    if plans.keys().any(|name| !order.contains(name)) {
        let asked: BTreeSet<ServiceName> = order.drain(..).collect();
        *order = order::services(input.homelab);
        order.retain(|name| asked.contains(name) || plans.contains_key(name));
    }
}
