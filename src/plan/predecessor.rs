//! A service that was another one, in another project, as `renamed_from` says. Its containers are replaced one by one like
//! any that go by another address; the data of its volumes is copied first, while none of them runs, and the old volumes
//! stay. Until all of it is proven the old containers can be started again on their own data.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::StepGraph;
use super::images;
use super::operation::Operation;
use super::relocation::{self, BroughtOver};
use super::resources::own_volume;
use super::service_plan::{Context, Relocation, ServicePlan};
use super::step::{GroupId, Phase, StepId};
use super::whereabouts::{VolumeTransfer, data_name, volume_transfer};
use super::{Action, Block, Downtime, Input, PlannedChange, Reason, Record};
use crate::model::homelab::Service;
use crate::model::live_index::NodeIndex;
use crate::model::spec::{DataPlace, DataSource, VolumeSpec};
use crate::model::view::{LiveContainer, RecordedService};
use crate::model::{Addr, Kind, ServiceName};

/// The service that another one was.
pub(super) struct Predecessor<'a> {
    name: &'a ServiceName,
    containers: Vec<&'a LiveContainer>,
    /// The volumes whose data is copied, by address name: the real name of the old one, and the spec of the new one.
    volumes: BTreeMap<String, (String, &'a VolumeSpec)>,
    /// Takes the old containers back up where the new ones fail.
    group: GroupId,
}

/// The recorded service that a declared one was, where that is gone and another project.
fn recorded<'a>(input: &'a Input<'_>, service: &'a Service) -> Option<(&'a ServiceName, &'a RecordedService)> {
    let name = service.renamed_from.service()?;
    let recorded = input.recorded.services.get(name)?;
    (input.homelab.node_of(name).is_none() && recorded.project != service.project).then_some((name, recorded))
}

/// The volumes of another project that become those of a service: the real name of each, its spec, and the new one.
fn volumes<'a>(
    service: &'a Service,
    before: &'a RecordedService,
    node: &NodeIndex<'a>,
) -> impl Iterator<Item = (&'a String, &'a VolumeSpec, &'a VolumeSpec)> {
    node.live.volumes.values().filter_map(move |volume| {
        let (project, key) = volume.identity.as_ref()?;
        let here = own_volume(service, key).filter(|here| here.name != volume.spec.name)?;
        (*project == before.project).then_some((key, &volume.spec, here))
    })
}

/// Why a service cannot become what it is declared to be: what it was is on another node, or has data that hl cannot copy.
pub(super) fn block(input: &Input<'_>, node: &NodeIndex<'_>, service: &Service) -> Option<Block> {
    let (old, before) = recorded(input, service)?;
    if before.node != service.node {
        return Some(Block::RenamedElsewhere { old: old.clone(), node: before.node.clone() });
    }
    let stuck = volumes(service, before, node)
        .filter(|(_, there, here)| volume_transfer(there, here) == VolumeTransfer::Unsupported)
        .map(|(key, ..)| key.clone())
        .collect::<Vec<_>>();
    let (old, project) = (old.clone(), before.project.clone());
    (!stuck.is_empty()).then_some(Block::VolumesNotCopied { old, project, volumes: stuck })
}

impl<'a> Predecessor<'a> {
    /// The predecessor of a service, where it has data to be copied.
    pub(super) fn of(context: &Context<'a>, service: &'a Service, graph: &mut StepGraph) -> Option<Self> {
        let (name, before) = recorded(context.input, service)?;
        let node = context.index.node(&service.node)?;
        let copied = volumes(service, before, node)
            .filter(|(_, there, here)| volume_transfer(there, here) == VolumeTransfer::Copy)
            .map(|(key, there, here)| (key.clone(), (there.name.clone(), here)))
            .collect::<BTreeMap<_, _>>();
        (!copied.is_empty()).then(|| Self {
            name,
            containers: node.of_project(&before.project).to_vec(),
            volumes: copied,
            group: graph.new_group(),
        })
    }

    /// The parts that come along.
    pub(super) fn relocation(&self) -> Relocation {
        let volumes = self.volumes.keys().cloned().collect();
        Relocation { group: self.group, folders: BTreeSet::new(), volumes, stopped: BTreeMap::new() }
    }

