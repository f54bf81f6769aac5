//! A simulated node with a repository in memory and a state folder: all that hl does, but without a process and without
//! an engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hl::apply;
use hl::compose::reader::Memory;
use hl::config::{self, Repository};
use hl::diagnostic::Severity;
use hl::event::{Interruption, Report};
use hl::model::homelab::Homelab;
use hl::model::spec::{ImageConfig, ImageRef};
use hl::model::view::{LiveView, NodeView, RecordedService, Wanted};
use hl::model::{NodeName, ServiceName};
use hl::node::Node;
use hl::node::simulated::{Behaviour, Simulated, World};
use hl::plan::{Input, Options, Plan};
use hl::state::{self, LockOwner, Paths, Store};
use hl::workflow::{engine_states, node_facts};
use tokio::sync::{mpsc, watch};

use super::declared::Declared;

/// The node, its state folder, and what lets the programs of hl run.
pub struct Lab {
    pub node: Arc<Simulated>,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// A plan with what it was made from.
pub struct Planned {
    pub plan: Plan,
    pub homelab: Homelab,
}

/// The images that there are. Those of the one that is called sick are never healthy.
const IMAGES: [&str; 3] = ["sample-lab/app:1", "sample-lab/app:2", "sample-lab/sick:1"];

fn node_name() -> NodeName {
    NodeName::new("box").expect("a name")
}

impl Lab {
    pub fn new() -> Lab {
        let mut world = World::default();
        for reference in IMAGES {
            let behaviour = if reference.contains("sick") { Behaviour::Sick } else { Behaviour::Runs };
            let config = ImageConfig { command: vec!["pause".to_owned()], ..ImageConfig::default() };
            world.publish(reference, config, behaviour);
        }
        // A record is written through to the disk at each step; where the disk is memory that costs nothing.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let node = Arc::new(Simulated::new(node_name(), world));
        for image in IMAGES {
            runtime.block_on(node.pull_image(&ImageRef::new(image), None, &|_| {})).expect("it is published");
        }
        Lab { node, folder: folder.expect("a folder"), runtime }
    }

    fn paths(&self) -> Paths {
        Paths { folder: self.folder.path().join("state"), keys: self.folder.path().join("keys") }
    }

    /// What `hl plan` does. The files must be valid.
    pub fn plan(&self, declared: &Declared) -> Result<Planned, String> {
        let mut files = Memory::default();
        for (path, text) in declared.files("simulated") {
            files.insert(Path::new("/repo").join(path), text);
        }
        let repository = Repository::read_by(Arc::new(files), "/repo", "/repo", None);
        let (sources, said) = config::load(repository);
        refuse(&said)?;
        let (mut wanted, drafts) = config::wanted(&sources, &[]);
        let wanted: Wanted = wanted.remove(&node_name()).expect("there is the node");
        let read = self.runtime.block_on(self.node.read(&wanted)).expect("the node can be read");
        let live = LiveView { nodes: BTreeMap::from([(node_name(), NodeView::Known(Box::new(read)))]) };
        let resolved = config::resolve(&sources, drafts, &node_facts(&live), &[]).complete(&engine_states(&live));
        refuse(&resolved.diagnostics)?;
        let homelab = resolved.homelab;
        let recorded = state::read(&self.paths()).expect("the state can be read");
        let changes = hl::diff::diff(&homelab, &recorded.view, &live, &recorded.sealer);
        let options = Options::default();
        let input =
            Input { homelab: &homelab, recorded: &recorded.view, live: &live, changes: &changes, options: &options };
        Ok(Planned { plan: hl::plan::plan(&input), homelab })
    }

    /// What `hl apply` does after consent.
    pub fn apply(&self, planned: &Planned) -> Result<Report, String> {
        let claim = LockOwner {
            who: "t".into(),
            host: "t".into(),
            pid: 1,
            why: "apply".into(),
            since: "2026-01-01T00:00:00Z".into(),
        };
        let mut store = Store::open(&self.paths(), claim).expect("the state can be opened");
        let homelab = &planned.homelab;
        let services: BTreeMap<ServiceName, RecordedService> =
            homelab.services.values().map(|s| (s.name.clone(), RecordedService::of(s))).collect();
        let options = apply::Options {
            until: None,
            parallelism: 4,
            nodes: homelab.nodes.clone(),
            services,
            secrets: Vec::new(),
            digest: "sha256:0".to_owned(),
            commit: None,
            holder: "ann@desk".to_owned(),
        };
        let nodes: BTreeMap<NodeName, Arc<dyn Node>> =
            BTreeMap::from([(node_name(), self.node.clone() as Arc<dyn Node>)]);
        let (_stop, stopped) = watch::channel(Interruption::No);
        let (events, _reporter) = mpsc::unbounded_channel();
        let done = self.runtime.block_on(apply::apply(&planned.plan, &nodes, &mut store, &options, stopped, events));
        done.map_err(|error| error.to_string())
    }
}

/// The errors of files that should be valid.
fn refuse(said: &hl::diagnostic::Diagnostics) -> Result<(), String> {
    let errors: Vec<String> =
        said.iter().filter(|d| d.severity == Severity::Error).map(|d| d.summary.clone()).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("the files have errors: {}", errors.join("; "))) }
}
