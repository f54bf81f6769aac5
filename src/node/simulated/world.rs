//! The content of a simulated node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file_tree::Tree;
use crate::model::spec::{
    ContainerRef, ContainerSpec, ImageConfig, ImageRef, Logging, NetworkMode, NetworkSpec, RestartPolicy, VolumeSpec,
};
use crate::model::view::{LiveContainer, LiveImage, LiveNetwork, LiveNode, LiveVolume, Status};
use crate::model::{ProjectName, Text};

/// The behaviour of an image's programs when they are started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Nothing is known of them. They run and are healthy; one that the engine is not to restart, and that is waited for
    /// longer than a service takes to prove that it runs, is taken for a job and ends with 0.
    #[default]
    Assumed,
    /// They run and are healthy.
    Runs,
    /// They end at once with this code.
    Ends(u8),
    /// They run and are never healthy.
    Sick,
}

/// An image of the registries, and the behaviour of its programs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Program {
    /// The image; one without an id gets id, name and platform when it is pulled.
    pub image: LiveImage,
    /// The behaviour of its programs when they are started.
    pub behaviour: Behaviour,
    /// Bytes of memory that they use.
    pub memory: u64,
}

/// Which images can be pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pulls {
    /// Every image: one that is not known brings nothing along, and runs.
    #[default]
    Anything,
    /// Only those that are published.
    Published,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Its platform, `os/arch`.
    pub platform: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of its disk.
    pub disk: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { platform: "linux/amd64".to_owned(), memory: 8 << 30, disk: 1 << 40 }
    }
}

/// All that is on a simulated node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct World {
    /// Containers by id.
    pub containers: BTreeMap<String, LiveContainer>,
    /// Networks by id.
    pub networks: BTreeMap<String, LiveNetwork>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, LiveVolume>,
    /// Images by id.
    pub images: BTreeMap<String, LiveImage>,
    /// Known images of the registries, by full reference.
    pub registry: BTreeMap<String, Program>,
    /// Which other images can be pulled.
    pub pulls: Pulls,
    /// Files, directories and links.
    pub files: Tree,
    /// The exit codes of scripts by the folder that they run in; others end with 0.
    pub scripts: BTreeMap<String, i32>,
    /// The machine.
    pub machine: Machine,
    /// Ends of containers on networks: container id → network name → the network's id.
    pub(super) ends: BTreeMap<String, BTreeMap<String, String>>,
    /// Addresses of running containers: network id → container id → address.
    pub(super) addresses: BTreeMap<String, BTreeMap<String, Ipv4Addr>>,
    /// Counts what was made, and seconds.
    made: u64,
}

/// Where the engine has the data of a volume.
pub(super) fn volume_directory(name: &str) -> String {
    format!("/var/lib/docker/volumes/{name}/_data")
}

impl World {
    /// Puts an image into the registry: its name, its configuration, and the behaviour of its programs.
    pub fn publish(&mut self, reference: &str, config: ImageConfig, behaviour: Behaviour) {
        let reference = ImageRef::new(reference);
        let id = format!("sha256:{:0>64}", self.next());
        let names = BTreeSet::from([reference.listed()]);
        let image = LiveImage { id, names, config: Some(config), platform: self.machine.platform.clone() };
        self.registry.insert(reference.normal(), Program { image, behaviour, memory: 0 });
    }

