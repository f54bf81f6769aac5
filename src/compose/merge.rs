//! Merging: what an override file, a further document or an extending service does to what is there.
//!
//! Maps merge, scalars are replaced, lists are appended, and null leaves the base alone. The
//! exceptions are those of compose-go's `override` package. Both sides may be in short or long form;
//! afterwards `compose::unique` removes what the append doubled.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::syntax::scalar;
use super::tree_path::{Patterns, TreePath};
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// Lays `over` over `base`; both are whole documents.
pub fn merge(base: Node, over: Node, diagnostics: &mut Diagnostics) -> Node {
    merge_nodes(base, over, TreePath::ROOT, diagnostics)
}

/// Lays a service over the one that it extends.
pub fn extend(base: Node, service: Node, diagnostics: &mut Diagnostics) -> Node {
    let services = TreePath::ROOT.key("services");
    merge_nodes(base, service, services.key("x"), diagnostics)
}

/// The rules that differ from the general one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The override stands alone, even if it is null.
    Replace,
    /// Both become lists of `key=value`, and are appended.
    Sequence,
    /// Like `Sequence`, but what the base has already is not appended.
    Hosts,
    /// Text is the build context.
    Build,
    /// A list is a mapping of services to the default condition.
    DependsOn,
    /// A list is a mapping of networks to nothing.
    Networks,
    /// Options of different drivers do not mix.
    Logging,
    /// Address pools go together by their subnet.
    Pools,
}

static RULES: LazyLock<Patterns<Rule>> = LazyLock::new(|| {
    Patterns::new([
        ("networks.*.ipam.config", Rule::Pools),
        ("networks.*.labels", Rule::Sequence),
        ("volumes.*.labels", Rule::Sequence),
        ("services.*.annotations", Rule::Sequence),
        ("services.*.build", Rule::Build),
        ("services.*.build.args", Rule::Sequence),
        ("services.*.build.additional_contexts", Rule::Sequence),
        ("services.*.build.extra_hosts", Rule::Hosts),
        ("services.*.build.labels", Rule::Sequence),
        ("services.*.command", Rule::Replace),
        ("services.*.depends_on", Rule::DependsOn),
        ("services.*.deploy.labels", Rule::Sequence),
        ("services.*.dns", Rule::Sequence),
        ("services.*.dns_opt", Rule::Sequence),
        ("services.*.dns_search", Rule::Sequence),
        ("services.*.entrypoint", Rule::Replace),
        ("services.*.env_file", Rule::Sequence),
        ("services.*.label_file", Rule::Sequence),
        ("services.*.environment", Rule::Sequence),
        ("services.*.extra_hosts", Rule::Hosts),
        ("services.*.healthcheck.test", Rule::Replace),
        ("services.*.labels", Rule::Sequence),
        ("services.*.logging", Rule::Logging),
        ("services.*.networks", Rule::Networks),
        ("services.*.sysctls", Rule::Sequence),
        ("services.*.tmpfs", Rule::Sequence),
        // Compose merges a limit with itself, which replaces it.
        ("services.*.ulimits.*", Rule::Replace),
    ])
});

fn merge_nodes(base: Node, over: Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) -> Node {
    if let Some(rule) = RULES.at(&at) {
        return merge_by(rule, base, over, at, diagnostics);
    }
    if over.is_null() {
        return base;
    }
    match (base.value, over.value) {
        (Value::Map(there), Value::Map(new)) => {
            Node::new(Value::Map(merge_maps(there, new, at, diagnostics)), over.span)
        }
        (Value::List(mut there), Value::List(new)) => {
            there.extend(new);
            Node::new(Value::List(there), over.span)
        }
        (there @ (Value::Map(_) | Value::List(_)), new) => {
            let (wanted, got) = (Node::new(there, base.span), Node::new(new, over.span));
            cannot_override(&wanted, &got, at, diagnostics);
            wanted
        }
        (Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_), value) => {
            Node { value, ..over }
        }
    }
}

fn merge_maps(mut there: Map, new: Map, at: TreePath<'_>, diagnostics: &mut Diagnostics) -> Map {
    for (key, entry) in new {
        let old = if key.starts_with("x-") { None } else { there.get_mut(&key) };
        let Some(old) = old else {
            there.insert(key, entry);
            continue;
        };
        let base = std::mem::replace(&mut old.node, Node::new(Value::Null, entry.key_span));
        let over_span = entry.node.span;
        old.node = merge_nodes(base, entry.node, at.key(&key), diagnostics);
        if old.node.span == over_span {
            old.key_span = entry.key_span;
        }
    }
    there
}

fn merge_by(rule: Rule, base: Node, over: Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) -> Node {
    let span = over.span;
    let value = match rule {
        Rule::Replace => return over,
        Rule::Sequence => {
            let mut items = into_sequence(base);
            items.extend(into_sequence(over));
            Value::List(items)
        }
        Rule::Hosts => {
            let mut items = into_sequence(base);
            let there: HashSet<&str> = items.iter().filter_map(Node::as_text).collect();
            let is_new = |node: &Node| node.as_text().is_none_or(|text| !there.contains(text));
            let new: Vec<Node> = into_sequence(over).into_iter().filter(is_new).collect();
            items.extend(new);
            Value::List(items)
        }
        Rule::Build => Value::Map(merge_maps(into_build(base), into_build(over), at, diagnostics)),
        Rule::DependsOn => {
            let (there, new) = (into_mapping(base, dependency), into_mapping(over, dependency));
            Value::Map(merge_maps(there, new, at, diagnostics))
        }
        Rule::Networks => {
            let nothing = |span| Node::new(Value::Null, span);
            Value::Map(merge_maps(into_mapping(base, nothing), into_mapping(over, nothing), at, diagnostics))
        }
        Rule::Logging => return merge_logging(base, over, at, diagnostics),
        Rule::Pools => return merge_pools(base, over, at, diagnostics),
    };
    Node::new(value, span)
}

