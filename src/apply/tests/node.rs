//! A node for the tests of the loop: it does what it is told to script, and writes down each call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::NodeName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerSpec, DirectorySpec, ImageRef, NetworkSpec, VolumeSpec,
};
use crate::model::view::{FailedCheck, FileKind, Health, LiveContainer, LiveFile, LiveFiles, LiveNode, Status, Wanted};
use crate::node::{
    ApiVersion, EngineInfo, ErrorKind, FileWrite, LockGuard, LockHolder, NewContainer, Node, NodeError, Progress,
    Script, ScriptEnd, ScriptOutcome,
};

/// An event on a node; events are logged in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    Began(String),
    Ended(String),
}

/// The contents of a node and the outcomes of its calls.
#[derive(Default)]
pub struct World {
    pub log: Vec<Happened>,
    pub files: BTreeMap<String, LiveFile>,
    pub containers: BTreeMap<String, LiveContainer>,
    /// Calls about something that is not there any more, by their words.
    pub gone: BTreeSet<String>,
    /// Calls that fail, by their words.
    pub fails: BTreeSet<String>,
    /// How long calls take; others take no time.
    pub delays: BTreeMap<String, Duration>,
    /// The results of the next looks at a container; the last one repeats.
    pub looks: Vec<(Status, Option<Health>, &'static str)>,
    /// The output of the health checks of containers.
    pub failed_check: Option<FailedCheck>,
    /// How the next runs of a script end.
    pub scripts: Vec<ScriptEnd>,
    pub script_environment: BTreeMap<String, String>,
    pub container_log: Vec<String>,
    pub locked: bool,
}

pub struct TestNode {
    pub name: NodeName,
    pub world: Mutex<World>,
}

pub fn live(name: &str, spec: ContainerSpec) -> LiveContainer {
    LiveContainer {
        id: format!("id-{name}"),
        name: name.to_owned(),
        image_id: "sha256:1".to_owned(),
        identity: None,
        status: Status::Created,
        health: None,
        failed_check: None,
        started_at: String::new(),
        restarts: 0,
        created_at: None,
        spec,
        stale_networks: BTreeMap::new(),
        shares_with: BTreeSet::new(),
        namespaces_of: BTreeSet::new(),
        anonymous_volumes: BTreeMap::new(),
        addresses: Default::default(),
    }
}

impl TestNode {
    pub fn new(name: &str) -> Self {
        Self { name: NodeName::new(name).unwrap(), world: Mutex::new(World::default()) }
    }

    pub fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn error(&self, what: &str, kind: ErrorKind) -> NodeError {
        NodeError { node: self.name.clone(), what: what.to_owned(), kind }
    }

    /// A call that takes its time and fails if it is to.
    async fn call(&self, what: String) -> Result<(), NodeError> {
        let delay = {
            let mut world = self.world();
            world.log.push(Happened::Began(what.clone()));
            world.delays.get(&what).copied()
        };
        match delay {
            Some(delay) => tokio::time::sleep(delay).await,
            None => tokio::task::yield_now().await,
        }
        let mut world = self.world();
        world.log.push(Happened::Ended(what.clone()));
        match world.fails.contains(&what) {
            _ if world.gone.contains(&what) => Err(self.error(&what, ErrorKind::NotFound("no such thing".to_owned()))),
            true => Err(self.error(&what, ErrorKind::Conflict("no, hunter2".to_owned()))),
            false => Ok(()),
        }
    }

    fn set_status(&self, container: &str, status: Status) {
        if let Some(live) = self.world().containers.get_mut(container) {
            live.status = status;
        }
    }
}

#[async_trait]
impl Node for TestNode {
    fn name(&self) -> &NodeName {
        &self.name
    }

    async fn ping(&self) -> Result<EngineInfo, NodeError> {
        self.call("ping".to_owned()).await?;
        Ok(EngineInfo { api_version: ApiVersion::new(1, 41), clock_ahead: 0 })
    }

    async fn read_engine(&self) -> Result<LiveNode, NodeError> {
        self.call("read".to_owned()).await?;
        let containers = self.world().containers.values().map(|c| (c.id.clone(), c.clone())).collect();
        Ok(LiveNode { containers, ..LiveNode::default() })
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        let world = self.world();
        let files = world.files.iter().filter(|(path, _)| wanted.files.contains_key(*path));
        let found = files.map(|(path, file)| (path.clone(), file.clone())).collect();
        Ok(LiveFiles { found, ..LiveFiles::default() })
    }

    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        self.call(format!("directory {}", spec.path)).await
    }

