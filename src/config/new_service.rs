//! Where a new service goes, by the layout of the repository, and what the topology needs to know of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::layout::{self, Expects, Spot};
use super::placement::NODE;
use super::repository::Repository;
use super::service_folder::own_name;
use super::sources::{self, Sources};
use super::topology::Topology;
use super::{registration, service};
use crate::compose::FILE_NAMES;
use crate::compose::reader::{Kind, Reader};
use crate::diagnostic::{Diagnostics, SourceMap, did_you_mean};
use crate::model::draft::{DraftFiles, OwnerIsSaid};
use crate::model::homelab::Node;
use crate::model::name::{NodeName, ServiceName};

/// The Compose file of a new service where no other shows how they are called here.
const COMPOSE_FILE: &str = "docker-compose.yml";
/// The line by which editors find the schema of a file.
const SCHEMA_LINE: &str = "# yaml-language-server: $schema=";

/// The place of a new service.
#[derive(Clone, Debug)]
pub struct NewService {
    /// Its folder.
    pub folder: PathBuf,
    /// The names of its files in it.
    pub files: DraftFiles,
    /// The node that it is for.
    pub node: Node,
    /// The variables that the repository has for it.
    pub vars: BTreeMap<String, String>,
    /// The entry that makes the node its owner.
    pub registration: Registration,
    /// The schema of service.yaml, as editors find it from its folder.
    pub schema: Option<String>,
}

/// The entry that makes a node the owner of a new service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nothing is needed: there is one node, the place says it, or the topology does already.
    NotNeeded,
    /// The topology gets an entry.
    Entry {
        /// The file.
        path: PathBuf,
        /// The text that is in it now.
        before: String,
        /// The text that is to be in it.
        after: String,
        /// The entry.
        line: String,
    },
    /// The topology needs an entry that hl cannot be sure to write well.
    ByHand {
        /// The file.
        path: PathBuf,
        /// The entry, below `services:`.
        line: String,
    },
    /// There is no topology to write it to: service.yaml says it.
    OwnFile,
}

impl Registration {
    /// Where it is said who owns the service.
    pub fn owner(&self) -> OwnerIsSaid {
        match self {
            Registration::OwnFile => OwnerIsSaid::InItsFile,
            Registration::NotNeeded | Registration::Entry { .. } | Registration::ByHand { .. } => {
                OwnerIsSaid::Elsewhere
            }
        }
    }
}

/// Why there is no place for a new service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlaced {
    /// The inventory has errors.
    #[error("the inventory has errors")]
    Inventory,
    /// No node is called so.
    #[error("there is no node `{name}`")]
    UnknownNode {
        /// The name.
        name: NodeName,
        /// The declared name that is most like it.
        similar: Option<String>,
    },
    /// There are several nodes, and none is named.
    #[error("there are several nodes, and nothing says which one is to own `{service}`")]
    NoNode {
        /// The service.
        service: ServiceName,
        /// The nodes.
        nodes: Vec<NodeName>,
    },
    /// The repository says that another node owns it.
    #[error("`{service}` is declared already, for {owner}")]
    OtherOwner {
        /// The service.
        service: ServiceName,
        /// Its owner.
        owner: NodeName,
    },
    /// It is there already.
    #[error("there is a service `{0}` already")]
    Taken(ServiceName),
    /// `services_dir` leads to no one place.
    #[error("`services_dir` has no place for a service `{0}`")]
    NoPlace(ServiceName),
    /// The place is outside of the repository.
    #[error("{} is outside of the repository", path.display())]
    Outside {
        /// The place.
        path: PathBuf,
    },
}

/// Finds the place of a new service. What is wrong with the inventory comes with it.
///
/// # Errors
/// [`NotPlaced`].
pub fn new_service(
    repository: &Repository,
    name: &ServiceName,
    node: Option<&NodeName>,
) -> (Result<NewService, NotPlaced>, Diagnostics, SourceMap) {
    let machines = sources::machines(repository.clone());
    let (found, map) = machines.diagnostics();
    let (found, map) = (found.clone(), map.clone());
    let topology = machines.topology().cloned().filter(|_| !found.has_errors());
    let Some(topology) = topology else { return (Err(NotPlaced::Inventory), found, map) };
    let (sources, _) = machines.with_services();
    (place(&sources, &topology, name, node), Diagnostics::default(), map)
}

