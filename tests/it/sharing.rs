//! Containers that use a namespace or the volumes of a container, in their own service and in another: they follow it
//! wherever it goes, and back.

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::{Homelab, Lives};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(who_shares_across_services_comes_after_and_follows, needs Engine),
    trial!(who_names_a_container_of_its_own_service_follows_too, needs Engine),
    trial!(every_way_to_share_follows, needs Engine),
    trial!(a_restart_outside_is_seen_and_mended, needs Engine),
    trial!(who_shares_comes_back_with_its_owner, needs Engine),
    trial!(a_service_that_shares_comes_back_with_the_one_that_it_shares_with, needs Engine),
];

/// A homelab of two services: `arr` has what shares, `vpn`, which comes later in the alphabet, has what is shared.
struct Lab {
    lab: Homelab,
    engine: Engine,
}

/// The owner of what is shared.
const OWNER: &str = "sample-lab-gluetun";

impl Lab {
    fn new() -> Lab {
        let engine = Engine::connect();
        Lab { lab: Homelab::on(&engine), engine }
    }

    /// Writes the compose file of a service: its containers, each a name with its settings.
    fn write(&self, service: &str, containers: &[(&str, &str)]) {
        let containers: Vec<String> =
            containers.iter().map(|(name, more)| format!("  {name}: {{ image: \"hl-test/app:1\"{more} }}\n")).collect();
        let text = format!("name: sample-lab-{service}\nservices:\n{}", containers.concat());
        self.lab.write(&format!("services/{service}/docker-compose.yml"), &text);
    }

    fn owner(&self, more: &str) -> String {
        format!(", container_name: {OWNER}{more}")
    }

    /// Whether two containers run in one namespace.
    fn share(&self, kind: &str, one: &str, other: &str) -> bool {
        let of = |name: &str| {
            let path = format!("/proc/self/ns/{kind}");
            let (code, text) = self.engine.exec(&self.lab.name(name), &["busybox", "readlink", &path]);
            assert_eq!(code, 0, "{name}: {text}");
            text
        };
        of(one) == of(other)
    }

    /// Nothing is left to do, and everything works.
    #[track_caller]
    fn is_settled(&self) {
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
    }
}

fn who_shares_across_services_comes_after_and_follows() {
    let lab = Lab::new();
    let arr = [("alpha", ", network_mode: \"container:sample-lab-gluetun\""), ("other", "")];
    lab.write("arr", &arr);
    lab.write("vpn", &[("gluetun", &lab.owner(", environment: { CITY: Zurich }"))]);
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let shared = || lab.share("net", "sample-lab-arr-alpha-1", OWNER);
    assert!(shared());
    lab.is_settled();

    let before = lab.lab.lives();
    lab.write("vpn", &[("gluetun", &lab.owner(", environment: { CITY: Bern }"))]);
    let plan = lab.lab.hl(&["plan"]);
    plan.code(0).says_in_words("box/vpn/container:gluetun, whose namespaces or volumes it shares, is replaced");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert!(shared());
    let after = lab.lab.lives();
    for (name, was) in &before {
        assert_eq!(after.get(name) == Some(was), name == "sample-lab-arr-other-1", "{name}");
    }
    lab.is_settled();

    // A plan for one of them has what follows it all the same, and nothing else.
    lab.write("vpn", &[("gluetun", &lab.owner(", environment: { CITY: Basel }"))]);
    lab.write("arr", &[arr[0], ("other", ", user: \"1000\"")]);
    lab.lab.hl(&["apply", "--yes", "--target", "vpn"]).code(0);
    assert!(shared());
    assert_eq!(lab.lab.lives()["sample-lab-arr-other-1"], before["sample-lab-arr-other-1"]);
    lab.write("arr", &arr);
    lab.is_settled();
    lab.write("vpn", &[("gluetun", &lab.owner(", environment: { CITY: Chur }"))]);
    let excluded = lab.lab.hl(&["apply", "--yes", "--exclude", "arr"]);
    excluded.says("sample-lab-arr-alpha-1");
    assert!(shared(), "{excluded}");
    lab.lab.hl(&["apply", "--yes"]).code(0);

    // A restart gives the owner a new network as well.
    lab.engine.post(&format!("/containers/{}/stop", lab.lab.name(OWNER)), &Value::Null);
    lab.lab.hl(&["plan"]).code(0).says_in_words("box/vpn/container:gluetun, which it needs, restarts");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert!(shared());
    lab.is_settled();
}

