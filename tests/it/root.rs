//! The homelab at the root on an engine that has nothing: its first plan, as people and pull requests see it.
//!
//! `HL_BLESS=1` writes `tests/cases/root/first-plan.md` anew; read it aloud before it is committed.

use std::path::{Path, PathBuf};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(the_first_plan_lists_every_service_after_what_it_needs, needs Engine),
    trial!(the_first_plan_reads_well_in_a_pull_request, needs Engine),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The root's inventory and services, with the private engine as its one node, on which a person has set a secret.
fn copy(engine: &Engine) -> Homelab {
    let lab = Homelab::on(engine);
    let topology = std::fs::read_to_string(root().join("inventory/topology.yaml")).expect("there is a topology");
    let topology = topology
        .replace("    address: local\n", &format!("    address: \"{}\"\n    undeclared: ignore\n", engine.address()))
        .replace("/opt/homelab", &lab.node_root().display().to_string());
    lab.write("inventory/topology.yaml", &topology);
    for file in files(&root().join("services")) {
        let path = file.strip_prefix(root()).expect("it is below the root").display().to_string();
        let target = lab.repository().join(&path);
        std::fs::create_dir_all(target.parent().expect("it is in a folder")).expect("a folder can be made");
        std::fs::copy(&file, &target).expect("a file can be copied");
    }
    let folder = lab.node_root().join("config/vaultwarden");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let env = folder.join(".env");
    std::fs::write(&env, "ADMIN_TOKEN=hunter2hunter2\n").expect("a secret can be set");
    std::fs::set_permissions(&env, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode can be set");
    lab
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found
}

/// The services of a plan in the order of its first lines.
fn listed(plan: &str) -> Vec<&str> {
    let lines = plan.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()?.strip_prefix("local/")).collect()
}

fn the_first_plan_lists_every_service_after_what_it_needs() {
    let engine = Engine::connect();
    let lab = copy(&engine);
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(2).never_says("hunter2");
    let listed = listed(&plan.stdout);
    let declared = std::fs::read_dir(root().join("services")).expect("there are services").count();
    assert_eq!(listed.len(), declared, "{plan}");
    for (place, service) in listed.iter().enumerate() {
        let text = std::fs::read_to_string(root().join(format!("services/{service}/service.yaml"))).expect("a file");
        let yaml: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        for needed in yaml["depends_on"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
            assert!(listed[..place].contains(&needed), "{service} stands before {needed}, which it needs");
        }
    }
}

fn the_first_plan_reads_well_in_a_pull_request() {
    let engine = Engine::connect();
    let lab = copy(&engine);
    let plan = lab.hl(&["plan", "--format", "markdown"]);
    plan.code(0).never_says("hunter2");
    assert!(plan.stdout.len() < 60_000);
    // Where a line is folded depends on the length of this folder's name, so folded lines are joined.
    let folded = format!("\n{}", " ".repeat(21));
    let text = plan.stdout.replace(&folded, " ");
    let path = root().join("tests/cases/root/first-plan.md");
    if std::env::var_os("HL_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(&path, &text).expect("it can be written");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("there is an expectation"), text, "HL_BLESS=1 writes it anew");
}
