//! The folders of services: as they were read, and as each is once its owner and its files are known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::layout::Expects;
use super::section::Located;
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
    /// Its Compose files in the repository.
    pub compose_files: Vec<PathBuf>,
    /// The ones of them that are named one by one, relative to its folder; none where they are found by their names.
    pub files: Vec<Located<String>>,
    /// Its env files in the repository, each above those before it, relative to its folder.
    pub env_files: Vec<EnvFile>,
    /// The name of its project where nothing says one; that of its folder by default.
    pub named_after: Option<String>,
    /// The variables of `env.example`; none without that file.
    pub env_example: Option<envfile::Assignments>,
    /// The text of that file.
    pub env_example_file: Option<FileId>,
    /// Where that file is.
    pub env_example_path: Option<PathBuf>,
    /// The variables of `secrets.env`; none without that file, or where it stays closed.
    pub secrets: Option<envfile::Assignments>,
    /// Where its encrypted variables are, or would be.
    pub secrets_file: PathBuf,
    /// How it proves that it works.
    pub health: Option<HealthScript>,
    /// A place that stands for the service as a whole.
    pub place: Option<Span>,
}

/// An env file of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, relative to the service's folder.
    pub path: String,
    /// Where it is named; none for `.env`, which need not be there.
    pub named: Option<Span>,
}

/// A folder of a service, before it is known who owns it.
#[derive(Clone)]
pub(super) struct Folder {
    pub path: PathBuf,
    /// The beginning of the names of its own files, in a folder that several services share.
    pub prefix: String,
    /// The machine that its path names.
    pub node: Option<NodeName>,
    /// Whether a Compose file is expected in it.
    pub expects: Expects,
    /// The Compose file, where the folder has several services.
    pub file: Option<Located<String>>,
    /// The Compose files that are found by their names.
    pub compose_files: Vec<PathBuf>,
    pub declaration: Declaration,
    pub env_example: Option<envfile::Assignments>,
    pub env_example_file: Option<FileId>,
    pub env_example_path: Option<PathBuf>,
    pub secrets: Option<envfile::Assignments>,
    pub place: Option<Span>,
}

/// The parts of the repository, before they are held against one another.
pub(super) struct Found {
    pub topology: Topology,
    /// The folders of each service: one, or one on each of several machines.
    pub folders: BTreeMap<ServiceName, Vec<Folder>>,
    /// Whether every inventory file could be read, so that what is not in it is not there.
    pub inventory: Inventory,
}
