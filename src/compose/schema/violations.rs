//! Holds a tree against the table, as Compose does with its JSON schema.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::*;
use crate::compose::syntax::duration;
use crate::compose::tree_path::TreePath;
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};

/// Checks a merged document: unknown keys, missing keys, and values of another type than their key takes. Keys that
/// are newer than [`FOLLOWED`] and that hl cannot honour are refused here, as that Compose would; older ones that hl
/// cannot honour are left to [`check_support`].
pub fn check(project: &Node, diagnostics: &mut Diagnostics) {
    check_numbers(project, TreePath::ROOT, diagnostics);
    check_keys(project, &PROJECT, TreePath::ROOT, diagnostics);
}

/// Infinite floats and those that are no number cannot be checked, nor written as JSON.
fn check_numbers(node: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Float(f) if !f.is_finite() => diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("{at} is not a finite number"))
                .at(node.span, "")
                .hint("put the value in quotes if it is meant as text"),
        ),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(i, item)| check_numbers(item, at.item(i), diagnostics));
        }
        Value::Map(map) => map.iter().for_each(|(k, entry)| check_numbers(&entry.node, at.key(k), diagnostics)),
        _ => {}
    }
}

fn check_value(node: &Node, accepts: &Accepts, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match (accepts, &node.value) {
        (Accepts::Of(types), value) if types.iter().any(|t| t.has(value)) => {}
        (Accepts::WordOrEvery(_), Value::Text(text)) if is_every(text) => {}
        (Accepts::Word(words) | Accepts::WordOrEvery(words), Value::Text(text)) => {
            check_word(node, text, words, at, diagnostics);
        }
        (Accepts::Range(..), Value::Text(_)) => {}
        (Accepts::Range(low, high), value) if Type::Integer.has(value) => {
            check_range(node, *low, *high, at, diagnostics)
        }
        (Accepts::List(item), Value::List(items)) => {
            items.iter().enumerate().for_each(|(i, node)| check_value(node, item, at.item(i), diagnostics));
        }
        (Accepts::Set(item), Value::List(items)) => {
            items.iter().enumerate().for_each(|(i, node)| check_value(node, item, at.item(i), diagnostics));
            check_unique(items, at, diagnostics);
        }
        (Accepts::Named(names, item), Value::Map(map)) => check_names(map, *names, item, at, diagnostics),
        (Accepts::Keys(keys), Value::Map(_)) => check_keys(node, keys, at, diagnostics),
        (Accepts::Either(choices), value) => match choices.iter().find(|c| c.fits(value)) {
            Some(choice) => check_value(node, choice, at, diagnostics),
            None => wrong_type(node, accepts, at, diagnostics),
        },
        _ => wrong_type(node, accepts, at, diagnostics),
    }
}

fn check_keys(node: &Node, keys: &'static Keys, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Some(map) = node.as_map() else {
        return wrong_type(node, &Accepts::Keys(keys), at, diagnostics);
    };
    for (name, entry) in map {
        match keys.get(name) {
            Some(key) if key.is_refused() && !(entry.node.is_off() && key.accepts.fits(&entry.node.value)) => {
                diagnostics.push(support::unsupported(key, at, entry))
            }
            Some(key) => check_value(&entry.node, &key.accepts, at.key(name), diagnostics),
            None if keys.lets_pass(name) => {}
            None => unknown_key(name, entry.key_span, keys.keys.iter().map(|k| k.name), at, diagnostics),
        }
    }
    for required in keys.required.iter().filter(|r| !map.contains_key(**r)) {
        diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("{at} has no `{required}`"))
                .at(node.span, format!("`{required}` is required here")),
        );
    }
}

fn check_names(map: &Map, names: Names, item: &'static Accepts, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (name, entry) in map {
        if names.has(name) {
            check_value(&entry.node, item, at.key(name), diagnostics);
        } else if matches!(names, Names::Strict | Names::Any) {
            diagnostics.push(
                Diagnostic::error(Code::InvalidName, format!("{at}: `{name}` is not a name that Compose takes"))
                    .at(entry.key_span, "")
                    .detail(format!("Compose says: {at} Additional property {name} is not allowed."))
                    .hint("a name is made of letters, digits, `.`, `_` and `-`"),
            );
        }
    }
}

