//! The nodes at both ends of a copy, and their primitives.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{DataError, Refusal, Task};
use crate::model::NodeName;
use crate::model::spec::DataPlace;
use crate::node::{Capabilities, Node, Tools};

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
    pub(super) fn from(&self, name: &NodeName) -> Result<&'a dyn Node, DataError> {
        let node = self.nodes.get(name).map(AsRef::as_ref);
        node.ok_or_else(|| DataError::Refused {
            node: name.clone(),
            what: Task::Any,
            kind: Box::new(Refusal::NotConnected),
        })
    }
}

/// The directory of a place.
pub(super) async fn directory(node: &dyn Node, place: &DataPlace) -> Result<String, DataError> {
    match place {
        DataPlace::Folder(path) => Ok(path.clone()),
        DataPlace::Volume(name) => match capabilities(node)?.volume_folder(name).await? {
            Some(directory) => Ok(directory),
            None => Err(refused(node, Task::Find(place.clone()), Refusal::NoVolume)),
        },
    }
}

pub(super) fn tools(node: &dyn Node) -> Result<&dyn Tools, DataError> {
    node.tools().ok_or_else(|| refused(node, Task::Any, Refusal::NoFiles))
}

pub(super) fn capabilities(node: &dyn Node) -> Result<&dyn Capabilities, DataError> {
    node.capabilities().ok_or_else(|| refused(node, Task::Any, Refusal::NoCapabilities))
}

pub(super) fn refused(node: &dyn Node, what: Task, kind: Refusal) -> DataError {
    DataError::Refused { node: node.name().clone(), what, kind: Box::new(kind) }
}
