//! An engine for one test alone, which it may kill.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::engine::Engine;
use super::homelab::Homelab;

/// A running engine of the test's own; it ends when it is dropped.
pub struct OwnEngine {
    holder: Homelab,
}

impl OwnEngine {
    pub fn start() -> OwnEngine {
        let own = OwnEngine { holder: Homelab::without_engine() };
        own.script("start");
        own
    }

    /// One whose data is on a disk of this size, as `mount -t tmpfs -o size=` has it.
    pub fn with_disk(size: &str) -> OwnEngine {
        let own = OwnEngine { holder: Homelab::without_engine() };
        std::fs::create_dir_all(own.folder()).expect("a folder can be made");
        std::fs::write(own.folder().join("room"), size).expect("a file can be written");
        own.script("start");
        own
    }

    /// Has the disk filled up to the last byte.
    pub fn fill_disk(&self) {
        // It ends with an error when there is no room left, which is what it is for.
        self.on_disk("dd if=/dev/zero of=\"$1\" bs=4096 2>/dev/null || :");
    }

    /// Frees what [`OwnEngine::fill_disk`] took.
    pub fn free_disk(&self) {
        self.on_disk("rm \"$1\"");
    }

    /// Runs a script where the engine is, with the path of a file on its disk.
    fn on_disk(&self, script: &str) {
        let pid = self.process().expect("the engine runs").as_raw_nonzero().to_string();
        let file = self.folder().join("root/ballast");
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--mount", "sh", "-c", script, "sh"]).arg(file);
        assert!(command.status().expect("nsenter runs").success(), "{script}");
    }

    pub fn engine(&self) -> Engine {
        Engine::at(self.folder().join("docker.sock"))
    }

    /// Kills it as a power cut does, and starts it again.
    pub fn cut(&self) {
        self.kill();
        self.start_again();
    }

    /// Kills it as a power cut does.
    pub fn kill(&self) {
        self.script("kill");
    }

    /// Starts it after a kill or an end.
    pub fn start_again(&self) {
        self.script("start");
    }

    /// Sends a signal to the engine's process.
    pub fn send(&self, signal: Signal) {
        kill_process(self.process().expect("the engine runs"), signal).expect("it is there");
    }

    /// Waits until the engine has ended; after a while it is killed, as service managers do.
    pub fn await_end(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.process().is_some() {
            if Instant::now() > until {
                return self.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn process(&self) -> Option<Pid> {
        let data = self.folder().join("root").display().to_string();
        let is_engine = |pid: &i32| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.starts_with("dockerd") && command.contains(&data)
        };
        let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(is_engine).find_map(Pid::from_raw)
    }

    fn folder(&self) -> PathBuf {
        self.holder.scratch("engine")
    }

    #[track_caller]
    fn script(&self, verb: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine.sh");
        let output = Command::new(script).arg(verb).arg(self.folder()).output().expect("the script runs");
        assert!(output.status.success(), "engine.sh {verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        // A second panic while a failing test unwinds would hide the first.
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.script("stop")));
        assert!(stopped.is_ok() || std::thread::panicking(), "the test's engine could not be stopped");
    }
}
