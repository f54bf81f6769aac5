//! A node over SSH: the same walk as on this machine, and what is said when something on the way is not as it must be.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::sshd::{HOST, Sshd};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_homelab_over_ssh_comes_up_and_settles, needs Engine, Root),
    trial!(a_server_that_allows_two_sessions_is_enough, needs Engine, Root),
    trial!(files_are_written_at_once, needs Engine, Root),
    trial!(a_shell_that_greets_is_a_shell, needs Engine, Root),
    trial!(a_server_that_forwards_no_sockets_has_a_program_relay, needs Engine, Root),
    trial!(what_is_in_the_way_is_told_with_a_way_out, needs Engine, Root),
    trial!(an_hl_that_was_killed_leaves_no_connection, needs Engine, Root),
    trial!(a_script_is_ended_with_all_that_it_started, needs Engine, Root),
];

/// A homelab whose node is reached over SSH.
struct Remote {
    engine: Engine,
    lab: Homelab,
    sshd: Sshd,
}

impl Remote {
    fn new(more: &str) -> Remote {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        let sshd = Sshd::start(&lab, &engine.address(), more);
        let remote = Remote { engine, lab, sshd };
        remote.node("");
        remote
    }

    fn node(&self, more: &str) {
        self.lab.reach_by(&format!("ssh://{HOST}"), more);
    }

    fn web(&self, health: &str) {
        self.lab.write(
            "services/web/docker-compose.yml",
            "name: sample-lab-web\nservices:\n  web:\n    image: hl-test/web:1\n    stop_grace_period: 1s\n    \
             environment: { TOKEN: \"${TOKEN}\" }\n    volumes: [\"./www:/www:ro\"]\n",
        );
        self.lab.write("services/web/www/index.html", "hello\n");
        self.lab.write("services/web/env.example", "TOKEN=\n");
        let service = "owner_node: box\nenv: { generate: { TOKEN: { length: 24 } } }\n\
                       health: { script: healthcheck.sh, interval: 100ms, timeout: 2s, retries: 2 }\n";
        self.lab.write("services/web/service.yaml", service);
        self.lab.write("services/web/healthcheck.sh", health);
    }

    fn container(&self) -> String {
        self.lab.name("sample-lab-web-web-1")
    }
}

/// Proves that it runs beside the container, with the service's secret.
const HEALTH: &str = "#!/bin/sh\n[ ${#TOKEN} -eq 24 ] || { echo no token; exit 1; }\n\
                      [ \"$(cat www/index.html)\" = hello ] || { echo not there; exit 1; }\n";

fn a_homelab_over_ssh_comes_up_and_settles() {
    comes_up_and_settles(&Remote::new(""));
}

fn comes_up_and_settles(remote: &Remote) {
    remote.web(HEALTH);
    let hl = |arguments: &[&str]| remote.lab.hl(arguments);
    hl(&["plan", "--detailed-exitcode"]).code(2).says("box/web/container:web");
    assert!(!remote.lab.node_root().exists(), "a plan wrote something");
    assert_eq!(remote.lab.held(), [""; 0], "a plan left something");
    let applied = hl(&["apply", "--yes"]);
    applied.code(0);
    let config = remote.lab.node_root().join("config/web");
    let env = std::fs::read_to_string(config.join(".env")).expect("the env file was written");
    let mode = std::fs::metadata(config.join(".env")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = env.lines().find_map(|line| line.strip_prefix("TOKEN=")).expect("a token was made");
    applied.never_says(token);
    assert_eq!(std::fs::read_to_string(config.join("www/index.html")).expect("it was shipped"), "hello\n");
    hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    hl(&["verify"]).code(0);
    remote.engine.post(&format!("/containers/{}/stop?t=1", remote.container()), &Value::Null);
    hl(&["drift"]).code(2).says("box/web/container:web");
    hl(&["apply", "--yes"]).code(0);
    remote.lab.write("services/web/www/index.html", "hello again\n");
    remote.lab.write("services/web/healthcheck.sh", "#!/bin/sh\ngrep -q again www/index.html\n");
    hl(&["plan"]).code(0).says("www/index.html").never_says(token);
    hl(&["apply", "--yes"]).code(0);
    hl(&["plan", "--detailed-exitcode"]).code(0);
}

/// Held against a node that does one step at a time.
fn files_are_written_at_once() {
    let took = |parallelism: &str| {
        let remote = Remote::new("");
        remote.node(parallelism);
        remote.web(HEALTH);
        for number in 0..60 {
            remote.lab.write(&format!("services/web/www/{number}.html"), "one of many\n");
        }
        let began = Instant::now();
        remote.lab.hl(&["apply", "--yes"]).code(0);
        let took = began.elapsed();
        remote.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
        took
    };
    let (one_by_one, at_once) = (took(", parallelism: 1"), took(""));
    println!("63 files: {one_by_one:.1?} one by one, {at_once:.1?} at once");
    assert!(at_once < one_by_one, "{at_once:?} at once, {one_by_one:?} one by one");
}

fn a_server_that_allows_two_sessions_is_enough() {
    let remote = Remote::new("MaxSessions 2\nMaxStartups 2:30:4");
    remote.web(HEALTH);
    remote.lab.hl(&["apply", "--yes"]).code(0);
    remote.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

/// A line in `.bashrc` stands before the output of each command.
fn a_shell_that_greets_is_a_shell() {
    let greets = "ForceCommand echo 'Welcome to prod!'; eval \"$SSH_ORIGINAL_COMMAND\"";
    comes_up_and_settles(&Remote::new(greets));
    let remote = Remote::new(&format!("{greets}\nAllowStreamLocalForwarding no"));
    remote.web(HEALTH);
    remote.lab.hl(&["apply", "--yes"]).code(0);
    remote.lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}

fn a_server_that_forwards_no_sockets_has_a_program_relay() {
    let forbidding = "AllowStreamLocalForwarding no\nLogLevel DEBUG1";
    let remote = Remote::new(forbidding);
    comes_up_and_settles(&remote);
    let log = std::fs::read_to_string(remote.lab.scratch("sshd").join("log")).expect("there is a log");
    assert!(log.contains("refused streamlocal port forward"), "it forwards after all");
    assert!(!log.contains("no more sessions"), "the server's limit was met");
    drop(remote);

    // A machine on which no program does that.
    let few = std::env::temp_dir().join(format!("hl-few-{}", std::process::id()));
    std::fs::create_dir(&few).expect("a folder can be made");
    for program in ["sh", "cat", "id", "uname", "grep", "sleep"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), few.join(program)).expect("a link can be made");
    }
    let few_programs = format!("ForceCommand PATH={}; export PATH; eval \"$SSH_ORIGINAL_COMMAND\"", few.display());
    let remote = Remote::new(&format!("AllowStreamLocalForwarding no\n{few_programs}"));
    remote.web(HEALTH);
    let plan = remote.lab.hl(&["plan"]);
    std::fs::remove_dir_all(&few).expect("it can be removed");
    plan.code(3).says_in_words("there is no docker, socat or nc on it").says_in_words("AllowStreamLocalForwarding yes");
}

