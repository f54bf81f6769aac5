//! Real projects of other people, out of a pack that lies beside the checkout, made fit for a machine that is not theirs.
//!
//! A pack is a folder with `cases.jsonl`, one project a line; `tree/`, their files; and `expect/`, what `docker-compose
//! config` answers for each. [`chosen`] takes some by a fixed rule, [`Case::write`] puts one into a homelab: its files as
//! they are, and an override file that replaces what only its owner's machine has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::homelab::Homelab;

/// An image that runs whatever its command is.
const IMAGE: &str = "hl-test/stay:1";
/// The names under which a compose file is found without being named.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// One project.
pub struct Case {
    pub id: String,
    /// The variables that it needs.
    pub variables: BTreeMap<String, String>,
    /// Networks and volumes that are to be there before: kind and name.
    pub external: BTreeSet<(String, String)>,
    folder: PathBuf,
    file: String,
    created: Vec<(PathBuf, Content)>,
    answer: Value,
    /// The folder of the project in the answer's paths.
    shown: String,
}

enum Content {
    From(PathBuf),
    Text(String),
}

/// `count` of the projects that are fit, evenly over the pack.
pub fn chosen(pack: &Path, count: usize) -> Vec<Case> {
    let lines = std::fs::read_to_string(pack.join("cases.jsonl")).expect("the pack has cases");
    let mut fit: Vec<Case> = lines.lines().filter_map(|line| read(pack, line)).filter(Case::is_fit).collect();
    assert!(fit.len() >= count, "only {} projects are fit", fit.len());
    let wanted: BTreeSet<usize> = (0..count).map(|index| index * fit.len() / count).collect();
    let mut index = 0;
    fit.retain(|_| {
        index += 1;
        wanted.contains(&(index - 1))
    });
    fit
}

/// A case that real Compose takes, of one file without profiles.
fn read(pack: &Path, line: &str) -> Option<Case> {
    let case: Value = serde_json::from_str(line).expect("a case is JSON");
    let files = case["files"].as_array()?;
    if case["expect"] != "ok" || case["profiles"] == true || files.len() != 1 || case["env_files"] != json!([]) {
        return None;
    }
    let (id, repo, dir) = (text(&case["id"]), text(&case["repo"]), text(&case["dir"]));
    let root = pack.join("tree").join(repo);
    let answer = std::fs::read_to_string(pack.join(format!("expect/{id}.json"))).expect("the case has an answer");
    let mut created = Vec::new();
    for (path, content) in case["created"].as_object().into_iter().flatten() {
        let path = Path::new(path).strip_prefix(dir).ok()?.to_owned();
        let content = match content["from"].as_str() {
            Some(from) => Content::From(root.join(from)),
            None => Content::Text(text(&content["text"]).to_owned()),
        };
        created.push((path, content));
    }
    let set = case["set"].as_object().into_iter().flatten();
    Some(Case::with_external(Case {
        id: id.to_owned(),
        variables: set.map(|(name, value)| (name.clone(), text(value).to_owned())).collect(),
        external: BTreeSet::new(),
        folder: root.join(dir),
        file: text(&files[0]).to_owned(),
        created,
        answer: serde_json::from_str(&answer).expect("an answer is JSON"),
        shown: format!("/corpus/{repo}/{dir}").trim_end_matches('/').to_owned(),
    }))
}

impl Case {
    /// Several services, in files of one folder, and nothing that another machine cannot have: no devices, no rights over
    /// the host, none of its namespaces, no address or driver of its networks.
    fn is_fit(&self) -> bool {
        let main = std::fs::read_to_string(self.folder.join(&self.file)).unwrap_or_default();
        let values = self.variables.values();
        let alone = !main.contains("..") && !main.contains("include:") && !self.file.contains('/');
        let drivers = |kind: &str, fit: &[&str]| {
            self.entries(kind).all(|(_, it)| it["driver"].is_null() || fit.contains(&text(&it["driver"])))
        };
        self.entries("services").count() > 1
            && alone
            && values.into_iter().all(|value| !value.contains("@ROOT@"))
            && drivers("networks", &["bridge"])
            && self.entries("services").all(|(_, service)| is_harmless(service))
            && ["secrets", "configs"].iter().all(|kind| {
                self.entries(kind).all(|(_, it)| it["file"].is_null() || self.own(text(&it["file"])).is_some())
            })
    }

    /// Writes the project into a homelab as a service of that name.
    pub fn write(&self, lab: &Homelab, service: &str) {
        let folder = lab.repository().join("services").join(lab.name(service));
        copy(&self.folder, &folder);
        for (path, content) in &self.created {
            let to = folder.join(path);
            std::fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("a folder can be made");
            match content {
                Content::From(from) => drop(std::fs::copy(from, to).expect("a file can be copied")),
                Content::Text(text) => std::fs::write(to, text).expect("a file can be written"),
            }
        }
        let main = std::fs::read_to_string(folder.join(&self.file)).expect("the project has a file");
        for name in NAMES {
            std::fs::remove_file(folder.join(name)).ok();
            std::fs::remove_file(folder.join(name.replace("compose.", "compose.override."))).ok();
        }
        std::fs::write(folder.join("docker-compose.yml"), main).expect("a file can be written");
        for path in self.own_paths() {
            let path = folder.join(path);
            if !path.exists() {
                std::fs::create_dir_all(path).expect("a folder can be made");
            }
        }
        let elsewhere = lab.scratch("elsewhere").display().to_string();
        std::fs::write(folder.join("docker-compose.override.yml"), self.overrides(&lab.name(service), &elsewhere))
            .expect("a file can be written");
    }

