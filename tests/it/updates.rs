//! `hl update`: what is newer, asked of registries of all kinds, and written into the files.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::image::Image;
use crate::support::registry::{Access, Registry};
use crate::support::stock::Stock;
use crate::support::trial::{Trial, trial};
use crate::support::web::{Reply, Web};

mod sign_in;

pub use sign_in::TRIALS as SIGN_IN;

pub const TRIALS: &[Trial] = &[
    trial!(newer_tags_and_contents_are_found_without_a_pull, needs Engine, Registry),
    trial!(what_is_written_is_applied_and_then_up_to_date, needs Engine, Registry),
    trial!(each_trouble_is_told_and_holds_nothing_else_back),
    trial!(a_registry_that_is_slow_is_not_waited_for),
    trial!(a_registry_that_is_asked_too_often_is_left_alone),
    trial!(nothing_is_asked_twice),
    trial!(what_is_not_for_the_machine_is_not_proposed),
    trial!(what_is_new_for_other_machines_is_no_news),
    trial!(links_lead_to_the_file_that_is_written),
    trial!(the_service_says_how_much_may_change),
    trial!(each_definition_is_written_where_it_stands),
    trial!(what_cannot_be_written_is_told_with_the_way_out),
    trial!(unknown_services_are_wrong_usage),
];

/// A homelab on a node in memory: nothing runs there.
fn lab() -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes: { box: { address: simulated } }\n");
    lab
}

fn service(lab: &Homelab, name: &str, image: &str) {
    lab.write(
        &format!("services/{name}/docker-compose.yml"),
        &format!("services:\n  app: {{ image: \"{image}\", stop_grace_period: 1s }}\n"),
    );
    lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
}

fn read(lab: &Homelab, path: &str) -> String {
    std::fs::read_to_string(lab.repository().join(lab.name(path))).expect("the file is there")
}

/// An image of the engine that says its version.
fn labelled(engine: &Engine, name: &str, version: &str) {
    let labels = json!({
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.source": "https://github.com/example/app.git",
    });
    let config = json!({ "Cmd": ["pause"], "Env": ["PATH=/bin"], "Labels": labels });
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }.to_owned();
    engine.load(&[Image { name: name.to_owned(), architecture, config }]);
}

fn newer_tags_and_contents_are_found_without_a_pull() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let registry = Registry::start(&lab.scratch("registry"), Access::Open);
    let (old, new) = (lab.name("sample-lab-image:old"), lab.name("sample-lab-image:new"));
    labelled(&engine, &old, "1.30.4");
    labelled(&engine, &new, "1.30.5");
    for (tag, image) in [("1.30.4", &old), ("stable", &old), ("latest", &old)] {
        registry.publish(&engine, image, "app", tag);
    }
    let app = format!("{}/app", registry.host());
    service(&lab, "sample-lab-web", &format!("{app}:1.30.4"));
    service(&lab, "sample-lab-db", &format!("{app}:stable"));
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["update", "--detailed-exitcode"]).code(0).says("All 2 containers have the newest images.");
    for (tag, image) in [("1.30.5", &new), ("1.31.0-alpine", &new), ("1.31.0-rc1", &new), ("stable", &new)] {
        registry.publish(&engine, image, "app", tag);
    }
    let before = registry.asked().len();
    let images = names(&engine, registry.host());
    let ended = lab.hl(&["update", "--detailed-exitcode"]);
    ended.code(2);
    ended.says_in_words("1.30.4 1.30.5 patch").says("https://github.com/example/app/releases");
    ended.says_in_words("app:stable 1.30.4 1.30.5 new content");
    ended.says_in_words("2 of 2 containers have a newer image: 1 patch and 1 with new content.");
    ended.never_says("alpine").never_says("rc1");
    let asked = registry.asked().split_off(before);
    assert!(!asked.is_empty() && asked.iter().all(|line| reads_no_layer(&engine, line)), "{asked:#?}");
    assert_eq!(names(&engine, registry.host()), images, "something was pulled");
    lab.hl(&["update"]).code(0);
    lab.hl(&["update", "sample-lab-db"]).code(0).never_says(" patch");
    let json = lab.hl(&["update", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.code(0).stdout).expect("it is JSON");
    assert_eq!((&json["format_version"], &json["images"][1]["news"][0]["tag"]), (&json!(1), &json!("1.30.5")));
}

