//! Why a plan must not simply be applied.

use crate::model::spec::Port;
use crate::model::view::LiveContainer;
use crate::model::{Addr, NodeName, ProjectName, ServiceName};

/// Something that an apply would destroy or fail at, found before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// A volume cannot be changed, only made anew, and its data would be destroyed.
    VolumeRemade {
        /// The volume.
        addr: Addr,
        /// Its real name.
        volume: String,
    },
    /// A volume is to go, and a container that stays mounts it: it would be lost with it.
    VolumeHeld {
        /// The volume.
        addr: Addr,
        /// Its real name.
        volume: String,
        /// The one that mounts it.
        holder: Holder,
    },
    /// A protected service is no longer declared.
    ProtectedService {
        /// The first resource of it that is left.
        addr: Option<Addr>,
        /// The service.
        service: ServiceName,
    },
    /// A container that stays holds the name that another needs.
    NameTaken {
        /// The container that needs it.
        addr: Addr,
        /// The one that has it.
        holder: Holder,
    },
    /// A container that stays holds a port that another needs.
    PortTaken {
        /// The container that needs it.
        addr: Addr,
        /// The port.
        port: Port,
        /// The one that has it.
        holder: Holder,
    },
    /// A container that stays has an address that another needs.
    AddressTaken {
        /// The container that needs it.
        addr: Addr,
        /// The address.
        address: String,
        /// The real name of the network.
        network: String,
        /// The one that has it.
        holder: Holder,
    },
    /// The interface that a network is to hang on is not on the node.
    ParentMissing {
        /// The network.
        addr: Addr,
        /// The interface.
        parent: String,
        /// The interfaces that the node has.
        there: Vec<String>,
    },
    /// A network of the node, or another one that is to be made there, has addresses that one needs.
    SubnetTaken {
        /// The network that needs them.
        addr: Addr,
        /// Its subnet.
        subnet: String,
        /// The real name of the network that has them.
        network: String,
        /// The service that declares that network, if one does.
        owner: Option<ServiceName>,
    },
    /// An external network or volume is not on the node, and nothing makes it.
    ExternalMissing {
        /// The first container that needs it.
        addr: Addr,
        /// The kind of the missing resource.
        external: External,
        /// Its real name.
        name: String,
    },
    /// A container would lose the namespace or the volumes that it uses of another, and cannot be made anew with it: it is
    /// left out, or its service cannot be planned.
    SharerLeft {
        /// The container that is replaced, restarted or removed.
        addr: Addr,
        /// The one that uses something of it.
        sharer: Holder,
    },
    /// A container is to run in the namespace of one whose service is declared stopped.
    OwnerStopped {
        /// The container that is to run.
        addr: Addr,
        /// The one whose namespace it uses.
        owner: Addr,
    },
    /// There are more changes than the user said there would be.
    TooManyChanges {
        /// So many are there.
        count: usize,
        /// So many are in order.
        most: usize,
    },
    /// The repository declares nothing although services are recorded.
    NothingDeclared {
        /// How many are recorded.
        recorded: usize,
    },
    /// A node is not known although all must be.
    NodeUnknown {
        /// The node.
        node: NodeName,
    },
}

/// A container that has what another needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// Its Compose project; none if no compose file made it.
    pub project: Option<ProjectName>,
    /// The service of the homelab that it belongs to, if it belongs to one.
    pub owner: Option<ServiceName>,
}

/// A resource that a service uses and does not create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum External {
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// The kinds of objection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectionKind {
    /// Data would be destroyed; `--allow-data-loss ADDR` lets it.
    DataLoss,
    /// It is protected; nothing but changing the protection lets it.
    Protected,
    /// It would not work: a port or a name is taken, something external is missing.
    Impossible,
    /// More changes than `--max-changes` allows.
    TooMany,
    /// The repository declares nothing, although something is recorded.
    Empty,
    /// A node is not known, and `--require-all-nodes` was given.
    Incomplete,
}

impl Objection {
    /// Returns the kind of the objection.
    pub fn kind(&self) -> ObjectionKind {
        match self {
            Objection::VolumeRemade { .. } => ObjectionKind::DataLoss,
            Objection::ProtectedService { .. } => ObjectionKind::Protected,
            Objection::VolumeHeld { .. }
            | Objection::NameTaken { .. }
            | Objection::PortTaken { .. }
            | Objection::AddressTaken { .. }
            | Objection::SubnetTaken { .. }
            | Objection::ParentMissing { .. }
            | Objection::ExternalMissing { .. }
            | Objection::SharerLeft { .. }
            | Objection::OwnerStopped { .. } => ObjectionKind::Impossible,
            Objection::TooManyChanges { .. } => ObjectionKind::TooMany,
            Objection::NothingDeclared { .. } => ObjectionKind::Empty,
            Objection::NodeUnknown { .. } => ObjectionKind::Incomplete,
        }
    }

    /// The resource that it is about, if it is about one.
    pub fn addr(&self) -> Option<&Addr> {
        match self {
            Objection::ProtectedService { addr, .. } => addr.as_ref(),
            Objection::VolumeRemade { addr, .. }
            | Objection::VolumeHeld { addr, .. }
            | Objection::NameTaken { addr, .. }
            | Objection::PortTaken { addr, .. }
            | Objection::AddressTaken { addr, .. }
            | Objection::SubnetTaken { addr, .. }
            | Objection::ParentMissing { addr, .. }
            | Objection::ExternalMissing { addr, .. }
            | Objection::SharerLeft { addr, .. }
            | Objection::OwnerStopped { addr, .. } => Some(addr),
            Objection::TooManyChanges { .. } | Objection::NothingDeclared { .. } | Objection::NodeUnknown { .. } => {
                None
            }
        }
    }
}

impl Holder {
    /// A live container of a service, if it is of one, as a holder.
    pub fn of(live: &LiveContainer, owner: Option<&ServiceName>) -> Self {
        let project = live.identity.as_ref().map(|i| i.project.clone());
        Holder { name: live.name.clone(), project, owner: owner.cloned() }
    }
}

impl External {
    /// The word that Docker has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            External::Network => "network",
            External::Volume => "volume",
        }
    }
}
