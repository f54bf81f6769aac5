//! A pull request sees no value of a node, whatever place it has it put into: every key, every output.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use hl::compose::schema::keys;
use serde_json::{Value, json};

use super::keys::{compose, shapes};
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(no_key_shows_a_value_of_a_node_to_a_stranger),
    trial!(what_runs_with_the_values_of_yesterday_shows_none_of_them),
    trial!(a_stranger_unmasks_nothing),
    trial!(only_machines_of_the_base_are_asked),
    trial!(the_record_is_that_of_the_base),
    trial!(a_file_of_the_node_is_not_told_by_a_file_of_the_same_name),
    trial!(nothing_is_decrypted_and_nothing_is_written),
    trial!(the_owner_is_told_what_the_repository_knows_itself),
    trial!(without_a_base_nothing_is_planned),
];

/// Values of a node's `.env`: a word, a number and a path.
const WORD: &str = "zq7canaryxw";
const NUMBER: &str = "47123";

const FORMATS: [&[&str]; 4] = [&[], &["-v"], &["-v", "--format", "json"], &["-v", "--format", "markdown"]];

struct Proposal {
    lab: Homelab,
}

impl Proposal {
    /// A homelab with one simulated machine, of which nothing is committed yet.
    fn new() -> Proposal {
        let lab = Homelab::without_engine();
        lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  box: { address: simulated }\n");
        lab.write(".gitignore", "state/simulated/\nstate/lock\nstate/journal.jsonl\n");
        let proposal = Proposal { lab };
        proposal.git(&["init", "--quiet", "--initial-branch=main"]);
        proposal
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        self.lab.settle(&mut command);
        command.args(["-c", "user.name=ann", "-c", "user.email=ann@localhost"]).args(arguments);
        let output = command.output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "change"]);
    }

    /// Commits the base; what comes is somebody's change.
    fn branch(&self) {
        self.commit();
        self.git(&["checkout", "--quiet", "-b", "change"]);
    }

    /// Puts files onto the machine.
    fn on_node(&self, files: &[(String, String)]) {
        let path = self.lab.repository().join("state/simulated/box.json");
        let text = std::fs::read_to_string(&path).ok();
        let mut machine: Value =
            text.map_or(json!({ "format_version": 1 }), |text| serde_json::from_str(&text).unwrap());
        for (path, text) in files {
            for folder in std::path::Path::new(path).ancestors().skip(1) {
                let folder = folder.display().to_string();
                if machine["files"].get(&folder).is_none() {
                    machine["files"][&folder] =
                        json!({ "directory": null, "mode": 0o755, "uid": 0, "gid": 0, "modified": 1 });
                }
            }
            machine["files"][path] = json!({ "file": text, "mode": 0o600, "uid": 0, "gid": 0, "modified": 1 });
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, machine.to_string()).unwrap();
    }

    fn plan(&self, more: &[&str]) -> Outcome {
        let arguments = [&["plan", "--untrusted"], more].concat();
        let mut command = assert_cmd::Command::from_std(self.lab.command(&arguments));
        let output = command.timeout(Duration::from_secs(170)).output().expect("hl runs");
        Outcome::new(format!("hl {}", arguments.join(" ")), &output, str::to_owned)
    }
}

/// The first place of a word in a text, with what stands around it.
#[track_caller]
fn assert_clean(outcome: &Outcome) {
    for word in [WORD, NUMBER] {
        for text in [&outcome.stdout, &outcome.stderr] {
            let found = text.lines().find(|line| line.to_lowercase().contains(word));
            assert!(found.is_none(), "`{}` says {word}: {found:?}", outcome.command);
        }
    }
}

/// A service for each key in each shape: its name, and its file.
fn services() -> Vec<(String, Value)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    // So many instances are nothing that anyone plans.
    let counts = |path: &str| path.ends_with("scale") || path.ends_with("replicas");
    for key in keys().into_iter().filter(|key| !counts(&key.path)) {
        for text in ["${WORD}", "${NUMBER}", "/srv/${WORD}", "a=${WORD}", "${WORD}=a", "a:${NUMBER}", "${NUMBER}:80"] {
            for value in shapes(&key.key.accepts, text) {
                let file = compose(&key.path, value);
                if seen.insert(file.to_string()) {
                    found.push((format!("s{}", found.len()), file));
                }
            }
        }
    }
    found
}

/// A proposal of all these services, and those among them that are valid.
fn proposed(services: &[(String, Value)]) -> (Proposal, BTreeSet<String>) {
    let proposal = Proposal::new();
    proposal.branch();
    let env = format!("WORD={WORD}\nNUMBER={NUMBER}\n");
    let files = services.iter().map(|(name, _)| (format!("/opt/homelab/config/{name}/.env"), env.clone()));
    proposal.on_node(&files.collect::<Vec<_>>());
    for (name, file) in services {
        proposal.lab.write(&format!("services/{name}/docker-compose.yml"), &file.to_string());
        proposal.lab.write(&format!("services/{name}/conf"), "inside\n");
    }
    // Services with errors are said, and go.
    let mut valid: BTreeSet<String> = services.iter().map(|(name, _)| name.clone()).collect();
    loop {
        let outcome = proposal.plan(&[]);
        assert_clean(&outcome);
        let wrong: BTreeSet<String> = outcome
            .stderr
            .split("error[")
            .skip(1)
            .filter_map(|text| text.split("services/").nth(1)?.split('/').next().map(str::to_owned))
            .filter(|name| valid.contains(name))
            .collect();
        if wrong.is_empty() {
            break;
        }
        for name in wrong {
            std::fs::remove_dir_all(proposal.lab.repository().join("services").join(&name)).unwrap();
            valid.remove(&name);
        }
    }
    (proposal, valid)
}

