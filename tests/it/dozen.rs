//! A homelab of twelve containers to change and to disturb: some numbers from which its files follow.
//!
//! Six services: a database with its dumps, a cache, a website with a job that must be done before it, a tunnel whose
//! namespace two others share, a panel with a probe, and notes. The site needs database and cache, the panel the site.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;

/// The services, each after those that it may need.
pub const SERVICES: [&str; 6] = ["db", "cache", "web", "vpn", "dash", "notes"];

/// What is declared.
#[derive(Clone)]
pub struct Dozen {
    pub services: BTreeMap<&'static str, Service>,
    /// By the name of the Compose service; no two services have the same one.
    pub units: BTreeMap<&'static str, Unit>,
}

/// A service, beside its containers.
#[derive(Clone, Default)]
pub struct Service {
    pub needs: BTreeSet<&'static str>,
    pub script: bool,
    pub stopped: bool,
}

/// A container.
#[derive(Clone)]
pub struct Unit {
    pub service: &'static str,
    pub program: Program,
    /// Networks of its service by key.
    pub networks: &'static [&'static str],
    /// Whose network namespace it uses.
    pub shares: Option<&'static str>,
    pub needs: BTreeMap<&'static str, How>,
    pub volume: Option<&'static str>,
    /// Whether the compose file has it.
    pub declared: bool,
    pub tag: u8,
    pub variable: u32,
    pub label: u32,
    pub port: Option<u16>,
    pub scratch: bool,
    /// How often its health check may fail; no health check if it is not there.
    pub retries: Option<u32>,
    pub megabytes: Option<u32>,
    pub pids: Option<u32>,
    pub restart: &'static str,
    pub alias: u32,
    /// The content of the file that it mounts from the repository.
    pub file: Option<u32>,
    /// Whether it has an init process, which a file has or has not.
    pub init: bool,
    /// Whether its health check fails.
    pub sick: bool,
    /// The number of the name that it is given; it has the one that Compose makes where it is none.
    pub named: Option<u32>,
    /// Whether it has a host name, and a driver for its log.
    pub hostname: bool,
    pub logging: bool,
}

/// What an image does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// It waits.
    Waits,
    /// It ends at once, and well.
    Ends,
}

/// How a container needs another one of its service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Started,
    Healthy,
    Completed,
    /// It restarts with it.
    Follows,
}

impl Dozen {
    /// The homelab as it begins; `port` and some after it are free.
    pub fn new(port: u16) -> Dozen {
        let service = |needs: &[&'static str], script| Service {
            needs: needs.iter().copied().collect(),
            script,
            ..Service::default()
        };
        let services = [
            ("db", service(&[], true)),
            ("cache", service(&[], false)),
            ("web", service(&["db", "cache"], true)),
            ("vpn", service(&[], false)),
            ("dash", service(&["web"], false)),
            ("notes", service(&[], false)),
        ];
        let unit = |service, networks| Unit {
            service,
            program: Program::Waits,
            networks,
            shares: None,
            needs: BTreeMap::new(),
            volume: None,
            declared: true,
            tag: 1,
            variable: 1,
            label: 1,
            port: None,
            scratch: false,
            retries: None,
            megabytes: None,
            pids: None,
            restart: "no",
            alias: 1,
            file: None,
            init: false,
            sick: false,
            named: None,
            hostname: false,
            logging: false,
        };
        let sharer = |needs: &[(&'static str, How)]| Unit {
            shares: Some("tunnel"),
            needs: needs.iter().copied().collect(),
            ..unit("vpn", &[])
        };
        let database = Unit { volume: Some("data"), retries: Some(3), megabytes: Some(64), ..unit("db", &["back"]) };
        let dumps = Unit { volume: Some("dumps"), needs: [("database", How::Healthy)].into(), ..unit("db", &["back"]) };
        let site = Unit {
            needs: [("migrate", How::Completed)].into(),
            port: Some(port),
            file: Some(1),
            restart: "unless-stopped",
            ..unit("web", &["front", "inner"])
        };
        let units = [
            ("database", database),
            ("dumps", dumps),
            ("store", Unit { pids: Some(100), ..unit("cache", &["default"]) }),
            ("migrate", Unit { program: Program::Ends, ..unit("web", &["inner"]) }),
            ("site", site),
            ("worker", Unit { needs: [("site", How::Follows)].into(), ..unit("web", &["inner"]) }),
            ("tunnel", Unit { port: Some(port + 1), restart: "always", ..unit("vpn", &["out"]) }),
            ("client", sharer(&[])),
            ("torrent", sharer(&[("client", How::Started)])),
            ("panel", Unit { retries: Some(2), port: Some(port + 2), ..unit("dash", &["default"]) }),
            ("probe", Unit { needs: [("panel", How::Healthy)].into(), ..unit("dash", &["default", "edge"]) }),
            ("notebook", Unit { file: Some(1), megabytes: Some(32), ..unit("notes", &["default"]) }),
        ];
        Dozen { services: services.into(), units: units.into() }
    }

    /// Gives each container an image name of its own, with two tags.
    pub fn tag_images(&self, lab: &Homelab, engine: &Engine) {
        for name in self.units.keys() {
            for tag in 1..=2 {
                let repository = lab.name(&format!("sample-lab/{name}"));
                let path = format!("/images/hl-test/app:{tag}/tag?repo={repository}&tag={tag}");
                engine.post(&path, &serde_json::Value::Null);
            }
        }
    }

    /// Writes all its files.
    pub fn write(&self, lab: &Homelab) {
        for name in SERVICES {
            let service = &self.services[name];
            lab.write(&format!("services/{name}/docker-compose.yml"), &self.compose(name));
            let needs: Vec<&str> = service.needs.iter().copied().collect();
            let state = if service.stopped { "stopped" } else { "running" };
            let mut text = format!("owner_node: box\nstate: {state}\ndepends_on: [{}]\n", needs.join(", "));
            if service.script {
                text += "health: { script: healthcheck.sh, interval: 50ms }\n";
                lab.write(&format!("services/{name}/healthcheck.sh"), "#!/bin/sh\nexit 0\n");
            }
            lab.write(&format!("services/{name}/service.yaml"), &text);
        }
        for (name, unit) in &self.units {
            if let Some(content) = unit.file {
                let text = format!("# settings of {name}\nlevel = {content}\n");
                lab.write(&format!("services/{}/{name}.conf", unit.service), &text);
            }
        }
    }

    /// The containers that are declared, of one service.
    pub fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = (&'static str, &'a Unit)> {
        self.declared().filter(move |(_, unit)| unit.service == service)
    }

    /// The containers that are declared.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, &Unit)> {
        self.units.iter().filter(|(_, unit)| unit.declared).map(|(name, unit)| (*name, unit))
    }