/// The names and digests of the images that an engine has of a registry.
fn names(engine: &Engine, registry: &str) -> BTreeSet<String> {
    let images = engine.get("/images/json");
    let lists = images.as_array().expect("a list").iter().flat_map(|image| [&image["RepoTags"], &image["RepoDigests"]]);
    let names = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    names.filter(|name| name.starts_with(registry)).map(str::to_owned).collect()
}

/// Whether a request of hl's is a HEAD, or a GET of tags, a manifest, or the configuration of an image.
fn reads_no_layer(engine: &Engine, request: &str) -> bool {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let is_config = |digest: &str| {
        let config = engine.get(&format!("/images/{digest}/json"));
        config["Id"] == digest
    };
    match (method, path.rsplit_once('/')) {
        ("HEAD", _) => path.contains("/manifests/"),
        ("GET", Some((_, digest))) if path.contains("/blobs/") => is_config(digest),
        ("GET", _) => path == "/v2/" || path.contains("/manifests/") || path.contains("/tags/list"),
        _ => false,
    }
}

fn what_is_written_is_applied_and_then_up_to_date() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let registry = Registry::start(&lab.scratch("registry"), Access::Open);
    let digest = registry.publish(&engine, "hl-test/app:1", "app", "1.0.0");
    let app = format!("{}/app", registry.host());
    let compose = |tag: &str, pinned: &str| {
        format!(
            "services: # why\r\n  app: {{ image: '{app}:{tag}', stop_grace_period: 1s }}\r\n  pin:\r\n    image: \"{app}:{pinned}\"   # pinned\r\n    stop_grace_period: 1s\r\n"
        )
    };
    lab.write("services/sample-lab-web/docker-compose.yml", &compose("1.0.0", &format!("1.0.0@sha256:{digest}")));
    lab.write("services/sample-lab-web/service.yaml", "owner_node: box\n");
    lab.hl(&["apply", "--yes"]).code(0);
    let newer = registry.publish(&engine, "hl-test/app:2", "app", "1.1.0");
    let ended = lab.hl(&["update", "--write"]);
    ended.code(0).says("docker-compose.yml:2  1.0.0 → 1.1.0").says("2 to replace").says("Plan: ");
    assert_eq!(
        read(&lab, "services/sample-lab-web/docker-compose.yml"),
        compose("1.1.0", &format!("1.1.0@sha256:{newer}"))
    );
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["update", "--detailed-exitcode", "--write"]).code(0).says("There is nothing to write.");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    // A value on the node is whose who set it there.
    let text = format!("services:\n  app: {{ image: \"{app}:${{TAG}}\", stop_grace_period: 1s }}\n");
    lab.write("services/sample-lab-env/docker-compose.yml", &text);
    lab.write("services/sample-lab-env/env.example", "TAG=1.0.0\n");
    lab.write("services/sample-lab-env/service.yaml", "owner_node: box\n");
    lab.hl(&["apply", "--yes"]).code(0);
    let ended = lab.hl(&["update", "--write"]);
    ended
        .code(0)
        .says_in_words("`TAG` has its value in box:[LAB]/box/config/sample-lab-env/.env, which hl leaves to you");
    assert_eq!(read(&lab, "services/sample-lab-env/env.example"), "TAG=1.0.0\n");
}

