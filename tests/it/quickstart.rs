//! The quickstart, as a person runs it: `run.sh` from the repository, twice, some changes, and `run.sh clean`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(the_quickstart_works_and_the_readme_shows_its_plan, needs Engine)];

/// Its containers have fixed names, so only one of it can be on an engine. What a test that was killed left there is
/// removed first; what a failing one leaves, at its end.
struct Quickstart<'a> {
    lab: &'a Homelab,
    engine: &'a Engine,
}

impl Quickstart<'_> {
    fn root(&self) -> PathBuf {
        self.lab.scratch("quickstart")
    }

    fn settle(&self, mut command: Command) -> Command {
        self.lab.settle(&mut command);
        command.env("DOCKER_HOST", self.engine.address()).env("HL_QUICKSTART_ROOT", self.root());
        command.env("HL", env!("CARGO_BIN_EXE_hl"));
        command
    }

    fn run_sh(&self, arguments: &[&str]) -> Output {
        let mut command = self.settle(Command::new(repository().join("examples/quickstart/run.sh")));
        command.args(arguments).output().expect("run.sh runs")
    }

    /// A line of shell in the folder of the homelab that `run.sh` made.
    fn shell(&self, line: &str) -> String {
        let mut command = self.settle(Command::new("sh"));
        command.current_dir(self.root().join("homelab")).args(["-eu", "-c", line]);
        succeeded(line, &command.output().expect("a shell runs"))
    }

    fn own(&self) -> Vec<String> {
        self.engine.owned(|name| name.starts_with("quickstart") || name.starts_with("hl-quickstart"))
    }
}

impl Drop for Quickstart<'_> {
    fn drop(&mut self) {
        self.run_sh(&["clean"]);
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn succeeded(what: &str, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out
}

/// What the README shows below `$ hl plan`.
fn shown_plan() -> String {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let (_, rest) = readme.split_once("$ hl plan\n").expect("the README shows a plan");
    rest.split_once("```").expect("the plan ends").0.to_owned()
}

fn the_quickstart_works_and_the_readme_shows_its_plan() {
    let (engine, lab) = (Engine::connect(), Homelab::without_engine());
    let quickstart = Quickstart { lab: &lab, engine: &engine };
    succeeded("run.sh clean", &quickstart.run_sh(&["clean"]));
    assert_eq!(quickstart.own(), [""; 0]);

    let first = succeeded("run.sh", &quickstart.run_sh(&[]));
    assert!(first.contains("hl-quickstart/busybox:1"), "{first}");
    assert!(first.contains("No changes."), "{first}");
    let containers = quickstart.own();
    let second = succeeded("run.sh, again", &quickstart.run_sh(&[]));
    assert_eq!(second.matches("No changes.").count(), 3, "{second}");
    assert_eq!(quickstart.own(), containers);

    let env = quickstart.root().join("node/config/db/.env");
    let secret = std::fs::read_to_string(env).expect("the secret was generated");
    let secret = secret.lines().find_map(|line| line.strip_prefix("DB_RESET_TOKEN=")).expect("it has a value");
    assert_eq!(secret.len(), 32);
    assert!(!first.contains(secret) && !second.contains(secret));

    quickstart.shell("sed -i 's/Hello from/Greetings from/' inventory/topology.yaml");
    quickstart.shell("sed -i 's/600;$/700;/' services/web/www/style.css");
    quickstart.shell("sed -i 's/^DB_RESET_TOKEN=.*/DB_RESET_TOKEN=another/' ../node/config/db/.env");
    quickstart.shell("docker update --restart no quickstart-db");
    assert_eq!(quickstart.shell("$HL plan"), shown_plan());
    quickstart.shell("$HL apply --yes");
    assert!(quickstart.shell("$HL plan").starts_with("No changes."));

    let cleaned = succeeded("run.sh clean", &quickstart.run_sh(&["clean"]));
    assert_eq!(quickstart.own(), [""; 0], "{cleaned}");
    assert!(!quickstart.root().exists());
}
