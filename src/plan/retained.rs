//! Pruning of unneeded leftovers of moves. They are removed only on request, and only for services that are verified on
//! their new node.

use std::collections::{BTreeMap, BTreeSet};

use super::fragment::Fragment;
use super::graph::StepGraph;
use super::operation::Operation;
use super::resources::own_volume;
use super::service_plan::Context;
use super::step::Phase;
use super::whereabouts::{VolumeTransfer, config_name, data_name, is_home, volume_transfer};
use super::{Action, Block, Note, PlannedChange, Prune, Reason, Record, Stake};
use crate::model::homelab::Service;
use crate::model::view::LiveNode;
use crate::model::{Addr, Kind, NodeName, ServiceName};

/// Something that a move left on a node.
struct Leftover {
    addr: Addr,
    remove: Operation,
}

/// Removes what moves left of services, where that is asked for.
pub(super) fn prune(
    context: &Context<'_>,
    services: &[ServiceName],
    blocked: &BTreeMap<ServiceName, Block>,
    graph: &mut StepGraph,
) -> Fragment {
    let mut out = Fragment::default();
    if context.input.options.prune == Prune::Nothing {
        return out;
    }
    for service in services.iter().filter_map(|name| context.input.homelab.services.get(name)) {
        let leftovers = leftovers(context, service);
        if is_settled(context, service) && !blocked.contains_key(&service.name) {
            out.changes.extend(leftovers.into_iter().map(|leftover| removal(service, leftover, graph)));
        } else if !leftovers.is_empty() {
            out.notes.push(Note::RemnantsStay { service: service.name.clone(), node: service.node.clone() });
        }
    }
    out
}

/// Whether a service is on its node, proven, and no move of it is under way.
fn is_settled(context: &Context<'_>, service: &Service) -> bool {
    let moves = context.input.changes.iter().any(|c| c.addr.service == service.name && c.addr.node != service.node);
    is_home(context.input, service) && !context.input.recorded.unverified.contains(&service.name) && !moves
}

fn removal(service: &Service, Leftover { addr, remove }: Leftover, graph: &mut StepGraph) -> PlannedChange {
    let step = graph.step_on(&addr.node, &service.name, Phase::Clean, remove).about(&addr).add();
    let reasons = vec![Reason::LeftByMove(service.node.clone())];
    PlannedChange {
        data_at_stake: vec![Stake::RemnantRemoved],
        record: Record::Nothing,
        ..PlannedChange::new(addr, Action::Delete, reasons, vec![step])
    }
}

fn leftovers(context: &Context<'_>, service: &Service) -> Vec<Leftover> {
    let mut all = Vec::new();
    let addr =
        |node: &NodeName, kind, name: String| Addr { node: node.clone(), service: service.name.clone(), kind, name };
    for (name, view) in &context.input.live.nodes {
        let (Some(node), Some(declared)) = (view.known(), context.input.homelab.nodes.get(name)) else { continue };
        for folder in [data_name(service), config_name(service)] {
            let prefix = format!("{}/{folder}.moved-", declared.root);
            for path in node.retained_dirs.iter().filter(|path| path.starts_with(&prefix)) {
                let short = path.strip_prefix(&format!("{}/", declared.root)).unwrap_or(path);
                let remove = Operation::RemoveFolder { path: path.clone() };
                all.push(Leftover { addr: addr(name, Kind::Directory, short.to_owned()), remove });
            }
        }
        if *name != service.node {
            for (key, volume) in volumes(context, service, name, node) {
                let remove = Operation::RemoveVolume { name: volume };
                all.push(Leftover { addr: addr(name, Kind::Volume, key), remove });
            }
        }
    }
    all
}

/// The volumes of a service on a node that it is not on, by key, with their real names: those which it has at home as
/// well, and which nobody else may mean.
fn volumes(context: &Context<'_>, service: &Service, name: &NodeName, node: &LiveNode) -> Vec<(String, String)> {
    let homelab = context.input.homelab;
    let of_project = |identity: &Option<_>| identity.as_ref().is_some_and(|(project, _)| *project == service.project);
    let runs = node.containers.values().any(|c| c.identity.as_ref().is_some_and(|i| i.project == service.project));
    let others: Vec<&Service> = homelab.services.values().filter(|s| s.node == *name).collect();
    let unresolved = homelab.unresolved.values().any(|u| u.node == *name);
    if runs || unresolved || others.iter().any(|s| s.project == service.project) {
        return Vec::new();
    }
    let taken: BTreeSet<&str> = others.iter().flat_map(|s| s.volumes.values()).map(|v| v.name()).collect();
    let home = context.known(&service.node);
    let mut found = Vec::new();
    for volume in node.volumes.values().filter(|v| of_project(&v.identity)) {
        let Some((_, key)) = &volume.identity else { continue };
        let Some(here) = own_volume(service, key) else { continue };
        let is_home = home.is_some_and(|home| home.volumes.contains_key(&here.name));
        let is_copy = volume_transfer(&volume.spec, here) == VolumeTransfer::Copy;
        if is_home && is_copy && !taken.contains(volume.spec.name.as_str()) {
            found.push((key.clone(), volume.spec.name.clone()));
        }
    }
    found
}