fn who_names_a_container_of_its_own_service_follows_too() {
    let lab = Lab::new();
    let write = |city: &str| {
        let owner = lab.owner(&format!(", environment: {{ CITY: {city} }}"));
        lab.write("arr", &[("gluetun", &owner), ("alpha", ", network_mode: \"container:sample-lab-gluetun\"")]);
    };
    write("Zurich");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.is_settled();
    write("Bern");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert!(lab.share("net", "sample-lab-arr-alpha-1", OWNER));
    lab.is_settled();
    // Without a record it is seen to be as declared.
    std::fs::remove_dir_all(lab.lab.repository().join("state")).expect("there is a state");
    let before = lab.lab.lives();
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(lab.lab.lives(), before, "nothing is touched");
}

fn every_way_to_share_follows() {
    let lab = Lab::new();
    lab.write(
        "arr",
        &[
            ("pid", ", pid: \"container:sample-lab-gluetun\""),
            ("ipc", ", ipc: \"container:sample-lab-gluetun\""),
            ("files", ", volumes_from: [\"container:sample-lab-gluetun\"]"),
        ],
    );
    let owner = |city: &str| {
        let more = format!(", ipc: shareable, volumes: [\"/data\"], environment: {{ CITY: {city} }}");
        lab.write("vpn", &[("gluetun", &lab.owner(&more))]);
    };
    owner("Zurich");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.is_settled();
    owner("Bern");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    for kind in ["pid", "ipc"] {
        assert!(lab.share(kind, &format!("sample-lab-arr-{kind}-1"), OWNER), "{kind}");
    }
    let volume = |name: &str| lab.engine.inspect(&lab.lab.name(name))["Mounts"][0]["Name"].clone();
    assert_eq!(volume("sample-lab-arr-files-1"), volume(OWNER));
    lab.is_settled();
    // Removed outside: whoever used its volumes has those of the old one.
    lab.engine.delete(&format!("/containers/{}?force=1&v=1", lab.lab.name(OWNER)));
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(volume("sample-lab-arr-files-1"), volume(OWNER));
    assert!(lab.share("ipc", "sample-lab-arr-ipc-1", OWNER));
    lab.is_settled();
}

fn a_restart_outside_is_seen_and_mended() {
    let lab = Lab::new();
    for how in [", network_mode: \"service:gluetun\"", ", pid: \"service:gluetun\", restart: always"] {
        lab.write("arr", &[("gluetun", ""), ("alpha", how), ("other", ", depends_on: [gluetun]")]);
        lab.lab.hl(&["apply", "--yes"]).code(0);
        lab.is_settled();
        let before = lab.lab.lives();
        lab.engine.post(&format!("/containers/{}/restart?t=0", lab.lab.name("sample-lab-arr-gluetun-1")), &Value::Null);
        if how.contains("network") {
            let words = "cut off from sample-lab-arr-gluetun-1, which was started anew";
            lab.lab.hl(&["plan"]).code(0).says_in_words(&format!("drift: {words}"));
            lab.lab.hl(&["drift"]).code(2).says("box/arr/container:alpha").says_in_words(words);
            lab.lab.hl(&["verify"]).code(1).says_in_words(words);
            lab.lab.hl(&["status", "--check"]).code(2).says("running, cut off").says_in_words(words);
        }
        lab.lab.hl(&["apply", "--yes"]).code(0);
        let kind = if how.contains("network") { "net" } else { "pid" };
        assert!(lab.share(kind, "sample-lab-arr-alpha-1", "sample-lab-arr-gluetun-1"));
        assert_eq!(lab.lab.lives()["sample-lab-arr-other-1"], before["sample-lab-arr-other-1"], "it uses nothing");
        assert_eq!(
            lab.lab.lives()["sample-lab-arr-alpha-1"].0,
            before["sample-lab-arr-alpha-1"].0,
            "it is not made anew"
        );
        lab.is_settled();
    }
}

/// Checks that all containers are those of before and share a network, and that hl says so.
#[track_caller]
fn are_all_back(lab: &Lab, before: &Lives, sharer: &str, owner: &str) {
    let ids = |lives: &Lives| lives.iter().map(|(name, (id, _))| (name.clone(), id.clone())).collect::<Vec<_>>();
    assert_eq!(ids(&lab.lab.lives()), ids(before), "all are those of before");
    assert!(lab.share("net", sharer, owner));
    lab.lab.hl(&["verify"]).code(0);
}

