//! Nothing outside of the repository is read, whatever key names it and by whatever way: no output has a word of it.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use hl::compose::schema::keys;
use hl::config::{self, Repository};
use hl::render::{Palette, diagnostic};
use serde_json::{Value, json};

use super::keys::{compose, shapes};
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(no_key_of_a_compose_file_reads_what_is_outside),
    trial!(no_key_of_a_service_or_a_machine_reads_what_is_outside),
    trial!(no_file_of_a_repository_is_a_way_out),
    trial!(what_is_no_file_ends_at_once_with_a_diagnostic),
    trial!(what_belongs_to_git_stays_with_git),
    trial!(the_caller_may_allow_what_the_repository_may_not),
    trial!(links_of_a_shipped_folder_are_not_copied_from_outside),
    trial!(a_service_of_this_machine_reads_what_is_its_own),
];

/// Words of files that are not the repository's.
const CANARY: &str = "zq7-outside-Xw";
/// A word of the environment of the program.
const OF_ENVIRONMENT: &str = "kk2-environment-Ys";

/// A homelab beside files that are none of its business.
struct Hostile {
    lab: Homelab,
}

impl Hostile {
    fn new(address: &str) -> Hostile {
        let lab = Homelab::without_engine();
        let topology = format!("version: 1\nname: home\nnodes:\n  box: {{ address: {address} }}\n");
        lab.write("inventory/topology.yaml", &topology);
        let hostile = Hostile { lab };
        std::fs::create_dir_all(hostile.out("")).unwrap();
        let compose = format!(
            "services: {{ app: {{ image: \"{CANARY}\", environment: {{ A: {CANARY} }}, labels: {{ a: {CANARY} }} }} }}\n"
        );
        for (name, text) in [
            ("out.yml", compose.clone()),
            ("docker-compose.yml", compose),
            ("out.env", format!("CANARY={CANARY}\nA={CANARY}\n")),
            ("out.json", format!("{{\"defaultAction\": \"{CANARY}\"}}\n")),
            ("out.txt", format!("https://ann:{CANARY}@example.com\n")),
            ("Dockerfile", format!("FROM {CANARY}\n")),
        ] {
            std::fs::write(hostile.out(name), text).unwrap();
        }
        hostile
    }

    /// A path outside of the repository.
    fn out(&self, name: &str) -> PathBuf {
        self.lab.scratch("out").join(name)
    }

    /// The folder of a service, with links that lead out of the repository, and a named pipe.
    fn service(&self, name: &str) -> PathBuf {
        let folder = self.lab.repository().join("services").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        symlink(self.out(""), folder.join("linked")).unwrap();
        symlink(self.out("out.env"), folder.join("link.env")).unwrap();
        symlink("../../../out/out.yml", folder.join("link.yml")).unwrap();
        symlink("/proc/self/environ", folder.join("link.environ")).unwrap();
        fifo(&folder.join("pipe"));
        folder
    }

    /// Ways to name what is outside, from a service's folder.
    fn ways(&self) -> Vec<String> {
        let absolute = ["out.yml", "out.env", "out.json", "out.txt"].map(|name| self.out(name).display().to_string());
        let others = [
            "../../../out/out.env",
            "../../services/../../out/out.yml",
            "linked/out.env",
            "linked",
            "link.env",
            "link.yml",
            "link.environ",
            "/proc/self/environ",
            "/dev/zero",
            "pipe",
        ];
        absolute.into_iter().chain(others.map(str::to_owned)).collect()
    }

    /// The words about the repository's files alone, and whether there is an error.
    fn said(&self) -> (String, bool) {
        let repository = Repository::on_disk(self.lab.repository(), self.lab.repository(), Some("/root".to_owned()));
        in_time(move || {
            let (sources, mut found) = config::load(repository);
            let (of_services, map) = config::check_offline(&sources);
            found.extend(of_services);
            (diagnostic::diagnostics(&found, &map, Palette::Plain), found.has_errors())
        })
    }

    /// Runs the program in every way that shows something of the repository.
    fn look(&self, services: &[&str]) -> Vec<String> {
        let all: &[&[&str]] = &[
            &["validate"],
            &["plan", "-v"],
            &["plan", "-v", "--format", "json"],
            &["plan", "-v", "--format", "markdown"],
            &["drift", "-v"],
            &["verify"],
        ];
        let mut commands: Vec<Vec<&str>> = all.iter().map(|arguments| arguments.to_vec()).collect();
        commands.extend(services.iter().map(|service| vec!["config", service]));
        let outcome = |arguments: &Vec<&str>| {
            let mut command = assert_cmd::Command::from_std(self.lab.command(arguments));
            let output = command.env("HL_CANARY", OF_ENVIRONMENT).timeout(Duration::from_secs(60)).output();
            let output = output.expect("hl ends");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!("hl {}: {}{}", arguments.join(" "), text(&output.stdout), text(&output.stderr))
        };
        commands.iter().map(outcome).collect()
    }
}

