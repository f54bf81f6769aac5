//! A node in memory that follows the engine's documented rules and can fail on purpose.
//!
//! It serves tests (whole applies without an engine, cut at any call), rehearsals and benchmarks of
//! many nodes. What it does not simulate: time, bytes on disk, what programs do.

mod engine;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::error::{ErrorKind, NodeError};
use super::{
    ApiVersion, EngineInfo, FileWrite, LockGuard, LockHolder, NewContainer, Node, Progress, Script, ScriptEnd,
    ScriptOutcome,
};
use crate::model::NodeName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerSpec, DirectorySpec, ImageRef, NetworkSpec, VolumeSpec,
};
use crate::model::view::{FileKind, LiveContainer, LiveFile, LiveFiles, LiveNode, WantContent, Wanted};

pub use world::{Behaviour, World};

/// A node in memory.
#[derive(Debug)]
pub struct Simulated {
    name: NodeName,
    world: Mutex<World>,
    left: Mutex<Option<usize>>,
}

impl Simulated {
    /// A node of this name with what `world` has.
    pub fn new(name: NodeName, world: World) -> Self {
        Self { name, world: Mutex::new(world), left: Mutex::new(None) }
    }

    /// Lets so many changing calls through, and fails every one after them as if the link were cut.
    /// `None` mends it.
    pub fn cut_after(&self, calls: Option<usize>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = calls;
    }

    /// What is on it now, to look at or to disturb from outside.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(
        &self,
        what: impl FnOnce() -> String,
        change: impl FnOnce(&mut World) -> Result<T, ErrorKind>,
    ) -> Result<T, NodeError> {
        let error = |kind, what: String| NodeError { node: self.name.clone(), what, kind };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.as_mut() {
            Some(0) => {
                let kind = ErrorKind::Unreachable { why: "the link was cut".to_owned(), hint: String::new() };
                return Err(error(kind, what()));
            }
            Some(n) => *n -= 1,
            None => {}
        }
        change(&mut self.world()).map_err(|kind| error(kind, what()))
    }
}

#[async_trait]
impl Node for Simulated {
    fn name(&self) -> &NodeName {
        &self.name
    }

    async fn ping(&self) -> Result<EngineInfo, NodeError> {
        Ok(EngineInfo { api_version: ApiVersion::new(1, 41) })
    }

    async fn read_engine(&self) -> Result<LiveNode, NodeError> {
        Ok(self.world().view())
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        let world = self.world();
        let file = |(path, content): (&String, &WantContent)| {
            let file = world.files.get(path)?.clone();
            let content = file.content.filter(|_| *content == WantContent::Yes);
            Some((path.clone(), LiveFile { content, ..file }))
        };
        Ok(LiveFiles { found: wanted.files.iter().filter_map(file).collect(), ..LiveFiles::default() })
    }

    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        self.change(
            || format!("make directory {}", spec.path),
            |world| {
                let old = world.files.get(&spec.path);
                let file = LiveFile {
                    kind: FileKind::Directory,
                    mode: spec.mode.or(old.map(|f| f.mode)).unwrap_or(0o755),
                    owner: spec.owner.clone().or(old.map(|f| f.owner.clone())).unwrap_or_else(|| "0:0".to_owned()),
                    content: None,
                };
                world.files.insert(spec.path.clone(), file);
                Ok(())
            },
        )
    }

    async fn write_file(&self, file: &FileWrite) -> Result<(), NodeError> {
        self.change(
            || format!("write {}", file.path),
            |world| {
                let owner = file.owner.clone().unwrap_or_else(|| "0:0".to_owned());
                let live =
                    LiveFile { kind: FileKind::File, mode: file.mode, owner, content: Some(file.content.clone()) };
                world.files.insert(file.path.clone(), live);
                Ok(())
            },
        )
    }

    async fn read_file(&self, path: &str) -> Result<Option<LiveFile>, NodeError> {
        Ok(self.world().files.get(path).cloned())
    }

    async fn pull_image(&self, reference: &ImageRef, _: Option<&str>, _: Progress<'_>) -> Result<(), NodeError> {
        self.change(|| format!("pull {reference}"), |world| world.pull(reference))
    }

    async fn build_image(&self, reference: &ImageRef, _: &BuildSpec, _: Progress<'_>) -> Result<String, NodeError> {
        self.change(|| format!("build {reference}"), |world| Ok(world.build(reference)))
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String, NodeError> {
        self.change(|| format!("create network {}", spec.name), |world| world.create_network(spec))
    }

    async fn remove_network(&self, network: &str) -> Result<(), NodeError> {
        self.change(|| format!("remove network {network}"), |world| world.remove_network(network))
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), NodeError> {
        self.change(
            || format!("create volume {}", spec.name),
            |world| {
                world.create_volume(spec);
                Ok(())
            },
        )
    }

    async fn remove_volume(&self, name: &str) -> Result<(), NodeError> {
        self.change(|| format!("remove volume {name}"), |world| world.remove_volume(name))
    }

    async fn create_container(&self, container: &NewContainer<'_>) -> Result<String, NodeError> {
        self.change(|| format!("create container {}", container.name), |world| world.create_container(container))
    }

    async fn start_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(|| format!("start container {container}"), |world| world.start(container))
    }

    async fn stop_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(|| format!("stop container {container}"), |world| world.stop(container))
    }

    async fn restart_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(
            || format!("restart container {container}"),
            |world| {
                world.stop(container)?;
                world.start(container)
            },
        )
    }

    async fn unpause_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(|| format!("unpause container {container}"), |world| world.unpause(container))
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), NodeError> {
        self.change(|| format!("rename container {container}"), |world| world.rename(container, name))
    }

    async fn remove_container(&self, container: &str, volumes: AnonymousVolumes) -> Result<(), NodeError> {
        self.change(
            || format!("remove container {container}"),
            |world| {
                world.remove_container(container, volumes);
                Ok(())
            },
        )
    }

    async fn update_container(&self, container: &str, spec: &ContainerSpec) -> Result<(), NodeError> {
        self.change(|| format!("update container {container}"), |world| world.update(container, spec))
    }

    async fn connect_network(&self, container: &str, network: &str, end: &Attachment) -> Result<(), NodeError> {
        self.change(|| format!("connect {container} to {network}"), |world| world.connect(container, network, end))
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<(), NodeError> {
        self.change(|| format!("disconnect {container} from {network}"), |world| world.disconnect(container, network))
    }

    async fn inspect_container(&self, container: &str) -> Result<LiveContainer, NodeError> {
        let world = self.world();
        world.inspect(container).map_err(|kind| NodeError {
            node: self.name.clone(),
            what: format!("inspect container {container}"),
            kind,
        })
    }

    async fn container_log(&self, container: &str, _: usize) -> Result<Vec<String>, NodeError> {
        Ok(vec![format!("the last words of {container}")])
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        let code = i32::from(script.text.contains("exit 1"));
        Ok(ScriptOutcome { end: ScriptEnd::Exited(code), output: Vec::new() })
    }

    async fn lock(&self, _: &str, _: &str) -> Result<LockGuard, NodeError> {
        Ok(LockGuard::new(()))
    }

    async fn lock_holder(&self, _: &str) -> Result<Option<LockHolder>, NodeError> {
        Ok(None)
    }

    async fn break_lock(&self, _: &str) -> Result<(), NodeError> {
        Ok(())
    }
}
