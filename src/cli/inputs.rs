//! What was read, so that a saved plan can tell whether it was read again the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::files::{Disk, Kind, ReadError, Reader};
use crate::model::view::{LiveView, NodeView};

/// The disk, with a memory of what it was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembering {
    seen: Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>,
}

impl Remembering {
    /// Every text that was read: the repository's files by their path in it, the nodes' files, and
    /// the variables of the command line.
    pub fn inputs(&self, root: &Path, live: &LiveView, env: &[(String, String)]) -> BTreeMap<String, Vec<u8>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let files = seen.iter().map(|(path, bytes)| {
            let name = path.strip_prefix(root).unwrap_or(path);
            (format!("file {}", name.display()), bytes.clone())
        });
        let known = live.nodes.iter().filter_map(|(name, view)| match view {
            NodeView::Known(node) => Some((name, node)),
            NodeView::Unknown { .. } | NodeView::Maintenance => None,
        });
        let on_nodes = known.flat_map(|(name, node)| {
            let read = node.files.iter().filter_map(|(path, file)| Some((path, file.content.as_ref()?)));
            read.map(move |(path, bytes)| (format!("node {name} {path}"), bytes.clone()))
        });
        let variables = env.iter().map(|(name, value)| (format!("variable {name}"), value.clone().into_bytes()));
        files.chain(on_nodes).chain(variables).collect()
    }
}

impl Reader for Remembering {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let bytes = Disk.read(path)?;
        // Git writes its index whenever it looks around, and what it says decides only what is shown.
        if path.components().any(|part| part.as_os_str() == ".git") {
            return Ok(bytes);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn kind(&self, path: &Path) -> Kind {
        Disk.kind(path)
    }

    fn names(&self, path: &Path) -> Vec<String> {
        Disk.names(path)
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        Disk.size_and_mode(path)
    }
}
