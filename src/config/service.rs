//! `service.yaml`, and what the topology says about a service: the same keys in both.
//!
//! [`parse`] reads the keys as written; [`merge`] lays the two files over one another. This module
//! does not know which services or nodes exist: `config::check` looks at that.

use std::collections::BTreeMap;

use super::backup;
use super::placement::Placement;
use super::renamed_from;
use super::section::{self, Context, Located, Section};
use super::written_names::{node_name, project_name, service_name};
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, did_you_mean};
use crate::model::Field;
use crate::model::backup::BackupPolicy;
use crate::model::homelab::{Condition, OnDelete, Protect, Rollback, RunState, UpdateOrder};
use crate::model::name::{NodeName, ProjectName, ServiceName};
use crate::model::version::Level;

/// The keys of a service.
pub(super) const KEYS: [&str; 18] = [
    "path",
    "files",
    "profiles",
    "env_files",
    "nodes",
    "owner_node",
    "backup_nodes",
    "depends_on",
    "description",
    "state",
    "project",
    "project_dir",
    "renamed_from",
    "env",
    "health",
    "update",
    "lifecycle",
    "backup",
];

/// The keys of a service in one file; none for a key that is not written.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// Where its files are, and on which machines it runs.
    pub placement: Placement,
    /// Its purpose.
    pub description: Option<Located<String>>,
    /// The node that owns it.
    pub owner_node: Option<Located<NodeName>>,
    /// Nodes that may take it over.
    pub backup_nodes: Option<Vec<Located<NodeName>>>,
    /// The services that it needs.
    pub depends_on: Option<Vec<Dependency>>,
    /// Whether it is to run.
    pub state: Option<Located<RunState>>,
    /// The Compose project, in the place of what the compose files and the folder say.
    pub project: Option<Located<ProjectName>>,
    /// The project directory on the node.
    pub project_dir: Option<Located<String>>,
    /// The addresses that its containers had before.
    pub(super) renamed_from: Option<renamed_from::Written>,
    /// Its variables.
    pub env: Option<EnvRules>,
    /// How it proves that it works.
    pub health: Option<HealthRules>,
    /// How its containers are replaced.
    pub update: Option<UpdateRules>,
    /// Its protection, and the end of its data.
    pub lifecycle: Option<LifecycleRules>,
    /// The rules of its backup.
    pub backup: Option<BackupPolicy>,
    /// Where each key stands, for those who compare two files.
    pub(super) places: BTreeMap<&'static str, Span>,
}

/// A service that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Which.
    pub service: Located<ServiceName>,
    /// The condition that must hold before.
    pub condition: Condition,
}

/// The rules for the variables of a service.
#[derive(Clone, Debug, Default)]
pub struct EnvRules {
    /// Variables that must have a value.
    pub required: Vec<Located<String>>,
    /// Variables of env files that are no secrets.
    pub plain: Vec<Located<String>>,
    /// Variables that hl makes up if they are empty, with how many characters.
    pub generate: BTreeMap<String, Located<u32>>,
}

/// The rules for the health of a service; times in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct HealthRules {
    /// The script, relative to the service's folder.
    pub script: Option<Located<String>>,
    /// Between tries.
    pub interval_ms: Option<u64>,
    /// For one try.
    pub timeout_ms: Option<u64>,
    /// Tries before it counts as failed.
    pub retries: Option<u32>,
    /// Before the first try.
    pub start_period_ms: Option<u64>,
}

/// The rules for replacing containers.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpdateRules {
    /// Which of the two runs first.
    pub order: Option<UpdateOrder>,
    /// Whether the old one comes back when the new one cannot be verified.
    pub rollback: Option<Rollback>,
    /// The greatest change of version that is proposed.
    pub allow: Option<Level>,
}

/// The rules for the end of a service.
#[derive(Clone, Debug, Default)]
pub struct LifecycleRules {
    /// Whether it is protected.
    pub protect: Option<Protect>,
    /// Fields that are left as they are.
    pub ignore_changes: Vec<String>,
    /// What becomes of its data.
    pub on_delete: Option<OnDelete>,
}

