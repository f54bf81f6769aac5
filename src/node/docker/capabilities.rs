//! Properties of the node's machine, as the engine reports them.

use async_trait::async_trait;

use super::engine::escape;
use super::{DockerNode, api_types, read};
use crate::model::spec::ImageRef;
use crate::node::{Capabilities, NodeError};

#[async_trait]
impl Capabilities for DockerNode {
    async fn engine_version(&self) -> Result<String, NodeError> {
        let version: api_types::Version = self.engine.get("ask for the version", "/version").await?;
        Ok(version.version)
    }

    async fn platform(&self) -> Result<String, NodeError> {
        let version: api_types::Version = self.engine.get("ask for the platform", "/version").await?;
        Ok(format!("{}/{}", version.os, version.arch))
    }

    async fn image_platform(&self, reference: &ImageRef) -> Result<Option<String>, NodeError> {
        Ok(read::image(&self.engine, reference.as_str()).await?.map(|image| image.platform))
    }

    async fn memory_used(&self, container: &str) -> Result<u64, NodeError> {
        let path = format!("/containers/{}/stats?stream=false&one-shot=true", escape(container));
        let stats: api_types::Stats = self.engine.get(&format!("ask what {container} uses"), &path).await?;
        // As `docker stats` counts: what is cached of files that nobody uses goes when memory is needed. Cgroups of the
        // first version call it `total_inactive_file`.
        let memory = stats.memory_stats;
        let of_files = ["total_inactive_file", "inactive_file"].iter().find_map(|key| memory.stats.get(*key));
        Ok(memory.usage.saturating_sub(of_files.copied().unwrap_or_default()))
    }

    async fn volume_folder(&self, name: &str) -> Result<Option<String>, NodeError> {
        let (what, path) = (format!("look at volume {name}"), format!("/volumes/{}", escape(name)));
        match self.engine.get::<api_types::Volume>(&what, &path).await {
            Ok(volume) => Ok(volume.mountpoint),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
