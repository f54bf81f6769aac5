//! Real projects of other people, started by Compose and taken over by hl, made by hl and taken over by Compose. It runs
//! where a pack of them is, which `HL_TEST_PACK` names; `scripts/equivalence.sh` does that.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use crate::equivalence::{complaints, ids};
use crate::support::compose;
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::pack::{self, Case};
use crate::support::proxy::{Proxy, Verdict};
use crate::support::sent;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(real_projects_are_taken_over_both_ways, needs Engine, Compose)];

/// How many projects.
const COUNT: usize = 60;
/// The service that a project is in its homelab.
const SERVICE: &str = "sample-lab-it";

/// Whether there is a pack.
pub fn is_there() -> bool {
    std::env::var_os("HL_TEST_PACK").is_some()
}

/// What was counted over all projects.
#[derive(Default)]
struct Sum {
    containers: usize,
    recreated: usize,
    complaints: Vec<String>,
}

fn real_projects_are_taken_over_both_ways() {
    let pack = PathBuf::from(std::env::var_os("HL_TEST_PACK").expect("the trial is listed where it is set"));
    let only = std::env::var("HL_TEST_PACK_ONLY").unwrap_or_default();
    let engine = Engine::connect();
    let mut sum = Sum::default();
    for case in pack::chosen(&pack, COUNT) {
        if !only.is_empty() && !only.split(',').any(|id| id == case.id) {
            continue;
        }
        let before = sum.complaints.len();
        if let Err(complaint) = take_over(&engine, &case, &mut sum) {
            sum.complaints.push(format!("{}: {complaint}", case.id));
        }
        eprintln!("{}: {}", case.id, if sum.complaints.len() == before { "ok" } else { "NOT ok" });
    }
    let Sum { containers, recreated, complaints } = sum;
    eprintln!("{recreated} of {containers} containers that hl made were recreated by Compose");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// One project both ways; what is wrong ends it.
fn take_over(engine: &Engine, case: &Case, sum: &mut Sum) -> Result<(), String> {
    let lab = Homelab::on(engine);
    let proxy = |name: &str| Proxy::start(engine.socket(), &lab.scratch(name), |_| Verdict::Forward);
    let for_compose = proxy("c.sock").map_err(|error| error.to_string())?;
    let for_hl = proxy("h.sock").map_err(|error| error.to_string())?;
    case.write(&lab, SERVICE);
    lab.write(
        "inventory/topology.yaml",
        &format!(
            "version: 1\nname: home\nnodes:\n  box: {{ address: \"{}\", root: \"{}\", undeclared: ignore }}\n\
             services:\n  {SERVICE}: {{ owner_node: box }}\n",
            for_hl.address(),
            lab.node_root().display()
        ),
    );
    let result = both_ways(engine, &lab, case, [&for_compose, &for_hl], sum);
    remove(engine, &lab, case);
    result
}

fn both_ways(engine: &Engine, lab: &Homelab, case: &Case, proxies: [&Proxy; 2], sum: &mut Sum) -> Result<(), String> {
    let [for_compose, for_hl] = proxies;
    let variables: Vec<String> = case.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let hl = |arguments: &[&str], code: i32| {
        let mut arguments = arguments.to_vec();
        for variable in &variables {
            arguments.extend(["--env", variable]);
        }
        expect(&lab.hl(&arguments), code)
    };
    let up = |address: &str| {
        let arguments = ["up", "--detach", "--pull", "never"];
        expect(&compose::run_with(lab, SERVICE, address, &case.variables, &arguments), 0)
    };

    provide(engine, case);
    up(&for_compose.address()).map_err(|why| format!("unfit: {why}"))?;
    let by_compose = sent::made(&for_compose.requests(), engine);
    let started = states(engine, lab);
    hl(&["apply", "--yes"], 0)?;
    if states(engine, lab) != started {
        return Err("what Compose had started was touched".to_owned());
    }
    hl(&["plan", "--detailed-exitcode"], 0)?;

    remove(engine, lab, case);
    std::fs::remove_dir_all(lab.repository().join("state")).ok();
    std::fs::remove_dir_all(lab.node_root()).ok();
    provide(engine, case);
    let done = for_hl.requests().len();
    hl(&["apply", "--yes"], 0)?;
    let by_hl = sent::made(&for_hl.requests()[done..], engine);
    sum.complaints.extend(complaints(&by_compose, &by_hl).iter().map(|it| format!("{}: {it}", case.id)));
    hl(&["plan", "--detailed-exitcode"], 0)?;

    let before = ids(engine, lab);
    up(&engine.address())?;
    let after = ids(engine, lab);
    let recreated: Vec<&str> = before.difference(&after).map(|(name, _)| name.as_str()).collect();
    sum.containers += before.len();
    sum.recreated += recreated.len();
    match recreated.is_empty() {
        true => hl(&["plan", "--detailed-exitcode"], 0),
        false => Err(format!("Compose recreates {}", recreated.join(", "))),
    }
}

/// Makes what the project takes for granted.
fn provide(engine: &Engine, case: &Case) {
    for (kind, name) in &case.external {
        engine.post(&format!("/{kind}/create"), &json!({"Name": name}));
    }
}

/// Removes the project and what it took for granted.
fn remove(engine: &Engine, lab: &Homelab, case: &Case) {
    let own = lab.name("sample-lab");
    engine.sweep(|name| name.starts_with(&own));
    for (kind, name) in &case.external {
        engine.raw("DELETE", &format!("/{kind}/{name}"), &serde_json::Value::Null);
    }
}

/// The containers of the lab, each with when it was started last.
fn states(engine: &Engine, lab: &Homelab) -> BTreeSet<(String, String)> {
    let started = |(_, id): (String, String)| {
        let id = id.trim_matches('"').to_owned();
        let since = engine.inspect(&id)["State"]["StartedAt"].to_string();
        (id, since)
    };
    ids(engine, lab).into_iter().map(started).collect()
}

fn expect(outcome: &Outcome, code: i32) -> Result<(), String> {
    if outcome.code == code { Ok(()) } else { Err(outcome.to_string()) }
}
