//! Errors of data: the node, the task, and the reason.

use crate::model::NodeName;
use crate::model::size::about_bytes;
use crate::model::spec::{DataPlace, ImageRef};
use crate::node::NodeError;

/// A failure to copy, check or remove data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A node's own failure.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The state of the data or of the machine does not allow the task.
    #[error("{node}: {what}: {kind}")]
    Refused {
        /// The node.
        node: NodeName,
        /// The task.
        what: Task,
        /// The reason.
        kind: Box<Refusal>,
    },
}

/// A task with data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Task {
    /// Any of them: the node cannot do the first thing that is needed.
    #[error("copy data")]
    Any,
    /// To find a place.
    #[error("find {0}")]
    Find(DataPlace),
    /// To put data in a directory.
    #[error("put data in {0}")]
    Put(String),
    /// To read a directory here and write it there.
    #[error("copy {0}")]
    Copy(String),
    /// To compare a copy.
    #[error("compare {0}")]
    Compare(String),
    /// To find space on the disk.
    #[error("make room")]
    Space,
    /// To find memory.
    #[error("make room in memory")]
    Memory,
    /// To find what is mounted besides the data.
    #[error("look for what it mounts")]
    Mounts,
    /// To find images that the machine can run.
    #[error("look at the images")]
    Images,
}

/// The reason of a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The node that data comes from cannot be asked.
    #[error("hl is not connected to it")]
    NotConnected,
    /// There is no way to the files of this kind of node.
    #[error("its files cannot be reached")]
    NoFiles,
    /// This kind of node tells nothing of its machine.
    #[error("its engine tells nothing of its machine")]
    NoCapabilities,
    /// The volume does not exist.
    #[error("there is no such volume")]
    NoVolume,
    /// Other data is where the copy is to be.
    #[error(
        "other data is already there, not a copy of {source_directory} on {source_node}; move it away or remove it"
    )]
    Occupied {
        /// The directory that would have been copied.
        source_directory: String,
        /// The node that has it.
        source_node: NodeName,
    },
    /// The stream between the nodes broke.
    #[error("{0}")]
    Broken(#[source] std::io::Error),
    /// The copy differs from the source.
    #[error("the copy is not equal to {source_directory} on {source_node}")]
    Unequal {
        /// The directory that was copied.
        source_directory: String,
        /// The node that has it.
        source_node: NodeName,
    },
    /// The disk is too full.
    #[error("{} are free in {mount_point}, and {} are to be copied", about_bytes(*free), about_bytes(*needed))]
    NoSpace {
        /// Where the file system is mounted.
        mount_point: String,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to be copied.
        needed: u64,
    },
    /// The memory is too full.
    #[error("{} of memory are free, and it uses {} on {source_node}", about_bytes(*free), about_bytes(*used))]
    NoMemory {
        /// Bytes that are free.
        free: u64,
        /// Bytes that the containers use now.
        used: u64,
        /// The node on which they do.
        source_node: NodeName,
    },
    /// A mounted path exists on the old node only, and would be an empty directory on the new one.
    #[error(
        "{path}, which it mounts, is on {source_node} and does not come along, since it is not below its data; copy it first"
    )]
    MountStays {
        /// The path.
        path: String,
        /// The node that has it.
        source_node: NodeName,
    },
    /// An image is made for another machine.
    #[error("{image} is made for {platform}, and the machine is {machine}")]
    OtherPlatform {
        /// The image.
        image: ImageRef,
        /// The platform of the image, `os/arch[/variant]`.
        platform: String,
        /// The platform of the machine, `os/arch`.
        machine: String,
    },
}
