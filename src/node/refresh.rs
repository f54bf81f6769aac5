//! All nodes at once → the live view.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connect::{Fleet, Options, Reach, reach};
use super::reconnecting_reader::ReconnectingReader;
use super::{ConnectionPhase, ErrorKind, NodeError, Wanted};
use crate::model::NodeName;
use crate::model::homelab;
use crate::model::view::{LiveFiles, LiveNode, LiveView, NodeView};

/// All nodes, being connected to and asked, each as fast as it is. What they say is gathered while the caller does
/// something else.
pub struct Refresh {
    nodes: BTreeMap<NodeName, JoinHandle<Asked>>,
    wanted: watch::Sender<Option<Arc<BTreeMap<NodeName, Wanted>>>>,
}

/// Whether the connections stay open once everything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// The connections stay open, for callers with further calls.
    Keep,
    /// Each ends as soon as its node has told everything, while others may still be waited for.
    Close,
}

/// The answers of one node so far.
struct Asked {
    reach: Reached,
    engine: Option<JoinHandle<Result<LiveNode, NodeError>>>,
    files: NodeView,
}

/// How far a node was reached.
enum Reached {
    /// It answers.
    Open(Arc<ReconnectingReader>),
    /// It has told everything, and its connection is closed again.
    Closed,
    /// It does not answer.
    Failed(NodeError),
    /// It was not asked.
    Maintenance,
}

/// All engines, being asked.
pub struct Engines {
    asked: BTreeMap<NodeName, JoinHandle<Result<LiveNode, NodeError>>>,
    reached: BTreeMap<NodeName, Reached>,
}

/// Connects to all nodes at once, and asks each engine what it has as soon as it is reached.
pub fn begin_refresh(
    nodes: &BTreeMap<NodeName, homelab::Node>,
    options: &Options,
    connections: Connections,
) -> Refresh {
    let (sender, wanted) = watch::channel(None);
    let ask = |(name, node): (&NodeName, &homelab::Node)| {
        let task = ask_node(node.clone(), options.clone(), wanted.clone(), connections);
        (name.clone(), tokio::spawn(task))
    };
    Refresh { nodes: nodes.iter().map(ask).collect(), wanted: sender }
}

async fn ask_node(
    declared: homelab::Node,
    options: Options,
    mut wanted: watch::Receiver<Option<Arc<BTreeMap<NodeName, Wanted>>>>,
    connections: Connections,
) -> Asked {
    let name = declared.name.clone();
    let reader = match reach(&declared, &options).await {
        Reach::Node(node) => Arc::new(ReconnectingReader::new(declared, options, node)),
        Reach::Failed(error) => {
            let files = unknown(&error);
            return Asked { reach: Reached::Failed(error), engine: None, files };
        }
        Reach::Maintenance => {
            return Asked { reach: Reached::Maintenance, engine: None, files: NodeView::Maintenance };
        }
    };
    let of_engine = Arc::clone(&reader);
    let engine = tokio::spawn(async move {
        let engine = of_engine.read_engine().await;
        hang_up(of_engine);
        engine
    });
    // Nobody who gave up waits for an answer.
    let wanted = wanted.wait_for(Option::is_some).await.ok().and_then(|wanted| wanted.clone()).unwrap_or_default();
    let nothing = Wanted::default();
    let files = match reader.read_files(wanted.get(&name).unwrap_or(&nothing)).await {
        Ok(LiveFiles { found: files, not_writable, unreadable, retained_dirs, home }) => {
            NodeView::Known(Box::new(LiveNode {
                files,
                not_writable,
                unreadable,
                retained_dirs,
                home,
                ..LiveNode::default()
            }))
        }
        Err(error) => unknown(&error),
    };
    let reach = match connections {
        Connections::Keep => Reached::Open(reader),
        Connections::Close => {
            hang_up(reader);
            Reached::Closed
        }
    };
    Asked { reach, engine: Some(engine), files }
}

/// Lets go of a node. The last one to do so ends the connection, which waits for a program to end.
fn hang_up(reader: Arc<ReconnectingReader>) {
    tokio::task::spawn_blocking(move || drop(reader));
}

impl Refresh {
    /// Says which files count. Gives the live view but for what the engines have, and those.
    pub async fn files(self, wanted: BTreeMap<NodeName, Wanted>) -> (LiveView, Engines) {
        // A node that nobody waits for any more has ended.
        let _ = self.wanted.send(Some(Arc::new(wanted)));
        let mut live = LiveView::default();
        let mut engines = Engines { asked: BTreeMap::new(), reached: BTreeMap::new() };
        for (name, task) in self.nodes {
            let node = task.await.expect("reading a node does not panic");
            engines.asked.extend(node.engine.map(|engine| (name.clone(), engine)));
            live.nodes.insert(name.clone(), node.files);
            engines.reached.insert(name, node.reach);
        }
        (live, engines)
    }
}

/// Reads all nodes at once. A node that cannot be read is a value of the view and stops nothing; one in maintenance is
/// not asked.
pub async fn refresh(
    nodes: &BTreeMap<NodeName, homelab::Node>,
    options: &Options,
    wanted: BTreeMap<NodeName, Wanted>,
) -> LiveView {
    let (files, engines) = begin_refresh(nodes, options, Connections::Close).files(wanted).await;
    engines.join(files).await.0
}

impl Engines {
    /// Waits for all answers and puts them beside the files. A node whose engine did not answer is unknown. Gives the
    /// connections to the nodes, too, as far as they are open.
    pub async fn join(self, files: LiveView) -> (LiveView, Fleet) {
        let mut live = files;
        for (name, asked) in self.asked {
            let answer = asked.await.expect("reading an engine does not panic");
            let Some(view) = live.nodes.get_mut(&name) else { continue };
            match (answer, &mut *view) {
                (Ok(engine), NodeView::Known(node)) => {
                    let LiveNode { files, not_writable, unreadable, retained_dirs, home, .. } =
                        std::mem::take(&mut **node);
                    **node = LiveNode { files, not_writable, unreadable, retained_dirs, home, ..engine };
                }
                (Err(error), NodeView::Known(_)) => *view = unknown(&error),
                (_, NodeView::Unknown { .. } | NodeView::Maintenance) => {}
            }
        }
        let reach = |reached| match reached {
            Reached::Open(reader) => {
                let node = reader.current();
                hang_up(reader);
                Some(Reach::Node(node))
            }
            Reached::Failed(error) => Some(Reach::Failed(error)),
            Reached::Maintenance => Some(Reach::Maintenance),
            Reached::Closed => None,
        };
        let fleet = self.reached.into_iter().filter_map(|(name, reached)| Some((name, reach(reached)?))).collect();
        (live, fleet)
    }
}

/// A node that cannot be read. Who reads the view knows the node, so its name is not said again.
fn unknown(error: &NodeError) -> NodeView {
    let why = match &error.kind {
        // The reason says already what was tried.
        ErrorKind::Unreachable { phase: ConnectionPhase::Connecting, why, .. } => why.clone(),
        kind => format!("{}: {kind}", error.what),
    };
    let why = why.lines().collect::<Vec<_>>().join(" ");
    NodeView::Unknown { why, hint: error.hint().to_owned() }
}
