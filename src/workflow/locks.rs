//! The locks of the nodes: who holds them, and taking them away.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observe::{Access, DiagnosticListener};
use super::selection::{Named, SelectionError, require};
use crate::apply::{fallback_lock_file, lock_file};
use crate::config;
use crate::model::NodeName;
use crate::model::homelab;
use crate::model::status::{LockState, NodeLock};
use crate::node::{self, Node, NodeError, Reach};

/// The state of the locks of some nodes.
pub struct NodeLocks {
    /// Each node's lock; a node on which two applies use different lock files has two.
    pub found: Vec<NodeLock>,
    held: Vec<HeldLock>,
}

/// A lock that somebody holds.
struct HeldLock {
    name: NodeName,
    node: Arc<dyn Node>,
    path: String,
}

/// Why nodes were not asked for their locks.
#[derive(Debug, thiserror::Error)]
pub enum LocksError {
    /// The inventory declares no node that can be asked. The listener has received why.
    #[error("the files of the repository have errors")]
    Repository,
    /// A node is not declared.
    #[error(transparent)]
    Selection(#[from] SelectionError),
}

/// Asks nodes who holds their locks; all nodes if none is named.
///
/// # Errors
/// [`LocksError`]. A node that does not answer is [`LockState::Unknown`].
pub async fn node_locks(
    access: &Access,
    names: &[NodeName],
    listener: &dyn DiagnosticListener,
) -> Result<NodeLocks, LocksError> {
    let (sources, found) = config::load(access.repository.clone());
    if sources.nodes.is_empty() {
        listener.diagnostics(&found, &sources.map);
        return Err(LocksError::Repository);
    }
    for name in names {
        require(Named::Node, name.as_str(), sources.nodes.keys().map(NodeName::as_str))?;
    }
    let chosen = sources.nodes.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let nodes: BTreeMap<NodeName, homelab::Node> =
        chosen.map(|(name, source)| (name.clone(), source.node.clone())).collect();
    let mut locks = NodeLocks { found: Vec::new(), held: Vec::new() };
    for (name, reach) in node::connect_all(&nodes, &access.node_options).await {
        match reach {
            Reach::Node(node) => locks.ask(&name, &node, &nodes[&name].root).await,
            Reach::Failed(error) => locks.put(&name, unknown(&error)),
            Reach::Maintenance => locks.put(&name, LockState::Maintenance),
        }
    }
    Ok(locks)
}

fn unknown(error: &NodeError) -> LockState {
    LockState::Unknown { why: error.kind.to_string(), hint: error.hint().to_owned() }
}

impl NodeLocks {
    async fn ask(&mut self, name: &NodeName, node: &Arc<dyn Node>, root: &str) {
        if node.tools().is_none() {
            return self.put(name, LockState::Absent);
        }
        let before = self.found.len();
        for path in [lock_file(root), fallback_lock_file(root)] {
            match node.lock_holder(&path).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    self.put(name, LockState::Held { pid: holder.pid, words: holder.words });
                    self.held.push(HeldLock { name: name.clone(), node: Arc::clone(node), path });
                }
                Err(error) => self.put(name, unknown(&error)),
            }
        }
        if self.found.len() == before {
            self.put(name, LockState::Free);
        }
    }

    fn put(&mut self, name: &NodeName, state: LockState) {
        self.found.push(NodeLock { node: name.clone(), state });
    }

    /// The nodes whose locks are held.
    pub fn held_on(&self) -> Vec<&NodeName> {
        self.held.iter().map(|held| &held.name).collect()
    }

    /// Whether some node could not tell.
    pub fn is_incomplete(&self) -> bool {
        let is_unknown = |lock: &NodeLock| matches!(lock.state, LockState::Unknown { .. } | LockState::Maintenance);
        self.found.iter().any(is_unknown)
    }

    /// Ends the applies that hold the locks, and tells each node whose lock is free then.
    ///
    /// # Errors
    /// The error of the first lock that could not be broken.
    pub async fn break_held(self, is_free: impl Fn(&NodeName)) -> Result<(), NodeError> {
        for HeldLock { name, node, path } in self.held {
            node.break_lock(&path).await?;
            is_free(&name);
        }
        Ok(())
    }
}
