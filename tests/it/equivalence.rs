//! What hl creates is what Compose would have created: the same files, real Compose and hl, and the requests of both
//! compared field by field.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::compose::{self, Release};
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::proxy::{Proxy, Verdict};
use crate::support::sent::{self, Difference, Fields, Made};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(common_keys_are_created_alike, needs Engine, Compose),
    trial!(rare_keys_are_created_alike, needs Engine, Compose),
    trial!(a_project_of_many_files_is_created_alike, needs Engine, Compose),
    trial!(what_leans_on_others_is_created_alike, needs Engine, Compose),
];

/// Why a difference is no fault of hl's, if it is none: a way of one Compose that others do not share, or one that no two
/// worlds have in common. `sent` is all that Compose sent for the resource.
fn quirk(difference: &Difference, sent: &Fields, release: Release) -> Option<&'static str> {
    let is_container = difference.resource.starts_with("container ");
    match difference.field.as_str() {
        "label com.docker.compose.config-hash" if release == Release::Newer && !is_container => {
            Some("networks and volumes have a hash of their own; without one Compose takes them as they are")
        }
        "CheckDuplicate" if release == Release::Newer => {
            Some("engines have looked for duplicates by themselves since 1.44")
        }
        field if release == Release::Newer && field.starts_with("file ") && difference.first.is_null() => {
            Some("contents are copied when a container starts, and not when it is created")
        }
        "label com.docker.compose.config-hash" if speaks_of_others(sent) => {
            Some("the ids of other containers go into it; that Compose recreates none of them is held all the same")
        }
        "MacAddress" if difference.first.is_null() => {
            Some("Compose drops the address of a service whose first network is a mapping, below API 1.44")
        }
        _ => None,
    }
}

/// Whether a container shares something with another one.
fn speaks_of_others(sent: &Fields) -> bool {
    let shared = |key: &str| sent.get(key).and_then(Value::as_str).is_some_and(|mode| mode.starts_with("container:"));
    ["NetworkMode", "PidMode", "IpcMode"].iter().any(|key| shared(key)) || sent.contains_key("VolumesFrom")
}

fn common_keys_are_created_alike() {
    alike("adoption/first");
}

fn rare_keys_are_created_alike() {
    alike("adoption/second");
}

fn a_project_of_many_files_is_created_alike() {
    alike("equivalence/layers");
}

fn what_leans_on_others_is_created_alike() {
    alike("equivalence/stack");
}

/// Makes a case with Compose and then, in a world without it, with hl.
fn alike(case: &str) {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case);
    let service = format!("sample-lab-{}", case.rsplit('/').next().unwrap_or(case));
    lab.copy(&folder, &format!("services/{service}"));
    // An apply waits for the first check, and 90 seconds are long.
    let file = std::fs::read_to_string(folder.join("docker-compose.yml")).expect("a text");
    let (release, version) = compose::release();
    let file = match release {
        Release::Older => file,
        // It takes a day for a date, and no date for a variable.
        Release::Newer => file.replace("DAY: 2024-01-01", "DAY: \"2024-01-01\""),
    };
    if let (Release::Newer, Ok(env)) = (release, std::fs::read_to_string(folder.join("one.env"))) {
        // The older one looks for variables of an env file in that file alone, and hl follows it.
        let kept: String = env.lines().filter(|line| !line.contains("${")).map(|line| format!("{line}\n")).collect();
        lab.write(&format!("services/{service}/one.env"), &kept);
    }
    lab.write(&format!("services/{service}/docker-compose.yml"), &file.replace("interval: 1m30s", "interval: 1s"));
    let proxy = |name: &str| {
        Proxy::start(engine.socket(), &lab.scratch(name), |_| Verdict::Forward).expect("a proxy can listen")
    };
    let (for_compose, for_hl) = (proxy("c.sock"), proxy("h.sock"));
    lab.write(
        "inventory/topology.yaml",
        &format!(
            "version: 1\nname: home\nnodes:\n  box: {{ address: \"{}\", root: \"{}\", undeclared: ignore }}\n\
             services:\n  {service}: {{ owner_node: box }}\n",
            for_hl.address(),
            lab.node_root().display()
        ),
    );
    let external = serde_json::json!({"Name": lab.name("sample-lab-extnet")});
    engine.post("/networks/create", &external);
    compose::run(&lab, &service, &for_compose.address(), &["create", "--pull", "never"]).code(0);
    let by_compose = sent::made(&for_compose.requests(), &engine);
    engine.sweep(|name| name == lab.name(&service));
    // A container that tells which Compose there is: its releases make different hashes of one file.
    let labels = serde_json::json!({
        "com.docker.compose.project": lab.name("sample-lab-witness"),
        "com.docker.compose.service": "witness",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.version": version,
    });
    let witness = serde_json::json!({ "Image": "hl-test/plain:1", "Labels": labels });
    engine.post(&format!("/containers/create?name={}", lab.name("sample-lab-witness-1")), &witness);
    lab.hl(&["apply", "--yes"]).code(0);
    let by_hl = sent::made(&for_hl.requests(), &engine);
    assert_alike(&lab, &by_compose, &by_hl);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    let before = ids(&engine, &lab);
    compose::run(&lab, &service, &engine.address(), &["up", "--detach", "--pull", "never"]).code(0);
    let recreated: Vec<String> = before.difference(&ids(&engine, &lab)).map(|(name, _)| lab.stand_in(name)).collect();
    assert_eq!(recreated, [""; 0], "Compose takes what hl made for its own");
}

/// The containers of a lab by name and id.
pub fn ids(engine: &Engine, lab: &Homelab) -> BTreeSet<(String, String)> {
    let found = engine.containers(&lab.name("sample-lab"));
    found.into_iter().map(|name| (name.clone(), engine.inspect(&name)["Id"].to_string())).collect()
}

#[track_caller]
fn assert_alike(lab: &Homelab, by_compose: &Made, by_hl: &Made) {
    let complaints = complaints(by_compose, by_hl);
    assert!(complaints.is_empty(), "{}", lab.stand_in(&complaints.join("\n")));
}

/// Every difference that no quirk explains, in words.
pub fn complaints(by_compose: &Made, by_hl: &Made) -> Vec<String> {
    assert!(!by_compose.is_empty(), "Compose made nothing");
    let (nothing, (release, _)) = (Fields::new(), compose::release());
    let unexplained = |difference: &Difference| {
        let sent = by_compose.get(&difference.resource).unwrap_or(&nothing);
        quirk(difference, sent, release).is_none()
    };
    let found = sent::differences(by_compose, by_hl).into_iter().filter(unexplained);
    found.map(|it| format!("{}: {}: Compose {}, hl {}", it.resource, it.field, it.first, it.second)).collect()
}
