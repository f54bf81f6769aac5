//! The facts of the live view that the resolution of services may use.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::print::ComposeVersion;
use crate::config::{EngineState, NodeFacts, NodeState};
use crate::envfile;
use crate::model::view::{LiveNode, LiveView, NodeView};
use crate::model::{Key, Kind, NodeName, Value};
use crate::state::State;

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

/// As [`node_facts`], with what the record tells: which values in env files are still those that hl wrote.
pub(super) fn node_facts_of_record<'a>(live: &'a LiveView, state: &State) -> BTreeMap<NodeName, NodeState<'a>> {
    let mut all = node_facts(live);
    for (addr, resource) in state.view.resources.iter().filter(|(addr, _)| addr.kind == Kind::File) {
        let Some(NodeState::Known(facts)) = all.get_mut(&addr.node) else { continue };
        let Some(text) = facts.files.get(resource.id.as_str()).copied().flatten() else { continue };
        let mut written = resource.declared.iter().filter(|(field, _)| field.key == Key::Environment).peekable();
        if written.peek().is_none() {
            continue;
        }
        let values = envfile::values(&String::from_utf8_lossy(text));
        let is_same = |name: &String, value: &Value| {
            values.get(name).is_some_and(|now| value.same(&Value::text(now), &state.sealer))
        };
        let unchanged = written.filter_map(|(field, value)| field.item.clone().filter(|name| is_same(name, value)));
        facts.unchanged.extend(unchanged.map(|name| (resource.id.clone(), name)));
    }
    all
}

fn facts(node: &LiveNode) -> NodeFacts<'_> {
    let files = node.files.iter().map(|(path, file)| (path.as_str(), file.content.as_deref()));
    NodeFacts {
        files: files.collect(),
        not_writable: &node.not_writable,
        unreadable: &node.unreadable,
        home: node.home.as_deref(),
        unchanged: BTreeSet::new(),
    }
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
