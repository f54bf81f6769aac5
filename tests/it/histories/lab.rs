//! A repository in memory and a simulated node: the plans and applies of hl without a process and without an engine.

use std::path::Path;
use std::sync::Arc;

use hl::compose::reader::Memory;
use hl::config::{self, Repository};
use hl::diagnostic::Severity;
use hl::event::Report;
use hl::model::NodeName;
use hl::model::homelab::Homelab;
use hl::model::spec::{ImageConfig, ImageRef};
use hl::model::view::Wanted;
use hl::node::Node;
use hl::node::simulated::{Behaviour, World};
use hl::plan::Plan;
use hl::workflow::{engine_states, node_facts};

use super::declared::Declared;
use crate::support::rehearsal::Rehearsal;

/// The node and its state folder.
pub struct Lab(Rehearsal);

/// A plan with the homelab that it was made from.
pub struct Planned {
    pub plan: Plan,
    pub homelab: Homelab,
}

/// The images that there are. Those of the one that is called sick are never healthy.
const IMAGES: [&str; 3] = ["sample-lab/app:1", "sample-lab/app:2", "sample-lab/sick:1"];

/// The name of the node.
const NODE: &str = "box";

impl Lab {
    pub fn new() -> Lab {
        let mut world = World::default();
        for reference in IMAGES {
            let behaviour = if reference.contains("sick") { Behaviour::Sick } else { Behaviour::Runs };
            let config = ImageConfig { command: vec!["pause".to_owned()], ..ImageConfig::default() };
            world.publish(reference, config, behaviour);
        }
        let lab = Rehearsal::new(NODE, world);
        for image in IMAGES {
            let image = ImageRef::new(image);
            lab.runtime.block_on(lab.node.pull_image(&image, None, &|_| {})).expect("it is published");
        }
        Lab(lab)
    }

    /// The content of the node, to look at or to disturb.
    pub fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.0.node.world()
    }

    /// Fails all changing calls after so many, as if the link were cut; `None` mends it.
    pub fn cut_after(&self, calls: Option<usize>) {
        self.0.node.cut_after(calls);
    }

    /// Plans as `hl plan` does. The files must be valid.
    pub fn plan(&self, declared: &Declared) -> Result<Planned, String> {
        let mut files = Memory::default();
        for (path, text) in declared.files("simulated") {
            files.insert(Path::new("/repo").join(path), text);
        }
        let repository = Repository::read_by(Arc::new(files), "/repo", "/repo", None);
        let (sources, said) = config::load(repository);
        refuse(&said)?;
        let (mut wanted, drafts) = config::wanted(&sources, &[]);
        let wanted: Wanted = wanted.remove(&NodeName::new(NODE).expect("a name")).expect("there is the node");
        let live = self.0.live(&wanted);
        let resolved = config::resolve(&sources, drafts, &node_facts(&live), &[]).complete(&engine_states(&live));
        refuse(&resolved.diagnostics)?;
        Ok(Planned { plan: self.0.plan(&resolved.homelab, &live), homelab: resolved.homelab })
    }

    /// Applies as `hl apply` does after consent.
    pub fn apply(&self, planned: &Planned) -> Result<Report, String> {
        self.0.apply(&planned.homelab, &planned.plan)
    }
}

/// The errors of files that should be valid.
fn refuse(said: &hl::diagnostic::Diagnostics) -> Result<(), String> {
    let errors: Vec<String> =
        said.iter().filter(|d| d.severity == Severity::Error).map(|d| d.summary.clone()).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("the files have errors: {}", errors.join("; "))) }
}
