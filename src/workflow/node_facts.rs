//! The facts of the live view that the resolution of services may use.

use std::collections::BTreeMap;

use crate::compose::print::ComposeVersion;
use crate::config::{EngineState, NodeFacts, NodeState};
use crate::model::NodeName;
use crate::model::view::{LiveNode, LiveView, NodeView};

/// The label in which Compose writes its own version.
const VERSION_LABEL: &str = "com.docker.compose.version";

/// The known facts about the files of each node.
pub fn node_facts(live: &LiveView) -> BTreeMap<NodeName, NodeState<'_>> {
    fn state(view: &NodeView) -> NodeState<'_> {
        match view {
            NodeView::Known(node) => NodeState::Known(facts(node)),
            NodeView::Unknown { why, .. } => NodeState::Unknown { why },
            NodeView::Maintenance => NodeState::Maintenance,
        }
    }
    live.nodes.iter().map(|(name, view)| (name.clone(), state(view))).collect()
}

fn facts(node: &LiveNode) -> NodeFacts<'_> {
    let files = node.files.iter().map(|(path, file)| (path.as_str(), file.content.as_deref()));
    NodeFacts { files: files.collect(), not_writable: &node.not_writable }
}

/// The state of the engine of each node: its answer, or why there is none. Nodes in maintenance are left out.
pub fn engine_states(live: &LiveView) -> BTreeMap<NodeName, EngineState<'_>> {
    fn state(view: &NodeView) -> Option<EngineState<'_>> {
        match view {
            NodeView::Known(node) => Some(EngineState::Answered(newest_compose(node))),
            NodeView::Unknown { why, .. } => Some(EngineState::Lost { why }),
            NodeView::Maintenance => None,
        }
    }
    live.nodes.iter().filter_map(|(name, view)| Some((name.clone(), state(view)?))).collect()
}

/// The newest Compose that has made a container on a node.
fn newest_compose(node: &LiveNode) -> ComposeVersion {
    let labels = node.containers.values().filter_map(|c| c.spec.compose_labels.get(VERSION_LABEL));
    labels.map(|release| ComposeVersion::of_release(release)).max().unwrap_or_default()
}
