//! The field-level truth of changes from outside: each is made alone through the engine, the plan and `hl drift` name
//! it and nothing else, and the apply puts it back without touching another container.

use serde_json::{Value, json};

use crate::support::shop::{Case, Fate, Shop};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(settings_that_somebody_updated, needs Engine),
    trial!(containers_that_somebody_stopped_or_removed, needs Engine),
    trial!(networks_that_somebody_rewired, needs Engine),
    trial!(images_that_somebody_moved, needs Engine),
];

fn settings_that_somebody_updated() {
    Shop::open().try_all(&[
        Case {
            name: "outside-restart-policy",
            change: |shop| drop(shop.call("api-api", "update", &json!({"RestartPolicy": {"Name": "no"}}))),
            of: "api/container:api",
            action: "update",
            fields: &["restart drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-memory",
            change: |shop| drop(shop.call("api-api", "update", &json!({"Memory": 128 << 20, "MemorySwap": 256 << 20}))),
            of: "api/container:api",
            action: "update",
            fields: &["mem_limit drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-pids",
            change: |shop| drop(shop.call("api-api", "update", &json!({"PidsLimit": 50}))),
            of: "api/container:api",
            action: "update",
            fields: &["pids_limit drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-pids-undeclared",
            change: |shop| drop(shop.call("api-worker", "update", &json!({"PidsLimit": 50}))),
            of: "api/container:worker",
            action: "update",
            fields: &["pids_limit drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-memory-undeclared",
            change: |shop| {
                drop(shop.call("api-worker", "update", &json!({"Memory": 64 << 20, "MemorySwap": 128 << 20})))
            },
            of: "api/container:worker",
            action: "replace",
            fields: &["mem_limit drift"],
            fate: Fate::Replaced,
        },
        Case {
            name: "outside-rename",
            change: |shop| {
                let name = shop.lab.name("sample-lab-mine");
                shop.call("api-api", &format!("rename?name={name}"), &Value::Null);
            },
            of: "api/container:api",
            action: "update",
            fields: &["name drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-label",
            change: |shop| shop.remake("api-worker", |request| request["Labels"]["mine"] = json!("yes")),
            of: "api/container:worker",
            action: "replace",
            fields: &["labels.mine drift"],
            fate: Fate::Replaced,
        },
    ]);
}

fn containers_that_somebody_stopped_or_removed() {
    Shop::open().try_all(&[
        Case {
            name: "outside-stop",
            change: |shop| drop(shop.call("api-api", "stop", &Value::Null)),
            of: "api/container:api",
            action: "restart",
            fields: &["state drift"],
            fate: Fate::Restarted,
        },
        Case {
            name: "outside-kill",
            change: |shop| {
                shop.call("api-worker", "kill", &Value::Null);
                let ended = |found: &Value| found["State"]["Status"] == "exited";
                shop.engine.wait_for(&shop.container("api-worker"), "ended", ended);
            },
            of: "api/container:worker",
            action: "restart",
            fields: &["state drift"],
            fate: Fate::Restarted,
        },
        Case {
            name: "outside-pause",
            change: |shop| drop(shop.call("db-db", "pause", &Value::Null)),
            of: "db/container:db",
            action: "restart",
            fields: &["state drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-remove",
            change: |shop| {
                shop.engine.delete(&format!("/containers/{}?force=1", shop.container("api-worker")));
            },
            of: "api/container:worker",
            action: "create",
            fields: &[],
            fate: Fate::Replaced,
        },
    ]);
}

fn networks_that_somebody_rewired() {
    Shop::open().try_all(&[
        Case {
            name: "outside-disconnect",
            change: |shop| shop.wire("back", "disconnect", "api-api", &Value::Null),
            of: "api/container:api",
            action: "restart",
            fields: &["networks.sample-lab-back drift"],
            fate: Fate::Restarted,
        },
        Case {
            name: "outside-disconnect-from-all",
            change: |shop| shop.wire("api_default", "disconnect", "api-worker", &Value::Null),
            of: "api/container:worker",
            action: "restart",
            fields: &["networks.sample-lab-api_default drift"],
            fate: Fate::Restarted,
        },
        Case {
            name: "outside-reconnect-without-alias",
            change: |shop| {
                shop.wire("back", "disconnect", "api-api", &Value::Null);
                shop.wire("back", "connect", "api-api", &json!({}));
            },
            of: "api/container:api",
            action: "restart",
            fields: &["networks.sample-lab-back.aliases drift"],
            fate: Fate::Restarted,
        },
        Case {
            name: "outside-extra-network",
            change: |shop| shop.wire("web_default", "connect", "api-api", &json!({})),
            of: "api/container:api",
            action: "update",
            fields: &["networks.sample-lab-web_default drift"],
            fate: Fate::Untouched,
        },
        Case {
            name: "outside-network-made-anew",
            change: |shop| {
                let network = shop.lab.name("sample-lab-web_default");
                let labels = shop.engine.get(&format!("/networks/{network}"))["Labels"].clone();
                shop.call("web-web", "stop", &Value::Null);
                shop.engine.delete(&format!("/networks/{network}"));
                shop.engine.post("/networks/create", &json!({"Name": network, "Labels": labels}));
            },
            of: "web/container:web",
            action: "restart",
            fields: &["state drift", "networks.sample-lab-web_default drift"],
            fate: Fate::Restarted,
        },
    ]);
}

fn images_that_somebody_moved() {
    let shop = Shop::declared();
    let tag = |of: &str| format!("/images/hl-test/{of}/tag?repo=sample-lab-app&tag=1");
    shop.engine.post(&shop.lab.name(&tag("app:1")), &Value::Null);
    shop.edit("api", "hl-test/app:1\n    command", "sample-lab-app:1\n    command");
    shop.hl(&["apply", "--yes"]).code(0);
    shop.try_all(&[Case {
        name: "outside-retag",
        change: |shop| {
            let tag = shop.lab.name("/images/hl-test/app:2/tag?repo=sample-lab-app&tag=1");
            shop.engine.post(&tag, &Value::Null);
        },
        of: "api/container:worker",
        action: "replace",
        fields: &["image_content pending"],
        fate: Fate::Replaced,
    }]);
}
