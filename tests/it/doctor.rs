//! `hl doctor`: what is well, what is not and what to do about it, and that it only looks.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::proxy::Proxy;
use crate::support::sshd::{HOST, Sshd};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_homelab_that_is_well_is_called_well, needs Engine),
    trial!(a_node_over_ssh_is_looked_at, needs Engine, Root),
    trial!(a_node_that_is_down_is_unknown_and_the_rest_is_looked_at),
    trial!(a_clock_that_is_off_is_told, needs Engine, Clock),
    trial!(a_root_that_cannot_be_written_to_is_a_problem, needs Engine, Root),
    trial!(an_engine_without_rights_is_a_problem, needs Engine, Root),
    trial!(little_space_is_told),
    trial!(a_machine_without_ssh_is_told),
    trial!(a_key_that_is_lost_or_open_is_a_problem, needs Engine),
    trial!(a_lock_that_is_held_is_told, needs Engine),
    trial!(files_with_errors_are_a_problem_and_nodes_are_asked_all_the_same),
    trial!(a_folder_that_is_no_homelab_is_told),
    trial!(completions_are_offered_for_the_shell_of_the_user),
    trial!(a_checkup_only_looks, needs Engine),
];

fn service(lab: &Homelab) {
    let compose = "name: sample-lab-web\nservices: { web: { image: \"hl-test/app:1\", stop_grace_period: 1s } }\n";
    lab.write("services/web/docker-compose.yml", compose);
    lab.write(".gitignore", ".env\n");
}

fn homelab() -> Homelab {
    let lab = Homelab::on(&Engine::connect());
    service(&lab);
    lab.track();
    lab
}

/// A homelab on a simulated machine.
fn simulated() -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  box: { address: simulated }\n");
    service(&lab);
    lab.track();
    lab
}

/// Each check of a report, with its outcome.
fn outcomes(outcome: &Outcome) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&outcome.stdout).expect("it is JSON");
    assert_eq!(report["format_version"], 1);
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().expect("a list").iter();
    checks.map(|check| (text(check, "check"), text(check, "outcome"))).collect()
}

fn a_homelab_that_is_well_is_called_well() {
    let lab = homelab();
    let outcome = lab.hl(&["doctor"]);
    outcome.code(0).says("1 node, 1 service: valid").says("answers, with API 1.").says("its clock is right");
    outcome.says("can be made in").says(" free on ").says("nobody is at work on it");
    outcome.says("All is well: `hl plan` is next.");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.track();
    let after = lab.hl(&["doctor"]);
    after.code(0).says("the key of the record is").says("state/ is tracked").says("is there, and can be written to");
    let all = outcomes(lab.hl(&["doctor", "--format", "json"]).code(0));
    assert!(all.iter().all(|(_, outcome)| outcome == "ok"), "{all:?}");
}

fn a_node_over_ssh_is_looked_at() {
    let lab = homelab();
    let engine = Engine::connect();
    let _sshd = Sshd::start(&lab, &engine.address(), "");
    lab.reach_by(&format!("ssh://{HOST}"), "");
    lab.hl(&["doctor"]).code(0).says("ssh is installed").says("the programs for its files are there");
}

fn a_node_that_is_down_is_unknown_and_the_rest_is_looked_at() {
    let lab = simulated();
    let socket = lab.scratch("nobody.sock");
    let topology = format!(
        "version: 1\nname: home\nnodes:\n  box: {{ address: simulated }}\n  down: {{ address: \"unix://{}\" }}\n\
         services:\n  web: {{ owner_node: box }}\n",
        socket.display()
    );
    lab.write("inventory/topology.yaml", &topology);
    let outcome = lab.hl(&["doctor"]);
    outcome.code(3).says("? unix://[LAB]/nobody.sock: cannot connect to").says("systemctl status docker");
    outcome.says("node box\n  ✓ simulated").says("1 unknown.");
    let all = outcomes(lab.hl(&["doctor", "--format", "json"]).code(3));
    assert_eq!(all.iter().filter(|(_, outcome)| outcome == "unknown").count(), 1, "{all:?}");
}

fn a_clock_that_is_off_is_told() {
    let lab = homelab();
    let mut program = Command::new("faketime");
    program.arg("--exclude-monotonic").arg("-f").arg("+3d");
    let outcome = lab.hl_under(program, &["doctor"]);
    outcome.code(0).says("! its clock is ").says("behind this machine's").says("timedatectl");
}

fn a_root_that_cannot_be_written_to_is_a_problem() {
    let lab = homelab();
    let file = lab.scratch("file");
    std::fs::write(&file, "").expect("a file can be written");
    let address = Engine::connect().address();
    let topology = |root: &PathBuf| {
        let node = format!("box: {{ address: \"{address}\", root: \"{}\", undeclared: ignore }}", root.display());
        format!("version: 1\nname: home\nnodes:\n  {node}\n")
    };
    lab.write("inventory/topology.yaml", &topology(&file.join("below")));
    lab.hl(&["doctor"]).code(1).says("✗ [LAB]/file/below cannot be a folder: [LAB]/file is something else");
    let closed = lab.scratch("closed");
    std::fs::create_dir(&closed).expect("a folder can be made");
    std::fs::set_permissions(&closed, Permissions::from_mode(0o500)).expect("a mode can be set");
    lab.write("inventory/topology.yaml", &topology(&closed));
    let outcome = lab.hl_under(without_rights(), &["doctor"]);
    outcome.code(1).says("✗ [LAB]/closed cannot be written to").says_in_words("sudo mkdir -p [LAB]/closed");
    lab.write("inventory/topology.yaml", &topology(&closed.join("a/b")));
    let outcome = lab.hl_under(without_rights(), &["doctor"]);
    outcome.code(1).says("✗ [LAB]/closed/a/b cannot be made: [LAB]/closed cannot be written to");
    assert!(!closed.join("a").exists(), "a folder was made");
}

