//! The homelab: all that the repository declares, with every variable in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::addr::{Addr, Kind};
use super::backup::{BackupPolicy, BackupRepository};
use super::name::{NodeName, ProjectName, ServiceName};
use super::spec::{BuildSpec, ContainerSpec, DirectorySpec, FileSpec, ImageRef, NetworkSpec, PullPolicy, VolumeSpec};
use super::trust::{Contact, SecretSettings};

/// All that the repository declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Homelab {
    /// Its name.
    pub name: String,
    /// The machines.
    pub nodes: BTreeMap<NodeName, Node>,
    /// The services.
    pub services: BTreeMap<ServiceName, Service>,
    /// Services that are declared but whose declaration could not be resolved, because their node
    /// (or what they need of it) is unknown. They are not planned, and never planned away.
    pub unresolved: BTreeMap<ServiceName, Unresolved>,
    /// Where backups go.
    pub backup: Option<BackupRepository>,
}

impl Homelab {
    /// The node that owns a service, whether the service could be resolved or not.
    pub fn node_of(&self, service: &ServiceName) -> Option<&NodeName> {
        let resolved = self.services.get(service).map(|s| &s.node);
        resolved.or_else(|| self.unresolved.get(service).map(|u| &u.node))
    }
}

/// Why a declared service has no resources to plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The node that owns it.
    pub node: NodeName,
    /// Why, in words.
    pub why: String,
}

/// A machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// How to reach it.
    pub address: NodeAddress,
    /// The folder on it that hl works in: `data/`, `config/`, `backups/`.
    pub root: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Steps at once.
    pub parallelism: usize,
    /// Whether it is out of service on purpose.
    pub maintenance: Maintenance,
    /// How long it may take to answer, in milliseconds.
    pub connect_timeout_ms: u64,
    /// The treatment of projects on it that no service declares.
    pub undeclared: Undeclared,
    /// Whether it may be asked at all.
    pub contact: Contact,
}

impl Node {
    /// The folder of a service's own files.
    pub fn config_dir(&self, service: &ServiceName) -> String {
        format!("{}/config/{service}", self.root)
    }

    /// The folder of a service's data.
    pub fn data_dir(&self, service: &ServiceName) -> String {
        format!("{}/data/{service}", self.root)
    }

    /// The env file of a service, which people may change.
    pub fn env_file(&self, service: &ServiceName) -> String {
        format!("{}/.env", self.config_dir(service))
    }
}

/// Whether a node is out of service on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Maintenance {
    /// In service.
    #[default]
    Off,
    /// Out of service: not read, not changed.
    On,
}

/// The treatment of projects on a node that no service declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undeclared {
    /// A plan names them, and a service that looks like one of them is not made a second time.
    #[default]
    Report,
    /// They are somebody else's: a plan does not look at them.
    Ignore,
}

/// How a node is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeAddress {
    /// This machine, at Docker's usual socket.
    Local,
    /// This machine, at a socket of its own.
    Unix {
        /// Path of the engine's socket.
        path: String,
    },
    /// Another machine over SSH.
    Ssh {
        /// User; absent is what `~/.ssh/config` says.
        user: Option<String>,
        /// Host name, alias or address.
        host: String,
        /// Port; absent is what `~/.ssh/config` says.
        port: Option<u16>,
    },
    /// An engine behind TLS.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A node in memory.
    Simulated,
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeAddress::Local => f.write_str("local"),
            NodeAddress::Unix { path } => write!(f, "unix://{path}"),
            NodeAddress::Ssh { user, host, port } => {
                f.write_str("ssh://")?;
                user.iter().try_for_each(|user| write!(f, "{user}@"))?;
                f.write_str(&bracketed(host))?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))
            }
            NodeAddress::Tcp { host, port } => write!(f, "tcp://{}:{port}", bracketed(host)),
            NodeAddress::Simulated => f.write_str("simulated"),
        }
    }
}