#[track_caller]
fn assert_clean(text: &str, about: &str) {
    for word in [CANARY, OF_ENVIRONMENT, "PATH=/"] {
        assert!(!text.contains(word), "{about}: {word} is in\n{text}");
    }
}

fn fifo(path: &Path) {
    let status = std::process::Command::new("mkfifo").arg(path).status();
    assert!(status.expect("mkfifo runs").success());
}

/// The result of a function, if it comes soon: what reads a pipe that nobody writes to never ends.
#[track_caller]
fn in_time<T: Send + 'static>(function: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(function()));
    receiver.recv_timeout(Duration::from_secs(20)).expect("it ends soon, and does not panic")
}

/// Every key that takes a text, in every shape, each with every way out; those that are valid are planned as well.
fn no_key_of_a_compose_file_reads_what_is_outside() {
    for address in ["simulated", "local"] {
        let hostile = Hostile::new(address);
        let folder = hostile.service("web");
        std::fs::write(folder.join("conf"), "inside\n").unwrap();
        let (mut tried, mut refused, mut valid) = (0, 0, Vec::new());
        // Ways that differ in the file's name alone take turns, and so do all of them where the same code asks again.
        let ways = hostile.ways();
        let (same, others) = ways.split_at(4);
        for (turn, key) in keys().into_iter().enumerate() {
            let asked = match address {
                "simulated" => others.iter().collect::<Vec<_>>(),
                _ => vec![&others[turn % others.len()], &others[(turn + 4) % others.len()]],
            };
            for way in std::iter::once(&same[turn % 4]).chain(asked) {
                let mut values = shapes(&key.key.accepts, way);
                if key.path == "services.*.security_opt" {
                    values.push(json!([format!("seccomp={way}")]));
                    values.push(json!([format!("seccomp:{way}")]));
                }
                if key.path == "services.*.volumes" {
                    let below = if way.starts_with(['/', '.']) { way.clone() } else { format!("./{way}") };
                    values.push(json!([format!("{below}:/mnt:ro")]));
                }
                for value in values {
                    let file = compose(&key.path, value);
                    std::fs::write(folder.join("docker-compose.yml"), file.to_string()).unwrap();
                    let (said, is_error) = hostile.said();
                    assert_clean(&said, &format!("{address} {} {way}", key.path));
                    tried += 1;
                    refused += usize::from(said.contains("HL0421"));
                    if !is_error {
                        valid.push(file);
                    }
                }
            }
        }
        assert!(tried > 500 && refused > 20, "{tried} tried, {refused} refused");
        std::fs::remove_dir_all(&folder).unwrap();
        // Of those that do not look alike, as many as tell something.
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for file in valid {
            if !seen.insert(file.to_string()) {
                continue;
            }
            let name = format!("s{}", names.len());
            let folder = hostile.service(&name);
            std::fs::write(folder.join("conf"), "inside\n").unwrap();
            std::fs::write(folder.join("docker-compose.yml"), file.to_string()).unwrap();
            names.push(name);
        }
        assert!(names.len() > 100, "{} are valid", names.len());
        let shown: Vec<&str> = names.iter().step_by(40).map(String::as_str).collect();
        for text in hostile.look(&shown) {
            assert_clean(&text, address);
        }
    }
}

