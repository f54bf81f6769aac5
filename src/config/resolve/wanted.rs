//! Which files of the nodes count, and the drafts of services that were needed to know it.

use std::collections::BTreeMap;
use std::path::Path;

use super::overlay::Machine;
use super::{Draft, ServiceContext, machine, project_dir};
use crate::config::sources::Sources;
use crate::config::topology::NodeSource;
use crate::diagnostic::SourceMap;
use crate::model::name::{NodeName, ServiceName};
use crate::model::view::{WantContent, Wanted};

/// Services as the repository alone declares them, with every text that they were read from.
pub struct Drafts {
    pub(super) map: SourceMap,
    pub(super) services: BTreeMap<ServiceName, Draft>,
}

impl Drafts {
    /// No draft of any service.
    pub fn none(sources: &Sources) -> Self {
        Self { map: sources.map.clone(), services: BTreeMap::new() }
    }
}

/// The files to read on each node: those that hl looks after there, with the content where that counts. Which files
/// those are depends on `variables`, those of the command line; what was drafted to find out is for [`super::resolve`].
pub fn wanted(sources: &Sources, variables: &[(String, String)]) -> (BTreeMap<NodeName, Wanted>, Drafts) {
    let args: BTreeMap<String, String> = variables.iter().cloned().collect();
    let mut drafts = Drafts::none(sources);
    let nothing_yet = |node: &NodeSource| Wanted { retained_below: Some(node.node.root.clone()), ..Wanted::default() };
    let mut all: BTreeMap<NodeName, Wanted> =
        sources.nodes.iter().map(|(name, node)| (name.clone(), nothing_yet(node))).collect();
    for (name, source) in &sources.services {
        let (Some(wanted), Some(node)) = (all.get_mut(&source.node), sources.nodes.get(&source.node)) else { continue };
        wanted.add(Wanted::INTERFACES, WantContent::Yes);
        wanted.add(node.node.data_dir(name), WantContent::No);
        wanted.add(node.node.config_dir(name), WantContent::No);
        wanted.add(node.node.env_file(name), WantContent::Yes);
        let project_dir = project_dir(source, node);
        let context = ServiceContext { sources, service: source, node, facts: None, args: &args, project_dir };
        if source.declaration.project_dir.is_some() {
            context.project_env_paths().into_iter().for_each(|path| wanted.add(path, WantContent::Yes));
        }
        // Where the service is read from its own folder, there is nothing of it on the node but the above, unless the
        // node's root is in that folder.
        let is_own = source.folder == Path::new(&context.project_dir);
        if is_own && !Path::new(&node.node.root).starts_with(&source.folder) {
            continue;
        }
        let draft = context.draft_offline(&mut drafts.map);
        if let Some((service, _)) = &draft.service {
            service.directories.values().for_each(|directory| wanted.add(&directory.path, WantContent::No));
            service.files.values().for_each(|file| wanted.add(&file.path, WantContent::Yes));
        }
        drafts.services.insert(name.clone(), draft);
    }
    (all, drafts)
}

/// When something that was put on a node is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Where it is no longer declared.
    IfUndeclared,
    /// In any case.
    Always,
}

/// Adds what was put on the nodes before and may have to go, each node with its paths. What is in the repository itself
/// is not among it, however the node calls it.
pub fn add_known(
    sources: &Sources,
    wanted: &mut BTreeMap<NodeName, Wanted>,
    known: &BTreeMap<NodeName, BTreeMap<String, Known>>,
) {
    for (name, paths) in known {
        let (Some(wanted), Some(node)) = (wanted.get_mut(name), sources.nodes.get(name)) else { continue };
        for (path, known) in paths {
            let counts = *known == Known::Always || !wanted.files.contains_key(path);
            if counts && !is_in_repository(sources, node, path) {
                wanted.add(path, WantContent::Yes);
            }
        }
    }
}

fn is_in_repository(sources: &Sources, node: &NodeSource, path: &str) -> bool {
    if machine(node) == Machine::Other {
        return false;
    }
    let reader = &sources.repository.reader;
    let [root, below, path] =
        [&sources.repository.root, Path::new(&node.node.root), Path::new(path)].map(|p| reader.real(p));
    let is_of_node = below.starts_with(&root) && path.starts_with(&below);
    path.starts_with(&root) && !is_of_node
}
