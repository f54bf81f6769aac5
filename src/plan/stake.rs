//! Effects of a change on data.

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
    /// A file that hl wrote, that somebody changed there, and that is no longer declared stays.
    ChangedFileStays {
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
    /// A leftover of a move is removed with all its contents.
    RemnantRemoved,
    /// A container no longer has a mount that it had.
    MountDropped {
        /// The target path in the container.
        target: String,
        /// The old mount source.
        source: MountKind,
    },
    /// The mount source at a target changes.
    MountRepointed {
        /// The target path in the container.
        target: String,
        /// The old mount source.
        from: MountKind,
        /// The new mount source.
        to: MountKind,
    },
}

/// The outcome of a change for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataOutcome {
    /// It stays, and nothing that runs loses sight of it.
    Kept,
    /// It is destroyed, or a container no longer sees it.
    AtStake,
}

impl Stake {
    /// The outcome for the data.
    pub fn outcome(&self) -> DataOutcome {
        match self {
            Stake::VolumeStays { .. }
            | Stake::PathStays { .. }
            | Stake::ChangedFileStays { .. }
            | Stake::FolderRetired { .. }
            | Stake::VolumeRetired { .. } => DataOutcome::Kept,
            Stake::VolumeRemade { .. }
            | Stake::VolumeRemoved { .. }
            | Stake::RemnantRemoved
            | Stake::MountDropped { .. }
            | Stake::MountRepointed { .. } => DataOutcome::AtStake,
        }
    }
}