/// Reads the keys of a service. `path` is how the mapping is called in diagnostics, empty for a file.
pub(super) fn parse(node: &Node, path: &str, context: &mut Context<'_>) -> Declaration {
    // A file of a service lies where the service is, so that it cannot say where that is.
    let keys = if path.is_empty() { &KEYS[1..] } else { &KEYS };
    let Some(section) = section::open(node, path, keys, context) else { return Declaration::default() };
    let places = KEYS.into_iter().filter_map(|key| section.get(key).map(|n| (key, n.span))).collect();
    Declaration {
        placement: Placement::parse(&section, context),
        description: section.text("description", context),
        owner_node: section.text("owner_node", context).and_then(|name| node_name(name, context)),
        backup_nodes: section
            .texts("backup_nodes", context)
            .map(|names| names.into_iter().filter_map(|name| node_name(name, context)).collect()),
        depends_on: section.get("depends_on").map(|n| dependencies(n, &section.path_of("depends_on"), context)),
        state: section.word("state", &[("running", RunState::Running), ("stopped", RunState::Stopped)], context),
        project: section.text("project", context).and_then(|name| project_name(name, context)),
        project_dir: section
            .text("project_dir", context)
            .and_then(|dir| absolute(dir, &section.path_of("project_dir"), context)),
        renamed_from: section
            .get("renamed_from")
            .and_then(|n| renamed_from::parse(n, &section.path_of("renamed_from"), context)),
        env: section.get("env").map(|n| env(n, &section.path_of("env"), context)),
        health: section.get("health").map(|n| health(n, &section.path_of("health"), context)),
        update: section.get("update").map(|n| update(n, &section.path_of("update"), context)),
        lifecycle: section.get("lifecycle").map(|n| lifecycle(n, &section.path_of("lifecycle"), context)),
        backup: section.get("backup").and_then(|n| backup::policy(n, &section.path_of("backup"), context)),
        places,
    }
}

/// One declaration out of the topology's and service.yaml's. A key that both have is a mistake,
/// unless it is an owner and both name the same.
pub(super) fn merge(service: &str, topology: Declaration, own: Declaration, out: &mut Diagnostics) -> Declaration {
    for (key, first) in &topology.places {
        let Some(second) = own.places.get(key) else { continue };
        let same_owner = match (&topology.owner_node, &own.owner_node) {
            (Some(a), Some(b)) => a.value == b.value,
            _ => true,
        };
        let diagnostic = match (*key, same_owner) {
            ("owner_node", true) => continue,
            ("owner_node", false) => {
                Diagnostic::error(Code::TwoOwners, format!("two files name different owners of `{service}`"))
                    .hint("keep the line that is right")
            }
            _ => Diagnostic::error(Code::Conflict, format!("`{key}` of `{service}` stands in two files"))
                .hint("keep one of the two"),
        };
        out.push(diagnostic.at(*second, "here").at(*first, "and here"));
    }
    let mut places = topology.places;
    places.extend(own.places);
    Declaration {
        placement: own.placement.over(topology.placement),
        description: own.description.or(topology.description),
        owner_node: own.owner_node.or(topology.owner_node),
        backup_nodes: own.backup_nodes.or(topology.backup_nodes),
        depends_on: own.depends_on.or(topology.depends_on),
        state: own.state.or(topology.state),
        project: own.project.or(topology.project),
        project_dir: own.project_dir.or(topology.project_dir),
        renamed_from: own.renamed_from.or(topology.renamed_from),
        env: own.env.or(topology.env),
        health: own.health.or(topology.health),
        update: own.update.or(topology.update),
        lifecycle: own.lifecycle.or(topology.lifecycle),
        backup: own.backup.or(topology.backup),
        places,
    }
}

/// An absolute path of a node, without `.`, `..` and a slash at its end.
pub(super) fn absolute(path: Located<String>, key: &str, context: &mut Context<'_>) -> Option<Located<String>> {
    let is_clean = path.value.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if path.value.starts_with('/') && is_clean {
        return Some(path);
    }
    let words = format!("`{key}` cannot be `{}`", path.value);
    let hint = "write an absolute path of the node, such as `/opt/homelab`, without `.`, `..` or a slash at its end";
    context.out.push(Diagnostic::error(Code::InvalidValue, words).at(path.span, "").hint(hint));
    None
}