    async fn write_file(&self, file: &FileWrite) -> Result<(), NodeError> {
        self.call(format!("write {}", file.path)).await?;
        let live = LiveFile {
            kind: FileKind::File,
            mode: file.mode,
            owner: "0:0".to_owned(),
            content: Some(file.content.clone()),
            entries: None,
        };
        self.world().files.insert(file.path.clone(), live);
        Ok(())
    }

    async fn read_file(&self, path: &str) -> Result<Option<LiveFile>, NodeError> {
        Ok(self.world().files.get(path).cloned())
    }

    async fn pull_image(&self, image: &ImageRef, _: Option<&str>, _: Progress<'_>) -> Result<(), NodeError> {
        self.call(format!("pull {image}")).await
    }

    async fn build_image(&self, image: &ImageRef, _: &BuildSpec, _: Progress<'_>) -> Result<String, NodeError> {
        self.call(format!("build {image}")).await.map(|()| "sha256:1".to_owned())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String, NodeError> {
        self.call(format!("create network {}", spec.name)).await.map(|()| format!("id-{}", spec.name))
    }

    async fn remove_network(&self, network: &str) -> Result<(), NodeError> {
        self.call(format!("remove network {network}")).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), NodeError> {
        self.call(format!("create volume {}", spec.name)).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), NodeError> {
        self.call(format!("remove volume {name}")).await
    }

    async fn create_container(&self, new: &NewContainer<'_>) -> Result<String, NodeError> {
        self.call(format!("create {}", new.name)).await?;
        let made = live(new.name, new.spec.clone());
        let id = made.id.clone();
        self.world().containers.insert(new.name.to_owned(), made);
        Ok(id)
    }

    async fn start_container(&self, container: &str) -> Result<(), NodeError> {
        self.call(format!("start {container}")).await?;
        self.set_status(container, Status::Running);
        Ok(())
    }

    async fn stop_container(&self, container: &str) -> Result<(), NodeError> {
        self.call(format!("stop {container}")).await?;
        self.set_status(container, Status::Exited { code: 0 });
        Ok(())
    }

    async fn restart_container(&self, container: &str) -> Result<(), NodeError> {
        self.call(format!("restart {container}")).await
    }

    async fn unpause_container(&self, container: &str) -> Result<(), NodeError> {
        self.call(format!("unpause {container}")).await
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), NodeError> {
        self.call(format!("rename {container} to {name}")).await
    }

    async fn remove_container(&self, container: &str, _: AnonymousVolumes) -> Result<(), NodeError> {
        self.call(format!("remove {container}")).await?;
        self.world().containers.remove(container);
        Ok(())
    }

    async fn update_container(&self, container: &str, _: &ContainerSpec) -> Result<(), NodeError> {
        self.call(format!("update {container}")).await
    }

    async fn connect_network(&self, container: &str, network: &str, _: &Attachment) -> Result<(), NodeError> {
        self.call(format!("connect {container} to {network}")).await
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<(), NodeError> {
        self.call(format!("disconnect {container} from {network}")).await
    }

    async fn inspect_container(&self, container: &str) -> Result<LiveContainer, NodeError> {
        let mut world = self.world();
        let (status, health, started_at) = match world.looks.len() {
            0 => panic!("nobody said what a look at {container} finds"),
            1 => world.looks[0].clone(),
            _ => world.looks.remove(0),
        };
        let started_at = started_at.to_owned();
        let failed_check = world.failed_check.clone();
        Ok(LiveContainer { status, health, failed_check, started_at, ..live(container, ContainerSpec::default()) })
    }

    async fn container_log(&self, _: &str, lines: usize) -> Result<Vec<String>, NodeError> {
        assert_eq!(lines, 10);
        Ok(self.world().container_log.clone())
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        let mut world = self.world();
        world.script_environment = script.environment.clone();
        assert!(!world.scripts.is_empty(), "one run too many");
        Ok(ScriptOutcome { end: world.scripts.remove(0), output: vec!["curl: hunter2 refused".to_owned()] })
    }

    async fn lock(&self, _: &str, _: &str) -> Result<LockGuard, NodeError> {
        match self.world().locked {
            true => Err(self.error("lock", ErrorKind::Locked(LockHolder::parse("1 - ann@desk")))),
            false => Ok(LockGuard::new(())),
        }
    }

    async fn lock_holder(&self, _: &str) -> Result<Option<LockHolder>, NodeError> {
        Ok(None)
    }

    async fn break_lock(&self, _: &str) -> Result<(), NodeError> {
        Ok(())
    }
}
