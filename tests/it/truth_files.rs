//! The field-level truth of changes in the repository: each is made alone, the plan names it and nothing else, and the
//! apply makes it so without touching another container.

use serde_json::{Value, json};

use crate::support::shop::{Case, Fate, Shop};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_the_engine_changes_in_place, needs Engine),
    trial!(what_takes_a_new_container, needs Engine),
    trial!(what_the_image_decides, needs Engine),
    trial!(what_was_changed_on_both_sides, needs Engine),
    trial!(the_content_of_a_mounted_file, needs Engine),
];

fn what_the_engine_changes_in_place() {
    Shop::open().try_all(&[
        Case {
            name: "file-memory-raised",
            change: |shop| shop.edit("api", "mem_limit: 64m", "mem_limit: 128m"),
            of: "api/container:api",
            action: "update",
            fields: &["mem_limit pending"],
            fate: Fate::Untouched,
        },
        Case {
            name: "file-restart-policy",
            change: |shop| shop.edit("api", "restart: unless-stopped", "restart: always"),
            of: "api/container:api",
            action: "update",
            fields: &["restart pending"],
            fate: Fate::Untouched,
        },
        Case {
            name: "file-pids-removed",
            change: |shop| shop.edit("api", "    pids_limit: 100\n", ""),
            of: "api/container:api",
            action: "update",
            fields: &["pids_limit pending"],
            fate: Fate::Untouched,
        },
        Case {
            name: "file-network-alias",
            change: |shop| shop.edit("api", "aliases: [shop-api]", "aliases: [shop-api, backend]"),
            of: "api/container:api",
            action: "restart",
            fields: &["networks.sample-lab-back.aliases pending"],
            fate: Fate::Restarted,
        },
        Case {
            name: "file-network-added",
            change: |shop| {
                shop.edit("api", "    depends_on: [api]\n", "    depends_on: [api]\n    networks: [default, back]\n")
            },
            of: "api/container:worker",
            action: "update",
            fields: &["networks.sample-lab-back pending"],
            fate: Fate::Untouched,
        },
    ]);
}

fn what_takes_a_new_container() {
    Shop::open().try_all(&[
        Case {
            name: "file-environment",
            change: |shop| shop.edit("api", "GREETING: hello", "GREETING: good morning"),
            of: "api/container:api",
            action: "replace",
            fields: &["environment.GREETING pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-label",
            change: |shop| shop.edit("api", "tier: middle", "tier: backend"),
            of: "api/container:api",
            action: "replace",
            fields: &["labels.tier pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-mount",
            change: |shop| shop.edit("db", "[\"data:/data\"]", "[\"data:/data\", \"/srv:/srv:ro\"]"),
            of: "db/container:db",
            action: "replace",
            fields: &["volumes./srv pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-port-added",
            change: |shop| shop.edit("web", "    volumes:", "    ports: [\"18481:80\"]\n    volumes:"),
            of: "web/container:web",
            action: "replace",
            fields: &["ports.80/tcp pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-port",
            change: |shop| shop.edit("web", "18481:80", "127.0.0.1:18482:80"),
            of: "web/container:web",
            action: "replace",
            fields: &["ports.80/tcp pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-healthcheck",
            change: |shop| shop.edit("web", "interval: 300ms", "interval: 400ms"),
            of: "web/container:web",
            action: "replace",
            fields: &["healthcheck.interval pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-memory-removed",
            change: |shop| shop.edit("api", "    mem_limit: 64m\n", ""),
            of: "api/container:api",
            action: "replace",
            fields: &["mem_limit pending"],
            fate: Fate::Replaced,
        },
    ]);
}

fn what_the_image_decides() {
    let shop = Shop::open();
    shop.engine.post(&shop.lab.name("/images/hl-test/app:1/tag?repo=sample-lab-app&tag=1"), &json!(null));
    shop.try_all(&[
        Case {
            name: "file-image-tag",
            change: |shop| shop.edit("db", "image: hl-test/web:1", "image: hl-test/web:2"),
            of: "db/container:db",
            action: "replace",
            fields: &["image pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "file-image-name",
            change: |shop| {
                shop.edit("api", "hl-test/app:1\n    command", "sample-lab-app:1\n    command");
            },
            of: "api/container:worker",
            action: "replace",
            fields: &["image pending"],
            fate: Fate::Replaced,
        },
    ]);
}

fn what_was_changed_on_both_sides() {
    Shop::open().try_all(&[
        Case {
            name: "both-memory",
            change: |shop| {
                shop.edit("api", "mem_limit: 64m", "mem_limit: 96m");
                shop.call("api-api", "update", &json!({"Memory": 128 << 20, "MemorySwap": 256 << 20}));
            },
            of: "api/container:api",
            action: "update",
            fields: &["mem_limit conflict"],
            fate: Fate::Untouched,
        },
        Case {
            name: "both-environment",
            change: |shop| {
                shop.edit("api", "GREETING: hello", "GREETING: good morning");
                shop.remake("api-api", |request| {
                    let list = request["Env"].as_array_mut().expect("a list");
                    list.retain(|variable| variable != "GREETING=hello");
                    list.push(json!("GREETING=servus"));
                });
            },
            of: "api/container:api",
            action: "replace",
            fields: &["environment.GREETING conflict"],
            fate: Fate::Replaced,
        },
        Case {
            name: "both-memory-and-stop",
            change: |shop| {
                shop.edit("api", "mem_limit: 96m", "mem_limit: 64m");
                shop.call("api-api", "stop", &Value::Null);
            },
            of: "api/container:api",
            action: "restart",
            fields: &["state drift", "mem_limit pending"],
            fate: Fate::Restarted,
        },
        Case {
            name: "both-environment-and-pause",
            change: |shop| {
                shop.edit("api", "GREETING: good morning", "GREETING: good day");
                shop.call("api-api", "pause", &Value::Null);
            },
            of: "api/container:api",
            action: "replace",
            fields: &["state drift", "environment.GREETING pending"],
            fate: Fate::Replaced,
        },
        Case {
            name: "both-environment-and-restart",
            change: |shop| {
                shop.edit("api", "GREETING: good day", "GREETING: good evening");
                shop.call("api-api", "update", &json!({"RestartPolicy": {"Name": "no"}}));
            },
            of: "api/container:api",
            action: "replace",
            fields: &["environment.GREETING pending", "restart drift"],
            fate: Fate::Replaced,
        },
    ]);
}

fn the_content_of_a_mounted_file() {
    Shop::open().try_all(&[
        Case {
            name: "file-mounted-content",
            change: |shop| open_from(shop, "8 to 5"),
            of: "web/container:web",
            action: "restart",
            fields: &["mounted_files.www/index.html pending"],
            fate: Fate::Restarted,
        },
        Case {
            name: "both-content-and-pause",
            change: |shop| {
                open_from(shop, "8 to 4");
                shop.call("web-web", "pause", &Value::Null);
            },
            of: "web/container:web",
            action: "restart",
            fields: &["state drift", "mounted_files.www/index.html pending"],
            fate: Fate::Restarted,
        },
    ]);
}

fn open_from(shop: &Shop, hours: &str) {
    let text = format!("<h1>Shop</h1>\n<p>open from {hours}</p>\n<p>ring twice</p>\n");
    shop.lab.write("services/web/www/index.html", &text);
}
