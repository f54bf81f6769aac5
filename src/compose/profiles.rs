//! Profiles, and what only services of disabled profiles use.

use std::collections::BTreeSet;

use crate::compose::yaml::{Map, Node, Value};

/// Takes the services out whose profiles are not enabled, and gives them back. `*` enables all.
pub(super) fn take_disabled(model: &mut Node, enabled: &[String]) -> Map {
    let Some(services) = model.as_map_mut().and_then(|m| m.get_mut("services")).and_then(|e| e.node.as_map_mut())
    else {
        return Map::default();
    };
    let is_enabled = |service: &Node| {
        let profiles = service.get("profiles").and_then(Node::as_list).unwrap_or_default();
        profiles.is_empty() || enabled.iter().any(|e| e == "*" || profiles.iter().any(|p| p.as_text() == Some(e)))
    };
    let (on, off) = std::mem::take(services).into_iter().partition(|(_, entry)| is_enabled(&entry.node));
    *services = on;
    off
}

/// Takes the networks, volumes, secrets and configs out that no service uses: Compose does not create them.
pub(super) fn drop_unused(model: &mut Node) {
    let mut used: [BTreeSet<String>; 4] = Default::default();
    for service in model.get("services").and_then(Node::as_map).into_iter().flat_map(Map::values) {
        let service = &service.node;
        let [networks, volumes, secrets, configs] = &mut used;
        networks.extend(service.get("networks").and_then(Node::as_map).into_iter().flat_map(|m| m.keys().cloned()));
        for mount in list(service, "volumes").iter().filter(|v| v.get("type").and_then(Node::as_text) == Some("volume"))
        {
            volumes.extend(source(mount));
        }
        secrets.extend(list(service, "secrets").iter().filter_map(source));
        secrets.extend(service.get("build").into_iter().flat_map(|b| list(b, "secrets")).filter_map(source));
        configs.extend(list(service, "configs").iter().filter_map(source));
    }
    let Some(model) = model.as_map_mut() else { return };
    for (key, used) in ["networks", "volumes", "secrets", "configs"].into_iter().zip(used) {
        let Some(Value::Map(resources)) = model.get_mut(key).map(|e| &mut e.node.value) else { continue };
        resources.retain(|name, _| used.contains(name));
        if resources.is_empty() {
            model.shift_remove(key);
        }
    }
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

fn source(mount: &Node) -> Option<String> {
    mount.get("source").and_then(Node::as_text).map(str::to_owned)
}