    /// The next second.
    pub(super) fn tick(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A fresh number, as hexadecimal text.
    pub(super) fn next(&mut self) -> String {
        self.made += 1;
        format!("{:x}", self.made)
    }

    /// The present: a second for each thing that was ever made.
    pub(super) fn time(&self) -> Option<Timestamp> {
        Timestamp::from_second(i64::try_from(self.made).ok()?).ok()
    }

    /// A fresh id of 64 hexadecimal digits, whose first twelve are fresh too.
    pub(super) fn next_id(&mut self) -> String {
        format!("{:0>12}{:0>52}", self.next(), 0)
    }

    /// The entry of the registry for an image, by the image's id; the default where there is none.
    pub(super) fn program(&self, image_id: &str) -> Program {
        self.registry.values().find(|program| program.image.id == image_id).cloned().unwrap_or_default()
    }

    /// Whether a running container may be a job.
    pub(super) fn may_be_job(&self, container: &LiveContainer) -> bool {
        let is_restarted = matches!(container.spec.restart, RestartPolicy::Always | RestartPolicy::UnlessStopped);
        let is_known = self.program(&container.image_id).behaviour != Behaviour::Assumed;
        container.status == Status::Running && container.health.is_none() && !is_restarted && !is_known
    }

    /// The image that a reference points to.
    pub(super) fn find_image(&self, reference: &ImageRef) -> Option<&LiveImage> {
        let (normal, listed) = (reference.normal(), reference.listed());
        self.images.values().find(|i| i.id == normal || i.names.contains(&normal) || i.names.contains(&listed))
    }

    /// The directories below a root that moves have left under another name.
    pub(super) fn retained(&self, root: &str) -> Vec<String> {
        let of = |place: &str| {
            let folder = format!("{root}/{place}");
            let names = self.files.list(&folder).into_iter().filter(|name| name.contains(".moved-"));
            names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
        };
        [of("data"), of("config")].concat()
    }

    /// The live view, without files.
    pub fn view(&self) -> LiveNode {
        LiveNode {
            api_version: "1.41".to_owned(),
            containers: self.containers.keys().map(|id| (id.clone(), self.shown(id))).collect(),
            networks: self.networks.clone(),
            volumes: self.volumes.clone(),
            images: self.images.clone(),
            ..LiveNode::default()
        }
    }

    /// A container as inspect shows it: with the ends whose network is gone marked as such.
    pub(super) fn shown(&self, id: &str) -> LiveContainer {
        let mut container = self.containers[id].clone();
        let ends = self.ends.get(id).into_iter().flatten();
        container.stale_networks = ends
            .filter(|(_, network)| !self.networks.contains_key(*network))
            .map(|(name, network)| (name.clone(), network.clone()))
            .collect();
        container.addresses = self
            .networks
            .values()
            .filter_map(|network| {
                let address = self.addresses.get(&network.id)?.get(id)?;
                Some((network.spec.name.clone(), address.to_string()))
            })
            .collect();
        let gone = container.shares_with.iter().find(|id| !self.containers.contains_key(*id)).cloned();
        if let (NetworkMode::Container(peer), Some(gone)) = (&mut container.spec.network_mode, gone) {
            *peer = ContainerRef::Gone(gone);
        }
        container.spec.name = container.name.clone();
        container
    }

    /// The id of a container that is named by id, by the start of its id, or by name.
    pub(super) fn find(&self, container: &str) -> Option<String> {
        let by_name = || self.containers.values().find(|c| c.name == container).map(|c| c.id.clone());
        self.containers.get(container).map(|c| c.id.clone()).or_else(by_name)
    }

    /// The id of a network that is named by id or by name.
    pub(super) fn find_network(&self, network: &str) -> Option<String> {
        let by_name = || self.networks.values().find(|n| n.spec.name == network).map(|n| n.id.clone());
        self.networks.get(network).map(|n| n.id.clone()).or_else(by_name)
    }

    /// Takes a container off all its networks, as somebody may do from outside.
    pub fn lose_networks(&mut self, container: &str) {
        self.ends.remove(container);
        if let Some(container) = self.containers.get_mut(container) {
            container.spec.networks.clear();
        }
    }

    /// Removes every network that no running container is on, as `docker network prune` does.
    pub fn remove_unused_networks(&mut self) {
        let used: BTreeSet<String> = self
            .ends
            .iter()
            .filter(|(id, _)| self.containers.get(*id).is_some_and(|c| c.status.is_up()))
            .flat_map(|(_, ends)| ends.values().cloned())
            .collect();
        self.networks.retain(|id, _| used.contains(id));
    }
}

/// Compose's labels as the identity that they give a network.
pub(super) fn network_identity(spec: &NetworkSpec) -> Option<(ProjectName, String)> {
    identity(&spec.compose_labels, "network")
}

/// Compose's labels as the identity that they give a volume.
pub(super) fn volume_identity(spec: &VolumeSpec) -> Option<(ProjectName, String)> {
    identity(&spec.compose_labels, "volume")
}

fn identity(labels: &BTreeMap<String, String>, kind: &str) -> Option<(ProjectName, String)> {
    let label = |name: &str| labels.get(&format!("com.docker.compose.{name}")).cloned();
    Some((ProjectName::new(label("project")?).ok()?, label(kind)?))
}

/// A text as an engine has it, which knows nothing of secrets.
pub(super) fn shown_text(text: &mut Text) {
    if let Some(clear) = text.expose() {
        *text = Text::plain(clear);
    }
}

/// A container's spec as the engine keeps it: without the parts that only decide how it is made, and with its log driver.
pub(super) fn kept(spec: &ContainerSpec) -> ContainerSpec {
    let mut spec = spec.clone();
    let unset = || Logging { driver: String::new(), options: BTreeMap::new() };
    let logging = spec.logging.get_or_insert_with(unset);
    if logging.driver.is_empty() {
        "json-file".clone_into(&mut logging.driver);
    }
    // None of it can be seen on a container that exists.
    spec.files.clear();
    spec.mounted_files.clear();
    spec.build.clear();
    spec.built_from.clear();
    spec.hashed = None;
    spec.change_texts(&mut shown_text);
    spec
}
