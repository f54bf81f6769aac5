//! The same history on a real engine: what hl says and what comes of it must be the same as on the simulated node.

use std::collections::BTreeSet;

use hl::model::spec::NetworkMode;
use hl::model::view::Status;
use hl::node::simulated::World;
use serde_json::Value;

use super::check;
use super::declared::Declared;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;

/// A homelab on the private engine.
pub struct Twin {
    lab: Homelab,
    engine: Engine,
}

/// Something that somebody does to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    Stop,
    Remove,
    Rename,
    Restart,
}

impl Disturbance {
    pub const ALL: [Disturbance; 4] =
        [Disturbance::Stop, Disturbance::Remove, Disturbance::Rename, Disturbance::Restart];

    /// The name of a container that was renamed.
    pub fn odd(name: &str) -> String {
        format!("{name}-odd")
    }
}

impl Twin {
    pub fn new() -> Twin {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        for (name, tag, of) in
            [("app", "1", "hl-test/app:1"), ("app", "2", "hl-test/app:2"), ("sick", "1", "hl-test/app:1")]
        {
            let repository = lab.name(&format!("sample-lab/{name}"));
            engine.post(&format!("/images/{of}/tag?repo={repository}&tag={tag}"), &Value::Null);
        }
        Twin { lab, engine }
    }

    /// The files of the repository become those that are declared.
    pub fn write(&self, declared: &Declared) {
        let services = self.lab.repository().join("services");
        if services.exists() {
            std::fs::remove_dir_all(&services).expect("the services can be removed");
        }
        for (path, text) in declared.files("simulated") {
            if path.starts_with("services/") {
                self.lab.write(&path, &text);
            }
        }
    }

    /// The plan, in JSON.
    pub fn plan(&self) -> Value {
        let plan = self.lab.hl(&["plan", "--format", "json"]);
        serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("no plan: {plan}"))
    }

    /// The end of `hl apply`.
    pub fn apply(&self) -> crate::support::outcome::Outcome {
        self.lab.hl(&["apply", "--yes"])
    }

    pub fn disturb(&self, container: &str, how: Disturbance) {
        let path = format!("/containers/{}", self.lab.name(container));
        let odd = self.lab.name(&Disturbance::odd(container));
        match how {
            Disturbance::Stop => self.engine.post(&format!("{path}/stop"), &Value::Null),
            Disturbance::Remove => self.engine.delete(&format!("{path}?force=1")),
            Disturbance::Rename => self.engine.post(&format!("{path}/rename?name={odd}"), &Value::Null),
            Disturbance::Restart => self.engine.post(&format!("{path}/restart"), &Value::Null),
        };
        // A simulated node checks health at once, so the plan that follows must not fall into the time before the check.
        if how == Disturbance::Restart {
            let known = |live: &Value| live["State"]["Health"]["Status"] != "starting";
            self.engine.wait_for(&self.lab.name(container), "past its first check of health", known);
        }
    }

    /// The content of the engine: a line for each container, network and volume of the homelab.
    pub fn picture(&self) -> BTreeSet<String> {
        let prefix = self.lab.name("sample-lab");
        let mut lines = BTreeSet::new();
        for name in self.engine.containers(&prefix) {
            let live = self.engine.inspect(&name);
            let environment = live["Config"]["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let variable = environment.filter_map(|pair| pair.strip_prefix("V=")).next().unwrap_or_default().to_owned();
            let mode = live["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
            let networks = match mode.strip_prefix("container:") {
                Some(owner) => {
                    let owner = self.engine.inspect(owner);
                    format!("in {}", owner["Name"].as_str().unwrap_or("nothing").trim_start_matches('/'))
                }
                None => {
                    let all = live["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
                    all.map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ")
                }
            };
            let mounts = live["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume");
            let volumes: Vec<&str> = mounts.filter_map(|mount| mount["Name"].as_str()).collect();
            let image = live["Config"]["Image"].as_str().unwrap_or_default();
            let runs = live["State"]["Running"] == true;
            lines.insert(line(&name, image, &variable, runs, &networks, &volumes.join(" ")));
        }
        let of = |path: &str| match self.engine.get(path) {
            Value::Array(all) => all,
            mut all => all["Volumes"].take().as_array().cloned().unwrap_or_default(),
        };
        for (kind, path) in [("network", "/networks"), ("volume", "/volumes")] {
            let names = of(path).into_iter().filter_map(|one| one["Name"].as_str().map(str::to_owned));
            lines.extend(names.filter(|name| name.starts_with(&prefix)).map(|name| format!("{kind} {name}")));
        }
        lines.into_iter().map(|line| self.lab.stand_in(&line)).collect()
    }
}

fn line(name: &str, image: &str, variable: &str, runs: bool, networks: &str, volumes: &str) -> String {
    let state = if runs { "runs" } else { "does not run" };
    format!("{name} of {image} with {variable} {state} on [{networks}] with [{volumes}]")
}

/// The same of a simulated node.
pub fn picture(world: &World) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for live in world.containers.values() {
        let variable = live.spec.environment.get("V").and_then(|text| text.as_ref()?.expose()).unwrap_or_default();
        let networks = match live.spec.network_mode {
            NetworkMode::Container(_) => {
                let owner = live.shares_with.iter().find_map(|id| world.containers.get(id));
                format!("in {}", owner.map_or("nothing", |owner| owner.name.as_str()))
            }
            _ => live.spec.networks.keys().cloned().collect::<Vec<_>>().join(" "),
        };
        let volumes: Vec<&str> = check::mounted(live).collect();
        let (image, runs) = (live.spec.image.to_string(), live.status == Status::Running);
        lines.insert(line(&live.name, &image, variable, runs, &networks, &volumes.join(" ")));
    }
    lines.extend(world.networks.values().map(|network| format!("network {}", network.spec.name)));
    lines.extend(world.volumes.keys().map(|name| format!("volume {name}")));
    lines
}

/// The part of a plan in JSON that does not depend on how the node is reached: who is changed, how, why and in what; who is
/// verified; and what is not planned.
pub fn said(plan: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said = Vec::new();
    for change in list(&plan["changes"]) {
        let address = text(&change["address"]);
        if address.contains("/directory:") || address.contains("/file:") || address.contains("/image:") {
            continue;
        }
        let reasons: Vec<String> = list(&change["reasons"]).iter().map(|reason| text(&reason["reason"])).collect();
        // The fields of a new one depend on where its files are.
        let fields = if change["action"] == "create" { Vec::new() } else { list(&change["fields"]) };
        let fields: Vec<String> = fields
            .iter()
            .filter(|field| field["cost"] != "ignored" && field["verdict"] != "in_sync")
            .map(|field| format!("{} {}", text(&field["field"]), text(&field["verdict"])))
            .collect();
        said.push(format!("{} {address} {reasons:?} {fields:?}", text(&change["action"])));
    }
    said.extend(list(&plan["verifications"]).iter().map(|one| format!("verify {}", text(&one["service"]))));
    said.extend(list(&plan["blocked"]).iter().map(|one| format!("blocked {}", text(&one["service"]))));
    said.extend(list(&plan["objections"]).iter().map(|one| format!("objection {}", text(&one["objection"]))));
    said
}
