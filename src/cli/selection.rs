//! The part of the homelab that a command applies to, and the variables for it.

use clap::Args;

use crate::model::view::RecordedView;
use crate::model::{NodeName, Target};
use crate::plan;
use crate::workflow::{self, Observation};

/// The part of the homelab.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selection {
    /// Only this node, service or resource, such as nas, immich or nas/immich/container:server.
    #[arg(short, long = "target", value_name = "ADDRESS")]
    pub targets: Vec<Target>,
    /// Everything but this node, service or resource.
    #[arg(short = 'x', long = "exclude", value_name = "ADDRESS")]
    pub excludes: Vec<Target>,
    /// Only services on this node.
    #[arg(long = "node", value_name = "NODE")]
    pub nodes: Vec<NodeName>,
}

/// Variables of the command line.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Variables {
    /// Variable for the compose files; overrides those of nodes and repository.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
}

/// Reads `NAME=VALUE`.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Selection {
    /// The same as the options of a plan.
    ///
    /// # Errors
    /// Names that are nowhere in the homelab.
    pub fn options(
        &self,
        observation: &Observation,
        recorded: &RecordedView,
    ) -> Result<plan::Options, workflow::SelectionError> {
        let Selection { targets, excludes, nodes } = self.clone();
        workflow::Selection { targets, excludes, nodes }.options(&observation.homelab, recorded)
    }
}
