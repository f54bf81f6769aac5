//! The kinds of change, in the declaration and from outside, each with what a plan should say of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Soak;
use super::expect::{Expected, container};
use crate::dozen::{Dozen, How, Program, SERVICES, Unit};

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Variable,
    Tag,
    Port,
    Label,
    Mount,
    Healthcheck,
    MemoryRaised,
    MemoryRemoved,
    Pids,
    Restart,
    Alias,
    File,
    ContainerRemoved,
    ContainerAdded,
    ServiceStopped,
    ServiceRunning,
    ContainerNeeds,
    ServiceNeeds,
    UpdateRestart,
    UpdateMemory,
    UpdatePids,
    Stop,
    Kill,
    Remove,
    Rename,
    Disconnect,
    ReconnectBare,
    ExtraNetwork,
    Retag,
    Pause,
    StopAndRemakeNetwork,
    RemoveWithNetwork,
    StartStopped,
    Conflict,
    Converged,
    Init,
    PortsSwapped,
    RestartOwner,
    Sick,
    Hostname,
    Logging,
    Named,
    NamesSwapped,
}

impl Kind {
    pub const ALL: [Kind; 43] = [
        Kind::Variable,
        Kind::Tag,
        Kind::Port,
        Kind::Label,
        Kind::Mount,
        Kind::Healthcheck,
        Kind::MemoryRaised,
        Kind::MemoryRemoved,
        Kind::Pids,
        Kind::Restart,
        Kind::Alias,
        Kind::File,
        Kind::ContainerRemoved,
        Kind::ContainerAdded,
        Kind::ServiceStopped,
        Kind::ServiceRunning,
        Kind::ContainerNeeds,
        Kind::ServiceNeeds,
        Kind::UpdateRestart,
        Kind::UpdateMemory,
        Kind::UpdatePids,
        Kind::Stop,
        Kind::Kill,
        Kind::Remove,
        Kind::Rename,
        Kind::Disconnect,
        Kind::ReconnectBare,
        Kind::ExtraNetwork,
        Kind::Retag,
        Kind::Pause,
        Kind::StopAndRemakeNetwork,
        Kind::RemoveWithNetwork,
        Kind::StartStopped,
        Kind::Conflict,
        Kind::Converged,
        Kind::Init,
        Kind::PortsSwapped,
        Kind::RestartOwner,
        Kind::Sick,
        Kind::Hostname,
        Kind::Logging,
        Kind::Named,
        Kind::NamesSwapped,
    ];
}

/// A change that was made: what it was, in words, and what the plan should say.
pub struct Made {
    pub what: String,
    pub expected: Expected,
    /// The declaration before a change that does not work; the apply of that takes all of it back.
    pub taken_back: Option<Dozen>,
}

const POLICIES: [&str; 4] = ["no", "always", "unless-stopped", "on-failure"];
/// Those that may be taken out of their compose file and put back.
const SPARE: [&str; 4] = ["dumps", "worker", "torrent", "probe"];