fn no_key_shows_a_value_of_a_node_to_a_stranger() {
    let all = services();
    let (mut planned, mut lots) = (0, 0);
    for lot in all.chunks(400) {
        let (proposal, valid) = proposed(lot);
        proposal.commit();
        for format in FORMATS {
            assert_clean(&proposal.plan(format));
        }
        planned += valid.len();
        lots += 1;
    }
    assert!(all.len() > 600 && planned > 200 && lots > 1, "{} tried, {planned} planned", all.len());
}

/// The record of an owner's applies, which is committed, tells nothing of a node either, but for the names of things, by which
/// they are found again.
#[track_caller]
fn recorded_is_clean(lab: &Homelab) {
    let record = std::fs::read_to_string(lab.repository().join("state/homelab.json")).expect("it is there");
    let record: Value = serde_json::from_str(&record).expect("it is JSON");
    let resources = record["resources"].as_object().expect("there are some");
    let says = |value: &Value| [WORD, NUMBER].iter().any(|word| value.to_string().to_lowercase().contains(word));
    let mut found = Vec::new();
    for (addr, resource) in resources {
        for view in ["declared", "baseline"] {
            let fields = resource[view].as_object().into_iter().flatten();
            let is_name = |field: &str| field == "name" || field.starts_with("networks.");
            let told = fields.filter(|(field, value)| !is_name(field) && says(value));
            found.extend(told.map(|(field, value)| format!("{addr} {view} {field}: {value}")));
        }
    }
    assert!(resources.len() > 20 && found.is_empty(), "{} are recorded: {found:#?}", resources.len());
}

fn what_runs_with_the_values_of_yesterday_shows_none_of_them() {
    let all: Vec<_> = services().into_iter().step_by(5).collect();
    let (proposal, mut valid) = proposed(&all);
    let lab = &proposal.lab;
    // Some cannot be applied beside others.
    for _ in 0..9 {
        let plan: Value = serde_json::from_str(&lab.hl(&["plan", "--format", "json"]).stdout).unwrap();
        let objections = plan["objections"].as_array().unwrap();
        if objections.is_empty() {
            break;
        }
        let addresses = objections.iter().filter_map(|objection| objection["address"].as_str());
        for service in addresses.filter_map(|address| address.split('/').nth(1)) {
            std::fs::remove_dir_all(lab.repository().join("services").join(service)).ok();
            valid.remove(service);
        }
    }
    proposal.commit();
    let applied = lab.hl(&["apply", "--yes"]);
    recorded_is_clean(lab);
    proposal.git(&["checkout", "--quiet", "-B", "main"]);
    proposal.commit();
    proposal.git(&["checkout", "--quiet", "-b", "other"]);
    let machine = std::fs::read_to_string(lab.repository().join("state/simulated/box.json")).unwrap();
    let there = machine.matches("\"com.docker.compose.project\"").count();
    for name in &valid {
        lab.write(
            &format!("services/{name}/docker-compose.yml"),
            "services: { app: { image: \"other:2\", user: nobody } }\n",
        );
    }
    proposal.commit();
    for format in FORMATS {
        assert_clean(&proposal.plan(format));
    }
    // The same with the files as they are: what differs is on the node.
    proposal.git(&["checkout", "--quiet", "main"]);
    proposal.git(&["checkout", "--quiet", "-b", "same"]);
    for format in FORMATS {
        assert_clean(&proposal.plan(format));
    }
    assert!(there > 20, "{there} of {} run: {applied}", valid.len());
}

fn a_stranger_unmasks_nothing() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    proposal.branch();
    proposal.on_node(&[("/opt/homelab/config/web/.env".to_owned(), format!("WORD={WORD}\nNUMBER={NUMBER}\n"))]);
    lab.write(
        "services/web/docker-compose.yml",
        "services: { app: { image: \"app:1\", environment: { A: \"${WORD}\", B: \"${NUMBER}\" } } }\n",
    );
    lab.write("services/web/service.yaml", "env: { plain: [WORD, NUMBER] }\n");
    lab.write("services/web/env.example", "NUMBER=\n");
    proposal.commit();
    for format in FORMATS {
        let outcome = proposal.plan(format);
        assert_clean(outcome.code(0));
    }
}