/// How hl reaches the files and the programs of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They are those of the machine that hl runs on.
    ThisMachine,
    /// By the shell of a user there, who may be allowed to become root.
    RemoteShell,
    /// In memory.
    Memory,
    /// Not at all: nothing but the engine answers.
    EngineOnly,
}

impl NodeAddress {
    /// How its files and programs are reached.
    pub fn access(&self) -> Access {
        match self {
            NodeAddress::Local | NodeAddress::Unix { .. } => Access::ThisMachine,
            NodeAddress::Ssh { .. } => Access::RemoteShell,
            NodeAddress::Simulated => Access::Memory,
            NodeAddress::Tcp { .. } => Access::EngineOnly,
        }
    }
}

/// A host as an address has it: IPv6 in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// A service: one Compose project on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// A description of its purpose.
    pub description: String,
    /// The node that owns it.
    pub node: NodeName,
    /// Nodes that may take it over.
    pub backup_nodes: Vec<NodeName>,
    /// The services that it needs.
    pub depends_on: BTreeMap<ServiceName, Condition>,
    /// Whether it is to run.
    pub state: RunState,
    /// How it proves that it works.
    pub health: Option<HealthScript>,
    /// How its containers are replaced.
    pub update: Update,
    /// The backup policy; absent if none is declared.
    pub backup: Option<BackupPolicy>,
    /// The lifecycle rules.
    pub lifecycle: Lifecycle,
    /// Its Compose project.
    pub project: ProjectName,
    /// Where the name of its project is from.
    pub project_origin: ProjectOrigin,
    /// The project directory on the node.
    pub project_dir: String,
    /// Directories on the node, by address name.
    pub directories: BTreeMap<String, DirectorySpec>,
    /// Files on the node, by address name.
    pub files: BTreeMap<String, FileSpec>,
    /// Paths of the node of which the repository does not tell what is to be there: folders of too many files, and files
    /// that cannot be read here.
    pub left_alone: BTreeSet<String>,
    /// Images by reference.
    pub images: BTreeMap<String, Image>,
    /// Networks by key in the compose file.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key in the compose file.
    pub volumes: BTreeMap<String, Volume>,
    /// Containers by address name (`web`, `web#2`).
    pub containers: BTreeMap<String, Container>,
    /// Compose services that a profile disables; their containers are nobody's orphans.
    pub disabled: BTreeSet<String>,
    /// Its origin, as the user says.
    pub renamed_from: RenamedFrom,
    /// The settings that a value of secret origin went into.
    pub secret_settings: SecretSettings,
}

/// The origin of a service or of its containers, where nothing but the user can know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenamedFrom {
    /// All of it was another service.
    Service(ServiceName),
    /// Some of its containers, by address name, were others: the service and the address name of each.
    Containers(BTreeMap<String, (ServiceName, String)>),
}

impl Default for RenamedFrom {
    fn default() -> Self {
        RenamedFrom::Containers(BTreeMap::new())
    }
}

impl RenamedFrom {
    /// The service that all of it was.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            RenamedFrom::Service(service) => Some(service),
            RenamedFrom::Containers(_) => None,
        }
    }

    /// The origin of one of its containers: a service, and the address name there.
    pub fn container<'a>(&'a self, name: &'a str) -> Option<(&'a ServiceName, &'a str)> {
        match self {
            RenamedFrom::Service(service) => Some((service, name)),
            RenamedFrom::Containers(containers) => containers.get(name).map(|(service, key)| (service, key.as_str())),
        }
    }
}

impl Service {
    /// The address of one of its resources.
    pub fn addr(&self, kind: Kind, name: impl Into<String>) -> Addr {
        Addr { node: self.node.clone(), service: self.name.clone(), kind, name: name.into() }
    }
}

/// The condition that a dependency must meet before its dependents proceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Its containers are started.
    Started,
    /// It has proved that it works.
    #[default]
    Healthy,
    /// It has ended without an error.
    Completed,
}

/// Whether something is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunState {
    /// It runs.
    #[default]
    Running,
    /// Its containers exist and do not run.
    Stopped,
}

