//! Steps: one call to one node each, with all that the call needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::homelab::{Condition, HealthScript};
pub use crate::model::spec::AnonymousVolumes;
use crate::model::spec::{
    Attachment, BuildSpec, ContainerSpec, DataPlace, DataSource, DirectorySpec, FileSpec, ImageRef, NetworkSpec,
    VolumeSpec,
};
use crate::model::{Addr, NodeName, ServiceName};

/// The index of a step in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// Steps that stand or fall together: if one of them fails, what the others of the group did is
/// undone. One group is one replacement of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub usize);

/// One call to one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in the plan.
    pub id: StepId,
    /// The node that is called.
    pub node: NodeName,
    /// The service that it is for.
    pub service: ServiceName,
    /// The resource that it is about; `None` for the verification of a whole service.
    pub addr: Option<Addr>,
    /// When in a deployment it belongs.
    pub phase: Phase,
    /// What is called.
    pub call: Call,
    /// What takes it back, if a later step of its groups fails.
    pub undo: Option<Call>,
    /// The group that it belongs to; a failing step undoes its group's done steps, last first.
    pub group: Option<GroupId>,
    /// Further groups that are undone if this step fails: the replacements that a verification covers.
    pub verifies: BTreeSet<GroupId>,
    /// The steps that must be done before.
    pub after: BTreeSet<StepId>,
    /// Whether a failure holds back what comes after.
    pub on_failure: OnFailure,
}

/// Whether a failing step holds back what comes after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It does.
    #[default]
    HoldBack,
    /// It is a warning (an optional dependency).
    GoOn,
}

/// When in a deployment a step belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing that runs is touched: directories, files, images.
    Prepare,
    /// Networks, volumes, containers.
    Deploy,
    /// Health.
    Verify,
    /// What the verified change leaves behind is removed.
    Clean,
}

/// The calls. Containers are named by id where they exist and by name where the plan makes them.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Makes a directory with its parents.
    EnsureDirectory(DirectorySpec),
    /// Writes a file, all or nothing.
    WriteFile(Box<FileSpec>),
    /// Pulls an image.
    PullImage {
        /// Which.
        reference: ImageRef,
        /// `os/arch[/variant]`.
        platform: Option<String>,
    },
    /// Builds an image.
    BuildImage {
        /// The name that it gets.
        reference: ImageRef,
        /// From what.
        build: Box<BuildSpec>,
    },
    /// Makes sure that a service can live here before anything of it is stopped elsewhere: room, memory, no other data in
    /// the place, images for this machine.
    CheckMove {
        /// The node that has it.
        from: NodeName,
        /// What its data is copied from, and where that is to be here.
        data: Vec<(DataSource, DataPlace)>,
        /// Paths that it mounts and that do not come along.
        mounts: Vec<String>,
        /// The images that it is to run here.
        images: Vec<ImageRef>,
        /// Its containers that run there, by id.
        containers: Vec<String>,
    },
    /// Copies data, proves the copy equal, and puts it in its place.
    CopyData {
        /// What it is copied from.
        source: DataSource,
        /// Where it is to be here, where no other data is.
        target: DataPlace,
    },
    /// Takes a copy away that was made before; what has been written to it since is kept.
    DiscardData {
        /// What it was copied from.
        source: DataSource,
        /// The copy.
        target: DataPlace,
    },
    /// Removes a folder with all that is in it.
    RemoveFolder {
        /// Its path.
        path: String,
    },
    /// Gives a folder another name, with the day in it.
    SetAside {
        /// Its path.
        path: String,
    },
    /// Makes a network.
    CreateNetwork(Box<NetworkSpec>),
    /// Removes a network.
    RemoveNetwork {
        /// Its id.
        id: String,
        /// Its name, for people.
        name: String,
    },
    /// Makes a volume.
    CreateVolume(Box<VolumeSpec>),
    /// Removes a volume with its data.
    RemoveVolume {
        /// Its name.
        name: String,
    },
    /// Makes a container, attaches all its networks and copies its files in; does not start it.
    CreateContainer {
        /// The name that it gets now; its final one is in the spec.
        name: String,
        /// What it is.
        spec: Box<ContainerSpec>,
        /// The containers that `service:…` in the spec means: Compose service → name.
        peers: BTreeMap<String, String>,
        /// Anonymous volumes that it takes over from the one it replaces: target → volume.
        carry: BTreeMap<String, String>,
    },
    /// Starts a container.
    StartContainer {
        /// Which.
        container: String,
    },
    /// Stops a container, with its own grace period.
    StopContainer {
        /// Which.
        container: String,
    },
    /// Stops and starts a container.
    RestartContainer {
        /// Which.
        container: String,
    },
    /// Thaws a frozen container.
    UnpauseContainer {
        /// Which.
        container: String,
    },
    /// Gives a container another name.
    RenameContainer {
        /// Which.
        container: String,
        /// The name.
        name: String,
    },
    /// Removes a container, by force; its anonymous volumes go only where asked for.
    RemoveContainer {
        /// Which.
        container: String,
        /// What becomes of its anonymous volumes.
        volumes: AnonymousVolumes,
    },
    /// Changes limits and the restart policy of a container while it runs.
    UpdateContainer {
        /// Which.
        container: String,
        /// The spec that it is to follow; only what the engine's update call takes is sent.
        spec: Box<ContainerSpec>,
    },
    /// Attaches a container to a network.
    ConnectNetwork {
        /// Which.
        container: String,
        /// The network's name.
        network: String,
        /// How.
        attachment: Box<Attachment>,
    },
    /// Detaches a container from a network.
    DisconnectNetwork {
        /// Which.
        container: String,
        /// The network's name, or its id if it is gone.
        network: String,
    },
    /// Waits until a container is what others need of it.
    AwaitContainer {
        /// Which.
        container: String,
        /// What it must be.
        condition: Condition,
        /// Milliseconds until that counts as failed.
        timeout_ms: u64,
    },
    /// Runs the health script of a service on its node until it succeeds.
    RunHealthScript {
        /// The script.
        script: Box<HealthScript>,
        /// The folder that it runs in.
        directory: String,
        /// The service's env file on the node, whose variables it gets.
        env_file: String,
    },
}

/// What a call is for its node, and for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Done at once, or nearly.
    Short,
    /// May take minutes.
    Long,
    /// No work for the node at all: something is waited for, which may need other calls.
    Waiting,
}

impl Call {
    /// What it is for its node.
    pub fn effort(&self) -> Effort {
        match self {
            Call::AwaitContainer { .. } | Call::RunHealthScript { .. } => Effort::Waiting,
            Call::PullImage { .. } | Call::BuildImage { .. } | Call::CheckMove { .. } | Call::CopyData { .. } => {
                Effort::Long
            }
            Call::EnsureDirectory(_)
            | Call::DiscardData { .. }
            | Call::RemoveFolder { .. }
            | Call::SetAside { .. }
            | Call::WriteFile(_)
            | Call::CreateNetwork(_)
            | Call::RemoveNetwork { .. }
            | Call::CreateVolume(_)
            | Call::RemoveVolume { .. }
            | Call::CreateContainer { .. }
            | Call::StartContainer { .. }
            | Call::StopContainer { .. }
            | Call::RestartContainer { .. }
            | Call::UnpauseContainer { .. }
            | Call::RenameContainer { .. }
            | Call::RemoveContainer { .. }
            | Call::UpdateContainer { .. }
            | Call::ConnectNetwork { .. }
            | Call::DisconnectNetwork { .. } => Effort::Short,
        }
    }
}
