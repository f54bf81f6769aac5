//! All nodes at once → the live view.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::connect::{Fleet, Reach};
use super::{ErrorKind, Node, NodeError, Wanted};
use crate::model::NodeName;
use crate::model::view::{LiveView, NodeView};

/// Reads all nodes at once. A node that cannot be read is a value of the view and stops nothing;
/// one in maintenance is not asked.
pub async fn refresh(fleet: &Fleet, wanted: &BTreeMap<NodeName, Wanted>) -> LiveView {
    let nothing = Wanted::default();
    let views = fleet.iter().map(async |(name, reach)| {
        let view = match reach {
            Reach::Node(node) => refresh_node(node.as_ref(), wanted.get(name).unwrap_or(&nothing)).await,
            Reach::Failed(error) => unknown(error),
            Reach::Maintenance => NodeView::Maintenance,
        };
        (name.clone(), view)
    });
    LiveView { nodes: join_all(views).await.into_iter().collect() }
}

/// Reads one node.
pub async fn refresh_node(node: &dyn Node, wanted: &Wanted) -> NodeView {
    match node.read(wanted).await {
        Ok(live) => NodeView::Known(Box::new(live)),
        Err(error) => unknown(&error),
    }
}

/// A node that cannot be read. Who reads the view knows the node, so its name is not said again.
fn unknown(error: &NodeError) -> NodeView {
    let why = match &error.kind {
        // That says already what was tried.
        ErrorKind::Unreachable { why, .. } if why.starts_with("cannot connect") => why.clone(),
        kind => format!("{}: {kind}", error.what),
    };
    let why = why.lines().collect::<Vec<_>>().join(" ");
    NodeView::Unknown { why, hint: error.hint().to_owned() }
}
