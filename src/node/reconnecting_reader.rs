//! A node that is connected to once more where its connection is lost while it is read, or before anything is done to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::connect::{Options, connect};
use super::{ErrorKind, Node, NodeError, Wanted};
use crate::model::NodeName;
use crate::model::homelab;
use crate::model::view::{LiveFiles, LiveNode};

/// Connects again to those nodes whose connection was lost since they were read: a person may have thought about the plan for
/// long. A node that does not come back stays as it is, and tells why when it is asked for something.
pub async fn reconnect_lost(
    nodes: BTreeMap<NodeName, Arc<dyn Node>>,
    declared: &BTreeMap<NodeName, homelab::Node>,
    options: &Options,
) -> BTreeMap<NodeName, Arc<dyn Node>> {
    let renew = async |(name, node): (NodeName, Arc<dyn Node>)| {
        let Some(declared) = declared.get(&name) else { return (name, node) };
        let timeout = Duration::from_millis(declared.connect_timeout_ms);
        let is_lost = match tokio::time::timeout(timeout, node.ping()).await {
            Ok(Err(error)) => matches!(error.kind, ErrorKind::Unreachable { .. }),
            Ok(Ok(_)) | Err(_) => false,
        };
        if !is_lost {
            return (name, node);
        }
        let reader = ReconnectingReader::new(declared.clone(), options.clone(), node);
        let node = reader.connect_again().await.unwrap_or_else(|| reader.current());
        (name, node)
    };
    join_all(nodes.into_iter().map(renew)).await.into_iter().collect()
}

/// The pauses before the tries: a server that is started anew is away for a moment.
const PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];

/// A node to read, with what it takes to connect to it again.
pub(super) struct ReconnectingReader {
    declared: homelab::Node,
    options: Options,
    first: Arc<dyn Node>,
    since: Instant,
    /// The second connection, if there was need of one: none if it could not be had.
    again: OnceCell<Option<Arc<dyn Node>>>,
}

impl ReconnectingReader {
    /// A reader of a node that was just connected to.
    pub(super) fn new(declared: homelab::Node, options: Options, node: Arc<dyn Node>) -> Self {
        Self { declared, options, first: node, since: Instant::now(), again: OnceCell::new() }
    }

    /// The connection that counts.
    pub(super) fn current(&self) -> Arc<dyn Node> {
        let again = self.again.get().and_then(Option::as_ref);
        Arc::clone(again.unwrap_or(&self.first))
    }

    /// Reads all that its engine has.
    pub(super) async fn read_engine(&self) -> Result<LiveNode, NodeError> {
        match self.first.read_engine().await {
            Err(error) => match self.again_after(&error).await {
                Some(node) => node.read_engine().await,
                None => Err(error),
            },
            answer => answer,
        }
    }

    /// Reads those of the wanted files that are there.
    pub(super) async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        match self.first.read_files(wanted).await {
            Err(error) => match self.again_after(&error).await {
                Some(node) => node.read_files(wanted).await,
                None => Err(error),
            },
            answer => answer,
        }
    }

    /// Another connection, after one was lost within the time that the node has to answer. One that says nothing for longer
    /// is given up: whoever waits for it waits long enough already.
    async fn again_after(&self, error: &NodeError) -> Option<Arc<dyn Node>> {
        if !matches!(error.kind, ErrorKind::Unreachable { .. }) || !self.is_in_time() {
            return None;
        }
        self.again.get_or_init(|| self.connect_again()).await.clone()
    }

    async fn connect_again(&self) -> Option<Arc<dyn Node>> {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if !self.is_in_time() {
                break;
            }
            if let Ok(node) = connect(&self.declared, &self.options).await {
                return Some(node);
            }
        }
        None
    }

    fn is_in_time(&self) -> bool {
        self.since.elapsed() < Duration::from_millis(self.declared.connect_timeout_ms)
    }
}
