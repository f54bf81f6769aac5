//! The settings into which a variable of secret origin went.

use crate::compose::yaml::{Node, Value};
use crate::model::trust::SecretSettings;
use crate::model::{Key, Kind, Taint};

/// The settings of a project's services, networks and volumes.
pub(super) fn secret_settings(tree: &Node) -> SecretSettings {
    let mut found = SecretSettings::default();
    for (kind, section) in [(Kind::Container, "services"), (Kind::Network, "networks"), (Kind::Volume, "volumes")] {
        for (name, resource) in tree.get(section).and_then(Node::as_map).into_iter().flatten() {
            for (key, entry) in resource.node.as_map().into_iter().flatten() {
                // Every value of these knows for itself whether it is secret.
                if matches!(key.as_str(), "environment" | "labels") || !has_secret(&entry.node) {
                    continue;
                }
                match fields(key).as_slice() {
                    [] => found.add(kind, name, None),
                    keys => keys.iter().for_each(|key| found.add(kind, name, Some(*key))),
                }
            }
        }
    }
    // A config or a secret is in whatever container has it, and its name may be, too.
    for section in ["configs", "secrets"] {
        let all = tree.get(section).and_then(Node::as_map).into_iter().flatten();
        if all.into_iter().any(|(_, resource)| has_secret(&resource.node)) {
            let services = tree.get("services").and_then(Node::as_map).into_iter().flatten();
            for (name, _) in services.filter(|(_, service)| service.node.get(section).is_some()) {
                for key in [Key::Files, Key::MountedFiles, Key::Volumes] {
                    found.add(Kind::Container, name, Some(key));
                }
            }
        }
    }
    found
}

/// The fields that a key of a Compose file shapes; none if that cannot be told by its name.
fn fields(key: &str) -> Vec<Key> {
    match key {
        "image" => vec![Key::Image, Key::ImageContent, Key::Build],
        "build" => vec![Key::Build, Key::BuiltFrom, Key::Image],
        "container_name" | "name" => vec![Key::Name],
        key => Key::parse(key).into_iter().collect(),
    }
}

fn has_secret(node: &Node) -> bool {
    node.taint == Taint::Secret
        || match &node.value {
            Value::List(items) => items.iter().any(has_secret),
            Value::Map(map) => map.values().any(|entry| has_secret(&entry.node)),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => false,
        }
}