fn place(
    sources: &Sources,
    topology: &Topology,
    name: &ServiceName,
    node: Option<&NodeName>,
) -> Result<NewService, NotPlaced> {
    if sources.services.keys().any(|service| service.whole() == *name) {
        return Err(NotPlaced::Taken(name.clone()));
    }
    let declared = topology.services.get(name).map(|(_, declaration)| declaration);
    let owner = owner(sources, declared, name, node)?;
    let spot = spot(sources, topology, declared, name, &owner)?;
    let reader = sources.repository.reader.as_ref();
    if reader.refusal(&spot.folder).is_some() {
        return Err(NotPlaced::Outside { path: spot.folder });
    }
    let prefix = spot.file.as_ref().map(|_| format!("{name}.")).unwrap_or_default();
    let file = |file: &str| own_name(&prefix, file);
    let files = DraftFiles {
        compose: spot.file.clone().unwrap_or_else(|| usual_compose_file(sources)),
        service: file("service.yaml"),
        readme: file("README.md"),
        example: file("env.example"),
        health: file("healthcheck.sh"),
    };
    let source = &sources.nodes[&owner];
    let says_owner =
        declared.is_some_and(|declared| declared.owner_node.is_some() || declared.placement.nodes.is_some());
    let registration = match sources.nodes.len() == 1 || spot.node.is_some() || says_owner {
        true => Registration::NotNeeded,
        false => register(&sources.repository, name, &owner),
    };
    let mut vars = sources.vars.clone();
    vars.extend(source.vars.clone());
    Ok(NewService {
        schema: schema(sources, &spot.folder),
        folder: spot.folder,
        files,
        node: source.node.clone(),
        vars,
        registration,
    })
}

/// The node that is asked for, that is declared, or that is the only one.
fn owner(
    sources: &Sources,
    declared: Option<&service::Declaration>,
    name: &ServiceName,
    node: Option<&NodeName>,
) -> Result<NodeName, NotPlaced> {
    let said = declared.and_then(|declared| declared.owner_node.as_ref()).map(|owner| &owner.value);
    if let (Some(owner), Some(node)) = (said, node)
        && owner != node
    {
        return Err(NotPlaced::OtherOwner { service: name.clone(), owner: owner.clone() });
    }
    let only = || sources.nodes.keys().next().filter(|_| sources.nodes.len() == 1);
    let several = || NotPlaced::NoNode { service: name.clone(), nodes: sources.nodes.keys().cloned().collect() };
    let chosen = node.or(said).or_else(only).ok_or_else(several)?;
    match sources.nodes.contains_key(chosen) {
        true => Ok(chosen.clone()),
        false => {
            let known = sources.nodes.keys().map(NodeName::as_str);
            let similar = did_you_mean(chosen.as_str(), known).map(ToString::to_string);
            Err(NotPlaced::UnknownNode { name: chosen.clone(), similar })
        }
    }
}

/// Its place: the path that the topology has for it, or the first that `services_dir` has.
fn spot(
    sources: &Sources,
    topology: &Topology,
    declared: Option<&service::Declaration>,
    name: &ServiceName,
    owner: &NodeName,
) -> Result<Spot, NotPlaced> {
    let root = &sources.repository.root;
    if let Some(path) = declared.and_then(|declared| declared.placement.path.as_ref()) {
        let below = path.value.replace(NODE, owner.as_str());
        let parts: PathBuf = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let (name, folder) = (name.as_str().to_owned(), root.join(parts));
        return Ok(Spot { name, folder, file: None, node: None, expects: Expects::ComposeFile });
    }
    let patterns: Vec<&str> = match topology.services_dir.as_slice() {
        [] => vec![layout::DEFAULT],
        patterns => patterns.iter().map(|pattern| pattern.value.as_str()).collect(),
    };
    let mut spots = patterns.iter().filter_map(|pattern| layout::new_spot(pattern, root, name.as_str(), owner));
    spots.next().ok_or_else(|| NotPlaced::NoPlace(name.clone()))
}

/// The name that most Compose files of the repository have.
fn usual_compose_file(sources: &Sources) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for service in sources.services.values() {
        let name = service.compose_files.first().and_then(|path| path.file_name()).and_then(|name| name.to_str());
        if let Some(name) = name.and_then(|name| FILE_NAMES.into_iter().find(|known| *known == name)) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(name, count)| (*count, *name == COMPOSE_FILE));
    most.map_or(COMPOSE_FILE, |(name, _)| name).to_owned()
}

/// The entry in the topology.
fn register(repository: &Repository, name: &ServiceName, owner: &NodeName) -> Registration {
    let Some(path) = sources::topology_file(repository) else { return Registration::OwnFile };
    let line = registration::entry(name, owner);
    let before = repository.reader.read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after = before.as_deref().and_then(|before| registration::with_service(before, name, owner));
    match (before, after) {
        (Some(before), Some(after)) => Registration::Entry { path, before, after, line },
        (_, _) => Registration::ByHand { path, line },
    }
}

/// The schema of service.yaml: that of the repository, or the one that a service in a folder beside it names.
fn schema(sources: &Sources, folder: &std::path::Path) -> Option<String> {
    let (reader, root) = (sources.repository.reader.as_ref(), &sources.repository.root);
    let own = root.join("schema/service.schema.json");
    if reader.kind(&own) == Kind::File {
        let depth = folder.strip_prefix(root).ok()?.components().count();
        return Some(format!("{}schema/service.schema.json", "../".repeat(depth)));
    }
    sources.services.values().find_map(|service| {
        let named = named_schema(&service.folder.join("service.yaml"), reader)?;
        let is_here = service.folder.parent() == folder.parent() || named.contains("://");
        is_here.then_some(named)
    })
}