    /// The paths below its folder that it mounts, or reads secrets and configs from.
    fn own_paths(&self) -> BTreeSet<String> {
        let mounts = self.entries("services").flat_map(|(_, service)| list(&service["volumes"]));
        let sources = mounts.filter(|mount| mount["type"] == "bind").map(|mount| text(&mount["source"]));
        let files = ["secrets", "configs"].into_iter().flat_map(|kind| self.entries(kind));
        let files = files.map(|(_, it)| text(&it["file"]));
        sources.chain(files).filter_map(|path| self.own(path)).map(String::from).collect()
    }

    /// A path below the folder of the project.
    fn own<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.shown)?.strip_prefix('/')
    }

    /// The override file: JSON that YAML's tags stand in.
    fn overrides(&self, name: &str, elsewhere: &str) -> String {
        let jobs = self.awaited("service_completed_successfully");
        let checked = self.awaited("service_healthy");
        let mut text = format!("name: {name}\nservices:\n");
        for (key, service) in self.entries("services") {
            text += &format!("  {}:\n    image: {IMAGE}\n", json!(key));
            let mut line = |key: &str, value: &str| text += &format!("    {key}: {value}\n");
            for gone in ["build", "platform", "runtime", "pull_policy", "develop"] {
                if !service[gone].is_null() {
                    line(gone, "!reset null");
                }
            }
            let program = if jobs.contains(key) { "/bin/true" } else { "/bin/pause" };
            let entrypoint = list(&service["entrypoint"]).cloned().collect::<Vec<_>>();
            if !entrypoint.is_empty() || jobs.contains(key) {
                let words: Vec<Value> = std::iter::once(json!(program)).chain(entrypoint).collect();
                line("entrypoint", &format!("!override {}", json!(words)));
            }
            let user = super::pack::text(&service["user"]);
            if !user.is_empty() && !user.starts_with(|c: char| c.is_ascii_digit()) && user != "root" {
                line("user", "\"1000:1000\"");
            }
            let check = &service["healthcheck"];
            if checked.contains(key) || !check["test"].is_null() && check["test"] != json!(["NONE"]) {
                line("healthcheck", "{ test: !override [CMD, \"true\"], interval: 1s }");
            }
            let mounts: Vec<Value> =
                list(&service["volumes"]).filter_map(|mount| self.moved(mount, elsewhere)).collect();
            if !mounts.is_empty() {
                line("volumes", &json!(mounts).to_string());
            }
        }
        text += "volumes:\n";
        for (key, volume) in self.entries("volumes") {
            // What is mounted over a network is not there.
            let gone = if volume["driver_opts"].is_null() && volume["driver"].is_null() {
                ""
            } else {
                "driver: !reset null, driver_opts: !reset null"
            };
            text += &format!("  {}: {{ {gone} }}\n", json!(key));
        }
        text.trim_end_matches("volumes:\n").to_owned()
    }

    /// A mount of a path outside of the project, from a folder of the test instead.
    fn moved(&self, mount: &Value, elsewhere: &str) -> Option<Value> {
        let source = text(&mount["source"]);
        if mount["type"] != "bind" || self.own(source).is_some() {
            return None;
        }
        let moved = format!("{elsewhere}{source}");
        std::fs::create_dir_all(&moved).expect("a folder can be made");
        let mut mount = mount.clone();
        mount["source"] = moved.into();
        Some(mount)
    }

    /// The services that others wait for in this way.
    fn awaited(&self, condition: &str) -> BTreeSet<String> {
        let dependencies = self.entries("services").flat_map(|(_, service)| entries(&service["depends_on"]));
        dependencies.filter(|(_, it)| it["condition"] == condition).map(|(name, _)| name.clone()).collect()
    }

    fn with_external(mut self) -> Case {
        for kind in ["networks", "volumes"] {
            let found = self.entries(kind).filter(|(_, it)| it["external"] == true);
            let named: Vec<_> = found.map(|(_, it)| (kind.to_owned(), text(&it["name"]).to_owned())).collect();
            self.external.extend(named);
        }
        self
    }

    fn entries(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        entries(&self.answer[kind])
    }
}

/// Whether a service needs nothing of its owner's machine that no override can stand in for.
fn is_harmless(service: &Value) -> bool {
    let absent = ["devices", "gpus", "privileged", "cgroup_parent", "external_links"];
    let own_namespace = |key: &str| match text(&service[key]) {
        "" | "none" | "bridge" | "private" | "shareable" => true,
        mode => mode.starts_with("service:"),
    };
    let here = |port: &Value| matches!(text(&port["host_ip"]), "" | "0.0.0.0" | "127.0.0.1" | "::");
    let log = text(&service["logging"]["driver"]);
    absent.iter().all(|key| matches!(&service[*key], Value::Null | Value::Bool(false)))
        && service["deploy"]["resources"]["reservations"]["devices"].is_null()
        && ["network_mode", "pid", "ipc", "uts", "userns_mode"].into_iter().all(own_namespace)
        && list(&service["ports"]).all(here)
        && matches!(log, "" | "json-file" | "local" | "none")
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder is there").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            // A link that leads out of the pack is left out.
            std::fs::copy(&from, &to).ok();
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