fn dependencies(node: &Node, path: &str, context: &mut Context<'_>) -> Vec<Dependency> {
    let Some(items) = node.as_list() else {
        let hint = match (&node.value, node.as_map()) {
            (Value::Text(name), _) => format!("write `[{name}]`"),
            (_, Some(map)) => {
                let name = map.keys().next().map_or("postgres", String::as_str);
                format!("write a list: `- {{ service: {name}, condition: healthy }}`")
            }
            _ => "write `[postgres, traefik]`".to_owned(),
        };
        context.wrong_type(node, path, "a list", hint);
        return Vec::new();
    };
    let mut found: Vec<Dependency> = Vec::new();
    for item in items {
        let Some(dependency) = dependency(item, path, context) else { continue };
        if let Some(first) = found.iter().find(|d| d.service.value == dependency.service.value) {
            let words = format!("`{}` appears twice in `{path}`", dependency.service.value);
            let diagnostic = Diagnostic::error(Code::Conflict, words).at(dependency.service.span, "again here");
            context.out.push(diagnostic.at(first.service.span, "first here").hint("keep one of the two"));
            continue;
        }
        found.push(dependency);
    }
    found
}

fn dependency(item: &Node, path: &str, context: &mut Context<'_>) -> Option<Dependency> {
    if item.as_map().is_none() {
        let name = section::text(item, path, context)?;
        return Some(Dependency { service: service_name(name, context)?, condition: Condition::default() });
    }
    let section = section::open(item, path, &["service", "condition"], context)?;
    let words = [("healthy", Condition::Healthy), ("started", Condition::Started), ("completed", Condition::Completed)];
    let condition = section.word("condition", &words, context);
    let Some(name) = section.text("service", context) else {
        if section.get("service").is_none() {
            let diagnostic = Diagnostic::error(Code::MissingKey, format!("an entry of `{path}` names no service"));
            context.out.push(diagnostic.at(item.span, "").hint("write `{ service: postgres, condition: healthy }`"));
        }
        return None;
    };
    Some(Dependency {
        service: service_name(name, context)?,
        condition: condition.map(|c| c.value).unwrap_or_default(),
    })
}

/// How long a generated value is unless said, and the limits of what may be said.
const GENERATED_LENGTH: u32 = 32;
const LEAST_LENGTH: u32 = 8;
const MOST_LENGTH: u32 = 1024;

fn env(node: &Node, path: &str, context: &mut Context<'_>) -> EnvRules {
    let Some(section) = section::open(node, path, &["required", "plain", "generate"], context) else {
        return EnvRules::default();
    };
    let mut names = |key: &str| -> Vec<Located<String>> {
        let names = section.texts(key, context).unwrap_or_default();
        names.into_iter().filter_map(|name| variable_name(name, context)).collect()
    };
    let (required, plain) = (names("required"), names("plain"));
    let generate = section.get("generate").map(|n| generated(n, &section.path_of("generate"), context));
    EnvRules { required, plain, generate: generate.unwrap_or_default() }
}

fn generated(node: &Node, path: &str, context: &mut Context<'_>) -> BTreeMap<String, Located<u32>> {
    let mut found = BTreeMap::new();
    let Some(map) = node.as_map() else {
        let hint = "write `NAME: { length: 32 }`, one a line";
        context.wrong_type(node, path, "a mapping", hint);
        return found;
    };
    for (name, entry) in map {
        let Some(name) = variable_name(Located::new(name.clone(), entry.key_span), context) else { continue };
        let path = format!("{path}.{}", name.value);
        if let Value::Int(length) = entry.node.value {
            context.wrong_type(&entry.node, &path, "a mapping", format!("write `{{ length: {length} }}`"));
            continue;
        }
        let Some(section) = section::open(&entry.node, &path, &["length"], context) else { continue };
        let length = section.number("length", LEAST_LENGTH, MOST_LENGTH, context);
        found.insert(name.value, Located::new(length.map_or(GENERATED_LENGTH, |l| l.value), name.span));
    }
    found
}

/// The name of a variable, or what is wrong with it.
pub(super) fn variable_name(name: Located<String>, context: &mut Context<'_>) -> Option<Located<String>> {
    let mut characters = name.value.chars();
    let starts = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(name);
    }
    let words = format!("`{}` cannot be the name of a variable", name.value);
    let bare = name.value.trim_start_matches('$').trim_matches(['{', '}']);
    let hint = match name.value.split_once('=') {
        Some((name, _)) => format!("write `{name}` alone; values stand in env.example or in the .env of the node"),
        None if bare != name.value && !bare.is_empty() => format!("write `{bare}`"),
        None => "use letters, digits and `_`, and no digit at the start".to_owned(),
    };
    context.out.push(Diagnostic::error(Code::InvalidName, words).at(name.span, "").hint(hint));
    None
}