/// Every text of `service.yaml`, `topology.yaml` and a host's file, each with every way out.
fn no_key_of_a_service_or_a_machine_reads_what_is_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let schema =
        |name: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(root.join(name)).unwrap()).unwrap() };
    let hostile = Hostile::new("simulated");
    let folder = hostile.service("web");
    std::fs::write(folder.join("docker-compose.yml"), "services: { app: { image: \"app:1\" } }\n").unwrap();
    let mut tried = 0;
    for way in hostile.ways() {
        let mut own = Vec::new();
        texts(&schema("service.schema.json"), &|value| value, &way, &mut own);
        let mut inventory = Vec::new();
        texts(&schema("topology.schema.json"), &|value| value, &way, &mut inventory);
        assert!(own.len() > 15 && inventory.len() > 15, "{} and {}", own.len(), inventory.len());
        for value in own {
            std::fs::write(folder.join("service.yaml"), value.to_string()).unwrap();
            assert_clean(&hostile.said().0, &format!("{value}"));
            tried += 1;
        }
        std::fs::remove_file(folder.join("service.yaml")).unwrap();
        let topology = hostile.lab.repository().join("inventory/topology.yaml");
        let before = std::fs::read_to_string(&topology).unwrap();
        for mut value in inventory {
            value["version"] = json!(1);
            std::fs::write(&topology, value.to_string()).unwrap();
            assert_clean(&hostile.said().0, &format!("{value}"));
            tried += 1;
        }
        std::fs::write(&topology, before).unwrap();
    }
    assert!(tried > 400, "{tried}");
}

/// Every value that has a text at one place of a schema.
fn texts(schema: &Value, wrap: &dyn Fn(Value) -> Value, text: &str, found: &mut Vec<Value>) {
    let is_text = schema["type"] == "string" || schema["type"].as_array().is_some_and(|t| t.contains(&json!("string")));
    if is_text {
        found.push(wrap(json!(text)));
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        texts(inner, &|value| wrap(json!({ key.as_str(): value })), text, found);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        texts(choice, wrap, text, found);
    }
    if schema["items"].is_object() {
        texts(&schema["items"], &|value| wrap(json!([value])), text, found);
    }
    if schema["additionalProperties"].is_object() {
        texts(&schema["additionalProperties"], &|value| wrap(json!({ "web": value })), text, found);
    }
}

/// The files that are found by their names.
const BY_NAME: &[&str] = &[
    "inventory/topology.yaml",
    "inventory/hosts/box.yaml",
    "services/web/docker-compose.yml",
    "services/web/docker-compose.override.yml",
    "services/web/service.yaml",
    "services/web/env.example",
    "services/web/.env",
    "services/web/secrets.env",
    "services/web/healthcheck.sh",
    "services/web/.dockerignore",
    "services/web/Dockerfile.dockerignore",
    "services/web/Dockerfile",
    "services/web/conf",
];

const BUILT: &str = "services: { app: { image: \"app:1\", build: ., environment: { A: \"${A:-}\" }, volumes: [\"./conf:/conf:ro\"] } }\n";

/// A homelab that builds and mounts, and the path of one of its files, where nothing is.
fn without(name: &str) -> (Hostile, PathBuf) {
    let hostile = Hostile::new("simulated");
    hostile.lab.write("services/web/docker-compose.yml", BUILT).write("services/web/conf", "inside\n");
    hostile.lab.write("services/web/Dockerfile", "FROM app\n");
    let path = hostile.lab.repository().join(name);
    std::fs::remove_file(&path).ok();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    (hostile, path)
}

fn no_file_of_a_repository_is_a_way_out() {
    for name in BY_NAME {
        for out in ["out.yml", "out.env", "out.json", "out.txt"] {
            let (hostile, path) = without(name);
            symlink(hostile.out(out), &path).unwrap();
            for text in hostile.look(&["web"]) {
                assert_clean(&text, &format!("{name} → {out}"));
            }
            hostile.lab.hl(&["validate"]).code(1).talks("HL0421");
        }
    }
    let hostile = Hostile::new("simulated");
    std::fs::create_dir_all(hostile.lab.repository().join("services")).unwrap();
    symlink(hostile.out(""), hostile.lab.repository().join("services/web")).unwrap();
    hostile.lab.hl(&["validate"]).code(1).talks("HL0421").talks("--allow-read").never_says(CANARY);
}

fn what_is_no_file_ends_at_once_with_a_diagnostic() {
    for name in BY_NAME {
        for (what, target) in
            [("a named pipe", None), ("/dev", Some("/dev/zero")), ("/proc", Some("/proc/self/environ"))]
        {
            let (hostile, path) = without(name);
            match target {
                None => fifo(&path),
                Some(target) => symlink(target, &path).unwrap(),
            }
            let (said, is_error) = hostile.said();
            assert_clean(&said, &format!("{name}: {what}"));
            // An entry that is mounted or built from and is no file is left alone: engines do so, too.
            let is_left_alone = target.is_none() && name.ends_with("conf");
            assert!(is_error || is_left_alone, "{name}: {what}: {said}");
        }
    }
}

