//! The manual pages that `hl man` writes: one for each command, whole, and without a warning.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(each_command_has_a_page),
    trial!(the_first_page_has_every_exit_code_and_variable),
    trial!(pages_are_without_warnings, needs Mandoc),
    trial!(a_page_reads_well, needs Mandoc),
];

/// Missing in every page on purpose: a date would be another one at each build.
const NO_DATE: &str = "WARNING: missing date, using \"\": TH";

/// The pages by the names of their files.
fn pages(lab: &Homelab, folder: &str) -> BTreeMap<String, String> {
    lab.hl(&["man", folder]).code(0);
    let entries = std::fs::read_dir(lab.repository().join(folder)).expect("there is a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let page = |path: &Path| {
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("it is text"))
    };
    paths.map(|path| page(&path)).collect()
}

/// The commands that a help text lists.
fn commands(lab: &Homelab, path: &[&str]) -> Vec<String> {
    let help = lab.hl(&[path, &["--help"]].concat());
    let lines = help.code(0).stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names =
        lines.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

fn each_command_has_a_page() {
    let lab = Homelab::without_engine();
    let written = pages(&lab, "deep/man");
    let mut expected = vec!["hl.1".to_owned()];
    for command in commands(&lab, &[]) {
        expected.push(format!("hl-{command}.1"));
        expected.extend(commands(&lab, &[&command]).iter().map(|inner| format!("hl-{command}-{inner}.1")));
    }
    expected.sort();
    assert_eq!(written.keys().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert_eq!(written, pages(&lab, "again"), "the pages are the same each time");
    assert_eq!(written["hl.1"], lab.hl(&["man"]).code(0).stdout);
}

fn the_first_page_has_every_exit_code_and_variable() {
    let lab = Homelab::without_engine();
    let page = lab.hl(&["man"]).code(0).stdout.replace("\\-", "-");
    for code in [0, 1, 2, 3, 4, 64, 130] {
        assert!(page.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code} is missing");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let mut variables = 0;
    for file in std::fs::read_dir(folder).expect("there is a folder") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("it is text");
        for call in ["variable(\"", "var_os(\"", "set(\""] {
            for name in text.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(page.contains(&format!(".TP\n\\fB{name}\\fR\n")), "{name} is missing");
                variables += 1;
            }
        }
    }
    assert!(variables > 10, "the search finds them");
}

fn pages_are_without_warnings() {
    let lab = Homelab::without_engine();
    for file in pages(&lab, "man").keys() {
        let said = mandoc(&["-Tlint", "-Wwarning"], &lab.repository().join("man").join(file));
        let warnings: Vec<&str> = said.lines().filter(|line| !line.ends_with(NO_DATE)).collect();
        assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    }
}

fn a_page_reads_well() {
    let lab = Homelab::without_engine();
    pages(&lab, "man");
    let page = mandoc(&["-Tascii"], &lab.repository().join("man/hl-state-history.1"));
    // The last line is the version.
    let (page, _) = page.trim_end().rsplit_once('\n').expect("there are lines");
    insta::assert_snapshot!(page);
}

/// A page as mandoc shows it, without the characters that it strikes over others to make them bold.
fn mandoc(arguments: &[&str], page: &Path) -> String {
    let output = Command::new("mandoc").args(arguments).arg(page).output().expect("mandoc runs");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '\u{8}' => drop(plain.pop()),
            c => plain.push(c),
        }
    }
    plain
}
