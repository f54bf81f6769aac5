//! What moves have left behind, and nobody needs any more: removed when asked for, and only of services that are proven to
//! work where they went.

use std::collections::BTreeSet;

use super::build::{Builder, NewStep};
use super::moving::{Carriage, carriage, config_name, data_name};
use super::operation::Operation;
use super::place::{forget, own_volume};
use super::scope::is_home;
use super::step::Phase;
use super::{Action, Note, PlannedChange, Prune, Reason, Record, Stake};
use crate::model::homelab::Service;
use crate::model::view::LiveNode;
use crate::model::{Addr, Kind, NodeName};

/// Something that a move left on a node.
struct Left {
    node: NodeName,
    kind: Kind,
    name: String,
    call: Operation,
}

impl<'a> Builder<'a> {
    /// Removes what moves left of the services that were asked for.
    pub(super) fn prune_moved(&mut self) {
        if self.input.options.prune == Prune::Nothing {
            return;
        }
        for name in self.plan.order.clone() {
            let Some(service) = self.input.homelab.services.get(&name) else { continue };
            let all = self.left_behind(service);
            if self.is_at_home(service) {
                all.into_iter().for_each(|left| self.prune(service, left));
            } else if !all.is_empty() {
                self.plan.notes.push(Note::RemnantsStay { service: name.clone(), node: service.node.clone() });
            }
        }
    }

    /// Whether a service is on its node, proven, and no move of it is under way.
    fn is_at_home(&self, service: &Service) -> bool {
        let moves = self.input.changes.iter().any(|c| c.addr.service == service.name && c.addr.node != service.node);
        is_home(self.input, service)
            && !self.input.recorded.unproven.contains(&service.name)
            && !self.plan.blocked.contains_key(&service.name)
            && !moves
    }

    fn left_behind(&self, service: &Service) -> Vec<Left> {
        let mut all = Vec::new();
        for (name, view) in &self.input.live.nodes {
            let (Some(node), Some(declared)) = (view.known(), self.input.homelab.nodes.get(name)) else { continue };
            for folder in [data_name(service), config_name(service)] {
                let prefix = format!("{}/{folder}.moved-", declared.root);
                for path in node.aside.iter().filter(|path| path.starts_with(&prefix)) {
                    let short = path.strip_prefix(&format!("{}/", declared.root)).unwrap_or(path);
                    let call = Operation::RemoveFolder { path: path.clone() };
                    all.push(Left { node: name.clone(), kind: Kind::Directory, name: short.to_owned(), call });
                }
            }
            if *name != service.node {
                let volumes = self.volumes_left(service, name, node).into_iter();
                all.extend(volumes.map(|(key, volume)| Left {
                    node: name.clone(),
                    kind: Kind::Volume,
                    name: key,
                    call: Operation::RemoveVolume { name: volume },
                }));
            }
        }
        all
    }

    /// The volumes of a service on a node that it is not on, by key, with their real names: those which it has at home as
    /// well, and which nobody else may mean.
    fn volumes_left(&self, service: &Service, name: &NodeName, node: &LiveNode) -> Vec<(String, String)> {
        let of_project =
            |identity: &Option<_>| identity.as_ref().is_some_and(|(project, _)| *project == service.project);
        let runs = node.containers.values().any(|c| c.identity.as_ref().is_some_and(|i| i.project == service.project));
        let others: Vec<&Service> = self.input.homelab.services.values().filter(|s| s.node == *name).collect();
        let unresolved = self.input.homelab.unresolved.values().any(|u| u.node == *name);
        if runs || unresolved || others.iter().any(|s| s.project == service.project) {
            return Vec::new();
        }
        let taken: BTreeSet<&str> = others.iter().flat_map(|s| s.volumes.values()).map(|v| v.name()).collect();
        let home = self.input.live.nodes.get(&service.node).and_then(|n| n.known());
        let mut found = Vec::new();
        for volume in node.volumes.values().filter(|v| of_project(&v.identity)) {
            let Some((_, key)) = &volume.identity else { continue };
            let Some(here) = own_volume(service, key) else { continue };
            let is_home = home.is_some_and(|home| home.volumes.contains_key(&here.name));
            let is_copy = carriage(&volume.spec, here) == Carriage::Copied;
            if is_home && is_copy && !taken.contains(volume.spec.name.as_str()) {
                found.push((key.clone(), volume.spec.name.clone()));
            }
        }
        found
    }

    fn prune(&mut self, service: &'a Service, left: Left) {
        let addr = Addr { node: left.node.clone(), service: service.name.clone(), kind: left.kind, name: left.name };
        let (phase, call) = (Phase::Clean, left.call);
        let new =
            NewStep { service, addr: Some(addr.clone()), phase, call, undo: None, group: None, after: BTreeSet::new() };
        let step = self.push(new);
        self.plan.steps[step.0].node = left.node;
        self.add(PlannedChange {
            action: Action::Delete,
            reasons: vec![Reason::LeftByMove(service.node.clone())],
            steps: vec![step],
            record: Record::Nothing,
            ..forget(addr, vec![Stake::RemnantRemoved])
        });
    }
}
