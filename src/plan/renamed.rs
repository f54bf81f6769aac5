//! Services that come where another one was: under another name, or in another project. What cannot be told from a new
//! service beside the data of the old one is not planned until the user says what is meant.

use std::collections::BTreeSet;

use super::Block;
use super::Input;
use super::index::Index;
use super::predecessor;
use crate::diff::Change;
use crate::model::homelab::{ProjectOrigin, Service, Undeclared};
use crate::model::live_index::NodeIndex;
use crate::model::spec::MountKind;
use crate::model::view::{LiveContainer, RecordedService};
use crate::model::{Kind, ProjectName, ServiceName};

/// Why a service is not planned although nothing is wrong with it: it would be made beside what it was.
pub(super) fn block(input: &Input<'_>, index: &Index<'_>, service: &Service, changes: &[&Change]) -> Option<Block> {
    let node = index.node(&service.node)?;
    if let Some(recorded) = input.recorded.services.get(&service.name) {
        return project_changed(input, node, service, recorded);
    }
    if let Some(block) =
        env_left_behind(input, node, service, changes).or_else(|| predecessor::block(input, node, service))
    {
        return Some(block);
    }
    if !node.of_project(&service.project).is_empty() {
        return None;
    }
    let vanished = input.recorded.services.iter().filter(|(name, recorded)| {
        input.homelab.node_of(name).is_none()
            && !input.options.delete.contains(*name)
            && recorded.node == service.node
            && service.renamed_from.service() != Some(name)
    });
    let mut alike = vanished.filter(|(_, old)| is_alike(service, node.of_project(&old.project)));
    match alike.next() {
        Some((old, recorded)) => Some(Block::LooksRenamed { old: old.clone(), project: recorded.project.clone() }),
        None => undeclared(input, node, service),
    }
}

/// A service with data whose containers run already, the same ones of the same images, as a project that nothing declares
/// and hl never recorded: a copy of it would begin with nothing. Naming the project in service.yaml decides it, and so does
/// `undeclared: ignore` for a node that others use, too.
fn undeclared(input: &Input<'_>, node: &NodeIndex<'_>, service: &Service) -> Option<Block> {
    let has_data = |kind: &MountKind| match kind {
        MountKind::Volume { .. } => true,
        MountKind::Bind { source, .. } => !service.files.values().any(|file| file.path == *source),
        MountKind::Anonymous | MountKind::Tmpfs { .. } | MountKind::Image { .. } | MountKind::Other { .. } => false,
    };
    let mounts = || service.containers.values().flat_map(|c| c.spec.mounts.values());
    let writes = mounts().any(|mount| !mount.read_only && has_data(&mount.kind));
    let is_shared = input.homelab.nodes.get(&service.node).is_some_and(|n| n.undeclared == Undeclared::Ignore);
    if service.project_origin == ProjectOrigin::ServiceFile || !writes || is_shared {
        return None;
    }
    let is_taken = |project: &ProjectName| {
        input.homelab.services.values().any(|s| s.node == service.node && s.project == *project)
            || input.recorded.services.values().any(|s| s.node == service.node && s.project == *project)
    };
    let projects: BTreeSet<&ProjectName> =
        node.live.containers.values().filter_map(|live| Some(&live.identity.as_ref()?.project)).collect();
    let project = { projects }
        .into_iter()
        .find(|project| !is_taken(project) && has_the_same_containers(service, node.of_project(project)))?;
    let (project, own, node) = (project.clone(), service.project.clone(), service.node.clone());
    Some(Block::LooksUndeclared { project, own, node })
}

/// The service whose removal waits as long as another one is blocked because of it.
pub(super) fn withheld(block: &Block) -> Option<&ServiceName> {
    match block {
        Block::LooksRenamed { old, .. } | Block::EnvLeftBehind { old, .. } => Some(old),
        _ => None,
    }
}

/// A service that is to be made anew in another project while the old one has containers or volumes.
fn project_changed(
    input: &Input<'_>,
    node: &NodeIndex<'_>,
    service: &Service,
    recorded: &RecordedService,
) -> Option<Block> {
    if recorded.project == service.project || recorded.node != service.node {
        return None;
    }
    let is_others = input.homelab.services.values().any(|s| s.node == service.node && s.project == recorded.project);
    let of_project = |project: &ProjectName| *project == recorded.project;
    let has_volumes = node.live.volumes.values().any(|v| v.identity.as_ref().is_some_and(|(p, _)| of_project(p)));
    let remains = has_volumes || !node.of_project(&recorded.project).is_empty();
    (remains && !is_others).then(|| Block::ProjectChanged {
        service: service.name.clone(),
        was: recorded.project.clone(),
        now: service.project.clone(),
    })
}

/// A renamed service whose passwords are still where they were under its old name.
fn env_left_behind(input: &Input<'_>, node: &NodeIndex<'_>, service: &Service, changes: &[&Change]) -> Option<Block> {
    let mut was = changes.iter().filter_map(|change| Some(&change.renamed_from.as_ref()?.service));
    let old = was.find(|was| !input.homelab.services.contains_key(*was))?;
    let declared = input.homelab.nodes.get(&service.node)?;
    let recorded_env = format!("config/{old}/.env");
    let is_recorded = input
        .recorded
        .resources
        .keys()
        .any(|addr| addr.service == *old && addr.kind == Kind::File && addr.name == recorded_env);
    let is_there = node.live.files.contains_key(&declared.env_file(&service.name));
    (is_recorded && !is_there).then(|| Block::EnvLeftBehind {
        old: old.clone(),
        from: declared.config_dir(old),
        to: declared.config_dir(&service.name),
        node: service.node.clone(),
    })
}

/// Whether a service is, but for its name, what these containers are: it has the name or the data of one, or the same
/// containers of the same images.
fn is_alike(service: &Service, live: &[&LiveContainer]) -> bool {
    let claims = |live: &LiveContainer| {
        service.containers.values().any(|own| own.spec.name == live.name || own.spec.shares_data_with(&live.spec))
    };
    has_the_same_containers(service, live) || live.iter().any(|live| claims(live))
}

/// Whether a service has the same containers of the same images.
fn has_the_same_containers(service: &Service, live: &[&LiveContainer]) -> bool {
    let is_there = |own: &crate::model::homelab::Container| {
        live.iter().any(|live| {
            let same =
                live.identity.as_ref().is_some_and(|i| i.service == own.compose_service && i.number == own.number);
            same && live.spec.image == own.spec.image
        })
    };
    !live.is_empty() && live.len() == service.containers.len() && service.containers.values().all(is_there)
}
