//! Variables that stand in the repository encrypted: written by `hl secret`, opened with the key of whoever runs hl.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_secret_goes_from_the_repository_to_the_container, needs Engine, Age),
    trial!(what_is_on_the_node_wins_and_is_told, needs Engine, Age),
    trial!(secrets_are_edited_in_memory, needs Age),
    trial!(what_is_wrong_with_a_secret_is_told, needs Age),
];

const FILE: &str = "services/db/secrets.env";

fn declare(lab: &Homelab) {
    lab.write(
        "services/db/docker-compose.yml",
        "name: sample-lab-db\nservices:\n  db:\n    image: hl-test/app:1\n    environment: { PW: \"${DB_PASSWORD:?}\" }\n",
    );
    lab.write("services/db/service.yaml", "owner_node: box\nenv: { required: [DB_PASSWORD] }\n");
    lab.write("services/db/env.example", "DB_PASSWORD=\nDB_USER=db\n");
}

/// Where hl looks for its user's key.
fn key(lab: &Homelab) -> PathBuf {
    lab.home().join(".config/hl/age.txt")
}

fn make_key(lab: &Homelab) {
    std::fs::create_dir_all(key(lab).parent().expect("a folder")).expect("a folder can be made");
    let made = Command::new("age-keygen").arg("-o").arg(key(lab)).output().expect("age-keygen runs");
    assert!(made.status.success());
}

/// Runs hl with something on its standard input.
fn hl_with(lab: &Homelab, arguments: &[&str], input: &str) -> Outcome {
    let mut command = lab.command(arguments);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("hl runs");
    // One that refuses may have ended before it reads.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("hl ends");
    Outcome::new(format!("hl {}", arguments.join(" ")), &output, |text| lab.stand_in(text))
}

fn text(lab: &Homelab, path: &str) -> String {
    std::fs::read_to_string(lab.repository().join(path)).expect("it is there")
}

fn a_secret_goes_from_the_repository_to_the_container() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    declare(&lab);
    lab.hl(&["plan"]).code(3).says("DB_PASSWORD");
    // Somebody began the file on the node, and left it at that.
    let env = lab.node_root().join("config/db/.env");
    std::fs::create_dir_all(env.parent().expect("a folder")).expect("a folder can be made");
    std::fs::write(&env, "DB_PASSWORD=\n").expect("it can be written");
    make_key(&lab);
    hl_with(&lab, &["secret", "set", "db", "DB_PASSWORD"], "tr0ub4dor $& \"3\"\n").code(0).talks("Commit it");
    hl_with(&lab, &["secret", "set", "db", "OTHER"], "more\n").code(0);
    assert!(text(&lab, FILE).starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let listed = lab.hl(&["secret", "list", "db"]);
    listed.code(0);
    assert_eq!(listed.stdout, "DB_PASSWORD\nOTHER\n");
    lab.hl(&["plan"]).code(0).says("environment.DB_PASSWORD: (secret #").never_says("tr0ub4dor");
    lab.hl(&["apply", "--yes"]).code(0).never_says("tr0ub4dor");
    let container = engine.inspect(&lab.name("sample-lab-db-db-1"));
    let env = container["Config"]["Env"].to_string();
    assert!(env.contains(r#"PW=tr0ub4dor $& \"3\""#), "{env}");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    // Whoever has no key plans with what is on the node.
    std::fs::remove_file(key(&lab)).expect("there was a key");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).talks("stays closed").talks("HL_AGE_KEY_FILE").says("No changes.");
}

fn what_is_on_the_node_wins_and_is_told() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    declare(&lab);
    make_key(&lab);
    hl_with(&lab, &["secret", "set", "db", "DB_PASSWORD"], "first\n").code(0);
    lab.hl(&["apply", "--yes"]).code(0);
    hl_with(&lab, &["secret", "set", "db", "DB_PASSWORD"], "second\n").code(0);
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(0)
        .talks("`DB_PASSWORD` on `box` is not what secrets.env says")
        .talks("take its line out")
        .never_says("second");
    let env = lab.node_root().join("config/db/.env");
    let old = std::fs::read_to_string(&env).expect("hl wrote it");
    let without: String =
        old.lines().filter(|line| !line.starts_with("DB_PASSWORD")).map(|l| format!("{l}\n")).collect();
    std::fs::write(&env, without).expect("it can be written");
    lab.hl(&["apply", "--yes"]).code(0);
    let env = engine.inspect(&lab.name("sample-lab-db-db-1"))["Config"]["Env"].to_string();
    assert!(env.contains("PW=second"), "{env}");
}

