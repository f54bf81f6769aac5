//! A repository of a few services, in values that a history changes and from which its files follow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::random::Random;

/// All that is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The services by folder.
    pub services: BTreeMap<String, Service>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The `name:` of its compose file, where it has one.
    pub name: Option<String>,
    /// The `project:` of its service.yaml, where it has one.
    pub project: Option<String>,
    /// Its containers by Compose service.
    pub containers: BTreeMap<String, Container>,
    /// The folders of the services that it depends on.
    pub needs: BTreeSet<String>,
    /// Whether it is declared stopped.
    pub stopped: bool,
    /// The third number of the subnet of its network `lan`; the engine chooses where it is none.
    pub subnet: Option<u8>,
    /// The exit code of its healthcheck.sh, where it has one.
    pub script: Option<u8>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The tag of its image.
    pub tag: u8,
    /// Its health check fails.
    pub sick: bool,
    /// It has no health check, as long as it is not sick.
    pub unchecked: bool,
    /// Its restart policy, where it has one.
    pub restart: Option<&'static str>,
    /// A variable.
    pub variable: u32,
    /// Keys that it has or has not.
    pub options: BTreeSet<&'static str>,
    /// Its `container_name`.
    pub name: Option<&'static str>,
    /// How it is on networks.
    pub network: Network,
    /// The last number of its address on `lan`.
    pub address: Option<u8>,
    /// The number of the port that it publishes.
    pub port: Option<u16>,
    /// The volume that it mounts.
    pub volume: Volume,
    /// The content of the file that it mounts.
    pub file: Option<u32>,
    /// The others of its service that it needs.
    pub needs: BTreeMap<String, How>,
}

/// How a container is on networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// On the default one.
    #[default]
    Default,
    /// On `lan`.
    Lan,
    /// On both.
    Both,
    /// In the namespace of another container of its service.
    Service(String),
    /// In the namespace of a container of this name.
    Container(&'static str),
}

/// A mounted volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    /// None.
    #[default]
    None,
    /// One of its project.
    Own,
    /// One with a name of its own.
    Named(&'static str),
}

/// How a container needs another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is started after it.
    Started,
    /// It is started when that one is healthy.
    Healthy,
    /// It restarts with it.
    Follows,
}

/// The folders that services may have.
pub const FOLDERS: [&str; 6] =
    ["sample-lab-a", "sample-lab-b", "sample-lab-c", "sample-lab-d", "sample-lab-e", "sample-lab-f"];
/// The names that containers may be given.
pub const NAMES: [&str; 4] = ["sample-lab-alpha", "sample-lab-beta", "sample-lab-gamma", "sample-lab-delta"];
/// The names that volumes may be given.
pub const VOLUMES: [&str; 2] = ["sample-lab-photos", "sample-lab-music"];
/// The Compose services.
pub const KEYS: [&str; 4] = ["web", "db", "job", "vpn"];
/// Keys that are there or not, each with its line in the compose file.
pub const OPTIONS: [(&str, &str); 8] = [
    ("hostname", "hostname: host"),
    ("init", "init: true"),
    ("shm_size", "shm_size: 32m"),
    ("mem_limit", "mem_limit: 48m"),
    ("pids_limit", "pids_limit: 200"),
    ("logging", "logging: { driver: json-file, options: { max-size: 10m } }"),
    ("labels", "labels: { kind: one }"),
    ("ulimits", "ulimits: { nofile: 1024 }"),
];

/// The restart policies.
pub const RESTARTS: [&str; 5] = ["\"no\"", "on-failure", "on-failure:3", "unless-stopped", "always"];

impl Declared {
    /// A homelab to begin with.
    pub fn random(random: &mut Random) -> Declared {
        let mut declared = loop {
            let declared = Declared::any(random);
            if declared.is_sound() {
                break declared;
            }
        };
        for claim in 0..3 {
            super::change::give(&mut declared, claim, random);
        }
        declared
    }

    /// A homelab that may contradict itself.
    fn any(random: &mut Random) -> Declared {
        let mut declared = Declared::default();
        for folder in &FOLDERS[..2 + random.below(2)] {
            let mut service = Service::default();
            for key in &KEYS[..1 + random.below(3)] {
                let mut container = Container { tag: 1, ..Container::default() };
                for (option, _) in OPTIONS {
                    if random.below(4) == 0 {
                        container.options.insert(option);
                    }
                }
                container.unchecked = random.below(4) == 0;
                if random.below(2) == 0 {
                    container.restart = random.one_of(&RESTARTS);
                }
                if random.below(3) == 0 {
                    container.volume = Volume::Own;
                }
                if random.below(4) == 0 {
                    container.file = Some(1);
                }
                if random.below(3) == 0 {
                    container.network = Network::Lan;
                }
                if let Some(earlier) = random.pick(service.containers.keys()) {
                    match random.below(6) {
                        0 => container.network = Network::Service(earlier),
                        1 => drop(container.needs.insert(earlier, How::Follows)),
                        2 => drop(container.needs.insert(earlier, How::Healthy)),
                        3 => drop(container.needs.insert(earlier, How::Started)),
                        _ => {}
                    }
                }
                service.containers.insert((*key).to_owned(), container);
            }
            if let Some(earlier) = random.pick(declared.services.keys())
                && random.below(2) == 0
            {
                service.needs.insert(earlier);
            }
            service.script = (random.below(3) == 0).then_some(0);
            service.name = (random.below(2) == 0).then(|| format!("{folder}-project"));
            declared.services.insert((*folder).to_owned(), service);
        }
        declared
    }

