//! The live and the recorded view.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::addr::Addr;
use super::begun::BegunOperation;
use super::field::Fields;
use super::name::{NodeName, ProjectName, ServiceName};
use super::spec::{ContainerSpec, ImageConfig, NetworkSpec, VolumeSpec};

pub use super::typed::{FileKind, Status};

/// The files of a node that a refresh reads, by absolute path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Each path and how much of it.
    pub files: BTreeMap<String, WantContent>,
    /// The node's root, below which directories are looked for that moves have left.
    pub retained_below: Option<String>,
}

impl Wanted {
    /// The file of a machine that lists its network interfaces.
    pub const INTERFACES: &str = "/proc/net/dev";

    /// Asks for a path; of two wishes for one path the greater one counts.
    pub fn add(&mut self, path: impl Into<String>, content: WantContent) {
        let wish = self.files.entry(path.into()).or_insert(content);
        *wish = (*wish).max(content);
    }
}

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WantContent {
    /// Kind, mode and owner.
    No,
    /// Its bytes too, if it is a file; the names in it, if it is a directory.
    Yes,
}

/// The current state of the nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveView {
    /// Each declared node.
    pub nodes: BTreeMap<NodeName, NodeView>,
}

/// The state of one node, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeView {
    /// It was read.
    Known(Box<LiveNode>),
    /// It could not be read. That is not the same as "nothing runs there".
    Unknown {
        /// Why, in one line.
        why: String,
        /// The recommended action; empty if there is none.
        hint: String,
    },
    /// It is out of service on purpose and was not asked.
    Maintenance,
}

impl NodeView {
    /// The node, if it was read.
    pub fn known(&self) -> Option<&LiveNode> {
        match self {
            NodeView::Known(node) => Some(node),
            NodeView::Unknown { .. } | NodeView::Maintenance => None,
        }
    }
}

/// A node that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveNode {
    /// The engine's API version, such as `1.41`.
    pub api_version: String,
    /// Every container, of hl's services or not, by id.
    pub containers: BTreeMap<String, LiveContainer>,
    /// Every network by id.
    pub networks: BTreeMap<String, LiveNetwork>,
    /// Every volume by name.
    pub volumes: BTreeMap<String, LiveVolume>,
    /// Every image by id.
    pub images: BTreeMap<String, LiveImage>,
    /// The files and directories that hl asked for, by absolute path; what is not there is not in it.
    pub files: BTreeMap<String, LiveFile>,
    /// The subset of the requested paths that hl may neither create nor replace on the node.
    pub not_writable: BTreeSet<String>,
    /// The requested paths that hl may not read, each with why.
    pub unreadable: BTreeMap<String, String>,
    /// Directories that moves have left under another name, by absolute path.
    pub retained_dirs: BTreeSet<String>,
    /// The home folder of the user whom hl is there, where that is another machine.
    pub home: Option<String>,
    /// By how many seconds its clock is ahead of this machine's; about 0 where both are right.
    pub clock_ahead: i64,
}

/// The files and directories that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFiles {
    /// The paths that exist, by absolute path.
    pub found: BTreeMap<String, LiveFile>,
    /// The paths that hl may neither create nor replace, whether they exist or not.
    pub not_writable: BTreeSet<String>,
    /// The requested paths that hl may not read, each with why.
    pub unreadable: BTreeMap<String, String>,
    /// Directories that moves have left under another name, by absolute path.
    pub retained_dirs: BTreeSet<String>,
    /// The home folder of the user whom hl is there, where that is another machine.
    pub home: Option<String>,
}

impl LiveNode {
    /// The image that a reference points to now: by tag, digest or id. Of a tag and a digest the
    /// digest counts, and the engine lists the image by that alone.
    pub fn image(&self, reference: &super::spec::ImageRef) -> Option<&LiveImage> {
        let (normal, listed) = (reference.normal(), reference.listed());
        self.images.values().find(|i| i.id == normal || i.names.contains(&normal) || i.names.contains(&listed))
    }

    /// The names of its network interfaces, if they could be read.
    pub fn interfaces(&self) -> Option<BTreeSet<&str>> {
        let text = std::str::from_utf8(self.files.get(Wanted::INTERFACES)?.content.as_deref()?).ok()?;
        Some(text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect())
    }

