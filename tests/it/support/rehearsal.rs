//! A simulated node with a state folder: the plans and applies of hl without a process and without an engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hl::apply;
use hl::event::{Interruption, Report};
use hl::model::NodeName;
use hl::model::homelab::Homelab;
use hl::model::view::{LiveNode, LiveView, NodeView, RecordedService, Wanted};
use hl::node::Node;
use hl::node::simulated::{Simulated, World};
use hl::plan::{Input, Options, Plan};
use hl::state::{self, LockOwner, Paths, Store};
use tokio::sync::{mpsc, watch};

/// The node, its state folder, and a runtime in which no time passes.
pub struct Rehearsal {
    pub node: Arc<Simulated>,
    pub runtime: tokio::runtime::Runtime,
    name: NodeName,
    folder: tempfile::TempDir,
}

impl Rehearsal {
    /// A new homelab whose only node has this name and content.
    pub fn new(name: &str, world: World) -> Rehearsal {
        // A record is written through to the disk at each step; where the disk is memory that costs nothing.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let name = NodeName::new(name).expect("a name");
        Rehearsal {
            node: Arc::new(Simulated::new(name.clone(), world)),
            runtime: runtime.expect("a runtime"),
            name,
            folder: folder.expect("a folder"),
        }
    }

    /// Where the state is.
    pub fn paths(&self) -> Paths {
        Paths { folder: self.folder.path().join("state"), keys: self.folder.path().join("keys") }
    }

    /// The live view, with these files.
    pub fn live(&self, wanted: &Wanted) -> LiveView {
        let read: LiveNode = self.runtime.block_on(self.node.read(wanted)).expect("the node can be read");
        LiveView { nodes: BTreeMap::from([(self.name.clone(), NodeView::Known(Box::new(read)))]) }
    }

    /// The plan for a homelab.
    pub fn plan(&self, homelab: &Homelab, live: &LiveView) -> Plan {
        let recorded = state::read(&self.paths()).expect("the state can be read");
        let changes = hl::diff::diff(homelab, &recorded.view, live, &recorded.sealer);
        let options = Options::default();
        hl::plan::plan(&Input { homelab, recorded: &recorded.view, live, changes: &changes, options: &options })
    }

    /// Applies a plan; the error is why it was not begun, or not recorded.
    pub fn apply(&self, homelab: &Homelab, plan: &Plan) -> Result<Report, String> {
        let claim = LockOwner {
            who: "t".into(),
            host: "t".into(),
            pid: 1,
            why: "apply".into(),
            since: "2026-01-01T00:00:00Z".into(),
        };
        let mut store = Store::open(&self.paths(), claim).expect("the state can be opened");
        let services = homelab.services.values().map(|service| (service.name.clone(), RecordedService::of(service)));
        let options = apply::Options {
            until: None,
            parallelism: 4,
            nodes: homelab.nodes.clone(),
            services: services.collect(),
            secrets: Vec::new(),
            digest: "sha256:0".to_owned(),
            commit: None,
            holder: "ann@desk".to_owned(),
        };
        let nodes: BTreeMap<NodeName, Arc<dyn Node>> =
            BTreeMap::from([(self.name.clone(), self.node.clone() as Arc<dyn Node>)]);
        let (_stop, stopped) = watch::channel(Interruption::No);
        let (events, _reporter) = mpsc::unbounded_channel();
        let done = self.runtime.block_on(apply::apply(plan, &nodes, &mut store, &options, stopped, events));
        done.map_err(|error| error.to_string())
    }
}