impl Soak {
    /// Makes a change of this kind, if there is anything that it can be done to.
    pub fn make(&mut self, kind: Kind) -> Option<Made> {
        match kind {
            Kind::Variable => self.declare(|_| true, "replace", "environment.V", |unit, _| unit.variable += 1),
            Kind::Tag => self.declare(|_| true, "replace", "image", |unit, _| unit.tag = 3 - unit.tag),
            Kind::Port => self.declare(
                |unit| unit.port.is_some(),
                "replace",
                "ports.80/tcp",
                |unit, fresh| unit.port = unit.port.map(|port| port / 10 * 10 + (fresh % 10) as u16),
            ),
            Kind::Label => self.declare(|_| true, "replace", "labels.kind", |unit, _| unit.label += 1),
            Kind::Mount => {
                self.declare(|_| true, "replace", "volumes./scratch", |unit, _| unit.scratch = !unit.scratch)
            }
            Kind::Healthcheck => self.declare(
                |unit| unit.retries.is_some(),
                "replace",
                "healthcheck.retries",
                |unit, _| unit.retries = unit.retries.map(|retries| retries % 5 + 1),
            ),
            Kind::MemoryRaised => self.declare(
                |_| true,
                "update",
                "mem_limit",
                |unit, _| unit.megabytes = Some(unit.megabytes.map_or(48, |megabytes| megabytes + 16)),
            ),
            Kind::MemoryRemoved => {
                self.declare(|unit| unit.megabytes.is_some(), "replace", "mem_limit", |unit, _| unit.megabytes = None)
            }
            Kind::Pids => self.declare(
                |_| true,
                "update",
                "pids_limit",
                |unit, _| unit.pids = if unit.pids.is_some() { None } else { Some(200) },
            ),
            Kind::Restart => self.declare(
                |unit| unit.program == Program::Waits,
                "update",
                "restart",
                |unit, fresh| unit.restart = other_policy(unit.restart, fresh),
            ),
            Kind::Alias => self.alias(),
            Kind::File => self.file(),
            Kind::ContainerRemoved => self.remove_from_file(),
            Kind::ContainerAdded => self.add_to_file(),
            Kind::ServiceStopped => self.set_state(true),
            Kind::ServiceRunning => self.set_state(false),
            Kind::ContainerNeeds => self.container_needs(),
            Kind::ServiceNeeds => self.service_needs(),
            Kind::UpdateRestart => self.outside(
                |_| true,
                |soak, name| {
                    let policy = other_policy(soak.dozen.units[name].restart, soak.random());
                    soak.update(name, &json!({"RestartPolicy": {"Name": policy}}));
                    (
                        format!("docker update --restart {policy}"),
                        "update",
                        "drift",
                        Some(("restart".to_owned(), "drift")),
                    )
                },
            ),
            Kind::UpdateMemory => self.outside(
                |_| true,
                |soak, name| {
                    let declared = soak.dozen.units[name].megabytes;
                    let bytes = u64::from(declared.unwrap_or(50) + 4) << 20;
                    soak.update(name, &json!({"Memory": bytes, "MemorySwap": 2 * bytes}));
                    let action = if declared.is_some() { "update" } else { "replace" };
                    (
                        format!("docker update --memory {bytes}"),
                        action,
                        "drift",
                        Some(("mem_limit".to_owned(), "drift")),
                    )
                },
            ),
            Kind::UpdatePids => self.outside(
                |_| true,
                |soak, name| {
                    soak.update(name, &json!({"PidsLimit": 77}));
                    let field = Some(("pids_limit".to_owned(), "drift"));
                    ("docker update --pids-limit 77".to_owned(), "update", "drift", field)
                },
            ),
            Kind::Stop => self.outside_running(|soak, name| {
                soak.call("POST", &format!("/containers/{}/stop", soak.id(name)), &Value::Null);
                ("docker stop".to_owned(), "restart", "not_running", Some(("state".to_owned(), "drift")))
            }),
            Kind::Kill => self.outside_running(|soak, name| {
                soak.call("POST", &format!("/containers/{}/kill", soak.id(name)), &Value::Null);
                let address = soak.id(name);
                soak.engine.wait_for(&address, "ended", |found| found["State"]["Running"] == false);
                ("docker kill".to_owned(), "restart", "not_running", Some(("state".to_owned(), "drift")))
            }),
            Kind::Pause => self.pause(),
            Kind::Remove => self.outside(
                |_| true,
                |soak, name| {
                    soak.call("DELETE", &format!("/containers/{}?force=1", soak.id(name)), &Value::Null);
                    ("docker rm -f".to_owned(), "create", "gone", None)
                },
            ),
            Kind::Rename => self.outside(
                |_| true,
                |soak, name| {
                    let number = soak.random() % 1000;
                    let odd = soak.lab.name(&format!("sample-lab-odd-{number}"));
                    soak.call("POST", &format!("/containers/{}/rename?name={odd}", soak.id(name)), &Value::Null);
                    ("docker rename".to_owned(), "update", "drift", Some(("name".to_owned(), "drift")))
                },
            ),
            Kind::Disconnect => self.on_network(|soak, name, network| {
                soak.disconnect(name, network);
                ("docker network disconnect", format!("networks.{network}"))
            }),
            Kind::ReconnectBare => self.on_network(|soak, name, network| {
                soak.disconnect(name, network);
                soak.connect(name, network);
                let what = "docker network disconnect and connect without aliases";
                (what, format!("networks.{network}.aliases"))
            }),
            Kind::ExtraNetwork => self.outside(
                |unit| unit.shares.is_none(),
                |soak, name| {
                    let extra = soak.lab.name("sample-lab-extra");
                    if soak.engine.get(&format!("/networks/{extra}")).is_null() {
                        soak.call("POST", "/networks/create", &json!({"Name": extra}));
                    }
                    soak.connect(name, &extra);
                    let field = format!("networks.{extra}");
                    ("docker network connect of a further one".to_owned(), "update", "drift", Some((field, "drift")))
                },
            ),
            Kind::Retag => self.outside(
                |_| true,
                |soak, name| {
                    let tag = soak.dozen.units[name].tag;
                    soak.retag(name, tag);
                    let field = Some(("image_content".to_owned(), "pending"));
                    ("docker tag of another image".to_owned(), "replace", "image_moved", field)
                },
            ),
            Kind::StopAndRemakeNetwork => self.remake_network(),
            Kind::RemoveWithNetwork => self.remove_network(),
            Kind::StartStopped => self.start_stopped(),
            Kind::Conflict => self.both_sides("conflict"),
            Kind::Converged => self.both_sides("converged"),
            Kind::Init => self.declare(|_| true, "replace", "init", |unit, _| unit.init = !unit.init),
            Kind::PortsSwapped => self.swap_ports(),
            Kind::RestartOwner => self.restart_owner(),
            Kind::Sick => self.sick(),
            Kind::Hostname => self.declare(
                |unit| unit.shares.is_none(),
                "replace",
                "hostname",
                |unit, _| unit.hostname = !unit.hostname,
            ),
            Kind::Logging => self.logging(),
            Kind::Named => self.name(),
            Kind::NamesSwapped => self.swap_names(),
        }
    }