fn check_word(node: &Node, text: &str, words: &[&str], at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    if !words.contains(&text) {
        let nearest = did_you_mean(text, words.iter().copied());
        diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("{at} must be one of {}", words.join(", ")))
                .at(node.span, "")
                .hint(nearest.map(|n| format!("did you mean `{n}`?")).unwrap_or_default()),
        );
    }
}

/// `every_12h` and the like.
fn is_every(text: &str) -> bool {
    text.strip_prefix("every_").is_some_and(|d| duration::parse(d).is_ok_and(|d| d.0 > 0))
}

fn check_range(node: &Node, low: i64, high: i64, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let inside = match node.value {
        Value::Int(i) => (i128::from(low)..=i128::from(high)).contains(&i),
        Value::Float(f) => (low as f64..=high as f64).contains(&f),
        _ => true,
    };
    if !inside {
        let range = if high == i64::MAX { format!("{low} or more") } else { format!("from {low} to {high}") };
        diagnostics.push(Diagnostic::error(Code::InvalidValue, format!("{at} must be {range}")).at(node.span, ""));
    }
}

fn check_unique(items: &[Node], at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let mut firsts: HashMap<u64, Vec<usize>> = HashMap::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let alike = firsts.entry(fingerprint(item)).or_default();
        let first = alike.iter().copied().find(|earlier| same(&items[*earlier], item));
        if first.is_none() {
            alike.push(i);
        }
        if let Some(first) = first {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("{at} holds the same item twice"))
                    .at(item.span, "the same again")
                    .at(items[first].span, "first here")
                    .detail(format!("Compose says: {at} array items[{first},{i}] must be unique.")),
            );
        }
    }
}

/// A number that is equal for nodes that say the same.
fn fingerprint(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &node.value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        // An integer and a float may be equal, and so may two zeros.
        Value::Int(value) => (2_u8, (*value as f64 + 0.0).to_bits()).hash(&mut hasher),
        Value::Float(value) => (2_u8, (*value + 0.0).to_bits()).hash(&mut hasher),
        Value::Text(text) => (3_u8, text).hash(&mut hasher),
        Value::List(items) => {
            items.len().hash(&mut hasher);
            items.iter().for_each(|item| fingerprint(item).hash(&mut hasher));
        }
        Value::Map(map) => {
            // The order of keys says nothing.
            let of_entry = |(key, entry): (&String, &Entry)| {
                let mut hasher = DefaultHasher::new();
                (key, fingerprint(&entry.node)).hash(&mut hasher);
                hasher.finish()
            };
            map.iter().map(of_entry).fold(0_u64, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whether two nodes say the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(k, e)| b.get(k).is_some_and(|other| same(&e.node, &other.node)))
        }
        (Value::Int(i), Value::Float(f)) | (Value::Float(f), Value::Int(i)) => *i as f64 == *f,
        (a, b) => a == b,
    }
}

fn unknown_key(
    name: &str,
    span: crate::diagnostic::Span,
    known: impl Iterator<Item = &'static str>,
    at: TreePath<'_>,
    diagnostics: &mut Diagnostics,
) {
    let hint = match did_you_mean(name, known) {
        // SOPS writes this into the files that it encrypts.
        _ if name == "sops" && at.depth() == 0 => {
            "the file is encrypted: decrypt it, `sops decrypt --in-place FILE`".to_owned()
        }
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("write `x-{name}` for a note of your own that Compose should ignore"),
    };
    let where_ = if at.depth() == 0 { "(root)".to_string() } else { at.to_string() };
    diagnostics.push(
        Diagnostic::error(Code::UnknownKey, format!("{at}: unknown key `{name}`"))
            .at(span, "")
            .detail(format!("Compose says: {where_} Additional property {name} is not allowed."))
            .hint(hint),
    );
}

/// Keys of durations, which are often written as bare seconds.
const DURATIONS: [&str; 7] =
    [".interval", ".timeout", ".start_period", ".start_interval", ".stop_grace_period", ".delay", ".window"];

