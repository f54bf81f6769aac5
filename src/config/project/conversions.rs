//! Values of the canonical tree, whose types Compose's own rules have settled, as the model has them.

use std::collections::{BTreeMap, BTreeSet};

use super::Builder;
use crate::compose::syntax::duration;
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Taint;
use crate::model::{Pending, Text};

/// A text that may be secret.
pub(super) fn secret_aware(node: &Node) -> Option<Text> {
    let text = scalar(node)?;
    // A value that apply makes stays unknown even where it may be seen.
    Some(match (node.taint, Pending::is_in(&text)) {
        (Taint::Secret, _) | (_, true) => Text::of_secret(text),
        (Taint::Plain, false) => Text::plain(text),
    })
}

/// The texts of a mapping, each of which may be secret.
pub(super) fn text_map(node: Option<&Node>) -> BTreeMap<String, Text> {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    entries.filter_map(|(name, e)| Some((name.clone(), secret_aware(&e.node)?))).collect()
}

/// The texts of a mapping, each of which may be secret or missing.
pub(super) fn variables(node: Option<&Node>) -> BTreeMap<String, Option<Text>> {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    entries.map(|(name, e)| (name.clone(), secret_aware(&e.node))).collect()
}

/// The words of a command line; none if it is not set.
pub(super) fn words(node: Option<&Node>) -> Option<Vec<Text>> {
    Some(node?.as_list()?.iter().filter_map(secret_aware).collect())
}

/// A whole number that says something.
pub(super) fn number(node: Option<&Node>) -> Option<i64> {
    whole(node?).filter(|n| *n != 0)
}

fn whole(node: &Node) -> Option<i64> {
    match node.value {
        Value::Int(number) => i64::try_from(number).ok(),
        // Go cuts the fraction off.
        #[expect(clippy::cast_possible_truncation, reason = "that is the rule")]
        Value::Float(number) => Some(number as i64),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Billionths of a processor. Compose keeps the number in 32 bits, and so the product.
#[expect(clippy::cast_possible_truncation, reason = "that is the rule")]
pub(super) fn nano_cpus(node: Option<&Node>) -> Option<i64> {
    let cpus = match node?.value {
        Value::Float(cpus) => cpus as f32,
        Value::Int(cpus) => cpus as f32,
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => return None,
    };
    Some((cpus * 1e9) as i64).filter(|n| *n != 0)
}

/// Whether a switch is on.
pub(super) fn flag(node: Option<&Node>) -> bool {
    node.is_some_and(|n| n.value == Value::Bool(true))
}

/// The nanoseconds of a duration.
pub(super) fn nanoseconds(node: Option<&Node>) -> i64 {
    node.and_then(Node::as_text).and_then(|t| duration::parse(t).ok()).map_or(0, |d| d.0)
}

fn scalar(node: &Node) -> Option<String> {
    crate::compose::syntax::scalar::scalar_text(&node.value)
}

impl Builder<'_> {
    /// A text that shapes something and is always seen.
    pub(super) fn plain(&mut self, node: Option<&Node>) -> Option<String> {
        let node = node?;
        let text = scalar(node)?;
        if Pending::is_in(&text) {
            let words = "a value that apply makes first cannot stand here";
            let hint = "take the variable out of `env.generate`, and set it in the .env of the service on its node";
            self.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").hint(hint));
            return None;
        }
        Some(text).filter(|t| !t.is_empty())
    }

    /// The texts of a list, in order.
    pub(super) fn plain_list(&mut self, node: Option<&Node>) -> Vec<String> {
        let items = node.and_then(Node::as_list).into_iter().flatten();
        items.filter_map(|item| self.plain(Some(item))).collect()
    }

    /// The texts of a list whose order means nothing.
    pub(super) fn plain_set(&mut self, node: Option<&Node>) -> BTreeSet<String> {
        self.plain_list(node).into_iter().collect()
    }

    /// The texts of a mapping.
    pub(super) fn plain_map(&mut self, node: Option<&Node>) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, entry) in node.and_then(Node::as_map).into_iter().flatten() {
            let empty = scalar(&entry.node).is_some_and(|t| t.is_empty());
            let value = if empty { Some(String::new()) } else { self.plain(Some(&entry.node)) };
            found.extend(value.map(|value| (name.clone(), value)));
        }
        found
    }
}
