//! The front door as scripts and people meet it: exit codes, consent, interruptions, saved plans, drift, and that
//! planning only looks.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::proxy::{Proxy, Request, Verdict};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(exit_codes_say_how_it_went, needs Engine),
    trial!(without_an_engine_the_node_is_unknown_and_the_files_are_checked),
    trial!(nothing_is_done_without_consent, needs Engine),
    trial!(what_is_still_starting_is_waited_for_by_verify, needs Engine),
    trial!(an_interrupted_apply_finishes_what_it_began, needs Engine),
    trial!(a_second_interruption_stops_at_once, needs Engine),
    trial!(a_saved_plan_is_applied_once, needs Engine),
    trial!(a_saved_plan_is_refused_when_what_it_rests_on_moved, needs Engine),
    trial!(drift_is_told_and_gone_after_an_apply, needs Engine),
    trial!(planning_only_looks, needs Engine),
    trial!(an_engine_that_is_lost_while_it_is_read_is_unknown, needs Engine),
];

/// A homelab of two services, of which `web` needs `db`.
struct Two {
    engine: Engine,
    lab: Homelab,
}

impl Two {
    fn new() -> Two {
        let engine = Engine::connect();
        let two = Two { lab: Homelab::on(&engine), engine };
        two.service("db", "    restart: unless-stopped\n", "");
        two.service("web", "    environment: { GREETING: hello }\n", "depends_on: [db]\n");
        two
    }

    fn service(&self, name: &str, container: &str, more: &str) {
        let compose = format!(
            "name: sample-lab-{name}\nservices:\n  {name}:\n    image: hl-test/app:1\n    stop_grace_period: 1s\n{container}"
        );
        self.lab.write(&format!("services/{name}/docker-compose.yml"), &compose);
        self.lab.write(&format!("services/{name}/service.yaml"), &format!("owner_node: box\n{more}"));
    }

    fn applied() -> Two {
        let two = Two::new();
        two.lab.hl(&["apply", "--yes"]).code(0);
        two
    }

    fn container(&self, service: &str) -> String {
        self.lab.name(&format!("sample-lab-{service}-{service}-1"))
    }

    fn stop(&self, service: &str) {
        self.engine.post(&format!("/containers/{}/stop?t=1", self.container(service)), &Value::Null);
    }

