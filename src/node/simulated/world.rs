//! What is on a simulated node.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::spec::{ContainerRef, ContainerSpec, ImageConfig, ImageRef, NetworkMode, NetworkSpec};
use crate::model::view::{LiveContainer, LiveFile, LiveImage, LiveNetwork, LiveNode, LiveVolume, Status};

/// What programs of an image do when they are started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// They run and are healthy.
    #[default]
    Runs,
    /// They end at once with this code.
    Ends(u8),
    /// They run and are never healthy.
    Sick,
}

/// All that is on a simulated node.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Containers by id.
    pub containers: BTreeMap<String, LiveContainer>,
    /// Networks by id.
    pub networks: BTreeMap<String, LiveNetwork>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, LiveVolume>,
    /// Images by id.
    pub images: BTreeMap<String, LiveImage>,
    /// What can be pulled, by full reference, with what its programs do.
    pub registry: BTreeMap<String, (LiveImage, Behaviour)>,
    /// Files and directories by path.
    pub files: BTreeMap<String, LiveFile>,
    /// Ends of containers on networks: container id → network name → the network's id.
    pub(super) ends: BTreeMap<String, BTreeMap<String, String>>,
    made: u64,
}

impl World {
    /// Puts an image into the registry: its name, what it brings along, what its programs do.
    pub fn publish(&mut self, reference: &str, config: ImageConfig, behaviour: Behaviour) {
        let normal = ImageRef::new(reference).normal();
        let id = format!("sha256:{:0>64}", self.next());
        let names = BTreeSet::from([normal.clone()]);
        let image = LiveImage { id, names, config: Some(config), ..LiveImage::default() };
        self.registry.insert(normal, (image, behaviour));
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

    /// What its programs do, by the id of the image.
    pub(super) fn behaviour(&self, image_id: &str) -> Behaviour {
        self.registry.values().find(|(image, _)| image.id == image_id).map(|(_, b)| *b).unwrap_or_default()
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
        let gone = container.leans_on.iter().find(|id| !self.containers.contains_key(*id)).cloned();
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
            .filter(|(id, _)| self.containers.get(*id).is_some_and(Self::is_up))
            .flat_map(|(_, ends)| ends.values().cloned())
            .collect();
        self.networks.retain(|id, _| used.contains(id));
    }

    /// Whether a container takes part in the node's ports and networks at the moment.
    pub(super) fn is_up(container: &LiveContainer) -> bool {
        matches!(container.status, Status::Running | Status::Paused | Status::Restarting)
    }
}

/// Compose's labels as the identity that they give a container or a network.
pub(super) fn network_identity(spec: &NetworkSpec) -> Option<(crate::model::ProjectName, String)> {
    let label = |name: &str| spec.compose_labels.get(&format!("com.docker.compose.{name}")).cloned();
    Some((crate::model::ProjectName::new(label("project")?).ok()?, label("network")?))
}

/// A container's spec without what only decides how it is made.
pub(super) fn kept(spec: &ContainerSpec) -> ContainerSpec {
    let mut spec = spec.clone();
    // None of it can be seen on a container that exists.
    spec.files.clear();
    spec.mounted_files.clear();
    spec.build.clear();
    spec.built_from.clear();
    spec
}
