//! `hl logs`: what containers wrote, in the order of time; and what they write from now on, of which nothing is lost and
//! nothing comes twice, whatever comes between.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::fleet::{Build, Fleet};
use crate::support::homelab::{Homelab, send};
use crate::support::outcome::Outcome;
use crate::support::sshd::{HOST, Sshd};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(lines_of_two_nodes_come_in_the_order_of_time, needs Engine, Root),
    trial!(a_node_that_was_away_is_followed_on, needs Engine, Root),
    trial!(a_connection_that_breaks_costs_no_line_and_doubles_none, needs Engine, Root),
    trial!(a_server_that_forwards_no_sockets_is_read_and_followed, needs Engine, Root),
    trial!(restarts_and_replacements_are_followed, needs Engine),
    trial!(an_interruption_ends_it, needs Engine),
    trial!(whoever_stops_reading_ends_it, needs Engine),
    trial!(a_hundred_thousand_lines_come_whole_and_in_order, needs Engine),
    trial!(what_is_written_acts_on_no_terminal, needs Engine),
    trial!(long_lines_are_one_line, needs Engine),
    trial!(times_and_numbers_choose_lines, needs Engine),
    trial!(what_cannot_be_shown_is_said, needs Engine),
    trial!(what_is_not_declared_is_read_by_its_name, needs Engine),
];

/// A homelab on the private engine.
struct Lab {
    engine: Engine,
    lab: Homelab,
}

impl Lab {
    fn new() -> Lab {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        Lab { engine, lab }
    }

    /// A service of one container that runs a script.
    fn service(&self, name: &str, script: &str, more: &str) {
        service(&self.lab, "box", name, &[(name, script, more)]);
    }

    fn hl(&self, arguments: &[&str]) -> Outcome {
        self.lab.hl(arguments)
    }

    fn container(&self, name: &str) -> String {
        self.lab.name(&format!("sample-lab-{name}-{name}-1"))
    }

    fn await_end(&self, name: &str) {
        self.engine.wait_for(&self.container(name), "done", |found| found["State"]["Status"] == "exited");
    }
}

/// A service whose containers run scripts: name, script, further keys.
fn service(lab: &Homelab, node: &str, name: &str, containers: &[(&str, &str, &str)]) {
    let mut compose = format!("name: sample-lab-{name}\nservices:\n");
    for (container, script, more) in containers {
        let words = serde_json::json!(["sh", "-c", script.replace('$', "$$")]);
        compose.push_str(&format!(
            "  {container}:\n    image: hl-test/app:1\n    command: {words}\n    stop_grace_period: 3s\n{more}"
        ));
    }
    lab.write(&format!("services/{name}/docker-compose.yml"), &compose);
    lab.write(&format!("services/{name}/service.yaml"), &format!("owner_node: {node}\n"));
}

/// An hl that follows, line by line.
struct Following {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Following {
    fn begin(lab: &Homelab, arguments: &[&str]) -> Following {
        let mut child = lab.begin(&[&["logs", "-f"], arguments].concat());
        let out = child.stdout.take().expect("it is a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Following { child, lines, seen: Vec::new() }
    }

    /// Reads on until a line has come that ends so.
    #[track_caller]
    fn until(&mut self, end: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.seen.last().is_some_and(|line| line.ends_with(end)) {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => {
                    let _ = self.child.kill();
                    let last = &self.seen[self.seen.len().saturating_sub(5)..];
                    panic!("no line {end:?} came: {} lines, at last {last:?}", self.seen.len());
                }
            }
        }
    }

    /// Interrupts it, and gives its end and all its lines.
    fn end(mut self, lab: &Homelab) -> (Outcome, Vec<String>) {
        send(&self.child, Signal::INT);
        let outcome = lab.end(self.child);
        self.seen.extend(self.lines.iter());
        (outcome, self.seen)
    }
}

/// Numbered lines, quickly.
fn counting(count: u32, pause: &str) -> String {
    format!("i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo $i; {pause}; done; echo end; exec pause")
}

fn numbers(count: u32) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).chain(["end".to_owned()]).collect()
}

