//! What is mounted is what is there: files that leave the repository, that somebody changes on the node, and paths that
//! become something else.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_file_that_left_the_repository_leaves_the_node, needs Engine),
    trial!(a_file_that_was_changed_on_the_node_stays_and_is_told, needs Engine),
    trial!(a_service_that_goes_takes_its_files_along, needs Engine),
];

/// A service `m` whose files are shipped to a folder of the node: `web` mounts some of them, `side` none.
struct Lab {
    lab: Homelab,
    engine: Engine,
}

impl Lab {
    fn with(volumes: &[&str]) -> Lab {
        let engine = Engine::connect();
        let lab = Lab { lab: Homelab::on(&engine), engine };
        lab.declare(volumes);
        lab.service("");
        lab
    }

    fn declare(&self, volumes: &[&str]) {
        let volumes = volumes.iter().map(|volume| format!("      - {volume}\n")).collect::<String>();
        let volumes = if volumes.is_empty() { volumes } else { format!("    volumes:\n{volumes}") };
        let file = format!(
            "name: sample-lab-m\nservices:\n  web:\n    image: hl-test/app:1\n{volumes}  side:\n    image: hl-test/app:1\n"
        );
        self.lab.write("services/m/docker-compose.yml", &file);
    }

    fn service(&self, more: &str) {
        let text = format!("owner_node: box\nproject_dir: {}\n{more}", self.node("").display());
        self.lab.write("services/m/service.yaml", &text);
    }

    /// A path of the service on the node.
    fn node(&self, path: &str) -> PathBuf {
        let folder = self.lab.scratch("live");
        if path.is_empty() { folder } else { folder.join(path) }
    }

    fn file(&self, path: &str, text: &str) {
        self.lab.write(&format!("services/m/{path}"), text);
    }

    fn remove(&self, path: &str) {
        let path = self.lab.repository().join("services/m").join(path);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.expect("it was there");
    }

    /// Applies, and expects that nothing is left to do and nothing is broken.
    fn settle(&self) -> Outcome {
        let applied = self.lab.hl(&["apply", "--yes"]);
        applied.code(0);
        self.is_settled();
        applied
    }

    fn is_settled(&self) {
        let plan = self.lab.hl(&["plan", "--detailed-exitcode"]);
        assert!(plan.code(0).stdout.starts_with("No changes. 1 service is as declared.\n"), "{plan}");
        self.lab.hl(&["drift"]).code(0);
        self.lab.hl(&["verify"]).code(0);
    }

    /// What a command in `web` says.
    fn web(&self, command: &str) -> String {
        self.engine.exec(&self.lab.name("sample-lab-m-web-1"), &["sh", "-c", command]).1
    }

    /// The id of a container and when it was started.
    fn seen(&self, container: &str) -> (Value, Value) {
        let found = self.engine.inspect(&self.lab.name(&format!("sample-lab-m-{container}-1")));
        (found["Id"].clone(), found["State"]["StartedAt"].clone())
    }
}

fn a_file_that_left_the_repository_leaves_the_node() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro", "./one.conf:/one.conf:ro"]);
    for path in ["conf.d/a.conf", "conf.d/b.conf", "conf.d/sub/deep/c.conf", "one.conf"] {
        lab.file(path, "x\n");
    }
    lab.settle();
    let (web, side) = (lab.seen("web"), lab.seen("side"));

    lab.remove("conf.d/b.conf");
    lab.remove("conf.d/sub");
    let plan = lab.lab.hl(&["plan"]);
    plan.says("- box/m/file:[LAB]/live/conf.d/b.conf").says("no longer declared").says("↻ box/m/container:web");
    lab.settle();
    assert_eq!(lab.web("ls /etc/web"), "a.conf\n");
    assert!(!lab.node("conf.d/sub").exists() && lab.node("conf.d/a.conf").exists());
    assert_eq!((lab.seen("web").0, lab.seen("side")), (web.0, side.clone()));
    assert_ne!(lab.seen("web").1, web.1, "it has read what is there now");

    // A single file goes after the container that has it mounted.
    lab.declare(&["./conf.d:/etc/web:ro"]);
    lab.remove("one.conf");
    lab.settle();
    assert!(!lab.node("one.conf").exists());
    // A folder that is mounted no more goes with all of its files.
    lab.declare(&[]);
    lab.remove("conf.d");
    lab.settle();
    assert!(!lab.node("conf.d").exists());
    assert_eq!(lab.seen("side"), side);
    lab.lab.hl(&["state", "list"]).never_says("file:");
}

fn a_file_that_was_changed_on_the_node_stays_and_is_told() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro"]);
    lab.file("conf.d/a.conf", "a\n");
    lab.file("conf.d/b.conf", "b\n");
    lab.settle();
    let side = lab.seen("side");
    std::fs::write(lab.node("conf.d/b.conf"), "somebody's\n").expect("it can be written");
    lab.remove("conf.d/b.conf");
    lab.lab.hl(&["plan"]).says_in_words("b.conf was changed on box after hl wrote it, so it stays there");
    lab.settle();
    assert_eq!(lab.web("cat /etc/web/b.conf"), "somebody's\n");
    // What somebody else put beside it keeps the folder.
    std::fs::write(lab.node("conf.d/own"), "").expect("it can be written");
    lab.declare(&[]);
    lab.remove("conf.d");
    lab.settle();
    assert!(!lab.node("conf.d/a.conf").exists() && lab.node("conf.d/own").exists());
    assert_eq!(lab.seen("side"), side);
}

fn a_service_that_goes_takes_its_files_along() {
    let lab = Lab::with(&["./conf.d:/etc/web:ro"]);
    lab.file("conf.d/a.conf", "a\n");
    lab.file("env.example", "TOKEN=\n");
    lab.service("env: { generate: { TOKEN: { length: 12 } } }\n");
    lab.settle();
    let env = lab.lab.node_root().join("config/m/.env");
    assert!(env.exists());
    lab.lab.hl(&["delete", "m", "--yes"]).code(0).says_in_words("config/m/.env stays on box");
    assert!(env.exists() && !lab.node("").exists());
    assert!(lab.engine.containers(&lab.lab.name("sample-lab")).is_empty());
}
