//! Lists in which a later entry takes the place of an earlier one of the same key.
//!
//! Appending doubles what an override says anew; compose-go's `EnforceUnicity` then keeps one entry a
//! key: a variable's name, a mount's target, a port. It runs before the schema check, on entries in
//! short or long form, and again on the canonical form, where more of them turn out to be one.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::syntax::{device, scalar, volume};
use super::tree_path::{Patterns, TreePath};
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Keeps the last entry of each key, at the place of the first one, in every list that wants it.
pub fn enforce(root: &mut Node, diagnostics: &mut Diagnostics) {
    walk(root, TreePath::ROOT, diagnostics);
}

/// The part of an entry that tells it from the others of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    /// The text before the `=`.
    KeyValue,
    /// The target of a volume.
    Volume,
    /// The target of a device.
    Device,
    /// The target of a config.
    Config,
    /// The target of a secret.
    Secret,
    /// The text or number itself.
    Expose,
    /// The path of an env file.
    EnvFile,
    /// Host address, published port, target and protocol.
    Port,
}

static INDEXES: LazyLock<Patterns<Index>> = LazyLock::new(|| {
    Patterns::new([
        ("networks.*.labels", Index::KeyValue),
        ("networks.*.ipam.options", Index::KeyValue),
        ("services.*.annotations", Index::KeyValue),
        ("services.*.build.args", Index::KeyValue),
        ("services.*.build.additional_contexts", Index::KeyValue),
        ("services.*.build.platform", Index::KeyValue),
        ("services.*.build.tags", Index::KeyValue),
        ("services.*.build.labels", Index::KeyValue),
        ("services.*.cap_add", Index::KeyValue),
        ("services.*.cap_drop", Index::KeyValue),
        ("services.*.devices", Index::Device),
        ("services.*.configs", Index::Config),
        ("services.*.deploy.labels", Index::KeyValue),
        ("services.*.dns", Index::KeyValue),
        ("services.*.dns_opt", Index::KeyValue),
        ("services.*.dns_search", Index::KeyValue),
        ("services.*.environment", Index::KeyValue),
        ("services.*.env_file", Index::EnvFile),
        ("services.*.expose", Index::Expose),
        ("services.*.labels", Index::KeyValue),
        ("services.*.links", Index::KeyValue),
        ("services.*.networks.*.aliases", Index::KeyValue),
        ("services.*.networks.*.link_local_ips", Index::KeyValue),
        ("services.*.ports", Index::Port),
        ("services.*.profiles", Index::KeyValue),
        ("services.*.secrets", Index::Secret),
        ("services.*.sysctls", Index::KeyValue),
        ("services.*.tmpfs", Index::KeyValue),
        ("services.*.volumes", Index::Volume),
    ])
});

fn walk(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &mut node.value {
        Value::Map(map) => {
            for (key, entry) in map {
                walk(&mut entry.node, at.key(key), diagnostics);
            }
        }
        Value::List(items) if !items.is_empty() => {
            if let Some(index) = INDEXES.at(&at) {
                keep_last(items, index, at, diagnostics);
            }
        }
        Value::List(_) | Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn keep_last(items: &mut Vec<Node>, index: Index, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match key(&item, index) {
            Key::Of(key) => match places.get(&key) {
                Some(place) => kept[*place] = item,
                None => {
                    places.insert(key, kept.len());
                    kept.push(item);
                }
            },
            // A later stage reads the entry and reports it.
            Key::Unreadable => kept.push(item),
            Key::Without(required) => {
                let words = format!("an entry of `{at}` has no `{required}`");
                diagnostics.push(
                    Diagnostic::error(Code::MissingKey, words).at(item.span, "").hint(format!("add `{required}:`")),
                );
                kept.push(item);
            }
        }
    }
    *items = kept;
}

/// The key of an entry among those of its list.
enum Key {
    Of(String),
    /// The entry cannot be read.
    Unreadable,
    /// A key of the long form that must be there is not.
    Without(&'static str),
}

fn key(item: &Node, index: Index) -> Key {
    match (index, &item.value) {
        (Index::KeyValue, Value::Text(text)) => Key::Of(text.split('=').next().unwrap_or_default().to_owned()),
        (Index::Expose | Index::EnvFile, Value::Text(text)) => Key::Of(text.clone()),
        (Index::Expose | Index::Port, Value::Int(n)) => Key::Of(n.to_string()),
        (Index::Volume, Value::Text(text)) => match volume::parse(text) {
            Ok(mount) => Key::Of(mount.target),
            Err(_) => Key::Unreadable,
        },
        (Index::Device, Value::Text(text)) => match device::parse(text) {
            Ok(_) => Key::Of(text.split(':').take(2).last().unwrap_or_default().to_owned()),
            Err(_) => Key::Unreadable,
        },
        (Index::Port, Value::Text(text)) => Key::Of(text.clone()),
        (Index::Config, Value::Text(text)) => Key::Of(format!("/{text}")),
        (Index::Secret, Value::Text(text)) => Key::Of(format!("/run/secrets/{text}")),
        (Index::Volume | Index::Device, Value::Map(map)) => required(map, "target"),
        (Index::EnvFile, Value::Map(map)) => required(map, "path"),
        (Index::Config, Value::Map(map)) => mount(map, ""),
        (Index::Secret, Value::Map(map)) => mount(map, "/run/secrets"),
        (Index::Port, Value::Map(map)) => port(map),
        _ => Key::Unreadable,
    }
}

fn field(map: &Map, key: &str) -> Option<String> {
    map.get(key).and_then(|e| scalar::scalar_text(&e.node.value))
}

fn required(map: &Map, key: &'static str) -> Key {
    field(map, key).map_or(Key::Without(key), Key::Of)
}

fn mount(map: &Map, folder: &str) -> Key {
    match (field(map, "target"), field(map, "source")) {
        (Some(target), _) => Key::Of(target),
        (None, source) => Key::Of(format!("{folder}/{}", source.unwrap_or_default())),
    }
}

fn port(map: &Map) -> Key {
    let Some(target) = field(map, "target") else { return Key::Without("target") };
    let or = |key, default: &str| field(map, key).unwrap_or_else(|| default.to_owned());
    Key::Of(format!("{}:{}:{target}/{}", or("host_ip", "0.0.0.0"), or("published", ""), or("protocol", "tcp")))
}