fn each_trouble_is_told_and_holds_nothing_else_back() {
    let good = Stock::default().image("1.0.0", "linux/amd64", &json!({})).image("1.1.0", "linux/amd64", &json!({}));
    let good = Web::start(move |request| good.reply(request));
    let html = "<html>not a registry</html>";
    let cases: Vec<(&str, Reply, &str)> = vec![
        ("a401", Reply::new(401, "{}"), "there are no credentials for it"),
        ("a403", Reply::new(403, "{}"), "does not let the image be read"),
        ("a404", Reply::new(404, "{}"), "does not have it"),
        (
            "a429",
            Reply::new(429, "{}").with("Retry-After", "600"),
            "asked too often, and is to be left alone for 10 min",
        ),
        ("a500", Reply::new(500, "{}"), "answered with status 500"),
        ("garbage", Reply::new(200, html), "its manifest is not JSON"),
        ("loop", Reply::new(302, "").with("Location", "/v2/again"), "one address after another"),
        ("away", Reply::new(302, "").with("Location", "http://stranger.example/"), "stranger.example"),
    ];
    let lab = lab();
    service(&lab, "good", &format!("{}/app:1.0.0", good.host()));
    let mut servers = Vec::new();
    for (name, reply, _) in &cases {
        let reply = reply.clone();
        let server = Web::start(move |_| reply.clone());
        service(&lab, name, &format!("{}/app:1.0.0", server.host()));
        servers.push(server);
    }
    service(&lab, "closed", "127.0.0.1:1/app:1.0.0");
    let ended = lab.hl(&["update", "--detailed-exitcode"]);
    ended.code(3).says("1.1.0").says_in_words("9 images could not be asked for.");
    ended.says_in_words("cannot be reached: connection refused");
    for (_, _, words) in &cases {
        ended.says_in_words(words);
    }
    let json: Value = serde_json::from_str(&lab.hl(&["update", "--format", "json"]).stdout).expect("it is JSON");
    let unasked = json["unasked"].as_array().expect("a list");
    assert!(unasked.len() == 9 && unasked.iter().all(|one| one["hint"].as_str().is_some_and(|h| !h.is_empty())));
}

fn a_registry_that_is_slow_is_not_waited_for() {
    let slow = Web::start(|_| Reply { after: Duration::from_secs(60), ..Reply::new(200, "{}") });
    let lab = lab();
    for name in ["a", "b", "c"] {
        service(&lab, name, &format!("{}/{name}:1.0.0", slow.host()));
    }
    let begun = Instant::now();
    lab.hl(&["update"]).code(3).says_in_words("did not answer within 20 s");
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}

fn a_registry_that_is_asked_too_often_is_left_alone() {
    let busy = Web::start(|_| Reply::new(429, "{}").with("Retry-After", "300"));
    let lab = lab();
    for n in 0..20 {
        service(&lab, &format!("s{n}"), &format!("{}/app{n}:1.0.0", busy.host()));
    }
    let ended = lab.hl(&["update"]);
    ended.code(3).says_in_words("20 images could not be asked for.");
    assert_eq!(ended.stdout.matches("asked too often").count(), 1, "{ended}");
    assert!(busy.asked().len() <= 4, "{:#?}", busy.asked());
    // One that wants to be left alone for a moment only is waited for.
    let stock = Stock::default().image("1.0.0", "linux/amd64", &json!({})).image("1.1.0", "linux/amd64", &json!({}));
    let refused = std::sync::atomic::AtomicBool::new(false);
    let brief = Web::start(move |request| match refused.swap(true, std::sync::atomic::Ordering::Relaxed) {
        false => Reply::new(429, "{}").with("Retry-After", "1"),
        true => stock.reply(request),
    });
    let lab = self::lab();
    service(&lab, "web", &format!("{}/app:1.0.0", brief.host()));
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.1.0");
}

/// However many containers use an image, and on however many nodes.
fn nothing_is_asked_twice() {
    let registry = two_versions();
    let lab = lab();
    lab.write(
        "inventory/topology.yaml",
        "version: 1\nnodes: { box: { address: simulated }, pi: { address: simulated } }\n",
    );
    for (name, node, allow) in [("a", "box", "major"), ("b", "pi", "major"), ("c", "pi", "minor")] {
        service(&lab, name, &format!("{}/app:1.0.0", registry.host()));
        lab.write(
            &format!("services/{name}/service.yaml"),
            &format!("owner_node: {node}\nupdate: {{ allow: {allow} }}\n"),
        );
    }
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("3 of 3 containers have a newer image: 3 minor.");
    let asked = registry.asked();
    let asked: Vec<(&str, &str)> = asked.iter().map(|r| (r.method.as_str(), r.path.as_str())).collect();
    let expected =
        [("HEAD", "/v2/app/manifests/1.0.0"), ("GET", "/v2/app/tags/list?n=1000"), ("GET", "/v2/app/manifests/1.1.0")];
    assert_eq!(asked[..3], expected);
    assert!(asked.len() == 4 && asked[3].1.starts_with("/v2/app/blobs/sha256:"), "{asked:#?}");
}

