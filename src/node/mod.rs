//! THE ONLY DOOR TO A MACHINE. The live view comes in through it, and every change goes out.
//!
//! A node is an engine, a file system and a shell. [`Node`] has one method for each primitive and
//! makes no decisions: it does not know services, plans, state or what was asked for. [`connect_all`]
//! connects to all nodes and [`refresh()`] reads all of them at once. A caller with other work in the meantime starts
//! with [`begin_refresh`] and names the files later.

mod capabilities;
mod connect;
mod docker;
mod error;
mod reconnecting_reader;
mod refresh;
mod shell;
pub mod simulated;
mod ssh;
mod streams;
mod tools;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::model::NodeName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerSpec, DirectorySpec, ImageRef, NetworkSpec, VolumeSpec,
};
use crate::model::view::{FailedCheck, Health, LiveContainer, LiveFile, LiveFiles, LiveNode, Status};

pub use capabilities::Capabilities;
pub use connect::{Fleet, Options, Reach, connect, connect_all};
pub use error::{ConnectionPhase, ErrorKind, NodeError};
pub use reconnecting_reader::reconnect_lost;
pub use refresh::{Connections, Engines, Refresh, begin_refresh, refresh};
pub use streams::{
    ComposeContainer, Exec, ExecCommand, ExecOutput, Follow, LogPiece, LogPieces, Output, PieceEnd, Running, Starts,
    Streams, WindowSize,
};
pub use tools::{DATA_PROGRAMS, FILE_PROGRAMS, FreeSpace, Incoming, Outgoing, Tools};

pub use crate::model::view::{WantContent, Wanted};

/// A machine: one method for each thing that can be done to it, none of which decides anything.
///
/// Containers are named by name or id. Every method either does all of what it says or fails with a
/// [`NodeError`] that names the node and what was tried; each has a time-out of its own.
#[async_trait]
pub trait Node: Send + Sync {
    /// Its name in the topology.
    fn name(&self) -> &NodeName;

    /// Asks the engine whether it is there; costs next to nothing.
    async fn ping(&self) -> Result<EngineInfo, NodeError>;

    /// Reads all that the engine has; the answer has no files. Only GET requests: nothing on the node
    /// changes. A container that vanishes meanwhile is left out.
    async fn read_engine(&self) -> Result<LiveNode, NodeError>;

    /// Reads those of the wanted files that are there.
    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError>;

    /// Reads what the engine has and the wanted files, at once.
    async fn read(&self, wanted: &Wanted) -> Result<LiveNode, NodeError> {
        let (live, files) = tokio::try_join!(self.read_engine(), self.read_files(wanted))?;
        Ok(LiveNode {
            files: files.found,
            not_writable: files.not_writable,
            unreadable: files.unreadable,
            retained_dirs: files.retained_dirs,
            home: files.home,
            ..live
        })
    }

    /// Makes a directory with its parents, which get mode 0755; sets owner and mode where the spec
    /// has them. A directory that is there already keeps what the spec does not name.
    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError>;

    /// Puts a file in place, all or nothing: what a reader sees is the old file or the new one, with
    /// its mode and owner from the first moment. Does not make its directory.
    async fn write_file(&self, file: &FileWrite) -> Result<(), NodeError>;

    /// Reads a file; `None` if there is none.
    async fn read_file(&self, path: &str) -> Result<Option<LiveFile>, NodeError>;

    /// Pulls an image, with the registry's own words when it refuses. `platform` is `os/arch[/variant]`.
    async fn pull_image(
        &self,
        reference: &ImageRef,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), NodeError>;

    /// Builds an image from a folder on the node or an address, names it, and gives its id.
    async fn build_image(
        &self,
        reference: &ImageRef,
        build: &BuildSpec,
        progress: Progress<'_>,
    ) -> Result<String, NodeError>;

    /// Makes a network and gives its id.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String, NodeError>;

    /// Removes a network by id or name. One that is gone already is removed.
    async fn remove_network(&self, network: &str) -> Result<(), NodeError>;

