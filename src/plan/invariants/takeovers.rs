//! The holder releases a name, port, address or subnet before another resource takes it.

use super::subject::{Subject, removes, stops};
use super::violation::{Claim, Violation};
use crate::model::spec::{Attachment, ContainerSpec};
use crate::model::view::LiveContainer;
use crate::plan::Objection;
use crate::plan::contention::{overlap, shared_subnet};
use crate::plan::operation::Operation;
use crate::plan::step::{Step, StepId};

pub(super) fn violations(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = names(subject);
    for (start, spec) in subject.starts() {
        found.extend(ports(subject, start, spec));
        for (network, end) in &spec.networks {
            found.extend(addresses(subject, start, network, end, None));
        }
    }
    for step in &subject.plan.steps {
        if let Operation::ConnectNetwork { container, network, attachment } = &step.operation {
            found.extend(addresses(subject, step, network, attachment, Some(container)));
        }
    }
    found.extend(places(subject));
    found.extend(hints(subject));
    found
}

/// Whether the holder gives a claim up before the step that takes it; the plan may also say that it cannot be done.
fn handed_over(subject: &Subject<'_>, step: &Step, claim: Claim, holder: &str, gives: &[StepId]) -> Option<Violation> {
    let (takes, holder) = (step.id, holder.to_owned());
    if gives.is_empty() {
        let is_told = subject.objects_to(step.addr.as_ref());
        return (!is_told).then_some(Violation::KeptByHolder { takes, claim, holder });
    }
    (!subject.any_before(gives, takes)).then_some(Violation::TakenTooEarly { takes, claim, holder })
}

fn gives_name(operation: &Operation) -> bool {
    removes(operation) || matches!(operation, Operation::RenameContainer { .. })
}

fn names(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for step in &subject.plan.steps {
        let (taken, by) = match &step.operation {
            Operation::CreateContainer { name, .. } => (name, None),
            Operation::RenameContainer { container, name } => (name, Some(container)),
            _ => continue,
        };
        let Some(node) = subject.node(&step.node) else { continue };
        for live in node.containers.values().filter(|c| c.name == *taken && Some(&c.id) != by) {
            let gives = subject.steps_on(&step.node, live, gives_name);
            let claim = Claim::ContainerName(taken.clone());
            found.extend(handed_over(subject, step, claim, &live.name, &gives));
        }
    }
    found
}

fn ports(subject: &Subject<'_>, start: &Step, spec: &ContainerSpec) -> Vec<Violation> {
    let Some(node) = subject.node(&start.node) else { return Vec::new() };
    let mut found = Vec::new();
    for live in node.containers.values().filter(|live| live.status.is_up()) {
        let Some(port) = spec.ports.iter().find(|p| live.spec.ports.iter().any(|q| overlap(p, q))) else { continue };
        let gives = subject.steps_on(&start.node, live, stops);
        let claim = Claim::Port(format!("{}/{}", port.published, port.protocol));
        found.extend(handed_over(subject, start, claim, &live.name, &gives));
    }
    found
}

/// Fixed addresses. One that a container keeps is found by the engine, so only those that are given up count.
fn addresses(
    subject: &Subject<'_>,
    step: &Step,
    network: &str,
    end: &Attachment,
    by: Option<&String>,
) -> Vec<Violation> {
    let Some(node) = subject.node(&step.node) else { return Vec::new() };
    let fixed = |end: &Attachment| [end.ipv4_address.clone(), end.ipv6_address.clone()].into_iter().flatten();
    let mut found = Vec::new();
    for live in node.containers.values().filter(|live| live.status.is_up() && Some(&live.id) != by) {
        let Some(held) = live.spec.networks.get(network) else { continue };
        let leaves = subject.plan.steps.iter().filter(|s| s.node == step.node && leaves(&s.operation, live, network));
        let gives: Vec<StepId> =
            subject.steps_on(&step.node, live, stops).into_iter().chain(leaves.map(|s| s.id)).collect();
        if let Some(address) = fixed(end).find(|address| fixed(held).any(|held| held == *address))
            && !gives.is_empty()
        {
            found.extend(handed_over(subject, step, Claim::Address(address), &live.name, &gives));
        }
    }
    found
}

fn leaves(operation: &Operation, live: &LiveContainer, of: &str) -> bool {
    matches!(operation, Operation::DisconnectNetwork { container, network } if *container == live.id && network == of)
}

/// Networks and volumes that are made where one of that name, or with that address range, is removed.
fn places(subject: &Subject<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let gives = |s: &&Step| matches!(s.operation, Operation::RemoveVolume { .. } | Operation::RemoveNetwork { .. });
    let giving: Vec<&Step> = subject.plan.steps.iter().filter(gives).collect();
    for step in &subject.plan.steps {
        for giving in giving.iter().filter(|s| s.node == step.node) {
            let claim = match (&step.operation, &giving.operation) {
                (Operation::CreateVolume(spec), Operation::RemoveVolume { name }) if spec.name == *name => {
                    Some((Claim::VolumeName(name.clone()), name))
                }
                (Operation::CreateNetwork(spec), Operation::RemoveNetwork { id, name }) => {
                    let live = subject.node(&step.node).and_then(|node| node.networks.get(id));
                    let subnet = live.and_then(|live| shared_subnet(spec, &live.spec)).map(str::to_owned);
                    match subnet {
                        _ if spec.name == *name => Some((Claim::NetworkName(name.clone()), name)),
                        Some(subnet) => Some((Claim::Subnet(subnet), name)),
                        None => None,
                    }
                }
                _ => None,
            };
            if let Some((claim, holder)) = claim {
                found.extend(handed_over(subject, step, claim, holder, &[giving.id]));
            }
        }
    }
    found
}

/// Hints that tell to remove a container of a service of the homelab.
fn hints(subject: &Subject<'_>) -> Vec<Violation> {
    let is_own =
        |live: &LiveContainer| {
            let recorded = subject.input.recorded.resources.values().any(|r| r.id == live.id);
            let identity = live.identity.as_ref();
            let declared =
                identity.is_some_and(|i| {
                    subject.input.homelab.services.values().any(|s| {
                        s.project == i.project && s.containers.values().any(|c| c.compose_service == i.service)
                    })
                });
            recorded || declared
        };
    let removing = subject.plan.objections.iter().filter_map(|objection| match objection {
        Objection::NameTaken { addr, holder } if holder.owner.is_none() => {
            Some((subject.node(&addr.node)?, &holder.name))
        }
        _ => None,
    });
    let holders = removing.filter_map(|(node, name)| node.containers.values().find(|c| c.name == *name));
    holders.filter(|live| is_own(live)).map(|live| Violation::HintRemovesOwn(live.name.clone())).collect()
}