    /// Changes one number of one container's declaration.
    fn declare(
        &mut self,
        fits: impl Fn(&Unit) -> bool,
        action: &'static str,
        field: &str,
        change: impl Fn(&mut Unit, u64),
    ) -> Option<Made> {
        let (name, fresh) = (self.pick(fits)?, self.random());
        let old = self.dozen.units[name].port;
        change(self.dozen.units.get_mut(name).expect("it is there"), fresh);
        let taken = self
            .dozen
            .units
            .iter()
            .any(|(other, unit)| *other != name && unit.port.is_some() && unit.port == self.dozen.units[name].port);
        if taken || field.starts_with("ports") && old == self.dozen.units[name].port {
            self.dozen.units.get_mut(name).expect("it is there").port = old;
            return None;
        }
        let reason = if field == "state" { "declared_stopped" } else { "declared" };
        let mut expected = Expected::default();
        expected.add(container(&self.dozen, name), action, reason, Some((field, "pending")));
        self.made(format!("{field} of {name} changed"), expected)
    }

    /// The driver is the engine's own: to add it changes nothing, but what was declared once is not the engine's to keep.
    fn logging(&mut self) -> Option<Made> {
        let name = self.pick(|_| true)?;
        let unit = self.dozen.units.get_mut(name).expect("it is there");
        unit.logging = !unit.logging;
        let fields: &[&str] = if unit.logging { &["logging.max-size"] } else { &["logging", "logging.max-size"] };
        let mut expected = Expected::default();
        for field in fields {
            expected.add(container(&self.dozen, name), "replace", "declared", Some((field, "pending")));
        }
        self.made(format!("logging of {name} changed"), expected)
    }

    fn alias(&mut self) -> Option<Made> {
        let name = self.pick(|unit| !unit.networks.is_empty())?;
        let unit = self.dozen.units.get_mut(name).expect("it is there");
        unit.alias += 1;
        let (service, networks) = (unit.service, unit.networks);
        let mut expected = Expected::default();
        for network in networks {
            let field = format!("networks.{}.aliases", self.network(service, network));
            expected.add(container(&self.dozen, name), self.rewired(name), "declared", Some((&field, "pending")));
        }
        self.made(format!("alias of {name} changed"), expected)
    }

