//! A homelab on simulated machines, by the program that a user runs: no engine, and nothing of it is a mock.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(the_quickstart_lives_on_a_simulated_machine),
    trial!(a_service_moves_between_simulated_machines),
    trial!(what_a_simulated_machine_is_told_happens),
    trial!(a_plan_that_cannot_be_applied_ends_as_its_apply_does),
    trial!(what_came_from_a_machine_is_in_the_state_as_a_digest),
    trial!(whose_a_new_folder_is_is_told_where_it_is_not_known),
    trial!(a_table_fits_the_terminal_and_is_whole_elsewhere),
];

/// The inventory with all machines simulated.
fn simulated(topology: &str) -> String {
    topology.replace("address: local\n", "address: simulated\n")
}

fn quickstart() -> Homelab {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let lab = Homelab::without_engine();
    lab.copy(&folder.join("services"), "services");
    let topology = std::fs::read_to_string(folder.join("inventory/topology.yaml")).expect("there is an inventory");
    lab.write("inventory/topology.yaml", &simulated(&topology));
    lab
}

fn machine(lab: &Homelab, node: &str) -> std::path::PathBuf {
    lab.repository().join(format!("state/simulated/{node}.json"))
}

fn read(lab: &Homelab, node: &str) -> Value {
    let text = std::fs::read_to_string(machine(lab, node)).expect("there is a machine");
    serde_json::from_str(&text).expect("it is JSON")
}

fn edit(lab: &Homelab, node: &str, edit: impl FnOnce(&mut Value)) {
    let mut file = read(lab, node);
    edit(&mut file);
    std::fs::write(machine(lab, node), file.to_string()).expect("the machine can be written");
}