fn two_nodes() -> (Homelab, Fleet) {
    let lab = Homelab::without_engine();
    let fleet = Fleet::start(&lab, &[("nas", Build::default()), ("pi", Build::default())]);
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{}", fleet.topology()));
    (lab, fleet)
}

fn lines_of_two_nodes_come_in_the_order_of_time() {
    let (lab, _fleet) = two_nodes();
    let script = "for i in 1 2 3 4 5 6 7 8; do echo first $i; sleep 0.05; done; \
                  i=0; while :; do i=$((i+1)); echo later $i; sleep 0.1; done";
    for (node, name) in [("nas", "one"), ("pi", "two")] {
        service(&lab, node, name, &[("a", script, ""), ("b", script, ""), ("c", script, "")]);
    }
    lab.hl(&["apply", "--yes"]).code(0);
    let read = lab.hl(&["logs", "--timestamps", "--since", "10m"]);
    let of_containers = |lines: &[String]| {
        let mut times = Vec::new();
        for line in lines {
            let (name, rest) = line.split_once(" | ").expect("a name is in front");
            let (time, _) = rest.split_once(' ').expect("a time is in front");
            times.push((time.to_owned(), name.to_owned()));
        }
        times
    };
    let lines: Vec<String> = read.code(0).stdout.lines().map(str::to_owned).collect();
    let times = of_containers(&lines);
    assert!(times.is_sorted_by_key(|(time, _)| time), "not in order: {read}");
    for name in ["one/a", "one/b", "one/c", "two/a", "two/b", "two/c"] {
        let own = times.iter().filter(|(_, of)| of == name).count();
        assert!(own >= 8, "{own} lines of {name}: {read}");
    }
    // As they come, too; each says when it was written, so that the delay is known.
    let mut following = Following::begin(&lab, &["--timestamps", "--tail", "0"]);
    following.until("");
    let deadline = Instant::now() + Duration::from_secs(3);
    let mut slowest = Duration::ZERO;
    while Instant::now() < deadline {
        let Ok(line) = following.lines.recv_timeout(Duration::from_secs(5)) else { panic!("nothing comes any more") };
        let written: jiff::Timestamp = of_containers(std::slice::from_ref(&line))[0].0.parse().expect("a time");
        slowest = slowest.max(jiff::Timestamp::now().duration_since(written).unsigned_abs());
        following.seen.push(line);
    }
    let (outcome, lines) = following.end(&lab);
    outcome.code(130);
    let times = of_containers(&lines);
    println!("{} lines followed, the slowest {slowest:.0?} after it was written", lines.len());
    assert!(times.is_sorted_by_key(|(time, _)| time), "not in order: {lines:#?}");
    assert!(times.iter().any(|(_, name)| name == "one/a") && times.iter().any(|(_, name)| name == "two/c"));
}

