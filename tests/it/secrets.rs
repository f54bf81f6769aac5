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
    trial!(what_is_not_proven_to_be_public_is_secret, needs Engine),
    trial!(what_a_value_of_a_node_shapes_is_recorded_as_a_digest, needs Engine),
    trial!(another_operator_sees_no_restart, needs Engine),
    trial!(an_env_file_in_git_is_told),
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
    // Nobody has changed what hl wrote, so that it follows the repository.
    hl_with(&lab, &["secret", "set", "db", "DB_PASSWORD"], "second\n").code(0);
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(2).says("~ box/db/file:config/db/.env").says("± box/db/container:db").never_says("second");
    let password = || {
        let env = engine.inspect(&lab.name("sample-lab-db-db-1"))["Config"]["Env"].to_string();
        env.split('"').find_map(|word| word.strip_prefix("PW=").map(str::to_owned)).expect("it has one")
    };
    lab.hl(&["apply", "--yes"]).code(0).never_says("second").never_says("first");
    assert_eq!(password(), "second");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    // A value that a person wrote there counts.
    let env = lab.node_root().join("config/db/.env");
    let old = std::fs::read_to_string(&env).expect("hl wrote it");
    assert_eq!(old.lines().filter(|line| line.starts_with("DB_PASSWORD=")).collect::<Vec<_>>(), ["DB_PASSWORD=second"]);
    std::fs::write(&env, old.replace("=second", "=by-hand")).expect("it can be written");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(password(), "by-hand");
    hl_with(&lab, &["secret", "set", "db", "DB_PASSWORD"], "third\n").code(0);
    let plan = lab.hl(&["plan", "--detailed-exitcode"]);
    plan.code(0)
        .talks("`DB_PASSWORD` on `box` is not what secrets.env says")
        .talks("take its line out")
        .talks("to keep the other, `hl secret set db DB_PASSWORD`")
        .never_says("third");
    let without: String =
        old.lines().filter(|line| !line.starts_with("DB_PASSWORD")).map(|l| format!("{l}\n")).collect();
    std::fs::write(&env, without).expect("it can be written");
    lab.hl(&["apply", "--yes"]).code(0);
    assert_eq!(password(), "third");
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
    hl_with(&lab, &["secret", "set", "bd", "A"], "x\n").code(64).talks("did you mean `db`?");
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

/// A private key that git ignores, where git does not know its files yet, where there is no git, and where a link leads
/// into the repository.
fn what_is_not_proven_to_be_public_is_secret() {
    use std::os::unix::fs::PermissionsExt;
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let live = lab.scratch("live");
    lab.write("services/web/service.yaml", &format!("owner_node: box\nproject_dir: {}\n", live.display()));
    let volumes = "volumes: [\"./key.pem:/key.pem:ro\", \"./run.sh:/run.sh:ro\", \"./open.conf:/open.conf:ro\"]";
    let file = format!("name: sample-lab-web\nservices: {{ web: {{ image: \"hl-test/app:1\", {volumes} }} }}\n");
    lab.write("services/web/docker-compose.yml", &file);
    lab.write("services/web/key.pem", "-----BEGIN PRIVATE KEY-----\nTOPSECRETKEYMATERIAL\n");
    lab.write("services/web/run.sh", "#!/bin/sh\necho TOPSECRETKEYMATERIAL\n");
    lab.write("services/web/open.conf", "openly: readable\n");
    lab.write(".gitignore", "*.pem\n");
    let set = |path: &str, mode: u32| {
        let path = lab.repository().join("services/web").join(path);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode can be set");
    };
    set("key.pem", 0o600);
    set("run.sh", 0o700);
    let mode = |path: &str| std::fs::metadata(live.join(path)).expect("it is there").permissions().mode() & 0o7777;
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=ann", "-c", "user.email=ann@home"]).args(arguments);
        lab.settle(&mut command);
        assert!(command.output().expect("git runs").status.success(), "git {arguments:?}");
    };
    let keeps_silent = |arguments: &[&str], is_known: bool| {
        let plan = lab.hl(&[arguments, &["plan", "-v"]].concat());
        plan.code(0).never_says("TOPSECRET");
        assert_eq!(plan.stdout.contains("openly: readable"), is_known, "{plan}");
    };
    keeps_silent(&[], false);
    git(&["init", "-q"]);
    keeps_silent(&[], false);
    lab.hl(&["apply", "--yes"]).code(0).never_says("TOPSECRET");
    assert_eq!([mode("key.pem"), mode("run.sh"), mode("open.conf")], [0o600, 0o700, 0o644]);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    for name in ["homelab.json", "history.jsonl", "journal.jsonl"] {
        let text = std::fs::read_to_string(lab.repository().join("state").join(name)).expect("it is there");
        assert!(!text.contains("TOPSECRET") && !text.contains("openly"), "{name}: {text}");
    }
    git(&["add", "services/web/open.conf"]);
    let link = lab.scratch("link");
    std::os::unix::fs::symlink(lab.repository(), &link).expect("a link can be made");
    std::fs::remove_dir_all(&live).expect("it is there");
    keeps_silent(&["-C", &link.display().to_string()], true);
    keeps_silent(&[], true);
}

