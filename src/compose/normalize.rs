//! One merged model → the project as Compose runs it: types, names, the default network, and the dependencies that
//! other keys imply.

use super::decode::decode;
use super::defaults::Lookup;
use super::syntax::path;
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::Diagnostics;

/// The name and the variables that a project is normalised with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The project's name; resources are named after it.
    pub name: &'a str,
    /// The project's variables, for entries of `environment` and `build.args` without a value.
    pub lookup: Lookup<'a>,
}

/// Normalises a completed model in place: decodes every value, then fills in what Compose implies.
pub fn normalize(project: &mut Node, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    decode(project, diagnostics);
    let name = project.get("name").unwrap_or(project).derive(Value::Text(context.name.into()));
    if let Some(map) = project.as_map_mut() {
        map.insert("name".into(), name.into());
    }
    add_default_network(project);
    for (_, entry) in project.get_mut("services").and_then(Node::as_map_mut).into_iter().flatten() {
        normalize_service(&mut entry.node, context);
    }
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for (key, entry) in project.get_mut(kind).and_then(Node::as_map_mut).into_iter().flatten() {
            name_resource(key, entry, context.name);
        }
    }
}

/// The name of a project, made of any text: lower case letters, digits, `-` and `_`, the first a letter or digit.
/// Empty if nothing is left.
pub fn project_name(text: &str) -> String {
    let kept: String = text.to_lowercase().chars().filter(|c| is_name_char(*c)).collect();
    kept.trim_start_matches(['-', '_']).to_string()
}

/// Whether a text is already the name of a project.
pub fn is_project_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char) && !text.starts_with(['-', '_'])
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

/// Services that join no network join `default`, which exists if any service uses it.
fn add_default_network(project: &mut Node) {
    let mut used_at = None;
    for (_, entry) in project.get_mut("services").and_then(Node::as_map_mut).into_iter().flatten() {
        let (key_span, service) = (entry.key_span, &mut entry.node);
        let Some(map) = service.as_map_mut() else { continue };
        if map.contains_key("network_mode") {
            continue;
        }
        let joined =
            map.entry("networks".into()).or_insert_with(|| Node::new(Value::Map(Map::default()), key_span).into());
        if let Some(networks) = joined.node.as_map_mut() {
            if networks.is_empty() {
                networks.insert("default".into(), Node::new(Value::Null, key_span).into());
            }
            if networks.contains_key("default") {
                used_at.get_or_insert(key_span);
            }
        }
    }
    let Some((span, map)) = used_at.zip(project.as_map_mut()) else { return };
    let networks = map.entry("networks".into()).or_insert_with(|| Node::new(Value::Map(Map::default()), span).into());
    if let Some(networks) = networks.node.as_map_mut() {
        networks.entry("default".into()).or_insert_with(|| Node::new(Value::Null, span).into());
    }
}

fn normalize_service(service: &mut Node, context: &Context<'_>) {
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.as_text() == Some("if_not_present")
    {
        policy.value = Value::Text("missing".into());
    }
    if let Some(build) = service.get_mut("build") {
        normalize_build(build, context.lookup);
    }
    if let Some(environment) = service.get_mut("environment") {
        resolve_variables(environment, context.lookup);
    }
    for mount in service.get_mut("volumes").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Some(Value::Text(target)) = mount.get_mut("target").map(|t| &mut t.value) {
            *target = path::clean(target);
        }
    }
    imply_dependencies(service);
    // Compose gives `deploy.replicas` the value of `scale`; two different ones are an error of the consistency check.
    if let Some(scale) = service.get("scale").cloned()
        && let Some(deploy) = service.get_mut("deploy").and_then(Node::as_map_mut)
    {
        deploy.entry("replicas".into()).or_insert_with(|| scale.into());
    }
}

