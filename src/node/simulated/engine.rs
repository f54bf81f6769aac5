//! The engine's rules, as far as a plan can meet them. Each refusal is one that the real engine gives.

use std::collections::{BTreeMap, BTreeSet};

use super::super::NewContainer;
use super::super::error::ErrorKind;
use super::file_tree::file_error;
use super::world::{Behaviour, Pulls, World, kept, network_identity, shown_text, volume_directory, volume_identity};
use crate::model::ProjectName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, ContainerRef, ContainerSpec, ImageRef, MountKind, NetworkMode, NetworkSpec,
    SharedPart, VolumeSpec, content_digest,
};
use crate::model::view::{ComposeIdentity, Health, LiveContainer, LiveImage, LiveNetwork, LiveVolume, OneOff, Status};

impl World {
    pub(super) fn pull(&mut self, reference: &ImageRef) -> Result<(), ErrorKind> {
        let (normal, listed) = (reference.normal(), reference.listed());
        if self.pulls == Pulls::Published && !self.registry.contains_key(&normal) {
            return Err(ErrorKind::NotFound(format!("manifest for {reference} not found")));
        }
        let platform = self.machine.platform.clone();
        let image = &mut self.registry.entry(normal.clone()).or_default().image;
        if image.id.is_empty() {
            let config = image.config.take().unwrap_or_default();
            let (id, names) = (content_digest(normal.as_bytes()), BTreeSet::from([listed]));
            *image = LiveImage { id, names, config: Some(config), platform };
        }
        let image = image.clone();
        for other in self.images.values_mut() {
            other.names.retain(|name| !image.names.contains(name));
        }
        self.images.insert(image.id.clone(), image);
        Ok(())
    }

    pub(super) fn build(&mut self, reference: &ImageRef) -> String {
        let id = format!("sha256:{:0>64}", self.next());
        let image = LiveImage {
            id: id.clone(),
            names: [reference.normal()].into(),
            config: Some(Default::default()),
            platform: self.machine.platform.clone(),
        };
        self.images.insert(id.clone(), image);
        id
    }

    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> Result<String, ErrorKind> {
        if self.find_network(&spec.name).is_some() {
            return Err(ErrorKind::Conflict(format!("network with name {} already exists", spec.name)));
        }
        let mut spec = spec.clone();
        self.give_subnet(&mut spec)?;
        let id = self.next_id();
        spec.labels.values_mut().for_each(shown_text);
        let network = LiveNetwork { id: id.clone(), identity: network_identity(&spec), spec };
        self.networks.insert(id.clone(), network);
        Ok(id)
    }

    pub(super) fn remove_network(&mut self, network: &str) -> Result<(), ErrorKind> {
        let Some(id) = self.find_network(network) else { return Ok(()) };
        let name = self.networks[&id].spec.name.clone();
        let used = self.ends.iter().any(|(container, ends)| {
            ends.values().any(|n| *n == id) && self.containers.get(container).is_some_and(|c| c.status.is_up())
        });
        if used {
            return Err(ErrorKind::Conflict(format!(
                "error while removing network: network {name} has active endpoints"
            )));
        }
        self.networks.remove(&id);
        Ok(())
    }

    pub(super) fn create_volume(&mut self, spec: &VolumeSpec) {
        if self.volumes.contains_key(&spec.name) {
            return;
        }
        let now = self.tick();
        self.files.make_directory(&volume_directory(&spec.name), now).expect("the engine's folder is its own");
        let mut spec = spec.clone();
        spec.labels.values_mut().chain(spec.driver_opts.values_mut()).for_each(shown_text);
        self.volumes.insert(spec.name.clone(), LiveVolume { identity: volume_identity(&spec), spec });
    }

    pub(super) fn remove_volume(&mut self, name: &str) -> Result<(), ErrorKind> {
        let user = self
            .containers
            .values()
            .find(|c| c.anonymous_volumes.values().any(|v| v == name) || c.spec.volumes().any(|volume| volume == name));
        if let Some(user) = user {
            return Err(ErrorKind::Conflict(format!("remove {name}: volume is in use - [{}]", user.id)));
        }
        self.drop_volume(name);
        Ok(())
    }

