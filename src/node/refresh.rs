//! All nodes at once → the live view.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connect::{Fleet, Options, Reach, reach};
use super::{ErrorKind, Node, NodeError, Wanted};
use crate::model::NodeName;
use crate::model::homelab;
use crate::model::view::{LiveFiles, LiveNode, LiveView, NodeView};

/// All nodes, being connected to and asked, each as fast as it is. What they say is gathered while the caller does something
/// else.
pub struct Asking {
    nodes: BTreeMap<NodeName, JoinHandle<Asked>>,
    wanted: watch::Sender<Option<Arc<BTreeMap<NodeName, Wanted>>>>,
}

/// What becomes of the connections once all is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// They stay, for those who have more to do.
    Keep,
    /// Each ends as soon as its node has told everything, while others may still be waited for.
    Close,
}

/// What one node has answered so far.
struct Asked {
    /// None where its door is closed again.
    reach: Option<Reach>,
    engine: Option<JoinHandle<Result<LiveNode, NodeError>>>,
    files: NodeView,
}

/// All engines, being asked.
pub struct Engines {
    asked: BTreeMap<NodeName, JoinHandle<Result<LiveNode, NodeError>>>,
}

/// Connects to all nodes at once, and asks each engine what it has as soon as it is reached.
pub fn ask(nodes: &BTreeMap<NodeName, homelab::Node>, options: &Options, connections: Connections) -> Asking {
    let (sender, wanted) = watch::channel(None);
    let ask = |(name, node): (&NodeName, &homelab::Node)| {
        let (node, options, wanted) = (node.clone(), options.clone(), wanted.clone());
        let task = async move { ask_node(reach(&node, &options).await, &node.name, wanted, connections).await };
        (name.clone(), tokio::spawn(task))
    };
    Asking { nodes: nodes.iter().map(ask).collect(), wanted: sender }
}

async fn ask_node(
    reach: Reach,
    name: &NodeName,
    mut wanted: watch::Receiver<Option<Arc<BTreeMap<NodeName, Wanted>>>>,
    connections: Connections,
) -> Asked {
    let engine = match &reach {
        Reach::Node(node) => {
            let node = Arc::clone(node);
            Some(tokio::spawn(async move {
                let engine = node.read_engine().await;
                hang_up(node);
                engine
            }))
        }
        Reach::Failed(_) | Reach::Maintenance => None,
    };
    // Nobody who gave up waits for an answer.
    let wanted = wanted.wait_for(Option::is_some).await.ok().and_then(|wanted| wanted.clone()).unwrap_or_default();
    let nothing = Wanted::default();
    let files = match &reach {
        Reach::Node(node) => match node.read_files(wanted.get(name).unwrap_or(&nothing)).await {
            Ok(LiveFiles { found: files, closed, aside }) => {
                NodeView::Known(Box::new(LiveNode { files, closed, aside, ..LiveNode::default() }))
            }
            Err(error) => unknown(&error),
        },
        Reach::Failed(error) => unknown(error),
        Reach::Maintenance => NodeView::Maintenance,
    };
    let reach = match (reach, connections) {
        (Reach::Node(node), Connections::Close) => {
            hang_up(node);
            None
        }
        (reach, _) => Some(reach),
    };
    Asked { reach, engine, files }
}

/// Lets go of a node. The last one to do so ends the connection, which waits for a program to end.
fn hang_up(node: Arc<dyn Node>) {
    tokio::task::spawn_blocking(move || drop(node));
}

impl Asking {
    /// Says which files count. Gives the doors to the nodes, as far as they are open, the live view but for what the engines have, and those.
    pub async fn files(self, wanted: BTreeMap<NodeName, Wanted>) -> (Fleet, LiveView, Engines) {
        // A node that nobody waits for any more has ended.
        let _ = self.wanted.send(Some(Arc::new(wanted)));
        let (mut fleet, mut live, mut asked) = (Fleet::new(), LiveView::default(), BTreeMap::new());
        for (name, task) in self.nodes {
            let node = task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            asked.extend(node.engine.map(|engine| (name.clone(), engine)));
            live.nodes.insert(name.clone(), node.files);
            fleet.extend(node.reach.map(|reach| (name, reach)));
        }
        (fleet, live, Engines { asked })
    }
}

/// Reads all nodes at once. A node that cannot be read is a value of the view and stops nothing; one in maintenance is not
/// asked.
pub async fn refresh(
    nodes: &BTreeMap<NodeName, homelab::Node>,
    options: &Options,
    wanted: BTreeMap<NodeName, Wanted>,
) -> LiveView {
    let (_fleet, files, engines) = ask(nodes, options, Connections::Close).files(wanted).await;
    engines.beside(files).await
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
                    let LiveNode { files, closed, aside, .. } = std::mem::take(&mut **node);
                    **node = LiveNode { files, closed, aside, ..engine };
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
