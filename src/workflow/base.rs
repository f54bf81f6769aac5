//! The base of a change that somebody else proposes: what is known of the machines without them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::compose::reader::Memory;
use crate::config::{self, Repository};
use crate::model::{NodeName, homelab};

/// The base as far as it counts: the owner had a hand in it.
#[derive(Clone, Debug)]
pub struct Base {
    /// The machines that may be asked, as they may be.
    pub nodes: BTreeMap<NodeName, homelab::Node>,
    /// The record of what was applied; none if there is none.
    pub record: Option<Vec<u8>>,
}

impl Base {
    /// The base with these files of its inventory, in a repository at `root`.
    pub fn new(inventory: Memory, root: &Path, record: Option<Vec<u8>>) -> Base {
        let repository = Repository::read_by(Arc::new(inventory), root, root, None);
        Base { nodes: config::machines(repository).known(), record }
    }
}
