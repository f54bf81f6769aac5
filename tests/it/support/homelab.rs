//! A homelab for one test: a repository in a folder of its own, `hl` run in it, and nothing left at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::engine::Engine;
use super::outcome::Outcome;
use super::prefix::{self, STAND_IN};

/// A repository with a topology of one node, `box`, which is the private engine; or without any node.
///
/// In each path and text that a test writes, `sample-lab` becomes the test's own prefix, so that tests can run at the
/// same time on one engine; in each outcome it is `sample-lab` again.
///
/// When it is dropped, also by a failing test, everything with its prefix goes: containers, networks, volumes, tags,
/// and the folder. `HL_TEST_KEEP=1` keeps the folder and says where it is.
pub struct Homelab {
    prefix: String,
    folder: PathBuf,
    engine: Option<Engine>,
}

/// Containers by name, each with its id and the time of its start: they tell it from one that took its place, and whether it
/// was started in between.
pub type Lives = BTreeMap<String, (String, String)>;

/// Longer than any wait inside of hl that a test provokes.
const PATIENCE: Duration = Duration::from_secs(180);

impl Homelab {
    /// A homelab that has no engine: for what is done on files alone.
    pub fn without_engine() -> Homelab {
        Homelab::new(None)
    }

    /// A homelab whose node `box` is the private engine, with its root in the homelab's folder. What other tests have on
    /// that engine is nothing to it.
    pub fn on(engine: &Engine) -> Homelab {
        let lab = Homelab::new(Some(engine.clone()));
        lab.reach_by(&engine.address(), "");
        lab
    }

    /// Has hl reach the node `box` at an address; `more` are further members of its entry, each after a comma.
    pub fn reach_by(&self, address: &str, more: &str) {
        let root = self.node_root();
        let node = format!("{{ address: \"{address}\", root: \"{}\", undeclared: ignore{more} }}", root.display());
        self.write("inventory/topology.yaml", &format!("version: 1\nname: home\nnodes:\n  box: {node}\n"));
    }

    /// Has the plans of the node `box` look at what nothing declares, such as what other tests have on its engine.
    pub fn report_undeclared(&self) {
        let path = "inventory/topology.yaml";
        let topology = std::fs::read_to_string(self.repository().join(path)).expect("there is a topology");
        self.write(path, &topology.replace("undeclared: ignore", "undeclared: report"));
    }

    fn new(engine: Option<Engine>) -> Homelab {
        remove_left_folders();
        let prefix = prefix::unique();
        let folder = base().join(&prefix);
        // The number of a process comes round again; what has this prefix now is a dead one's.
        std::fs::remove_dir_all(&folder).ok();
        if let Some(engine) = &engine {
            engine.sweep(|name| name.starts_with(&prefix));
        }
        let lab = Homelab { prefix, folder, engine };
        std::fs::create_dir_all(lab.repository()).expect("the test's folder can be made");
        std::fs::create_dir_all(lab.home()).expect("the test's home can be made");
        std::fs::create_dir_all(lab.runtime()).expect("a folder can be made");
        lab
    }

    /// The name that a test's `sample-lab-NAME` really has.
    pub fn name(&self, name: &str) -> String {
        name.replace(STAND_IN, &self.prefix)
    }

    /// The folder of all that the test has.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the repository.
    pub fn repository(&self) -> PathBuf {
        self.folder.join("repo")
    }

    /// The folder for what lives as long as a process does.
    fn runtime(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// What processes have in the folder for what lives as long as they do.
    pub fn held(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.runtime()).expect("the folder is there");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    /// The folder that is `/opt/homelab` for the node `box`.
    pub fn node_root(&self) -> PathBuf {
        self.folder.join("box")
    }

    /// A path for a socket or another thing that is neither in the repository nor on a node.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file of the repository; its folders are made. A file called `*.sh` can be executed.
    pub fn write(&self, path: &str, text: &str) -> &Homelab {
        use std::os::unix::fs::PermissionsExt;
        let file = self.repository().join(self.name(path));
        std::fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder can be made");
        std::fs::write(&file, self.name(text)).expect("a file can be written");
        if path.ends_with(".sh") {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("a mode can be set");
        }
        self
    }

    /// Has git track what is in the repository now: nothing of it is a secret then.
    pub fn track(&self) -> &Homelab {
        for arguments in [&["init", "--quiet"][..], &["add", "--all"]] {
            let mut command = Command::new("git");
            command.args(arguments);
            self.settle(&mut command);
            assert!(command.output().expect("git runs").status.success(), "git {arguments:?}");
        }
        self
    }

    /// A clone of the repository, without what was recorded.
    pub fn copy_repository(&self, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder can be made");
        let from = self.repository();
        let status =
            Command::new("cp").arg("-a").arg(from.join("inventory")).arg(from.join("services")).arg(to).status();
        assert!(status.expect("cp runs").success());
    }

    /// Writes a file of a clone that is there already.
    pub fn write_in(&self, clone: &Path, path: &str, text: &str) {
        std::fs::write(clone.join(path), self.name(text)).expect("a file can be written");
    }

    /// Copies a folder of texts into the repository.
    pub fn copy(&self, from: &Path, to: &str) -> &Homelab {
        for entry in std::fs::read_dir(from).expect("the folder is there").map(|entry| entry.expect("an entry")) {
            let path = format!("{to}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.copy(&entry.path(), &path);
            } else {
                self.write(&path, &std::fs::read_to_string(entry.path()).expect("a text"));
            }
        }
        self
    }

    /// Runs hl in the repository with these arguments, and waits for its end.
    #[track_caller]
    pub fn hl(&self, arguments: &[&str]) -> Outcome {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        let output = command.timeout(PATIENCE).output().expect("hl runs");
        Outcome::new(format!("hl {}", arguments.join(" ")), &output, |text| self.stand_in(text))
    }

    /// Starts hl, for a test that does something meanwhile; [`Homelab::end`] waits for its end.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("hl runs")
    }

