//! `inventory/topology.yaml`, and `inventory/hosts/<node>.yaml`, which holds the keys of one node.
//!
//! [`parse`] and [`parse_host`] read one file each as written; [`Topology::add_host`] lays them over
//! one another and [`Topology::nodes`] fills in what is not said. This module does not know which
//! services have a folder: `config::check` looks at that.

use std::collections::BTreeMap;

use super::section::{self, Context, Located};
use super::service::{self, Declaration};
use super::{address, backup, placement, written_names};
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::model::backup::BackupRepository;
use crate::model::homelab::{self, Maintenance, NodeAddress, Undeclared};
use crate::model::name::{NodeName, ServiceName};
use crate::model::trust::Contact;

/// The keys of the file.
const KEYS: [&str; 8] = ["version", "name", "services_dir", "env_files", "vars", "nodes", "services", "backup"];

/// The keys of a node.
const NODE_KEYS: [&str; 8] =
    ["address", "root", "labels", "vars", "parallelism", "maintenance", "connect_timeout", "undeclared"];

/// The folder that hl works in unless a node says otherwise.
const DEFAULT_ROOT: &str = "/opt/homelab";

/// How many steps a node takes at once unless it says otherwise.
const DEFAULT_PARALLELISM: usize = 4;

/// How long a node may take to answer unless it says otherwise, in milliseconds.
const DEFAULT_CONNECT_TIMEOUT: u64 = 10_000;

/// Whether the inventory is known as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Inventory {
    /// It is.
    #[default]
    Whole,
    /// A file of it is missing or could not be read, which has been reported.
    Partial,
}

/// The inventory as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Topology {
    /// The name of the homelab.
    pub name: Option<Located<String>>,
    /// Where services are, as patterns; none if that is not said.
    pub services_dir: Vec<Located<String>>,
    /// Env files for every service, relative to the repository, each above those before it.
    pub env_files: Vec<Located<String>>,
    /// Public variables for every service.
    pub vars: BTreeMap<String, Located<String>>,
    /// The machines as written.
    pub nodes: BTreeMap<NodeName, NodeKeys>,
    /// The declarations of services, with the place of their name.
    pub services: BTreeMap<ServiceName, (Span, Declaration)>,
    /// Where backups go.
    pub backup: Option<BackupRepository>,
    /// Whether every machine that was meant is among the nodes.
    pub inventory: Inventory,
}

/// The keys of one machine; none for a key that is not written.
#[derive(Clone, Debug)]
pub(super) struct NodeKeys {
    /// Where it is declared.
    pub place: Span,
    address: Option<Located<NodeAddress>>,
    /// An address is written, though it may be wrong.
    has_address: bool,
    root: Option<Located<String>>,
    labels: BTreeMap<String, Located<String>>,
    vars: BTreeMap<String, Located<String>>,
    parallelism: Option<Located<u32>>,
    maintenance: Option<Located<Maintenance>>,
    /// In milliseconds.
    connect_timeout: Option<Located<u64>>,
    undeclared: Option<Located<Undeclared>>,
}

/// A machine with everything filled in.
#[derive(Clone, Debug)]
pub struct NodeSource {
    /// The machine.
    pub node: homelab::Node,
    /// Public variables for its services.
    pub vars: BTreeMap<String, String>,
    /// Where it is declared.
    pub place: Span,
}

/// Reads `topology.yaml`.
pub(super) fn parse(document: &Node, context: &mut Context<'_>) -> Topology {
    let Some(file) = section::open(document, "", &KEYS, context) else { return Topology::default() };
    version(document, context);
    let mut topology = Topology {
        name: file.text("name", context),
        services_dir: file.get("services_dir").map(|node| services_dir(node, context)).unwrap_or_default(),
        env_files: inside_all(file.texts("env_files", context).unwrap_or_default(), "env_files", context),
        vars: file.get("vars").map(|n| variables(n, "vars", context)).unwrap_or_default(),
        backup: file.get("backup").and_then(|n| backup::repository(n, context)),
        ..Topology::default()
    };
    for (name, place, node) in entries(file.get("nodes"), "nodes", context) {
        let path = format!("nodes.{}", name.value);
        let keys = node_keys(node, &path, place, &NODE_KEYS, context);
        match (written_names::node_name(name, context), keys) {
            (Some(name), Some(keys)) => drop(topology.nodes.insert(name.value, keys)),
            _ => topology.inventory = Inventory::Partial,
        }
    }
    for (name, place, node) in entries(file.get("services"), "services", context) {
        let path = format!("services.{}", name.value);
        let Some(name) = written_names::service_name(name, context) else { continue };
        if let Value::Text(word) = &node.value {
            context.wrong_type(node, &path, "a mapping", format!("write `{{ owner_node: {word} }}`"));
            // The owner is clear, so that it is not asked for once more.
            let owner_node = written_names::node_name(Located::new(word.clone(), node.span), context);
            topology.services.insert(name.value, (place, Declaration { owner_node, ..Declaration::default() }));
            continue;
        }
        topology.services.insert(name.value, (place, service::parse(node, &path, context)));
    }
    topology
}

