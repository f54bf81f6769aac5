//! Short forms → long forms, in place, for the tree of one file after its merge.
//!
//! Follows compose-go's `transform` package. Every synthesized node stands where the short form stood and carries its
//! taint. Values that need the whole project (names, defaults, paths) are left to the later stages.

use super::budget::MOST_PORTS;
use super::syntax::{device, port, volume};
use super::tree_path::TreePath;
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// Puts every short form of `project` into its long form. Shapes that the schema refuses are left as they are, with a
/// diagnostic, because a file that is only extended is not held against the schema.
pub fn canonicalize(project: &mut Node, diagnostics: &mut Diagnostics) {
    let services = TreePath::ROOT.key("services");
    if let Some(map) = project.get_mut("services").and_then(Node::as_map_mut) {
        let mut ports = 0;
        for (name, entry) in map {
            canonicalize_service(&mut entry.node, services.key(name), &mut ports, diagnostics);
        }
    }
    for kind in ["networks", "volumes", "secrets", "configs"] {
        for (name, entry) in project.get_mut(kind).and_then(Node::as_map_mut).into_iter().flatten() {
            canonicalize_external(&mut entry.node, TreePath::ROOT.key(kind).key(name), diagnostics);
        }
    }
}

fn canonicalize_service(service: &mut Node, at: TreePath<'_>, ports: &mut usize, diagnostics: &mut Diagnostics) {
    for (key, entry) in service.as_map_mut().into_iter().flatten() {
        let node = &mut entry.node;
        let at = at.key(key);
        match key.as_str() {
            "build" => canonicalize_build(node, at, diagnostics),
            "depends_on" => canonicalize_dependencies(node, at, diagnostics),
            "networks" => list_to_map(node, |_| Value::Null),
            "env_file" => canonicalize_env_files(node, at, diagnostics),
            "label_file" => text_to_list(node),
            "dns" => {
                text_to_list(node);
                // An empty server is what an unset variable leaves behind.
                node.as_list_mut().into_iter().for_each(|l| l.retain(|n| !n.is_null() && n.as_text() != Some("")));
            }
            "extends" => text_to_map(node, "service"),
            "gpus" => canonicalize_gpus(node, at, diagnostics),
            "ports" => canonicalize_ports(node, at, ports, diagnostics),
            "volumes" => each_item(node, at, diagnostics, canonicalize_volume),
            "devices" => each_item(node, at, diagnostics, canonicalize_device),
            "secrets" | "configs" => each_item(node, at, diagnostics, canonicalize_file_reference),
            "ulimits" => canonicalize_ulimits(node, at, diagnostics),
            _ => {}
        }
    }
}

fn canonicalize_build(build: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    text_to_map(build, "context");
    match &mut build.value {
        Value::Map(map) => {
            for (key, entry) in map {
                let at = at.key(key);
                match key.as_str() {
                    "secrets" => each_item(&mut entry.node, at, diagnostics, canonicalize_file_reference),
                    "additional_contexts" => key_values_to_map(&mut entry.node, at, diagnostics),
                    "ssh" => canonicalize_ssh(&mut entry.node, at, diagnostics),
                    "ulimits" => canonicalize_ulimits(&mut entry.node, at, diagnostics),
                    _ => {}
                }
            }
        }
        _ => wrong_shape(build, "a string or a mapping", at, diagnostics),
    }
}

fn canonicalize_dependencies(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let default = |of: &Node| {
        map_of([
            ("condition", of.derive(Value::Text("service_started".into()))),
            ("required", of.derive(Value::Bool(true))),
        ])
    };
    list_to_map(node, default);
    let Some(map) = node.as_map_mut() else {
        return wrong_shape(node, "a list or a mapping", at, diagnostics);
    };
    for (name, entry) in map {
        let fallback = entry.node.clone_place();
        match &mut entry.node.value {
            Value::Map(dependency) => {
                set_default(dependency, "condition", fallback.derive(Value::Text("service_started".into())));
                set_default(dependency, "required", fallback.derive(Value::Bool(true)));
            }
            _ => wrong_shape(&entry.node, "a mapping", at.key(name), diagnostics),
        }
    }
}

fn canonicalize_env_files(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    text_to_list(node);
    let Some(files) = node.as_list_mut() else {
        return wrong_shape(node, "a string or a list", at, diagnostics);
    };
    for file in files {
        text_to_map(file, "path");
        let required = file.derive(Value::Bool(true));
        if let Some(map) = file.as_map_mut() {
            set_default(map, "required", required);
        }
    }
}

fn canonicalize_gpus(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::List(_) => {}
        Value::Text(_) => {
            let all = node.derive(Value::Text("all".into()));
            let request = node.derive(map_of([("count", all)]));
            node.value = Value::List(vec![request]);
        }
        _ => wrong_shape(node, "`all` or a list", at, diagnostics),
    }
}

