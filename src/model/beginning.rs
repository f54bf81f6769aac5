//! The beginning of a homelab: what a folder of Compose files and some machines would be as one.

use std::collections::{BTreeMap, BTreeSet};

use super::name::{NodeName, ProjectName};

/// The homelab that a folder and some machines would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beginning {
    /// The name of the homelab.
    pub name: String,
    /// Where its services are; none where the default finds them.
    pub services_dir: Vec<String>,
    /// The machines, with their addresses.
    pub nodes: BTreeMap<NodeName, String>,
    /// The services, each with what the topology has to say of it.
    pub services: BTreeMap<String, BegunService>,
    /// The rest, for a person to decide or to look at.
    pub left: Left,
}

/// A service as the topology would declare it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BegunService {
    /// Its folder, where no pattern leads to it.
    pub path: Option<String>,
    /// Its files, where Compose would not find them.
    pub files: Vec<String>,
    /// Its env files, where they are not `.env`.
    pub env_files: Vec<String>,
    /// The project that runs, where it is called otherwise.
    pub project: Option<ProjectName>,
    /// The folder that what runs was started from, where that is another.
    pub project_dir: Option<String>,
    /// The machines that it runs on, where its path does not say it.
    pub nodes: BTreeSet<NodeName>,
}

/// The rest, which is left for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Machines that did not answer, with why.
    pub silent: BTreeMap<NodeName, String>,
    /// Services of which nothing runs on the machines that were asked.
    pub not_running: BTreeSet<String>,
    /// Projects that run, by machine, whose files are not here, with the folder that they were started from.
    pub elsewhere: BTreeMap<(NodeName, ProjectName), String>,
    /// Containers, by machine, that no compose file made.
    pub bare: BTreeMap<NodeName, BTreeSet<String>>,
    /// Passwords that stand in compose files, by service.
    pub passwords: BTreeMap<String, BTreeSet<String>>,
    /// Whether nothing keeps `.env` files out of git.
    pub env_in_git: bool,
}