    /// The network of this name.
    pub fn network(&self, name: &str) -> Option<&LiveNetwork> {
        self.networks.values().find(|n| n.spec.name == name)
    }
}

/// Which instance of which Compose service a container is, by Compose's own labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComposeIdentity {
    /// The project.
    pub project: ProjectName,
    /// The Compose service.
    pub service: String,
    /// Which instance, from 1.
    pub number: u32,
    /// Whether it is a `compose run` container, which hl leaves alone.
    pub one_off: OneOff,
    /// The project directory that it was made from.
    pub working_dir: String,
}

/// Whether a container was made by `compose run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneOff {
    /// It belongs to its Compose service.
    No,
    /// It was run once by hand.
    Yes,
}

/// A container as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveContainer {
    /// Its id, 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of the image that it was made from.
    pub image_id: String,
    /// The identity in Compose's labels; `None` for containers that Compose did not create.
    pub identity: Option<ComposeIdentity>,
    /// Whether it runs.
    pub status: Status,
    /// The result of Docker's health check; `None` without one.
    pub health: Option<Health>,
    /// The last run of the health check, where it failed.
    #[serde(default)]
    pub failed_check: Option<FailedCheck>,
    /// When it was started last, as the engine writes it; empty if never.
    pub started_at: String,
    /// How many times its restart policy has started it again since somebody started it.
    #[serde(default)]
    pub restarts: u32,
    /// When it was made; `None` if the engine does not say.
    pub created_at: Option<Timestamp>,
    /// The spec, mapped back from inspect. For containers outside the scope of a plan it has only name,
    /// image, labels and ports.
    pub spec: ContainerSpec,
    /// Networks whose end is left over from a network that was removed: name → the id it wants.
    pub stale_networks: BTreeMap<String, String>,
    /// The ids of containers whose namespaces or volumes it uses, be they there or not.
    pub shares_with: BTreeSet<String>,
    /// The ids among them of those whose namespaces it uses.
    #[serde(default)]
    pub namespaces_of: BTreeSet<String>,
    /// Anonymous volumes: target → the engine's name of the volume.
    pub anonymous_volumes: BTreeMap<String, String>,
    /// Its IPv4 address in each network, whoever chose it.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
}

/// The result of Docker's health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not decided yet.
    Starting,
    /// It works.
    Healthy,
    /// It does not.
    Unhealthy,
}

/// A run of Docker's health check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCheck {
    /// How it ended; -1 is how the engine says that it took too long.
    pub exit_code: i64,
    /// The last lines that it wrote. May hold secrets, and whatever a program in the container likes to write.
    pub output: Vec<String>,
}

/// A network as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveNetwork {
    /// Its id.
    pub id: String,
    /// The project and key of Compose's labels; `None` for networks that no Compose made.
    pub identity: Option<(ProjectName, String)>,
    /// The spec.
    pub spec: NetworkSpec,
}

/// A volume as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveVolume {
    /// The project and key of Compose's labels; `None` for volumes that no Compose made.
    pub identity: Option<(ProjectName, String)>,
    /// The spec.
    pub spec: VolumeSpec,
}

/// An image as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveImage {
    /// Its id, `sha256:…`.
    pub id: String,
    /// Tags and digests that point to it, in full form.
    pub names: BTreeSet<String>,
    /// The configuration in the image; `None` if it was not requested.
    pub config: Option<ImageConfig>,
    /// `os/arch[/variant]`; empty if it was not asked for.
    pub platform: String,
}

/// A file or directory as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveFile {
    /// The file type.
    pub kind: FileKind,
    /// Mode bits.
    pub mode: u32,
    /// `user:group` in numbers.
    pub owner: String,
    /// Its bytes, where they were asked for. May hold secrets.
    pub content: Option<Vec<u8>>,
    /// The names in a directory, where its content was asked for; of a great many only the first.
    pub entries: Option<BTreeSet<String>>,
}

/// The most names of a directory that are told.
pub const MOST_ENTRIES: usize = 1000;

