//! Which part of the homelab a caller asks for, by names that have to be known.

use std::collections::BTreeSet;

use crate::diagnostic::did_you_mean;
use crate::diff;
use crate::model::homelab::Homelab;
use crate::model::view::RecordedView;
use crate::model::{Addr, Kind, NodeName, ServiceName, Target};
use crate::plan;

/// A part of the homelab; all of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these.
    pub targets: Vec<Target>,
    /// Not these.
    pub excludes: Vec<Target>,
    /// Only the services on these nodes, beside the targets.
    pub nodes: Vec<NodeName>,
}

/// Why a selection selects nothing that can be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A name is neither declared nor recorded.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// The kind of object that the name should refer to.
        kind: Named,
        /// The name.
        name: String,
        /// The known name that is most like it, if one is.
        similar: Option<String>,
    },
    /// `--replace` is given for what hl only adds to.
    #[error("a {0} cannot be made anew")]
    NotReplaceable(Kind),
    /// Neither a declared nor a recorded service is on this node.
    #[error("no service is on {0}")]
    EmptyNode(NodeName),
}

/// The kind of object that a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A node.
    Node,
    /// A node or a service.
    NodeOrService,
    /// A node or a service of which something is declared.
    Declared,
    /// A resource of a service.
    Resource,
    /// A node, a service or a resource of which something is recorded.
    Recorded,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Named::Node => "node",
            Named::NodeOrService => "node or service",
            Named::Declared => "declared node or service",
            Named::Resource => "resource",
            Named::Recorded => "recorded node, service or resource",
        })
    }
}

impl Selection {
    /// The same as the options of a plan. A node alone could also be the name of a service, so [`Selection::nodes`]
    /// become their services by their whole names.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub fn options(&self, homelab: &Homelab, recorded: &RecordedView) -> Result<plan::Options, SelectionError> {
        let services = services(homelab, recorded);
        let nodes: BTreeSet<&NodeName> = homelab.nodes.keys().chain(services.iter().map(|(node, _)| node)).collect();
        let names: BTreeSet<&ServiceName> = services.iter().map(|(_, service)| service).collect();
        for target in self.targets.iter().chain(&self.excludes) {
            for word in target.words() {
                let known = nodes.iter().map(|n| n.as_str()).chain(names.iter().map(|s| s.as_str()));
                require(Named::NodeOrService, word, known)?;
            }
        }
        self.require_parts(homelab, recorded)?;
        let mut targets = self.targets.clone();
        for node in &self.nodes {
            require(Named::Node, node.as_str(), nodes.iter().map(|n| n.as_str()))?;
            let on_it = services.iter().filter(|(at, _)| at == node);
            let on_it: Vec<Target> = on_it.filter_map(|(n, s)| format!("{n}/{s}").parse().ok()).collect();
            if on_it.is_empty() {
                return Err(SelectionError::EmptyNode(node.clone()));
            }
            targets.extend(on_it);
        }
        Ok(plan::Options { targets, excludes: self.excludes.clone(), ..plan::Options::default() })
    }
}

impl Selection {
    /// Makes sure that there is what the targets name of a service, as far as its files and the record tell.
    fn require_parts(&self, homelab: &Homelab, recorded: &RecordedView) -> Result<(), SelectionError> {
        let parts: Vec<&Target> =
            self.targets.iter().chain(&self.excludes).filter(|target| !target.is_whole()).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let declared = homelab.services.values().flat_map(diff::addresses);
        let known: BTreeSet<Addr> = declared.chain(recorded.resources.keys().cloned()).collect();
        for target in parts {
            // Nobody knows yet what is in a service whose files have errors.
            let is_unresolved =
                homelab.unresolved.iter().any(|(name, service)| target.covers_service(&service.node, name));
            if !is_unresolved && !known.iter().any(|addr| target.covers(addr)) {
                let texts: Vec<String> = known.iter().flat_map(|addr| [addr.to_string(), short(addr)]).collect();
                require(Named::Resource, &target.to_string(), texts.iter().map(String::as_str))?;
            }
        }
        Ok(())
    }
}

