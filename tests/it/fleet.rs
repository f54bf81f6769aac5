//! Several machines over SSH: one plan for all, in the order of what needs what; and one that cannot be read stops
//! nothing but itself.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::fleet::{Build, Fleet};
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(twelve_services_on_three_nodes_come_up_in_order, needs Engine, Root),
    trial!(a_node_that_cannot_be_read_stops_nothing_but_itself, needs Engine, Root),
    trial!(a_link_that_is_cut_while_hl_reads, needs Engine, Root),
    trial!(a_link_that_is_cut_while_hl_applies, needs Engine, Root),
];

/// Service, node, what it needs, and what its compose file has besides.
type Row = (&'static str, &'static str, &'static str, &'static str);

const TWELVE: &[Row] = &[
    ("db", "nas", "", ""),
    ("cache", "nas", "", ""),
    ("files", "nas", "", ""),
    ("api", "pi", "db, cache", ""),
    ("worker", "pi", "{ service: db, condition: started }", ""),
    ("media", "pi", "files", "    ports: [\"8080:80\"]\n"),
    ("proxy", "edge", "api", "    ports: [\"8080:80\"]\n"),
    ("site", "edge", "api, media", ""),
    ("mail", "edge", "cache", ""),
    ("search", "nas", "api", ""),
    ("board", "pi", "search", ""),
    ("watch", "edge", "board, proxy", ""),
];

/// A homelab on three machines.
struct Home {
    fleet: Fleet,
    lab: Homelab,
}

impl Home {
    fn new(nodes: &[(&str, Build)], rows: &[Row]) -> Home {
        let lab = Homelab::without_engine();
        let fleet = Fleet::start(&lab, nodes);
        lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{}", fleet.topology()));
        for (service, node, needs, more) in rows {
            lab.write(
                &format!("services/{service}/docker-compose.yml"),
                &format!(
                    "name: {service}\nservices:\n  {service}:\n    image: hl-test/web:1\n    stop_grace_period: 1s\n\
                     \x20   volumes: [\"./www:/www:ro\"]\n{more}"
                ),
            );
            lab.write(&format!("services/{service}/www/index.html"), &format!("{service}\n"));
            lab.write(
                &format!("services/{service}/service.yaml"),
                &format!("owner_node: {node}\ndepends_on: [{needs}]\n"),
            );
        }
        Home { fleet, lab }
    }

    fn hl(&self, arguments: &[&str]) -> Outcome {
        self.lab.hl(arguments)
    }

    fn expect_settled(&self) {
        self.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    }

    /// When containers were created, started and became healthy, by service, as the engines themselves tell it.
    fn events(&self, nodes: &[&str]) -> Vec<(i64, String, String)> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
        let mut events = Vec::new();
        for node in nodes {
            let text = self.fleet.node(node).engine().raw("GET", &format!("/events?since=0&until={now}"), &Value::Null);
            let text = String::from_utf8_lossy(&text.body).into_owned();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            for event in lines.filter(|event| event["Type"] == "container") {
                let label = &event["Actor"]["Attributes"]["com.docker.compose.service"];
                let (service, action) =
                    (label.as_str().unwrap_or_default(), event["Action"].as_str().unwrap_or_default());
                events.push((event["timeNano"].as_i64().unwrap_or_default(), action.to_owned(), service.to_owned()));
            }
        }
        events.sort();
        events
    }
}

/// One service a node, of which the last needs the middle one.
const CHAIN: &[Row] = &[("one", "nas", "", ""), ("two", "pi", "", ""), ("three", "edge", "two", "")];

/// How long a node may take to answer in the tests.
const PATIENCE: Duration = Duration::from_secs(2);
/// After how long a connection that died without a word is given up: three questions, five seconds each, and the time to
/// notice.
const SILENCE: Duration = Duration::from_secs(25);

fn three() -> Vec<(&'static str, Build)> {
    ["nas", "pi", "edge"].map(|name| (name, Build::default())).to_vec()
}