    fn drop_volume(&mut self, name: &str) {
        if self.volumes.remove(name).is_some() {
            self.files.remove(volume_directory(name).trim_end_matches("/_data"));
        }
    }

    pub(super) fn create_container(&mut self, new: &NewContainer<'_>) -> Result<String, ErrorKind> {
        if self.containers.values().any(|c| c.name == new.name) {
            return Err(ErrorKind::Conflict(format!("The container name \"/{}\" is already in use", new.name)));
        }
        let Some(image) = self.find_image(&new.spec.image).cloned() else {
            return Err(ErrorKind::NotFound(format!("No such image: {}", new.spec.image)));
        };
        refuse_what_the_owner_has(new.spec)?;
        let (shares_with, namespaces_of) = self.shared_with(new)?;
        let mut ends = BTreeMap::new();
        for name in new.spec.networks.keys() {
            let id = self.find_network(name).ok_or_else(|| ErrorKind::NotFound(format!("network {name} not found")))?;
            ends.insert(name.clone(), id);
        }
        let id = self.next_id();
        let spec = kept(&new.spec.with_image(&image.config.unwrap_or_default()));
        let anonymous: Vec<String> =
            spec.mounts.iter().filter(|(_, m)| m.kind == MountKind::Anonymous).map(|(t, _)| t.clone()).collect();
        let mut anonymous_volumes = BTreeMap::new();
        for target in anonymous {
            let volume = new.inherited_volumes.get(&target).cloned().unwrap_or_else(|| format!("{:f>64}", self.next()));
            self.create_volume(&VolumeSpec { name: volume.clone(), ..VolumeSpec::default() });
            anonymous_volumes.insert(target, volume);
        }
        for mount in new.spec.mounts.values() {
            if let MountKind::Volume { source, .. } = &mount.kind {
                self.create_volume(&VolumeSpec { name: source.clone(), ..VolumeSpec::default() });
            }
        }
        self.make_bound(&spec)?;
        let container = LiveContainer {
            id: id.clone(),
            name: new.name.to_owned(),
            image_id: image.id,
            identity: identity(&spec),
            status: Status::Created,
            health: None,
            failed_check: None,
            started_at: String::new(),
            restarts: 0,
            created_at: self.time(),
            spec,
            stale_networks: Default::default(),
            shares_with,
            namespaces_of,
            anonymous_volumes,
            addresses: Default::default(),
        };
        self.containers.insert(id.clone(), container);
        self.ends.insert(id.clone(), ends);
        Ok(id)
    }

    /// Makes missing directories of the node that a container mounts, where it does not demand that they exist.
    fn make_bound(&mut self, spec: &ContainerSpec) -> Result<(), ErrorKind> {
        for mount in spec.mounts.values() {
            let MountKind::Bind { source, must_exist, .. } = &mount.kind else { continue };
            match (self.files.exists(source), must_exist) {
                (true, _) => {}
                (false, true) => {
                    let why =
                        format!("invalid mount config for type \"bind\": bind source path does not exist: {source}");
                    return Err(ErrorKind::Engine { status: 400, message: why });
                }
                (false, false) => {
                    let now = self.tick();
                    self.files.make_directory(source, now).map_err(|error| file_error(source, &error))?;
                }
            }
        }
        Ok(())
    }