fn normalize_build(build: &mut Node, lookup: Lookup<'_>) {
    let dockerfile = build.derive(Value::Text("Dockerfile".into()));
    if let Some(map) = build.as_map_mut()
        && !map.contains_key("dockerfile")
        && !map.contains_key("dockerfile_inline")
    {
        map.insert("dockerfile".into(), dockerfile.into());
    }
    if let Some(args) = build.get_mut("args") {
        resolve_variables(args, lookup);
        if let Some(args) = args.as_map_mut() {
            args.retain(|_, arg| !arg.node.is_null());
        }
    }
}

/// Gives each variable without a value the project's own, if it has one.
fn resolve_variables(variables: &mut Node, lookup: Lookup<'_>) {
    for (name, entry) in variables.as_map_mut().into_iter().flatten() {
        if entry.node.is_null()
            && let Some((value, taint)) = lookup(name)
        {
            entry.node.value = Value::Text(value);
            entry.node.taint = entry.node.taint.max(taint);
        }
    }
}

/// Whether a dependency that another key implies restarts its service together with the other one.
#[derive(Clone, Copy)]
enum Restart {
    Follow,
    Stay,
}

/// A service that shares something of another one depends on it.
fn imply_dependencies(service: &mut Node) {
    let mut implied: Vec<(String, Entry)> = Vec::new();
    for link in service.get("links").and_then(Node::as_list).into_iter().flatten() {
        let text = link.as_text().unwrap_or_default();
        // `service:alias`; anything with more colons is no link that Compose understands, and stays as it is.
        let name = match text.split_once(':') {
            Some((name, alias)) if !alias.contains(':') => name,
            _ => text,
        };
        implied.push((name.into(), dependency(link, Restart::Follow)));
    }
    for namespace in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let Some(mode) = service.get(namespace) else { continue };
        if let Some(name) = mode.as_text().and_then(|m| m.strip_prefix("service:")) {
            implied.push((name.into(), dependency(mode, Restart::Follow)));
        }
    }
    for source in service.get("volumes_from").and_then(Node::as_list).into_iter().flatten() {
        let text = source.as_text().unwrap_or_default();
        if !text.starts_with("container:") {
            let name = text.split(':').next().unwrap_or_default();
            implied.push((name.into(), dependency(source, Restart::Stay)));
        }
    }
    if implied.is_empty() {
        return;
    }
    let place = service.derive(Value::Map(Map::default()));
    let Some(map) = service.as_map_mut() else { return };
    let dependencies = map.entry("depends_on".into()).or_insert_with(|| place.into());
    if let Some(dependencies) = dependencies.node.as_map_mut() {
        for (name, entry) in implied {
            dependencies.entry(name).or_insert(entry);
        }
    }
}

fn dependency(from: &Node, restart: Restart) -> Entry {
    let values = [
        ("condition", Value::Text("service_started".into())),
        ("restart", Value::Bool(matches!(restart, Restart::Follow))),
        ("required", Value::Bool(true)),
    ];
    let map = values.into_iter().map(|(key, value)| (key.to_string(), from.derive(value).into())).collect();
    from.derive(Value::Map(map)).into()
}

/// A resource without a name is called `<project>_<key>`, or by its key alone if it is made elsewhere.
fn name_resource(key: &str, entry: &mut Entry, project: &str) {
    let key_span = entry.key_span;
    if entry.node.is_null() {
        entry.node.value = Value::Map(Map::default());
    }
    let Some(map) = entry.node.as_map_mut() else { return };
    let is_external = map.get("external").is_some_and(|e| e.node.value == Value::Bool(true));
    map.entry("name".into()).or_insert_with(|| {
        let name = if is_external { key.to_string() } else { format!("{project}_{key}") };
        Node::text(name, key_span).into()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_as_compose_makes_them() {
        for (text, name) in [
            ("My Project", "myproject"),
            ("Foo.Bar", "foobar"),
            ("_x-y", "x-y"),
            ("ÄB", "b"),
            ("---", ""),
            ("a_b-1", "a_b-1"),
        ] {
            assert_eq!(project_name(text), name, "{text}");
            assert_eq!(is_project_name(text), text == name && !name.is_empty(), "{text}");
        }
    }
}
