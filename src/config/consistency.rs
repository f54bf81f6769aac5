//! Owners, dependencies and files of services, held against one another. Needs no node and no variable.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::folders::{EnvFile, Folder, Found, ServiceSource};
use super::layout::Expects;
use super::placement::{NODE, Nodes};
use super::secrets;
use super::section::{Located, names};
use super::service::{self, Declaration};
use super::service_folder::own_name;
use super::topology::{Inventory, NodeSource};
use crate::compose::reader::{Files, Kind, ReadError};
use crate::compose::syntax::path::clean;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, Visibility, did_you_mean};
use crate::model::cycle::cycles;
use crate::model::homelab::HealthScript;
use crate::model::name::{NodeName, ServiceName};

/// The script that is run if service.yaml names none.
const DEFAULT_SCRIPT: &str = "healthcheck.sh";

/// The machines by name: those that are declared at all, and those of them whose keys are complete.
struct Machines<'a> {
    declared: BTreeSet<NodeName>,
    complete: &'a BTreeMap<NodeName, NodeSource>,
    inventory: Inventory,
}

/// The services that have an owner and a compose file; what the others lack is reported.
pub(super) fn services(
    found: Found,
    nodes: &BTreeMap<NodeName, NodeSource>,
    root: &Path,
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> BTreeMap<ServiceName, ServiceSource> {
    let Found { topology, mut folders, inventory } = found;
    let declared_nodes = topology.nodes.keys().cloned().collect();
    let machines = Machines { declared: declared_nodes, complete: nodes, inventory };
    let known: BTreeSet<ServiceName> = folders.keys().cloned().collect();
    let mut declared: BTreeMap<ServiceName, (Vec<Folder>, Option<Span>)> = BTreeMap::new();
    for (name, (place, from_topology)) in topology.services {
        let Some(mut folders) = folders.remove(&name) else {
            // A path that leads nowhere has been reported.
            if from_topology.placement.path.is_none() {
                out.push(no_folder(&name, place, &known));
            }
            continue;
        };
        for folder in &mut folders {
            let own = std::mem::take(&mut folder.declaration);
            folder.declaration = service::merge(name.as_str(), from_topology.clone(), own, out);
        }
        declared.insert(name, (folders, Some(place)));
    }
    declared.extend(folders.into_iter().map(|(name, folders)| (name, (folders, None))));
    // Patterns that lead to nothing have been reported.
    if declared.is_empty() && inventory == Inventory::Whole && topology.services_dir.is_empty() {
        let words = "the homelab has no service yet";
        let hint = "add a folder such as services/traefik with a docker-compose.yml in it, or say where your services are with `services_dir`";
        out.push(Diagnostic::warning(Code::EmptyHomelab, words).hint(hint));
    }
    let first = |(name, (folders, _)): (&ServiceName, &(Vec<Folder>, Option<Span>))| {
        Some((name.clone(), folders.first()?.declaration.clone()))
    };
    let edges: BTreeMap<ServiceName, Declaration> = declared.iter().filter_map(first).collect();
    dependencies(&edges, out);
    let mut sources = BTreeMap::new();
    for (name, (folders, place)) in declared {
        let is_many = folders.len() > 1;
        for folder in folders {
            backup_nodes(&folder.declaration, &machines, out);
            example_rules(&folder, out);
            let instances = instances(&name, &folder, is_many, &machines, out);
            for (name, node) in instances {
                let service = Instance { name, node, root, env_files: &topology.env_files };
                if let Some(source) = service.source(folder.clone(), place, files, out) {
                    sources.insert(source.name.clone(), source);
                }
            }
        }
    }
    sources
}

/// The machines that a folder is a service of, each with the name of the service there. None if nobody owns it, or if its
/// owner's keys are wrong, which has been reported.
fn instances(
    name: &ServiceName,
    folder: &Folder,
    is_many: bool,
    machines: &Machines<'_>,
    out: &mut Diagnostics,
) -> Vec<(ServiceName, NodeName)> {
    let placement = &folder.declaration.placement;
    let owner_node = folder.declaration.owner_node.as_ref();
    if let (Some(nodes), Some(owner)) = (&placement.nodes, owner_node) {
        let words = format!("`{name}` has both an owner and a list of nodes");
        let diagnostic = Diagnostic::error(Code::Conflict, words).at(nodes.span, "on each of these").at(owner.span, "");
        let hint = "write `nodes` for a service that runs on several machines, `owner_node` for one that can move";
        out.push(diagnostic.hint(hint));
        return Vec::new();
    }
    if let (Some(nodes), Some(backup)) = (&placement.nodes, folder.declaration.backup_nodes.iter().flatten().next()) {
        let words = format!("`{name}` runs on each of its nodes, so that none stands in for another");
        let diagnostic = Diagnostic::error(Code::Conflict, words).at(backup.span, "").at(nodes.span, "its nodes");
        out.push(
            diagnostic.hint("take out `backup_nodes`, or give the service an `owner_node` in the place of `nodes`"),
        );
        return Vec::new();
    }
    let complete = |node: &NodeName| machines.complete.contains_key(node);
    match (&placement.nodes, &folder.node) {
        (Some(nodes), node) => {
            if let Nodes::Named(names) = &nodes.value {
                let unknown = names.iter().filter(|node| !machines.declared.contains(&node.value));
                let unknown = unknown.filter(|_| machines.inventory == Inventory::Whole);
                unknown.for_each(|node| out.push(unknown_node(&node.value, node.span, machines)));
            }
            let labelled = machines.complete.iter().map(|(name, source)| (name, &source.node.labels));
            let chosen = nodes.value.chosen(labelled);
            if let (Nodes::Labelled { name: label, .. }, true) = (&nodes.value, chosen.is_empty()) {
                let words = format!("no node has the label `{label}` that `nodes` of `{name}` asks for");
                let hint = format!("add `labels: {{ {label}: \"…\" }}` to a node in inventory/topology.yaml");
                out.push(Diagnostic::warning(Code::NoEffect, words).at(nodes.span, "").hint(hint));
            }
            let here = chosen.into_iter().filter(|chosen| node.as_ref().is_none_or(|node| node == *chosen));
            here.map(|node| (name.on(node), node.clone())).collect()
        }
        (None, Some(node)) => {
            if let Some(owner) = owner_node.filter(|owner| owner.value != *node) {
                let words = format!("`{name}` lies in the folder of `{node}`, and another node is to own it");
                let hint = format!("move the folder to that of `{}`, or take out `owner_node`", owner.value);
                out.push(Diagnostic::error(Code::TwoOwners, words).at(owner.span, "").hint(hint));
                return Vec::new();
            }
            let name = if is_many { name.on(node) } else { name.clone() };
            Some((name, node.clone())).filter(|(_, node)| complete(node)).into_iter().collect()
        }
        (None, None) => owner(name, folder, machines, out).map(|node| (name.clone(), node)).into_iter().collect(),
    }
}

/// A service on its machine, before its files are known.
struct Instance<'a> {
    name: ServiceName,
    node: NodeName,
    /// The root of the repository.
    root: &'a Path,
    /// The env files that all services have.
    env_files: &'a [Located<String>],
}