/// A folder or a pattern, or several.
fn services_dir(node: &Node, context: &mut Context<'_>) -> Vec<Located<String>> {
    let key = "services_dir";
    let words: Vec<Located<String>> = match node.as_list() {
        Some(items) => items.iter().filter_map(|item| section::text(item, key, context)).collect(),
        None => section::text(node, key, context).into_iter().collect(),
    };
    inside_all(words, key, context)
}

fn inside_all(paths: Vec<Located<String>>, key: &str, context: &mut Context<'_>) -> Vec<Located<String>> {
    paths.into_iter().filter_map(|path| placement::inside(path, key, context)).collect()
}

/// Reads `hosts/<name>.yaml`: the keys of the node, and the services that it owns.
pub(super) fn parse_host(name: &NodeName, document: &Node, context: &mut Context<'_>) -> Option<Topology> {
    if let Some((key, entry)) = document.as_map().and_then(|m| m.iter().find(|(key, _)| *key == "nodes")) {
        let words = format!("unknown key `{key}`: the file is about the node `{name}` alone");
        let hint = format!("write the keys of `{name}` at the left margin, such as `address:`");
        context.out.push(Diagnostic::error(Code::UnknownKey, words).at(entry.key_span, "").hint(hint));
        return None;
    }
    if document.get("version").is_some() {
        version(document, context);
    }
    let keys = [NODE_KEYS.as_slice(), &["services", "version"]].concat();
    let place = document.as_map().and_then(|m| m.values().next()).map_or(document.span, |e| e.key_span);
    let mut topology = Topology::default();
    topology.nodes.insert(name.clone(), node_keys(document, "", place, &keys, context)?);
    for (service, place, declaration) in owned(document, context) {
        let mut declaration = declaration.map(|n| service::parse(n, "services", context)).unwrap_or_default();
        declaration.owner_node.get_or_insert_with(|| Located::new(name.clone(), place));
        topology.services.insert(service, (place, declaration));
    }
    Some(topology)
}

/// The services that the file of a node lists: names, or names with what is said about each.
fn owned<'a>(document: &'a Node, context: &mut Context<'_>) -> Vec<(ServiceName, Span, Option<&'a Node>)> {
    let Some(services) = document.get("services") else { return Vec::new() };
    let names: Vec<(Located<String>, Option<&Node>)> = match services.as_list() {
        Some(items) => items.iter().filter_map(|i| section::text(i, "services", context)).map(|n| (n, None)).collect(),
        None => {
            let named = entries(Some(services), "services", context).into_iter();
            named.map(|(name, _, node)| (name, Some(node))).collect()
        }
    };
    let mut found = Vec::new();
    for (name, node) in names {
        if let Some(name) = written_names::service_name(name, context) {
            found.push((name.value, name.span, node));
        }
    }
    found
}

fn version(document: &Node, context: &mut Context<'_>) {
    let start = Span { end: document.span.start, ..document.span };
    match document.get("version") {
        None => {
            let diagnostic = Diagnostic::error(Code::MissingKey, "the file does not say its `version`");
            context.out.push(diagnostic.at(start, "").hint("add `version: 1` as its first line"));
        }
        Some(Node { value: Value::Int(1), .. }) => {}
        Some(node) => {
            let written = context.written(node).unwrap_or_else(|| node.kind().to_owned());
            let words = format!("this hl does not know version {written}");
            let hint = "write `version: 1`, or use the hl that this file was written for";
            context.out.push(Diagnostic::error(Code::UnsupportedVersion, words).at(node.span, "").hint(hint));
        }
    }
}

