//! What the reader of a plan should know, beside its changes.

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
        /// What it needs.
        needed: ServiceName,
    },
    /// A network that is no longer declared stays, because containers are on it.
    NetworkInUse {
        /// Its real name.
        network: String,
        /// The names of the containers, sorted by id.
        users: Vec<String>,
    },
    /// What moves of a service left on other nodes is not removed before the service is proven to work.
    RemnantsStay {
        /// The service.
        service: ServiceName,
        /// The node that it is on.
        node: NodeName,
    },
}
