//! Files of the state that end anywhere, or that a newer hl wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::subject::step;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_record_that_ends_anywhere_is_refused_and_kept),
    trial!(a_history_that_ends_anywhere_is_read_as_far_as_it_goes),
    trial!(a_journal_that_ends_anywhere_is_made_up_for),
    trial!(what_a_newer_hl_wrote_is_refused_and_kept),
];

/// Places of a cut: about so many, and each of the first and the last bytes.
const CUTS: usize = 30;
const ENDS: usize = 3;

/// A homelab on a simulated node, with two services that are applied.
fn applied() -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  nas: { address: simulated }\n");
    declare(&lab, 1);
    lab.hl(&["apply", "--yes"]).code(0);
    lab
}

fn declare(lab: &Homelab, version: usize) {
    for name in ["web", "db"] {
        let compose = format!("name: {name}\nservices:\n  {name}:\n    image: {name}:{version}\n");
        lab.write(&format!("services/{name}/docker-compose.yml"), &compose);
        lab.write(&format!("services/{name}/service.yaml"), "owner_node: nas\n");
    }
}

fn state(lab: &Homelab) -> PathBuf {
    lab.repository().join("state")
}

/// Lengths to which a text of so many bytes is cut.
fn cuts(length: usize) -> Vec<usize> {
    let apart = (length / CUTS).max(1);
    let mut cuts: Vec<usize> = (0..length).step_by(apart * step()).collect();
    cuts.extend((0..ENDS.min(length)).chain(length.saturating_sub(ENDS)..length));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[track_caller]
fn is_calm(ended: &Outcome) {
    assert!([0, 1, 2, 4].contains(&ended.code) && !ended.stderr.contains("panicked"), "{ended}");
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.expect("cp runs").success());
}

fn a_record_that_ends_anywhere_is_refused_and_kept() {
    let lab = applied();
    let file = state(&lab).join("homelab.json");
    let whole = std::fs::read(&file).expect("there is a record");
    declare(&lab, 2);
    for length in cuts(whole.len()) {
        std::fs::write(&file, &whole[..length]).expect("it can be written");
        for arguments in [&["plan"][..], &["apply", "--yes"]] {
            let ended = lab.hl(arguments);
            is_calm(&ended);
            // The last byte is the end of the last line.
            if length + 1 < whole.len() {
                ended.code(1).talks("state/homelab.json").talks("homelab.json.backup");
                assert_eq!(std::fs::read(&file).expect("it is there"), &whole[..length], "{ended}");
            }
        }
    }
    std::fs::write(&file, &whole).expect("it can be written");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_history_that_ends_anywhere_is_read_as_far_as_it_goes() {
    let lab = applied();
    declare(&lab, 2);
    lab.hl(&["apply", "--yes"]).code(0);
    let file = state(&lab).join("history.jsonl");
    let whole = std::fs::read(&file).expect("there is a history");
    for length in cuts(whole.len()) {
        std::fs::write(&file, &whole[..length]).expect("it can be written");
        lab.hl(&["state", "history"]).code(0);
        lab.hl(&["plan", "--detailed-exitcode"]).code(0);
    }
    // A line that is appended to a torn one is a line of its own.
    std::fs::write(&file, &whole[..whole.len() - 20]).expect("it can be written");
    declare(&lab, 3);
    lab.hl(&["apply", "--yes"]).code(0);
    let applies =
        |text: &str| text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    let text = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(applies(&text), 2, "{text}");
}

fn a_journal_that_ends_anywhere_is_made_up_for() {
    let lab = applied();
    declare(&lab, 2);
    let mut child = lab.begin(&["apply", "--yes"]);
    let (file, began) = (state(&lab).join("journal.jsonl"), Instant::now());
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.matches("\"begin\"").count() > 1) {
        assert!(began.elapsed() < Duration::from_secs(40), "nothing begins");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let saved = lab.scratch("saved");
    copy(&state(&lab), &saved);
    let whole = std::fs::read(&file).expect("there is a journal");
    for length in cuts(whole.len()) {
        std::fs::remove_dir_all(state(&lab)).expect("it is there");
        copy(&saved, &state(&lab));
        std::fs::write(&file, &whole[..length]).expect("it can be written");
        let planned = lab.hl(&["plan"]);
        planned.code(0);
        let applied = lab.hl(&["apply", "--yes"]);
        assert_eq!(applied.code, 0, "cut at {length}: {planned}\n{applied}");
        let left = lab.hl(&["plan", "--detailed-exitcode"]);
        assert_eq!(left.code, 0, "cut at {length}: {planned}\n{applied}\n{left}");
    }
}

fn what_a_newer_hl_wrote_is_refused_and_kept() {
    let lab = applied();
    let folder = state(&lab);
    let file = folder.join("homelab.json");
    let whole = std::fs::read_to_string(&file).expect("there is a record");
    let format = whole.lines().find(|line| line.contains("\"format_version\"")).expect("it says its format");
    let newer = whole.replace(format, "  \"format_version\": 99,");
    std::fs::write(&file, &newer).expect("it can be written");
    declare(&lab, 2);
    for arguments in [&["plan"][..], &["apply", "--yes"], &["drift"], &["status"]] {
        lab.hl(arguments).code(1).talks("format 99").talks("newer hl");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), newer);
    }
    std::fs::write(&file, &whole).expect("it can be written");
    // A saved plan, too.
    lab.hl(&["plan", "-o", "x.hlplan"]).code(0);
    let plan = lab.repository().join("x.hlplan");
    let text = std::fs::read_to_string(&plan).expect("it is there");
    let at = text.find("\"format_version\":").expect("it says its format");
    let end = at + text[at..].find([',', '}']).expect("a number ends");
    std::fs::write(&plan, format!("{}\"format_version\":99{}", &text[..at], &text[end..])).expect("it can be written");
    let ended = lab.hl(&["apply", "x.hlplan"]);
    assert!(ended.code == 1 && ended.stderr.contains("99"), "{ended}");
    lab.hl(&["apply", "--yes"]).code(0);
}