/// The state that hl applied last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedView {
    /// Counts the writes of the state.
    pub serial: u64,
    /// Each resource that hl made or adopted.
    pub resources: BTreeMap<Addr, Recorded>,
    /// Each service that has resources.
    pub services: BTreeMap<ServiceName, RecordedService>,
    /// Services that an apply was to prove, and did not come to or did not succeed with.
    pub unverified: BTreeSet<ServiceName>,
    /// Resources that an apply has begun to change and has not brought to an end. What differs on them is hl's own doing.
    pub unfinished: BTreeSet<Addr>,
    /// Steps that were begun and whose end was never written: a crash.
    pub interrupted: Vec<Interrupted>,
}

impl RecordedView {
    /// The texts of what was declared that anyone may see.
    pub fn public_texts(&self) -> impl Iterator<Item = &str> {
        let values = self.resources.values().flat_map(|recorded| recorded.declared.iter());
        values.flat_map(|(_, value)| value.public_texts())
    }
}

impl RecordedView {
    /// Lets the names of services follow those of the repository, where one that had a machine of its own comes to run on
    /// several, or the other way round: what is recorded of it on its machine is the same service.
    pub fn follow(&mut self, declared: &BTreeMap<&ServiceName, &NodeName>) {
        let mut renamed = Vec::new();
        for (name, service) in self.services.iter().filter(|(name, _)| !declared.contains_key(*name)) {
            let whole = name.whole();
            let others = || self.services.keys().filter(|other| **other != *name && other.whole() == whole).count();
            let to = match name.instance() {
                None => Some(name.on(&service.node)).filter(|instance| declared.contains_key(instance)),
                // Of several instances the one that is where the service is to be is that service; a single one moves.
                Some(_) => declared.get(&whole).filter(|node| ***node == service.node || others() == 0).map(|_| whole),
            };
            renamed.extend(to.map(|to| (name.clone(), service.node.clone(), to)));
        }
        for (from, node, to) in renamed {
            let is_it = |addr: &Addr| addr.service == from && addr.node == node;
            let rename = |addr: Addr| match is_it(&addr) {
                true => Addr { service: to.clone(), ..addr },
                false => addr,
            };
            let service = self.services.remove(&from).map(|service| (to.clone(), service));
            self.services.extend(service);
            if self.unverified.remove(&from) {
                self.unverified.insert(to.clone());
            }
            self.resources = std::mem::take(&mut self.resources).into_iter().map(|(a, r)| (rename(a), r)).collect();
            self.unfinished = std::mem::take(&mut self.unfinished).into_iter().map(rename).collect();
        }
    }
}

/// A resource as hl applied it last. No secret is in it: they are sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The engine's id or name of it; empty for files.
    pub id: String,
    /// The declared view at that time.
    pub declared: Fields,
    /// The live view right after.
    pub baseline: Fields,
    /// When, RFC 3339.
    pub applied_at: String,
}

/// A service as hl applied it last.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedService {
    /// The node that owned it.
    pub node: NodeName,
    /// The node that it was to go to when an apply began that has not ended well: it may have anything of it.
    pub relocating_to: Option<NodeName>,
    /// Its Compose project.
    pub project: ProjectName,
    /// Its project directory.
    pub project_dir: String,
    /// The services that it needed.
    pub depends_on: BTreeSet<ServiceName>,
    /// The lifecycle rules, which are kept after its folder is removed.
    pub lifecycle: super::homelab::Lifecycle,
}

impl RecordedService {
    /// The record of a declared service.
    pub fn of(service: &super::homelab::Service) -> Self {
        Self {
            node: service.node.clone(),
            relocating_to: None,
            project: service.project.clone(),
            project_dir: service.project_dir.clone(),
            depends_on: service.depends_on.keys().cloned().collect(),
            lifecycle: service.lifecycle.clone(),
        }
    }
}

/// A step that was begun and whose end is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// The subject of the step: the address of a resource, or `node/service` for a whole service.
    pub about: String,
    /// The operation that was in progress.
    pub operation: BegunOperation,
    /// When it was begun, RFC 3339.
    pub begun_at: String,
}
