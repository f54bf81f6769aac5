//! What an engine tells of its machine, for those who have to know before they change anything.

use async_trait::async_trait;

use super::NodeError;
use crate::model::spec::ImageRef;

/// Questions that the live view has no answer to, because few ask them. All of them only read.
#[async_trait]
pub trait Facts: Send + Sync {
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
