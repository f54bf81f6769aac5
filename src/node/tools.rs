//! Primitives for copying data between nodes: their file trees, and the machines below them.

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::NodeError;
use crate::model::checkup::FolderAccess;

/// The programs by which hl reads, writes and locks files over SSH.
pub const FILE_PROGRAMS: &[&str] =
    &["base64", "dd", "flock", "id", "mv", "readlink", "setsid", "stat", "sync", "timeout", "wc"];

/// The programs by which hl measures and copies the data of services.
pub const DATA_PROGRAMS: &[&str] = &["awk", "df", "du", "find", "rm", "rmdir", "sha256sum", "sort", "tar", "xargs"];

/// A stream out of a node.
pub struct Outgoing {
    /// The bytes.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// How it ended: an error if it failed. To be awaited when all is read.
    pub end: BoxFuture<'static, Result<(), NodeError>>,
}

/// A stream into a node.
pub struct Incoming {
    /// The bytes. Its shutdown tells that all were written.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// How it ended: an error if it failed. To be awaited after the shutdown.
    pub end: BoxFuture<'static, Result<(), NodeError>>,
}

/// The free space of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Where the file system is mounted.
    pub mount_point: String,
    /// Bytes that may be written to it.
    pub bytes: u64,
}

/// Primitives on the file trees of a node. Each does one thing to the paths that it is given and decides nothing.
///
/// They have root's rights where those can be had, because data belongs to the users of containers. Paths are absolute
/// and are seen by everybody on the node.
#[async_trait]
pub trait Tools: Send + Sync {
    /// Bytes that a path takes on the disk, with everything below it; `None` if it does not exist.
    async fn disk_usage(&self, path: &str) -> Result<Option<u64>, NodeError>;

    /// Whether a path does not exist or is a directory without entries.
    async fn is_vacant(&self, path: &str) -> Result<bool, NodeError>;

    /// Whether each of these paths exists, in order.
    async fn exist(&self, paths: &[&str]) -> Result<Vec<bool>, NodeError>;

    /// The digest of a directory: names, kinds, modes, owners, times, targets of links and contents of everything in it.
    /// Equal trees have equal digests, on whichever nodes they are.
    async fn fingerprint(&self, directory: &str) -> Result<String, NodeError>;

    /// Reads a directory as a tar archive (POSIX pax) of `.`. Sparse files stay sparse, links stay links.
    async fn read_tree(&self, directory: &str) -> Result<Outgoing, NodeError>;

    /// Unpacks a tar archive into a directory that is emptied or made first. Owners and modes are those of the archive.
    async fn write_tree(&self, directory: &str) -> Result<Incoming, NodeError>;

    /// Gives a path another name that does not exist yet; the change is on the disk when this returns.
    async fn rename(&self, from: &str, to: &str) -> Result<(), NodeError>;

    /// Removes a directory without entries; one with entries is an error. One that does not exist is removed.
    async fn remove_vacant(&self, directory: &str) -> Result<(), NodeError>;

    /// Removes a file; a directory is an error. One that does not exist is removed.
    async fn remove_file(&self, file: &str) -> Result<(), NodeError>;

    /// Removes paths with everything below them. What does not exist is removed.
    async fn remove(&self, paths: &[&str]) -> Result<(), NodeError>;

    /// Whether each of these programs is there, in order.
    async fn find_programs(&self, programs: &[&str]) -> Result<Vec<bool>, NodeError>;

    /// Whether files can be made in a directory, which need not be there yet. Nothing is made.
    async fn folder_access(&self, directory: &str) -> Result<FolderAccess, NodeError>;

    /// The free space where a path is, or would be made.
    async fn free_space(&self, path: &str) -> Result<FreeSpace, NodeError>;

    /// Bytes of memory that a program can get without taking any from others.
    async fn free_memory(&self) -> Result<u64, NodeError>;
}
