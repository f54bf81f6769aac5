//! What an engine tells of its machine and of what it holds, for checks before anything changes.

use async_trait::async_trait;

use super::NodeError;
use crate::model::spec::ImageRef;

/// Questions that the live view does not answer, because few commands ask them. They only read.
#[async_trait]
pub trait Capabilities: Send + Sync {
    /// What the machine runs, `os/arch`.
    async fn platform(&self) -> Result<String, NodeError>;

    /// What an image is made for, `os/arch[/variant]`; `None` if it is not there.
    async fn image_platform(&self, reference: &ImageRef) -> Result<Option<String>, NodeError>;

    /// Bytes of memory that a container uses, without what the system would give back when asked; 0 where the engine does not
    /// tell.
    async fn memory_used(&self, container: &str) -> Result<u64, NodeError>;

    /// Where on the machine a volume has its data; `None` if there is no such volume.
    async fn volume_folder(&self, name: &str) -> Result<Option<String>, NodeError>;
}
