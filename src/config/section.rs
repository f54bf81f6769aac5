//! Mappings with a closed set of keys: opened with their keys, read key by key, every mistake said.
//!
//! For hl's own files; Compose files have a schema of their own. This module does not know which
//! keys there are or what they mean.

use std::collections::BTreeSet;

use crate::compose::syntax::duration;
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};

/// A value with the place that it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value as written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Located<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }
}

/// The context of reading a tree: the texts, to quote numbers as written, and the diagnostics so far.
pub(super) struct Context<'a> {
    /// All texts that were read.
    pub map: &'a SourceMap,
    /// The diagnostics so far.
    pub out: Diagnostics,
}

impl Context<'_> {
    /// Says that `node` is not what it should be: `what` is the key, `wanted` the type with its article.
    pub fn wrong_type(&mut self, node: &Node, what: &str, wanted: &str, hint: impl Into<String>) {
        let words = format!("`{what}` takes {wanted}, this is {}", node.kind());
        self.out.push(Diagnostic::error(Code::WrongType, words).at(node.span, "").hint(hint));
    }

    /// A scalar as it was written: `022` is `022` here, whatever number YAML makes of it.
    pub fn written(&self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                let text = &self.map.get(node.span.file).text;
                text.get(node.span.start as usize..node.span.end as usize).map(|t| t.trim().to_owned())
            }
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// A mapping with known keys that is being read.
pub(super) struct Section<'a> {
    map: Option<&'a Map>,
    /// Where it stands.
    pub span: Span,
    path: String,
}

/// Opens a mapping. `path` is how it is called in diagnostics (`nodes.nas`), empty for a whole file.
/// A null is a mapping without keys; anything else is reported. Keys that are not among `keys` are
/// reported too, but those with `x-` in front, which are the user's own.
pub(super) fn open<'a>(node: &'a Node, path: &str, keys: &[&str], context: &mut Context<'_>) -> Option<Section<'a>> {
    let map = match &node.value {
        Value::Map(map) => Some(map),
        Value::Null => None,
        _ => {
            let known = keys.iter().take(4).map(|k| format!("`{k}:`")).collect::<Vec<_>>().join(", ");
            let name = if path.is_empty() { "the file" } else { path };
            context.wrong_type(node, name, "a mapping", format!("write keys such as {known}, each with its value"));
            return None;
        }
    };
    for (key, entry) in map.into_iter().flatten() {
        if !keys.contains(&key.as_str()) && !key.starts_with("x-") {
            let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
            let hint = match did_you_mean(key, keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys here are {}", list(keys)),
            };
            let words = format!("unknown key `{key}`{place}");
            context.out.push(Diagnostic::error(Code::UnknownKey, words).at(entry.key_span, "").hint(hint));
        }
    }
    Some(Section { map, span: node.span, path: path.to_owned() })
}

/// Words in backquotes, separated by commas.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