/// `count` is how many ports the project has so far.
fn canonicalize_ports(node: &mut Node, at: TreePath<'_>, count: &mut usize, diagnostics: &mut Diagnostics) {
    let Some(entries) = node.as_list_mut() else {
        return wrong_shape(node, "a list", at, diagnostics);
    };
    if *count > MOST_PORTS {
        return;
    }
    let mut ports = Vec::with_capacity(entries.len());
    for (i, entry) in std::mem::take(entries).into_iter().enumerate() {
        let text = match &entry.value {
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Map(_) => {
                ports.push(entry);
                continue;
            }
            _ => {
                wrong_shape(&entry, "an integer, a string or a mapping", at.item(i), diagnostics);
                continue;
            }
        };
        match port::parse(&text) {
            Ok(parsed) => {
                *count += parsed.len();
                if *count > MOST_PORTS {
                    diagnostics.push(too_many_ports(entry.span));
                    break;
                }
                ports.extend(parsed.into_iter().map(|p| port_node(p, &entry)));
            }
            Err(error) => diagnostics.push(
                Diagnostic::error(Code::PortSyntax, format!("{}: {error}", at.item(i)))
                    .at(entry.span, "")
                    .hint(error.hint()),
            ),
        }
    }
    *entries = ports;
}

/// The diagnostic for a project with more ports than it may have.
pub(super) fn too_many_ports(span: Span) -> Diagnostic {
    let words = format!("the project publishes more than {MOST_PORTS} ports");
    let diagnostic = Diagnostic::error(Code::TooDeep, words).at(span, "the limit is crossed here");
    diagnostic.hint("publish fewer, or give the service the host's network: `network_mode: host`")
}

fn port_node(port: port::Port, from: &Node) -> Node {
    let text = |text: String| from.derive(Value::Text(text));
    let mut map = Map::with_capacity_and_hasher(5, Default::default());
    set(&mut map, "mode", text("ingress".into()));
    if !port.host_ip.is_empty() {
        set(&mut map, "host_ip", text(port.host_ip));
    }
    set(&mut map, "target", from.derive(Value::Int(port.target.into())));
    if !port.published.is_empty() {
        set(&mut map, "published", text(port.published));
    }
    set(&mut map, "protocol", text(port.protocol.into()));
    from.derive(Value::Map(map))
}

fn canonicalize_volume(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let text = match &node.value {
        Value::Map(_) => return,
        Value::Text(text) => text,
        _ => return wrong_shape(node, "a string or a mapping", at, diagnostics),
    };
    match volume::parse(text) {
        Ok(mount) => {
            if volume::is_drive_lookalike(text) && mount.kind == volume::MountKind::Volume {
                diagnostics.push(
                    Diagnostic::warning(
                        Code::SurprisingValue,
                        format!("{at}: Compose reads this as an anonymous volume"),
                    )
                    .at(node.span, "one letter before a colon is a Windows drive to Compose")
                    .hint("give the volume a name of two letters or more, or use the long form"),
                );
            }
            node.value = Value::Map(mount_map(mount, node));
        }
        Err(error) => diagnostics
            .push(Diagnostic::error(Code::VolumeSyntax, format!("{at}: {error}")).at(node.span, "").hint(error.hint())),
    }
}

fn mount_map(mount: volume::Mount, from: &Node) -> Map {
    let text = |text: &str| from.derive(Value::Text(text.into()));
    let yes = || from.derive(Value::Bool(true));
    let mut map = Map::with_capacity_and_hasher(5, Default::default());
    let is_bind = mount.kind == volume::MountKind::Bind;
    set(&mut map, "type", text(if is_bind { "bind" } else { "volume" }));
    if !mount.source.is_empty() {
        set(&mut map, "source", text(&mount.source));
    }
    set(&mut map, "target", text(&super::syntax::path::clean(&mount.target)));
    if mount.read_only {
        set(&mut map, "read_only", yes());
    }
    let mut bind = Map::default();
    if let Some(selinux) = mount.selinux {
        set(&mut bind, "selinux", text(selinux));
    }
    if let Some(propagation) = mount.propagation {
        set(&mut bind, "propagation", text(propagation));
    }
    if is_bind {
        set(&mut bind, "create_host_path", yes());
    }
    if !bind.is_empty() {
        set(&mut map, "bind", from.derive(Value::Map(bind)));
    }
    match mount.volume_options {
        volume::VolumeOptions::Absent => {}
        volume::VolumeOptions::Default => set(&mut map, "volume", from.derive(Value::Map(Map::default()))),
        volume::VolumeOptions::NoCopy => set(&mut map, "volume", from.derive(map_of([("nocopy", yes())]))),
    }
    map
}

fn canonicalize_device(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Map(_) => {}
        Value::Text(text) => match device::parse(text) {
            Ok(device) => {
                let part = |part: &str| node.derive(Value::Text(part.into()));
                node.value = map_of([
                    ("source", part(device.source)),
                    ("target", part(device.target)),
                    ("permissions", part(device.permissions)),
                ]);
            }
            Err(error) => diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("{at}: {error}"))
                    .at(node.span, "")
                    .hint("use the long form, with `source`, `target` and `permissions`"),
            ),
        },
        _ => wrong_shape(node, "a string or a mapping", at, diagnostics),
    }
}