fn cannot_override(base: &Node, over: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let words = format!("`{at}` is {} here, but {} in what it overrides", over.kind(), base.kind());
    diagnostics.push(
        Diagnostic::error(Code::WrongType, words)
            .at(over.span, format!("this is {}", over.kind()))
            .at(base.span, format!("this is {}", base.kind()))
            .hint("write both in the same form, or replace the base with `!override`"),
    );
}

/// A list of texts: that of a mapping is `key=value`, sorted by text.
fn into_sequence(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Text(_) => vec![node],
        Value::Map(map) => {
            let mut items: Vec<Node> = map.into_iter().flat_map(|(key, entry)| pairs(&key, entry)).collect();
            items.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
            items
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Vec::new(),
    }
}

fn pairs(key: &str, entry: Entry) -> Vec<Node> {
    let pair = |value: &Node| Node {
        taint: value.taint,
        ..Node::text(format!("{key}={}", text_of(value)), whole(entry.key_span, value.span))
    };
    match &entry.node.value {
        Value::Null => vec![Node::text(key, entry.key_span)],
        Value::List(values) => values.iter().map(pair).collect(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => vec![pair(&entry.node)],
    }
}

/// The place of a key with its value, where they stand in a row.
fn whole(key: Span, value: Span) -> Span {
    let in_a_row = key.file == value.file && key.end <= value.start;
    if in_a_row { Span { end: value.end, ..key } } else { key }
}

/// Go's `%v`, which the schema check refuses later where it is not that of a scalar.
fn text_of(node: &Node) -> String {
    match &node.value {
        Value::Null => "<nil>".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(text_of).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, e)| format!("{k}:{}", text_of(&e.node))).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
        value @ (Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_)) => {
            scalar::scalar_text(value).unwrap_or_default()
        }
    }
}

/// A mapping out of a list of names, each with the value that `default` gives.
fn into_mapping(node: Node, default: impl Fn(Span) -> Node) -> Map {
    match node.value {
        Value::Map(map) => map,
        Value::List(items) => items
            .into_iter()
            .filter_map(|item| match item.value {
                Value::Text(name) => Some((name, Entry { key_span: item.span, node: default(item.span) })),
                _ => None,
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => Map::default(),
    }
}

/// A name in a list of dependencies as the mapping has it.
fn dependency(span: Span) -> Node {
    let entry = |value: Value| Entry { key_span: span, node: Node::new(value, span) };
    let fields = Map::from_iter([
        ("condition".to_owned(), entry(Value::Text("service_started".to_owned()))),
        ("required".to_owned(), entry(Value::Bool(true))),
    ]);
    Node::new(Value::Map(fields), span)
}

fn into_build(node: Node) -> Map {
    match node.value {
        Value::Map(map) => map,
        Value::Text(_) => Map::from_iter([("context".to_owned(), Entry { key_span: node.span, node })]),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => Map::default(),
    }
}

fn merge_logging(base: Node, over: Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) -> Node {
    let (Value::Map(there), Value::Map(new)) = (&base.value, &over.value) else {
        if over.is_null() {
            return base;
        }
        if !base.is_null() {
            cannot_override(&base, &over, at, diagnostics);
        }
        return over;
    };
    let driver = |map: &Map| map.get("driver").map(|e| e.node.value.clone());
    match (driver(there), driver(new)) {
        (Some(a), Some(b)) if a != b => over,
        _ => Node::new(Value::Map(merge_maps(there.clone(), new.clone(), at, diagnostics)), over.span),
    }
}

/// The most pairs of address pools that are compared.
const MOST_PAIRS_OF_POOLS: usize = 10_000;

/// compose-go's rule for address pools: each pair of pools merges if their subnets are equal; else the
/// override's pool joins the result once, and the base's is dropped.
fn merge_pools(base: Node, over: Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) -> Node {
    let span = over.span;
    let (Value::List(there), Value::List(new)) = (&base.value, &over.value) else {
        if over.is_null() {
            return base;
        }
        if !base.is_null() {
            cannot_override(&base, &over, at, diagnostics);
        }
        return over;
    };
    if there.len().saturating_mul(new.len()) > MOST_PAIRS_OF_POOLS {
        let words = format!("`{at}`: more pools are merged than make sense");
        let diagnostic = Diagnostic::error(Code::TooDeep, words).at(over.span, "").at(base.span, "into these");
        diagnostics.push(diagnostic.hint("declare the pools of a network in one file"));
        return over;
    }
    let nothing = |span| Node::new(Value::Null, span);
    let subnet = |map: &Map| map.get("subnet").map(|e| e.node.value.clone());
    let mut pools: Vec<Map> = Vec::new();
    for original in there {
        let mut right = into_mapping(original.clone(), nothing);
        for replacement in new {
            let left = into_mapping(replacement.clone(), nothing);
            let known = pools.iter().any(|p| subnet(p) == subnet(&left));
            if subnet(&left) != subnet(&right) && !known {
                pools.push(left);
                continue;
            }
            right = merge_maps(right, left, at, diagnostics);
            match pools.iter_mut().find(|p| subnet(p) == subnet(&right)) {
                Some(pool) => *pool = right.clone(),
                None => pools.push(right.clone()),
            }
        }
    }
    let place = |pool: &Map| pool.values().next().map_or(span, |e| e.node.span);
    Node::new(
        Value::List(
            pools
                .into_iter()
                .map(|p| {
                    let at = place(&p);
                    Node::new(Value::Map(p), at)
                })
                .collect(),
        ),
        span,
    )
}
