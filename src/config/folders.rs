//! The folders of services: as they were read, and as each is once its owner and its files are known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::service::Declaration;
use super::topology::{Inventory, Topology};
use crate::diagnostic::{FileId, Span};
use crate::envfile;
use crate::model::homelab::HealthScript;
use crate::model::name::{NodeName, ServiceName};

/// The declaration of one service, and where its files are.
#[derive(Clone, Debug)]
pub struct ServiceSource {
    /// Its name.
    pub name: ServiceName,
    /// Its absolute folder in the repository.
    pub folder: PathBuf,
    /// The path by which what runs knows its project directory, where that leads to the same folder in another way.
    pub known_as: Option<String>,
    /// The node that owns it.
    pub node: NodeName,
    /// The keys of service.yaml and of the topology.
    pub declaration: Declaration,
    /// Its compose file and the override beside it.
    pub compose_files: Vec<PathBuf>,
    /// The variables of `env.example`; none without that file.
    pub env_example: Option<envfile::Assignments>,
    /// The text of that file.
    pub env_example_file: Option<FileId>,
    /// The variables of `secrets.env`; none without that file, or where it stays closed.
    pub secrets: Option<envfile::Assignments>,
    /// How it proves that it works.
    pub health: Option<HealthScript>,
    /// A place that stands for the service as a whole.
    pub place: Option<Span>,
}

/// A folder below `services/`, before it is known who owns it.
pub(super) struct Folder {
    pub path: PathBuf,
    pub compose_files: Vec<PathBuf>,
    pub declaration: Declaration,
    pub env_example: Option<envfile::Assignments>,
    pub env_example_file: Option<FileId>,
    pub secrets: Option<envfile::Assignments>,
    pub place: Option<Span>,
}

/// The parts of the repository, before they are held against one another.
pub(super) struct Found {
    pub topology: Topology,
    pub folders: BTreeMap<ServiceName, Folder>,
    /// Whether every inventory file could be read, so that what is not in it is not there.
    pub inventory: Inventory,
}