    /// Each container with where it is.
    pub fn containers(&self) -> impl Iterator<Item = (&String, &String, &Container)> {
        self.services.iter().flat_map(|(folder, service)| service.containers.iter().map(move |(k, c)| (folder, k, c)))
    }

    /// A container.
    pub fn container(&mut self, at: &(String, String)) -> &mut Container {
        self.services.get_mut(&at.0).and_then(|s| s.containers.get_mut(&at.1)).expect("it is declared")
    }

    /// Whether nothing in it refers to something that is not there, or claims what another one has.
    pub fn is_sound(&self) -> bool {
        let mut names = BTreeSet::new();
        let mut ports = BTreeSet::new();
        let mut subnets = BTreeSet::new();
        let mut projects = BTreeSet::new();
        self.services.iter().all(|(folder, service)| {
            let mut addresses = BTreeSet::new();
            !service.containers.is_empty()
                && projects.insert(service.project(folder))
                && service.subnet.is_none_or(|subnet| subnets.insert(subnet))
                && service.needs.iter().all(|needed| self.services.contains_key(needed) && needed != folder)
                && service.containers.iter().all(|(key, container)| {
                    let shares = matches!(container.network, Network::Service(_) | Network::Container(_));
                    let peer = match &container.network {
                        Network::Service(peer) => service
                            .containers
                            .get(peer)
                            .is_some_and(|peer| !matches!(peer.network, Network::Service(_) | Network::Container(_))),
                        Network::Container(name) => self.containers().any(|(_, _, other)| {
                            other.name == Some(*name)
                                && !matches!(other.network, Network::Service(_) | Network::Container(_))
                        }),
                        _ => true,
                    };
                    peer && container.name.is_none_or(|name| names.insert(name))
                        && container.port.is_none_or(|port| ports.insert(port))
                        && (container.port.is_none() || !shares)
                        && (!container.options.contains("hostname") || !shares)
                        && container.address.is_none_or(|address| {
                            addresses.insert(address)
                                && service.subnet.is_some()
                                && matches!(container.network, Network::Lan | Network::Both)
                        })
                        && container.needs.iter().all(|(needed, how)| {
                            let known = service.containers.get(needed).filter(|_| needed != key);
                            known.is_some_and(|needed| *how != How::Healthy || needed.is_checked())
                        })
                })
        }) && self.has_order()
    }

    /// Whether nothing waits for itself.
    fn has_order(&self) -> bool {
        let mut started: BTreeSet<(&String, &String)> = BTreeSet::new();
        loop {
            let before = started.len();
            for (folder, key, container) in self.containers() {
                let service = &self.services[folder];
                let whole = |needed: &String| {
                    self.services[needed].containers.keys().all(|key| {
                        let folder = self.services.get_key_value(needed).expect("it is there").0;
                        started.contains(&(folder, key))
                    })
                };
                let own = container.needs.keys().chain(match &container.network {
                    Network::Service(peer) => Some(peer),
                    _ => None,
                });
                let by_name = match &container.network {
                    Network::Container(name) => self
                        .containers()
                        .filter(|(_, _, c)| c.name == Some(*name))
                        .all(|(f, k, _)| started.contains(&(f, k))),
                    _ => true,
                };
                if by_name && service.needs.iter().all(whole) && { own }.all(|key| started.contains(&(folder, key))) {
                    started.insert((folder, key));
                }
            }
            if started.len() == before {
                return started.len() == self.containers().count();
            }
        }
    }

    /// The files of the repository, by path.
    pub fn files(&self, address: &str) -> BTreeMap<String, String> {
        let topology = format!("version: 1\nname: home\nnodes:\n  box: {{ address: {address} }}\n");
        let mut files = BTreeMap::from([("inventory/topology.yaml".to_owned(), topology)]);
        for (folder, service) in &self.services {
            let mut put = |name: &str, text: String| files.insert(format!("services/{folder}/{name}"), text);
            put("docker-compose.yml", service.compose());
            put("service.yaml", service.own_file());
            if let Some(code) = service.script {
                put("healthcheck.sh", format!("#!/bin/sh\nexit {code}\n"));
            }
            for (key, container) in &service.containers {
                if let Some(content) = container.file {
                    put(&format!("{key}.conf"), format!("level = {content}\n"));
                }
            }
        }
        files
    }
}

