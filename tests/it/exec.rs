//! `hl exec`: a command in a container with its input, its outputs and its exit code; and a terminal that is always given back.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::sshd::{HOST, Sshd};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_command_ends_as_it_ended_in_the_container, needs Engine),
    trial!(input_is_piped_to_its_end, needs Engine),
    trial!(an_address_means_one_container, needs Engine),
    trial!(a_terminal_has_the_size_of_the_own_one, needs Engine),
    trial!(a_terminal_is_given_back_on_every_way_out, needs Engine),
    trial!(a_command_runs_on_a_node_over_ssh, needs Engine, Root),
    trial!(a_command_runs_through_a_relay, needs Engine, Root),
];

fn lab(engine: &Engine) -> Homelab {
    let lab = Homelab::on(engine);
    service(&lab, "web", "  web:\n    image: hl-test/app:1\n    stop_grace_period: 1s\n");
    lab.hl(&["apply", "--yes"]).code(0);
    lab
}

fn service(lab: &Homelab, name: &str, services: &str) {
    lab.write(
        &format!("services/{name}/docker-compose.yml"),
        &format!("name: sample-lab-{name}\nservices:\n{services}"),
    );
    lab.write(&format!("services/{name}/service.yaml"), "owner_node: box\n");
}

/// Runs hl with an input that ends.
fn piped(lab: &Homelab, arguments: &[&str], input: &[u8]) -> Outcome {
    let mut command = lab.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hl runs");
    let mut to = child.stdin.take().expect("it is a pipe");
    let input = input.to_vec();
    // A command that reads nothing closes the pipe.
    std::thread::spawn(move || to.write_all(&input).ok());
    lab.end(child)
}

/// Runs a script on a terminal of its own, with hl as `$HL`.
fn on_terminal(lab: &Homelab, script: &str) -> String {
    let mut command = Command::new("script");
    lab.settle(&mut command);
    command.env("HL", env!("CARGO_BIN_EXE_hl")).args(["--quiet", "--return", "--command", script, "/dev/null"]);
    // Nobody types, and nobody closes the terminal either.
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
    let output = wait_with_input(child);
    String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n")
}

/// Waits for the end of a program whose input stays open.
fn wait_with_input(mut child: Child) -> Output {
    let input = child.stdin.take();
    let output = child.wait_with_output().expect("it ends");
    drop(input);
    output
}

/// Engines before 23 tell a command the size a moment after it has begun.
const SIZE: &str = "stty rows 33 cols 77; $HL exec web sh -c 'sleep 1; busybox stty size'; echo code $?";

