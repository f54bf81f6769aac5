//! How hl ends, and what it says then, where something kept it from what it was asked: codes and words are true.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::homelab::{Homelab, send};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(what_could_not_be_recorded_is_told),
    trial!(what_could_not_be_deleted_is_told),
    trial!(what_could_not_be_verified_is_told),
    trial!(a_name_that_nobody_knows_is_wrong_usage),
    trial!(a_terminal_that_closes_lets_an_apply_finish),
    trial!(a_second_signal_ends_what_waits_for_ever),
];

/// More than an apply takes to end, and less than for ever.
const LONG: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes that a pipe holds, and those of one of its pages. Source: `pipe(7)`.
const PIPE: usize = 65536;
const PAGE: usize = 4096;

const TOPOLOGY: &str = "version: 1\nname: home\nnodes:\n  nas: { address: simulated }\n";

fn lab(services: &[&str]) -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", TOPOLOGY);
    for name in services {
        let compose = format!("name: {name}\nservices:\n  {name}:\n    image: {name}:1\n");
        lab.write(&format!("services/{name}/docker-compose.yml"), &compose);
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: nas\n");
    }
    lab
}

fn take_node_down(lab: &Homelab) {
    lab.write("inventory/topology.yaml", &TOPOLOGY.replace("simulated", "\"unix:///nowhere.sock\""));
}

/// Waits until an apply has begun to do something.
fn wait_for_work(lab: &Homelab, child: &mut Child) {
    let (journal, began) = (lab.repository().join("state/journal.jsonl"), Instant::now());
    while !std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"begin\"")) {
        assert!(child.try_wait().expect("it can be asked").is_none(), "the apply ended before it began");
        assert!(began.elapsed() < LONG, "nothing begins");
        std::thread::sleep(PAUSE);
    }
}