fn wrong_type(node: &Node, accepts: &Accepts, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let key = at.to_string();
    let hint = match &node.value {
        Value::Int(number) if DURATIONS.iter().any(|d| key.ends_with(d)) => &format!("write `{number}s` for seconds"),
        Value::Bool(false) if key.ends_with(".restart") => "write `\"no\"`, with the quotes",
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if accepts.fits(&Value::Text(String::new())) => {
            "put the value in quotes"
        }
        Value::Null if at.depth() == 2 => "give it keys, or remove the line",
        Value::List(_) if accepts.fits(&Value::Map(Map::default())) => {
            "write it as a mapping: `key: value`, one a line"
        }
        _ if accepts.fits(&Value::List(Vec::new())) => "write it as a list: a line with `- ` for each item",
        Value::Text(_) if accepts.fits(&Value::Map(Map::default())) => {
            "write it as a mapping: `key: value`, one a line"
        }
        Value::Text(_) => "write it without quotes",
        _ => "see the reference of the Compose file format for what it takes",
    };
    diagnostics.push(
        Diagnostic::error(Code::WrongType, format!("{at} must be {}, not {}", accepts.in_words(), node.kind()))
            .at(node.span, "")
            .hint(hint),
    );
}

impl Key {
    /// Whether a file that has this key is refused by hl and by the Compose that hl follows alike.
    fn is_refused(&self) -> bool {
        self.since > Some(FOLLOWED) && matches!(self.support, Support::Unsupported(_))
    }
}

impl Keys {
    fn lets_pass(&self, name: &str) -> bool {
        match self.extensions {
            Extensions::Allowed => name.starts_with("x-"),
            Extensions::Refused => false,
            Extensions::Anything => true,
        }
    }
}

impl Names {
    fn has(self, name: &str) -> bool {
        match self {
            Names::Strict | Names::Lax => {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            }
            Names::Any => !name.is_empty(),
            Names::LowerCase => !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()),
        }
    }
}

impl Type {
    fn has(self, value: &Value) -> bool {
        match (self, value) {
            (Type::Null, Value::Null)
            | (Type::Bool, Value::Bool(_))
            | (Type::Integer | Type::Number, Value::Int(_))
            | (Type::Number, Value::Float(_))
            | (Type::Text, Value::Text(_))
            | (Type::Map, Value::Map(_)) => true,
            // A float without a fraction is an integer to a JSON schema.
            (Type::Integer, Value::Float(f)) => f.fract() == 0.0,
            _ => false,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Bool => "a boolean",
            Type::Integer => "an integer",
            Type::Number => "a number",
            Type::Text => "a string",
            Type::Map => "a mapping",
        }
    }
}

impl Accepts {
    /// Whether the value's own type is one of those taken, whatever is in it.
    fn fits(&self, value: &Value) -> bool {
        match self {
            Accepts::Of(types) => types.iter().any(|t| t.has(value)),
            Accepts::Word(_) | Accepts::WordOrEvery(_) => matches!(value, Value::Text(_)),
            Accepts::Range(..) => Type::Text.has(value) || Type::Integer.has(value),
            Accepts::List(_) | Accepts::Set(_) => matches!(value, Value::List(_)),
            Accepts::Named(..) | Accepts::Keys(_) => matches!(value, Value::Map(_)),
            Accepts::Either(choices) => choices.iter().any(|c| c.fits(value)),
        }
    }

    /// The types taken, in words: `a string or a list`.
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        self.collect_words(&mut words);
        match words.split_last() {
            Some((last, [])) => (*last).into(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "something else".into(),
        }
    }

    fn collect_words(&self, words: &mut Vec<&'static str>) {
        let mut add = |word| {
            if !words.contains(&word) {
                words.push(word);
            }
        };
        match self {
            Accepts::Of(types) => types.iter().for_each(|t| add(t.in_words())),
            Accepts::Word(_) | Accepts::WordOrEvery(_) => add("a string"),
            Accepts::Range(..) => {
                add("a string");
                add("an integer");
            }
            Accepts::List(_) | Accepts::Set(_) => add("a list"),
            Accepts::Named(..) | Accepts::Keys(_) => add("a mapping"),
            Accepts::Either(choices) => choices.iter().for_each(|c| c.collect_words(words)),
        }
    }
}