fn health(node: &Node, path: &str, context: &mut Context<'_>) -> HealthRules {
    let keys = ["script", "interval", "timeout", "retries", "start_period"];
    let Some(section) = section::open(node, path, &keys, context) else { return HealthRules::default() };
    HealthRules {
        script: section.text("script", context),
        interval_ms: section.duration("interval", context).map(|d| d.value),
        timeout_ms: positive(&section, "timeout", context).map(|d| d.value),
        retries: section.number("retries", 1, 10_000, context).map(|n| n.value),
        start_period_ms: section.duration("start_period", context).map(|d| d.value),
    }
}

/// A duration that cannot be nothing, in milliseconds.
pub(super) fn positive(section: &Section<'_>, key: &str, context: &mut Context<'_>) -> Option<Located<u64>> {
    let found = section.duration(key, context)?;
    if found.value > 0 {
        return Some(found);
    }
    let words = format!("`{}` cannot be nothing", section.path_of(key));
    context
        .out
        .push(Diagnostic::error(Code::InvalidValue, words).at(found.span, "").hint("write `10s`, or leave it out"));
    None
}

fn update(node: &Node, path: &str, context: &mut Context<'_>) -> UpdateRules {
    let Some(section) = section::open(node, path, &["order", "rollback", "allow"], context) else {
        return UpdateRules::default();
    };
    let orders =
        [("auto", UpdateOrder::Auto), ("stop-first", UpdateOrder::StopFirst), ("start-first", UpdateOrder::StartFirst)];
    let rollback = section.flag("rollback", context).map(|f| if f.value { Rollback::On } else { Rollback::Off });
    let levels = [("patch", Level::Patch), ("minor", Level::Minor), ("major", Level::Major)];
    UpdateRules {
        order: section.word("order", &orders, context).map(|o| o.value),
        rollback,
        allow: section.word("allow", &levels, context).map(|level| level.value),
    }
}

fn lifecycle(node: &Node, path: &str, context: &mut Context<'_>) -> LifecycleRules {
    let Some(section) = section::open(node, path, &["protect", "ignore_changes", "on_delete"], context) else {
        return LifecycleRules::default();
    };
    let endings = [("archive", OnDelete::Archive), ("keep", OnDelete::Keep), ("delete", OnDelete::Delete)];
    let protect = section.flag("protect", context).map(|f| if f.value { Protect::On } else { Protect::Off });
    let ignored = section.texts("ignore_changes", context).unwrap_or_default();
    let on_delete = section.word("on_delete", &endings, context);
    if let Some(ending) = on_delete.as_ref().filter(|ending| ending.value != OnDelete::Keep) {
        let words = "hl keeps the data of a service that is removed, whatever `on_delete` says";
        let hint = "write `on_delete: keep`, and archive or remove the data yourself once the service is gone";
        context.out.push(Diagnostic::warning(Code::NoEffect, words).at(ending.span, "").hint(hint));
    }
    LifecycleRules {
        protect,
        ignore_changes: ignored.into_iter().filter_map(|entry| ignored_field(entry, context)).collect(),
        on_delete: on_delete.map(|ending| ending.value),
    }
}

/// `container:server/environment.TZ`: a resource of the service and a field of it.
fn ignored_field(entry: Located<String>, context: &mut Context<'_>) -> Option<String> {
    use crate::model::{Key, Kind};
    let mut problem = |words: String, hint: String| {
        context.out.push(Diagnostic::error(Code::InvalidValue, words).at(entry.span, "").hint(hint));
        None
    };
    let form = "write it as `container:server/environment.TZ`: a resource, a slash, a field".to_owned();
    let words = format!("`{}` names no field of a resource", entry.value);
    let Some((kind, rest)) = entry.value.split_once(':') else { return problem(words, form) };
    if !Kind::ALL.iter().any(|k| k.as_str() == kind) {
        let kinds = Kind::ALL.map(Kind::as_str);
        let hint = did_you_mean(kind, kinds).map_or(form, |near| format!("did you mean `{near}:{rest}`?"));
        return problem(words, hint);
    }
    // The name of a file or an image has slashes, and so has the field of a port or a mount.
    let mut fields = rest.match_indices('/').map(|(at, _)| &rest[at + 1..]);
    if fields.clone().any(|field| Field::parse(field).is_some()) {
        return Some(entry.value);
    }
    let Some(field) = fields.next_back() else { return problem(words, form) };
    let key = field.split('.').next().unwrap_or(field);
    let hint = match did_you_mean(key, Key::ALL.iter().map(|k| k.as_str())) {
        Some(near) => format!("did you mean `{near}` instead of `{key}`?"),
        None => form,
    };
    problem(words, hint)
}
