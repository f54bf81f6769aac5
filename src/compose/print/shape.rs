//! The printed parts of a project and their order: Go's structs with their `omitempty`, from the table of keys.

use std::borrow::Cow;

use super::ComposeVersion;
use super::natural_order::natural_order;
use crate::compose::schema::{Key, Keys, PROJECT, Printed, SERVICE, ValueType};
use crate::compose::yaml::{Map, Node, Value};

/// A value to print; mappings are in their final order.
#[derive(Debug)]
pub(super) enum Shown<'a> {
    Null,
    Bool(bool),
    Int(i128),
    /// A float of the user's own, in an extension.
    Float(f64),
    /// A float of the model, which has 32 bits.
    Float32(f32),
    Text(Cow<'a, str>),
    List(Vec<Shown<'a>>),
    Map(Vec<(Cow<'a, str>, Shown<'a>)>),
}

/// The output format, on which it depends what is printed: Go has tags for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

#[derive(Clone, Copy)]
struct Layout {
    format: Format,
    version: ComposeVersion,
}

/// A whole project. In JSON its sections are sorted, in YAML they are in the order of the struct.
pub(super) fn project(project: &Node, format: Format) -> Shown<'_> {
    let layout = Layout { format, version: ComposeVersion::Followed };
    let mut shown = layout.keys(project.as_map(), &PROJECT);
    // The contents of label files stand in the labels.
    remove_of_each(&mut shown, "services", "label_file");
    let Shown::Map(mut entries) = shown else { return Shown::Map(Vec::new()) };
    if format == Format::Json {
        entries.extend(extensions(project.as_map(), format));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Shown::Map(entries)
}

/// One service for its hash, without some keys; `deploy.replicas` is one below another.
pub(super) fn service<'a>(service: &'a Node, version: ComposeVersion, without: &[&str]) -> Shown<'a> {
    let mut shown = Layout { format: Format::Json, version }.keys(service.as_map(), &SERVICE);
    without.iter().for_each(|path| remove(&mut shown, path));
    shown
}

/// Removes a key of each entry of a section.
fn remove_of_each(project: &mut Shown<'_>, section: &str, key: &str) {
    let Shown::Map(sections) = project else { return };
    for (_, entries) in sections.iter_mut().filter(|(name, _)| name == section) {
        if let Shown::Map(entries) = entries {
            entries.iter_mut().for_each(|(_, entry)| remove(entry, key));
        }
    }
}

fn remove(shown: &mut Shown<'_>, path: &str) {
    let Shown::Map(entries) = shown else { return };
    match path.split_once('.') {
        None => entries.retain(|(key, _)| key != path),
        Some((first, rest)) => {
            entries.iter_mut().filter(|(key, _)| key == first).for_each(|(_, inner)| remove(inner, rest));
        }
    }
}

impl Layout {
    /// A struct: its keys in order, those with an empty value left out.
    fn keys<'a>(self, map: Option<&'a Map>, keys: &'static Keys) -> Shown<'a> {
        let mut entries = Vec::with_capacity(map.map_or(0, Map::len) + 1);
        for key in self.ordered(keys) {
            let node = map.and_then(|m| m.get(key.name)).map(|e| &e.node).filter(|_| !is_hidden(key, map));
            if let Some(shown) = self.value(node, key) {
                let name = match (key.printed, self.format) {
                    (Printed::AlwaysAs(name), Format::Json) => name,
                    _ => key.name,
                };
                entries.push((Cow::Borrowed(name), shown));
            }
        }
        if self.format == Format::Yaml {
            entries.extend(extensions(map, self.format));
        }
        Shown::Map(entries)
    }

