//! Answers of an engine about its machine and its objects, for checks before anything changes.

use async_trait::async_trait;

use super::NodeError;
use crate::model::spec::ImageRef;

/// Questions that the live view does not answer, because few commands ask them. They only read.
#[async_trait]
pub trait Capabilities: Send + Sync {
    /// The version of the engine, such as `28.5.2`.
    async fn engine_version(&self) -> Result<String, NodeError>;

    /// The platform of the machine, `os/arch`.
    async fn platform(&self) -> Result<String, NodeError>;

    /// The platform of an image, `os/arch[/variant]`; `None` if there is no such image.
    async fn image_platform(&self, reference: &ImageRef) -> Result<Option<String>, NodeError>;

    /// Bytes of memory that a container uses, without what the system would give back when asked; 0 where the engine does not
    /// tell.
    async fn memory_used(&self, container: &str) -> Result<u64, NodeError>;

    /// Where on the machine a volume has its data; `None` if there is no such volume.
    async fn volume_folder(&self, name: &str) -> Result<Option<String>, NodeError>;
}