fn a_node_that_was_away_is_followed_on() {
    let (lab, fleet) = two_nodes();
    service(&lab, "nas", "one", &[("one", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done", "")]);
    service(&lab, "pi", "two", &[("two", &counting(1500, "sleep 0.02"), "")]);
    lab.hl(&["apply", "--yes"]).code(0);
    let mut following = Following::begin(&lab, &[]);
    following.until("two | 50");
    fleet.node("pi").cut();
    // Longer than it takes to notice, while the other one goes on.
    thread::sleep(Duration::from_secs(30));
    fleet.node("pi").mend();
    following.until("two | end");
    let (outcome, lines) = following.end(&lab);
    outcome.code(130).talks("pi: connection lost").talks("pi: connected again");
    let of = |name: &str| -> Vec<String> {
        lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(" | ")).map(str::to_owned).collect()
    };
    assert_eq!(of("two"), numbers(1500));
    let one = of("one");
    let whole: Vec<String> = (1..=one.len()).map(|number| number.to_string()).collect();
    assert_eq!(one, whole);
}

fn a_connection_that_breaks_costs_no_line_and_doubles_none() {
    let Lab { engine, lab } = Lab::new();
    let sshd = Sshd::start(&lab, &engine.address(), "");
    lab.reach_by(&format!("ssh://{HOST}"), "");
    // Two outputs, whose times are not always in order.
    service(
        &lab,
        "box",
        "web",
        &[
            ("web", &counting(2000, "[ $((i % 20)) -ne 0 ] || sleep 0.05"), ""),
            ("both", "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo $i; echo e$i >&2; sleep 0.01; done; echo end", ""),
        ],
    );
    lab.hl(&["apply", "--yes"]).code(0);
    let mut following = Following::begin(&lab, &[]);
    for after in ["web  | 200", "web  | 800", "web  | 1400"] {
        following.until(after);
        sshd.drop_connections();
    }
    following.until("end");
    following.seen.push(String::new());
    following.until("end");
    let (outcome, lines) = following.end(&lab);
    outcome.code(130).talks("box: connection lost").talks("box: connected again");
    let of = |name: &str, first: &str| -> Vec<String> {
        let own = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix("| "));
        own.filter(|text| text.starts_with('e') == (first == "e") || *text == "end").map(str::to_owned).collect()
    };
    assert_eq!(of("web  ", ""), numbers(2000));
    let errors: Vec<String> = (1..=600).map(|number| format!("e{number}")).collect();
    let found: Vec<String> = of("both ", "e").into_iter().filter(|text| text != "end").collect();
    assert_eq!(found, errors);
    assert_eq!(of("both ", ""), numbers(600));
}

fn a_server_that_forwards_no_sockets_is_read_and_followed() {
    let Lab { engine, lab } = Lab::new();
    let sshd = Sshd::start(&lab, &engine.address(), "AllowStreamLocalForwarding no");
    lab.reach_by(&format!("ssh://{HOST}"), "");
    let script = counting(300, "sleep 0.01");
    let names = ["a", "b", "c", "d", "e", "f"];
    let containers: Vec<(&str, &str, &str)> = names.iter().map(|name| (*name, script.as_str(), "")).collect();
    service(&lab, "box", "web", &containers);
    lab.hl(&["apply", "--yes"]).code(0);
    let mut following = Following::begin(&lab, &[]);
    let mut ended = 0;
    while ended < names.len() {
        following.until("end");
        following.seen.push(String::new());
        ended += 1;
    }
    let (outcome, lines) = following.end(&lab);
    outcome.code(130);
    let read = lab.hl(&["logs"]);
    for name in names {
        let own = |lines: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(" | ")).map(str::to_owned).collect()
        };
        assert_eq!(own(&mut lines.iter().map(String::as_str)), numbers(300), "{name}");
        assert_eq!(own(&mut read.code(0).stdout.lines()), numbers(300), "{name}");
    }
    drop(sshd);
}

fn restarts_and_replacements_are_followed() {
    let own = Lab::new();
    let script = "trap 'echo bye; exit 0' TERM; i=0; while :; do i=$((i+1)); echo $LIFE $i; sleep 0.01; done";
    let of_life = |life: u32| {
        own.service("web", script, &format!("    environment: {{ LIFE: \"{life}\" }}\n"));
        // Two that run side by side for a moment would both be shown.
        own.lab.write("services/web/service.yaml", "owner_node: box\nupdate: { order: stop-first }\n");
    };
    of_life(1);
    own.hl(&["apply", "--yes"]).code(0);
    let mut following = Following::begin(&own.lab, &["web"]);
    following.until("1 50");
    own.engine.post(&format!("/containers/{}/restart?t=3", own.container("web")), &Value::Null);
    following.until("bye");
    following.until("1 50");
    of_life(2);
    own.hl(&["apply", "--yes"]).code(0);
    following.until("2 30");
    // It may be stopped for a while.
    own.engine.post(&format!("/containers/{}/stop?t=3", own.container("web")), &Value::Null);
    following.until("bye");
    thread::sleep(Duration::from_secs(1));
    own.engine.post(&format!("/containers/{}/start", own.container("web")), &Value::Null);
    following.until("2 30");
    let (outcome, lines) = following.end(&own.lab);
    outcome.code(130);
    assert_eq!(outcome.stderr, "");
    let mut runs: Vec<Vec<&str>> = vec![Vec::new()];
    for line in &lines {
        let text = line.strip_prefix("web | ").expect("it has a name in front");
        match text {
            "bye" => runs.push(Vec::new()),
            _ => runs.last_mut().expect("there is one").push(text),
        }
    }
    assert_eq!(runs.len(), 4, "three ends");
    for (run, life) in runs.iter().zip(["1", "1", "2", "2"]) {
        let whole: Vec<String> = (1..=run.len()).map(|number| format!("{life} {number}")).collect();
        assert_eq!(*run, whole);
    }
}

