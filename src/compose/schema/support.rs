//! The check for keys that Compose accepts and hl cannot honour.

use super::*;
use crate::compose::tree_path::TreePath;
use crate::compose::yaml::{Entry, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Checks a loaded project for what hl cannot honour: an error for each key that would change what runs, a note for
/// each that has no effect anyway. To be called before a plan is made, not where a project is only looked at.
pub fn check_support(project: &Node, diagnostics: &mut Diagnostics) {
    check_keys(project, &PROJECT, TreePath::ROOT, diagnostics);
}

fn check_keys(node: &Node, keys: &'static Keys, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (name, entry) in node.as_map().into_iter().flatten() {
        let Some(key) = keys.get(name) else { continue };
        match key.support {
            Support::Supported => check_value(&entry.node, &key.accepts, at.key(name), diagnostics),
            Support::NoEffect(_) | Support::Unsupported(_) if entry.node.is_off() => {}
            Support::NoEffect(why) => diagnostics.push(
                Diagnostic::note(Code::NoEffect, format!("{at}.{name} has no effect"))
                    .at(entry.key_span, "")
                    .detail(format!("{}.", capitalised(why)))
                    .hint(key.way_out.unwrap_or("remove it")),
            ),
            Support::Unsupported(_) => diagnostics.push(unsupported(key, at, entry)),
            Support::UnsupportedValues(values, why) => {
                if let Some(value) = entry.node.as_text().filter(|v| values.contains(v)) {
                    diagnostics.push(
                        Diagnostic::error(Code::UnsupportedKey, format!("unsupported value {at}.{name}: {value}"))
                            .at(entry.node.span, "")
                            .detail(format!("{}.", capitalised(why)))
                            .hint(key.way_out.unwrap_or("use another value")),
                    );
                }
            }
        }
    }
}

fn check_value(node: &Node, accepts: &Accepts, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match (accepts, &node.value) {
        (Accepts::Keys(keys), Value::Map(_)) => check_keys(node, keys, at, diagnostics),
        (Accepts::List(item) | Accepts::Set(item), Value::List(items)) => {
            items.iter().enumerate().for_each(|(i, node)| check_value(node, item, at.item(i), diagnostics));
        }
        (Accepts::Named(_, item), Value::Map(map)) => {
            map.iter().for_each(|(name, entry)| check_value(&entry.node, item, at.key(name), diagnostics));
        }
        (Accepts::Either(choices), _) => choices.iter().for_each(|c| check_value(node, c, at, diagnostics)),
        _ => {}
    }
}

/// The error for a key that hl cannot honour.
pub(super) fn unsupported(key: &Key, at: TreePath<'_>, entry: &Entry) -> Diagnostic {
    let why = match key.support {
        Support::Unsupported(why) | Support::UnsupportedValues(_, why) | Support::NoEffect(why) => why,
        Support::Supported => "",
    };
    let prefix = if at.depth() == 0 { String::new() } else { format!("{at}.") };
    Diagnostic::error(Code::UnsupportedKey, format!("unsupported key {prefix}{}", key.name))
        .at(entry.key_span, "")
        .detail(if why.is_empty() { String::new() } else { format!("{}.", capitalised(why)) })
        .hint(key.way_out.unwrap_or("remove it"))
}

fn capitalised(clause: &str) -> String {
    let mut chars = clause.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

impl Node {
    /// Whether it says nothing: null, `false`, empty.
    pub(crate) fn is_off(&self) -> bool {
        match &self.value {
            Value::Null | Value::Bool(false) => true,
            Value::Text(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => false,
        }
    }
}