fn secrets_are_edited_in_memory() {
    let lab = Homelab::without_engine();
    declare(&lab);
    make_key(&lab);
    lab.program(
        "editor",
        "echo \"$1\" >\"$HOME/where\"; stat -c %a \"$(dirname \"$1\")\" >>\"$HOME/where\"; cp \"$HOME/new\" \"$1\"\n",
    );
    let edit = |new: &str| {
        std::fs::write(lab.home().join("new"), new).expect("it can be written");
        let mut command = lab.command(&["secret", "edit", "db"]);
        let output = command.env("EDITOR", "editor").output().expect("hl runs");
        Outcome::new("hl secret edit db".to_owned(), &output, |text| lab.stand_in(text))
    };
    edit("A=one\nB=two\n").code(0).talks("+A +B").never_says("one");
    let place = std::fs::read_to_string(lab.home().join("where")).expect("the editor was run");
    let (path, mode) = place.trim().split_once('\n').expect("two lines");
    assert!(path.starts_with("/dev/shm/hl-secret-") && mode == "700", "{place}");
    assert!(!std::path::Path::new(path).exists(), "the clear text stayed");
    edit("A=one\nB=other\nC=\"never closed\n").code(1).talks("line 3").talks("nothing was changed").never_says("other");
    edit("A=one\nB=two\n").code(0).talks("Nothing was changed");
    edit("B=other\n").code(0).talks("-A ~B");
    assert_eq!(lab.hl(&["secret", "list", "db"]).stdout, "B\n");
}

fn what_is_wrong_with_a_secret_is_told() {
    let lab = Homelab::without_engine();
    declare(&lab);
    hl_with(&lab, &["secret", "set", "db", "A"], "x\n").code(1).talks("age-keygen -o");
    hl_with(&lab, &["secret", "set", "bd", "A"], "x\n").code(1).talks("did you mean `db`?");
    hl_with(&lab, &["secret", "set", "db", "1A"], "x\n").code(64);
    hl_with(&lab, &["secret", "set", "db", "A"], "").code(64).talks("there is no value");
    make_key(&lab);
    hl_with(&lab, &["secret", "set", "db", "A"], "x\n").code(0);
    // For others too: their keys stand in the inventory.
    let other = Homelab::without_engine();
    make_key(&other);
    let public = Command::new("age-keygen").arg("-y").arg(key(&other)).output().expect("age-keygen runs").stdout;
    lab.write("inventory/recipients.txt", &String::from_utf8_lossy(&public));
    hl_with(&lab, &["secret", "set", "db", "B"], "y\n").code(0);
    lab.hl(&["secret", "list", "db"]).code(1).talks("no identity matched");
    std::fs::copy(key(&other), key(&lab)).expect("a key can be copied");
    assert_eq!(lab.hl(&["secret", "list", "db"]).stdout, "A\nB\n");
    // What somebody forgot to encrypt.
    lab.write("inventory/topology.yaml", "version: 1\nnodes: { box: { address: local } }\n");
    lab.write(FILE, "A=hunter2\n");
    lab.hl(&["validate"]).code(1).talks("services/db/secrets.env is not encrypted").never_says("hunter2");
    let mut edit = lab.command(&["secret", "edit", "db"]);
    assert!(edit.env("EDITOR", "true").output().expect("hl runs").status.success());
    lab.hl(&["validate"]).code(0);
    assert_eq!(lab.hl(&["secret", "list", "db"]).stdout, "A\n");
}