    /// The keys of a struct in the order of the version; the table has that of the newest.
    fn ordered(self, keys: &'static Keys) -> Vec<&'static Key> {
        let mut ordered: Vec<&Key> = keys.keys.iter().collect();
        if self.version == ComposeVersion::Followed && !keys.followed_order.is_empty() {
            // Keys that the followed version does not know come first, as nothing is said of them.
            ordered.sort_by_cached_key(|k| keys.followed_order.iter().position(|f| *f == k.name));
        }
        ordered
    }

    /// A field; `None` if it is left out.
    fn value<'a>(self, node: Option<&'a Node>, key: &Key) -> Option<Shown<'a>> {
        let always = matches!(key.printed, Printed::Always | Printed::AlwaysAs(_));
        match &key.value_type {
            ValueType::Text => {
                Some(text(node).unwrap_or_default()).filter(|t| always || !t.is_empty()).map(|t| Shown::Text(t.into()))
            }
            ValueType::Bool => Some(is_true(node)).filter(|b| always || *b).map(Shown::Bool),
            ValueType::OptOut => node.map(|n| is_true(Some(n))).filter(|b| *b != self.is_newest()).map(Shown::Bool),
            ValueType::BoolSet => node.map(|n| Shown::Bool(is_true(Some(n)))),
            ValueType::Int | ValueType::Uint | ValueType::Count => {
                Some(integer(node)).filter(|i| always || *i != 0).map(Shown::Int)
            }
            ValueType::Mode if !self.is_followed() => {
                node.map(|n| Shown::Text(format!("0{:o}", integer(Some(n))).into()))
            }
            ValueType::IntSet | ValueType::UintSet | ValueType::Mode => node.map(|n| Shown::Int(integer(Some(n)))),
            ValueType::Float => Some(float(node)).filter(|f| *f != 0.0).map(Shown::Float32),
            ValueType::Bytes => {
                Some(integer(node)).filter(|i| always || *i != 0).map(|i| Shown::Text(i.to_string().into()))
            }
            ValueType::Time => text(node).filter(|t| !t.is_empty() && *t != "0s").map(|t| Shown::Text(t.into())),
            ValueType::TimeSet => text(node).map(|t| Shown::Text(t.into())),
            ValueType::Command => match (node, self.format) {
                (Some(node), _) => Some(texts(node)),
                (None, Format::Json) => Some(Shown::Null),
                (None, Format::Yaml) => None,
            },
            ValueType::Test
            | ValueType::Texts
            | ValueType::TextOrTexts
            | ValueType::TextsAndNumbers
            | ValueType::Hosts => node.filter(|n| n.as_list().is_some_and(|l| !l.is_empty())).map(texts),
            ValueType::Variables | ValueType::Mapping | ValueType::TextMap | ValueType::MultiOptions => {
                self.named(node, |node| raw(node, self.format))
            }
            ValueType::Ssh => self.ssh(node),
            ValueType::EnvFiles => self.env_files(node),
            ValueType::Ulimits => self.named(node, |node| self.ulimit(node)),
            ValueType::Always(keys) => {
                let shown = self.keys(node.and_then(Node::as_map), keys);
                let is_empty = matches!(&shown, Shown::Map(entries) if entries.is_empty());
                (self.format == Format::Json || !is_empty).then_some(shown)
            }
            ValueType::Keys(keys) => node.map(|n| self.keys(n.as_map(), keys)),
            ValueType::List(keys) => {
                let items = node.and_then(Node::as_list).filter(|l| !l.is_empty())?;
                Some(Shown::List(items.iter().map(|item| self.keys(item.as_map(), keys)).collect()))
            }
            ValueType::Named(keys) => {
                let shown = self.named(node, |node| match &node.value {
                    Value::Null => Shown::Null,
                    _ => self.keys(node.as_map(), keys),
                });
                shown.or_else(|| always.then(|| Shown::Map(Vec::new())))
            }
            ValueType::Raw => None,
        }
    }

    fn is_followed(self) -> bool {
        self.version == ComposeVersion::Followed
    }

    fn is_newest(self) -> bool {
        self.version == ComposeVersion::Newest
    }

    /// A mapping from the user's own names, sorted; left out when empty.
    fn named<'a>(self, node: Option<&'a Node>, show: impl Fn(&'a Node) -> Shown<'a>) -> Option<Shown<'a>> {
        let map = node.and_then(Node::as_map).filter(|m| !m.is_empty())?;
        Some(sorted(map.iter().map(|(name, entry)| (name.as_str(), show(&entry.node))), self.format))
    }

    fn ulimit(self, node: &Node) -> Shown<'_> {
        let limit = |key| integer(node.get(key));
        match (integer(Some(node)), self.format) {
            (single, _) if single != 0 => Shown::Int(single),
            (_, Format::Json) => Shown::Map(
                ["soft", "hard"]
                    .into_iter()
                    .filter(|k| limit(k) != 0)
                    .map(|k| (k.into(), Shown::Int(limit(k))))
                    .collect(),
            ),
            (_, Format::Yaml) => {
                Shown::Map(["soft", "hard"].into_iter().map(|k| (k.into(), Shown::Int(limit(k)))).collect())
            }
        }
    }

    /// Compose's own JSON of a key with a path is broken; this is its YAML.
    fn ssh<'a>(self, node: Option<&'a Node>) -> Option<Shown<'a>> {
        let map = node.and_then(Node::as_map).filter(|m| !m.is_empty())?;
        let mut keys: Vec<String> = map
            .iter()
            .map(|(id, entry)| match entry.node.as_text() {
                Some(path) if !path.is_empty() => format!("{id}: {path}"),
                _ => id.clone(),
            })
            .collect();
        keys.sort();
        Some(Shown::List(keys.into_iter().map(|k| Shown::Text(k.into())).collect()))
    }

    fn env_files<'a>(self, node: Option<&'a Node>) -> Option<Shown<'a>> {
        let files = node.and_then(Node::as_list).filter(|l| !l.is_empty())?;
        let show = |file: &'a Node| {
            let path = Shown::Text(text(file.get("path")).unwrap_or_default().into());
            if is_true(file.get("required")) {
                return path;
            }
            let mut entries = vec![("path".into(), path), ("required".into(), Shown::Bool(false))];
            if let (Some(format), Format::Json) = (text(file.get("format")), self.format) {
                entries.push(("format".into(), Shown::Text(format.into())));
            }
            Shown::Map(entries)
        };
        Some(Shown::List(files.iter().map(show).collect()))
    }
}

