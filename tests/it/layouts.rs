//! Repositories as people have them, started by real Compose as their owners start them: hl takes each over as it is, with
//! nothing moved or linked, and its next plan is empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::own::OwnEngine;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(layouts_of_one_machine_are_adopted, needs Engine, Compose),
    trial!(layouts_of_several_machines_are_adopted, needs Engine, Compose, Root),
    trial!(what_runs_is_taken_in_by_one_command, needs Engine, Compose, Root),
    trial!(links_out_of_the_repository_need_the_owners_word, needs Engine, Compose),
    trial!(a_service_that_comes_to_run_on_several_machines_is_the_same, needs Engine, Root),
];

/// A repository of `tests/cases/layouts` whose nodes are these engines.
fn layout(case: &str, engines: &BTreeMap<&str, Engine>) -> Homelab {
    let lab = Homelab::on(&engines["NAS"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/layouts").join(case);
    lab.copy(&folder.join("repo"), ".");
    let mut topology = std::fs::read_to_string(folder.join("topology.yaml")).expect("each case has a topology");
    for (name, engine) in engines {
        topology = topology.replace(&format!("ADDRESS_{name}"), &engine.address());
    }
    lab.write("inventory/topology.yaml", &topology.replace("ROOT", &lab.folder().display().to_string()));
    let script = std::fs::read_to_string(folder.join("start.sh")).expect("each case says how it is started");
    let mut command = Command::new("sh");
    lab.settle(&mut command);
    command.env("COMPOSE", compose::find().expect("the trial needs Compose"));
    command.env("DOCKER_CONFIG", lab.scratch("docker-config")).env("DOCKER_HOST", engines["NAS"].address());
    command.envs(engines.iter().map(|(name, engine)| (*name, engine.address())));
    let output = command.arg("-c").arg(lab.name(&script)).output().expect("sh runs");
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    lab
}

/// The containers of all engines, with their ids and the times of their start.
fn lives(lab: &Homelab, engines: &BTreeMap<&str, Engine>) -> BTreeMap<String, (Value, Value)> {
    let mut found = BTreeMap::new();
    for (at, engine) in engines {
        for name in engine.containers(&lab.name("sample-lab")) {
            let container = engine.inspect(&name);
            found.insert(format!("{at}/{name}"), (container["Id"].clone(), container["State"]["StartedAt"].clone()));
        }
    }
    found
}

/// All that runs is adopted, and nothing of it is touched.
fn adopted(case: &str, lab: &Homelab, engines: &BTreeMap<&str, Engine>) {
    let before = lives(lab, engines);
    assert!(!before.is_empty(), "{case}: nothing was started");
    lab.hl(&["validate"]).code(0);
    let plan = lab.hl(&["plan", "--format", "json"]);
    let json: Value = serde_json::from_str(&plan.code(0).stdout).expect("a plan in JSON");
    let changes = json["changes"].as_array().expect("a list");
    let others: Vec<&Value> = changes.iter().filter(|change| change["action"] != "adopt").collect();
    assert!(others.is_empty(), "{case}: {others:#?}\n{}", lab.hl(&["plan"]));
    let containers = changes.iter().filter(|change| change["kind"] == "container").count();
    assert_eq!(containers, before.len(), "{case}: {}", lab.hl(&["plan"]));
    lab.hl(&["apply", "--yes"]).code(0).never_says("secret-of-");
    assert_eq!(lives(lab, engines), before, "{case}");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
    lab.hl(&["status", "--check"]).code(0);
    let state = std::fs::read_to_string(lab.repository().join("state/homelab.json")).expect("it is recorded");
    assert!(!state.contains("secret-of-"), "{case}: {state}");
}

fn layouts_of_one_machine_are_adopted() {
    let engines = BTreeMap::from([("NAS", Engine::connect())]);
    for case in ["stacks", "roots", "groups", "include", "files", "compose_file", "stack_env", "root_env", "extends"] {
        let lab = layout(case, &engines);
        adopted(case, &lab, &engines);
    }
}

fn layouts_of_several_machines_are_adopted() {
    let (pi, vps) = (OwnEngine::start(), OwnEngine::start());
    let engines = BTreeMap::from([("NAS", Engine::connect()), ("PI", pi.engine()), ("VPS", vps.engine())]);
    for case in ["hosts", "host_files", "everywhere"] {
        let lab = layout(case, &engines);
        adopted(case, &lab, &engines);
        let removed = |name: &str| assert_eq!(lab.hl(&["delete", name, "--yes"]).code, 0, "{name}");
        match case {
            "everywhere" => {
                // Each instance has an address of its own, and the name of the service means all of them.
                lab.hl(&["plan", "--replace", "pi/sample-lab-agent"]).code(0).says("pi/sample-lab-agent/container:app");
                lab.hl(&["verify", "sample-lab-agent"]).code(0).says("All 3 services work.");
                lab.hl(&["status", "--target", "vps/sample-lab-agent"]).code(0).says("vps/sample-lab-agent");
                lab.hl(&["config", "sample-lab-agent"]).code(64).talks("runs on several nodes");
                lab.hl(&["config", "pi/sample-lab-agent"]).code(0).says("WHERE: pi");
                removed("sample-lab-agent");
            }
            "hosts" => {
                removed("sample-lab-agent");
                removed("sample-lab-web");
            }
            _ => removed("home"),
        }
        assert!(lives(&lab, &engines).is_empty(), "{case}");
    }
}

/// `hl init` finds the layout, what runs of it and as what, and its plan has nothing but adoptions.
fn what_runs_is_taken_in_by_one_command() {
    let pi = OwnEngine::start();
    let engines = BTreeMap::from([("NAS", Engine::connect()), ("PI", pi.engine())]);
    for case in ["stacks", "roots", "groups", "include", "files", "compose_file", "stack_env", "root_env", "extends"]
        .into_iter()
        .chain(["hosts", "host_files"])
    {
        let lab = layout(case, &engines);
        std::fs::remove_dir_all(lab.repository().join("inventory")).expect("it was written");
        let mut from = vec![format!("nas={}", engines["NAS"].address())];
        if case.starts_with("host") {
            from.push(format!("pi={}", engines["PI"].address()));
        }
        let before = lives(&lab, &engines);
        let arguments: Vec<&str> = from.iter().flat_map(|machine| ["--from", machine.as_str()]).collect();
        let outcome = lab.hl(&[&["init"], &arguments[..]].concat());
        outcome.code(0).never_says("secret-of-").talks("wrote inventory/topology.yaml");
        let plan = lab.hl(&["plan", "--format", "json"]);
        let plan: Value = serde_json::from_str(&plan.code(0).stdout).expect("a plan in JSON");
        let changes = plan["changes"].as_array().expect("a list");
        let others: Vec<&Value> = changes.iter().filter(|change| change["action"] != "adopt").collect();
        let topology = std::fs::read_to_string(lab.repository().join("inventory/topology.yaml")).expect("written");
        assert!(others.is_empty(), "{case}: {others:#?}\n{topology}");
        let containers = changes.iter().filter(|change| change["kind"] == "container").count();
        assert_eq!(containers, before.len(), "{case}: {topology}\n{outcome}");
        assert_eq!(lives(&lab, &engines), before, "{case}");
        // A file that is there already stays as it is.
        lab.hl(&["init"]).code(0).talks("is there already: nothing is written");
        lab.hl(&[&["init"], &arguments[..]].concat()).code(64);
        let after = std::fs::read_to_string(lab.repository().join("inventory/topology.yaml")).expect("it is there");
        assert_eq!(after, topology);
    }
}

fn links_out_of_the_repository_need_the_owners_word() {
    let engines = BTreeMap::from([("NAS", Engine::connect())]);
    let lab = layout("links", &engines);
    lab.hl(&["validate"]).code(1).talks("allow_read");
    let allowed = format!("allow_read: [\"{}\"]\n", lab.scratch("outside").display());
    let preferences = lab.home().join(".config/hl");
    std::fs::create_dir_all(&preferences).expect("a folder can be made");
    std::fs::write(preferences.join("config.yaml"), allowed).expect("a file can be written");
    adopted("links", &lab, &engines);
    std::fs::remove_file(preferences.join("config.yaml")).expect("it was written");
    let topology = std::fs::read_to_string(lab.repository().join("inventory/topology.yaml")).expect("it is there");
    lab.write("inventory/topology.yaml", &topology.replace("services_dir: stacks", "services_dir: far"));
    std::os::unix::fs::symlink(lab.scratch("outside"), lab.repository().join("far")).expect("a link can be made");
    lab.hl(&["validate"]).code(1).talks("allow_read").talks("inventory/topology.yaml");
}

/// A container on one machine is not made anew because the service comes to run on others too, nor when it is one again.
fn a_service_that_comes_to_run_on_several_machines_is_the_same() {
    let pi = OwnEngine::start();
    let engines = BTreeMap::from([("NAS", Engine::connect()), ("PI", pi.engine())]);
    let lab = Homelab::on(&engines["NAS"]);
    let declare = |service: &str| {
        let node = |name: &str, engine: &str| {
            let root = lab.folder().join(name).display().to_string();
            format!(
                "  {name}: {{ address: \"{}\", root: \"{root}\", undeclared: ignore }}\n",
                engines[engine].address()
            )
        };
        let nodes = format!("{}{}", node("nas", "NAS"), node("pi", "PI"));
        lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\nnodes:\n{nodes}services: {service}\n"));
    };
    lab.write(
        "services/sample-lab-agent/compose.yml",
        "services: { app: { image: \"hl-test/app:1\", stop_grace_period: 1s } }\n",
    );
    declare("{ sample-lab-agent: { owner_node: nas } }");
    lab.hl(&["apply", "--yes"]).code(0);
    let first = lives(&lab, &engines);
    declare("{ sample-lab-agent: { nodes: [nas, pi] } }");
    lab.hl(&["plan"]).code(0).says("+ pi/sample-lab-agent").never_says("- nas/sample-lab-agent");
    lab.hl(&["apply", "--yes"]).code(0);
    let both = lives(&lab, &engines);
    assert_eq!(both.len(), 2);
    assert!(first.iter().all(|(name, life)| both.get(name) == Some(life)), "{first:?} {both:?}");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    declare("{ sample-lab-agent: { owner_node: nas } }");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lives(&lab, &engines), first);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}
