//! Text that people see cannot act: names, keys, values and descriptions that carry control characters and characters nobody
//! sees, through every command that prints them. A simulated machine runs no script, so that none says anything here.

use std::process::Command;

use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(nothing_that_is_printed_acts_on_a_terminal),
    trial!(mistakes_are_told_without_acting),
    trial!(arguments_are_refused_without_acting),
];

/// As YAML writes it within double quotes.
const HOSTILE: &str = r"x\e]0;x\a\e[2J\x9B31m\r\u202E\u2066\u200B\u2028\u00AD\uFEFF\U000E0041y";
/// As it is.
const RAW: &str = "x\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\r\u{202e}\u{2066}\u{200b}\u{2028}\u{ad}\u{feff}\u{e0041}y";

fn homelab(more: &str) -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  box: {address: simulated}\n");
    let compose = format!(
        "name: a\nservices:\n  w:\n    image: \"x:1\"\n    command: [\"{HOSTILE}\"]\n    hostname: h\n    user: \"{HOSTILE}\"\n    \
         environment: {{\"K{HOSTILE}\": \"{HOSTILE}\"}}\n    labels: {{\"l{HOSTILE}\": \"{HOSTILE}\"}}\n    \
         volumes: [\"v:/d{HOSTILE}\"]\n    extra_hosts: [\"h{HOSTILE}:10.0.0.1\"]\n{more}\
         volumes:\n  v: {{labels: {{\"{HOSTILE}\": \"{HOSTILE}\"}}}}\n\"x-{HOSTILE}\": 1\n"
    );
    lab.write("services/a/docker-compose.yml", &compose);
    lab.write("services/a/service.yaml", &format!("description: \"{HOSTILE}\"\n"));
    lab.write("services/a/healthcheck.sh", &format!("#!/bin/sh\necho '{RAW}'\n"));
    lab
}

/// Fails if anything in an output acts on a terminal or is not seen on it.
fn harmless(what: &str, text: &str) {
    let acts = |c: char| {
        let is_control = c.is_control() && c != '\n';
        let is_unseen =
            matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        is_control || is_unseen || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    if let Some((at, c)) = text.char_indices().find(|(_, c)| acts(*c)) {
        let before: String = text[..at].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("`{what}` prints U+{:04X} behind {before:?}", u32::from(c));
    }
}

fn run(lab: &Homelab, arguments: &[&str]) -> Outcome {
    let outcome = lab.hl(arguments);
    let what = arguments.join(" ");
    harmless(&what, &outcome.stdout);
    harmless(&what, &outcome.stderr);
    outcome
}

fn nothing_that_is_printed_acts_on_a_terminal() {
    let lab = homelab("");
    run(&lab, &["validate"]).code(0);
    for format in ["yaml", "json"] {
        let config = run(&lab, &["config", "a", "--format", format]);
        config.code(0);
        assert!(config.stdout.contains("202"), "the value is there, escaped: {}", config.stdout);
    }
    for arguments in [&["plan"][..], &["plan", "-v"], &["plan", "--format", "json"], &["plan", "--format", "markdown"]]
    {
        run(&lab, arguments).code(0);
    }
    run(&lab, &["apply", "--yes"]).says("\\x1b]0;x");
    run(&lab, &["verify"]);
    for arguments in [
        &["status"][..],
        &["status", "--format", "json"],
        &["status", "--all"],
        &["drift"],
        &["drift", "--format", "json"],
        &["plan", "-v"],
        &["state", "list"],
        &["state", "list", "--format", "json"],
        &["state", "show", "a"],
        &["state", "show", "a", "--format", "json"],
        &["state", "history"],
        &["state", "history", "--format", "json"],
    ] {
        run(&lab, arguments);
    }
}

fn mistakes_are_told_without_acting() {
    for mistake in [
        format!("    \"env{HOSTILE}\": 1\n"),
        format!("    networks: [\"{HOSTILE}\"]\n"),
        format!("    depends_on: [\"{HOSTILE}\"]\n"),
        format!("    restart: \"{HOSTILE}\"\n"),
        format!("    ports: [\"{HOSTILE}\"]\n"),
        "    restart: x\u{202e}\u{200b}\u{9b}y # \u{e0041}\n".to_owned(),
    ] {
        let lab = homelab(&mistake);
        run(&lab, &["validate"]).code(1);
        run(&lab, &["plan"]).code(1);
    }
}

fn arguments_are_refused_without_acting() {
    let lab = homelab("");
    for arguments in [&["plan", RAW][..], &[RAW], &["config", RAW], &["state", "show", RAW], &["plan", "--node", RAW]] {
        let program = env!("CARGO_BIN_EXE_hl");
        let output = Command::new(program).args(arguments).current_dir(lab.repository()).output().expect("hl runs");
        harmless("hl …", &String::from_utf8_lossy(&output.stdout));
        harmless("hl …", &String::from_utf8_lossy(&output.stderr));
    }
}