/// Whoever may do everything may write everywhere: that right is taken away.
fn without_rights() -> Command {
    let mut program = Command::new("setpriv");
    program.arg("--bounding-set=-dac_override,-dac_read_search").arg("--inh-caps=-dac_override,-dac_read_search");
    program
}

fn an_engine_without_rights_is_a_problem() {
    let lab = homelab();
    let socket = lab.scratch("proxy.sock");
    let proxy = Proxy::read_only(Engine::connect().socket(), &socket).expect("a proxy");
    lab.reach_by(&proxy.address(), "");
    std::fs::set_permissions(&socket, Permissions::from_mode(0o000)).expect("a mode can be set");
    let outcome = lab.hl_under(without_rights(), &["doctor"]);
    outcome.code(1).says("permission denied").says_in_words("sudo usermod -aG docker");
}

fn little_space_is_told() {
    let lab = simulated();
    lab.write("state/simulated/box.json", "{ \"format_version\": 1, \"machine\": { \"disk\": 900000000 } }\n");
    lab.hl(&["doctor"]).code(0).says("! 900 MB free on").says("docker system df");
}

fn a_machine_without_ssh_is_told() {
    let lab = simulated();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  far: { address: \"ssh://far.test\" }\n");
    let mut program = Command::new("env");
    program.arg("PATH=/nonexistent");
    lab.hl_under(program, &["doctor"]).code(1).says("✗ ssh is not installed").says("install an SSH client");
}

fn a_key_that_is_lost_or_open_is_a_problem() {
    let lab = homelab();
    lab.hl(&["apply", "--yes"]).code(0);
    let folder = lab.home().join(".local/share/hl/keys");
    let key =
        std::fs::read_dir(&folder).expect("there are keys").next().expect("there is one").expect("an entry").path();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("a mode can be set");
    lab.hl(&["doctor"]).code(1).says("✗ others can read the key of the record").says("chmod 600 [LAB]/home");
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a mode can be set");
    let text = std::fs::read_to_string(&key).expect("it can be read");
    std::fs::write(&key, text.chars().rev().collect::<String>().trim_start()).expect("it can be written");
    lab.hl(&["doctor"]).code(1).says("is not the key of the record").never_says(text.trim());
    std::fs::remove_file(&key).expect("it can be removed");
    lab.hl(&["doctor"]).code(1).says("✗ the key of the record is not here");
    assert!(!key.exists(), "a checkup made a key");
}

fn a_lock_that_is_held_is_told() {
    let lab = homelab();
    lab.hl(&["apply", "--yes"]).code(0);
    let file = std::fs::File::options().write(true).open(lab.node_root().join(".hl.lock")).expect("there is a lock");
    file.lock().expect("nobody holds it");
    lab.hl(&["doctor"]).code(0).says("! an apply is under way").says("`hl unlock` shows who it is");
}

fn files_with_errors_are_a_problem_and_nodes_are_asked_all_the_same() {
    let lab = simulated();
    lab.write("services/web/service.yaml", "depends_on: [nobody]\n");
    let outcome = lab.hl(&["doctor"]);
    outcome.code(1).says("1 error").says("`hl validate` shows each").says("✓ simulated: Docker 20.10 answers");
}

fn a_folder_that_is_no_homelab_is_told() {
    let lab = Homelab::without_engine();
    lab.hl(&["doctor"]).code(1).says("is not a homelab").says("inventory/topology.yaml").says("not in git");
}

fn completions_are_offered_for_the_shell_of_the_user() {
    let lab = simulated();
    let with_shell = |shell: &str| {
        let mut program = Command::new("env");
        program.arg(format!("SHELL={shell}"));
        lab.hl_under(program, &["doctor"])
    };
    let outcome = with_shell("/usr/bin/fish");
    outcome
        .code(0)
        .says("completions for fish are not installed")
        .says("hl completions fish > [LAB]/home/.config/fish/");
    let file = lab.home().join(".config/fish/completions/hl.fish");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder can be made");
    std::fs::write(&file, lab.hl(&["completions", "fish"]).code(0).stdout.as_str()).expect("it can be written");
    with_shell("/usr/bin/fish").code(0).says("✓ completions for fish are installed");
    with_shell("/bin/ksh").code(0).never_says("completions");
}

fn a_checkup_only_looks() {
    let lab = homelab();
    let proxy = Proxy::read_only(Engine::connect().socket(), &lab.scratch("proxy.sock")).expect("a proxy");
    lab.reach_by(&proxy.address(), "");
    lab.hl(&["doctor"]).code(0);
    let requests = proxy.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.is_read()), "{requests:?}");
    assert!(requests.len() <= 3, "it reads more than it tells: {requests:?}");
    assert!(!lab.node_root().exists() && !lab.repository().join("state").exists(), "a checkup wrote something");
    assert!(!lab.home().join(".local").exists(), "a checkup made a key");
}