/// The entries of a mapping: name, its place, value.
fn entries<'a>(
    node: Option<&'a Node>,
    path: &str,
    context: &mut Context<'_>,
) -> Vec<(Located<String>, Span, &'a Node)> {
    let Some(node) = node.filter(|n| !n.is_null()) else { return Vec::new() };
    let Some(map) = node.as_map() else {
        context.wrong_type(node, path, "a mapping", format!("write the names below `{path}:`, one a line"));
        return Vec::new();
    };
    map.iter().map(|(name, e)| (Located::new(name.clone(), e.key_span), e.key_span, &e.node)).collect()
}

fn node_keys(node: &Node, path: &str, place: Span, keys: &[&str], context: &mut Context<'_>) -> Option<NodeKeys> {
    if let Value::Text(word) = &node.value {
        context.wrong_type(node, path, "a mapping", format!("write `{{ address: \"{word}\" }}`"));
        return None;
    }
    let section = section::open(node, path, keys, context)?;
    let maintenance = section.flag("maintenance", context);
    let labels = section.get("labels").map(|n| section::scalars(n, &section.path_of("labels"), context));
    Some(NodeKeys {
        place,
        address: section.text("address", context).and_then(|text| node_address(text, context)),
        has_address: section.get("address").is_some(),
        root: section.text("root", context).and_then(|path| service::absolute(path, &section.path_of("root"), context)),
        labels: labels.unwrap_or_default().into_iter().map(|(name, value)| (name.value, value)).collect(),
        vars: section.get("vars").map(|n| variables(n, &section.path_of("vars"), context)).unwrap_or_default(),
        parallelism: section.number("parallelism", 1, 1000, context),
        maintenance: maintenance.map(|m| m.map(|on| if on { Maintenance::On } else { Maintenance::Off })),
        connect_timeout: service::positive(&section, "connect_timeout", context),
        undeclared: section.word(
            "undeclared",
            &[("report", Undeclared::Report), ("ignore", Undeclared::Ignore)],
            context,
        ),
    })
}

fn node_address(text: Located<String>, context: &mut Context<'_>) -> Option<Located<NodeAddress>> {
    match address::node_address(&text.value) {
        Ok(address) => Some(Located::new(address, text.span)),
        Err(error) => {
            // The text itself may hold a password, so it is not repeated.
            let words = format!("the address {}", error.why);
            context.out.push(Diagnostic::error(Code::NodeAddress, words).at(text.span, "").hint(error.hint));
            None
        }
    }
}

fn variables(node: &Node, path: &str, context: &mut Context<'_>) -> BTreeMap<String, Located<String>> {
    let mut found = BTreeMap::new();
    for (name, value) in section::scalars(node, path, context) {
        if let Some(name) = service::variable_name(name, context) {
            found.insert(name.value, value);
        }
    }
    found
}

/// A machine of which nothing is said but its address.
pub fn node_at(name: NodeName, address: NodeAddress) -> homelab::Node {
    homelab::Node {
        name,
        address,
        root: DEFAULT_ROOT.to_owned(),
        labels: BTreeMap::new(),
        parallelism: DEFAULT_PARALLELISM,
        maintenance: Maintenance::Off,
        connect_timeout_ms: DEFAULT_CONNECT_TIMEOUT,
        undeclared: Undeclared::Report,
        contact: Contact::Allowed,
    }
}

impl Topology {
    /// Adds what the file of one node says.
    pub fn add_host(&mut self, host: Topology, out: &mut Diagnostics) {
        for (name, keys) in host.nodes {
            match self.nodes.remove(&name) {
                None => self.nodes.insert(name, keys),
                Some(first) => {
                    let both = first.joined(&name, keys, out);
                    self.nodes.insert(name, both)
                }
            };
        }
        for (name, (place, declaration)) in host.services {
            match self.services.remove(&name) {
                None => self.services.insert(name, (place, declaration)),
                Some((first, there)) => {
                    let both = service::merge(name.as_str(), there, declaration, out);
                    self.services.insert(name, (first, both))
                }
            };
        }
    }

