//! What real Compose has started is hl's without a change: no field of any container, network or volume differs from
//! what the compose files say. This is what makes a first plan on a running homelab empty.

use std::collections::BTreeMap;
use std::path::Path;

use hl::config::{self, Repository};
use hl::diff::Change;
use hl::model::view::RecordedView;
use hl::model::{Kind, Sealer};
use hl::node::{Options, connect_all, refresh};

use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(common_keys_are_adopted_as_they_are, needs Engine, Compose),
    trial!(rare_keys_are_adopted_as_they_are, needs Engine, Compose),
];

fn common_keys_are_adopted_as_they_are() {
    adopted("first");
}

fn rare_keys_are_adopted_as_they_are() {
    adopted("second");
}

/// Starts a case with Compose and looks at it after each stage of a container's life.
fn adopted(case: &str) {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/adoption").join(case);
    let service = format!("sample-lab-{case}");
    copy(&folder, &lab, &format!("services/{service}"));
    lab.write(
        "inventory/topology.yaml",
        &format!(
            "version: 1\nname: home\nnodes:\n  box: {{ address: \"{}\", root: \"{}\" }}\n\
             services:\n  {service}: {{ owner_node: box }}\n",
            engine.address(),
            lab.node_root().display()
        ),
    );
    let external = serde_json::json!({"Name": lab.name("sample-lab-extnet")});
    engine.post("/networks/create", &external);
    let run = |arguments: &[&str]| {
        compose::run(&lab, &service, &engine.address(), arguments).code(0);
    };
    run(&["create", "--pull", "never"]);
    unchanged(&lab, "created");
    run(&["up", "--detach", "--pull", "never"]);
    unchanged(&lab, "started");
    run(&["restart", "--timeout", "1"]);
    unchanged(&lab, "restarted");
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
    let wanted = config::wanted(&sources);
    let nodes = sources.nodes.iter().map(|(name, source)| (name.clone(), source.node.clone())).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let live = runtime.block_on(async { refresh(&connect_all(&nodes, &Options::default()).await, &wanted).await });
    let resolved = config::resolve(&sources, &live, &[]);
    assert_eq!(resolved.homelab.unresolved, BTreeMap::new(), "{:?}", resolved.diagnostics);
    hl::diff::diff(&resolved.homelab, &RecordedView::default(), &live, &Sealer::new([0; 32]))
}

fn copy(from: &Path, lab: &Homelab, to: &str) {
    for entry in std::fs::read_dir(from).expect("the case is there").map(|entry| entry.expect("an entry")) {
        let path = format!("{to}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            copy(&entry.path(), lab, &path);
        } else {
            lab.write(&path, &std::fs::read_to_string(entry.path()).expect("a text"));
        }
    }
}