    /// Makes a volume. One of this name that is there already is left as it is.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), NodeError>;

    /// Removes a volume with its data. One that is gone already is removed.
    async fn remove_volume(&self, name: &str) -> Result<(), NodeError>;

    /// Makes a container, attaches all its networks, copies its files in, and gives its id; does not
    /// start it. When any of that fails, what was made is removed again.
    async fn create_container(&self, container: &NewContainer<'_>) -> Result<String, NodeError>;

    /// Starts a container; one that runs already is started.
    async fn start_container(&self, container: &str) -> Result<(), NodeError>;

    /// Stops a container within its own grace period; one that does not run is stopped.
    async fn stop_container(&self, container: &str) -> Result<(), NodeError>;

    /// Stops and starts a container.
    async fn restart_container(&self, container: &str) -> Result<(), NodeError>;

    /// Thaws a frozen container; one that is not frozen is thawed.
    async fn unpause_container(&self, container: &str) -> Result<(), NodeError>;

    /// Gives a container another name.
    async fn rename_container(&self, container: &str, name: &str) -> Result<(), NodeError>;

    /// Removes a container by force. One that is gone already is removed.
    async fn remove_container(&self, container: &str, volumes: AnonymousVolumes) -> Result<(), NodeError>;

    /// Makes the limits and the restart policy of a container follow a spec while it runs. Reads
    /// back what the engine made of it, since the engine says yes to what it ignores.
    async fn update_container(&self, container: &str, spec: &ContainerSpec) -> Result<(), NodeError>;

    /// Attaches a container to a network, with all the names that the attachment lists.
    async fn connect_network(&self, container: &str, network: &str, attachment: &Attachment) -> Result<(), NodeError>;

    /// Detaches a container from a network, by name or, if the network is gone, by its old id.
    async fn disconnect_network(&self, container: &str, network: &str) -> Result<(), NodeError>;

    /// One container as it is now.
    async fn inspect_container(&self, container: &str) -> Result<LiveContainer, NodeError>;

    /// Whether a container runs and works. Costs less than looking at all of it, for who waits.
    async fn container_state(&self, container: &str) -> Result<ContainerState, NodeError> {
        let live = self.inspect_container(container).await?;
        let LiveContainer { name, status, health, failed_check, started_at, restarts, .. } = live;
        Ok(ContainerState { name, status, health, failed_check, started_at, restarts })
    }

    /// The last lines that a container wrote, oldest first. May hold secrets.
    async fn container_log(&self, container: &str, lines: usize) -> Result<Vec<String>, NodeError>;

    /// Runs a script until it ends or its time is up; in the latter case it and all that it started
    /// is killed. A script that fails is an outcome, not an error.
    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError>;

    /// Questions to the engine beyond the live view; none where it answers none.
    fn capabilities(&self) -> Option<&dyn Capabilities> {
        None
    }

    /// Primitives on its file trees, as copying data needs them; none where files cannot be reached.
    fn tools(&self) -> Option<&dyn Tools> {
        None
    }

    /// Logs that are followed and commands in containers; none where it has no engine that runs anything.
    fn streams(&self) -> Option<&dyn Streams> {
        None
    }

    /// Takes the node's lock, which is held until the guard is dropped or this process dies.
    /// [`ErrorKind::Locked`] if another holds it. `path` is the lock file; its folder must exist. `holder` tells people
    /// who takes it.
    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError>;

    /// The holder of the node's lock, if there is one.
    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError>;

    /// Takes the node's lock away from whoever holds it: the process that does is ended.
    async fn break_lock(&self, path: &str) -> Result<(), NodeError>;
}

/// The engine's description of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// The newest API that it speaks.
    pub api_version: ApiVersion,
    /// By how many seconds its clock is ahead of this machine's; negative if it is behind.
    pub clock_ahead: i64,
}

/// A version of the engine's API, such as 1.41.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Before the dot.
    pub major: u32,
    /// After the dot.
    pub minor: u32,
}

