//! What is found on a node beside clean containers: leftovers of interrupted replacements, names of an older Compose,
//! jobs that have ended, containers made anew by hand, dependencies that do not get healthy.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::shop::{Case, Fate, Shop, expect_text};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(leftovers_of_interrupted_replacements, needs Engine),
    trial!(names_with_underscores, needs Engine),
    trial!(a_network_that_is_gone, needs Engine),
    trial!(jobs_that_have_ended, needs Engine),
    trial!(what_was_made_anew_as_it_was, needs Engine),
    trial!(a_dependency_that_does_not_get_healthy, needs Engine),
];

/// Makes a container beside the one that it is a copy of.
fn copy(shop: &Shop, of: &str, name: &str) {
    let request = shop.request(&shop.container(of));
    shop.make(&shop.lab.name(name), &request);
}

fn leftovers_of_interrupted_replacements() {
    Shop::open().try_all(&[
        Case {
            name: "leftover-old",
            change: |shop| copy(shop, "api-api", "sample-lab-api-api-1.old-0123456789ab"),
            of: "api/container:sample-lab-api-api-1.old-0123456789ab",
            action: "delete",
            fields: &[],
            fate: Fate::Untouched,
        },
        Case {
            name: "leftover-new",
            change: |shop| copy(shop, "api-worker", "0123456789ab_sample-lab-api-worker-1"),
            of: "api/container:0123456789ab_sample-lab-api-worker-1",
            action: "delete",
            fields: &[],
            fate: Fate::Untouched,
        },
        Case {
            name: "leftover-new-alone",
            change: |shop| {
                let name = shop.lab.name("0123456789ab_sample-lab-api-worker-1");
                shop.call("api-worker", &format!("rename?name={name}"), &Value::Null);
            },
            of: "api/container:worker",
            action: "update",
            fields: &["name drift"],
            fate: Fate::Untouched,
        },
    ]);
}

/// A container as Compose v1 made it: named with underscores, with fewer labels.
fn names_with_underscores() {
    let shop = Shop::open();
    let mut request = shop.request(&shop.container("web-web"));
    let labels = request["Labels"].as_object_mut().expect("a container has labels");
    labels.retain(|label, _| !label.ends_with(".image") && !label.ends_with(".depends_on"));
    labels.insert("com.docker.compose.version".to_owned(), json!("1.29.2"));
    shop.engine.delete(&format!("/containers/{}?force=1", shop.container("web-web")));
    let name = shop.lab.name("sample-lab-web_web_1");
    shop.make(&name, &request);
    shop.engine.post(&format!("/containers/{name}/start"), &Value::Null);
    std::fs::remove_dir_all(shop.lab.repository().join("state")).expect("the state can be thrown away");
    shop.try_all(&[Case {
        name: "underscores",
        change: |_| {},
        of: "web/container:web",
        action: "update",
        fields: &["name unrecorded"],
        fate: Fate::Untouched,
    }]);
    assert_eq!(shop.engine.inspect(&shop.container("web-web"))["State"]["Running"], true);
}

/// It is made again, and the container that was on it is connected and started, not replaced.
fn a_network_that_is_gone() {
    let shop = Shop::open();
    let before = shop.seen();
    shop.call("web-web", "stop", &Value::Null);
    shop.engine.delete(&shop.lab.name("/networks/sample-lab-web_default"));
    shop.hl(&["drift"]).code(2).says("box/web/network:default");
    expect_text("outside-network-gone", &shop.hl(&["plan"]).stdout);
    shop.hl(&["apply", "--yes"]).code(0);
    let mut after = shop.seen();
    let ids = |seen: &BTreeSet<(String, String)>| seen.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after["web/container:web"]), ids(&before["web/container:web"]));
    after.insert("web/container:web".to_owned(), before["web/container:web"].clone());
    assert_eq!(after, before);
    shop.expect_settled();
}

fn jobs_that_have_ended() {
    let shop = Shop::open();
    let ended = |found: &Value| found["State"]["Status"] == "exited" && found["State"]["ExitCode"] == 0;
    shop.call("db-migrate", "start", &Value::Null);
    shop.engine.wait_for(&shop.container("db-migrate"), "ended", ended);
    shop.expect_settled();
    shop.try_all(&[Case {
        name: "outside-job-removed",
        change: |shop| {
            shop.engine.delete(&format!("/containers/{}", shop.container("db-migrate")));
        },
        of: "db/container:migrate",
        action: "create",
        fields: &[],
        fate: Fate::Replaced,
    }]);
}

/// As `docker compose up --force-recreate` does it: nothing differs, so hl's record will be updated.
fn what_was_made_anew_as_it_was() {
    let shop = Shop::open();
    shop.call("api-api", "restart", &Value::Null);
    shop.expect_settled();
    shop.remake("api-worker", |_| {});
    let before = shop.seen();
    shop.hl(&["plan", "--detailed-exitcode"]).code(0);
    expect_text("outside-made-anew", &shop.hl(&["plan"]).stdout);
    shop.hl(&["drift"]).code(0);
    shop.hl(&["apply", "--yes"]).code(0);
    assert_eq!(shop.seen(), before);
    shop.expect_settled();
}

/// Its dependents are not touched, though they were to change too, and what has nothing to do with it is done.
fn a_dependency_that_does_not_get_healthy() {
    let shop = Shop::open();
    let before = shop.seen();
    let (works, fails) = ("[\"CMD\", \"true\"]", "[\"CMD\", \"false\"]\n      retries: 2");
    shop.edit("db", "mem_limit: 64m", "mem_limit: 96m");
    shop.edit("api", works, fails);
    let talks = "tier: middle\n    command: [\"sh\", \"-c\", \"echo cannot open the disk; exec pause\"]\n";
    shop.edit("api", "tier: middle\n", talks);
    shop.edit("api", "\"exec pause\"]", "\"pause\"]");
    shop.edit("web", "interval: 300ms", "interval: 400ms");
    let apply = shop.hl(&["apply", "--yes"]);
    apply.code(4);
    let (_, report) = apply.stdout.split_once("\nDone\n").expect("the report follows the plan");
    let (report, _) = report.rsplit_once(", in").expect("the report ends with the time");
    expect_text("unhealthy-dependency", report);
    assert_eq!(shop.seen().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (container, now) in shop.seen() {
        let ids = |seen: &BTreeSet<(String, String)>| seen.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        match container.as_str() {
            "api/container:api" => assert_eq!(ids(&now), ids(&before[&container]), "the old one is back"),
            _ => assert_eq!(now, before[&container], "{container}"),
        }
    }
    shop.edit("api", fails, works);
    shop.hl(&["apply", "--yes"]).code(0);
    shop.expect_settled();
}
