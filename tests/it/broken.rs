//! What `hl validate` says about repositories that are wrong, word for word.
//!
//! A case is a small repository with an `expected.txt`: `tests/cases/broken` must not pass, `tests/cases/doubtful` passes
//! with something said. `HL_BLESS=1` writes what is said now; read it aloud before it is committed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(broken_repositories_are_refused_in_these_words),
    trial!(doubtful_repositories_pass_with_these_words),
    trial!(every_mistake_has_a_place_and_a_way_out),
    trial!(no_password_is_repeated),
];

/// Cases that are about the lack of a file, so that there is no place to point to.
const WITHOUT_A_PLACE: [&str; 5] =
    ["not-a-homelab", "no-inventory", "empty-homelab", "two-compose-files", "unused-folder"];

/// What `hl validate` does in a case.
struct Outcome {
    name: String,
    code: Option<i32>,
    /// stdout, then stderr, as a person sees them.
    text: String,
    expected: PathBuf,
}

fn cases(kind: &str) -> Vec<Outcome> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(kind);
    let entries = std::fs::read_dir(&folder).expect("the cases are there");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("can be read").path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders.into_iter().map(|folder| validate(&folder)).collect()
}

/// Runs `hl validate` on a copy, since the case itself stands inside of another homelab.
fn validate(folder: &Path) -> Outcome {
    let copy = tempfile::tempdir().expect("a folder");
    let there = copy.path().canonicalize().expect("it is there").join("homelab");
    copy_tree(folder, &there);
    let output = Command::new(env!("CARGO_BIN_EXE_hl")).arg("validate").current_dir(&there).output().expect("hl runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("hl writes UTF-8");
    let whole = text(output.stdout) + &text(output.stderr);
    Outcome {
        name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
        code: output.status.code(),
        // What depends on where the repository was checked out.
        text: whole.replace(&*there.to_string_lossy(), "/homelab"),
        expected: folder.join("expected.txt"),
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("can be read") {
        let entry = entry.expect("can be read");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("has a type").is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("can be copied")),
        }
    }
}

/// Compares every case with what is expected of it, and says all differences at once.
fn compare(kind: &str, code: i32) {
    let bless = std::env::var_os("HL_BLESS").is_some();
    let mut complaints = Vec::new();
    for case in cases(kind) {
        if case.code != Some(code) {
            complaints.push(format!("{}: exit code {:?}, not {code}\n{}", case.name, case.code, case.text));
        }
        if bless {
            std::fs::write(&case.expected, &case.text).expect("expected.txt can be written");
        }
        let expected = std::fs::read_to_string(&case.expected).unwrap_or_default();
        if expected != case.text {
            complaints.push(format!("{}: says\n{}\ninstead of\n{expected}", case.name, case.text));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

fn broken_repositories_are_refused_in_these_words() {
    compare("broken", 1);
}

fn doubtful_repositories_pass_with_these_words() {
    compare("doubtful", 0);
}

fn every_mistake_has_a_place_and_a_way_out() {
    let mut complaints = Vec::new();
    for case in cases("broken").into_iter().chain(cases("doubtful")) {
        for diagnostic in diagnostics(&case.text) {
            let first = diagnostic.lines().next().unwrap_or_default().to_owned();
            let has_place = diagnostic.lines().any(|line| line.trim_start().starts_with("--> "));
            if !has_place && !WITHOUT_A_PLACE.contains(&case.name.as_str()) {
                complaints.push(format!("{}: no place: {first}", case.name));
            }
            if !diagnostic.contains("= help: ") {
                complaints.push(format!("{}: no way out: {first}", case.name));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The text of each diagnostic of an output.
fn diagnostics(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines() {
        let starts = ["error[", "warning[", "note["].iter().any(|start| line.starts_with(start));
        match found.last_mut() {
            _ if starts => found.push(format!("{line}\n")),
            Some(last) => last.push_str(&format!("{line}\n")),
            None => {}
        }
    }
    found
}

/// The address of a node may hold a password by mistake; the file's line shows it, hl's own words do not.
fn no_password_is_repeated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/broken/node-address");
    let text = validate(&folder).text;
    let own_words = text.lines().filter(|line| !line.contains(" | "));
    assert!(own_words.clone().any(|line| line.contains("password")), "{text}");
    assert!(own_words.into_iter().all(|line| !line.contains("hunter2")), "{text}");
}
