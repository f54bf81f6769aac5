//! DATA OF SERVICES. Copies it from one node to another, checks before anything stops whether a service can live there, and
//! clears what a move leaves behind.
//!
//! Entries: [`check`] before a move, [`copy`] and its reverse [`discard`], and for what stays behind [`retire`] and
//! [`remove`]. The room works on directories and volumes by their names. It does not know services, plans, the state or how
//! a node is reached; what it needs of a machine are [`crate::node::Tools`] and [`crate::node::Capabilities`], which decide
//! nothing.
//!
//! A copy is written beside its place under another name, compared, and only then put in place, with a mark beside it that
//! says what it was. Whoever finds it later knows by the mark that it came from here, whatever was written to it since.

mod copy;
mod error;
mod mark;
mod preflight;
mod retire;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::NodeName;
use crate::model::spec::DataPlace;
use crate::node::{Capabilities, Node, Tools};

pub use copy::copy;
pub use error::{DataError, Refusal, Task};
pub use preflight::{Arrival, check};
pub use retire::{discard, remove, retire};

/// The node that data is copied to, and the nodes that it may come from.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// The node that it is copied to.
    pub to: &'a dyn Node,
    /// All nodes that are connected, by name.
    pub nodes: &'a BTreeMap<NodeName, Arc<dyn Node>>,
}

impl<'a> Route<'a> {
    /// The node of this name, to copy from.
    fn from(&self, name: &NodeName) -> Result<&'a dyn Node, DataError> {
        let node = self.nodes.get(name).map(AsRef::as_ref);
        node.ok_or_else(|| DataError::Refused { node: name.clone(), what: Task::Any, kind: Refusal::NotConnected })
    }
}

/// The directory of a place.
async fn directory(node: &dyn Node, place: &DataPlace) -> Result<String, DataError> {
    match place {
        DataPlace::Folder(path) => Ok(path.clone()),
        DataPlace::Volume(name) => match capabilities(node)?.volume_folder(name).await? {
            Some(directory) => Ok(directory),
            None => Err(refused(node, Task::Find(place.clone()), Refusal::NoVolume)),
        },
    }
}

fn tools(node: &dyn Node) -> Result<&dyn Tools, DataError> {
    node.tools().ok_or_else(|| refused(node, Task::Any, Refusal::NoFiles))
}

fn capabilities(node: &dyn Node) -> Result<&dyn Capabilities, DataError> {
    node.capabilities().ok_or_else(|| refused(node, Task::Any, Refusal::NoCapabilities))
}

fn refused(node: &dyn Node, what: Task, kind: Refusal) -> DataError {
    DataError::Refused { node: node.name().clone(), what, kind }
}
