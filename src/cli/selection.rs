//! What part of the homelab a command is about, and with which variables.

use std::collections::BTreeSet;

use clap::Args;

use super::exit::Failure;
use crate::diagnostic::did_you_mean;
use crate::model::homelab::Homelab;
use crate::model::view::RecordedView;
use crate::model::{NodeName, ServiceName, Target};
use crate::plan;

/// The part of the homelab.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selection {
    /// Only this: a node, a service or a resource, such as nas, immich or nas/immich/container:server.
    #[arg(short, long = "target", value_name = "ADDRESS")]
    pub targets: Vec<Target>,
    /// Not this.
    #[arg(short = 'x', long = "exclude", value_name = "ADDRESS")]
    pub excludes: Vec<Target>,
    /// Only what is on this node.
    #[arg(long = "node", value_name = "NODE", value_parser = node)]
    pub nodes: Vec<NodeName>,
}

/// Variables of the command line.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Variables {
    /// A variable for the compose files, over those of the nodes and of the repository.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
}

fn node(text: &str) -> Result<NodeName, String> {
    NodeName::new(text).map_err(|error| error.to_string())
}

/// Reads `NAME=VALUE`.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Selection {
    /// The same as what a plan is asked for. A node alone could also be the name of a service, so
    /// `--node` becomes its services by their whole names.
    ///
    /// # Errors
    /// Names that are nowhere in the homelab.
    pub fn options(&self, homelab: &Homelab, recorded: &RecordedView) -> Result<plan::Options, Failure> {
        let places = places(homelab, recorded);
        let nodes: BTreeSet<&NodeName> = homelab.nodes.keys().chain(places.iter().map(|(node, _)| node)).collect();
        let services: BTreeSet<&ServiceName> = places.iter().map(|(_, service)| service).collect();
        for target in self.targets.iter().chain(&self.excludes) {
            for word in target.words() {
                let known = nodes.iter().map(|n| n.as_str()).chain(services.iter().map(|s| s.as_str()));
                named(word, "node or service", known)?;
            }
        }
        let mut targets = self.targets.clone();
        for node in &self.nodes {
            named(node.as_str(), "node", nodes.iter().map(|n| n.as_str()))?;
            let on_it = places.iter().filter(|(at, _)| at == node);
            let on_it: Vec<Target> = on_it.filter_map(|(n, s)| format!("{n}/{s}").parse().ok()).collect();
            if on_it.is_empty() {
                return Err(Failure::world(format!("no service is on {node}")));
            }
            targets.extend(on_it);
        }
        Ok(plan::Options { targets, excludes: self.excludes.clone(), ..plan::Options::default() })
    }
}

/// Every service with its node, declared or recorded.
fn places(homelab: &Homelab, recorded: &RecordedView) -> BTreeSet<(NodeName, ServiceName)> {
    let declared = homelab.services.values().map(|s| (s.node.clone(), s.name.clone()));
    let unresolved = homelab.unresolved.iter().map(|(name, u)| (u.node.clone(), name.clone()));
    let resources = recorded.resources.keys().map(|addr| (addr.node.clone(), addr.service.clone()));
    declared.chain(unresolved).chain(resources).collect()
}

fn named<'a>(word: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> Result<(), Failure> {
    if known.clone().any(|name| name == word) {
        return Ok(());
    }
    let failure = Failure::usage(format!("there is no {what} `{word}`"));
    Err(match did_you_mean(word, known) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    })
}
