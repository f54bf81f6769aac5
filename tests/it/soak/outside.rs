//! What somebody does to the node behind hl's back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Soak;
use super::change::{Made, other_policy};
use super::expect::{Expected, container};
use crate::dozen::{Program, SERVICES, Unit};

/// What was done to a container: in words, the action, the reason and the field with its verdict that are expected.
pub type Done = (String, &'static str, &'static str, Option<(String, &'static str)>);

impl Soak {
    /// Does something to one container.
    pub fn outside(
        &mut self,
        fits: impl Fn(&Unit) -> bool,
        act: impl Fn(&mut Soak, &'static str) -> Done,
    ) -> Option<Made> {
        let name = self.pick(fits)?;
        let (what, action, reason, field) = act(self, name);
        let mut expected = Expected::default();
        let field = field.as_ref().map(|(field, verdict)| (field.as_str(), *verdict));
        expected.add(container(&self.dozen, name), action, reason, field);
        self.done(format!("{what} of {name}"), expected)
    }

    /// Does something to one container that runs.
    pub fn outside_running(&mut self, act: impl Fn(&mut Soak, &'static str) -> Done) -> Option<Made> {
        let running = self.running();
        let name = self.one_of(&running)?;
        let services: Vec<&str> = self.stopped_services();
        debug_assert!(!services.contains(&self.dozen.units[name].service));
        let (what, action, reason, field) = act(self, name);
        let mut expected = Expected::default();
        let field = field.as_ref().map(|(field, verdict)| (field.as_str(), *verdict));
        expected.add(container(&self.dozen, name), action, reason, field);
        self.done(format!("{what} of {name}"), expected)
    }

    /// Does something to one end of a container on a network.
    pub fn on_network(&mut self, act: impl Fn(&Soak, &str, &str) -> (&'static str, String)) -> Option<Made> {
        let name = self.pick(|unit| !unit.networks.is_empty())?;
        let (service, networks) = (self.dozen.units[name].service, self.dozen.units[name].networks);
        let key = self.one_of(networks)?;
        let network = self.network(service, key);
        let (what, field) = act(self, name, &network);
        let mut expected = Expected::default();
        expected.add(container(&self.dozen, name), self.rewired(name), "drift", Some((&field, "drift")));
        self.done(format!("{what} of {name}"), expected)
    }

    /// The action on a container that leaves a network, or gets it back.
    pub fn rewired(&self, name: &str) -> &'static str {
        if self.running().contains(&name) { "restart" } else { "update" }
    }

    /// Pauses a container. It has lost nothing, so nobody restarts with it.
    pub fn pause(&mut self) -> Option<Made> {
        let running = self.running();
        let name = self.one_of(&running)?;
        self.call("POST", &format!("/containers/{}/pause", self.id(name)), &Value::Null);
        let addr = container(&self.dozen, name);
        let mut expected = Expected::default();
        expected.add(addr.clone(), "restart", "not_running", Some(("state", "drift")));
        let expected = expected.with_consequences(&self.dozen, &BTreeSet::from([addr]));
        Some(Made { what: format!("docker pause of {name}"), expected, taken_back: None })
    }

    /// Restarts the container whose namespace others use: they are cut off from it.
    pub fn restart_owner(&mut self) -> Option<Made> {
        let running = self.running();
        let name =
            running.iter().find(|name| running.iter().any(|other| self.dozen.units[other].shares == Some(**name)));
        let name = *name?;
        let mut expected = Expected::default();
        for sharer in running.iter().filter(|other| self.dozen.units[*other].shares == Some(name)) {
            expected.add(container(&self.dozen, sharer), "restart", "not_running", Some(("state", "drift")));
        }
        self.call("POST", &format!("/containers/{}/restart", self.id(name)), &Value::Null);
        self.done(format!("docker restart of {name}"), expected)
    }

    /// Stops all containers of a network, removes it and makes one of the same name.
    pub fn remake_network(&mut self) -> Option<Made> {
        let (service, key) = self.any_network()?;
        let network = self.network(service, key);
        let (running, before) = (self.running(), self.live());
        let mut expected = Expected::default();
        for (name, _) in self.dozen.of(service).filter(|(_, unit)| unit.networks.contains(&key)) {
            let addr = container(&self.dozen, name);
            let action = if running.contains(&name) { "restart" } else { "update" };
            if running.contains(&name) {
                self.call("POST", &format!("/containers/{}/stop", self.id(name)), &Value::Null);
                expected.add(addr.clone(), action, "not_running", Some(("state", "drift")));
            }
            // One that was never started hangs on the name alone, which it finds again.
            let hangs_on = &before[name]["NetworkSettings"]["Networks"][&network]["NetworkID"];
            if hangs_on.as_str().is_some_and(|id| !id.is_empty()) {
                expected.add(addr, action, "stale_network", Some((&format!("networks.{network}"), "drift")));
            }
        }
        self.call("DELETE", &format!("/networks/{network}"), &Value::Null);
        self.call("POST", "/networks/create", &json!({"Name": network}));
        expected.add(format!("box/{service}/network:{key}"), "refresh", "made_anew_outside", None);
        self.done(format!("stop of all on {network}, and docker network rm and create"), expected)
    }

    /// Removes a network with all containers on it.
    pub fn remove_network(&mut self) -> Option<Made> {
        let (service, key) = self.any_network()?;
        let network = self.network(service, key);
        let mut expected = Expected::default();
        for (name, _) in self.dozen.of(service).filter(|(_, unit)| unit.networks.contains(&key)) {
            self.call("DELETE", &format!("/containers/{}?force=1", self.id(name)), &Value::Null);
            expected.add(container(&self.dozen, name), "create", "gone", None);
        }
        self.call("DELETE", &format!("/networks/{network}"), &Value::Null);
        expected.add(format!("box/{service}/network:{key}"), "create", "gone", None);
        self.done(format!("docker rm -f of all on {network}, and docker network rm"), expected)
    }

    /// Starts a container of a service that is declared stopped.
    pub fn start_stopped(&mut self) -> Option<Made> {
        let stopped = self.stopped_services();
        let name = self
            .pick(|unit| stopped.contains(&unit.service) && unit.shares.is_none() && unit.program == Program::Waits)?;
        self.call("POST", &format!("/containers/{}/start", self.id(name)), &Value::Null);
        let mut expected = Expected::default();
        expected.add(container(&self.dozen, name), "restart", "started_outside", Some(("state", "drift")));
        self.done(format!("docker start of {name}, which is declared stopped"), expected)
    }

    /// Changes the restart policy on both sides, to something else (a conflict) or to the same.
    pub fn both_sides(&mut self, verdict: &'static str) -> Option<Made> {
        let name = self.pick(|unit| unit.program == Program::Waits)?;
        let old = self.dozen.units[name].restart;
        let declared = other_policy(old, self.random());
        let conflict = verdict == "conflict";
        let mut live = declared;
        while conflict && (live == declared || live == old) {
            live = other_policy(old, self.random());
        }
        self.dozen.units.get_mut(name).expect("it is there").restart = declared;
        self.dozen.write(&self.lab);
        self.update(name, &json!({"RestartPolicy": {"Name": live}}));
        let mut expected = Expected::default();
        let addr = container(&self.dozen, name);
        match conflict {
            true => expected.add(addr, "update", "conflict", Some(("restart", "conflict"))),
            false => expected.add(addr, "refresh", "converged", None),
        }
        self.done(format!("restart policy of {name} changed on both sides, {verdict}"), expected)
    }

    fn done(&self, what: String, expected: Expected) -> Option<Made> {
        Some(Made { what, expected: expected.with_consequences(&self.dozen, &BTreeSet::new()), taken_back: None })
    }

    fn any_network(&mut self) -> Option<(&'static str, &'static str)> {
        let service = self.one_of(&SERVICES)?;
        let keys: Vec<&'static str> = self.dozen.networks(service).into_iter().collect();
        Some((service, self.one_of(&keys)?))
    }

    fn stopped_services(&self) -> Vec<&'static str> {
        SERVICES.into_iter().filter(|name| self.dozen.services[name].stopped).collect()
    }

    /// The containers that are to run, and so do before anything is done to them.
    fn running(&self) -> Vec<&'static str> {
        let stopped = self.stopped_services();
        let runs =
            |(_, unit): &(&'static str, &Unit)| unit.program == Program::Waits && !stopped.contains(&unit.service);
        self.dozen.declared().filter(runs).map(|(name, _)| name).collect()
    }

    /// `docker update`.
    pub fn update(&self, name: &str, body: &Value) {
        self.call("POST", &format!("/containers/{}/update", self.id(name)), body);
    }

    /// `docker network disconnect`.
    pub fn disconnect(&self, name: &str, network: &str) {
        let body = json!({"Container": self.id(name), "Force": true});
        self.call("POST", &format!("/networks/{network}/disconnect"), &body);
    }

    /// `docker network connect`, without a word about aliases.
    pub fn connect(&self, name: &str, network: &str) {
        self.call("POST", &format!("/networks/{network}/connect"), &json!({"Container": self.id(name)}));
    }

    /// Makes a tag of a container's image name the other image.
    pub fn retag(&self, name: &str, tag: u8) {
        let reference = self.lab.name(&format!("sample-lab/{name}:{tag}"));
        let id = |image: &str| self.engine.get(&format!("/images/{image}/json"))["Id"].clone();
        let source = if id(&reference) == id("hl-test/app:1") { "hl-test/app:2" } else { "hl-test/app:1" };
        let repository = self.lab.name(&format!("sample-lab/{name}"));
        self.call("POST", &format!("/images/{source}/tag?repo={repository}&tag={tag}"), &Value::Null);
    }

    /// Asks the engine, which must do it.
    pub fn call(&self, method: &str, path: &str, body: &Value) {
        let answer = self.engine.raw(method, path, body);
        assert!(answer.status < 400, "{method} {path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
}