    /// The networks that a service has, by key.
    pub fn networks(&self, service: &str) -> BTreeSet<&'static str> {
        self.of(service).flat_map(|(_, unit)| unit.networks).copied().collect()
    }

    fn compose(&self, service: &str) -> String {
        let mut text = format!("name: sample-lab-{service}\nservices:\n");
        for (name, unit) in self.of(service) {
            unit.compose(name, &mut text);
        }
        text += "networks:\n";
        for network in self.networks(service) {
            // As files often have it: the default one without a word about it.
            writeln!(text, "  {network}: {{}}").expect("a text grows");
        }
        let volumes: Vec<&str> = self.of(service).filter_map(|(_, unit)| unit.volume).collect();
        for (index, volume) in volumes.iter().enumerate() {
            writeln!(text, "{}  {volume}: {{}}", if index == 0 { "volumes:\n" } else { "" }).expect("a text grows");
        }
        text
    }
}

impl Unit {
    fn compose(&self, name: &str, text: &mut String) {
        let mut line = |line: String| writeln!(text, "{line}").expect("a text grows");
        line(format!("  {name}:\n    image: sample-lab/{name}:{}\n    stop_grace_period: 1s", self.tag));
        line(format!("    environment: {{ V: \"{}\" }}\n    labels: {{ kind: \"{}\" }}", self.variable, self.label));
        line(format!("    restart: \"{}\"", self.restart));
        if self.program == Program::Ends {
            line("    command: [\"true\"]".to_owned());
        }
        match self.shares {
            Some(other) => line(format!("    network_mode: service:{other}")),
            None => {
                line("    networks:".to_owned());
                for network in self.networks {
                    line(format!("      {network}: {{ aliases: [{name}-{}] }}", self.alias));
                }
            }
        }
        if !self.needs.is_empty() {
            line("    depends_on:".to_owned());
        }
        for (needed, how) in &self.needs {
            let condition = match how {
                How::Started => "condition: service_started",
                How::Healthy => "condition: service_healthy",
                How::Completed => "condition: service_completed_successfully",
                How::Follows => "condition: service_started, restart: true",
            };
            line(format!("      {needed}: {{ {condition} }}"));
        }
        let mut mounts = Vec::new();
        mounts.extend(self.volume.map(|volume| format!("\"{volume}:/data\"")));
        mounts.extend(self.file.map(|_| format!("\"./{name}.conf:/etc/{name}.conf:ro\"")));
        mounts.extend(self.scratch.then(|| "{ type: tmpfs, target: /scratch }".to_owned()));
        if !mounts.is_empty() {
            line(format!("    volumes: [{}]", mounts.join(", ")));
        }
        if let Some(port) = self.port {
            line(format!("    ports: [\"127.0.0.1:{port}:80\"]"));
        }
        if let Some(retries) = self.retries {
            let often = "interval: 500ms, timeout: 5s";
            let test = if self.sick { "false" } else { "true" };
            line(format!("    healthcheck: {{ test: [CMD, \"{test}\"], {often}, retries: {retries} }}"));
        }
        if let Some(megabytes) = self.megabytes {
            line(format!("    mem_limit: {megabytes}m"));
        }
        if self.init {
            line("    init: true".to_owned());
        }
        if let Some(number) = self.named {
            line(format!("    container_name: sample-lab-name-{number}"));
        }
        if self.hostname {
            line("    hostname: host".to_owned());
        }
        if self.logging {
            line("    logging: { driver: json-file, options: { max-size: 10m } }".to_owned());
        }
        if let Some(pids) = self.pids {
            line(format!("    pids_limit: {pids}"));
        }
    }
}
