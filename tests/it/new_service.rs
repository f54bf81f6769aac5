//! `hl new`: the files of a service, in the layout of the repository, and nothing in the way of anything.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_service_of_an_image_is_valid_at_once),
    trial!(a_service_of_a_compose_file_takes_it_as_it_is),
    trial!(each_layout_gets_a_service_that_is_valid),
    trial!(the_topology_gets_a_line_and_keeps_the_rest),
    trial!(nothing_is_overwritten),
    trial!(wrong_usage_says_what_is_right),
    trial!(what_was_begun_is_applied_and_proven, needs Engine),
    trial!(a_published_port_is_really_asked, needs Engine),
];

const FILES: [&str; 5] = ["docker-compose.yml", "service.yaml", "README.md", "env.example", "healthcheck.sh"];

fn homelab(topology: &str) -> Homelab {
    let lab = Homelab::without_engine();
    lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\n{topology}"));
    lab
}

const ONE: &str = "nodes:\n  box: { address: simulated }\n";
const TWO: &str = "# machines\nnodes:\n  box: { address: simulated }   # here\n  pi: { address: simulated }\n";

fn read(lab: &Homelab, path: &str) -> String {
    std::fs::read_to_string(lab.repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn is_shell(lab: &Homelab, path: &str) {
    let file = lab.repository().join(path);
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let output = Command::new("sh").arg("-n").arg(&file).output().expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn a_service_of_an_image_is_valid_at_once() {
    let lab = homelab(ONE);
    let outcome = lab.hl(&["new", "web", "--image", "nginx:1.27"]);
    outcome.code(0).says("next: edit them, `hl validate`, `hl plan --target web`");
    for file in FILES {
        outcome.says(&format!("wrote services/web/{file}"));
        assert!(!read(&lab, &format!("services/web/{file}")).is_empty(), "{file}");
    }
    is_shell(&lab, "services/web/healthcheck.sh");
    lab.hl(&["validate"]).code(0).says("1 node, 1 service: valid").never_says("warning");
    assert_eq!(read(&lab, "inventory/topology.yaml"), format!("version: 1\nname: home\n{ONE}"));
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_service_of_a_compose_file_takes_it_as_it_is() {
    let lab = homelab(&format!("vars: {{ TZ: Europe/Berlin }}\n{ONE}"));
    let compose = "# mine\r\nservices:\r\n  db:\r\n    image: postgres:17\r\n    environment:\r\n      PW: ${PW:?no password}\r\n      \
                   TZ: ${TZ}\r\n      LANG: ${LANG:-C}\r\n    ports: ['${DB_PORT:-5432}:5432', '127.0.0.1:8081:80', '53:53/udp']\r\n";
    std::fs::write(lab.scratch("mine.yml"), compose).expect("it can be written");
    let file = lab.scratch("mine.yml").display().to_string();
    lab.hl(&["new", "db", "--from", &file]).code(0);
    assert_eq!(read(&lab, "services/db/docker-compose.yml"), compose);
    let example = read(&lab, "services/db/env.example");
    assert!(
        example.contains("\nPW=\n") && example.contains("\n# LANG=\n# ") | example.contains("# LANG=\n"),
        "{example}"
    );
    assert!(!example.contains("TZ"), "the repository has it: {example}");
    let health = read(&lab, "services/db/healthcheck.sh");
    assert!(health.contains("tcp 127.0.0.1 5432 ") && health.contains("http http://127.0.0.1:8081/ "), "{health}");
    assert!(!health.contains("53 "), "{health}");
    is_shell(&lab, "services/db/healthcheck.sh");
    lab.hl(&["validate"]).code(0);
}

fn each_layout_gets_a_service_that_is_valid() {
    let layouts = [
        (".", "web/docker-compose.yml"),
        ("stacks", "stacks/web/docker-compose.yml"),
        ("\"apps/*\"", "apps/web/docker-compose.yml"),
        ("\"{node}/*\"", "box/web/docker-compose.yml"),
        ("\"apps/*.yml\"", "apps/web.yml"),
    ];
    for (services_dir, compose) in layouts {
        let lab = homelab(&format!("services_dir: {services_dir}\n{ONE}"));
        lab.hl(&["new", "web", "--image", "nginx:1.27"]).code(0).says(&format!("wrote {compose}"));
        lab.hl(&["validate"]).code(0).says("1 node, 1 service: valid").never_says("warning");
        lab.hl(&["apply", "--yes"]).code(0).talks("healthcheck.sh");
    }
}

fn the_topology_gets_a_line_and_keeps_the_rest() {
    let lab = homelab(&format!("{TWO}\nservices:\n  # none yet\n"));
    lab.hl(&["new", "web", "--image", "nginx:1.27", "--node", "pi"]).code(0).says("added to inventory/topology.yaml");
    lab.hl(&["new", "api", "--image", "nginx:1.27", "--node", "box"]).code(0);
    let expected = format!(
        "version: 1\nname: home\n{TWO}\nservices:\n  web: {{ owner_node: pi }}\n  api: {{ owner_node: box }}\n  # none yet\n"
    );
    assert_eq!(read(&lab, "inventory/topology.yaml"), expected);
    lab.hl(&["validate"]).code(0).says("2 nodes, 2 services: valid");
    let lab = homelab(&format!("{TWO}services: ~\n"));
    let outcome = lab.hl(&["new", "web", "--image", "nginx:1.27", "--node", "pi"]);
    outcome.code(0).says("inventory/topology.yaml is left as it is").says("  web: { owner_node: pi }\n");
    assert_eq!(read(&lab, "inventory/topology.yaml"), format!("version: 1\nname: home\n{TWO}services: ~\n"));
}

fn nothing_is_overwritten() {
    for file in [&FILES[..], &["compose.yaml"]].concat() {
        let lab = homelab(TWO);
        let path = format!("services/web/{file}");
        lab.write(&path, "mine\n");
        let before = read(&lab, "inventory/topology.yaml");
        let outcome = lab.hl(&["new", "web", "--image", "nginx:1.27", "--node", "pi"]);
        outcome.code(1);
        assert_eq!(read(&lab, &path), "mine\n");
        let names = std::fs::read_dir(lab.repository().join("services/web")).expect("a folder").count();
        assert_eq!((names, read(&lab, "inventory/topology.yaml")), (1, before), "{outcome}");
    }
    // A link that leads nowhere is in the way, too, and a folder that leads out of the repository is none of it.
    let lab = homelab(ONE);
    let folder = lab.repository().join("services/web");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::os::unix::fs::symlink("/nowhere/at/all", folder.join("README.md")).expect("a link can be made");
    lab.hl(&["new", "web", "--image", "nginx:1.27"]).code(1).talks("services/web/README.md is in the way");
    let outside = lab.scratch("outside");
    std::fs::create_dir_all(&outside).expect("a folder can be made");
    std::os::unix::fs::symlink(&outside, lab.repository().join("services/away")).expect("a link can be made");
    lab.hl(&["new", "away", "--image", "nginx:1.27"]).code(1).talks("outside of the repository");
    assert!(is_empty(&outside), "something was written outside of the repository");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").next().is_none()
}

fn wrong_usage_says_what_is_right() {
    let lab = homelab(TWO);
    lab.hl(&["new", "a b", "--image", "x"]).code(64).talks("a name has only letters");
    lab.hl(&["new", "../x", "--image", "x"]).code(64);
    lab.hl(&["new", "web"]).code(64).talks("--image");
    lab.hl(&["new", "web", "--image", "x", "--from", "y"]).code(64);
    lab.hl(&["new", "web", "--image", "No Image"]).code(64).talks("is not the name of an image");
    lab.hl(&["new", "web", "--image", "x"]).code(64).talks("`--node box`, `--node pi`");
    lab.hl(&["new", "web", "--image", "x", "--node", "bos"]).code(64).talks("did you mean `box`?");
    lab.hl(&["new", "web", "--from", "nowhere.yml", "--node", "pi"]).code(1).talks("cannot read nowhere.yml");
    assert!(!lab.repository().join("services").exists(), "something was written");
}

fn what_was_begun_is_applied_and_proven() {
    let lab = Homelab::on(&Engine::connect());
    lab.hl(&["new", "sample-lab-app", "--image", "hl-test/app:1"]).code(0);
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["verify"]).code(0).says("healthcheck.sh");
    lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

fn a_published_port_is_really_asked() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let compose = format!(
        "name: sample-lab-web\nservices:\n  web:\n    image: hl-test/web:1\n    stop_grace_period: 1s\n    ports: [\"127.0.0.1:{port}:80\"]\n"
    );
    lab.write("mine.yml", &compose);
    lab.hl(&["new", "web", "--from", "mine.yml"]).code(0);
    lab.hl(&["apply", "--yes"]).code(0);
    lab.hl(&["verify"]).code(0).says("services/web/healthcheck.sh");
    let script = lab.repository().join("services/web/healthcheck.sh");
    let ask = |program: &str| {
        // The folder of the one program comes alone, so that the script finds no other to ask with.
        let bin = lab.scratch(program);
        std::fs::create_dir_all(&bin).expect("a folder can be made");
        for name in [program, "timeout"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().expect("sh runs");
            let found = String::from_utf8(found.stdout).expect("a path");
            let link = bin.join(name);
            (!found.is_empty() && !link.exists())
                .then(|| std::os::unix::fs::symlink(found.trim(), link).expect("a link can be made"));
        }
        let is_there = bin.join(program).exists();
        let output = Command::new("/bin/sh").arg(&script).env("PATH", &bin).output().expect("sh runs");
        (is_there, output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for program in ["curl", "wget"] {
        let (is_there, works, said) = ask(program);
        assert!(works || !is_there, "{program}: {said}");
    }
    let container = lab.name("sample-lab-web-web-1");
    engine.post(&format!("/containers/{container}/stop?t=1"), &serde_json::Value::Null);
    for program in ["curl", "wget"] {
        let (_, works, said) = ask(program);
        assert!(!works && said.contains("web does not answer http://127.0.0.1:"), "{program}: {said}");
    }
}