fn what_could_not_be_recorded_is_told() {
    let lab = lab(&["web"]);
    lab.hl(&["apply", "--yes"]).code(0);
    lab.write("services/web/docker-compose.yml", "name: web\nservices:\n  web:\n    image: web:2\n");
    let mut child = lab.begin(&["apply", "--yes"]);
    wait_for_work(&lab, &mut child);
    // Nothing can be put in the place of a folder, as nothing can be written where no room is left.
    let record = lab.repository().join("state/homelab.json");
    std::fs::rename(&record, lab.scratch("homelab.json")).expect("it is there");
    std::fs::create_dir(&record).expect("a folder can be made");
    let ended = lab.end(child);
    ended.code(4).talks("state/homelab.json: it is a folder").says("Not recorded\n");
    ended.says("! nas/web/container:web").says("Done, and not all of it is recorded: ");
    std::fs::remove_dir(&record).expect("it is empty");
    std::fs::rename(lab.scratch("homelab.json"), &record).expect("it is there");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn what_could_not_be_deleted_is_told() {
    let lab = lab(&["web", "qa"]);
    lab.hl(&["apply", "--yes"]).code(0);
    take_node_down(&lab);
    let down = lab.hl(&["delete", "qa", "--yes"]);
    down.code(3).says_in_words("service not planned: qa").never_says("brings it back");
    // Nor where the node is in no inventory any more.
    lab.write("inventory/topology.yaml", &TOPOLOGY.replace("nas:", "pi:"));
    for name in ["web", "qa"] {
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: pi\n");
    }
    let gone = lab.hl(&["delete", "qa", "--yes"]);
    gone.code(3).talks("not deleted: nas/qa/").talks("nas is not in the inventory").never_says("brings it back");
    lab.write("inventory/topology.yaml", TOPOLOGY);
    for name in ["web", "qa"] {
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: nas\n");
    }
    lab.hl(&["delete", "qa", "--yes"]).code(0).talks("brings it back");
}

fn what_could_not_be_verified_is_told() {
    let lab = lab(&["web", "qa"]);
    lab.hl(&["apply", "--yes"]).code(0);
    take_node_down(&lab);
    let all = lab.hl(&["verify"]);
    all.code(3).says("? nas/qa  not asked").says("? nas/web  not asked");
    all.says_in_words("Nothing is verified; 2 services could not be asked.");
    lab.hl(&["verify", "qa"]).code(3).says_in_words("Nothing is verified; 1 service could not be asked.");
}

/// Every command and option that takes the name of a node, a service or a resource.
const NAMED: &[&str] = &[
    "plan --target nosuch",
    "plan --target nosuch/web",
    "plan --target web/container:nosuch",
    "plan --exclude nosuch",
    "plan --exclude web/container:nosuch",
    "plan --node nosuch",
    "plan --allow-data-loss nosuch",
    "plan --allow-data-loss web/volume:nosuch",
    "plan --replace nosuch",
    "plan --replace web/container:nosuch",
    "apply --yes --target nosuch",
    "apply --yes --exclude nosuch",
    "apply --yes --node nosuch",
    "apply --yes --allow-data-loss nosuch",
    "apply --yes --replace nosuch",
    "drift --target nosuch",
    "drift --exclude nosuch",
    "drift --node nosuch",
    "status --target nosuch",
    "status --exclude nosuch",
    "status --node nosuch",
    "verify nosuch",
    "verify --target nosuch",
    "verify --exclude nosuch",
    "verify --node nosuch",
    "delete nosuch --yes",
    "delete web --yes --allow-data-loss nosuch",
    "delete web --yes --replace nosuch",
    "config nosuch",
    "state show nosuch",
    "state show web/container:nosuch",
    "state list nosuch",
    "secret list nosuch",
    "secret set nosuch NAME",
    "secret edit nosuch",
    "unlock nosuch",
];

fn a_name_that_nobody_knows_is_wrong_usage() {
    let lab = lab(&["web"]);
    lab.hl(&["apply", "--yes"]).code(0);
    let before = std::fs::read(lab.repository().join("state/homelab.json")).expect("there is a state");
    let mut wrong = BTreeSet::new();
    for line in NAMED {
        let outcome = lab.hl(&line.split(' ').collect::<Vec<_>>());
        if outcome.code != 64 || !outcome.stderr.contains("nosuch") || !outcome.stdout.is_empty() {
            wrong.insert(outcome.to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(std::fs::read(lab.repository().join("state/homelab.json")).expect("it is there"), before);
    lab.hl(&["state", "show", "web"]).code(0).says("nas/web/container:web");
    lab.hl(&["state", "show", "nas"]).code(0).says("nas/web/container:web");

    // Of what is no longer declared nothing says when it works.
    std::fs::remove_dir_all(lab.repository().join("services/web")).expect("it is there");
    for arguments in [&["verify", "web"][..], &["verify", "--node", "nas"]] {
        lab.hl(arguments).code(64).never_says("All 0 services").talks("there is no declared node or service");
    }
}

fn a_terminal_that_closes_lets_an_apply_finish() {
    for signal in [Signal::HUP, Signal::TERM] {
        let lab = lab(&["web"]);
        let mut child = lab.begin(&["apply", "--yes"]);
        wait_for_work(&lab, &mut child);
        send(&child, signal);
        lab.end(child).code(130).talks("Interrupted").says("Interrupted: ");
        let past = lab.hl(&["state", "history", "--format", "json"]);
        past.code(0).says("interrupted");
        lab.hl(&["apply", "--yes"]).code(0);
    }
}

fn a_second_signal_ends_what_waits_for_ever() {
    let names: Vec<String> = (0..60).map(|n| format!("service-with-a-name-{n}")).collect();
    let lab = lab(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // Nobody reads what it says: it waits as soon as the pipe is full.
    let (reader, mut writer) = std::io::pipe().expect("there is a pipe");
    writer.write_all(&vec![b'.'; PIPE - PAGE]).expect("there is room for as much");
    let mut command = lab.command(&["apply", "--yes"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let mut child = command.spawn().expect("hl runs");
    drop(command);
    wait_for_work(&lab, &mut child);
    let is_full = |reader: &std::io::PipeReader| {
        rustix::io::ioctl_fionread(reader).expect("it can be asked") > (PIPE - 500) as u64
    };
    let began = Instant::now();
    while !is_full(&reader) {
        assert!(began.elapsed() < LONG, "it never says much");
        std::thread::sleep(PAUSE);
    }
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(500));
        send(&child, Signal::TERM);
    }
    let began = Instant::now();
    let status = loop {
        match child.try_wait().expect("it can be asked") {
            Some(status) => break status,
            None if began.elapsed() > LONG => {
                child.kill().expect("it is there");
                panic!("it does not end");
            }
            None => std::thread::sleep(PAUSE),
        }
    };
    assert_eq!(status.code(), Some(130));
    drop(reader);
}
