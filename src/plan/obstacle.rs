//! Paths of a node at which something else is than what is to be there, and that hl does not clear by itself.

use super::{Block, Input, withdrawal};
use crate::diff::Change;
use crate::model::Kind;
use crate::model::homelab::Service;
use crate::model::view::{FileKind, LiveNode};

/// Why a service is not planned: somebody's file or folder is where one of another kind is to be.
pub(super) fn block(input: &Input<'_>, node: &LiveNode, service: &Service, changes: &[&Change]) -> Option<Block> {
    let wanted = |change: &Change| match change.addr.kind {
        Kind::File => service.files.get(&change.addr.name).map(|file| (file.path.clone(), FileKind::File)),
        Kind::Directory => {
            let folder = service.directories.get(&change.addr.name);
            folder.map(|folder| (folder.path.clone(), FileKind::Directory))
        }
        _ => None,
    };
    let own: Vec<&Change> = changes.iter().copied().filter(|change| change.addr.node == service.node).collect();
    let is_in_the_way = |(path, wanted): &(String, FileKind)| {
        let Some(there) = node.files.get(path).filter(|there| there.kind != *wanted) else { return false };
        let is_empty = there.entries.as_ref().is_some_and(|entries| entries.is_empty());
        !is_empty && !withdrawal::leaving(input.recorded, node, &own).contains(path.as_str())
    };
    let (path, wanted) = own.iter().filter_map(|change| wanted(change)).find(is_in_the_way)?;
    Some(Block::PathInTheWay { path, wanted, node: service.node.clone() })
}