fn what_is_not_for_the_machine_is_not_proposed() {
    let stock = Stock::default()
        .index("1.0.0", &["linux/amd64", "linux/arm64"])
        .index("1.1.0", &["linux/arm64", "linux/amd64"])
        .index("1.2.0", &["linux/arm64"])
        .image("1.3.0", "linux/arm64", &json!({}));
    let registry = Web::start(move |request| stock.reply(request));
    let lab = lab();
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    lab.hl(&["update", "--detailed-exitcode"]).code(2).says("1.1.0").never_says("1.2.0").never_says("1.3.0");
    let verbose = lab.hl(&["update", "-v"]);
    verbose.says_in_words("1.3.0 has no image for linux/amd64").says_in_words("1.2.0 has no image for linux/amd64");
}

fn what_is_new_for_other_machines_is_no_news() {
    let first = Stock::default().list("stable", &[("linux/amd64", "1.0"), ("linux/arm64", "1.0")]);
    let others = first.clone().list("stable", &[("linux/amd64", "1.0"), ("linux/arm64", "1.1")]);
    let all = others.clone().list("stable", &[("linux/amd64", "1.1"), ("linux/arm64", "1.1")]);
    let (before, after) = (first.digest("stable"), all.digest("stable"));
    for (stock, news) in [(first, false), (others, false), (all, true)] {
        let registry = Web::start(move |request| stock.reply(request));
        let lab = lab();
        service(&lab, "web", &format!("{}/app:stable@{before}", registry.host()));
        let ended = lab.hl(&["update", "--detailed-exitcode", "--write"]);
        ended.code(if news { 2 } else { 0 });
        let digest = if news { &after } else { &before };
        assert!(read(&lab, "services/web/docker-compose.yml").contains(&format!("app:stable@{digest}\"")), "{ended}");
    }
}

fn links_lead_to_the_file_that_is_written() {
    let registry = two_versions();
    let lab = lab();
    let text = format!("services:\n  app:\n    image: {}/app:1.0.0 # of both\n", registry.host());
    lab.write("shared.yml", &text);
    for name in ["a", "b"] {
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
        let link = lab.repository().join(format!("services/{name}/docker-compose.yml"));
        std::os::unix::fs::symlink("../../shared.yml", &link).expect("a link can be made");
    }
    let ended = lab.hl(&["update", "--write"]);
    ended.code(0).says_in_words("written: shared.yml:3 1.0.0 → 1.1.0 for box/a app and box/b app");
    assert_eq!(read(&lab, "shared.yml"), text.replace("1.0.0", "1.1.0"));
    assert!(lab.repository().join("services/a/docker-compose.yml").is_symlink());
}

fn the_service_says_how_much_may_change() {
    let mut stock = Stock::default();
    for tag in ["1.0.0", "1.0.1", "1.1.0", "2.0.0"] {
        stock = stock.image(tag, "linux/amd64", &json!({ "tag": tag }));
    }
    let registry = Web::start(move |request| stock.reply(request));
    let lab = lab();
    service(&lab, "web", &format!("{}/app:1.0.0", registry.host()));
    lab.hl(&["update"]).says("2.0.0").says("major");
    for (allow, tag, level) in [("patch", "1.0.1", "patch"), ("minor", "1.1.0", "minor"), ("major", "2.0.0", "major")] {
        lab.write("services/web/service.yaml", &format!("owner_node: box\nupdate: {{ allow: {allow} }}\n"));
        lab.hl(&["update"]).says(tag).says(level);
    }
    lab.write("services/web/service.yaml", "owner_node: box\nupdate: { allow: patch }\n");
    lab.hl(&["update"]).never_says("2.0.0");
    lab.hl(&["update", "-v"]).says_in_words("2.0.0 is a major change, which `update.allow` does not allow");
    lab.write("services/web/service.yaml", "owner_node: box\nupdate: { allow: huge }\n");
    lab.hl(&["update"]).talks("`major`");
}

/// A server with versions 1.0.0 and 1.1.0 of `app`.
fn two_versions() -> Web {
    let stock = Stock::default().image("1.0.0", "linux/amd64", &json!({})).image("1.1.0", "linux/amd64", &json!({}));
    Web::start(move |request| stock.reply(request))
}

