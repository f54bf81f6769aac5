//! Violations of plan invariants.

use crate::model::{Addr, ServiceName};
use crate::plan::step::{GroupId, StepId};

/// Something that does not hold for a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A step's id is not its place, or something names a step that does not exist.
    #[error("there is no step {0:?}")]
    NoSuchStep(StepId),
    /// Steps wait for one another.
    #[error("steps wait for one another: {0:?}")]
    Cycle(Vec<StepId>),
    /// A step can be taken back and belongs to no group, so that nothing ever takes it back.
    #[error("{0:?} has an undo and no group")]
    UndoWithoutGroup(StepId),
    /// A step of a group stops, renames, makes, starts or copies something, and nothing takes that back.
    #[error("{0:?} belongs to a group and cannot be taken back")]
    NoWayBack(StepId),
    /// The undo of a step does not take back what the step does.
    #[error("the undo of {0:?} does not take it back")]
    WrongUndo(StepId),
    /// Two steps of a group act on one container, and no order is between them, so that undoing has none either.
    #[error("{0:?} and {1:?} act on one container and have no order")]
    UndoWithoutOrder(StepId, StepId),
    /// A step verifies a group that has no step.
    #[error("{0:?} verifies {1:?}, which has no step")]
    NoSuchGroup(StepId, GroupId),
    /// Two entries are about one live thing.
    #[error("{0} and {1} are about one thing")]
    TwoEntries(Addr, Addr),
    /// One entry removes what another makes under a new address.
    #[error("{removed} is removed and made again as {created}")]
    RenameNotUnderstood {
        /// The address that vanished.
        removed: Addr,
        /// The one that came.
        created: Addr,
    },
    /// A container starts on data while an earlier one may still run on it.
    #[error("{starts:?} starts on the data of {old} before that has stopped")]
    TwoOnData {
        /// The step that starts the new container.
        starts: StepId,
        /// The name of the old one.
        old: String,
    },
    /// A container starts on data of one that is not declared any more, before that has stopped.
    #[error("{starts:?} starts on the data of {old}, which goes, before that has stopped")]
    DataTakenTooEarly {
        /// The step that starts the new container.
        starts: StepId,
        /// The name of the one that goes.
        old: String,
    },
    /// Data is copied while a container may write to it.
    #[error("{copies:?} copies the data of {container}, which may run")]
    CopiedWhileRunning {
        /// The step that copies.
        copies: StepId,
        /// The name of the container.
        container: String,
    },
    /// Something is taken before the one that has it has given it up.
    #[error("{takes:?} takes {claim:?} before {holder} has given it up")]
    TakenTooEarly {
        /// The step that takes it.
        takes: StepId,
        /// The claim that it takes.
        claim: Claim,
        /// The name of the current holder.
        holder: String,
    },
    /// Something is taken that its holder keeps, and the plan does not object.
    #[error("{takes:?} takes {claim:?}, which {holder} keeps")]
    KeptByHolder {
        /// The step that takes it.
        takes: StepId,
        /// The claim that it takes.
        claim: Claim,
        /// The name of the current holder.
        holder: String,
    },
    /// A hint tells the user to remove a container that hl owns.
    #[error("a hint tells to remove {0}, which hl owns")]
    HintRemovesOwn(String),
    /// A container is removed, and one that shares its namespaces or volumes is left as it is.
    #[error("{owner} is removed, and {sharer}, which shares with it, stays as it is")]
    SharerLeft {
        /// The name of the container that is removed.
        owner: String,
        /// The name of the one that shares with it.
        sharer: String,
    },
    /// A container restarts, and one in its network namespace does not.
    #[error("{owner} restarts, and {sharer} in its network does not")]
    SharerNotRestarted {
        /// The name of the container that restarts.
        owner: String,
        /// The name of the one in its network.
        sharer: String,
    },
    /// A container is removed before one that shared with it is proven to work with its successor.
    #[error("{owner} is removed before {sharer} is verified")]
    OwnerRemovedTooEarly {
        /// The name of the container that is removed.
        owner: String,
        /// The name of the one that shared with it.
        sharer: String,
    },
    /// A network is taken down and made again, and nothing brings the old one back.
    #[error("{0:?} removes a network that is made again, and cannot be taken back")]
    NetworkWithoutUndo(StepId),
    /// A service that was not proven to work is planned and not verified.
    #[error("{0} was not proven to work and is not verified")]
    UnprovenNotVerified(ServiceName),
    /// A path is of another kind than it is to be, and is not replaced.
    #[error("{0:?} meets a path of another kind")]
    PathOfOtherKind(StepId),
    /// A file that hl shipped and that is no longer declared stays on the node.
    #[error("{0} was shipped and stays")]
    ShippedFileStays(Addr),
    /// A mount has a `~` in its source, which no engine resolves.
    #[error("{0} mounts a path with `~`")]
    HomeNotResolved(Addr),
}

/// An exclusive resource of a node: it has one holder at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The name of a container.
    ContainerName(String),
    /// A published port with its protocol.
    Port(String),
    /// A fixed address in a network.
    Address(String),
    /// The name of a network.
    NetworkName(String),
    /// The address range of a network.
    Subnet(String),
    /// The name of a volume.
    VolumeName(String),
}
