//! Five plans of the kind that the soak makes, as their readers see them.

use serde_json::{Value, json};

use super::Soak;

/// Holds five typical plans against what was found good to read, each before it is applied.
pub fn five_plans_read_well() {
    let mut soak = Soak::new(0, 18560);
    let plan = |soak: &Soak, name: &str| {
        soak.dozen.write(&soak.lab);
        insta::assert_snapshot!(name, soak.lab.hl(&["plan"]).code(0).stdout);
        soak.lab.hl(&["apply", "--yes"]).code(0);
        soak.expect_nothing_to_do(name);
    };

    // A morning's work in the repository.
    let unit = |soak: &mut Soak, name: &str, change: fn(&mut crate::dozen::Unit)| {
        change(soak.dozen.units.get_mut(name).expect("it is there"));
    };
    unit(&mut soak, "database", |unit| (unit.tag, unit.megabytes) = (2, Some(96)));
    unit(&mut soak, "site", |unit| unit.file = Some(2));
    unit(&mut soak, "panel", |unit| unit.retries = Some(4));
    unit(&mut soak, "torrent", |unit| unit.restart = "unless-stopped");
    plan(&soak, "a_morning_in_the_repository");

    // Somebody was at the node.
    soak.call("POST", &format!("/containers/{}/pause", soak.id("notebook")), &Value::Null);
    soak.disconnect("panel", &soak.network("dash", "default"));
    soak.update("store", &json!({"PidsLimit": 0, "RestartPolicy": {"Name": "always"}}));
    soak.call("POST", &format!("/containers/{}/stop", soak.id("site")), &Value::Null);
    soak.connect("dumps", &soak.network("web", "inner"));
    plan(&soak, "somebody_was_at_the_node");

    // What two others lean on was replaced from the repository, and is gone in another service.
    unit(&mut soak, "tunnel", |unit| unit.variable = 2);
    soak.call("DELETE", &format!("/containers/{}?force=1", soak.id("migrate")), &Value::Null);
    plan(&soak, "what_others_lean_on");

    // Both sides moved.
    unit(&mut soak, "notebook", |unit| unit.megabytes = Some(64));
    soak.update("notebook", &json!({"Memory": 48 << 20, "MemorySwap": 96 << 20}));
    unit(&mut soak, "client", |unit| unit.restart = "always");
    soak.update("client", &json!({"RestartPolicy": {"Name": "on-failure"}}));
    plan(&soak, "both_sides_moved");

    // Less of everything.
    unit(&mut soak, "dumps", |unit| unit.declared = false);
    unit(&mut soak, "probe", |unit| unit.declared = false);
    soak.dozen.services.get_mut("vpn").expect("it is there").stopped = true;
    plan(&soak, "less_of_everything");
}
