//! The homelabs that come with hl are whole: the one at the root, to read and start with, and the quickstart.
//!
//! What people copy from must not be wrong, so real Compose reads every file of them, and the quickstart's script runs
//! as a person runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::compose;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(every_service_has_its_five_files),
    trial!(every_script_is_posix_shell),
    trial!(every_variable_is_explained_and_every_secret_is_generated),
    trial!(links_between_pages_lead_somewhere),
    trial!(compose_takes_every_file, needs Compose),
    trial!(no_port_and_no_name_is_claimed_twice, needs Compose),
    trial!(what_is_external_is_made_by_a_dependency, needs Compose),
];

/// A service of one of the two homelabs.
struct Service {
    name: String,
    folder: PathBuf,
    /// The variables of the homelab that it is in.
    vars: BTreeMap<String, String>,
}

impl Service {
    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap_or_else(|error| panic!("{}/{file}: {error}", self.name))
    }

    fn yaml(&self) -> Value {
        serde_yaml::from_str(&self.read("service.yaml")).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The names at `env.KEY` in service.yaml, a list or a map.
    fn env_names(&self, key: &str) -> BTreeSet<String> {
        let text = |value: &Value| value.as_str().expect("a name is a text").to_owned();
        match &self.yaml()["env"][key] {
            Value::Array(names) => names.iter().map(text).collect(),
            Value::Object(map) => map.keys().cloned().collect(),
            _ => BTreeSet::new(),
        }
    }

    fn depends_on(&self) -> BTreeSet<String> {
        let yaml = self.yaml();
        let entries = yaml["depends_on"].as_array().into_iter().flatten();
        let name =
            |entry: &Value| entry.as_str().or(entry["service"].as_str()).expect("a dependency has a name").to_owned();
        entries.map(name).collect()
    }

    /// `docker-compose config` with nothing in the environment but the homelab's variables and `secrets`.
    fn compose(&self, secrets: &BTreeSet<String>) -> Output {
        let mut command = Command::new(compose::find().expect("a test that asks for Compose lists Need::Compose"));
        command.current_dir(&self.folder).env_clear().envs(&self.vars);
        command.envs(secrets.iter().map(|name| (name, "x")));
        command.args(["--file", "docker-compose.yml", "config", "--format", "json"]);
        command.output().expect("docker-compose runs")
    }

    fn project(&self) -> Value {
        let output = self.compose(&self.env_names("required"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}: {}", self.name, text(&output.stderr)))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The services of both homelabs, each homelab by itself.
fn homelabs() -> [Vec<Service>; 2] {
    [root().to_owned(), root().join("examples/quickstart")].map(|homelab| {
        let topology = std::fs::read_to_string(homelab.join("inventory/topology.yaml")).expect("there is a topology");
        let topology: Value = serde_yaml::from_str(&topology).expect("the topology is YAML");
        let vars: BTreeMap<String, String> =
            serde_json::from_value(topology["vars"].clone()).expect("variables are texts");
        let listed: BTreeSet<&String> = topology["services"].as_object().expect("services are a map").keys().collect();
        let entries = std::fs::read_dir(homelab.join("services")).expect("there are services");
        let mut services: Vec<Service> = entries
            .map(|entry| entry.expect("a folder can be listed"))
            .map(|entry| Service {
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: entry.path(),
                vars: vars.clone(),
            })
            .collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(services.iter().map(|service| &service.name).collect::<BTreeSet<_>>(), listed);
        services
    })
}

fn every_service_has_its_five_files() {
    use std::os::unix::fs::PermissionsExt;
    for service in homelabs().iter().flatten() {
        for file in ["docker-compose.yml", "service.yaml", "env.example", "healthcheck.sh", "README.md"] {
            assert!(!service.read(file).trim().is_empty(), "{}/{file} is empty", service.name);
        }
        let mode = service.folder.join("healthcheck.sh").metadata().expect("it was read").permissions().mode();
        assert!(mode & 0o111 == 0o111, "{}/healthcheck.sh cannot be executed", service.name);
    }
}

fn every_script_is_posix_shell() {
    let mut scripts = Vec::new();
    for folder in ["examples", "services", "scripts/deploy"] {
        find(&root().join(folder), &mut scripts, &|path, text| {
            text.starts_with("#!/bin/sh\n") || path.extension().is_some_and(|extension| extension == "sh")
        });
    }
    assert!(scripts.len() > 15, "only {} scripts were found", scripts.len());
    for script in scripts {
        let output = Command::new("sh").arg("-n").arg(&script).output().expect("there is a shell");
        assert!(output.status.success(), "{}: {}", script.display(), text(&output.stderr));
    }
}

fn every_variable_is_explained_and_every_secret_is_generated() {
    for service in homelabs().iter().flatten() {
        let name = &service.name;
        let example = service.read("env.example");
        let assignment = |line: &str| line.split_once('=').map(|(name, _)| name.to_owned());
        let empty: BTreeSet<String> =
            example.lines().filter(|line| !line.starts_with('#')).filter_map(assignment).collect();
        let shown = example.lines().filter_map(|line| line.strip_prefix("# ")).filter_map(assignment);
        let shown: BTreeSet<String> = shown.filter(|name| is_variable(name)).collect();
        let used = variables(&service.read("docker-compose.yml"));

        let known: BTreeSet<String> = service.vars.keys().chain(&empty).chain(&shown).cloned().collect();
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), [""; 0], "{name}: used, and explained nowhere");
        assert_eq!(
            empty.union(&shown).filter(|variable| !used.contains(*variable)).collect::<Vec<_>>(),
            [""; 0],
            "{name}"
        );
        assert_eq!(service.env_names("required"), empty, "{name}: what is required is what env.example leaves empty");
        assert_eq!(service.env_names("generate"), empty, "{name}: nobody has to make up a secret");
        for line in example.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            assert!(line.ends_with('='), "{name}: env.example has a value, which would be copied to the node: {line}");
        }
    }
}