fn the_quickstart_lives_on_a_simulated_machine() {
    let lab = quickstart();
    lab.hl(&["plan", "--detailed-exitcode"]).code(2);
    assert!(!machine(&lab, "local").exists(), "a plan makes nothing");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
    lab.hl(&["status"]).code(0).says("local/db");

    let mode = std::fs::metadata(machine(&lab, "local")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(lab.repository().join("state/simulated/.gitignore")).expect("one"), "*\n");
    let env = &read(&lab, "local")["files"]["/opt/homelab-quickstart/config/db/.env"];
    let password = env["file"].as_str().and_then(|text| text.split_once("DB_RESET_TOKEN=")).expect("a password").1;
    let recorded = std::fs::read_to_string(lab.repository().join("state/homelab.json")).expect("there is a state");
    assert!(!recorded.contains(password.lines().next().expect("a line")));

    lab.hl(&["plan", "--replace", "api/container:nobody"]).code(64).talks("there is no resource");
    lab.hl(&["plan", "--replace", "db/directory:data/db"]).code(64);
    let before = read(&lab, "local")["containers"].clone();
    lab.hl(&["apply", "--yes", "--replace", "api/container:api"]).code(0).says("why: requested");
    let changed = |before: &serde_json::Value| {
        let now = read(&lab, "local");
        let gone = before.as_object().expect("containers").keys().filter(|id| now["containers"].get(id).is_none());
        gone.map(|id| before[id]["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changed(&before), ["quickstart-api"]);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");

    edit(&lab, "local", |file| {
        let containers = file["containers"].as_object_mut().expect("containers");
        containers.retain(|_, container| container["name"] != "quickstart-api");
    });
    lab.hl(&["drift"]).code(2).says("api");
    lab.hl(&["verify"]).code(1).says("container api does not exist");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["drift"]).code(0);
    lab.hl(&["verify"]).code(0);
}

const NOTES: &str =
    "name: notes\nservices:\n  notes:\n    image: notes:1\n    volumes: [\"/opt/homelab/data/notes:/data\"]\n";

fn notes(owner: &str) -> Homelab {
    let lab = Homelab::without_engine();
    let nodes = "  nas: { address: simulated }\n  pi: { address: simulated }\n";
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\nnodes:\n{nodes}"));
    lab.write("services/notes/docker-compose.yml", NOTES);
    lab.write("services/notes/service.yaml", &format!("owner_node: {owner}\n"));
    lab
}

fn a_service_moves_between_simulated_machines() {
    let lab = notes("nas");
    lab.hl(&["apply", "--yes"]).code(0);
    edit(&lab, "nas", |file| {
        let entry = serde_json::json!({ "file": "words", "mode": 0o640, "uid": 33, "gid": 44, "modified": 7 });
        file["files"]["/opt/homelab/data/notes/text"] = entry;
    });
    lab.write("services/notes/service.yaml", "owner_node: pi\n");
    lab.hl(&["plan"]).code(0).says("pi/notes/directory:data/notes  move");
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    let copied = &read(&lab, "pi")["files"]["/opt/homelab/data/notes/text"];
    assert_eq!((copied["file"].as_str(), copied["uid"].as_u64()), (Some("words"), Some(33)));
    assert_eq!(read(&lab, "nas")["containers"], serde_json::json!({}));
    lab.hl(&["apply", "--prune-moved", "--yes"]).code(0).says("nas/notes/directory:data/notes.moved-");
    assert!(!read(&lab, "nas").to_string().contains("words"));
}

fn what_a_simulated_machine_is_told_happens() {
    let lab = notes("nas");
    std::fs::create_dir_all(lab.repository().join("state/simulated")).expect("a folder can be made");
    let sick =
        r#"{ "format_version": 1, "registry": { "docker.io/library/notes:1": { "behaviour": { "ends": 3 } } } }"#;
    std::fs::write(machine(&lab, "nas"), sick).expect("a machine can be made");
    lab.hl(&["apply", "--yes"]).code(4).says("ended with code 3");
    std::fs::write(machine(&lab, "nas"), r#"{ "format_version": 9 }"#).expect("a machine can be written");
    lab.hl(&["plan"]).code(3).says_in_words("it has format 9, and this hl reads 1; remove the file");
    std::fs::remove_file(machine(&lab, "nas")).expect("it is there");
    lab.hl(&["apply", "--yes"]).code(0);
}

/// Variables and labels of an image that was built with passwords, arguments and labels of a build, labels of a file.
fn what_came_from_a_machine_is_in_the_state_as_a_digest() {
    let lab = notes("nas");
    let compose = "name: notes\nservices:\n  notes:\n    image: notes:1\n    label_file: web.labels\n\
                   \x20   environment: { TZ: Europe/Berlin }\n\
                   \x20 built:\n    build: { context: ., args: { TOKEN: \"${TOKEN}\" }, labels: { a: \"${TOKEN}\" } }\n";
    lab.write("services/notes/docker-compose.yml", compose);
    lab.write("services/notes/web.labels", "of.file=canary-in-a-label-file\n");
    lab.write("services/notes/Dockerfile", "FROM scratch\nARG TOKEN\nENV TOKEN=$TOKEN\n");
    std::fs::create_dir_all(lab.repository().join("state/simulated")).expect("a folder can be made");
    let env = serde_json::json!({ "file": "TOKEN=canary-in-an-env-file\n", "mode": 0o600, "uid": 0, "gid": 0, "modified": 0 });
    let image =
        serde_json::json!({ "environment": { "TOKEN": "canary-in-an-image" }, "labels": { "a": "canary-too" } });
    let world = serde_json::json!({
        "format_version": 1,
        "files": { "/opt/homelab/config/notes/.env": env },
        "registry": { "docker.io/library/notes:1": { "image": { "config": image } } },
    });
    std::fs::write(machine(&lab, "nas"), world.to_string()).expect("a machine can be made");
    lab.hl(&["apply", "--yes"]).code(0);
    let path = lab.repository().join("state/homelab.json");
    let state = || std::fs::read_to_string(&path).expect("there is a state");
    let mut file: Value = serde_json::from_str(&state()).expect("it is JSON");
    let baseline = &mut file["resources"]["nas/notes/container:notes"]["baseline"];
    for field in ["environment.TOKEN", "labels.a", "labels.of.file"] {
        assert!(baseline[field]["secret"].is_string(), "{field}: {baseline}");
    }
    assert_eq!(baseline["environment.TZ"], "Europe/Berlin");
    assert!(!state().contains("canary"), "{}", state());
    lab.hl(&["state", "show"]).code(0).never_says("canary");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);

    // As an earlier hl has written it.
    for (field, value) in [("environment.TOKEN", "canary-in-an-image"), ("labels.a", "canary-too")] {
        baseline[field] = value.into();
    }
    std::fs::write(&path, file.to_string()).expect("it can be written");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
    lab.write("services/notes/docker-compose.yml", &compose.replace("Berlin", "Paris"));
    lab.hl(&["apply", "--yes"]).code(0);
    assert!(!state().contains("canary"), "{}", state());

    // Whoever has not the key recreates nothing.
    std::fs::remove_dir_all(lab.home().join(".local/share/hl/keys")).expect("they are there");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0).says("No changes.");
    lab.hl(&["drift"]).code(0);
}

