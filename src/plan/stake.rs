//! What becomes of data when a change is made.

use crate::model::NodeName;
use crate::model::spec::MountKind;

/// Data that a change destroys, leaves behind or no longer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stake {
    /// A volume is made anew, which destroys its data.
    VolumeRemade {
        /// Its real name.
        volume: String,
    },
    /// A volume is removed with its data.
    VolumeRemoved {
        /// Its real name.
        volume: String,
    },
    /// A volume that is no longer declared stays with its data.
    VolumeStays {
        /// Its real name.
        volume: String,
        /// The node that it is on.
        node: NodeName,
    },
    /// A folder or file that is no longer declared stays with all that is in it.
    PathStays {
        /// Its path below the node's root.
        path: String,
        /// The node that it is on.
        node: NodeName,
    },
    /// A folder that was copied to another node stays on the old one under another name.
    FolderRetired {
        /// Its path below the node's root, before.
        path: String,
        /// The old node.
        node: NodeName,
    },
    /// A volume that was copied to another node stays on the old one.
    VolumeRetired {
        /// Its real name.
        volume: String,
        /// The old node.
        node: NodeName,
    },
    /// What a move left behind is removed with all that is in it.
    RemnantRemoved,
    /// What a container had mounted is no longer mounted.
    MountDropped {
        /// Where it was mounted in the container.
        target: String,
        /// What was mounted.
        source: MountKind,
    },
    /// Something else is mounted in the same place.
    MountRepointed {
        /// Where, in the container.
        target: String,
        /// What was mounted.
        from: MountKind,
        /// What will be.
        to: MountKind,
    },
}