    /// Begins an apply and waits until it has begun a call.
    fn begin_apply(&self) -> std::process::Child {
        let mut command = self.lab.command(&["apply", "--yes"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hl runs");
        let journal = self.lab.repository().join("state/journal.jsonl");
        let until = Instant::now() + Duration::from_secs(30);
        while !std::fs::read_to_string(&journal).unwrap_or_default().contains("\"kind\":\"start_container\"") {
            assert!(Instant::now() < until, "no call was begun");
            std::thread::sleep(Duration::from_millis(2));
        }
        child
    }

    fn ended(&self, child: std::process::Child) -> Outcome {
        let output = child.wait_with_output().expect("hl ends");
        Outcome::new("hl apply --yes".to_owned(), &output, |text| self.lab.stand_in(text))
    }
}

/// Sends a signal to a process that this test started.
fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

fn exit_codes_say_how_it_went() {
    let two = Two::new();
    let hl = |arguments: &[&str]| two.lab.hl(arguments);
    hl(&["plan"]).code(0).says("Plan: ");
    hl(&["plan", "--detailed-exitcode"]).code(2);
    hl(&["apply", "--yes"]).code(0).says("Done: ");
    hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes. 2 services are as declared.");
    hl(&["status"]).code(0).says("box/web");
    hl(&["verify"]).code(0).says("All 2 services work.");
    hl(&["plan", "--target", "wbe"]).code(64);
    hl(&["plan", "--no-such-option"]).code(64);
    hl(&["delete", "dbb"]).code(64);
    hl(&["config", "web"]).code(0).says("GREETING: hello");
    hl(&["state", "list"]).code(0).says("box/web/container:web");
    hl(&["state", "history"]).code(0).says("8 create");
    two.service("web", "    environmant: { GREETING: hello }\n", "");
    let wrong = hl(&["plan"]);
    wrong.code(1);
    assert!(wrong.stderr.contains("services/web/docker-compose.yml:6:5"), "{wrong}");
    assert!(wrong.stderr.contains("did you mean `environment`?"), "{wrong}");
    hl(&["validate"]).code(1);
    hl(&["apply", "--yes"]).code(1);
    // Who says so goes on without it.
    hl(&["plan", "--exclude", "web"]).code(0).says("No changes. 1 service is as declared.");
    hl(&["drift"]).code(3);
    hl(&["status"]).code(3).says("its files have errors");
    // A container that ends at once: the apply is not what was asked for.
    two.service("web", "    command: [\"sh\", \"-c\", \"echo no luck; exit 7\"]\n", "");
    hl(&["apply", "--yes"]).code(4).says("no luck");
}

fn without_an_engine_the_node_is_unknown_and_the_files_are_checked() {
    let lab = Homelab::without_engine();
    let address = format!("unix://{}", lab.scratch("nobody.sock").display());
    lab.write(
        "inventory/topology.yaml",
        &format!("version: 1\nname: home\nnodes:\n  box: {{ address: \"{address}\" }}\n"),
    );
    lab.write("services/web/docker-compose.yml", "services:\n  web:\n    image: hl-test/app:1\n");
    lab.write("services/web/service.yaml", "owner_node: box\n");
    let plan = lab.hl(&["plan"]);
    plan.code(3).says("? box: unknown, cannot connect to").says("nobody.sock: no such file; 1 service not");
    plan.says("Nothing could be planned: 1 service is on a node that cannot be planned.");
    lab.hl(&["drift"]).code(3);
    lab.hl(&["status"]).code(3).says("web");
    lab.write("services/web/docker-compose.yml", "services:\n  web:\n    imago: hl-test/app:1\n");
    let wrong = lab.hl(&["plan"]);
    assert!(wrong.code(1).stderr.contains("did you mean `image`?"), "{wrong}");
}

fn nothing_is_done_without_consent() {
    let two = Two::new();
    let asked = two.lab.hl(&["apply"]);
    assert!(asked.code(64).stderr.contains("pass --yes to go ahead"), "{asked}");
    assert_eq!(two.engine.containers(&two.lab.name("sample-lab")), [""; 0]);
    // `script` gives it a terminal, on which somebody answers.
    let answer = |answer: &str| {
        let mut command = Command::new("script");
        let hl = format!("'{}' apply", env!("CARGO_BIN_EXE_hl"));
        two.lab.settle(command.args(["--quiet", "--return", "--command", &hl, "/dev/null"]));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("script runs");
        child.stdin.take().expect("it listens").write_all(answer.as_bytes()).expect("it can be answered");
        let output = child.wait_with_output().expect("it ends");
        Outcome::new("hl apply, on a terminal".to_owned(), &output, |text| two.lab.stand_in(text))
    };
    answer("n\n").code(1).says("Do this? [y/N]").says("Nothing was done.");
    assert_eq!(two.engine.containers(&two.lab.name("sample-lab")), [""; 0]);
    answer("y\n").code(0).says("Do this? [y/N]");
    two.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn what_is_still_starting_is_waited_for_by_verify() {
    let two = Two::new();
    two.service(
        "db",
        "    healthcheck: { test: [\"CMD\", \"test\", \"-e\", \"/tmp/up\"], interval: 1s, retries: 2 }\n",
        "",
    );
    two.service("web", "    command: [\"sh\", \"-c\", \"sleep 2; touch /tmp/up; exec pause\"]\n    healthcheck: { test: [\"CMD\", \"test\", \"-e\", \"/tmp/up\"], interval: 1s, retries: 10 }\n", "");
    two.lab.hl(&["apply", "--yes"]).code(4);
    for name in ["db", "web"] {
        two.engine.post(&format!("/containers/{}/restart", two.container(name)), &Value::Null);
    }
    two.lab
        .hl(&["verify"])
        .code(1)
        .says("✗ box/db")
        .says("unhealthy")
        .says("✓ box/web")
        .says("1 of 2 services does not work");
}

fn an_interrupted_apply_finishes_what_it_began() {
    let two = Two::new();
    two.service("db", "    healthcheck: { test: [\"CMD\", \"true\"], interval: 2s }\n", "");
    let child = two.begin_apply();
    signal(&child, "INT");
    let ended = two.ended(child);
    ended.code(130).says("not tried");
    assert!(ended.stderr.contains("steps under way are finished"), "{ended}");
    // `web` waits for `db`, so it was not begun.
    assert_eq!(two.engine.containers(&two.lab.name("sample-lab")), [two.container("db")]);
    let plan = two.lab.hl(&["plan"]);
    plan.code(0).says("box/web/container:web");
    assert!(!plan.stdout.contains("cut off"), "nothing was left half done: {plan}");
    two.lab.hl(&["apply", "--yes"]).code(0);
    two.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_second_interruption_stops_at_once() {
    let two = Two::new();
    // Nothing but a second interruption gets hl out of this within the patience of the test.
    two.service("db", "    healthcheck: { test: [\"CMD\", \"false\"], interval: 1s, start_period: 10m }\n", "");
    let child = two.begin_apply();
    signal(&child, "TERM");
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    signal(&child, "INT");
    two.ended(child).code(130);
    assert!(began.elapsed() < Duration::from_secs(20));
    two.service("db", "", "");
    two.lab.hl(&["apply", "--yes"]).code(0);
    two.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_saved_plan_is_applied_once() {
    let two = Two::new();
    let file = two.lab.scratch("plan.json").display().to_string();
    let plan = two.lab.hl(&["plan", "-o", &file]);
    assert!(plan.code(0).stderr.contains("Saved. `hl apply "), "{plan}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("it is saved").permissions());
    assert_eq!(mode & 0o777, 0o600);
    two.lab.hl(&["apply", &file, "--yes"]).code(0);
    let id = two.engine.inspect(&two.container("web"))["Id"].clone();
    let again = two.lab.hl(&["apply", &file, "--yes"]);
    assert!(again.code(1).stderr.contains("was applied already"), "{again}");
    assert_eq!(two.engine.inspect(&two.container("web"))["Id"], id);
}

fn a_saved_plan_is_refused_when_what_it_rests_on_moved() {
    let two = Two::applied();
    let file = two.lab.scratch("plan.json").display().to_string();
    let web = |greeting: &str| {
        two.service("web", &format!("    environment: {{ GREETING: {greeting} }}\n"), "depends_on: [db]\n");
    };
    let saved = |greeting: &str| {
        web(greeting);
        two.lab.hl(&["plan", "-o", &file]).code(0).says("environment.GREETING");
    };
    let refused = |why: &str| {
        let before = two.engine.inspect(&two.container("web"))["Id"].clone();
        let outcome = two.lab.hl(&["apply", &file, "--yes"]);
        outcome.code(1);
        assert!(outcome.stderr.contains(why) && outcome.stderr.contains("make a new plan"), "{why}: {outcome}");
        assert_eq!(two.engine.inspect(&two.container("web"))["Id"], before, "nothing was done");
    };
    saved("bonjour");
    web("hola");
    refused("a file of the repository");
    saved("bonjour");
    two.stop("web");
    refused("changed on their node since: box/web/container:web");
    two.engine.post(&format!("/containers/{}/start", two.container("web")), &Value::Null);
    saved("bonjour");
    two.stop("db");
    two.lab.hl(&["apply", "--yes", "--target", "db"]).code(0);
    refused("something was applied since");
    std::fs::write(&file, "{}").expect("it can be written");
    assert!(two.lab.hl(&["apply", &file, "--yes"]).code(1).stderr.contains("plan.json"));
}

fn drift_is_told_and_gone_after_an_apply() {
    let two = Two::applied();
    two.lab.hl(&["drift"]).code(0).says("No drift");
    // What is to be changed is no drift.
    two.service("web", "    environment: { GREETING: hola }\n", "depends_on: [db]\n");
    two.lab.hl(&["drift"]).code(0).says("No drift");
    two.stop("db");
    let drift = two.lab.hl(&["drift"]);
    drift.code(2).says("box/db/container:db").never_says("GREETING");
    two.lab.hl(&["apply", "--yes"]).code(0);
    two.lab.hl(&["drift"]).code(0);
}

fn planning_only_looks() {
    let two = Two::new();
    let proxy = Proxy::read_only(two.engine.socket(), &two.lab.scratch("proxy.sock")).expect("a proxy");
    let (address, root) = (proxy.address(), two.lab.node_root());
    two.lab.write(
        "inventory/topology.yaml",
        &format!(
            "version: 1\nname: home\nnodes:\n  box: {{ address: \"{address}\", root: \"{}\", undeclared: ignore }}\n",
            root.display()
        ),
    );
    // Whatever of the repository was run would leave this behind.
    let mark = two.lab.scratch("was-run");
    let script = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    two.lab.write("services/web/healthcheck.sh", &script);
    two.lab.write("services/web/env.example", "TOKEN=\n");
    let token = "    environment: { GREETING: hello, TOKEN: \"${TOKEN}\" }\n";
    two.service("web", token, "env: { generate: { TOKEN: { length: 16 } } }\nhealth: { script: healthcheck.sh }\n");
    for command in [&["plan"][..], &["plan", "--format", "json"], &["plan", "--format", "markdown"], &["drift"]] {
        two.lab.hl(command).code(0);
    }
    two.lab.hl(&["status"]).code(0);
    let requests = proxy.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.is_read()), "{requests:?}");
    assert!(!mark.exists() && !root.exists(), "a plan wrote something");
    assert!(!two.lab.repository().join("state").exists(), "a plan left a state");
}

/// It answered at first, and the files of the node were read: the services are unknown all the same, not new or gone.
fn an_engine_that_is_lost_while_it_is_read_is_unknown() {
    let two = Two::applied();
    let judge = |request: &Request| match request.path.ends_with("/networks") {
        true => Verdict::HangUp,
        false => Verdict::Forward,
    };
    let proxy = Proxy::start(two.engine.socket(), &two.lab.scratch("proxy.sock"), judge).expect("a proxy");
    let (address, root) = (proxy.address(), two.lab.node_root());
    two.lab.write(
        "inventory/topology.yaml",
        &format!(
            "version: 1\nname: home\nnodes:\n  box: {{ address: \"{address}\", root: \"{}\", undeclared: ignore }}\n",
            root.display()
        ),
    );
    let plan = two.lab.hl(&["plan"]);
    plan.code(3).says("the connection was lost").never_says("create").never_says("delete");
    two.lab.hl(&["status"]).code(3);
}