fn canonicalize_file_reference(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    text_to_map(node, "source");
    if node.as_map().is_none() {
        wrong_shape(node, "a string or a mapping", at, diagnostics);
    }
}

fn canonicalize_ssh(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (i, item) in node.as_list().into_iter().flatten().enumerate() {
        if item.as_text().is_some_and(|key| !key.contains('=') && key != "default") {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("{} names no path", at.item(i)))
                    .at(item.span, "")
                    .hint("write `ID=PATH`, or `default` for the agent's own keys"),
            );
        }
    }
    split_key_values(node);
}

fn canonicalize_ulimits(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (name, entry) in node.as_map().into_iter().flatten() {
        if !matches!(entry.node.value, Value::Map(_) | Value::Int(_)) {
            wrong_shape(&entry.node, "an integer or a mapping", at.key(name), diagnostics);
        }
    }
}

/// `external: {name: x}` is the old form of `external: true` with `name: x`.
fn canonicalize_external(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let place = node.clone_place();
    let Some(map) = node.as_map_mut() else { return };
    let Some(external) = map.get_mut("external").filter(|e| e.node.as_map().is_some()) else { return };
    let old_name = external.node.as_map_mut().and_then(|m| m.swap_remove("name"));
    external.node.value = Value::Bool(true);
    let Some(old_name) = old_name else { return };
    diagnostics.push(
        Diagnostic::warning(Code::SurprisingValue, format!("{at}.external.name is deprecated"))
            .at(old_name.key_span, "")
            .hint("write `name: …` beside `external: true`"),
    );
    match map.get("name") {
        Some(name) if name.node.value != old_name.node.value => diagnostics.push(
            Diagnostic::error(Code::Conflict, format!("{at} has two names"))
                .at(name.node.span, "one here")
                .at(old_name.node.span, "the other here")
                .hint("keep `name` and write `external: true`"),
        ),
        Some(_) => {}
        None => {
            map.insert("name".into(), Entry { key_span: place.span, node: old_name.node });
        }
    }
}

fn key_values_to_map(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (i, item) in node.as_list().into_iter().flatten().enumerate() {
        if item.as_text().is_some_and(|text| !text.contains('=')) {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("{} has no value", at.item(i)))
                    .at(item.span, "")
                    .hint("write `KEY=VALUE`"),
            );
        }
    }
    split_key_values(node);
}

/// A list of `key=value` to a mapping, the last of a key winning; a key alone is null.
fn split_key_values(node: &mut Node) {
    let Some(items) = node.as_list_mut() else { return };
    let mut map = Map::with_capacity_and_hasher(items.len(), Default::default());
    for item in std::mem::take(items) {
        if let Value::Text(text) = &item.value {
            match text.split_once('=') {
                Some((key, value)) => map.insert(key.into(), item.derive(Value::Text(value.into())).into()),
                None => map.insert(text.clone(), item.derive(Value::Null).into()),
            };
        }
    }
    node.value = Value::Map(map);
}

fn each_item(
    node: &mut Node,
    at: TreePath<'_>,
    diagnostics: &mut Diagnostics,
    mut apply: impl FnMut(&mut Node, TreePath<'_>, &mut Diagnostics),
) {
    for (i, item) in node.as_list_mut().into_iter().flatten().enumerate() {
        apply(item, at.item(i), diagnostics);
    }
}

/// `text` → `[text]`.
fn text_to_list(node: &mut Node) {
    if matches!(node.value, Value::Text(_)) {
        node.value = Value::List(vec![node.take()]);
    }
}

/// `text` → `{key: text}`.
fn text_to_map(node: &mut Node, key: &'static str) {
    if matches!(node.value, Value::Text(_)) {
        node.value = map_of([(key, node.take())]);
    }
}

/// A list of names → a mapping from each name to what `make` says.
fn list_to_map(node: &mut Node, make: impl Fn(&Node) -> Value) {
    let Some(items) = node.as_list_mut() else { return };
    let mut map = Map::with_capacity_and_hasher(items.len(), Default::default());
    for item in std::mem::take(items) {
        if let Value::Text(name) = &item.value {
            map.insert(name.clone(), item.derive(make(&item)).into());
        }
    }
    node.value = Value::Map(map);
}

fn map_of<const N: usize>(entries: [(&str, Node); N]) -> Value {
    Value::Map(Map::from_iter(entries.into_iter().map(|(key, node)| (key.to_string(), node.into()))))
}

fn set(map: &mut Map, key: &str, node: Node) {
    map.insert(key.into(), node.into());
}

fn set_default(map: &mut Map, key: &str, node: Node) {
    if !map.contains_key(key) {
        set(map, key, node);
    }
}

fn wrong_shape(node: &Node, wanted: &str, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::WrongType, format!("{at} must be {wanted}, not {}", node.kind())).at(node.span, ""),
    );
}

impl Node {
    /// A null node at the same place with the same taint.
    fn clone_place(&self) -> Node {
        self.derive(Value::Null)
    }
}
