//! Files of hl's own in whose place a repository has put something else: nothing is followed out of it, overwritten or
//! waited for.

use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(files_of_the_state_are_files),
    trial!(the_state_is_in_the_repository),
    trial!(the_lock_of_a_node_is_a_file),
    trial!(a_plan_is_saved_over_saved_plans_alone),
    trial!(a_saved_plan_is_read_from_a_file),
];

const PRECIOUS: &str = "precious\n";

fn lab() -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nname: home\nnodes:\n  nas: { address: simulated }\n");
    lab.write("services/web/docker-compose.yml", "name: web\nservices:\n  web:\n    image: web:1\n");
    lab.write("services/web/service.yaml", "owner_node: nas\n");
    lab.write("victim", PRECIOUS);
    lab
}

fn fifo(path: &Path) {
    mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).expect("a pipe can be made");
}

#[track_caller]
fn is_untouched(lab: &Homelab) {
    assert_eq!(std::fs::read_to_string(lab.repository().join("victim")).expect("it is there"), PRECIOUS);
}

fn files_of_the_state_are_files() {
    for name in ["lock", "journal.jsonl", "history.jsonl", "homelab.json"] {
        let lab = lab();
        lab.hl(&["apply", "--yes"]).code(0);
        lab.write("services/web/docker-compose.yml", "name: web\nservices:\n  web:\n    image: web:2\n");
        let path = lab.repository().join("state").join(name);
        let way_out = format!("state/{name}: it is a symbolic link and must be a file; remove it");
        std::fs::remove_file(&path).expect("it is there");
        symlink("../victim", &path).expect("a link can be made");
        lab.hl(&["apply", "--yes"]).code(1).talks(&way_out);
        is_untouched(&lab);
        std::fs::remove_file(&path).expect("it is there");
        fifo(&path);
        lab.hl(&["apply", "--yes"]).code(1).talks("it is a named pipe and must be a file; remove it");
        std::fs::remove_file(&path).expect("it is there");
        lab.hl(&["apply", "--yes"]).code(0);
    }
}

fn the_state_is_in_the_repository() {
    for link in ["state", "state/simulated"] {
        let lab = lab();
        let elsewhere = lab.scratch("elsewhere");
        std::fs::create_dir_all(&elsewhere).expect("a folder can be made");
        let path = lab.repository().join(link);
        std::fs::create_dir_all(path.parent().expect("it is below")).expect("a folder can be made");
        symlink(&elsewhere, &path).expect("a link can be made");
        for arguments in [&["apply", "--yes"][..], &["plan"], &["unlock"]] {
            let outcome = lab.hl(arguments);
            assert_ne!(outcome.code, 0, "{outcome}");
            let said = format!("{}{}", outcome.stdout, outcome.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(&format!("{link} is a symbolic link and must be a folder; remove it")), "{outcome}");
        }
        assert_eq!(std::fs::read_dir(&elsewhere).expect("it is there").count(), 0, "{link}");
    }
}

fn the_lock_of_a_node_is_a_file() {
    let lab = lab();
    lab.hl(&["apply", "--yes"]).code(0);
    lab.write("services/web/docker-compose.yml", "name: web\nservices:\n  web:\n    image: web:2\n");
    let path = lab.repository().join("state/simulated/nas.lock");
    for (found, put) in [
        ("symbolic link", (|path| symlink("../../victim", path).expect("a link can be made")) as fn(&Path)),
        ("named pipe", fifo as fn(&Path)),
    ] {
        std::fs::remove_file(&path).expect("it is there");
        put(&path);
        lab.hl(&["apply", "--yes"]).code(4).says_in_words(&format!("it is a {found} and must be a file; remove it"));
        let seen = lab.hl(&["unlock"]);
        seen.code(3).says_in_words(&format!("it is a {found} and must be a file; remove it"));
        is_untouched(&lab);
    }
    std::fs::remove_file(&path).expect("it is there");
    lab.hl(&["apply", "--yes"]).code(0);
}

fn a_plan_is_saved_over_saved_plans_alone() {
    let lab = lab();
    let saved = lab.scratch("plan.json").display().to_string();
    for _ in 0..2 {
        lab.hl(&["plan", "-o", &saved]).code(0);
    }
    let compose = lab.repository().join("services/web/docker-compose.yml");
    let before = std::fs::read_to_string(&compose).expect("it is there");
    for file in ["services/web/docker-compose.yml", "state/homelab.json", "state/simulated/nas.json", "victim"] {
        lab.hl(&["apply", "--yes"]).code(0);
        let held = std::fs::read(lab.repository().join(file)).expect("it is there");
        lab.hl(&["plan", "-o", file]).code(1).talks("is there already and is no saved plan").talks("name another file");
        assert_eq!(std::fs::read(lab.repository().join(file)).expect("it is there"), held, "{file}");
    }
    assert_eq!(std::fs::read_to_string(&compose).expect("it is there"), before);
    symlink(&saved, lab.repository().join("link")).expect("a link can be made");
    lab.hl(&["plan", "-o", "link"]).code(1).talks("it is a symbolic link and must be a file");
    fifo(&lab.repository().join("pipe"));
    lab.hl(&["plan", "-o", "pipe"]).code(1).talks("it is a named pipe and must be a file");
    lab.hl(&["plan", "-o", "services"]).code(1).talks("it is a folder and must be a file");
}

fn a_saved_plan_is_read_from_a_file() {
    let lab = lab();
    fifo(&lab.repository().join("pipe"));
    lab.hl(&["apply", "pipe", "--yes"]).code(1).talks("cannot read pipe: it is a named pipe and must be a file");
    lab.hl(&["apply", "/dev/zero", "--yes"]).code(1).talks("it is a device and must be a file");
    lab.write("huge", "");
    let huge = std::fs::File::options().write(true).open(lab.repository().join("huge")).expect("it is there");
    huge.set_len((64 << 20) + 1).expect("it can be sparse");
    lab.hl(&["apply", "huge", "--yes"]).code(1).talks("it has more than 64 MiB");
    lab.hl(&["apply", "victim", "--yes"]).code(1).talks("it is not a saved plan");
}
