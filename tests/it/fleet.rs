//! Several machines over SSH: one plan for all, in the order of what needs what; and one that cannot be read stops
//! nothing but itself.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::fleet::{Build, Fleet, User, attempts};
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(twelve_services_on_three_nodes_come_up_in_order, needs Engine, Root),
    trial!(a_node_that_cannot_be_read_stops_nothing_but_itself, needs Engine, Root),
    trial!(a_link_that_is_cut_while_hl_reads, needs Engine, Root),
    trial!(a_link_that_is_cut_while_hl_applies, needs Engine, Root),
    trial!(a_connection_that_breaks_while_hl_reads_is_made_again, needs Engine, Root),
    trial!(a_server_that_allows_little_is_enough_for_sixty_containers, needs Engine, Root),
    trial!(forty_nodes_of_which_five_are_dead, needs Engine, Root),
    trial!(another_host_key_is_refused, needs Engine, Root),
    trial!(two_clones_do_not_apply_at_once, needs Engine, Root),
    trial!(a_user_with_the_engine_alone, needs Engine, Root),
    trial!(a_user_who_may_become_root, needs Engine, Root),
    trial!(the_example_of_three_machines_runs, needs Engine, Root),
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

    /// How long a plan takes that finds every node well, on this machine as busy as it is now.
    fn time_settled(&self) -> Duration {
        let begun = Instant::now();
        self.expect_settled();
        begun.elapsed()
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
const PATIENCE: Duration = Duration::from_secs(5);
/// After how long a connection that died without a word is given up: three questions, five seconds each, and the time to
/// notice.
const SILENCE: Duration = Duration::from_secs(25);
/// Four times as long as a lock is held without a sign of life from its holder: only a lock that stays for ever is held
/// for longer.
const LEASE: Duration = Duration::from_secs(120);
/// How many plans that find every node well may pass before hl says that one is not, beside the time that it waits for
/// that one. A busy machine makes both longer alike.
const PLANS: u32 = 20;

fn three() -> Vec<(&'static str, Build)> {
    ["nas", "pi", "edge"].map(|name| (name, Build::default())).to_vec()
}

fn twelve_services_on_three_nodes_come_up_in_order() {
    let home = Home::new(&three(), TWELVE);
    home.hl(&["plan", "--detailed-exitcode"]).code(2).says("Plan: 72 to create");
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
    /// and does not wait for longer than a limit.
    fn expect_unknown(&self, why: &str, limit: Duration) {
        let begun = Instant::now();
        let plan = self.hl(&["plan"]);
        let took = begun.elapsed();
        plan.code(3).says("pi").says("unknown").says(why).never_says("create");
        assert!(took < limit, "the plan took {took:?}: {plan}");
    }

    /// Waits until an apply runs a script that says so in a node's folder.
    fn await_script(&self, node: &str, apply: &mut std::process::Child) {
        use std::io::Read;
        let begun = Instant::now();
        while !self.fleet.node(node).root().join("under-way").exists() {
            let ended = apply.try_wait().expect("it can be asked");
            if ended.is_some() || begun.elapsed() > Duration::from_secs(60) {
                let mut said = String::new();
                apply.stdout.take().map(|mut out| out.read_to_string(&mut said));
                apply.stderr.take().map(|mut err| err.read_to_string(&mut said));
                panic!("the script was never run ({ended:?}): {said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Another content for what a service mounts.
    fn touch(&self, service: &str, text: &str) {
        self.lab.write(&format!("services/{service}/www/index.html"), text);
    }
}

fn a_node_that_cannot_be_read_stops_nothing_but_itself() {
    let home = Home::new(&three(), CHAIN);
    home.hl(&["apply", "--yes"]).code(0);
    let (pi, limit) = (home.fleet.node("pi"), PATIENCE + home.time_settled() * PLANS);

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
    let limit = SILENCE + home.time_settled() * PLANS;
    home.fleet.when_forwarded(&home.lab, &home.fleet.node("pi").cutting());
    home.expect_unknown("pi", limit);
    home.fleet.when_forwarded(&home.lab, "true");
    home.fleet.node("pi").mend();
    home.expect_settled();
}

fn a_connection_that_breaks_while_hl_reads_is_made_again() {
    let home = Home::new(&three(), CHAIN);
    home.hl(&["apply", "--yes"]).code(0);
    // Once, whatever serves a connection ends; the server itself does not.
    let once = home.lab.scratch("once");
    let serving = "first=$(pgrep -o -x sshd); for pid in $(pgrep -x 'sshd|sshd-session'); do \
                   [ $pid = $first ] || kill -9 $pid; done";
    let pi = home.fleet.node("pi");
    let breaking = pi.inside_later(&format!("mkdir {} 2>/dev/null || exit 0; {serving}", once.display()));
    for when in ["", "sleep 0.02; ", "sleep 0.05; ", "sleep 0.1; "] {
        home.fleet.when_forwarded(&home.lab, &format!("({when}{breaking}) {}", if when.is_empty() { "" } else { "&" }));
        home.expect_settled();
        std::thread::sleep(Duration::from_millis(500));
        std::fs::remove_dir(&once).expect("it was broken");
    }
    home.fleet.when_forwarded(&home.lab, "true");
    // While somebody reads the plan.
    home.touch("two", "new\n");
    let mut command = Command::new("script");
    let hl = format!("'{}' apply", env!("CARGO_BIN_EXE_hl"));
    home.lab.settle(command.args(["--quiet", "--return", "--command", &hl, "/dev/null"]));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
    let mut said = Vec::new();
    let mut out = child.stdout.take().expect("it is a pipe");
    while !String::from_utf8_lossy(&said).contains("Do this?") {
        let mut block = [0; 4096];
        let length = out.read(&mut block).expect("it can be read");
        assert!(length > 0, "it does not ask: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&block[..length]);
    }
    pi.inside(&format!("{serving}\n"));
    let mut answer = child.stdin.take().expect("it listens");
    answer.write_all(b"y\n").expect("it can be answered");
    out.read_to_end(&mut said).expect("it can be read");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{}", String::from_utf8_lossy(&said));
    home.expect_settled();
}

fn a_link_that_is_cut_while_hl_applies() {
    let home = Home::new(&three(), CHAIN);
    let begun = Instant::now();
    home.hl(&["plan"]).code(0);
    let limit = SILENCE + begun.elapsed() * PLANS;
    let pi = home.fleet.node("pi");
    home.lab.write("services/two/healthcheck.sh", &format!("#!/bin/sh\ntouch {}\nsleep 5\n", "/opt/homelab/under-way"));
    let service = "owner_node: pi\nhealth: { script: healthcheck.sh, timeout: 20s, retries: 1 }\n";
    home.lab.write("services/two/service.yaml", service);
    let mut apply = home.lab.command(&["apply", "--yes"]);
    let begun = Instant::now();
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hl runs");
    while !pi.root().join("under-way").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the script was never run");
        std::thread::sleep(Duration::from_millis(20));
    }
    pi.cut();
    let cut = Instant::now();
    let output = apply.wait_with_output().expect("hl ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(cut.elapsed() < limit, "it took {:?} to notice: {said}", cut.elapsed());
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("pi/two") && said.contains("edge/three"), "{said}");
    home.hl(&["status"]).says("one");
    pi.mend();
    home.lab.write("services/two/healthcheck.sh", "#!/bin/sh\n");
    // The other side of the connection may not have noticed yet; the lock ends with its lease.
    while !home.hl(&["unlock", "pi"]).stdout.contains("pi: free") {
        assert!(cut.elapsed() < limit + LEASE, "the lock outlives its lease");
        std::thread::sleep(Duration::from_millis(500));
    }
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
}

fn a_server_that_allows_little_is_enough_for_sixty_containers() {
    let build = Build { sshd: "MaxSessions 2\nMaxStartups 2:30:4", ..Build::default() };
    let home = Home::new(&[("nas", build)], &[]);
    for service in ["a", "b", "c", "d", "e", "f"] {
        let compose = format!(
            "name: {service}\nservices:\n  {service}:\n    image: hl-test/plain:1\n    command: [sleep, \"86400\"]\n\
             \x20   stop_signal: SIGKILL\n    scale: 10\n    volumes: [\"./conf:/conf:ro\"]\n"
        );
        home.lab.write(&format!("services/{service}/docker-compose.yml"), &compose);
        home.lab.write(&format!("services/{service}/conf/a"), "1\n");
        home.lab.write(&format!("services/{service}/service.yaml"), "owner_node: nas\n");
        home.lab.write(&format!("services/{service}/healthcheck.sh"), "#!/bin/sh\n");
    }
    home.hl(&["apply", "--yes"]).code(0);
    assert_eq!(home.fleet.node("nas").engine().containers("").len(), 60);
    for _ in 0..5 {
        home.expect_settled();
    }
    home.hl(&["verify"]).code(0);
}

fn forty_nodes_of_which_five_are_dead() {
    // Aliases of two machines, whose servers turn away some of forty at random, as a jump host before forty nodes does.
    let home = Home::new(&[("alive", Build::default()), ("dead", Build::default())], &[]);
    let mut topology = String::from("version: 1\nname: home\nnodes:\n");
    for number in 0..40 {
        let name = if number % 8 == 0 { "dead" } else { "alive" };
        home.fleet.alias(&home.lab, &format!("n{number}"), name);
        let more = format!("root: /opt/homelab/{number}, connect_timeout: 10s");
        topology.push_str(&format!("  n{number}: {{ address: \"ssh://n{number}.test\", {more} }}\n"));
        home.lab
            .write(&format!("services/s{number}/service.yaml"), &format!("owner_node: n{number}\nstate: stopped\n"));
        let compose = format!("name: s{number}\nservices: {{ one: {{ image: \"hl-test/plain:1\" }} }}\n");
        home.lab.write(&format!("services/s{number}/docker-compose.yml"), &compose);
    }
    home.lab.write("inventory/topology.yaml", &topology);
    home.fleet.node("dead").cut();
    let log = home.fleet.log_connections(&home.lab);
    let plan = home.hl(&["plan"]);
    plan.code(3).says("n0: unknown").says("n32: unknown").says("n1/s1").says("n39/s39");
    assert_eq!(plan.stdout.matches(": unknown").count(), 5, "{plan}");
    // The dead ones are waited for at the same time: all of these waits have begun before the first one ends.
    let attempts = attempts(&log);
    let dead: Vec<String> = (0..40).step_by(8).map(|number| format!("n{number}")).collect();
    let mut waits = attempts.iter().filter(|(_, host)| dead.contains(host));
    let together: BTreeSet<&String> = waits.by_ref().take_while(|(begins, _)| *begins).map(|(_, host)| host).collect();
    assert_eq!(together.len(), dead.len(), "{attempts:?}");
    // Nobody is asked again who did not answer in time.
    let begun = attempts.iter().filter(|(begins, host)| *begins && dead.contains(host));
    assert_eq!(begun.count(), dead.len(), "{attempts:?}");
}

fn another_host_key_is_refused() {
    let home = Home::new(&[("nas", Build::default()), ("pi", Build::default())], &CHAIN[..2]);
    home.hl(&["apply", "--yes"]).code(0);
    let pi = home.fleet.node("pi");
    let (old, new) = pi.renew_host_key();
    let plan = home.hl(&["plan"]);
    plan.code(3).says("pi: unknown").never_says("create");
    let words = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("its key is {new}, and was {old}")), "{plan}");
    assert!(words.contains("ssh-keygen -R pi.test"), "{plan}");
}

fn two_clones_do_not_apply_at_once() {
    let home = Home::new(&[("nas", Build::default())], &[("one", "nas", "", "")]);
    let slow = "#!/bin/sh\ntouch /opt/homelab/under-way\nsleep 100\n";
    home.lab.write("services/one/healthcheck.sh", slow);
    let service = "owner_node: nas\nhealth: { script: healthcheck.sh, timeout: 200s, retries: 1 }\n";
    home.lab.write("services/one/service.yaml", service);
    let other = home.lab.scratch("clone");
    home.lab.copy_repository(&other);
    let of_other = |arguments: &[&str]| {
        let mut command = home.lab.command(arguments);
        let output = command.current_dir(&other).output().expect("hl runs");
        Outcome::new(format!("hl {} in the clone", arguments.join(" ")), &output, |text| home.lab.stand_in(text))
    };
    let mut first = home.lab.command(&["apply", "--yes"]);
    first.env("USER", "ann").stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().expect("hl runs");
    home.await_script("nas", &mut first);
    let container = || home.fleet.node("nas").engine().inspect("one-one-1")["Id"].clone();
    let made = container();
    home.lab.write_in(&other, "services/one/healthcheck.sh", "#!/bin/sh\n");
    home.lab.write_in(&other, "services/one/www/index.html", "of the clone\n");
    of_other(&["apply", "--yes"]).code(1).talks("another hl is at work on it: ann@").talks("runs `hl apply`");
    of_other(&["unlock"]).code(0).says("nas: held: ann@").says("there holds it");
    assert_eq!(container(), made);
    // Killed where it stands, it says nothing any more.
    home.fleet.node("nas").cut();
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    std::thread::sleep(Duration::from_secs(1));
    home.fleet.node("nas").mend();
    let killed = Instant::now();
    while of_other(&["unlock"]).stdout != "nas: free\n" {
        assert!(killed.elapsed() < LEASE, "the lock outlives its lease");
        std::thread::sleep(Duration::from_millis(500));
    }
    of_other(&["apply", "--yes"]).code(0);
    of_other(&["plan", "--detailed-exitcode"]).code(0);
    // Taken away from one that lives.
    home.lab.write("services/one/www/index.html", "again\n");
    std::fs::remove_file(home.fleet.node("nas").root().join("under-way")).expect("it is there");
    let mut third = home.lab.command(&["apply", "--yes"]);
    let third = third.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut third = third.spawn().expect("hl runs");
    home.await_script("nas", &mut third);
    of_other(&["unlock", "nas", "--break", "--yes"]).code(0).says("nas: held").talks("nas is free");
    of_other(&["unlock"]).code(0).says("nas: free");
    let third = third.wait_with_output().expect("hl ends");
    assert_eq!(third.status.code(), Some(4), "{}", String::from_utf8_lossy(&third.stdout));
}

/// Beside one service with a file of its own, one that is nothing but a container.
fn bare(home: &Home) {
    home.lab.write(
        "services/bare/docker-compose.yml",
        "name: bare\nservices: { bare: { image: \"hl-test/web:1\", stop_grace_period: 1s } }\n",
    );
    home.lab.write("services/bare/service.yaml", "owner_node: nas\n");
}

fn a_user_with_the_engine_alone() {
    let build = Build { user: User::Docker, ..Build::default() };
    let home = Home::new(&[("nas", build)], &[("one", "nas", "", "")]);
    bare(&home);
    let nas = home.fleet.node("nas");
    let plan = home.hl(&["plan"]);
    plan.code(3).says("nas/bare").talks("hl may not write /opt/homelab/config/one").talks("sudo install -d -o USER");
    home.hl(&["apply", "--yes"]).code(3).says("nas/bare");
    assert_eq!(nas.engine().containers(""), ["bare-bare-1"]);
    let networks = nas.engine().get("/networks").to_string();
    assert!(!networks.contains("one_default"), "half of the other was made: {networks}");
    home.hl(&["plan"]).code(3).says("No changes");
    nas.inside("chown pilot /opt/homelab\n");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
    assert_eq!(nas.inside("stat -c %U /opt/homelab/config/one/www/index.html\n"), "pilot\n");
}

fn a_user_who_may_become_root() {
    let build = Build { user: User::Sudo, ..Build::default() };
    let home = Home::new(&[("nas", build)], &[("one", "nas", "", "")]);
    home.lab.write("services/one/env.example", "A=1\n");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
    let nas = home.fleet.node("nas");
    assert_eq!(nas.inside("stat -c '%U %a' /opt/homelab/config/one/.env\n"), "root 600\n");
    home.touch("one", "new\n");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
    // Another hl, which is root there, is at work.
    nas.inside(
        "chmod 700 /opt/homelab
         setsid sh -c 'exec 9>>/opt/homelab/.hl.lock; flock 9
             echo \"$$ $(cat /proc/sys/kernel/random/boot_id) root@desk\" >/opt/homelab/.hl.lock
             touch /opt/held; exec sleep 300' >/dev/null 2>&1 </dev/null &
         until [ -e /opt/held ]; do sleep 0.1; done\n",
    );
    home.touch("one", "newer\n");
    home.hl(&["apply", "--yes"]).code(1).talks("another hl is at work on it: root@desk");
    home.hl(&["unlock"]).code(0).says("nas: held: root@desk");
    home.hl(&["unlock", "nas", "--break", "--yes"]).code(0).talks("nas is free");
    home.hl(&["apply", "--yes"]).code(0);
    home.expect_settled();
}

fn the_example_of_three_machines_runs() {
    let lab = Homelab::without_engine();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet/run.sh");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&script);
        command.args(arguments).env("HL", env!("CARGO_BIN_EXE_hl")).env("HL_FLEET_ROOT", lab.scratch("f"));
        let output = command.output().expect("the script runs");
        Outcome::new(format!("run.sh {}", arguments.join(" ")), &output, |text| lab.stand_in(text))
    };
    let up = run(&[]);
    let down = run(&["clean"]);
    up.code(0).says("Plan: 25 to create.").says("No changes. 4 services are as declared.").says("pi: unknown");
    up.says("proxy: blocked, it needs home on pi").says("nas/photos/container:photos  restart");
    down.code(0);
    assert!(!lab.scratch("f").exists(), "something is left");
}