impl Service {
    /// The project that it runs as.
    pub fn project(&self, folder: &str) -> String {
        self.project.clone().or_else(|| self.name.clone()).unwrap_or_else(|| folder.to_owned())
    }

    fn own_file(&self) -> String {
        let needs: Vec<&str> = self.needs.iter().map(String::as_str).collect();
        let state = if self.stopped { "stopped" } else { "running" };
        let mut text = format!("owner_node: box\nstate: {state}\ndepends_on: [{}]\n", needs.join(", "));
        if self.script.is_some() {
            text += "health: { script: healthcheck.sh, interval: 50ms, retries: 1 }\n";
        }
        if let Some(project) = &self.project {
            writeln!(text, "project: {project}").expect("a text grows");
        }
        text
    }

    fn compose(&self) -> String {
        let mut text = self.name.as_ref().map(|name| format!("name: {name}\n")).unwrap_or_default();
        text += "services:\n";
        for (key, container) in &self.containers {
            container.compose(key, self.subnet, &mut text);
        }
        if self.containers.values().any(|c| matches!(c.network, Network::Lan | Network::Both)) {
            let lan = self.subnet.map_or("{}".to_owned(), |subnet| {
                format!("{{ ipam: {{ config: [ {{ subnet: 10.201.{subnet}.0/24 }} ] }} }}")
            });
            writeln!(text, "networks:\n  lan: {lan}").expect("a text grows");
        }
        let volumes: BTreeSet<String> = self.containers.values().filter_map(|c| c.volume.declaration()).collect();
        if !volumes.is_empty() {
            writeln!(text, "volumes:\n{}", volumes.into_iter().collect::<Vec<_>>().join("\n")).expect("a text grows");
        }
        text
    }
}

impl Volume {
    /// Its key in the compose file.
    fn key(&self) -> Option<&str> {
        match self {
            Volume::None => None,
            Volume::Own => Some("data"),
            Volume::Named(name) => Some(name.trim_start_matches("sample-lab-")),
        }
    }

    fn declaration(&self) -> Option<String> {
        match self {
            Volume::Named(name) => Some(format!("  {}: {{ name: {name} }}", self.key()?)),
            Volume::None | Volume::Own => Some(format!("  {}: {{}}", self.key()?)),
        }
    }
}

impl Container {
    /// Whether it has a health check.
    fn is_checked(&self) -> bool {
        self.sick || !self.unchecked
    }

    fn compose(&self, key: &str, subnet: Option<u8>, text: &mut String) {
        let mut line = |line: String| writeln!(text, "{line}").expect("a text grows");
        let image = if self.sick { "sample-lab/sick:1".to_owned() } else { format!("sample-lab/app:{}", self.tag) };
        line(format!("  {key}:\n    image: {image}\n    stop_grace_period: 1s"));
        line(format!("    environment: {{ V: \"{}\" }}", self.variable));
        if self.is_checked() {
            let test = if self.sick { "false" } else { "true" };
            line(format!("    healthcheck: {{ test: [CMD, \"{test}\"], interval: 300ms, timeout: 5s, retries: 1 }}"));
        }
        if let Some(policy) = self.restart {
            line(format!("    restart: {policy}"));
        }
        line(self.name.map(|name| format!("    container_name: {name}")).unwrap_or_default());
        for (option, words) in OPTIONS {
            if self.options.contains(option) {
                line(format!("    {words}"));
            }
        }
        let lan = match (self.address, subnet) {
            (Some(address), Some(subnet)) => format!("lan: {{ ipv4_address: 10.201.{subnet}.{address} }}"),
            _ => "lan: {}".to_owned(),
        };
        match &self.network {
            Network::Default => {}
            Network::Lan => line(format!("    networks: {{ {lan} }}")),
            Network::Both => line(format!("    networks: {{ default: {{}}, {lan} }}")),
            Network::Service(peer) => line(format!("    network_mode: service:{peer}")),
            Network::Container(name) => line(format!("    network_mode: container:{name}")),
        }
        if let Some(port) = self.port {
            line(format!("    ports: [\"127.0.0.1:{port}:80\"]"));
        }
        let mounts: Vec<String> = [
            self.volume.key().map(|volume| format!("\"{volume}:/data\"")),
            self.file.map(|_| format!("\"./{key}.conf:/etc/{key}.conf:ro\"")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !mounts.is_empty() {
            line(format!("    volumes: [{}]", mounts.join(", ")));
        }
        if !self.needs.is_empty() {
            line("    depends_on:".to_owned());
        }
        for (needed, how) in &self.needs {
            let condition = match how {
                How::Started => "condition: service_started",
                How::Healthy => "condition: service_healthy",
                How::Follows => "condition: service_started, restart: true",
            };
            line(format!("      {needed}: {{ {condition} }}"));
        }
    }
}
