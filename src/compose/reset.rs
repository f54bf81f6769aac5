//! `!reset` and `!override`: keys of the base that go before the file that names them is merged.

use std::collections::BTreeSet;

use super::tree_path::TreePath;
use crate::compose::yaml::{Map, Node, Tag, Value};

/// The keys, from the root, that a document resets or replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resets(Vec<Vec<String>>);

impl Resets {
    /// Takes the tags out of a document: what is reset disappears from it, what overrides stays.
    pub fn take(document: &mut Node) -> Self {
        let mut resets = Self::default();
        resets.collect(document, TreePath::ROOT);
        resets
    }

    fn collect(&mut self, node: &mut Node, at: TreePath<'_>) {
        match &mut node.value {
            Value::Map(map) => {
                for (key, entry) in &mut *map {
                    let at = at.key(key);
                    match entry.node.tag {
                        Some(Tag::Reset) => self.0.push(at.keys()),
                        Some(Tag::Override) => {
                            self.0.push(at.keys());
                            clear(&mut entry.node);
                        }
                        None => self.collect(&mut entry.node, at),
                    }
                }
                map.retain(|_, entry| entry.node.tag != Some(Tag::Reset));
            }
            // Lists are appended, so that there is nothing of the base to name; a reset item just goes.
            Value::List(items) => {
                items.retain(|item| item.tag != Some(Tag::Reset));
                for (i, item) in items.iter_mut().enumerate() {
                    item.tag = None;
                    self.collect(item, at.item(i));
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
        }
    }

    /// Takes the keys out of what is there already.
    pub fn apply(&self, document: &mut Node) {
        let Some(root) = document.as_map_mut() else { return };
        // Marked first and taken out together, since each removal moves all that stands behind it.
        let mut parents = BTreeSet::new();
        for keys in &self.0 {
            let Some((last, above)) = keys.split_last() else { continue };
            if let Some(entry) = below(root, above).and_then(|map| map.get_mut(last)) {
                entry.node.tag = Some(Tag::Reset);
                parents.insert(above);
            }
        }
        for above in parents {
            if let Some(map) = below(root, above) {
                map.retain(|_, entry| entry.node.tag != Some(Tag::Reset));
            }
        }
    }

    /// Takes the keys of a service's own out of the service that it extends.
    pub fn apply_to_service(&self, name: &str, service: &mut Node) {
        for keys in &self.0 {
            if let [services, service_name, keys @ ..] = keys.as_slice()
                && services == "services"
                && service_name == name
                && let Some(map) = service.as_map_mut()
            {
                remove(map, keys);
            }
        }
    }
}

/// The mapping that keys lead to.
fn below<'m>(map: &'m mut Map, keys: &[String]) -> Option<&'m mut Map> {
    keys.iter().try_fold(map, |map, key| map.get_mut(key)?.node.as_map_mut())
}

fn remove(map: &mut Map, keys: &[String]) {
    match keys {
        [] => {}
        [last] => drop(map.shift_remove(last)),
        [first, rest @ ..] => {
            if let Some(below) = map.get_mut(first).and_then(|e| e.node.as_map_mut()) {
                remove(below, rest);
            }
        }
    }
}

/// Forgets the tags within what overrides as a whole.
fn clear(node: &mut Node) {
    node.tag = None;
    match &mut node.value {
        Value::Map(map) => map.values_mut().for_each(|entry| clear(&mut entry.node)),
        Value::List(items) => items.iter_mut().for_each(clear),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}