fn a_plan_that_cannot_be_applied_ends_as_its_apply_does() {
    let lab = notes("nas");
    lab.write(
        "services/notes/docker-compose.yml",
        &format!("{}    networks: [proxy]\nnetworks: {{ proxy: {{ external: true }} }}\n", NOTES),
    );
    let file = lab.scratch("plan.json").display().to_string();
    for format in ["text", "json", "markdown"] {
        for arguments in [&["plan", "--format", format][..], &["plan", "--format", format, "--detailed-exitcode"]] {
            lab.hl(arguments).code(1).says("proxy");
        }
    }
    let saved = lab.hl(&["plan", "-o", &file]);
    saved.code(1).says("1 problem prevents this apply.").says_in_words("`docker network create proxy`");
    saved.talks("refuses it because of the problems above");
    lab.hl(&["apply", "--yes"]).code(1);
    lab.hl(&["apply", &file, "--yes"]).code(1).says("1 problem prevents this apply.");
    // A node that cannot be read makes it no better.
    lab.write(
        "inventory/topology.yaml",
        "version: 1\nname: home\nnodes:\n  nas: { address: simulated }\n  pi: { address: \"unix:///nowhere.sock\" }\n",
    );
    lab.write("services/web/docker-compose.yml", "services: { web: { image: \"web:1\" } }\n");
    lab.write("services/web/service.yaml", "owner_node: pi\n");
    lab.hl(&["plan", "--detailed-exitcode"]).code(1).says("? pi");
    lab.hl(&["plan", "--detailed-exitcode", "--exclude", "notes"]).code(3);
    // A problem that prevents an apply is no drift.
    lab.hl(&["drift"]).code(3);
}

fn a_table_fits_the_terminal_and_is_whole_elsewhere() {
    let lab = notes("nas");
    let image = "registry.example.org/a-family/a-group/with-a-name-that-nobody-types:1.2.3-alpine";
    lab.write("services/notes/docker-compose.yml", &NOTES.replace("image: notes:1", &format!("image: {image}")));
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["status"]).code(0).says(image);
    let on_terminal = |columns: usize| {
        let mut command = std::process::Command::new("script");
        let hl = format!("stty rows 50 cols {columns}; '{}' status", env!("CARGO_BIN_EXE_hl"));
        lab.settle(command.args(["--quiet", "--return", "--command", &hl, "/dev/null"]));
        let output = command.stdin(std::process::Stdio::null()).output().expect("script runs");
        Outcome::new("hl status, on a terminal".to_owned(), &output, |text| lab.stand_in(text))
    };
    let narrow = on_terminal(80);
    narrow.code(0).never_says(image).says("registry").says("-alpine");
    assert!(narrow.stdout.lines().all(|line| line.trim_end().chars().count() <= 80), "{narrow}");
    on_terminal(200).code(0).says(image);
}

fn whose_a_new_folder_is_is_told_where_it_is_not_known() {
    for (user, owner, is_told) in [("1000:users", 1000, false), ("postgres", 0, true), ("1000:1000", 1000, false)] {
        let lab = notes("nas");
        lab.write("services/notes/docker-compose.yml", &format!("{NOTES}    user: \"{user}\"\n"));
        let plan = lab.hl(&["plan"]);
        plan.code(0);
        match is_told {
            true => plan.says_in_words("only the image knows which number its user postgres has"),
            false => plan.never_says("only the image knows"),
        };
        lab.hl(&["apply", "--yes"]).code(0);
        assert_eq!(read(&lab, "nas")["files"]["/opt/homelab/data/notes"]["uid"], owner, "{user}");
        lab.hl(&["plan", "--detailed-exitcode"]).code(0).never_says("only the image knows");
    }
}
