//! Paths of a node at which something else is than what is to be there, and that hl does not clear by itself, and those
//! that it may not look at.

use super::{Block, Input, withdrawal};
use crate::diff::{Change, Presence};
use crate::model::Kind;
use crate::model::homelab::Service;
use crate::model::view::{FileKind, LiveNode};

/// Why a service is not planned: somebody's file or folder is where one of another kind is to be, or what hl put there
/// cannot be seen.
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
    if let Some((path, why)) = own.iter().find_map(|change| closed(input, node, change)) {
        return Some(Block::PathUnreadable {
            path: path.to_owned(),
            why: why.to_lowercase(),
            node: service.node.clone(),
        });
    }
    let is_in_the_way = |(path, wanted): &(String, FileKind)| {
        let Some(there) = node.files.get(path).filter(|there| there.kind != *wanted) else { return false };
        let is_empty = there.entries.as_ref().is_some_and(|entries| entries.is_empty());
        !is_empty && !withdrawal::leaving(input.recorded, node, &own).contains(path.as_str())
    };
    let (path, wanted) = own.iter().filter_map(|change| wanted(change)).find(is_in_the_way)?;
    Some(Block::PathInTheWay { path, wanted, node: service.node.clone() })
}

/// The path of a file or folder that hl put on a node, if it may not be looked at there, with why: it is not gone.
fn closed<'a>(input: &Input<'a>, node: &'a LiveNode, change: &Change) -> Option<(&'a str, &'a str)> {
    let is_path = matches!(change.addr.kind, Kind::File | Kind::Directory) && change.presence == Presence::Forgotten;
    let record = input.recorded.resources.get(&change.addr).filter(|_| is_path)?;
    let (path, why) = node.unreadable.get_key_value(&record.id)?;
    Some((path, why))
}