    /// Waits for the end of an hl that was started.
    pub fn end(&self, child: Child) -> Outcome {
        let output = child.wait_with_output().expect("it ends");
        Outcome::new("hl".to_owned(), &output, |text| self.stand_in(text))
    }

    /// Runs hl by another program, whose last arguments are hl's own.
    pub fn hl_under(&self, mut program: Command, arguments: &[&str]) -> Outcome {
        let hl = self.command(arguments);
        program.arg(hl.get_program()).args(hl.get_args());
        self.settle(&mut program);
        let output = program.output().expect("the program runs");
        Outcome::new(self.stand_in(&format!("{program:?}")), &output, |text| self.stand_in(text))
    }

    /// The command that [`Homelab::hl`] runs, for a test that wants to do something else with it. Its environment
    /// holds nothing of the caller's but the path to programs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hl"));
        command.args(arguments.iter().map(|argument| self.name(argument)));
        self.settle(&mut command);
        command
    }

    /// Gives a program the folder and the environment that hl has here.
    pub fn settle(&self, command: &mut Command) {
        command.current_dir(self.repository()).env_clear().env("HOME", self.home()).env("TERM", "dumb");
        command.env("XDG_RUNTIME_DIR", self.runtime());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.programs().display()));
    }

    /// Makes a program, a script for `sh`, that comes before the machine's own of that name.
    pub fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(self.programs()).expect("a folder can be made");
        let file = self.programs().join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{text}")).expect("a file can be written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("a mode can be set");
    }

    fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The containers of the homelab that the engine has.
    pub fn lives(&self) -> Lives {
        let engine = self.engine.as_ref().expect("the homelab has an engine");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let of = |name: String| {
            let found = engine.inspect(&name);
            (self.stand_in(&name), (text(&found["Id"]), text(&found["State"]["StartedAt"])))
        };
        engine.containers(&self.prefix).into_iter().map(of).collect()
    }

    /// Puts stand-ins for what differs from run to run.
    pub fn stand_in(&self, text: &str) -> String {
        text.replace(&self.folder.display().to_string(), "[LAB]").replace(&self.prefix, STAND_IN)
    }

    /// The home folder of whoever runs hl.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }
}

impl Drop for Homelab {
    fn drop(&mut self) {
        if let Some(engine) = &self.engine {
            // A second panic while a failing test unwinds would abort the whole binary and hide the first.
            let prefix = &self.prefix;
            let swept = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                engine.sweep(|name| name.starts_with(prefix));
            }));
            assert!(swept.is_ok() || std::thread::panicking(), "the test's containers could not be removed");
        }
        if std::env::var("HL_TEST_KEEP").is_ok_and(|value| value == "1") {
            eprintln!("kept {}", self.folder.display());
        } else {
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// Sends a signal to a program that a test has started.
pub fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a number");
    kill_process(pid, signal).expect("it is there");
}

/// The folder of all tests' folders, one a user. Short, since sockets are made below it.
fn base() -> PathBuf {
    use std::os::unix::fs::MetadataExt;
    let user = std::fs::metadata("/proc/self").expect("there is /proc").uid();
    std::env::temp_dir().join(format!("hl-test-{user}"))
}

/// Removes the folders of tests whose process is gone.
fn remove_left_folders() {
    let entries = std::fs::read_dir(base()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| prefix::is_leftover(&entry.file_name().to_string_lossy())) {
        std::fs::remove_dir_all(entry.path()).ok();
    }
}

/// Whether a folder of that prefix is there, for the test of the cleaning itself.
pub fn folder_of(prefix: &str) -> Option<PathBuf> {
    Some(base().join(prefix)).filter(|folder| Path::new(folder).exists())
}