/// Whether a key is the outcome of another one that is printed in its place.
fn is_hidden(key: &Key, map: Option<&Map>) -> bool {
    let Printed::Unless(other) = key.printed else { return false };
    map.and_then(|m| m.get(other)).is_some_and(|e| e.node.as_text() != Some(""))
}

/// The user's own `x-…` keys, sorted.
fn extensions(map: Option<&Map>, format: Format) -> Vec<(Cow<'_, str>, Shown<'_>)> {
    let own = map.into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
    match sorted(own.map(|(name, entry)| (name.as_str(), raw(&entry.node, format))), format) {
        Shown::Map(entries) => entries,
        _ => Vec::new(),
    }
}

/// A value as it stands, its mappings sorted.
fn raw(node: &Node, format: Format) -> Shown<'_> {
    match &node.value {
        Value::Null => Shown::Null,
        Value::Bool(b) => Shown::Bool(*b),
        Value::Int(i) => Shown::Int(*i),
        Value::Float(f) => Shown::Float(*f),
        Value::Text(t) => Shown::Text(t.as_str().into()),
        // compose-go has made a nil of an empty list by then, which only JSON shows.
        Value::List(items) if items.is_empty() && format == Format::Json => Shown::Null,
        Value::List(items) => Shown::List(items.iter().map(|n| raw(n, format)).collect()),
        Value::Map(map) => sorted(map.iter().map(|(k, e)| (k.as_str(), raw(&e.node, format))), format),
    }
}

/// Go sorts the keys of a mapping by their bytes for JSON, and as people do for YAML.
fn sorted<'a>(entries: impl Iterator<Item = (&'a str, Shown<'a>)>, format: Format) -> Shown<'a> {
    let mut entries: Vec<(Cow<'a, str>, Shown<'a>)> = entries.map(|(name, shown)| (name.into(), shown)).collect();
    match format {
        Format::Json => entries.sort_by(|a, b| a.0.cmp(&b.0)),
        Format::Yaml => entries.sort_by(|a, b| natural_order(&a.0, &b.0)),
    }
    Shown::Map(entries)
}

fn texts(node: &Node) -> Shown<'_> {
    let items = node.as_list().unwrap_or_default();
    Shown::List(items.iter().map(|item| Shown::Text(item.as_text().unwrap_or_default().into())).collect())
}

fn text(node: Option<&Node>) -> Option<&str> {
    node.and_then(Node::as_text)
}

fn is_true(node: Option<&Node>) -> bool {
    node.is_some_and(|n| n.value == Value::Bool(true))
}

fn integer(node: Option<&Node>) -> i128 {
    match node.map(|n| &n.value) {
        Some(Value::Int(i)) => *i,
        _ => 0,
    }
}

fn float(node: Option<&Node>) -> f32 {
    match node.map(|n| &n.value) {
        Some(Value::Float(f)) => *f as f32,
        Some(Value::Int(i)) => *i as f32,
        _ => 0.0,
    }
}
