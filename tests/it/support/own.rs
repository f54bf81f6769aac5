//! An engine for one test alone, which it may kill.

use std::path::{Path, PathBuf};
use std::process::Command;

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

    pub fn engine(&self) -> Engine {
        Engine::at(self.folder().join("docker.sock"))
    }

    /// Kills it as a power cut does, and starts it again.
    pub fn cut(&self) {
        self.script("kill");
        self.script("start");
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