/// A script that proves that a service works, run on its node. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthScript {
    /// Its path in the repository, for people.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Public variables that it gets: `vars` of the homelab and of its node. What the service's env
    /// file says comes before them.
    pub variables: BTreeMap<String, String>,
    /// Between tries.
    pub interval_ms: u64,
    /// For one try.
    pub timeout_ms: u64,
    /// Tries before it counts as failed.
    pub retries: u32,
    /// Before the first try.
    pub start_period_ms: u64,
}

/// How containers are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which of the two runs first.
    pub order: UpdateOrder,
    /// The action if the new one cannot be verified.
    pub rollback: Rollback,
    /// The greatest change of version that is proposed; any if nothing is said.
    pub allow: Option<super::version::Level>,
}

impl Default for Update {
    fn default() -> Self {
        Self { order: UpdateOrder::Auto, rollback: Rollback::On, allow: None }
    }
}

/// Which of two containers runs first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateOrder {
    /// Start first where neither a port, a fixed address nor data is shared; else stop first.
    #[default]
    Auto,
    /// The old one stops before the new one starts.
    StopFirst,
    /// The new one is verified before the old one stops.
    StartFirst,
}

/// Whether the old container comes back when the new one cannot be verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rollback {
    /// It comes back.
    #[default]
    On,
    /// It does not.
    Off,
}

/// The lifecycle rules of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Whether hl may remove or replace what holds its data.
    pub protect: Protect,
    /// Fields that are left as they are: `container:server/environment.TZ`.
    pub ignore_changes: Vec<String>,
    /// The treatment of its data when it is removed.
    pub on_delete: OnDelete,
}

/// Whether something is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protect {
    /// It is not.
    #[default]
    Off,
    /// Nothing that would destroy it is planned.
    On,
}

/// The treatment of the data of a removed service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// It is packed into the node's `backups/`.
    #[default]
    Archive,
    /// It stays where it is.
    Keep,
    /// It is deleted.
    Delete,
}

/// An image that a service needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The reference.
    pub reference: ImageRef,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// When it is pulled.
    pub pull: PullPolicy,
    /// The inputs of its build, if it is built.
    pub build: Option<BuildSpec>,
}

/// Where the name of a Compose project is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProjectOrigin {
    /// The `name:` of the compose file, or the folder.
    #[default]
    Compose,
    /// `project:` in service.yaml: somebody has decided.
    ServiceFile,
}

/// A network that a service uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// The service makes it.
    Own(NetworkSpec),
    /// It must be there.
    External {
        /// Its real name.
        name: String,
    },
}

/// A volume that a service uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// The service makes it.
    Own(VolumeSpec),
    /// It must be there.
    External {
        /// Its real name.
        name: String,
    },
}

impl Volume {
    /// Its real name.
    pub fn name(&self) -> &str {
        match self {
            Volume::Own(spec) => &spec.name,
            Volume::External { name } => name,
        }
    }
}

/// A container of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The Compose service that it is an instance of.
    pub compose_service: String,
    /// Which instance, from 1.
    pub number: u32,
    /// The spec.
    pub spec: ContainerSpec,
    /// The Compose services of the same project that it needs.
    pub depends_on: BTreeMap<String, ContainerDependency>,
    /// Whether ending with 0 is what it is for.
    pub role: Role,
}

/// A dependency inside a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerDependency {
    /// The condition that the dependency must meet.
    pub condition: Condition,
    /// Whether the dependent restarts when it is replaced or restarted.
    pub restart: DependentRestart,
    /// Whether a failure of it holds the dependent back.
    pub required: Required,
}

/// Whether a dependent restarts with its dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependentRestart {
    /// It does not.
    #[default]
    Off,
    /// It does.
    On,
}

/// Whether a dependency is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// It is.
    #[default]
    Yes,
    /// A failure is only a warning.
    No,
}

/// Whether a container runs for good or does one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It is to go on running.
    #[default]
    Daemon,
    /// It does its job and ends with 0: `restart: no` and somebody waits for its completion, or it
    /// ended so the last time.
    OneShot,
}
