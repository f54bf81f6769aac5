//! The locks of the nodes that an apply writes to, so that two clones cannot apply at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use crate::model::NodeName;
use crate::model::spec::DirectorySpec;
use crate::node::{ErrorKind, LockGuard, Node, NodeError};
use crate::plan::Plan;
use crate::plan::operation::Effect;

use super::Options;

/// The lock file, in a node's root.
const LOCK_FILE: &str = ".hl.lock";

/// The locks that were taken.
pub(super) struct Locks {
    /// Nodes whose lock could not be asked for, with why. Nothing is done on them; that does not
    /// keep the others waiting.
    pub(super) broken: BTreeMap<NodeName, String>,
    held: BTreeMap<NodeName, LockGuard>,
}

impl Locks {
    /// Ends with an error when the lock of a node is lost: somebody else may be at it.
    pub(super) fn lost(&self, node: &NodeName) -> impl Future<Output = String> + Send + 'static {
        let lost = self.held.get(node).map(LockGuard::lost);
        let node = node.clone();
        async move {
            match lost {
                Some(lost) => lost.await,
                None => std::future::pending().await,
            }
            format!("{node}: its lock was lost: somebody took it away, or the connection broke")
        }
    }
}

/// Takes the lock of each node that the plan writes to.
///
/// # Errors
/// If another apply holds one of them.
pub(super) async fn take(
    plan: &Plan,
    nodes: &BTreeMap<NodeName, Arc<dyn Node>>,
    options: &Options,
) -> Result<Locks, NodeError> {
    let writes = plan.steps.iter().filter(|s| options.until.is_none_or(|until| s.phase <= until));
    let writes = writes.filter(|s| s.operation.describe().effect == Effect::Changes);
    let names: BTreeSet<&NodeName> = writes.map(|s| &s.node).collect();
    let wanted = names.into_iter().filter_map(|name| {
        let root = &options.nodes.get(name)?.root;
        Some((name, nodes.get(name)?, root))
    });
    let answers =
        join_all(wanted.map(async |(name, node, root)| (name, lock(node.as_ref(), root, &options.holder).await))).await;
    let (mut broken, mut held) = (BTreeMap::new(), BTreeMap::new());
    for (name, answer) in answers {
        match answer {
            Ok(guard) => drop(held.insert(name.clone(), guard)),
            Err(error) if matches!(error.kind, ErrorKind::Locked(_)) => return Err(error),
            Err(error) => drop(broken.insert(name.clone(), error.to_string())),
        }
    }
    Ok(Locks { broken, held })
}

async fn lock(node: &dyn Node, root: &str, holder: &str) -> Result<LockGuard, NodeError> {
    let root = DirectorySpec { path: root.to_owned(), ..Default::default() };
    let made = node.ensure_directory(&root).await;
    let is_denied = |error: &NodeError| matches!(error.kind, ErrorKind::Denied(_) | ErrorKind::Unsupported(_));
    let taken = match made {
        Ok(()) => node.lock(&lock_file(&root.path), holder).await,
        Err(error) => Err(error),
    };
    match taken {
        // A user with access to the engine but without write access to the root uses the fallback lock file.
        Err(error) if is_denied(&error) => node.lock(&fallback_lock_file(&root.path), holder).await,
        taken => taken,
    }
}

/// The lock file for those who may not write to a node's root.
pub fn fallback_lock_file(root: &str) -> String {
    let name: String = root.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("/tmp/.hl{name}.lock")
}

/// The lock file of a node whose root this is.
pub fn lock_file(root: &str) -> String {
    format!("{}/{LOCK_FILE}", root.trim_end_matches('/'))
}
