//! What real Compose has started is hl's without a change: no field of any container, network or volume differs from
//! what the compose files say. This is what makes a first plan on a running homelab empty.

use std::collections::BTreeMap;
use std::path::Path;

use hl::config::{self, Repository};
use hl::diff::Change;
use hl::model::view::RecordedView;
use hl::model::{Kind, Sealer};
use hl::node::{Options, refresh};
use hl::workflow::{engine_states, node_facts};
use serde_json::{Value, json};

use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::{Homelab, Lives};
use crate::support::outcome::Outcome;
use crate::support::own::OwnEngine;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(common_keys_are_adopted_as_they_are, needs Engine, Compose),
    trial!(rare_keys_are_adopted_as_they_are, needs Engine, Compose),
    trial!(after_a_power_cut_only_what_does_not_run_is_started, needs Engine, Root),
];

const SOMEBODY_ELSES: &str = "sample-lab-ext";

fn common_keys_are_adopted_as_they_are() {
    adopted("first");
}

fn rare_keys_are_adopted_as_they_are() {
    adopted("second");
}

/// Containers that come back by themselves are in sync, all others are started, and none is made anew.
fn after_a_power_cut_only_what_does_not_run_is_started() {
    let own = OwnEngine::start();
    let engine = own.engine();
    let lab = Homelab::on(&engine);
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/adoption/second");
    lab.copy(&case, "services/sample-lab-second");
    lab.write("services/sample-lab-second/service.yaml", "owner_node: box\n");
    surroundings(&lab, &engine);
    lab.hl(&["apply", "--yes"]).code(0);
    let made = lives(&lab);
    own.cut();
    let plan = lab.hl(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan in JSON");
    let changes = plan["changes"].as_array().expect("a list");
    assert!(!changes.is_empty(), "most of these have no restart policy");
    for change in changes {
        let fields: Vec<&Value> = change["fields"].as_array().expect("a list").iter().map(|f| &f["field"]).collect();
        assert_eq!((&change["kind"], &change["action"]), (&"container".into(), &"restart".into()), "{change:#}");
        assert_eq!(fields, ["state"], "{change:#}");
    }
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(ids(&made), ids(&lives(&lab)));
    settled(&lab, "started again");
}

/// Starts a case with Compose, looks at it after each stage of a container's life, and adopts it; then makes it with hl
/// and lets Compose work on it.
fn adopted(case: &str) {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/adoption").join(case);
    let service = format!("sample-lab-{case}");
    lab.copy(&folder, &format!("services/{service}"));
    let here = lab.repository().join("services").join(lab.name(&service));
    lab.write(
        &format!("services/{service}/service.yaml"),
        &format!("owner_node: box\nproject_dir: {}\n", here.display()),
    );
    surroundings(&lab, &engine);
    let run = |arguments: &[&str]| compose::run(&lab, &service, &engine.address(), arguments);
    run(&["create", "--pull", "never"]).code(0);
    unchanged(&lab, "created");
    run(&["up", "--detach", "--pull", "never"]).code(0);
    unchanged(&lab, "started");
    run(&["restart", "--timeout", "1"]).code(0);
    unchanged(&lab, "restarted");
    adopt(&lab);
    take_down(&engine, &lab.name(&service), &run);

    lab.hl(&["apply", "--yes"]).code(0);
    settled(&lab, "made");
    let made = lives(&lab);
    compose_works(&run, made.len());
    settled(&lab, "restarted by Compose");
    assert_eq!(ids(&made), ids(&lives(&lab)));
    let made = lives(&lab);
    std::fs::remove_dir_all(lab.repository().join("state")).expect("the state can be thrown away");
    adopt(&lab);
    assert_eq!(made, lives(&lab));
}

/// Has Compose remove everything. Engine 20.10 may hold the end of a container that has just been removed, and now and then
/// loses count of them: it then keeps a network on which nothing is, saying that it "has active endpoints", until it is
/// restarted. Such a network stays.
fn take_down(engine: &Engine, project: &str, run: &impl Fn(&[&str]) -> Outcome) {
    let down = || run(&["down", "--volumes", "--timeout", "1"]);
    let mut last = down();
    for _ in 0..5 {
        if last.code == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
        last = down();
    }
    let left = engine.owned(|name| name == project);
    let is_empty = |path: &String| path.starts_with("/networks/") && engine.get(path)["Containers"] == json!({});
    assert!(last.stderr.contains("has active endpoints") && left.iter().all(is_empty), "{last}");
}

/// What the cases find on the node: a network and a container of somebody else.
fn surroundings(lab: &Homelab, engine: &Engine) {
    engine.post("/networks/create", &json!({"Name": lab.name("sample-lab-extnet")}));
    let name = lab.name(SOMEBODY_ELSES);
    let policy = json!({"Name": "always"});
    let request = json!({"Image": "hl-test/app:1", "HostConfig": {"RestartPolicy": policy}});
    engine.post(&format!("/containers/create?name={name}"), &request);
    engine.post(&format!("/containers/{name}/start"), &Value::Null);
}

/// Adopts everything: the plan says so of each container, none is touched, and nothing is left to do.
#[track_caller]
fn adopt(lab: &Homelab) {
    let before = lives(lab);
    let plan = lab.hl(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan in JSON");
    let containers: Vec<&Value> =
        plan["changes"].as_array().expect("a list").iter().filter(|c| c["kind"] == "container").collect();
    let others: Vec<&&Value> = containers.iter().filter(|c| c["action"] != "adopt").collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(containers.len(), before.len());
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lives(lab), before, "a container was touched");
    settled(lab, "adopted");
}

#[track_caller]
fn settled(lab: &Homelab, when: &str) {
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    assert!(plan.code == 0 && plan.stdout.starts_with("No changes."), "{when}: {plan}");
    lab.hl(&["drift"]).code(0);
}

/// The containers that are hl's or Compose's.
fn lives(lab: &Homelab) -> Lives {
    let mut lives = lab.lives();
    lives.remove(SOMEBODY_ELSES);
    lives
}

fn ids(lives: &Lives) -> BTreeMap<&str, &str> {
    lives.iter().map(|(name, (id, _))| (name.as_str(), id.as_str())).collect()
}

/// `docker-compose ps`, `logs` and `restart` work on what hl made.
#[track_caller]
fn compose_works(run: &dyn Fn(&[&str]) -> Outcome, containers: usize) {
    let listed = run(&["ps", "--all", "--quiet"]);
    assert_eq!(listed.code(0).stdout.lines().count(), containers, "{listed}");
    run(&["logs"]).code(0);
    run(&["restart", "--timeout", "1"]).code(0);
}

/// Asserts that every change is an adoption, without any field that differs.
#[track_caller]
fn unchanged(lab: &Homelab, when: &str) {
    let changes = changes(lab);
    let mut complaints = Vec::new();
    for change in &changes {
        if change.live_id.is_none() {
            // Folders and files of hl's own are not Compose's work.
            if !matches!(change.addr.kind, Kind::Directory | Kind::File | Kind::Image) {
                complaints.push(format!("{}: is not there", change.addr));
            }
            continue;
        }
        for field in &change.fields {
            // Before the start nothing runs, as it must be.
            let unstarted = when == "created" && field.field.to_string() == "state";
            if field.verdict.needs_action() && !unstarted {
                complaints.push(format!(
                    "{}: {}: declared {:?}, live {:?}",
                    change.addr, field.field, field.declared, field.live
                ));
            }
        }
    }
    assert!(changes.iter().any(|change| change.addr.kind == Kind::Container), "nothing was found");
    assert!(complaints.is_empty(), "{when}:\n{}", lab.stand_in(&complaints.join("\n")));
}

/// What hl says without a record of anything.
fn changes(lab: &Homelab) -> Vec<Change> {
    let repository = Repository::on_disk(lab.repository(), lab.repository(), None);
    let (sources, diagnostics) = config::load(repository);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let (wanted, drafts) = config::wanted(&sources, &[]);
    let nodes = sources.nodes.iter().map(|(name, source)| (name.clone(), source.node.clone())).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let live = runtime.block_on(refresh(&nodes, &Options::default(), wanted));
    let resolution = config::resolve(&sources, drafts, &node_facts(&live), &[]);
    let resolved = resolution.complete(&engine_states(&live));
    assert_eq!(resolved.homelab.unresolved, BTreeMap::new(), "{:?}", resolved.diagnostics);
    hl::diff::diff(&resolved.homelab, &RecordedView::default(), &live, &Sealer::new([0; 32]))
}