fn an_interruption_ends_it() {
    let own = Lab::new();
    own.service("web", &counting(10, ":"), "");
    own.hl(&["apply", "--yes"]).code(0);
    for signal in [Signal::INT, Signal::TERM] {
        let mut following = Following::begin(&own.lab, &[]);
        following.until("end");
        let begun = Instant::now();
        send(&following.child, signal);
        let outcome = own.lab.end(following.child);
        outcome.code(130);
        assert_eq!(outcome.stderr, "");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    assert_eq!(own.lab.held(), [""; 0], "it left something");
}

fn whoever_stops_reading_ends_it() {
    let own = Lab::new();
    own.service("web", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done", "");
    own.hl(&["apply", "--yes"]).code(0);
    let mut child = own.lab.begin(&["logs", "-f"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it is a pipe")).read_line(&mut first).expect("a line comes");
    assert_eq!(first, "web | 1\n");
    let outcome = own.lab.end(child);
    outcome.code(0);
    assert_eq!(outcome.stderr, "");
}

fn a_hundred_thousand_lines_come_whole_and_in_order() {
    let own = Lab::new();
    own.service("web", "seq 1 100000; exec pause", "");
    own.hl(&["apply", "--yes"]).code(0);
    let last = || own.hl(&["logs", "web", "--tail", "1", "--no-prefix"]).stdout == "100000\n";
    let deadline = Instant::now() + Duration::from_secs(60);
    while !last() {
        assert!(Instant::now() < deadline, "the container has not written all");
    }
    let begun = Instant::now();
    let read = own.hl(&["logs", "web"]);
    println!("100,000 lines took {:.2?}", begun.elapsed());
    read.code(0);
    let expected: String = (1..=100_000).map(|number| format!("web | {number}\n")).collect();
    assert!(read.stdout == expected, "not all of them, or not in order: {} bytes", read.stdout.len());
    let mut following = Following::begin(&own.lab, &["web", "--no-prefix"]);
    following.until("100000");
    let (outcome, lines) = following.end(&own.lab);
    outcome.code(130);
    assert!(lines.iter().enumerate().all(|(n, line)| *line == (n + 1).to_string()), "{} lines", lines.len());
    assert_eq!(lines.len(), 100_000);
}

fn what_is_written_acts_on_no_terminal() {
    let own = Lab::new();
    let hostile = r"printf '\033[31mred\033[0m\033[2J\033]0;title\007 \377 a\tb\rc \342\200\256 \n'; exec pause";
    own.service("web", hostile, "");
    own.service("tty", hostile, "    tty: true\n");
    own.hl(&["apply", "--yes"]).code(0);
    // The engine itself keeps no byte that is no text.
    let shown = "\\x1b[31mred\\x1b[0m\\x1b[2J\\x1b]0;title\\x07 \u{fffd} a\tb\\rc \\u{202e} \n";
    own.hl(&["logs", "web", "--no-prefix"]).code(0).says(shown);
    let of_tty = own.hl(&["logs", "tty", "--no-prefix"]);
    assert_eq!(of_tty.code(0).stdout, shown, "a line of a terminal ends as any other");
    let coloured = "\u{1b}[31mred\u{1b}[0m\\x1b[2J\\x1b]0;title\\x07 \u{fffd} a\tb\\rc \\u{202e} \u{1b}[0m\n";
    let read = own.hl(&["logs", "web", "--color", "always"]);
    read.code(0).says(coloured);
    assert!(read.stdout.starts_with("\u{1b}["), "the name is in colour: {read}");
}

fn long_lines_are_one_line() {
    let own = Lab::new();
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; head -c 16384 /dev/zero | tr '\\0' y; echo; printf end";
    own.service("web", script, "");
    own.service("tty", script, "    tty: true\n");
    own.hl(&["apply", "--yes"]);
    for name in ["web", "tty"] {
        own.await_end(name);
        let read = own.hl(&["logs", name, "--no-prefix"]);
        let expected = format!("{}\n{}\nend\n", "x".repeat(100_000), "y".repeat(16_384));
        assert!(read.code(0).stdout == expected, "{name}: {:?}", read.stdout.lines().map(str::len).collect::<Vec<_>>());
    }
}

fn times_and_numbers_choose_lines() {
    let own = Lab::new();
    own.service("web", "echo old; sleep 2; for i in 1 2 3; do echo $i; done; exec pause", "");
    own.hl(&["apply", "--yes"]).code(0);
    let mut following = Following::begin(&own.lab, &["--no-prefix"]);
    following.until("3");
    following.end(&own.lab);
    let stamped = own.hl(&["logs", "-t", "--no-prefix"]);
    let times: Vec<&str> =
        stamped.code(0).stdout.lines().filter_map(|line| line.split_once(' ')).map(|(time, _)| time).collect();
    let read = |arguments: &[&str]| own.hl(&[&["logs", "--no-prefix"], arguments].concat()).code(0).stdout.clone();
    assert_eq!(read(&["--tail", "2"]), "2\n3\n");
    assert_eq!(read(&["--tail", "0"]), "");
    assert_eq!(read(&["--since", times[1]]), "1\n2\n3\n");
    assert_eq!(read(&["--until", times[0]]), "old\n");
    assert_eq!(read(&["--since", "1h", "-n", "1"]), "3\n");
    own.hl(&["logs", "--since", "soon"]).code(64);
    own.hl(&["logs", "--since", "1m", "--until", "2m"]).code(64).talks("--until is before --since");
    own.hl(&["logs", "--tail", "many"]).code(64);
}

fn what_cannot_be_shown_is_said() {
    let own = Lab::new();
    own.service("web", "echo hello; exec pause", "");
    own.service("silent", "echo hello; exec pause", "    logging: { driver: none }\n");
    own.hl(&["apply", "--yes"]).code(0);
    let unreadable = "box/silent/container:silent: its log cannot be read";
    own.hl(&["logs"]).code(0).says("hello").talks(unreadable);
    own.hl(&["logs", "silent"]).code(1).talks(unreadable);
    own.service("new", "echo hello", "");
    own.hl(&["logs"]).code(0).says("hello").talks("box/new has no container");
    own.hl(&["logs", "wep"]).code(64).talks("there is no node or service `wep`").talks("did you mean `web`?");
    own.hl(&["logs", "web/container:wep"]).code(64).talks("did you mean `web/container:web`?");
    own.hl(&["logs", "web/network:default"]).code(64).talks("is no container");
    let dead = format!(
        "version: 1\nname: home\nnodes:\n  box: {{ address: \"{}\", root: \"{}\" }}\n  pi: {{ address: \"unix:///nonexistent.sock\" }}\n",
        own.engine.address(),
        own.lab.node_root().display()
    );
    own.lab.write("inventory/topology.yaml", &dead);
    own.hl(&["logs"]).code(3).says("hello").talks("pi: could not be asked").talks("no such file");
    own.hl(&["logs", "box"]).code(0).says("hello");
    own.hl(&["logs", "pi"]).code(3).talks("pi: could not be asked");
    own.hl(&["logs", "-f", "pi"]).code(3);
}

fn what_is_not_declared_is_read_by_its_name() {
    let own = Lab::new();
    own.service("web", "echo hello; exec pause", "");
    own.service("old", "echo old; exec pause", "");
    own.hl(&["apply", "--yes"]).code(0);
    own.lab.write("services/web/docker-compose.yml", "services: [\n");
    own.hl(&["logs", "web"]).code(0).says("hello");
    for path in ["services/old/docker-compose.yml", "services/old/service.yaml"] {
        std::fs::remove_file(own.lab.repository().join(path)).expect("it is there");
    }
    own.hl(&["logs", "old"]).code(0).says("old");
    // Without a record nobody knows but the engine: by the name of its project alone.
    std::fs::remove_dir_all(own.lab.repository().join("state")).expect("there is a state");
    assert_eq!(own.hl(&["logs", "box"]).code(0).stdout, "");
    own.hl(&["logs", "sample-lab-old"]).code(0).says("old");
    own.hl(&["logs", "box/sample-lab-old/container:old"]).code(0).says("old");
}
