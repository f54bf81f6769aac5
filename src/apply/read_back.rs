//! When a node is read back: what is changed on it gathers, so that many changes cost one read.
//!
//! A node is read at most once a second, is then left alone for a multiple of the time that it took, and at the end,
//! when nothing else is left to do, it is read at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::NodeName;
use crate::model::view::Wanted;
use crate::plan::Plan;

use super::record;

/// How long changes gather.
const GATHER: Duration = Duration::from_secs(1);

/// How long a node is left alone after a read, as a multiple of what the read took: reading back is
/// at most a twentieth of what the node does.
const COOLDOWN: u32 = 20;

/// Tries of one read.
const TRIES: u32 = 2;

/// A batch of changes of one node to read back.
#[derive(Debug)]
pub(super) struct Batch {
    /// The node.
    pub(super) node: NodeName,
    /// Changes of the plan, by index.
    pub(super) changes: Vec<usize>,
    /// The parts of the node to read.
    pub(super) wanted: Wanted,
    tries: u32,
}

/// When the queued changes of a node are read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// When changes have gathered and the node has had its rest.
    InTurn,
    /// Now: nothing else is left to do.
    AtOnce,
}

/// The queues of changes to be read back, by node.
#[derive(Debug, Default)]
pub(super) struct ReadBack {
    nodes: BTreeMap<NodeName, NodeQueue>,
}

#[derive(Debug)]
struct NodeQueue {
    waiting: Vec<usize>,
    tries: u32,
    reading: bool,
    not_before: Instant,
}

impl ReadBack {
    /// Puts a change into its node's queue.
    pub(super) fn push(&mut self, node: &NodeName, change: usize) {
        let queue = self.nodes.entry(node.clone()).or_insert_with(|| NodeQueue {
            waiting: Vec::new(),
            tries: 0,
            reading: false,
            not_before: Instant::now(),
        });
        if queue.waiting.is_empty() {
            queue.not_before = queue.not_before.max(Instant::now() + GATHER);
        }
        queue.waiting.push(change);
    }

    /// The batches to read now.
    pub(super) fn take(&mut self, plan: &Plan, when: When) -> Vec<Batch> {
        let now = Instant::now();
        let mut batches = Vec::new();
        for (node, queue) in &mut self.nodes {
            if !queue.reading && !queue.waiting.is_empty() && (when == When::AtOnce || queue.not_before <= now) {
                queue.reading = true;
                let changes = std::mem::take(&mut queue.waiting);
                let wanted = record::wanted(plan, &changes);
                batches.push(Batch { node: node.clone(), changes, wanted, tries: queue.tries + 1 });
            }
        }
        batches
    }

    /// When the next batch may be read.
    pub(super) fn next(&self) -> Option<Instant> {
        self.nodes.values().filter(|q| !q.reading && !q.waiting.is_empty()).map(|q| q.not_before).min()
    }

    /// A read ended.
    pub(super) fn ended(&mut self, node: &NodeName, took: Duration) {
        if let Some(queue) = self.nodes.get_mut(node) {
            queue.reading = false;
            queue.tries = 0;
            queue.not_before = Instant::now() + took * COOLDOWN;
        }
    }

    /// A read failed; its changes go back into the queue for another try, or are given up.
    pub(super) fn failed(&mut self, batch: Batch, took: Duration) -> Vec<usize> {
        self.ended(&batch.node, took);
        if batch.tries >= TRIES {
            return batch.changes;
        }
        if let Some(queue) = self.nodes.get_mut(&batch.node) {
            queue.tries = batch.tries;
            queue.waiting.extend(batch.changes);
        }
        Vec::new()
    }

    /// Whether nothing waits and nothing is read.
    pub(super) fn is_idle(&self) -> bool {
        self.nodes.values().all(|queue| !queue.reading && queue.waiting.is_empty())
    }
}