fn only_machines_of_the_base_are_asked() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    lab.write("services/web/docker-compose.yml", "services: { app: { image: \"app:1\" } }\n");
    proposal.branch();
    lab.write(
        "inventory/topology.yaml",
        "version: 1\nname: home\nnodes:\n  box: { address: simulated, root: /etc }\n  new: { address: \"ssh://127.0.0.1:9\" }\n",
    );
    lab.write("services/web/service.yaml", "owner_node: box\n");
    lab.write("services/db/docker-compose.yml", "services: { app: { image: \"app:1\" } }\n");
    lab.write("services/db/service.yaml", "owner_node: new\n");
    proposal.commit();
    let outcome = proposal.plan(&[]);
    outcome.code(3).says_in_words("not as the base of this change has it");
    assert!(!outcome.stdout.contains("refused"), "{outcome}");
    // A machine of the base is asked as the base has it.
    lab.write(
        "inventory/topology.yaml",
        "version: 1\nname: home\nnodes:\n  box: { address: simulated, parallelism: 9 }\n",
    );
    std::fs::remove_dir_all(lab.repository().join("services/db")).unwrap();
    proposal.commit();
    proposal.plan(&[]).code(0).says("create");
    proposal.plan(&["--base", "HEAD"]).code(0);
    proposal.plan(&["--base", "nothing"]).code(1).talks("no commit");
}

fn the_record_is_that_of_the_base() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    proposal.on_node(&[("/etc/shadow".to_owned(), format!("root:{WORD}\n"))]);
    lab.write("services/web/docker-compose.yml", "services: { app: { image: \"app:1\" } }\n");
    lab.hl(&["apply", "--yes"]).code(0);
    proposal.branch();
    let path = lab.repository().join("state/homelab.json");
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let resources = record["resources"].as_object_mut().unwrap();
    let mut made_up = resources.values().next().unwrap().clone();
    made_up["id"] = json!("/etc/shadow");
    made_up["declared"] = json!({ "state": { "state": "present" }, "content": "x" });
    made_up["baseline"] = json!({ "content": "x" });
    resources.insert("box/web/file:shadow".to_owned(), made_up);
    std::fs::write(&path, record.to_string()).unwrap();
    proposal.commit();
    for format in FORMATS {
        let outcome = proposal.plan(format);
        assert_clean(outcome.code(0).never_says("shadow"));
    }
}

fn a_file_of_the_node_is_not_told_by_a_file_of_the_same_name() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    proposal.on_node(&[("/etc/shadow".to_owned(), format!("root:{WORD}\nann:{WORD}\n"))]);
    proposal.branch();
    lab.write(
        "services/web/docker-compose.yml",
        "services: { app: { image: \"app:1\", volumes: [\"./shadow:/shadow:ro\"] } }\n",
    );
    lab.write("services/web/service.yaml", "project_dir: /etc\n");
    lab.write("services/web/shadow", "root:x\n");
    proposal.commit();
    for format in FORMATS {
        assert_clean(&proposal.plan(format));
    }
}

fn nothing_is_decrypted_and_nothing_is_written() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    lab.write("services/web/docker-compose.yml", "services: { app: { image: \"app:1\" } }\n");
    lab.write(
        "services/web/secrets.env",
        "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n",
    );
    proposal.branch();
    let marker = lab.scratch("decrypted");
    lab.program("age", &format!("touch {}\n", marker.display()));
    lab.program("sops", &format!("touch {}\n", marker.display()));
    let before = listing(lab.folder());
    let outcome = proposal.plan(&[]);
    outcome.code(0).talks("stays closed");
    assert!(!marker.exists(), "something was decrypted");
    assert_eq!(listing(lab.folder()), before);
    lab.hl(&["plan", "--untrusted", "-o", "saved"]).code(64);
    lab.hl(&["plan", "--untrusted", "--allow-read", "/etc"]).code(64);
    lab.hl(&["plan", "--base", "main"]).code(64);
}

/// The files below a folder, but git's.
fn listing(folder: &std::path::Path) -> BTreeSet<String> {
    let output =
        Command::new("find").arg(folder).args(["-path", "*/.git", "-prune", "-o", "-type", "f", "-print"]).output();
    String::from_utf8_lossy(&output.expect("find runs").stdout).lines().map(str::to_owned).collect()
}

fn the_owner_is_told_what_the_repository_knows_itself() {
    let proposal = Proposal::new();
    let lab = &proposal.lab;
    proposal.on_node(&[("/opt/homelab/config/web/.env".to_owned(), format!("WORD={WORD}\n"))]);
    lab.write(
        "services/web/docker-compose.yml",
        "services: { app: { image: \"app:1\", environment: { A: \"${WORD}\", L: \"${LEVEL}\" } } }\n",
    );
    lab.write("services/web/.env", "LEVEL=debugging\n");
    lab.write("services/web/service.yaml", "env: { plain: [WORD, LEVEL] }\n");
    proposal.commit();
    // One is on the node alone; the other everyone can read.
    lab.hl(&["plan", "-v"]).code(0).never_says(WORD).says("debugging");
}

fn without_a_base_nothing_is_planned() {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  box: { address: simulated }\n");
    lab.hl(&["plan", "--untrusted"]).code(1).talks("base of the change is not known").talks("fetch-depth");
}