fn what_is_in_the_way_is_told_with_a_way_out() {
    let remote = Remote::new("");
    remote.web(HEALTH);
    remote.sshd.forget_host();
    remote.lab.hl(&["plan"]).code(3).says("? box: unknown").says("connect once by hand");
    remote.sshd.know_host();
    remote.lab.write(
        "inventory/topology.yaml",
        "version: 1\nname: home\nnodes:\n  box: { address: \"ssh://nobody@127.0.0.1:9\" }\n",
    );
    remote.lab.hl(&["plan"]).code(3).says("Connection refused").says("ssh -p 9 nobody@127.0.0.1");
    drop(remote);

    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let nowhere = format!("unix://{}", lab.scratch("nobody.sock").display());
    let sshd = Sshd::start(&lab, &nowhere, "");
    let remote = Remote { engine, lab, sshd };
    remote.node("");
    remote.web(HEALTH);
    remote.lab.hl(&["plan"]).code(3).says("engine does not run: no socket").says("systemctl start docker");
}

fn an_hl_that_was_killed_leaves_no_connection() {
    let remote = Remote::new("");
    remote.web("#!/bin/sh\nsleep 60\n");
    let mut command = remote.lab.command(&["apply", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hl runs");
    let sockets = remote.lab.scratch("sshd").join("log");
    let until = Instant::now() + Duration::from_secs(60);
    while remote.engine.inspect(&remote.container()).is_null() {
        assert!(Instant::now() < until, "nothing was made: {}", std::fs::read_to_string(&sockets).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let config = remote.lab.scratch("sshd").join("ssh_config").display().to_string();
    let until = Instant::now() + Duration::from_secs(20);
    while clients(&config) > 0 {
        assert!(Instant::now() < until, "a connection outlives its hl");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(remote.lab.held().len(), 1, "what was killed has a folder");
    // The lock went with it.
    remote.web(HEALTH);
    remote.lab.hl(&["apply", "--yes"]).code(0);
    remote.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    assert_eq!(remote.lab.held(), [""; 0], "the next one did not tidy up");
}

/// How many processes were started with this client configuration.
fn clients(config: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(config)).count()
}

fn a_script_is_ended_with_all_that_it_started() {
    let remote = Remote::new("");
    let mark = remote.lab.scratch("outlived");
    let script =
        format!("#!/bin/sh\n(trap '' TERM; sleep 7; touch '{}') & echo waiting for ever; sleep 100\n", mark.display());
    remote.web(&script);
    let applied = remote.lab.hl(&["apply", "--yes"]);
    applied.code(4).says("longer than 2000 ms").says("waiting for ever");
    std::thread::sleep(Duration::from_secs(6));
    assert!(!mark.exists(), "something of the script went on");
}