/// The owner with a health check that depends on `key`, and what uses its network with one that depends on `ok`.
fn pair(lab: &Lab, key: &str, ok: &str) {
    let check = |name: &str| {
        format!(
            ", healthcheck: {{ test: [\"CMD-SHELL\", \"test $${name} = good\"], interval: 300ms, timeout: 1s, retries: 2 }}"
        )
    };
    let owner = format!(", environment: {{ KEY: {key} }}{}", check("KEY"));
    let sharer = format!(
        ", environment: {{ OK: {ok} }}{}, network_mode: \"service:gluetun\", \
         depends_on: {{ gluetun: {{ condition: service_healthy }} }}",
        check("OK")
    );
    let follower = ", depends_on: { gluetun: { condition: service_healthy, restart: true } }";
    lab.write("arr", &[("gluetun", &owner), ("alpha", &sharer), ("web", follower), ("other", "")]);
}

fn who_shares_comes_back_with_its_owner() {
    let lab = Lab::new();
    let (sharer, owner) = ("sample-lab-arr-alpha-1", "sample-lab-arr-gluetun-1");
    pair(&lab, "good", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lab.lives();
    // The new owner does not get healthy: what uses it was never tried, and starts again all the same.
    pair(&lab, "bad", "good");
    lab.lab.hl(&["apply", "--yes"]).code(4).says("taken back").never_says("could not be taken back");
    are_all_back(&lab, &before, sharer, owner);
    let started = |name: &str| lab.lab.lives()[name].1.clone();
    assert!(started("sample-lab-arr-web-1") > started(owner), "what restarts with it is restarted after it came back");
    assert_eq!(started("sample-lab-arr-other-1"), before["sample-lab-arr-other-1"].1);
    pair(&lab, "good", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    are_all_back(&lab, &before, sharer, owner);
    lab.is_settled();
    // The new one of what uses it does not get healthy: the owner goes back with it.
    pair(&lab, "good, A: one", "bad");
    lab.lab.hl(&["apply", "--yes"]).code(4).says("taken back").never_says("could not be taken back");
    are_all_back(&lab, &before, sharer, owner);
    pair(&lab, "good", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    are_all_back(&lab, &before, sharer, owner);
    lab.is_settled();
    // Both change and both are well, but the whole does not work.
    let script = |code: u8| {
        lab.lab.write("services/arr/healthcheck.sh", &format!("#!/bin/sh\necho tried; exit {code}\n"));
        lab.lab.write("services/arr/service.yaml", "health: { script: healthcheck.sh, interval: 1s, retries: 1 }\n");
    };
    script(1);
    pair(&lab, "good, A: two", "good, B: two");
    lab.lab.hl(&["apply", "--yes"]).code(4).says("taken back").never_says("could not be taken back");
    script(0);
    are_all_back(&lab, &before, sharer, owner);
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert!(lab.share("net", sharer, owner));
    lab.is_settled();
}

fn a_service_that_shares_comes_back_with_the_one_that_it_shares_with() {
    let lab = Lab::new();
    let write = |city: &str, ok: &str| {
        lab.write("vpn", &[("gluetun", &lab.owner(&format!(", environment: {{ CITY: {city} }}")))]);
        let check = "healthcheck: { test: [\"CMD-SHELL\", \"test $$OK = good\"], interval: 300ms, retries: 2 }";
        let more = format!(", environment: {{ OK: {ok} }}, {check}, network_mode: \"container:{OWNER}\"");
        lab.write("arr", &[("alpha", &more)]);
    };
    write("Zurich", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    let before = lab.lab.lives();
    write("Bern", "bad");
    lab.lab.hl(&["apply", "--yes"]).code(4).says("taken back").never_says("could not be taken back");
    are_all_back(&lab, &before, "sample-lab-arr-alpha-1", OWNER);
    write("Zurich", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    lab.is_settled();
    are_all_back(&lab, &before, "sample-lab-arr-alpha-1", OWNER);
    // Without a wish to go back nothing does, and nothing of before is removed before all works.
    lab.lab.write("services/vpn/service.yaml", "update: { rollback: false }\n");
    write("Bern", "bad");
    lab.lab.hl(&["apply", "--yes"]).code(4).never_says("taken back");
    write("Bern", "good");
    lab.lab.hl(&["apply", "--yes"]).code(0);
    assert!(lab.share("net", "sample-lab-arr-alpha-1", OWNER));
    assert_eq!(lab.lab.lives().len(), 2);
    lab.is_settled();
}