impl ApiVersion {
    /// This version.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Reads `1.41`.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Whether a container runs and works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub status: Status,
    /// The result of Docker's health check; `None` without a health check.
    pub health: Option<Health>,
    /// The last run of the health check, where it failed.
    pub failed_check: Option<FailedCheck>,
    /// When it was started last, as the engine writes it; empty if never.
    pub started_at: String,
    /// How many times its restart policy has started it again since somebody started it.
    pub restarts: u32,
}

/// A file to put in place.
#[derive(Clone, PartialEq, Eq)]
pub struct FileWrite {
    /// Its absolute path.
    pub path: String,
    /// All that is in it. May hold secrets.
    pub content: Vec<u8>,
    /// Mode bits.
    pub mode: u32,
    /// `user:group` in numbers; absent keeps the owner of the file that is replaced, if there is one.
    pub owner: Option<String>,
}

impl fmt::Debug for FileWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileWrite({}, {:04o}, {} bytes)", self.path, self.mode, self.content.len())
    }
}

/// A container to make.
#[derive(Clone, Copy, Debug)]
pub struct NewContainer<'a> {
    /// The name that it gets now; its final one is in the spec.
    pub name: &'a str,
    /// The spec of the container.
    pub spec: &'a ContainerSpec,
    /// The containers that `service:…` in the spec means: Compose service → name.
    pub peers: &'a BTreeMap<String, String>,
    /// Anonymous volumes that it takes over from the one it replaces: target → volume.
    pub inherited_volumes: &'a BTreeMap<String, String>,
}

/// A script to run with `sh`.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// Its text. It reaches the shell by standard input, so it shows up in no process list.
    pub text: String,
    /// The folder that it runs in.
    pub directory: String,
    /// Variables that it gets beside the node's own. May hold secrets.
    pub environment: BTreeMap<String, String>,
    /// When it is killed.
    pub timeout: Duration,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.keys().collect();
        write!(f, "Script({} bytes in {}, variables {names:?})", self.text.len(), self.directory)
    }
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptOutcome {
    /// How.
    pub end: ScriptEnd,
    /// The lines of both outputs; of a long text only the end. May contain secrets.
    pub output: Vec<String>,
}

/// The ways in which a script ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptEnd {
    /// With this exit code; 0 is success.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It was killed because its time was up.
    TimedOut,
}

/// The holder of a node's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// The process on the node that holds it; none if it has not said so yet.
    pub pid: Option<u32>,
    /// The node's boot in which it does.
    pub boot: String,
    /// The description of the holder, for people; may be empty.
    pub words: String,
}

impl LockHolder {
    /// Reads what stands in a lock file: process, boot, words.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.trim().splitn(3, ' ');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        Self { pid: next().parse().ok(), boot: next(), words: next() }
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words.as_str() {
            "" => f.write_str("another hl is at work on it"),
            words => write!(f, "another hl is at work on it: {words}"),
        }
    }
}

/// Holds a node's lock until it is dropped.
pub struct LockGuard {
    _held: Box<dyn Send + Sync>,
    /// Becomes true when the lock is held no longer.
    lost: Option<watch::Receiver<bool>>,
}

impl LockGuard {
    /// A guard that holds the lock as long as `held` lives.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held), lost: None }
    }

    /// The same with a lock that can be lost, which `lost` then tells.
    pub fn that_may_be_lost(held: impl Send + Sync + 'static, lost: watch::Receiver<bool>) -> Self {
        Self { _held: Box::new(held), lost: Some(lost) }
    }

    /// Ends when the lock is held no longer although the guard is there.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        let lost = self.lost.clone();
        async move {
            if let Some(mut lost) = lost
                && lost.wait_for(|lost| *lost).await.is_ok()
            {
                return;
            }
            std::future::pending().await
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockGuard")
    }
}

/// Is told how far a long call is.
pub type Progress<'a> = &'a (dyn Fn(Advance) + Send + Sync);

/// How far a long call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The current step, in a few words.
    pub text: String,
    /// Bytes done and in all, where that is known.
    pub bytes: Option<(u64, u64)>,
}
