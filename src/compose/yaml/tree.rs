//! The located tree: a YAML document as Compose's own parser reads it, with the place of each node.
//!
//! Every loader works on this tree, so that any value, however far it was merged, extended or
//! interpolated, still knows the line that it came from. Built by its parent module. This module does
//! not know what the keys mean.

use indexmap::IndexMap;

use crate::diagnostic::Span;
use crate::model::Taint;

/// One node of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its value.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
    /// `!reset` or `!override`, which steer the merge of files.
    pub tag: Option<Tag>,
    /// Whether a secret variable was written into it.
    pub taint: Taint,
}

/// The tags that Compose gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Delete what the base says.
    Reset,
    /// Replace what the base says instead of merging with it.
    Override,
}

/// The value of a node, typed as Go's yaml.v3 types it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false` (never `yes` or `on`).
    Bool(bool),
    /// An integer of any base.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Map),
}

/// A mapping of a document: key → entry, in the order written. Keys are looked up so often that the hash
/// of the standard library was 7 % of the instructions of a plan.
pub type Map = IndexMap<String, Entry, foldhash::fast::RandomState>;

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub node: Node,
}

impl From<Node> for Entry {
    /// An entry whose key stands where its value stands.
    fn from(node: Node) -> Self {
        Self { key_span: node.span, node }
    }
}

impl Node {
    /// A plain node of `value` at `span`.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span, tag: None, taint: Taint::Plain }
    }

    /// A string node.
    pub fn text(text: impl Into<String>, span: Span) -> Self {
        Self::new(Value::Text(text.into()), span)
    }

    /// A node of `value` made out of this one: its place and its taint.
    pub fn derive(&self, value: Value) -> Self {
        Self { value, span: self.span, tag: None, taint: self.taint }
    }

    /// Takes the value out, with its place and taint, and leaves null.
    pub fn take(&mut self) -> Self {
        let value = std::mem::replace(&mut self.value, Value::Null);
        self.derive(value)
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map().and_then(|m| m.get(key)).map(|e| &e.node)
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(m) => Some(m),
            _ => None,
        }
    }

    /// The mapping, if it is one, to change it.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(m) => Some(m),
            _ => None,
        }
    }

    /// The sequence, if it is one, to change it.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::List(l) => Some(l),
            _ => None,
        }
    }

    /// The value of `key`, if this is a mapping that has it, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut().and_then(|m| m.get_mut(key)).map(|e| &mut e.node)
    }

    /// The sequence, if it is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(l) => Some(l),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The kind in words, for diagnostics.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