impl Instance<'_> {
    /// The service; none without a Compose file, which is reported.
    fn source(
        self,
        folder: Folder,
        place: Option<Span>,
        files: &mut Files<'_>,
        out: &mut Diagnostics,
    ) -> Option<ServiceSource> {
        let placement = &folder.declaration.placement;
        let written = |file: &Located<String>| Located::new(file.value.replace(NODE, self.node.as_str()), file.span);
        let named: Vec<Located<String>> = match (&placement.files, &folder.file) {
            (Some(files), _) => files.iter().map(written).collect(),
            (None, file) => file.iter().cloned().collect(),
        };
        let compose_files = match named.is_empty() {
            true => folder.compose_files.clone(),
            false => named.iter().map(|file| joined(&folder.path, &file.value)).collect(),
        };
        if let Some((file, path)) = named.iter().zip(&compose_files).find(|(_, path)| files.kind(path) != Kind::File) {
            let shown = files.shown(path);
            out.push(match files.refusal(path) {
                Some(refusal) => ReadError::Refused(refusal).diagnostic(&shown, "").at(file.span, "named here"),
                None => Diagnostic::error(Code::MissingFile, format!("{} is not there", shown.display()))
                    .at(file.span, "named here")
                    .hint("check the path: it is relative to the service's folder"),
            });
            return None;
        }
        if compose_files.is_empty() {
            out.push(no_compose_file(&self.name, &folder, &files.shown(&folder.path), place));
            return None;
        }
        let own: Vec<EnvFile> = match &placement.env_files {
            Some(files) => files.iter().map(written).map(|f| EnvFile { path: f.value, named: Some(f.span) }).collect(),
            None => vec![EnvFile { path: ".env".to_owned(), named: None }],
        };
        let above = folder.path.strip_prefix(self.root).map_or(0, |below| below.components().count());
        let for_all = self.env_files.iter().map(|file| {
            let path = format!("{}{}", "../".repeat(above), file.value);
            EnvFile { path, named: Some(file.span) }
        });
        let health = health_script(&folder, self.root, files, out);
        Some(ServiceSource {
            name: self.name.clone(),
            known_as: None,
            node: self.node.clone(),
            secrets_file: folder.path.join(own_name(&folder.prefix, secrets::FILE)),
            named_after: folder.file.map(|_| self.name.as_str().to_owned()),
            env_files: for_all.chain(own).collect(),
            files: named,
            folder: folder.path,
            declaration: folder.declaration,
            compose_files,
            env_example: folder.env_example,
            env_example_file: folder.env_example_file,
            env_example_path: folder.env_example_path,
            secrets: folder.secrets,
            health,
            place: folder.place.or(place),
        })
    }
}