fn what_belongs_to_git_stays_with_git() {
    let hostile = Hostile::new("simulated");
    let lab = &hostile.lab;
    lab.write("services/web/conf", "inside\n").write("services/web/docker-compose.yml", BUILT).track();
    let config = lab.repository().join(".git/config");
    std::fs::write(&config, format!("[http]\n\textraheader = AUTHORIZATION: basic {CANARY}\n")).unwrap();
    for key in [
        "env_file: ../../.git/config",
        "label_file: ../../.GIT/config",
        "extends: { file: ../../.git/config, service: a }",
    ] {
        lab.write("services/web/docker-compose.yml", &format!("services: {{ app: {{ image: \"a:1\", {key} }} }}\n"));
        lab.hl(&["validate"]).code(1).never_says(CANARY);
        lab.hl(&["plan", "-v"]).code(1).never_says(CANARY);
    }
}

fn the_caller_may_allow_what_the_repository_may_not() {
    let hostile = Hostile::new("local");
    let (lab, shared) = (&hostile.lab, hostile.out("out.env"));
    let text = format!("services: {{ app: {{ image: \"app:1\", env_file: {} }} }}\n", shared.display());
    lab.write("services/web/docker-compose.yml", &text);
    lab.hl(&["validate"]).code(1).talks("is outside of the repository").talks("--allow-read").talks("allow_read:");
    lab.hl(&["validate", "--allow-read", &shared.display().to_string()]).code(0);
    lab.hl(&["validate", "--allow-read", "../out"]).code(0);
    lab.hl(&["validate", "--allow-read", "../other"]).code(1);
    let preferences = lab.home().join(".config/hl/config.yaml");
    std::fs::create_dir_all(preferences.parent().unwrap()).unwrap();
    std::fs::write(&preferences, format!("allow_read: [{}]\n", hostile.out("").display())).unwrap();
    lab.hl(&["validate"]).code(0);
    std::fs::write(&preferences, "allow_read: [../out]\n").unwrap();
    lab.hl(&["validate"]).code(1).talks("no absolute path");
    std::fs::remove_file(&preferences).unwrap();
    fifo(&preferences);
    lab.hl(&["validate"]).code(1).talks("a named pipe");
}

fn links_of_a_shipped_folder_are_not_copied_from_outside() {
    let hostile = Hostile::new("simulated");
    let lab = &hostile.lab;
    lab.write(
        "services/web/docker-compose.yml",
        "services: { app: { image: \"app:1\", volumes: [\"./conf:/conf:ro\"] } }\n",
    );
    lab.write("services/web/conf/inside", "inside\n");
    lab.hl(&["validate"]).code(0);
    symlink("inside", lab.repository().join("services/web/conf/alias")).unwrap();
    lab.hl(&["plan", "-v"]).code(0).says("conf/alias");
    for (name, target) in [("file", "out.env"), ("folder", "")] {
        let link = lab.repository().join("services/web/conf").join(name);
        symlink(hostile.out(target), &link).unwrap();
        lab.hl(&["validate"]).code(1).talks("HL0421").talks("outside of the repository").never_says(CANARY);
        lab.hl(&["plan", "-v"]).code(1).never_says(CANARY);
        std::fs::remove_file(&link).unwrap();
    }
}

fn a_service_of_this_machine_reads_what_is_its_own() {
    let lab = Homelab::without_engine();
    let root = lab.node_root();
    let topology =
        format!("version: 1\nname: home\nnodes:\n  box: {{ address: local, root: \"{}\" }}\n", root.display());
    lab.write("inventory/topology.yaml", &topology);
    for (service, word) in [("web", "own"), ("db", "others")] {
        std::fs::create_dir_all(root.join("config").join(service)).unwrap();
        std::fs::create_dir_all(root.join("data").join(service)).unwrap();
        std::fs::write(root.join(format!("config/{service}/more.env")), format!("A={word}\n")).unwrap();
        std::fs::write(root.join(format!("data/{service}/more.env")), format!("A={word}\n")).unwrap();
    }
    symlink(root.join("config/db/more.env"), root.join("data/web/link.env")).unwrap();
    let with = |path: &str| {
        let text = format!("services: {{ app: {{ image: \"app:1\", env_file: {}/{path} }} }}\n", root.display());
        lab.write("services/web/docker-compose.yml", &text);
        lab.hl(&["validate"]).code
    };
    assert_eq!(["config/web/more.env", "data/web/more.env"].map(with), [0, 0]);
    assert_eq!(
        ["config/db/more.env", "data/db/more.env", "data/web/link.env", "data/web/../db/more.env"].map(with),
        [1; 4]
    );
}
