//! Values as written → values of the types of Compose's model, in place.
//!
//! After this every key holds one form: `environment` and `labels` are mappings to text (or null, for a variable to be
//! taken from outside), `command` is a list of words, sizes are integers, durations are Go's own text, booleans are
//! booleans. Null stands for "not set" and is removed. What compose-go does with mapstructure.

use super::schema::{Keys, PROJECT, ValueType};
use super::syntax::{duration, hosts, scalar, size, words};
use super::tree_path::TreePath;
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Gives every value of a completed tree its type.
pub fn decode(project: &mut Node, diagnostics: &mut Diagnostics) {
    decode_keys(project, &PROJECT, TreePath::ROOT, diagnostics);
}

fn decode_keys(node: &mut Node, keys: &'static Keys, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Some(map) = node.as_map_mut() else { return };
    map.retain(|name, entry| !entry.node.is_null() || keys.get(name).is_none());
    for (name, entry) in map {
        if let Some(key) = keys.get(name) {
            decode_value(&mut entry.node, &key.value_type, at.key(name), diagnostics);
        }
    }
}

fn decode_value(node: &mut Node, value_type: &ValueType, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match value_type {
        ValueType::Text => decode_text(node, at, diagnostics),
        ValueType::Bool | ValueType::BoolSet | ValueType::OptOut => decode_bool(node, at, diagnostics),
        ValueType::Int | ValueType::IntSet => decode_int(node, at, diagnostics),
        ValueType::Uint | ValueType::UintSet | ValueType::Mode => decode_uint(node, at, diagnostics),
        ValueType::Float => decode_float(node, at, diagnostics),
        ValueType::Bytes => decode_bytes(node, at, diagnostics),
        ValueType::Time | ValueType::TimeSet => decode_time(node, at, diagnostics),
        ValueType::Command => decode_command(node, at, diagnostics),
        ValueType::Test => decode_test(node),
        ValueType::Texts => each_item(node, at, diagnostics, decode_text),
        ValueType::TextOrTexts => text_to_list(node),
        ValueType::TextsAndNumbers => {
            for item in node.as_list_mut().into_iter().flatten() {
                to_text(item);
            }
        }
        ValueType::Variables => {
            decode_mapping(node, Unset::Null);
            check_names(node, at, diagnostics);
        }
        ValueType::Mapping => decode_mapping(node, Unset::Empty),
        ValueType::TextMap => {
            for (name, entry) in node.as_map_mut().into_iter().flatten() {
                match entry.node.value {
                    Value::Null => entry.node.value = Value::Text(String::new()),
                    Value::Bool(_) => wrong_type(&entry.node, "a string", at.key(name), diagnostics),
                    _ => decode_text(&mut entry.node, at.key(name), diagnostics),
                }
            }
        }
        ValueType::Hosts => decode_hosts(node, at, diagnostics),
        ValueType::Count => decode_count(node, at, diagnostics),
        ValueType::Ulimits => decode_ulimits(node, at, diagnostics),
        ValueType::Always(keys) | ValueType::Keys(keys) => decode_keys(node, keys, at, diagnostics),
        ValueType::List(keys) => {
            for (i, item) in node.as_list_mut().into_iter().flatten().enumerate() {
                decode_keys(item, keys, at.item(i), diagnostics);
            }
        }
        ValueType::Named(keys) => {
            for (name, entry) in node.as_map_mut().into_iter().flatten() {
                decode_keys(&mut entry.node, keys, at.key(name), diagnostics);
            }
        }
        ValueType::MultiOptions => {
            for (_, entry) in node.as_map_mut().into_iter().flatten() {
                to_text(&mut entry.node);
                text_to_list(&mut entry.node);
                entry.node.as_list_mut().into_iter().flatten().for_each(to_text);
            }
        }
        ValueType::Ssh | ValueType::EnvFiles | ValueType::Raw => {}
    }
}

fn decode_text(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match node.value {
        Value::Text(_) => {}
        Value::Int(_) | Value::Bool(_) => to_text(node),
        _ => wrong_type(node, "a string", at, diagnostics),
    }
}

fn decode_bool(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Bool(_) => {}
        Value::Text(text) => match scalar::parse_bool(text) {
            Some(value) => node.value = Value::Bool(value),
            None => invalid(node, "is neither true nor false", at, diagnostics),
        },
        _ => wrong_type(node, "a boolean", at, diagnostics),
    }
}