fn twelve_services_on_three_nodes_come_up_in_order() {
    let home = Home::new(&three(), TWELVE);
    home.hl(&["plan", "--detailed-exitcode"]).code(2).says("Plan: 60 to create");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
    let events = home.events(&["nas", "pi", "edge"]);
    let when = |service: &str, action: &str| {
        let found = events.iter().find(|(_, what, of)| of == service && what.starts_with(action));
        found.unwrap_or_else(|| panic!("no {action} of {service} in {events:?}")).0
    };
    for (service, _, needs, _) in TWELVE {
        for need in needs.split(", ").filter(|need| TWELVE.iter().any(|(name, ..)| name == need)) {
            let (ready, started) = (when(need, "health_status: healthy"), when(service, "start"));
            assert!(ready < started, "{service} was started before {need} was healthy");
        }
    }
    assert!(when("db", "start") < when("worker", "start"));
}

impl Home {
    /// A plan while `pi` cannot be read: it says why, plans for the others, makes nothing out of what it does not see,
    /// and does not take long.
    fn expect_unknown(&self, why: &str, limit: Duration) {
        let begun = Instant::now();
        let plan = self.hl(&["plan"]);
        let took = begun.elapsed();
        plan.code(3).says("pi").says("unknown").says(why).never_says("create");
        assert!(took < limit, "the plan took {took:?}: {plan}");
    }

    /// Another content for what a service mounts.
    fn touch(&self, service: &str, text: &str) {
        self.lab.write(&format!("services/{service}/www/index.html"), text);
    }
}

fn a_node_that_cannot_be_read_stops_nothing_but_itself() {
    let home = Home::new(&three(), CHAIN);
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
    let (pi, limit) = (home.fleet.node("pi"), PATIENCE + Duration::from_secs(3));

    pi.cut();
    home.expect_unknown("timed out", limit);
    home.touch("one", "new\n");
    home.touch("three", "new\n");
    home.hl(&["plan"]).code(3).says("nas/one").says("three: blocked, it needs two on pi");
    home.hl(&["apply", "--yes"]).code(3).says("nas/one");
    pi.mend();
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();

    pi.signal("sshd", "KILL");
    home.expect_unknown("Connection refused", limit);
    pi.start_sshd();
    home.expect_settled();

    pi.signal("dockerd", "STOP");
    home.expect_unknown("no answer", limit);
    pi.signal("dockerd", "CONT");
    home.expect_settled();

    pi.signal("dockerd", "KILL");
    home.expect_unknown("engine", limit);
    pi.start_engine();
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();

    pi.power_off();
    home.expect_unknown("pi", limit);
    pi.start();
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
}

fn a_link_that_is_cut_while_hl_reads() {
    let home = Home::new(&three(), CHAIN);
    home.hl(&["apply", "--yes"]).code(0);
    home.fleet.when_forwarded(&home.lab, &home.fleet.node("pi").cutting());
    home.expect_unknown("pi", SILENCE);
    home.fleet.node("pi").mend();
    home.fleet.when_forwarded(&home.lab, "true");
    home.expect_settled();
}

fn a_link_that_is_cut_while_hl_applies() {
    let home = Home::new(&three(), CHAIN);
    let pi = home.fleet.node("pi");
    home.lab.write("services/two/healthcheck.sh", &format!("#!/bin/sh\ntouch {}\nsleep 5\n", "/opt/homelab/under-way"));
    let service = "owner_node: pi\nhealth: { script: healthcheck.sh, timeout: 20s, retries: 1 }\n";
    home.lab.write("services/two/service.yaml", service);
    let mut apply = home.lab.command(&["apply", "--yes"]);
    let begun = Instant::now();
    let apply =
        apply.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("hl runs");
    while !pi.root().join("under-way").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the script was never run");
        std::thread::sleep(Duration::from_millis(20));
    }
    pi.cut();
    let cut = Instant::now();
    let output = apply.wait_with_output().expect("hl ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(cut.elapsed() < SILENCE, "it took {:?} to notice: {said}", cut.elapsed());
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("pi/two") && said.contains("edge/three"), "{said}");
    home.hl(&["status"]).says("one");
    pi.mend();
    home.lab.write("services/two/healthcheck.sh", "#!/bin/sh\n");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
}
