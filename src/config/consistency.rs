//! Owners, dependencies and files of services, held against one another. Needs no node and no variable.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::folders::{Folder, Found, ServiceSource};
use super::section::names;
use super::service::{self, Declaration, HealthRules};
use super::topology::{Inventory, NodeSource};
use crate::compose::reader::{Files, Kind};
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
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> BTreeMap<ServiceName, ServiceSource> {
    let Found { topology, mut folders, inventory } = found;
    let declared_nodes = topology.nodes.keys().cloned().collect();
    let machines = Machines { declared: declared_nodes, complete: nodes, inventory };
    let known: BTreeSet<ServiceName> = folders.keys().cloned().collect();
    let mut declared = BTreeMap::new();
    for (name, (place, from_topology)) in topology.services {
        let Some(mut folder) = folders.remove(&name) else {
            out.push(no_folder(&name, place, &known));
            continue;
        };
        let own = std::mem::take(&mut folder.declaration);
        folder.declaration = service::merge(name.as_str(), from_topology, own, out);
        declared.insert(name, (folder, Some(place)));
    }
    declared.extend(folders.into_iter().map(|(name, folder)| (name, (folder, None))));
    if declared.is_empty() && inventory == Inventory::Whole {
        let words = "the homelab has no service yet";
        let hint = "add a folder such as services/traefik with a docker-compose.yml in it";
        out.push(Diagnostic::warning(Code::EmptyHomelab, words).hint(hint));
    }
    let edges: BTreeMap<ServiceName, Declaration> =
        declared.iter().map(|(name, (folder, _))| (name.clone(), folder.declaration.clone())).collect();
    dependencies(&edges, out);
    let mut sources = BTreeMap::new();
    for (name, (folder, place)) in declared {
        if folder.compose_files.is_empty() {
            out.push(no_compose_file(&name, &folder, place));
            continue;
        }
        backup_nodes(&folder.declaration, &machines, out);
        let health = health_script(&folder.path, &name, folder.declaration.health.as_ref(), files, out);
        example_rules(&folder, out);
        let Some(node) = owner(&name, &folder, &machines, out) else { continue };
        let source = ServiceSource {
            name: name.clone(),
            folder: folder.path,
            known_as: None,
            node,
            declaration: folder.declaration,
            compose_files: folder.compose_files,
            env_example: folder.env_example,
            env_example_file: folder.env_example_file,
            secrets: folder.secrets,
            health,
            place: folder.place.or(place),
        };
        sources.insert(name, source);
    }
    sources
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
fn no_compose_file(name: &ServiceName, folder: &Folder, in_topology: Option<Span>) -> Diagnostic {
    let words = format!("services/{name} holds no compose file");
    let hint = format!("add services/{name}/docker-compose.yml, or remove the folder");
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

fn health_script(
    folder: &Path,
    name: &ServiceName,
    rules: Option<&HealthRules>,
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> Option<HealthScript> {
    let named = rules.and_then(|r| r.script.as_ref());
    let script = named.map_or(DEFAULT_SCRIPT, |s| s.value.as_str());
    let path = folder.join(script);
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
        path: format!("services/{name}/{script}"),
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
