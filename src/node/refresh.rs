//! All nodes at once → the live view.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::connect::{Fleet, Reach};
use super::{ErrorKind, NodeError, Wanted};
use crate::model::NodeName;
use crate::model::view::{LiveNode, LiveView, NodeView};

/// Reads all nodes at once. A node that cannot be read is a value of the view and stops nothing;
/// one in maintenance is not asked.
pub async fn refresh(fleet: &Fleet, wanted: &BTreeMap<NodeName, Wanted>) -> LiveView {
    let engines = ask_engines(fleet);
    let files = read_files(fleet, wanted).await;
    engines.beside(files).await
}

/// All engines, being asked. What they say is gathered while the caller does something else.
pub struct Engines {
    asked: BTreeMap<NodeName, JoinHandle<Result<LiveNode, NodeError>>>,
}

/// Asks all engines at once what they have.
pub fn ask_engines(fleet: &Fleet) -> Engines {
    let ask = |(name, reach): (&NodeName, &Reach)| {
        let Reach::Node(node) = reach else { return None };
        let node = Arc::clone(node);
        Some((name.clone(), tokio::spawn(async move { node.read_engine().await })))
    };
    Engines { asked: fleet.iter().filter_map(ask).collect() }
}

/// Reads the wanted files of all nodes at once: the live view, but for what the engines have.
pub async fn read_files(fleet: &Fleet, wanted: &BTreeMap<NodeName, Wanted>) -> LiveView {
    let nothing = Wanted::default();
    let views = fleet.iter().map(async |(name, reach)| {
        let view = match reach {
            Reach::Node(node) => match node.read_files(wanted.get(name).unwrap_or(&nothing)).await {
                Ok(files) => NodeView::Known(Box::new(LiveNode { files, ..LiveNode::default() })),
                Err(error) => unknown(&error),
            },
            Reach::Failed(error) => unknown(error),
            Reach::Maintenance => NodeView::Maintenance,
        };
        (name.clone(), view)
    });
    LiveView { nodes: join_all(views).await.into_iter().collect() }
}

impl Engines {
    /// Waits for all answers and puts them beside the files. A node whose engine did not answer is unknown.
    pub async fn beside(self, files: LiveView) -> LiveView {
        let mut live = files;
        for (name, asked) in self.asked {
            let answer = asked.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let Some(view) = live.nodes.get_mut(&name) else { continue };
            match (answer, &mut *view) {
                (Ok(engine), NodeView::Known(node)) => {
                    let files = std::mem::take(&mut node.files);
                    **node = LiveNode { files, ..engine };
                }
                (Err(error), NodeView::Known(_)) => *view = unknown(&error),
                (_, NodeView::Unknown { .. } | NodeView::Maintenance) => {}
            }
        }
        live
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