/// Two people with keys of their own, which the other does not have.
fn another_operator_sees_no_restart() {
    sees_no_restart(|_| String::new());
    sees_no_restart(|lab| format!("project_dir: {}\n", lab.scratch("live").display()));
}

fn sees_no_restart(project_dir: impl Fn(&Homelab) -> String) {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let file = "name: sample-lab-web\nservices: { web: { image: \"hl-test/app:1\", secrets: [tok] } }\n\
                secrets: { tok: { file: ./tok.txt } }\n";
    lab.write("services/web/docker-compose.yml", file);
    lab.write("services/web/tok.txt", "hunter2\n");
    lab.write("services/web/service.yaml", &format!("owner_node: box\n{}", project_dir(&lab)));
    let hl_of = |home: &str, arguments: &[&str]| {
        let home = lab.scratch(home);
        std::fs::create_dir_all(&home).expect("a folder can be made");
        let output = lab.command(arguments).env("HOME", home).output().expect("hl runs");
        Outcome::new(format!("hl {}", arguments.join(" ")), &output, |text| lab.stand_in(text))
    };
    hl_of("ann", &["apply", "--yes"]).code(0);
    let started = || engine.inspect(&lab.name("sample-lab-web-web-1"))["State"]["StartedAt"].clone();
    let before = started();
    for home in ["bob", "ann", "bob"] {
        hl_of(home, &["plan", "--detailed-exitcode"]).code(0).says("No changes.");
        hl_of(home, &["drift"]).code(0);
        hl_of(home, &["apply", "--yes"]).code(0);
    }
    assert_eq!(started(), before);
    // A change is seen all the same.
    lab.write("services/web/tok.txt", "hunter3\n");
    hl_of("bob", &["plan", "--detailed-exitcode"]).code(2).says("↻ box/web/container:web").never_says("hunter");
}

fn an_env_file_in_git_is_told() {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", "version: 1\nnodes: { box: { address: local } }\n");
    lab.write("services/web/docker-compose.yml", "services: { web: { image: a } }\n");
    lab.write("services/web/.env", "A=1\n");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments);
        lab.settle(&mut command);
        assert!(command.output().expect("git runs").status.success(), "git {arguments:?}");
    };
    let validated = || lab.hl(&["validate"]);
    validated().code(0).never_says("HL0420");
    git(&["init", "-q"]);
    validated().code(0).talks("nothing keeps services/web/.env out of git");
    lab.write(".gitignore", ".env\n");
    validated().code(0).never_says("HL0420");
    git(&["add", "-f", "services/web/.env"]);
    validated().code(0).talks("services/web/.env is in git").talks("git rm --cached services/web/.env");
}

/// Values of a node's `.env` in settings of every type: nothing of them is in the state, the plan settles, and drift is found.
fn what_a_value_of_a_node_shapes_is_recorded_as_a_digest() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let write = |level: &str| {
        lab.write(
            "services/sample-lab-p/docker-compose.yml",
            &format!(
                "services:\n  app:\n    image: hl-test/app:1\n    stop_grace_period: 1s\n    hostname: \"${{WORD}}\"\n    \
                 user: \"${{USER_ID}}\"\n    mem_limit: \"${{SIZE}}\"\n    ports: [\"127.0.0.1:${{PORT}}:80\"]\n    \
                 volumes: [\"/srv/${{WORD}}:/data\"]\n    working_dir: \"/${{WORD}}\"\n    \
                 environment: {{ LEVEL: \"{level}\" }}\n"
            ),
        );
    };
    write("1");
    lab.write("services/sample-lab-p/service.yaml", "owner_node: box\n");
    let config = lab.node_root().join(lab.name("config/sample-lab-p"));
    std::fs::create_dir_all(&config).expect("a folder can be made");
    let env = "WORD=zq7canaryxw\nUSER_ID=41235\nSIZE=50331648\nPORT=18977\n";
    std::fs::write(config.join(".env"), env).expect("it can be written");
    let clean = || {
        for file in ["homelab.json", "history.jsonl"] {
            let text = std::fs::read_to_string(lab.repository().join("state").join(file)).expect("it is there");
            for value in ["zq7canaryxw", "41235", "50331648", "18977"] {
                assert!(!text.contains(value), "state/{file} says {value}: {text}");
            }
        }
    };
    lab.hl(&["apply", "--yes"]).code(0);
    clean();
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    write("2");
    lab.hl(&["plan", "--detailed-exitcode"]).code(2).says("environment.LEVEL").never_says("hostname");
    lab.hl(&["apply", "--yes"]).code(0);
    clean();
    // A change on the node is drift, and one in its `.env` is pending.
    let limit = serde_json::json!({ "Memory": 67_108_864, "MemorySwap": -1 });
    engine.post(&format!("/containers/{}/update", lab.name("sample-lab-p-app-1")), &limit);
    lab.hl(&["drift"]).code(2).says("mem_limit");
    lab.hl(&["apply", "--yes"]).code(0);
    std::fs::write(config.join(".env"), env.replace("18977", "18978")).expect("it can be written");
    lab.hl(&["drift"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(2).says("ports");
    lab.hl(&["apply", "--yes"]).code(0);
    clean();
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
}