fn links_between_pages_lead_somewhere() {
    let mut pages = Vec::new();
    for folder in ["docs", "examples", "services", "state"] {
        find(&root().join(folder), &mut pages, &|path, _| path.extension().is_some_and(|extension| extension == "md"));
    }
    pages.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|page| root().join(page)));
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page can be read");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            seen += 1;
            let folder = page.parent().expect("a page is in a folder");
            assert!(folder.join(target).exists(), "{}: {link} leads nowhere", page.display());
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

fn compose_takes_every_file() {
    for service in homelabs().iter().flatten() {
        let required = service.env_names("required");
        let output = service.compose(&required);
        assert!(output.status.success(), "{}: {}", service.name, text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{}: Compose warns", service.name);
        // An unset secret must be an error and not an empty password.
        let without = service.compose(&BTreeSet::new());
        assert_eq!(without.status.success(), required.is_empty(), "{}: {}", service.name, text(&without.stderr));
    }
}

fn no_port_and_no_name_is_claimed_twice() {
    for homelab in homelabs() {
        let mut claims = BTreeMap::new();
        for service in &homelab {
            let project = service.project();
            for (key, container) in project["services"].as_object().expect("a project has services") {
                let name = format!("name {}", container["container_name"].as_str().unwrap_or(key));
                let port = |port: &Value| format!("port {}/{}", port["published"], port["protocol"]);
                let ports = container["ports"].as_array().into_iter().flatten().map(port);
                for claim in ports.chain([name]) {
                    let before = claims.insert(claim.clone(), service.name.clone());
                    assert_eq!(before, None, "{claim}: also claimed by {}", service.name);
                }
                let image = container["image"].as_str().expect("a container has an image");
                let tag = image.rsplit_once(':').map(|(_, tag)| tag);
                assert!(tag.is_some_and(|tag| tag != "latest"), "{}: {image} names no version", service.name);
            }
        }
    }
}

fn what_is_external_is_made_by_a_dependency() {
    for homelab in homelabs() {
        let projects: BTreeMap<&String, Value> =
            homelab.iter().map(|service| (&service.name, service.project())).collect();
        let needs: BTreeMap<&String, BTreeSet<String>> =
            homelab.iter().map(|service| (&service.name, service.depends_on())).collect();
        for service in &homelab {
            let mut reachable = needs[&service.name].clone();
            while let Some(more) =
                reachable.iter().flat_map(|name| &needs[name]).find(|name| !reachable.contains(*name))
            {
                reachable.insert(more.clone());
            }
            for kind in ["networks", "volumes"] {
                let outside = projects[&service.name][kind].as_object().into_iter().flatten();
                for (_, resource) in outside.filter(|(_, resource)| resource["external"] == true) {
                    let makes = |project: &Value| {
                        let mut all = project[kind].as_object().into_iter().flatten();
                        all.any(|(_, it)| it["name"] == resource["name"] && it["external"] != true)
                    };
                    let made = reachable.iter().any(|name| makes(&projects[name]));
                    assert!(made, "{}: nothing that it depends on makes {}", service.name, resource["name"]);
                }
            }
        }
    }
}

/// Collects the files below `folder` that `wanted` picks by path and text.
fn find(folder: &Path, found: &mut Vec<PathBuf>, wanted: &dyn Fn(&Path, &str) -> bool) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            find(&path, found, wanted);
        } else if std::fs::read_to_string(&path).is_ok_and(|text| wanted(&path, &text)) {
            found.push(path);
        }
    }
}

/// The names in `${NAME…}`.
fn variables(text: &str) -> BTreeSet<String> {
    let end = |rest: &str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    text.split("${").skip(1).map(|rest| rest[..end(rest)].to_owned()).collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
