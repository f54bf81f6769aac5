//! A service that goes to another node: its old containers stop, its data is copied, the new ones prove themselves, and only
//! then is the old place cleared. Until then the old ones can come back.

use std::collections::BTreeSet;

use super::build::{Builder, NewStep, Site};
use super::container::applied;
use super::place::forget;
use super::step::{AnonymousVolumes, Call, GroupId, Phase, StepId};
use super::{Action, Downtime, PlannedChange, Reason, Record};
use crate::diff::Change;
use crate::model::homelab::Service;
use crate::model::view::Status;
use crate::model::{Addr, Kind, NodeName};

/// Where a service comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin<'a> {
    /// The node that had it.
    node: NodeName,
    /// What of it is there.
    changes: Vec<&'a Change>,
    /// Takes the old containers back up where the new ones fail.
    pub(super) group: GroupId,
}

/// The name of a service's data among its directories.
pub(super) fn data_name(service: &Service) -> String {
    format!("data/{}", service.name)
}

/// The name of what lies beside the files of the repository on a node.
pub(super) fn config_name(service: &Service) -> String {
    format!("config/{}", service.name)
}

impl<'a> Builder<'a> {
    /// Parts what is on the service's own node from what is on the one that it comes from.
    pub(super) fn origin(&mut self, service: &Service, changes: &[&'a Change]) -> Option<Origin<'a>> {
        let elsewhere: Vec<&Change> = changes.iter().filter(|c| c.addr.node != service.node).copied().collect();
        let node = elsewhere.first()?.addr.node.clone();
        Some(Origin { node, changes: elsewhere, group: self.new_group() })
    }

    /// Brings over what persons have put beside the files of the repository, the `.env` above all: the data depends on the
    /// passwords in it. Nothing stops for that, and what the repository says is laid over it afterwards.
    pub(super) fn bring_config(&mut self, site: &mut Site<'a>, origin: &Origin<'a>) {
        let name = config_name(site.service);
        let roots = [&origin.node, &site.service.node].map(|node| self.input.homelab.nodes.get(node).map(|n| &n.root));
        let [Some(old), Some(new)] = roots else { return };
        let (source, target) = (format!("{old}/{name}"), format!("{new}/{name}"));
        let below = format!("{name}/");
        let has_any = origin.changes.iter().any(|c| c.addr.name.starts_with(&below));
        if !has_any || site.node.files.contains_key(&target) {
            return;
        }
        let call = Call::CopyData { from: origin.node.clone(), source, target };
        let addr = Some(site.service.addr(Kind::Directory, &name));
        let (phase, after) = (Phase::Prepare, BTreeSet::new());
        let new = NewStep { service: site.service, addr: addr.clone(), phase, call, undo: None, group: None, after };
        let step = self.push(new);
        site.ground.insert(step);
        self.add(PlannedChange {
            addr: site.service.addr(Kind::Directory, &name),
            action: Action::Move,
            reasons: vec![Reason::OwnerChanged(origin.node.clone())],
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps: vec![step],
            record: match site.service.directories.get(&name) {
                Some(spec) => applied(spec.fields()),
                None => Record::Nothing,
            },
        });
    }

    /// Whether a folder of the service is copied from another node: the data always, the configuration where there is any.
    pub(super) fn brings(&self, site: &Site<'a>, name: &str) -> bool {
        let addr = Some(site.service.addr(Kind::Directory, name));
        let copies = |s: &super::step::Step| matches!(s.call, Call::CopyData { .. }) && s.addr == addr;
        name == data_name(site.service) || self.plan.steps.iter().any(copies)
    }

    /// Stops the old containers and copies the data, once all that the new ones need is there.
    pub(super) fn bring_over(&mut self, site: &mut Site<'a>, origin: &Origin<'a>) {
        for container in site.service.containers.values() {
            let image = &container.spec.image;
            let declared = site.service.images.get(image.as_str());
            let step = self.image_step(site, image, declared, Vec::new());
            site.ground.extend(step);
        }
        let live = self.input.live.nodes.get(&origin.node).and_then(|n| n.known());
        let of_containers = origin.changes.iter().filter(|c| c.addr.kind == Kind::Container);
        let running: Vec<String> = of_containers
            .filter_map(|change| live?.containers.get(change.live_id.as_ref()?))
            .filter(|c| matches!(c.status, Status::Running | Status::Restarting | Status::Paused))
            .map(|c| c.id.clone())
            .collect();
        let mut steps = Vec::new();
        for container in running {
            let undo = Some(Call::StartContainer { container: container.clone() });
            let call = Call::StopContainer { container };
            let after = site.ground.iter().chain(&site.gate).copied().collect();
            steps.push(self.on_origin(site, origin, Phase::Deploy, call, undo, after));
        }
        let name = data_name(site.service);
        let target = site.service.directories.get(&name).map(|d| d.path.clone());
        let root = self.input.homelab.nodes.get(&origin.node).map(|n| n.root.clone());
        // What is in place there already was copied and proven equal by an apply that was cut off later.
        if let (Some(target), Some(root)) = (target, root)
            && !site.node.files.contains_key(&target)
        {
            let source = format!("{root}/{name}");
            let call = Call::CopyData { from: origin.node.clone(), source, target: target.clone() };
            let new = NewStep {
                service: site.service,
                addr: Some(site.service.addr(Kind::Directory, &name)),
                phase: Phase::Deploy,
                call,
                undo: Some(Call::DiscardData { path: target }),
                group: Some(origin.group),
                after: steps.iter().chain(&site.ground).copied().collect(),
            };
            steps.push(self.push(new));
        }
        site.ground.extend(&steps);
        let record = match (steps.last(), site.service.directories.get(&name)) {
            (Some(last), Some(spec)) if matches!(self.plan.steps[last.0].call, Call::CopyData { .. }) => {
                applied(spec.fields())
            }
            _ => Record::Nothing,
        };
        let stops = steps.iter().any(|id| matches!(self.plan.steps[id.0].call, Call::StopContainer { .. }));
        self.add(PlannedChange {
            addr: site.service.addr(Kind::Directory, &name),
            action: Action::Move,
            reasons: vec![Reason::OwnerChanged(origin.node.clone())],
            fields: Vec::new(),
            downtime: if stops { Downtime::Restart } else { Downtime::None },
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps,
            record,
        });
    }

    /// Clears the old place once the service is proven to work in the new one. Its data stays, under another name.
    pub(super) fn clear_origin(&mut self, site: &Site<'a>, origin: &Origin<'a>) {
        let proven = self.services.get(&site.service.name).map(|s| s.verified.clone());
        // What is declared stopped has nothing to prove but that it was copied.
        let proof: BTreeSet<StepId> = proven.filter(|steps| !steps.is_empty()).unwrap_or_else(|| site.ground.clone());
        let mut gone = proof.clone();
        for change in origin.changes.iter().filter(|c| c.addr.kind == Kind::Container) {
            let Some(id) = change.live_id.clone() else {
                self.add(forget(change.addr.clone(), Vec::new()));
                continue;
            };
            let call = Call::RemoveContainer { container: id, volumes: AnonymousVolumes::Keep };
            let step = self.on_origin(site, origin, Phase::Clean, call, None, proof.clone());
            gone.insert(step);
            self.add(self.cleared(&change.addr, site.service, vec![step]));
        }
        let live = self.input.live.nodes.get(&origin.node).and_then(|n| n.known());
        for change in origin.changes.iter().filter(|c| c.addr.kind != Kind::Container) {
            let network = change.live_id.as_ref().and_then(|id| live?.networks.get(id));
            match (change.addr.kind, network) {
                (Kind::Network, Some(network)) => {
                    let call = Call::RemoveNetwork { id: network.id.clone(), name: network.spec.name.clone() };
                    let step = self.on_origin(site, origin, Phase::Clean, call, None, gone.clone());
                    self.add(self.cleared(&change.addr, site.service, vec![step]));
                }
                (Kind::Directory, _)
                    if [data_name(site.service), config_name(site.service)].contains(&change.addr.name) =>
                {
                    let root = self.input.homelab.nodes.get(&origin.node).map_or("", |n| n.root.as_str());
                    let call = Call::SetAside { path: format!("{root}/{}", change.addr.name) };
                    let step = self.on_origin(site, origin, Phase::Clean, call, None, gone.clone());
                    let kept = format!(
                        "{} stays on {} as {}.moved-DATE; remove it when you no longer need it.",
                        change.addr.name, origin.node, change.addr.name
                    );
                    let mut kept = forget(change.addr.clone(), vec![kept]);
                    kept.reasons = vec![Reason::MovedTo(site.service.node.clone())];
                    kept.steps = vec![step];
                    self.add(kept);
                }
                _ => self.add(forget(change.addr.clone(), Vec::new())),
            }
        }
    }

    fn cleared(&self, addr: &Addr, service: &Service, steps: Vec<StepId>) -> PlannedChange {
        PlannedChange {
            addr: addr.clone(),
            action: Action::Delete,
            reasons: vec![Reason::MovedTo(service.node.clone())],
            fields: Vec::new(),
            downtime: Downtime::None,
            dependents: Vec::new(),
            data_at_stake: Vec::new(),
            live_id: None,
            steps,
            record: Record::Forget,
        }
    }

    fn on_origin(
        &mut self,
        site: &Site<'a>,
        origin: &Origin<'a>,
        phase: Phase,
        call: Call,
        undo: Option<Call>,
        after: BTreeSet<StepId>,
    ) -> StepId {
        let group = undo.is_some().then_some(origin.group);
        let addr = Some(site.service.addr(Kind::Directory, data_name(site.service)));
        let step = self.push(NewStep { service: site.service, addr, phase, call, undo, group, after });
        self.plan.steps[step.0].node = origin.node.clone();
        step
    }
}