    /// Stops the old containers and copies the data, once all that the new ones need is there.
    pub(super) fn bring_over(
        &self,
        context: &Context<'_>,
        plan: &mut ServicePlan<'a>,
        graph: &mut StepGraph,
    ) -> BroughtOver {
        let service = plan.service;
        let mut made = BroughtOver { steps: plan.prerequisite_steps.clone(), ..BroughtOver::default() };
        for container in service.containers.values() {
            made.steps.extend(images::ensure(plan, &container.spec.image, Vec::new(), graph, &mut made.out));
        }
        let mut created = BTreeMap::new();
        for (name, (_, here)) in &self.volumes {
            let create = Operation::CreateVolume(Box::new((*here).clone()));
            let addr = service.addr(Kind::Volume, name);
            created.insert(name, graph.step(service, Phase::Deploy, create).about(&addr).add());
        }
        made.steps.extend(created.values());
        let mut ready = &made.steps | &plan.dependency_steps;
        ready.insert(self.check(service, ready.clone(), graph));
        let stopped = self.stop(context, service, &ready, graph);
        let mut downtime = if stopped.is_empty() { Downtime::None } else { Downtime::Restart };
        for (name, (there, here)) in &self.volumes {
            let addr = service.addr(Kind::Volume, name);
            let (source, target) = self.route(service, there, here);
            let undo = Operation::DiscardData { source: source.clone(), target: target.clone() };
            let copy = graph.step(service, Phase::Deploy, Operation::CopyData { source, target }).about(&addr);
            let after = ready.iter().chain(stopped.values()).copied();
            let copy = copy.after(after).in_group(Some(self.group), Some(undo)).add();
            made.steps.insert(copy);
            let was = Addr { service: self.name.clone(), ..addr.clone() };
            let record = Record::applied(here.fields());
            let moved =
                PlannedChange::new(addr, Action::Move, vec![Reason::RenamedFrom(was)], vec![created[name], copy]);
            let downtime = std::mem::replace(&mut downtime, Downtime::None);
            made.out.changes.push(PlannedChange { downtime, record, ..moved });
        }
        made.steps.extend(stopped.values());
        if let Some(relocation) = &mut plan.relocation {
            relocation.stopped = stopped;
        }
        relocation::restart_begun(plan, self.group, &mut made.steps, graph);
        made
    }

    fn route(&self, service: &Service, there: &str, here: &VolumeSpec) -> (DataSource, DataPlace) {
        let place = DataPlace::Volume(there.to_owned());
        (DataSource::Node { node: service.node.clone(), place }, DataPlace::Volume(here.name.clone()))
    }

    /// There is room for the copies, and no other data in their places.
    fn check(&self, service: &Service, after: BTreeSet<StepId>, graph: &mut StepGraph) -> StepId {
        let check = Operation::CheckMove {
            from: service.node.clone(),
            data: self.volumes.values().map(|(there, here)| self.route(service, there, here)).collect(),
            mounts: Vec::new(),
            images: Vec::new(),
            containers: Vec::new(),
        };
        let addr = service.addr(Kind::Directory, data_name(service));
        graph.step(service, Phase::Deploy, check).about(&addr).after(after).add()
    }

    /// The steps that stop the old containers that run, by id.
    fn stop(
        &self,
        context: &Context<'_>,
        service: &Service,
        ready: &BTreeSet<StepId>,
        graph: &mut StepGraph,
    ) -> BTreeMap<String, StepId> {
        let up = self.containers.iter().filter(|live| live.status.is_up());
        let stops = up.map(|old| {
            let addr = context.input.changes.iter().find(|c| c.live_id.as_ref() == Some(&old.id)).map(|c| &c.addr);
            let own = service.addr(Kind::Directory, data_name(service));
            let stop = Operation::StopContainer { container: old.id.clone() };
            let start = Operation::StartContainer { container: old.id.clone() };
            let step = graph.step(service, Phase::Deploy, stop).about(addr.unwrap_or(&own));
            (old.id.clone(), step.after(ready.iter().copied()).in_group(Some(self.group), Some(start)).add())
        });
        stops.collect()
    }
}