fn decode_int(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Int(_) => {}
        // Go cuts the fraction off.
        Value::Float(f) => node.value = Value::Int(*f as i128),
        Value::Text(text) => match scalar::parse_int(text) {
            Some(value) => node.value = Value::Int(value.into()),
            None => invalid(node, "is not an integer", at, diagnostics),
        },
        _ => wrong_type(node, "an integer", at, diagnostics),
    }
}

fn decode_uint(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match node.value {
        Value::Int(i) if i >= 0 => {}
        Value::Float(f) if f >= 0.0 => node.value = Value::Int(f as i128),
        Value::Int(_) | Value::Float(_) => invalid(node, "must not be negative", at, diagnostics),
        _ => wrong_type(node, "an integer", at, diagnostics),
    }
}

fn decode_float(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Float(_) => {}
        Value::Int(i) => node.value = Value::Float(*i as f64),
        Value::Text(text) => match scalar::parse_float(text) {
            Some(value) => node.value = Value::Float(value),
            None => invalid(node, "is not a number", at, diagnostics),
        },
        _ => wrong_type(node, "a number", at, diagnostics),
    }
}

fn decode_bytes(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Int(_) => {}
        Value::Float(_) => {
            diagnostics.push(
                Diagnostic::warning(Code::SurprisingValue, format!("{at} is ignored"))
                    .at(node.span, "Compose drops a size with a fraction and no unit")
                    .hint("write a whole number of bytes, or a size with its unit, such as `1.5g`"),
            );
            node.value = Value::Int(0);
        }
        Value::Text(text) => match size::parse(text) {
            Ok(bytes) => node.value = Value::Int(bytes.into()),
            Err(_) => diagnostics.push(
                Diagnostic::error(Code::SizeSyntax, format!("{at} is not a size"))
                    .at(node.span, "")
                    .hint("write a number and a unit, such as `512m` or `1.5g`"),
            ),
        },
        _ => wrong_type(node, "a size", at, diagnostics),
    }
}

fn decode_time(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Value::Text(text) = &node.value else { return wrong_type(node, "a duration", at, diagnostics) };
    match duration::parse(text) {
        Ok(duration) => node.value = Value::Text(duration.to_string()),
        Err(error) => diagnostics.push(
            Diagnostic::error(Code::DurationSyntax, format!("{at} is not a duration"))
                .at(node.span, "")
                .hint(error.hint()),
        ),
    }
}

fn decode_command(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Value::Text(line) = &node.value else { return };
    match words::split(line) {
        Ok(split) => {
            if !split.dropped.is_empty() {
                diagnostics.push(
                    Diagnostic::warning(Code::CommandSyntax, format!("{at} is cut short: Compose runs no shell"))
                        .at(node.span, "everything from the first `;`, `&`, `|`, `<` or `>` outside quotes is dropped")
                        .hint("to run it in a shell, write a list: [\"sh\", \"-c\", \"…\"]"),
                );
            }
            node.value = Value::List(split.words.into_iter().map(|word| node.derive(Value::Text(word))).collect());
        }
        Err(error) => diagnostics.push(
            Diagnostic::error(Code::CommandSyntax, format!("{at}: {error}")).at(node.span, "").hint(error.hint()),
        ),
    }
}

fn decode_test(node: &mut Node) {
    if matches!(node.value, Value::Text(_)) {
        let shell = Node::text("CMD-SHELL", node.span);
        let line = node.take();
        node.value = Value::List(vec![shell, line]);
    }
}

/// The value of a key that has none.
#[derive(Clone, Copy)]
enum Unset {
    Null,
    Empty,
}

/// A list of `key=value` or a mapping of scalars → a mapping of texts; the last of a key wins.
fn decode_mapping(node: &mut Node, unset: Unset) {
    if let Some(items) = node.as_list_mut() {
        let mut map = Map::with_capacity_and_hasher(items.len(), Default::default());
        for mut item in std::mem::take(items) {
            to_text(&mut item);
            let Value::Text(text) = &item.value else { continue };
            let (key, value) = match text.split_once('=') {
                Some((key, value)) => (key.to_string(), Value::Text(value.into())),
                None => (text.clone(), Value::Null),
            };
            map.insert(key, item.derive(value).into());
        }
        node.value = Value::Map(map);
    }
    for (_, entry) in node.as_map_mut().into_iter().flatten() {
        match (&entry.node.value, unset) {
            (Value::Null, Unset::Null) => {}
            (Value::Null, Unset::Empty) => entry.node.value = Value::Text(String::new()),
            _ => to_text(&mut entry.node),
        }
    }
}