/// Makes sure that something is declared of what each target of the options names: only a declaration says what works.
///
/// # Errors
/// [`SelectionError::Unknown`].
pub fn require_declared(options: &plan::Options, homelab: &Homelab) -> Result<(), SelectionError> {
    let resolved = homelab.services.values().map(|service| (&service.node, &service.name));
    let unresolved = homelab.unresolved.iter().map(|(name, service)| (&service.node, name));
    let declared: Vec<(&NodeName, &ServiceName)> = resolved.chain(unresolved).collect();
    for target in &options.targets {
        if !declared.iter().any(|(node, service)| target.covers_service(node, service)) {
            let names = declared.iter().map(|(_, service)| service.as_str());
            require(Named::Declared, &target.to_string(), names)?;
        }
    }
    Ok(())
}

/// Makes sure that something is recorded of each of these targets.
///
/// # Errors
/// [`SelectionError::Unknown`].
pub fn require_recorded(targets: &[Target], recorded: &RecordedView) -> Result<(), SelectionError> {
    let known: Vec<&Addr> = recorded.resources.keys().collect();
    for target in targets.iter().filter(|target| !known.iter().any(|addr| target.covers(addr))) {
        let of = |addr: &&Addr| [addr.node.to_string(), addr.service.to_string(), short(addr), addr.to_string()];
        let texts: BTreeSet<String> = known.iter().flat_map(of).collect();
        // One that is spelled right and covers nothing is as unknown.
        let others = texts.iter().map(String::as_str).filter(|text| *text != target.to_string());
        require(Named::Recorded, &target.to_string(), others.collect::<Vec<_>>().into_iter())?;
    }
    Ok(())
}

/// The address of a resource without its node.
fn short(addr: &Addr) -> String {
    format!("{}/{}:{}", addr.service, addr.kind, addr.name)
}

/// Makes sure that the options name resources that are declared or recorded: data may be lost where they are meant, and
/// somebody expects that they are made anew.
///
/// # Errors
/// [`SelectionError`].
pub fn require_resources(
    options: &plan::Options,
    homelab: &Homelab,
    recorded: &RecordedView,
) -> Result<(), SelectionError> {
    let declared = homelab.services.values().flat_map(diff::addresses);
    let known: BTreeSet<Addr> = declared.chain(recorded.resources.keys().cloned()).collect();
    for target in options.replace.iter().chain(&options.allow_data_loss) {
        if !known.iter().any(|addr| target.covers(addr)) {
            let texts: Vec<String> = known.iter().flat_map(|addr| [addr.to_string(), short(addr)]).collect();
            require(Named::Resource, &target.to_string(), texts.iter().map(String::as_str))?;
        }
    }
    let additive = |addr: &&Addr| matches!(addr.kind, Kind::Directory | Kind::Image);
    match known.iter().filter(additive).find(|addr| options.replaces(addr)) {
        Some(addr) => Err(SelectionError::NotReplaceable(addr.kind)),
        None => Ok(()),
    }
}

/// Every service with its node, declared or recorded.
fn services(homelab: &Homelab, recorded: &RecordedView) -> BTreeSet<(NodeName, ServiceName)> {
    let declared = homelab.services.values().map(|s| (s.node.clone(), s.name.clone()));
    let unresolved = homelab.unresolved.iter().map(|(name, u)| (u.node.clone(), name.clone()));
    let resources = recorded.resources.keys().map(|addr| (addr.node.clone(), addr.service.clone()));
    declared.chain(unresolved).chain(resources).collect()
}

/// Makes sure that a name is one of those that are known.
pub(super) fn require<'a>(
    kind: Named,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), SelectionError> {
    if known.clone().any(|known| known == name) {
        return Ok(());
    }
    let similar = did_you_mean(name, known).map(ToString::to_string);
    Err(SelectionError::Unknown { kind, name: name.to_owned(), similar })
}