impl<'a> Section<'a> {
    /// The value of a key; a null is none.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.map?.get(key).map(|e| &e.node).filter(|n| !n.is_null())
    }

    /// How a key is called in diagnostics: `nodes.nas.address`.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The place of the section's first key, or of the section itself.
    pub fn place(&self) -> Span {
        self.map.and_then(|m| m.values().next()).map_or(self.span, |e| e.key_span)
    }

    /// A text.
    pub fn text(&self, key: &str, context: &mut Context<'_>) -> Option<Located<String>> {
        let node = self.get(key)?;
        text(node, &self.path_of(key), context)
    }

    /// A list of texts.
    pub fn texts(&self, key: &str, context: &mut Context<'_>) -> Option<Vec<Located<String>>> {
        let node = self.get(key)?;
        let path = self.path_of(key);
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| text(item, &path, context)).collect()),
            Value::Text(word) => {
                context.wrong_type(node, &path, "a list", format!("write `[{word}]`"));
                None
            }
            _ => {
                context.wrong_type(node, &path, "a list", "write `[one, two]`");
                None
            }
        }
    }

    /// True or false.
    pub fn flag(&self, key: &str, context: &mut Context<'_>) -> Option<Located<bool>> {
        let node = self.get(key)?;
        match node.value {
            Value::Bool(value) => Some(Located::new(value, node.span)),
            _ => {
                context.wrong_type(node, &self.path_of(key), "true or false", "write `true` or `false` without quotes");
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, key: &str, least: u32, most: u32, context: &mut Context<'_>) -> Option<Located<u32>> {
        let node = self.get(key)?;
        let Value::Int(number) = node.value else {
            context.wrong_type(node, &self.path_of(key), "a whole number", format!("write a number such as `{least}`"));
            return None;
        };
        match u32::try_from(number).ok().filter(|n| (least..=most).contains(n)) {
            Some(number) => Some(Located::new(number, node.span)),
            None => {
                let words = format!("`{}` cannot be {number}", self.path_of(key));
                let hint = match most {
                    u32::MAX => format!("write a number from {least} up"),
                    most => format!("write a number from {least} to {most}"),
                };
                context.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").hint(hint));
                None
            }
        }
    }

    /// A length of time in milliseconds.
    pub fn duration(&self, key: &str, context: &mut Context<'_>) -> Option<Located<u64>> {
        let node = self.get(key)?;
        let path = self.path_of(key);
        let Value::Text(text) = &node.value else {
            let hint = match node.value {
                Value::Int(number) => format!("write `{number}s` for seconds"),
                _ => "write hours, minutes and seconds with their units, such as `1m30s`".to_owned(),
            };
            context.wrong_type(node, &path, "a duration", hint);
            return None;
        };
        let (words, hint) = match duration::parse(text) {
            Ok(length) => match u64::try_from(length.0) {
                Ok(nanoseconds) => return Some(Located::new(nanoseconds / 1_000_000, node.span)),
                Err(_) => (format!("`{path}` cannot be negative"), "remove the minus sign".to_owned()),
            },
            Err(error) => (format!("`{path}`: {error}"), error.hint()),
        };
        context.out.push(Diagnostic::error(Code::DurationSyntax, words).at(node.span, "").hint(hint));
        None
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], context: &mut Context<'_>) -> Option<Located<T>> {
        let node = self.get(key)?;
        match node.as_text() {
            Some(text) => word(&Located::new(text.to_owned(), node.span), &self.path_of(key), words, context),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                context.wrong_type(node, &self.path_of(key), "a word", format!("write one of {}", list(&known)));
                None
            }
        }
    }
}

/// One of a few words; `path` is what takes it.
pub(super) fn word<T: Copy>(
    found: &Located<String>,
    path: &str,
    words: &[(&str, T)],
    context: &mut Context<'_>,
) -> Option<Located<T>> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
        return Some(Located::new(*value, found.span));
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    // Compose says `service_healthy` for what is `healthy` here.
    let bare = found.value.strip_prefix("service_").unwrap_or(&found.value);
    let hint = match known.iter().find(|w| **w == bare).copied().or_else(|| did_you_mean(bare, known.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", list(&known)),
    };
    let words = format!("`{path}` cannot be `{}`", found.value);
    context.out.push(Diagnostic::error(Code::InvalidValue, words).at(found.span, "").hint(hint));
    None
}

/// A text; `path` is what takes it.
pub(super) fn text(node: &Node, path: &str, context: &mut Context<'_>) -> Option<Located<String>> {
    if let Some(text) = node.as_text() {
        return Some(Located::new(text.to_owned(), node.span));
    }
    let hint = match context.written(node) {
        Some(written) => format!("put it in quotes: `\"{written}\"`"),
        None => "write a text".to_owned(),
    };
    context.wrong_type(node, path, "a text", hint);
    None
}

/// A mapping of names to scalars, each as written: `vars` and `labels`.
pub(super) fn scalars(node: &Node, path: &str, context: &mut Context<'_>) -> Vec<(Located<String>, Located<String>)> {
    let Some(map) = node.as_map() else {
        context.wrong_type(node, path, "a mapping", "write `NAME: value`, one a line");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, entry) in map {
        match context.written(&entry.node) {
            Some(text) => found.push((Located::new(name.clone(), entry.key_span), Located::new(text, entry.node.span))),
            None => {
                let hint = "write a text, a number, true or false; `\"\"` for an empty string";
                context.wrong_type(&entry.node, &format!("{path}.{name}"), "a single value", hint);
            }
        }
    }
    found
}

/// Names of a set, as a sentence has them.
pub(super) fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: BTreeSet<&str> = all.collect();
    list(&all.into_iter().collect::<Vec<_>>())
}