fn named_schema(path: &std::path::Path, reader: &dyn Reader) -> Option<String> {
    let text = String::from_utf8(reader.read(path).ok()?).ok()?;
    text.lines().find_map(|line| line.strip_prefix(SCHEMA_LINE)).map(|schema| schema.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::repository;

    const APP: &str = "services: { app: { image: app } }\n";
    const ONE: &str = "version: 1\nnodes: { nas: { address: local } }\n";
    const TWO: &str = "version: 1\nnodes: { nas: { address: local }, pi: { address: 'ssh://pi' } }\n";

    fn placed(topology: &str, files: &[(&str, &str)], node: Option<&str>) -> Result<NewService, NotPlaced> {
        let files = [files, &[("inventory/topology.yaml", topology)]].concat();
        let (name, node) = (ServiceName::new("web").unwrap(), node.map(|node| NodeName::new(node).unwrap()));
        new_service(&repository(&files), &name, node.as_ref()).0
    }

    /// Folder and Compose file, and what the topology gets.
    #[track_caller]
    fn goes(topology: &str, files: &[(&str, &str)], node: Option<&str>, expected: (&str, bool)) {
        let new = placed(topology, files, node).unwrap_or_else(|error| panic!("{topology}: {error}"));
        let path = new.folder.join(&new.files.compose);
        let below = path.strip_prefix("/lab").unwrap().display().to_string();
        assert_eq!((below.as_str(), new.registration != Registration::NotNeeded), expected, "{topology}");
    }

    #[test]
    fn it_goes_where_the_others_are() {
        goes(ONE, &[], None, ("services/web/docker-compose.yml", false));
        goes(ONE, &[("services/db/compose.yaml", APP)], None, ("services/web/compose.yaml", false));
        goes(&format!("{ONE}services_dir: stacks\n"), &[], None, ("stacks/web/docker-compose.yml", false));
        goes(&format!("{ONE}services_dir: .\n"), &[], Some("nas"), ("web/docker-compose.yml", false));
        goes(&format!("{ONE}services_dir: ['*/x', 'apps/w*']\n"), &[], None, ("apps/web/docker-compose.yml", false));
        goes(&format!("{ONE}services_dir: 'apps/*.yml'\n"), &[], None, ("apps/web.yml", false));
        goes(&format!("{TWO}services_dir: '{{node}}/*'\n"), &[], Some("pi"), ("pi/web/docker-compose.yml", false));
        goes(TWO, &[], Some("pi"), ("services/web/docker-compose.yml", true));
        let declared = "services: { web: { owner_node: pi, path: here } }\n";
        goes(&format!("{TWO}{declared}"), &[], None, ("here/docker-compose.yml", false));
    }

    #[test]
    fn its_files_are_called_after_it_in_a_folder_of_several() {
        let new = placed(&format!("{ONE}services_dir: 'apps/*.yml'\n"), &[], None).unwrap();
        assert_eq!((new.files.service.as_str(), new.files.health.as_str()), ("web.service.yaml", "web.healthcheck.sh"));
    }

    #[test]
    fn what_has_no_place_says_why() {
        let why = |topology: &str, files: &[(&str, &str)], node| placed(topology, files, node).unwrap_err().to_string();
        assert_eq!(why(TWO, &[], None), "there are several nodes, and nothing says which one is to own `web`");
        assert_eq!(why(TWO, &[], Some("nsa")), "there is no node `nsa`");
        assert_eq!(why(ONE, &[("services/web/compose.yml", APP)], None), "there is a service `web` already");
        let x = format!("{ONE}services_dir: 'apps/x*'\n");
        assert_eq!(why(&x, &[], None), "`services_dir` has no place for a service `web`");
        assert_eq!(why("version: 1\nnodes: 1\n", &[], None), "the inventory has errors");
        let owned = format!("{TWO}services: {{ web: {{ owner_node: pi }} }}\n");
        assert_eq!(why(&owned, &[], Some("nas")), "`web` is declared already, for pi");
    }

    #[test]
    fn the_topology_gets_a_line_or_is_left_to_the_user() {
        let new = placed(TWO, &[], Some("pi")).unwrap();
        let Registration::Entry { after, .. } = new.registration else { panic!("{:?}", new.registration) };
        assert_eq!(after, format!("{TWO}services:\n  web: {{ owner_node: pi }}\n"));
        let new = placed(&format!("{TWO}services: ~\n"), &[], Some("pi")).unwrap();
        let line = "web: { owner_node: pi }".to_owned();
        assert_eq!(new.registration, Registration::ByHand { path: "/lab/inventory/topology.yaml".into(), line });
    }

    #[test]
    fn the_schema_is_found_from_its_folder() {
        let schema = |files: &[(&str, &str)]| placed(ONE, files, None).unwrap().schema;
        assert_eq!(schema(&[]), None);
        let own = ("schema/service.schema.json", "{}");
        assert_eq!(schema(&[own]).as_deref(), Some("../../schema/service.schema.json"));
        let other = ("services/db/service.yaml", "# yaml-language-server: $schema=https://example.org/x.json\n");
        assert_eq!(schema(&[other, ("services/db/compose.yml", APP)]).as_deref(), Some("https://example.org/x.json"));
    }
}