fn a_command_ends_as_it_ended_in_the_container() {
    let engine = Engine::connect();
    let lab = lab(&engine);
    let ended = lab.hl(&["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    ended.code(7);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
    lab.hl(&["exec", "box/web/container:web", "true"]).code(0);
    lab.hl(&["exec", "web", "sh", "-c", "kill -9 $$"]).code(137);
    // Which of the two it is changed with the engine.
    let missing = lab.hl(&["exec", "web", "nonesuch"]);
    assert!(matches!(missing.code, 126 | 127), "{missing}");
    let told = lab.hl(&[
        "exec",
        "-u",
        "app",
        "-w",
        "/bin",
        "-e",
        "GREETING=hello you",
        "web",
        "sh",
        "-c",
        "id -un; pwd; echo $GREETING",
    ]);
    assert_eq!(told.code(0).stdout, "app\n/bin\nhello you\n");
    lab.hl(&["exec", "web"]).code(64);
    engine.post(&format!("/containers/{}/stop?t=1", lab.name("sample-lab-web-web-1")), &serde_json::Value::Null);
    lab.hl(&["exec", "web", "true"]).code(1).talks("is not running");
}

fn input_is_piped_to_its_end() {
    let lab = lab(&Engine::connect());
    piped_to_its_end(&lab);
}

fn piped_to_its_end(lab: &Homelab) {
    assert_eq!(piped(lab, &["exec", "web", "--", "cat"], b"hello").code(0).stdout, "hello");
    assert_eq!(piped(lab, &["exec", "web", "--", "cat"], b"").code(0).stdout, "");
    let much: Vec<u8> = (0..3_000_000_u32).map(|number| b'a' + (number % 26) as u8).collect();
    assert_eq!(piped(lab, &["exec", "web", "--", "wc", "-c"], &much).code(0).stdout.trim(), "3000000");
    let back = piped(lab, &["exec", "web", "--", "cat"], &much);
    assert!(back.code(0).stdout.as_bytes() == much, "{} bytes came back", back.stdout.len());
    // It ends although its input does not.
    piped(lab, &["exec", "web", "--", "sh", "-c", "read line; exit 3"], &much).code(3);
}

fn an_address_means_one_container() {
    let lab = lab(&Engine::connect());
    let container = |name: &str| format!("  {name}:\n    image: hl-test/app:1\n    stop_grace_period: 1s\n");
    service(&lab, "two", &[container("a"), container("b")].concat());
    service(&lab, "none", &container("none"));
    lab.hl(&["apply", "--yes", "--exclude", "none"]).code(0);
    let several = lab.hl(&["exec", "two", "true"]);
    several.code(64).talks("box/two/container:a").talks("box/two/container:b");
    lab.hl(&["exec", "box", "true"]).code(64).talks("box/web/container:web");
    lab.hl(&["exec", "two/container:b", "true"]).code(0);
    lab.hl(&["exec", "none", "true"]).code(1).talks("there is no container at `none`");
    lab.hl(&["exec", "nope", "true"]).code(64).talks("there is no node or service `nope`");
}

fn a_terminal_has_the_size_of_the_own_one() {
    let lab = lab(&Engine::connect());
    let said = on_terminal(&lab, SIZE);
    assert_eq!(said, "33 77\ncode 0\n");
    let said = on_terminal(&lab, "stty rows 33 cols 77; $HL exec -T web busybox stty size; echo code $?");
    assert!(said.contains("Inappropriate ioctl") && said.contains("code 1"), "{said}");
    // One that changes meanwhile; the terminal is hl's own then, so the change comes from beside it.
    let script = "stty rows 33 cols 77; tty=$(tty); (sleep 3; stty -F $tty rows 40 cols 90) & \
                  $HL exec web sh -c 'sleep 1; busybox stty size; sleep 4; busybox stty size'; wait";
    assert_eq!(on_terminal(&lab, script), "33 77\n40 90\n");
}

fn a_terminal_is_given_back_on_every_way_out() {
    let lab = lab(&Engine::connect());
    for (name, way, code) in [
        ("its end", "$HL exec web sh -c 'exit 5'", 5),
        (
            "a signal",
            "exec 3<&0; $HL exec web sleep 100 <&3 & sleep 2; stty -a | grep -q -- -icanon && echo raw; kill $!; wait $!",
            130,
        ),
        ("an error", "$HL exec web sh -c nonesuch >/dev/null", 127),
        ("a lost container", "(sleep 2; $HL exec -T web kill 1) >/dev/null 2>&1 & $HL exec web sleep 100", 137),
    ] {
        let script = format!("before=$(stty -g); {way}; echo code $?; [ \"$before\" = \"$(stty -g)\" ] && echo same");
        let said = on_terminal(&lab, &script);
        assert!(said.ends_with("same\n"), "{name}: {said:?}");
        if name == "a signal" {
            assert!(said.contains("raw\n"), "{name}: {said:?}");
        }
        if name != "a lost container" {
            assert!(said.contains(&format!("code {code}\n")), "{name}: {said:?}");
        }
    }
}

fn a_command_runs_on_a_node_over_ssh() {
    over_ssh("");
}

fn a_command_runs_through_a_relay() {
    over_ssh("AllowStreamLocalForwarding no");
}

fn over_ssh(more: &str) {
    let engine = Engine::connect();
    let lab = lab(&engine);
    let _sshd = Sshd::start(&lab, &engine.address(), more);
    lab.reach_by(&format!("ssh://{HOST}"), "");
    let ended = lab.hl(&["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    ended.code(7);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
    piped_to_its_end(&lab);
    let said = on_terminal(&lab, SIZE);
    assert_eq!(said, "33 77\ncode 0\n");
}
