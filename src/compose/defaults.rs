//! Completes one model (the main one, or one that is included): default values, checks of its resources, absolute
//! paths, and the content of configs and secrets that come from variables.

use super::paths::{self, Base};
use super::tree_path::TreePath;
use crate::compose::yaml::{Entry, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::Taint;

/// Where the value of a variable stands in a config or secret until the whole project is one model. It is no `content`
/// of the user's, so that the model of an included file passes the checks of the file that includes it.
const VALUE: &str = "x-#value";

/// A look into the variables of a project: the value and whether it is secret.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<(String, Taint)>;

/// Completes the canonical tree of one model in place, after all of its files were merged.
pub fn complete(project: &mut Node, base: Base<'_>, lookup: Lookup<'_>, diagnostics: &mut Diagnostics) {
    set_defaults(project);
    check_resources(project, diagnostics);
    paths::resolve(project, base, diagnostics);
    for kind in ["configs", "secrets"] {
        for (_, entry) in project.get_mut(kind).and_then(Node::as_map_mut).into_iter().flatten() {
            resolve_content(&mut entry.node, lookup);
        }
    }
}

fn set_defaults(project: &mut Node) {
    for (_, entry) in project.get_mut("services").and_then(Node::as_map_mut).into_iter().flatten() {
        let service = &mut entry.node;
        if let Some(build) = service.get_mut("build") {
            set_default(build, "context", || Value::Text(".".into()));
        }
        each(service.get_mut("secrets"), |secret| {
            let source = secret.get("source").and_then(Node::as_text).unwrap_or("");
            let target = Value::Text(format!("/run/secrets/{source}"));
            set_default(secret, "target", || target);
        });
        each(service.get_mut("ports"), |port| {
            set_default(port, "protocol", || Value::Text("tcp".into()));
            set_default(port, "mode", || Value::Text("ingress".into()));
        });
        each(service.get_mut("gpus"), set_device_count);
        let reservations = service.get_mut("deploy").and_then(|d| d.get_mut("resources")?.get_mut("reservations"));
        each(reservations.and_then(|r| r.get_mut("devices")), set_device_count);
    }
}

fn set_device_count(request: &mut Node) {
    if request.get("count").is_none() && request.get("device_ids").is_none() {
        set_default(request, "count", || Value::Text("all".into()));
    }
}

fn set_default(node: &mut Node, key: &str, value: impl FnOnce() -> Value) {
    let place = node.derive(Value::Null);
    if let Some(map) = node.as_map_mut()
        && !map.contains_key(key)
    {
        map.insert(key.into(), place.derive(value()).into());
    }
}

fn each(list: Option<&mut Node>, apply: impl FnMut(&mut Node)) {
    list.and_then(Node::as_list_mut).into_iter().flatten().for_each(apply);
}

fn check_resources(project: &Node, diagnostics: &mut Diagnostics) {
    let volumes = TreePath::ROOT.key("volumes");
    for (name, entry) in entries_of(project, "volumes") {
        check_external(&entry.node, volumes.key(name), diagnostics);
    }
    for (kind, sources) in [("configs", &["file", "environment", "content"][..]), ("secrets", &["file", "environment"])]
    {
        let at = TreePath::ROOT.key(kind);
        for (name, entry) in entries_of(project, kind) {
            check_file_object(entry, sources, at.key(name), diagnostics);
        }
    }
    let services = TreePath::ROOT.key("services");
    for (name, entry) in entries_of(project, "services") {
        let (at, service) = (services.key(name), &entry.node);
        for (i, trigger) in list_at(service, &["develop", "watch"]).enumerate() {
            if trigger.get("path").and_then(Node::as_text) == Some("") {
                diagnostics.push(
                    Diagnostic::error(Code::InvalidValue, format!("{at}.develop.watch.{i}.path is empty"))
                        .at(trigger.span, ""),
                );
            }
        }
        for (path, requests) in [
            ("gpus", &["gpus"][..]),
            ("deploy.resources.reservations.devices", &["deploy", "resources", "reservations", "devices"]),
        ] {
            for (i, request) in list_at(service, requests).enumerate() {
                if request.get("count").is_some() && request.get("device_ids").is_some() {
                    diagnostics.push(
                        Diagnostic::error(Code::Conflict, format!("{at}.{path}.{i} has both `count` and `device_ids`"))
                            .at(request.span, "")
                            .hint("name the devices, or say how many: not both"),
                    );
                }
            }
        }
    }
}

/// An external volume is made elsewhere: it has a name and nothing else.
fn check_external(volume: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Some(volume) = volume.as_map() else { return };
    let Some(external) = volume.get("external").filter(|e| e.node.value == Value::Bool(true)) else { return };
    for (key, entry) in volume {
        if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
            diagnostics.push(
                Diagnostic::error(Code::Conflict, format!("{at} is external and has `{key}`"))
                    .at(entry.key_span, "it is not made here, so this has no meaning")
                    .at(external.key_span, "external here"),
            );
        }
    }
}

fn check_file_object(object: &Entry, sources: &[&str], at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Some(map) = object.node.as_map() else { return };
    let given: Vec<&str> = sources.iter().copied().filter(|s| map.contains_key(*s)).collect();
    let choices = sources.join("`, `");
    match given.as_slice() {
        [_] => {}
        [] if map.contains_key("driver") || map.contains_key("external") => {}
        [] => diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("{at} has no content"))
                .at(object.key_span, "")
                .hint(format!("give it one of `{choices}`")),
        ),
        more => diagnostics.push(
            Diagnostic::error(Code::Conflict, format!("{at} has more than one content: {}", more.join(", ")))
                .at(object.key_span, "")
                .hint(format!("keep one of `{choices}`")),
        ),
    }
}

/// Makes the values of variables the `content` of the configs and secrets that name them, once no file is merged any more.
pub fn reveal_contents(project: &mut Node) {
    for kind in ["configs", "secrets"] {
        for (_, entry) in project.get_mut(kind).and_then(Node::as_map_mut).into_iter().flatten() {
            let Some(map) = entry.node.as_map_mut() else { continue };
            if let Some(value) = map.shift_remove(VALUE).filter(|_| map.contains_key("environment")) {
                map.insert("content".into(), value);
            }
        }
    }
}

/// Puts the value of the variable that a config or secret names beside the name.
fn resolve_content(object: &mut Node, lookup: Lookup<'_>) {
    let Some(variable) = object.get("environment") else { return };
    let Some((value, taint)) = variable.as_text().and_then(lookup) else { return };
    let content = Node { taint, ..variable.derive(Value::Text(value)) };
    if let Some(map) = object.as_map_mut() {
        map.insert(VALUE.into(), content.into());
    }
}

fn entries_of<'a>(project: &'a Node, kind: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
    project.get(kind).and_then(Node::as_map).into_iter().flatten()
}

fn list_at<'a>(service: &'a Node, path: &[&str]) -> impl Iterator<Item = &'a Node> {
    path.iter().try_fold(service, |node, key| node.get(key)).and_then(Node::as_list).into_iter().flatten()
}