    /// The machines with everything filled in; one without an address is reported and left out.
    pub fn nodes(&self, out: &mut Diagnostics) -> BTreeMap<NodeName, NodeSource> {
        let mut nodes = BTreeMap::new();
        for (name, keys) in &self.nodes {
            let Some(address) = &keys.address else {
                if !keys.has_address {
                    let diagnostic = Diagnostic::error(Code::MissingKey, format!("the node `{name}` has no address"));
                    let hint = "add `address: local` for this machine or `address: ssh://user@host` for another";
                    out.push(diagnostic.at(keys.place, "").hint(hint));
                }
                continue;
            };
            let plain = |map: &BTreeMap<String, Located<String>>| {
                map.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect::<BTreeMap<_, _>>()
            };
            let unsaid = node_at(name.clone(), address.value.clone());
            let node = homelab::Node {
                root: keys.root.as_ref().map_or(unsaid.root, |r| r.value.clone()),
                labels: plain(&keys.labels),
                parallelism: keys.parallelism.as_ref().map_or(unsaid.parallelism, |p| p.value as usize),
                maintenance: keys.maintenance.as_ref().map(|m| m.value).unwrap_or_default(),
                connect_timeout_ms: keys.connect_timeout.as_ref().map_or(unsaid.connect_timeout_ms, |t| t.value),
                undeclared: keys.undeclared.as_ref().map(|u| u.value).unwrap_or_default(),
                ..unsaid
            };
            nodes.insert(name.clone(), NodeSource { node, vars: plain(&keys.vars), place: keys.place });
        }
        same_machine(&nodes, out);
        nodes
    }
}

/// Two names of one machine: what they publish and claim would not be held against one another.
fn same_machine(nodes: &BTreeMap<NodeName, NodeSource>, out: &mut Diagnostics) {
    let mut seen: BTreeMap<&NodeAddress, (&NodeName, Span)> = BTreeMap::new();
    for (name, source) in nodes {
        if source.node.address == NodeAddress::Simulated {
            continue;
        }
        if let Some((first, place)) = seen.insert(&source.node.address, (name, source.place)) {
            let words = format!("`{first}` and `{name}` have one address");
            let diagnostic = Diagnostic::warning(Code::DuplicateNode, words).at(source.place, "this node");
            let detail = "Clashes of ports and names between services of the two would not be found.";
            out.push(diagnostic.at(place, "and this one").detail(detail).hint("declare the machine once"));
        }
    }
}

impl NodeKeys {
    /// Both files' keys together; a key with two different answers is a mistake.
    fn joined(self, name: &NodeName, other: NodeKeys, out: &mut Diagnostics) -> NodeKeys {
        let mut differ = |key: &str, first: Span, second: Span| {
            let words = format!("two files give the node `{name}` a different `{key}`");
            let diagnostic = Diagnostic::error(Code::DuplicateNode, words).at(second, "here").at(first, "and here");
            out.push(diagnostic.hint("keep the line that is right"));
        };
        let labels = join_maps("labels", self.labels, other.labels, &mut differ);
        let vars = join_maps("vars", self.vars, other.vars, &mut differ);
        NodeKeys {
            place: self.place,
            has_address: self.has_address || other.has_address,
            address: join("address", self.address, other.address, &mut differ),
            root: join("root", self.root, other.root, &mut differ),
            labels,
            vars,
            parallelism: join("parallelism", self.parallelism, other.parallelism, &mut differ),
            maintenance: join("maintenance", self.maintenance, other.maintenance, &mut differ),
            connect_timeout: join("connect_timeout", self.connect_timeout, other.connect_timeout, &mut differ),
            undeclared: join("undeclared", self.undeclared, other.undeclared, &mut differ),
        }
    }
}

fn join<T: PartialEq>(
    key: &str,
    first: Option<Located<T>>,
    second: Option<Located<T>>,
    differ: &mut dyn FnMut(&str, Span, Span),
) -> Option<Located<T>> {
    if let (Some(a), Some(b)) = (&first, &second)
        && a.value != b.value
    {
        differ(key, a.span, b.span);
    }
    first.or(second)
}

fn join_maps(
    key: &str,
    mut first: BTreeMap<String, Located<String>>,
    second: BTreeMap<String, Located<String>>,
    differ: &mut dyn FnMut(&str, Span, Span),
) -> BTreeMap<String, Located<String>> {
    for (name, value) in second {
        let both = join(&format!("{key}.{name}"), first.remove(&name), Some(value), differ);
        first.extend(both.map(|value| (name, value)));
    }
    first
}
