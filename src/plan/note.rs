//! Notes for the reader of a plan, beside its changes.

use crate::model::view::Interrupted;
use crate::model::{Addr, NodeName, ServiceName};

/// A remark about a plan. It changes nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An apply was cut off while it did this; the plan starts from what is there now.
    Interrupted(Interrupted),
    /// The clock of a node is far from that of this machine.
    ClockDiffers {
        /// The node.
        node: NodeName,
        /// Seconds that its clock is ahead; negative if it is behind.
        ahead: i64,
    },
    /// A container runs under a project of hl and is not declared. It is left alone.
    Orphan {
        /// The container: its name is that on the node.
        addr: Addr,
    },
    /// A service needs one that is declared as stopped, which is not waited for.
    NeedsStopped {
        /// The service.
        service: ServiceName,
        /// The service that it needs.
        needed: ServiceName,
    },
    /// A container that hl does not manage uses a namespace or the volumes of one that is replaced, restarted or removed,
    /// and loses them.
    SharerOfOthers {
        /// The container of hl.
        addr: Addr,
        /// The name of the other one.
        sharer: String,
    },
    /// A folder is made for the user who makes it, and the container that writes to it names its user by a name.
    OwnerByName {
        /// The folder.
        addr: Addr,
        /// Its path.
        path: String,
        /// The name.
        user: String,
    },
    /// A network that is no longer declared stays, because containers are on it.
    NetworkInUse {
        /// Its real name.
        network: String,
        /// The names of the containers, sorted by id.
        users: Vec<String>,
    },
    /// Leftovers of moves stay on other nodes until the service is verified.
    RemnantsStay {
        /// The service.
        service: ServiceName,
        /// The node that it is on.
        node: NodeName,
    },
}