    fn file(&mut self) -> Option<Made> {
        let name = self.pick(|unit| unit.file.is_some())?;
        let unit = self.dozen.units.get_mut(name).expect("it is there");
        unit.file = unit.file.map(|content| content + 1);
        let action = if self.dozen.services[unit.service].stopped { "refresh" } else { "restart" };
        let mut expected = Expected::default();
        let field = format!("mounted_files.{name}.conf");
        expected.add(container(&self.dozen, name), action, "file_changed", Some((&field, "pending")));
        self.made(format!("{name}.conf changed"), expected)
    }

    fn remove_from_file(&mut self) -> Option<Made> {
        let name = self.pick_named(|name, _| SPARE.contains(&name))?;
        let unit = self.dozen.units[name].clone();
        let before = self.dozen.networks(unit.service);
        self.dozen.units.get_mut(name).expect("it is there").declared = false;
        let mut expected = Expected::default();
        let reason = "no_longer_declared";
        expected.add(container(&self.dozen, name), "delete", reason, None);
        for network in before.difference(&self.dozen.networks(unit.service)) {
            expected.add(format!("box/{}/network:{network}", unit.service), "delete", reason, None);
        }
        if let Some(volume) = unit.volume {
            expected.add(format!("box/{}/volume:{volume}", unit.service), "refresh", reason, None);
        }
        self.made(format!("{name} is no longer declared"), expected)
    }

    fn add_to_file(&mut self) -> Option<Made> {
        let away: Vec<&'static str> = SPARE.into_iter().filter(|name| !self.dozen.units[name].declared).collect();
        let name = self.one_of(&away)?;
        let unit = self.dozen.units[name].clone();
        let before = self.dozen.networks(unit.service);
        self.dozen.units.get_mut(name).expect("it is there").declared = true;
        let mut expected = Expected::default();
        expected.add(container(&self.dozen, name), "create", "new", None);
        for network in self.dozen.networks(unit.service).difference(&before) {
            expected.add(format!("box/{}/network:{network}", unit.service), "create", "new", None);
        }
        if let Some(volume) = unit.volume {
            expected.add(format!("box/{}/volume:{volume}", unit.service), "adopt", "unrecorded", None);
        }
        self.made(format!("{name} is declared"), expected)
    }

    fn set_state(&mut self, stopped: bool) -> Option<Made> {
        let fitting: Vec<&'static str> =
            SERVICES.into_iter().filter(|name| self.dozen.services[name].stopped != stopped).collect();
        let name = self.one_of(&fitting)?;
        self.dozen.services.get_mut(name).expect("it is there").stopped = stopped;
        let mut expected = Expected::default();
        let reason = if stopped { "declared_stopped" } else { "declared_running" };
        let live = self.live();
        for (unit, _) in self.dozen.of(name) {
            let waits = self.dozen.units[unit].program == Program::Waits;
            // A job that was made anew while its service was stopped has yet to be done.
            let never_ran = live.get(unit).is_some_and(|live| live["State"]["Status"] == "created");
            if waits || !stopped && never_ran {
                expected.add(container(&self.dozen, unit), "restart", reason, Some(("state", "pending")));
            }
        }
        self.made(format!("{name} is declared {}", if stopped { "stopped" } else { "running" }), expected)
    }

    fn container_needs(&mut self) -> Option<Made> {
        let pairs = [("torrent", "client"), ("worker", "migrate"), ("dumps", "database")];
        let (name, needed) = self.one_of(&pairs)?;
        let there = self.dozen.units[name].declared && self.dozen.units[needed].declared;
        if !there {
            return None;
        }
        let needs = &mut self.dozen.units.get_mut(name).expect("it is there").needs;
        match needs.remove(needed) {
            Some(_) => {}
            None if needed == "migrate" => drop(needs.insert(needed, How::Completed)),
            None => drop(needs.insert(needed, How::Started)),
        }
        self.made(format!("{name} needs {needed}, or no longer does"), Expected::default())
    }

