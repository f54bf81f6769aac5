//! A service that is about to be written: what its files are called, and what they say.

use std::path::PathBuf;

use super::{NodeName, ServiceName};

/// A new service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDraft {
    /// Its name.
    pub name: ServiceName,
    /// The node that it is for.
    pub node: NodeName,
    /// Its Compose project.
    pub project: String,
    /// Whether its own file says who owns it, because the topology does not.
    pub owner: OwnerIsSaid,
    /// The names of its files.
    pub files: DraftFiles,
    /// Its origin.
    pub content: DraftContent,
    /// The ports of its node by which it can be asked.
    pub ports: Vec<DraftPort>,
    /// The variables that its Compose file asks for and nobody has.
    pub variables: Vec<DraftVariable>,
    /// Where its data would be on the node.
    pub data_dir: String,
    /// The schema of service.yaml, as editors find it from there.
    pub schema: Option<String>,
}

/// Where it is said who owns a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerIsSaid {
    /// In its service.yaml.
    InItsFile,
    /// In the topology, by the place of its folder, or by there being only one node.
    Elsewhere,
}

/// The names of the files of a new service, in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFiles {
    /// The Compose file.
    pub compose: String,
    /// The keys that Compose cannot say.
    pub service: String,
    /// For people.
    pub readme: String,
    /// The variables that it needs.
    pub example: String,
    /// The proof that it works.
    pub health: String,
}

/// The origin of a new service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftContent {
    /// One container of an image.
    Image(String),
    /// A Compose file, byte for byte.
    Compose(Vec<u8>),
}

/// A published TCP port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DraftPort {
    /// Where it can be asked on the node.
    pub address: String,
    /// The port of the node.
    pub published: u16,
    /// The port of the container.
    pub target: u16,
}

/// A variable of a Compose file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DraftVariable {
    /// Its name.
    pub name: String,
    /// Whether the file goes without it.
    pub need: VariableNeed,
}

/// Whether a Compose file goes without a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableNeed {
    /// It has a value of its own where the variable has none.
    Optional,
    /// It has not.
    Required,
}

/// The files that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The files, as seen from where the user stands.
    pub files: Vec<PathBuf>,
    /// The line that the topology got or is to get.
    pub registered: Registered,
}

/// The outcome for the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// Nothing; it needs nothing.
    NotNeeded,
    /// An entry.
    Entry {
        /// The file.
        path: PathBuf,
        /// The entry.
        line: String,
    },
    /// Nothing, and it needs an entry.
    ByHand {
        /// The file.
        path: PathBuf,
        /// The entry, below `services:`.
        line: String,
    },
}