/// A path that starts from a folder, without `.` and `..`.
fn joined(folder: &Path, path: &str) -> PathBuf {
    PathBuf::from(clean(&folder.join(path).to_string_lossy()))
}

fn no_folder(name: &ServiceName, place: Span, known: &BTreeSet<ServiceName>) -> Diagnostic {
    let words = format!("the service `{name}` has no folder");
    let hint = match did_you_mean(name.as_str(), known.iter().map(ServiceName::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("create services/{name}/docker-compose.yml, or remove this line"),
    };
    Diagnostic::error(Code::UnknownService, words).at(place, "").hint(hint)
}

/// A folder that nobody says anything about may be something else than a service.
fn no_compose_file(name: &ServiceName, folder: &Folder, shown: &Path, in_topology: Option<Span>) -> Diagnostic {
    let words = format!("{} holds no compose file", shown.display());
    let hint = match folder.expects {
        Expects::ComposeFile => format!("add {}/docker-compose.yml, or remove the folder", shown.display()),
        Expects::Nothing => format!("add a compose file, or say with `files` of `{name}` what it is called"),
    };
    match in_topology.or(folder.place) {
        Some(place) => Diagnostic::error(Code::UnusedFolder, words).at(place, "declared here").hint(hint),
        None => Diagnostic::warning(Code::UnusedFolder, words).hint(hint),
    }
}

fn owner(name: &ServiceName, folder: &Folder, machines: &Machines<'_>, out: &mut Diagnostics) -> Option<NodeName> {
    let only = || machines.declared.first().filter(|_| machines.declared.len() == 1).cloned();
    let owner = match &folder.declaration.owner_node {
        Some(owner) if machines.declared.contains(&owner.value) => Some(owner.value.clone()),
        _ if machines.inventory == Inventory::Partial => None,
        Some(owner) => {
            out.push(unknown_node(&owner.value, owner.span, machines));
            None
        }
        None => only().or_else(|| {
            out.push(no_owner(name, folder, machines));
            None
        }),
    };
    // A machine whose keys are wrong has been reported.
    owner.filter(|node| machines.complete.contains_key(node))
}

fn no_owner(name: &ServiceName, folder: &Folder, machines: &Machines<'_>) -> Diagnostic {
    let hint = match machines.declared.first() {
        Some(node) => format!("add `{name}: {{ owner_node: {node} }}` below `services:` in inventory/topology.yaml"),
        None => "declare a node below `nodes:` in inventory/topology.yaml: `nas: { address: local }`".to_owned(),
    };
    let diagnostic = Diagnostic::error(Code::MissingOwner, format!("no node owns the service `{name}`")).hint(hint);
    match folder.place {
        Some(place) => diagnostic.at(place, ""),
        None => diagnostic,
    }
}

fn unknown_node(name: &NodeName, span: Span, machines: &Machines<'_>) -> Diagnostic {
    let known = || machines.declared.iter().map(NodeName::as_str);
    let hint = match did_you_mean(name.as_str(), known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known().next().is_none() => {
            format!("declare it below `nodes:` in inventory/topology.yaml: `{name}: {{ address: local }}`")
        }
        None => format!("the nodes are {}; declare new ones in inventory/topology.yaml", names(known())),
    };
    Diagnostic::error(Code::UnknownNode, format!("there is no node `{name}`")).at(span, "").hint(hint)
}

fn backup_nodes(declaration: &Declaration, machines: &Machines<'_>, out: &mut Diagnostics) {
    for node in declaration.backup_nodes.iter().flatten() {
        if !machines.declared.contains(&node.value) && machines.inventory == Inventory::Whole {
            out.push(unknown_node(&node.value, node.span, machines));
        }
        if let Some(owner) = declaration.owner_node.as_ref().filter(|owner| owner.value == node.value) {
            let words = format!("`{}` owns the service and cannot stand in for itself", node.value);
            let diagnostic = Diagnostic::error(Code::Conflict, words).at(node.span, "").at(owner.span, "the owner");
            out.push(diagnostic.hint("name another node in `backup_nodes`, or none"));
        }
    }
}

fn health_script(folder: &Folder, root: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<HealthScript> {
    let rules = folder.declaration.health.as_ref();
    let named = rules.and_then(|r| r.script.as_ref());
    let script = named.map_or_else(|| own_name(&folder.prefix, DEFAULT_SCRIPT), |s| s.value.clone());
    let path = folder.path.join(script);
    if named.is_none() && files.kind(&path) != Kind::File {
        return None;
    }
    let text = match files.load(&path, Visibility::Public) {
        Ok(file) => files.text(file),
        Err(error) => {
            let otherwise = "create it, or check the path; it is relative to the service's folder";
            let diagnostic = error.diagnostic(&files.shown(&path), otherwise);
            out.push(named.map_or_else(|| diagnostic.clone(), |s| diagnostic.clone().at(s.span, "named here")));
            return None;
        }
    };
    Some(HealthScript {
        path: path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned(),
        // A shell takes the line ends of Windows for a part of the last word.
        text: text.trim_start_matches('\u{feff}').replace("\r\n", "\n"),
        // They depend on the node, which is known when the service is put together.
        variables: BTreeMap::new(),
        interval_ms: rules.and_then(|r| r.interval_ms).unwrap_or(5_000),
        timeout_ms: rules.and_then(|r| r.timeout_ms).unwrap_or(10_000),
        retries: rules.and_then(|r| r.retries).unwrap_or(12),
        start_period_ms: rules.and_then(|r| r.start_period_ms).unwrap_or(0),
    })
}

/// A value in env.example is the value on the node, so that nothing is left to make up.
fn example_rules(folder: &Folder, out: &mut Diagnostics) {
    let Some(rules) = &folder.declaration.env else { return };
    for (name, length) in &rules.generate {
        let Some(example) = folder.env_example.as_ref().and_then(|e| e.get(name)).filter(|e| !e.value.is_empty())
        else {
            continue;
        };
        let words = format!("`{name}` is never generated, because env.example gives it a value");
        let diagnostic =
            Diagnostic::warning(Code::Conflict, words).at(length.span, "").at(example.value_span, "the value");
        out.push(diagnostic.hint(format!("write `{name}=` into env.example, without a value")));
    }
}

/// Dependencies on what is not there, and cycles; services that say to be others that are there.
fn dependencies(declared: &BTreeMap<ServiceName, Declaration>, out: &mut Diagnostics) {
    for (name, declaration) in declared {
        if let Some(renamed) = &declaration.renamed_from {
            renamed.check_gone(name, |other| declared.contains_key(other), out);
        }
        for dependency in declaration.depends_on.iter().flatten() {
            let needed = &dependency.service.value;
            if declared.contains_key(needed) {
                continue;
            }
            let words = format!("`{name}` depends on `{needed}`, which is not a service");
            let others = || declared.keys().filter(|n| *n != name).map(ServiceName::as_str);
            let hint = match did_you_mean(needed.as_str(), others()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if others().next().is_none() => {
                    "there is no other service; a container of the same compose file belongs in its own `depends_on`"
                        .to_owned()
                }
                None => format!("the other services are {}", names(others())),
            };
            out.push(Diagnostic::error(Code::UnknownService, words).at(dependency.service.span, "").hint(hint));
        }
    }
    let needed = |service| {
        let declaration: Option<&Declaration> = declared.get(service);
        let all = declaration.into_iter().flat_map(|d| d.depends_on.iter().flatten()).map(|d| &d.service);
        all.filter(|name| declared.contains_key(&name.value)).map(|name| (&name.value, name.span))
    };
    cycles(declared.keys(), needed).iter().for_each(|edges| out.push(cycle(edges)));
}

fn cycle(edges: &[(&ServiceName, Span)]) -> Diagnostic {
    let mut words: Vec<String> = edges.iter().map(|(name, _)| format!("`{name}`")).collect();
    words.push(words[0].clone());
    let summary = match edges {
        [(name, _)] => format!("`{name}` depends on itself"),
        _ => format!("services depend on one another in a cycle: {}", words.join(" → ")),
    };
    let mut diagnostic = Diagnostic::error(Code::DependencyCycle, summary);
    for (i, (name, span)) in edges.iter().enumerate() {
        diagnostic = diagnostic.at(*span, format!("`{name}` needs {}", words[i + 1]));
    }
    diagnostic.hint(match edges {
        [_] => "remove it: a service is always there when it starts itself",
        _ => "remove one of these dependencies: nothing in a cycle can start first",
    })
}