fn each_definition_is_written_where_it_stands() {
    let registry = two_versions();
    let app = format!("{}/app", registry.host());
    let lab = lab();
    let topology = "# home\nversion: 1\nname: home\nvars: { APP: '1.0.0', # all\n  OTHER: \"x\" }\nnodes:\n  box:\n    address: simulated\n    vars:\n      NODE_APP: 1.0.0 # of the node\n";
    lab.write("inventory/topology.yaml", topology);
    let env = "# tags\r\nTAG=\"1.0.0\" # why\r\nexport B='x'\r\n";
    let files = [
        ("services/a/docker-compose.yml", format!("services: {{app: {{image: '{app}:1.0.0'}}}} # flow\n")),
        ("services/b/docker-compose.yml", format!("services:\n  app:\n    image: {app}:${{TAG:-0.9}}\n")),
        ("services/b/.env", env.to_owned()),
        ("services/c/docker-compose.yml", format!("services:\n  app:\n    image: {app}:${{APP}}\n")),
        ("services/d/docker-compose.yml", format!("services:\n  app:\n    image: \"{app}:${{NODE_APP}}\"\n")),
        ("services/e/docker-compose.yml", format!("services:\n  app:\n    image: {app}:${{NONE:-1.0.0}}\n")),
        (
            "services/f/docker-compose.yml",
            format!("x-app: &app\n  image: {app}:1.0.0\nservices:\n  one: {{<<: *app}}\n  two: *app\n"),
        ),
        ("services/g/docker-compose.yml", format!("services:\n  app:\n    image: {app}:${{IN_EXAMPLE}}\n")),
        ("services/g/env.example", "IN_EXAMPLE=1.0.0\n".to_owned()),
    ];
    for (path, text) in &files {
        lab.write(path, text);
        let name = path.split('/').nth(1).expect("a service");
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
    }
    let ended = lab.hl(&["update", "--write"]);
    ended.code(0).says_in_words("services/f/docker-compose.yml:2 1.0.0 → 1.1.0 for box/f one and box/f two");
    ended.says("Plan: ");
    ended.never_says("was not changed");
    for (path, text) in &files {
        assert_eq!(read(&lab, path), text.replace("1.0.0", "1.1.0"), "{path}");
    }
    assert_eq!(read(&lab, "inventory/topology.yaml"), topology.replace("1.0.0", "1.1.0"));
    lab.hl(&["update", "--detailed-exitcode"]).code(0).says("All 8 containers have the newest images.");
}

fn what_cannot_be_written_is_told_with_the_way_out() {
    let registry = two_versions();
    let app = format!("{}/app", registry.host());
    let lab = lab();
    let shared = format!("x-i: &i {app}:1.0.0\nservices:\n  app:\n    image: *i\n    environment: {{ I: *i }}\n");
    let folded = format!("services:\n  app:\n    image: >-\n      {app}:1.0.0\n");
    let given = format!("services:\n  app:\n    image: {app}:${{GIVEN}}\n");
    let composed = format!("services:\n  app:\n    image: {app}:${{WHOLE}}\n");
    let files = [
        ("services/a/docker-compose.yml", shared),
        ("services/b/docker-compose.yml", folded),
        ("services/c/docker-compose.yml", given),
        ("services/d/docker-compose.yml", composed),
        ("services/d/.env", "PART=1.0\nWHOLE=${PART}.0\n".to_owned()),
    ];
    for (path, text) in &files {
        lab.write(path, text);
        let name = path.split('/').nth(1).expect("a service");
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
    }
    let ended = lab.hl(&["update", "--write", "--env", "GIVEN=1.0.0"]);
    ended.code(0);
    ended
        .says_in_words("box/a app was not changed: services/a/docker-compose.yml:1 is also where box/a app is defined");
    ended.says_in_words("box/b app was not changed: the image is written in a way that hl does not edit");
    ended.says_in_words("box/c app was not changed: `GIVEN` was given with `--env`");
    ended.says_in_words("box/d app was not changed: `WHOLE` is not a text that stands in one place");
    for (path, text) in &files {
        assert_eq!(&read(&lab, path), text, "{path}");
    }
}

fn unknown_services_are_wrong_usage() {
    let lab = lab();
    service(&lab, "web", "127.0.0.1:1/app:1.0.0");
    lab.hl(&["update", "wbe"]).code(64).talks("did you mean `web`?");
    lab.hl(&["update", "--format", "yaml"]).code(64);
}