    fn service_needs(&mut self) -> Option<Made> {
        let later = self.one_of(&SERVICES[1..])?;
        let earlier: Vec<&'static str> = SERVICES.into_iter().take_while(|name| *name != later).collect();
        let needed = self.one_of(&earlier)?;
        let needs = &mut self.dozen.services.get_mut(later).expect("it is there").needs;
        if !needs.insert(needed) {
            needs.remove(needed);
        }
        self.made(format!("{later} needs {needed}, or no longer does"), Expected::default())
    }

    fn made(&self, what: String, expected: Expected) -> Option<Made> {
        self.dozen.write(&self.lab);
        Some(Made { what, expected: expected.with_consequences(&self.dozen, &BTreeSet::new()), taken_back: None })
    }

    /// Two containers change their ports.
    fn swap_ports(&mut self) -> Option<Made> {
        let (one, other) = self.pick_two(|unit| unit.port.is_some())?;
        let (mine, theirs) = (self.dozen.units[one].port, self.dozen.units[other].port);
        let mut expected = Expected::default();
        for (name, port) in [(one, theirs), (other, mine)] {
            self.dozen.units.get_mut(name).expect("it is there").port = port;
            let addr = container(&self.dozen, name);
            expected.add(addr, "replace", "declared", Some(("ports.80/tcp", "pending")));
        }
        self.made(format!("{one} and {other} change their ports"), expected)
    }

    /// Two containers change their names.
    fn swap_names(&mut self) -> Option<Made> {
        let (one, other) = self.pick_two(|unit| unit.named.is_some())?;
        let (mine, theirs) = (self.dozen.units[one].named, self.dozen.units[other].named);
        let mut expected = Expected::default();
        for (name, named) in [(one, theirs), (other, mine)] {
            self.dozen.units.get_mut(name).expect("it is there").named = named;
            self.expect_name(name, &mut expected);
        }
        self.made(format!("{one} and {other} change their names"), expected)
    }

    /// A container gets a name of its own, or gives it up.
    fn name(&mut self) -> Option<Made> {
        let (name, fresh) = (self.pick(|_| true)?, self.random());
        let unit = self.dozen.units.get_mut(name).expect("it is there");
        unit.named = if unit.named.is_some() { None } else { Some((fresh % 100_000) as u32) };
        let mut expected = Expected::default();
        self.expect_name(name, &mut expected);
        self.made(format!("name of {name} changed"), expected)
    }

    /// Another name of a container is another name on each of its networks.
    fn expect_name(&self, name: &str, expected: &mut Expected) {
        let (unit, addr) = (&self.dozen.units[name], container(&self.dozen, name));
        let action = if unit.networks.is_empty() { "update" } else { self.rewired(name) };
        expected.add(addr.clone(), action, "declared", Some(("name", "pending")));
        for network in unit.networks {
            let field = format!("networks.{}.aliases", self.network(unit.service, network));
            expected.add(addr.clone(), action, "declared", Some((&field, "pending")));
        }
    }

    /// A container gets a health check that it does not pass.
    fn sick(&mut self) -> Option<Made> {
        let stopped: Vec<&'static str> =
            SERVICES.into_iter().filter(|name| self.dozen.services[name].stopped).collect();
        let name = self.pick(|unit| unit.retries.is_some() && !stopped.contains(&unit.service))?;
        let before = self.dozen.clone();
        self.dozen.units.get_mut(name).expect("it is there").sick = true;
        let mut expected = Expected::default();
        let addr = container(&self.dozen, name);
        expected.add(addr, "replace", "declared", Some(("healthcheck.test", "pending")));
        let made = self.made(format!("{name} does not get healthy"), expected)?;
        Some(Made { taken_back: Some(before), ..made })
    }
}

/// Another restart policy.
pub fn other_policy(policy: &str, fresh: u64) -> &'static str {
    let others: Vec<&'static str> = POLICIES.into_iter().filter(|other| *other != policy).collect();
    others[fresh as usize % others.len()]
}