    /// The containers whose namespaces or volumes a new one shares, and those of them whose namespaces; they must exist.
    fn shared_with(&self, new: &NewContainer<'_>) -> Result<(BTreeSet<String>, BTreeSet<String>), ErrorKind> {
        let (mut all, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
        for (part, other) in new.spec.shares() {
            let name = match other {
                ContainerRef::Service(service) => new.peers.get(service).cloned().unwrap_or_default(),
                ContainerRef::Name(name) | ContainerRef::Gone(name) => name.clone(),
            };
            let id = self.find(&name).ok_or_else(|| ErrorKind::NotFound(format!("No such container: {name}")))?;
            all.insert(id.clone());
            if part == SharedPart::Namespace {
                namespaces.insert(id);
            }
        }
        Ok((all, namespaces))
    }

    fn get(&mut self, container: &str) -> Result<&mut LiveContainer, ErrorKind> {
        let id = self.find(container);
        let found = id.and_then(|id| self.containers.get_mut(&id));
        found.ok_or_else(|| ErrorKind::NotFound(format!("No such container: {container}")))
    }

    pub(super) fn inspect(&self, container: &str) -> Result<LiveContainer, ErrorKind> {
        let id = self.find(container).ok_or_else(|| ErrorKind::NotFound(format!("No such container: {container}")))?;
        Ok(self.shown(&id))
    }

    pub(super) fn start(&mut self, container: &str) -> Result<(), ErrorKind> {
        let wanted = self.get(container)?.clone();
        match wanted.status {
            Status::Running => return Ok(()),
            Status::Paused => {
                return Err(ErrorKind::Conflict("cannot start a paused container, try unpause instead".to_owned()));
            }
            _ => {}
        }
        for id in &wanted.namespaces_of {
            let peer = self.containers.get(id);
            let peer = peer.ok_or_else(|| ErrorKind::NotFound(format!("No such container: {id}")))?;
            if peer.status != Status::Running {
                return Err(ErrorKind::Conflict(format!("cannot join network of a non running container: {id}")));
            }
        }
        for network in self.ends.get(&wanted.id).into_iter().flatten().map(|(_, id)| id) {
            if !self.networks.contains_key(network) {
                return Err(ErrorKind::NotFound(format!("network {network} not found")));
            }
        }
        let taken = self.containers.values().filter(|c| c.id != wanted.id && c.status.is_up()).find_map(|c| {
            let clash = |p: &&crate::model::spec::Port| {
                c.spec.ports.iter().any(|q| q.published == p.published && q.protocol == p.protocol)
            };
            wanted.spec.ports.iter().filter(|p| !p.published.is_empty()).find(clash)
        });
        if let Some(port) = taken {
            let message = format!("Bind for 0.0.0.0:{} failed: port is already allocated", port.published);
            return Err(ErrorKind::Engine { status: 500, message });
        }
        self.give_addresses(&wanted.id)?;
        let behaviour = self.program(&wanted.image_id).behaviour;
        let container = self.get(container)?;
        container.started_at = jiff::Timestamp::now().to_string();
        let checked = container.spec.healthcheck.as_ref().is_some_and(|c| !c.is_disabled());
        (container.status, container.health) = match behaviour {
            Behaviour::Runs | Behaviour::Assumed => (Status::Running, checked.then_some(Health::Healthy)),
            Behaviour::Sick => (Status::Running, checked.then_some(Health::Unhealthy)),
            Behaviour::Ends(code) => (Status::Exited { code: i64::from(code) }, None),
        };
        if !container.status.is_up() {
            self.take_addresses(&wanted.id);
        }
        Ok(())
    }

    pub(super) fn stop(&mut self, container: &str) -> Result<(), ErrorKind> {
        let container = self.get(container)?;
        if container.status.is_up() {
            container.status = Status::Exited { code: 137 };
            container.health = None;
            let id = container.id.clone();
            self.take_addresses(&id);
        }
        Ok(())
    }

    /// A container ends by itself, and well.
    pub(super) fn end(&mut self, container: &str) -> Result<(), ErrorKind> {
        let container = self.get(container)?;
        container.status = Status::Exited { code: 0 };
        let id = container.id.clone();
        self.take_addresses(&id);
        Ok(())
    }

    pub(super) fn unpause(&mut self, container: &str) -> Result<(), ErrorKind> {
        let container = self.get(container)?;
        if container.status == Status::Paused {
            container.status = Status::Running;
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, container: &str, name: &str) -> Result<(), ErrorKind> {
        if self.containers.values().any(|c| c.name == name) {
            return Err(ErrorKind::Conflict(format!("The container name \"/{name}\" is already in use")));
        }
        name.clone_into(&mut self.get(container)?.name);
        Ok(())
    }

    pub(super) fn remove_container(&mut self, container: &str, volumes: AnonymousVolumes) {
        let Some(id) = self.find(container) else { return };
        self.ends.remove(&id);
        self.take_addresses(&id);
        let Some(gone) = self.containers.remove(&id) else { return };
        if volumes == AnonymousVolumes::Remove {
            for volume in gone.anonymous_volumes.values() {
                self.drop_volume(volume);
            }
        }
    }

    /// Only limits and the restart policy follow, and a limit cannot be taken away.
    pub(super) fn update(&mut self, container: &str, spec: &ContainerSpec) -> Result<(), ErrorKind> {
        let live = &mut self.get(container)?.spec;
        live.restart = spec.restart.clone();
        live.pids_limit = spec.pids_limit;
        let limits = [
            (&mut live.mem_limit, spec.mem_limit),
            (&mut live.mem_reservation, spec.mem_reservation),
            (&mut live.memswap_limit, spec.memswap_limit),
            (&mut live.nano_cpus, spec.nano_cpus),
            (&mut live.cpu_shares, spec.cpu_shares),
            (&mut live.cpu_quota, spec.cpu_quota),
            (&mut live.cpu_period, spec.cpu_period),
        ];
        for (live, wanted) in limits {
            if wanted.is_some() {
                *live = wanted;
            }
        }
        if spec.cpuset.is_some() {
            live.cpuset = spec.cpuset.clone();
        }
        Ok(())
    }

    pub(super) fn connect(&mut self, container: &str, network: &str, end: &Attachment) -> Result<(), ErrorKind> {
        let not_found = || ErrorKind::NotFound(format!("network {network} not found"));
        let network_id = self.find_network(network).ok_or_else(not_found)?;
        let name = self.networks[&network_id].spec.name.clone();
        let id = self.get(container)?.id.clone();
        let ends = self.ends.entry(id.clone()).or_default();
        if ends.contains_key(&name) {
            return Err(ErrorKind::Conflict(format!(
                "endpoint with name {container} already exists in network {name}"
            )));
        }
        ends.insert(name.clone(), network_id);
        let live = self.get(container)?;
        live.spec.networks.insert(name, end.clone());
        match live.status.is_up() {
            true => self.give_addresses(&id),
            false => Ok(()),
        }
    }

    pub(super) fn disconnect(&mut self, container: &str, network: &str) -> Result<(), ErrorKind> {
        let id = self.get(container)?.id.clone();
        let by_id = |(_, end): &(&String, &String)| end.as_str() == network;
        let ends = self.ends.entry(id.clone()).or_default();
        let name = match ends.contains_key(network) {
            true => network.to_owned(),
            false => ends.iter().find(by_id).map(|(name, _)| name.clone()).unwrap_or_default(),
        };
        let removed = ends.remove(&name);
        if removed.is_none() {
            return Err(ErrorKind::Conflict(format!("container {container} is not connected to network {network}")));
        }
        if let Some(network) = removed {
            self.addresses.entry(network).or_default().remove(&id);
        }
        self.get(container)?.spec.networks.remove(&name);
        Ok(())
    }
}

/// Refuses a container that uses the network of another one and asks for what belongs to that one.
fn refuse_what_the_owner_has(spec: &ContainerSpec) -> Result<(), ErrorKind> {
    let NetworkMode::Container(_) = spec.network_mode else { return Ok(()) };
    let asked = [
        ("hostname", spec.hostname.is_some()),
        ("dns", !spec.dns.is_empty()),
        ("custom host-to-IP mapping", !spec.extra_hosts.is_empty()),
        ("mac-address", spec.mac_address.is_some()),
        ("port publishing", !spec.ports.is_empty()),
        ("port exposing", !spec.expose.is_empty()),
    ];
    match asked.into_iter().find(|(_, is_asked)| *is_asked) {
        None => Ok(()),
        Some((what, _)) => {
            let message = format!("conflicting options: {what} and the container type network mode");
            Err(ErrorKind::Engine { status: 400, message })
        }
    }
}

/// Which instance of which Compose service the labels say that it is.
fn identity(spec: &ContainerSpec) -> Option<ComposeIdentity> {
    let label = |name: &str| spec.compose_labels.get(&format!("com.docker.compose.{name}")).cloned();
    Some(ComposeIdentity {
        project: ProjectName::new(label("project")?).ok()?,
        service: label("service")?,
        number: label("container-number").and_then(|n| n.parse().ok()).unwrap_or(1),
        one_off: if label("oneoff").as_deref() == Some("True") { OneOff::Yes } else { OneOff::No },
        working_dir: label("project.working_dir").unwrap_or_default(),
    })
}