/// `- A = 1` makes a variable called `A `, which nothing ever reads; Compose refuses it since 2.34.
fn check_names(variables: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (name, entry) in
        variables.as_map().into_iter().flatten().filter(|(name, _)| name.ends_with(char::is_whitespace))
    {
        diagnostics.push(
            Diagnostic::warning(Code::SurprisingValue, format!("{at}: the name of `{name}` ends with a space"))
                .at(entry.key_span, "")
                .hint(format!("write `{}=…`, without spaces around the `=`", name.trim_end())),
        );
    }
}

/// Extra hosts → a sorted list of `name=address`.
fn decode_hosts(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let mut found: Vec<Node> = Vec::new();
    let complain = |error: hosts::HostError, of: &Node, diagnostics: &mut Diagnostics| {
        diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("{at}: {error}"))
                .at(of.span, "")
                .hint("write `name=address`, such as `db.lan=192.168.1.5`"),
        );
    };
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                to_text(item);
                match hosts::parse(item.as_text().unwrap_or("")) {
                    Ok((name, addresses)) => {
                        found.extend(addresses.iter().map(|a| item.derive(Value::Text(format!("{name}={a}")))));
                    }
                    Err(error) => complain(error, item, diagnostics),
                }
            }
        }
        Value::Map(map) => {
            for (name, entry) in map {
                if let Err(error) = hosts::check_name(name) {
                    complain(error, &entry.node, diagnostics);
                }
                text_to_list(&mut entry.node);
                for address in entry.node.as_list_mut().into_iter().flatten() {
                    to_text(address);
                    let bare = hosts::without_brackets(address.as_text().unwrap_or(""));
                    found.push(address.derive(Value::Text(format!("{name}={bare}"))));
                }
            }
        }
        _ => return wrong_type(node, "a list or a mapping", at, diagnostics),
    }
    found.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
    node.value = Value::List(found);
}

fn decode_count(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Text(text) if text.eq_ignore_ascii_case("all") => node.value = Value::Int(-1),
        Value::Text(text) => match scalar::parse_int(text) {
            Some(count) => node.value = Value::Int(count.into()),
            None => invalid(node, "is neither a number nor `all`", at, diagnostics),
        },
        Value::Int(_) => {}
        _ => wrong_type(node, "an integer or `all`", at, diagnostics),
    }
}

fn decode_ulimits(node: &mut Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (name, entry) in node.as_map_mut().into_iter().flatten() {
        let at = at.key(name);
        match &mut entry.node.value {
            Value::Map(limits) => {
                for key in ["soft", "hard"] {
                    if let Some(limit) = limits.get_mut(key).filter(|l| !matches!(l.node.value, Value::Int(_))) {
                        wrong_type(&limit.node, "an integer", at.key(key), diagnostics);
                    }
                }
            }
            Value::Int(_) => {}
            _ => wrong_type(&entry.node, "an integer or a mapping", at, diagnostics),
        }
    }
}

fn each_item(
    node: &mut Node,
    at: TreePath<'_>,
    diagnostics: &mut Diagnostics,
    apply: impl Fn(&mut Node, TreePath<'_>, &mut Diagnostics),
) {
    for (i, item) in node.as_list_mut().into_iter().flatten().enumerate() {
        apply(item, at.item(i), diagnostics);
    }
}

/// A scalar → its text, as Go prints it. Null, lists and mappings stay.
fn to_text(node: &mut Node) {
    if !matches!(node.value, Value::Text(_))
        && let Some(text) = scalar::scalar_text(&node.value)
    {
        node.value = Value::Text(text);
    }
}

/// A text or null → a list of it.
fn text_to_list(node: &mut Node) {
    let text = match &mut node.value {
        Value::Text(text) => std::mem::take(text),
        Value::Null => String::new(),
        _ => return,
    };
    node.value = Value::List(vec![node.derive(Value::Text(text))]);
}

fn wrong_type(node: &Node, wanted: &str, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::WrongType, format!("{at} must be {wanted}, not {}", node.kind())).at(node.span, ""),
    );
}

fn invalid(node: &Node, what: &str, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    diagnostics.push(Diagnostic::error(Code::InvalidValue, format!("{at} {what}")).at(node.span, ""));
}
