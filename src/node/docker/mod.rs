//! A node with a Docker engine: the engine over its socket, files and scripts by the shell.
//!
//! [`DockerNode`] only hands each primitive to whom it belongs: [`read`] and [`inspect`] make the live
//! view of what the engine shows, [`create`] makes bodies of specs, the others are calls.

mod api_types;
mod build;
mod capabilities;
mod container;
mod context;
mod create;
mod credentials;
mod dial;
mod engine;
mod frames;
mod inspect;
mod pull;
mod read;
mod resources;
mod streams;
mod tls;
mod transport;
mod update;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::dial::{ConnectFailed, Dial, Stream, UnixSocket};
use self::engine::{CHANGE, Engine};
pub use self::tls::TlsPort;
use super::shell::{LocalShell, Shell};
use super::{
    Capabilities, ContainerState, EngineInfo, FileWrite, LockGuard, LockHolder, NewContainer, Node, NodeError, Options,
    Progress, Script, ScriptOutcome, Streams, Tools,
};
use crate::model::NodeName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerSpec, DirectorySpec, ImageRef, NetworkSpec, VolumeSpec,
};
use crate::model::view::{LiveContainer, LiveFile, LiveFiles, LiveNode, WantContent, Wanted};

/// A node with an engine, and with files and scripts as far as its shell reaches.
pub struct DockerNode {
    name: NodeName,
    engine: Engine,
    shell: Arc<dyn Shell>,
    /// Docker's `config.json`, for the registries' credentials.
    config: Option<PathBuf>,
}

impl DockerNode {
    /// Connects to the engine at `socket` and makes sure that it answers; files and scripts are this
    /// machine's.
    pub async fn connect(
        name: &NodeName,
        socket: &Path,
        timeout: Duration,
        options: &Options,
    ) -> Result<Self, NodeError> {
        let mut environment = options.script_environment.clone();
        // Docker commands in a script address this node's engine only.
        environment.insert("DOCKER_HOST".to_owned(), format!("unix://{}", socket.display()));
        let (dial, shell) = (Arc::new(UnixSocket::new(socket)), Arc::new(LocalShell::new(name, environment)));
        Self::connect_through(name, dial, shell, timeout, options).await
    }

    /// Connects to the engine that `dial` leads to; files and scripts are those of `shell`.
    pub async fn connect_through(
        name: &NodeName,
        dial: Arc<dyn Dial>,
        shell: Arc<dyn Shell>,
        timeout: Duration,
        options: &Options,
    ) -> Result<Self, NodeError> {
        let engine = Engine::connect(name, dial, timeout).await?;
        Ok(Self { name: name.clone(), engine, shell, config: options.docker_config.clone() })
    }
}

#[async_trait]
impl Node for DockerNode {
    fn name(&self) -> &NodeName {
        &self.name
    }

    async fn ping(&self) -> Result<EngineInfo, NodeError> {
        self.engine.ping("ping the engine", CHANGE).await
    }

    async fn read_engine(&self) -> Result<LiveNode, NodeError> {
        read::read(&self.engine).await
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        self.shell.read_files(wanted).await
    }

    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        self.shell.ensure_directory(spec).await
    }

    async fn write_file(&self, file: &FileWrite) -> Result<(), NodeError> {
        self.shell.write_file(file).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<LiveFile>, NodeError> {
        self.shell.read_file(path, WantContent::Yes).await
    }

    async fn pull_image(
        &self,
        reference: &ImageRef,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), NodeError> {
        pull::pull(&self.engine, self.config.as_deref(), reference, platform, progress).await
    }

    async fn build_image(
        &self,
        reference: &ImageRef,
        build: &BuildSpec,
        progress: Progress<'_>,
    ) -> Result<String, NodeError> {
        build::build(&self.engine, self.shell.as_ref(), self.config.as_deref(), reference, build, progress).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String, NodeError> {
        resources::create_network(&self.engine, spec).await
    }

    async fn remove_network(&self, network: &str) -> Result<(), NodeError> {
        resources::remove_network(&self.engine, network).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), NodeError> {
        resources::create_volume(&self.engine, spec).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), NodeError> {
        resources::remove_volume(&self.engine, name).await
    }

    async fn create_container(&self, new: &NewContainer<'_>) -> Result<String, NodeError> {
        container::create(&self.engine, new).await
    }

    async fn start_container(&self, container: &str) -> Result<(), NodeError> {
        container::start(&self.engine, container).await
    }

    async fn stop_container(&self, container: &str) -> Result<(), NodeError> {
        container::stop(&self.engine, container).await
    }

    async fn restart_container(&self, container: &str) -> Result<(), NodeError> {
        container::restart(&self.engine, container).await
    }

    async fn unpause_container(&self, container: &str) -> Result<(), NodeError> {
        container::unpause(&self.engine, container).await
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), NodeError> {
        container::rename(&self.engine, container, name).await
    }

    async fn remove_container(&self, container: &str, volumes: AnonymousVolumes) -> Result<(), NodeError> {
        container::remove(&self.engine, container, volumes).await
    }

    async fn update_container(&self, container: &str, spec: &ContainerSpec) -> Result<(), NodeError> {
        update::update(&self.engine, container, spec).await
    }

    async fn connect_network(&self, container: &str, network: &str, attachment: &Attachment) -> Result<(), NodeError> {
        container::connect(&self.engine, container, network, attachment).await
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<(), NodeError> {
        container::disconnect(&self.engine, container, network).await
    }

    async fn inspect_container(&self, container: &str) -> Result<LiveContainer, NodeError> {
        read::read_container(&self.engine, container).await
    }

    async fn container_state(&self, container: &str) -> Result<ContainerState, NodeError> {
        Ok(inspect::state(read::inspect_raw(&self.engine, container).await?))
    }

    async fn container_log(&self, container: &str, lines: usize) -> Result<Vec<String>, NodeError> {
        container::log(&self.engine, container, lines).await
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        self.shell.run_script(script).await
    }

    fn capabilities(&self) -> Option<&dyn Capabilities> {
        Some(self)
    }

    fn tools(&self) -> Option<&dyn Tools> {
        self.shell.tools()
    }

    fn streams(&self) -> Option<&dyn Streams> {
        Some(self)
    }

    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError> {
        self.shell.lock(path, holder).await
    }

    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError> {
        self.shell.lock_holder(path).await
    }

    async fn break_lock(&self, path: &str) -> Result<(), NodeError> {
        self.shell.break_lock(path).await
    }
}
