//! One more service in the text of `inventory/topology.yaml`: a pure edit that keeps every other byte, and a proof that
//! nothing but the entry is new.

use crate::compose::yaml::{self, Entry, Map, Node, Value};
use crate::diagnostic::{Diagnostics, FileId, SourceMap, Span, Visibility};
use crate::model::name::{NodeName, ServiceName};

/// The key below which services stand.
const SERVICES: &str = "services";

/// The entry of a service, as people write it below `services:`.
pub(super) fn entry(service: &ServiceName, owner: &NodeName) -> String {
    format!("{}: {{ owner_node: {} }}", scalar(service.as_str()), scalar(owner.as_str()))
}

/// The text with the service in it; none where that cannot be done by inserting alone, or cannot be proven.
pub(super) fn with_service(text: &str, service: &ServiceName, owner: &NodeName) -> Option<String> {
    let before = parsed(text)?;
    let entry = entry(service, owner);
    let (at, piece) = insertion(text, &before, &entry)?;
    let (head, tail) = (text.get(..at)?, text.get(at..)?);
    let edited = format!("{head}{piece}{tail}");
    let after = parsed(&edited)?;
    is_that_alone(&before, &after, service, owner).then_some(edited)
}

/// A name as a scalar that is read as this text.
fn scalar(name: &str) -> String {
    if yaml::is_plain_text(name) { name.to_owned() } else { format!("\"{name}\"") }
}

/// The one document of a text; none if there is anything wrong with it.
fn parsed(text: &str) -> Option<Node> {
    let mut found = Diagnostics::default();
    let file = SourceMap::default().add("", text, Visibility::Public);
    let mut documents = yaml::parse(text, file, &mut found);
    let document = documents.pop().filter(|document| document.as_map().is_some())?;
    (documents.is_empty() && !found.has_errors()).then_some(document)
}

/// Where the entry goes, and with what around it.
fn insertion(text: &str, document: &Node, entry: &str) -> Option<(usize, String)> {
    let root = document.as_map()?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Some(Entry { key_span, node }) = root.get(SERVICES) else {
        let line = format!("{SERVICES}:{newline}  {entry}");
        return match is_flow(text, document) {
            true => in_brackets(document, root, &format!("{SERVICES}: {{ {entry} }}")),
            false if text.ends_with('\n') => Some((text.len(), format!("{line}{newline}"))),
            false => Some((text.len(), format!("{newline}{line}"))),
        };
    };
    match &node.value {
        Value::Null => Some(below(text, key_span.end as usize, &format!("  {entry}"), newline)),
        Value::Map(services) if is_flow(text, node) => in_brackets(node, services, entry),
        Value::Map(services) => {
            let own = |entry: &&Entry| entry.key_span.start >= key_span.end && entry.key_span.end <= node.span.end;
            let first = services.values().filter(own).map(|entry| entry.key_span.start as usize).min()?;
            let start = text.get(..first)?.rfind('\n').map_or(0, |newline| newline + 1);
            let indent = text.get(start..first)?;
            let is_indent = !indent.is_empty() && indent.bytes().all(|byte| byte == b' ');
            is_indent.then(|| below(text, node.span.end as usize, &format!("{indent}{entry}"), newline))
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => None,
    }
}

/// Whether a mapping is written in brackets.
fn is_flow(text: &str, node: &Node) -> bool {
    text.as_bytes().get(node.span.start as usize) == Some(&b'{')
}

/// A line of its own below the one in which `end` is.
fn below(text: &str, end: usize, line: &str, newline: &str) -> (usize, String) {
    let bytes = text.as_bytes();
    if end > 0 && bytes.get(end - 1) == Some(&b'\n') {
        return (end, format!("{line}{newline}"));
    }
    match bytes[end.min(bytes.len())..].iter().position(|byte| *byte == b'\n') {
        Some(length) => (end + length + 1, format!("{line}{newline}")),
        None => (text.len(), format!("{newline}{line}")),
    }
}

/// Behind the last entry of a mapping in brackets.
fn in_brackets(node: &Node, map: &Map, entry: &str) -> Option<(usize, String)> {
    let closing = node.span.end.checked_sub(1)?;
    let ends = map.values().map(|entry| entry.node.span.end.max(entry.key_span.end)).filter(|end| *end <= closing);
    Some(match ends.max() {
        Some(end) => (end as usize, format!(", {entry}")),
        None => (node.span.start as usize + 1, format!(" {entry} ")),
    })
}

/// Whether a document says what it said before and that the service has this owner, and nothing else.
fn is_that_alone(before: &Node, after: &Node, service: &ServiceName, owner: &NodeName) -> bool {
    let file = before.span.file;
    let (mut before, mut after) = (without_places(before, file), without_places(after, file));
    let added = after.get_mut(SERVICES).and_then(Node::as_map_mut).and_then(|map| map.shift_remove(service.as_str()));
    let place = before.span;
    let owned = Map::from_iter([("owner_node".to_owned(), Node::text(owner.as_str(), place).into())]);
    for document in [&mut before, &mut after] {
        let is_nothing = |node: &Node| node.is_null() || node.as_map().is_some_and(Map::is_empty);
        if document.get(SERVICES).is_some_and(is_nothing)
            && let Some(map) = document.as_map_mut()
        {
            map.shift_remove(SERVICES);
        }
    }
    added.is_some_and(|added| added.node == Node::new(Value::Map(owned), place)) && before == after
}

/// The same tree as if all of it stood in one place, to compare what is said and not where.
fn without_places(node: &Node, file: FileId) -> Node {
    let place = Span::new(file, 0, 0);
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| without_places(item, file)).collect()),
        Value::Map(map) => {
            let entry = |(key, entry): (&String, &Entry)| {
                (key.clone(), Entry { key_span: place, node: without_places(&entry.node, file) })
            };
            Value::Map(map.iter().map(entry).collect())
        }
        scalar => scalar.clone(),
    };
    Node { value, span: place, ..*node }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(text: &str) -> Option<String> {
        with_service(text, &ServiceName::new("web").unwrap(), &NodeName::new("nas").unwrap())
    }

    const NEW: &str = "web: { owner_node: nas }";

    #[track_caller]
    fn becomes(text: &str, expected: &str) {
        assert_eq!(edited(text).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_block_gets_one_more_line() {
        let head = "version: 1\nnodes: { nas: { address: local }, pi: { address: 'ssh://pi' } }\n";
        becomes(
            &format!("{head}services:\n  # the database\n  db: {{ owner_node: nas }} # here\n\n# end\n"),
            &format!("{head}services:\n  # the database\n  db: {{ owner_node: nas }} # here\n  {NEW}\n\n# end\n"),
        );
        becomes(
            &format!(
                "{head}services:\n    db:\n        owner_node: nas\n    api:\n        owner_node: pi\nvars: {{}}\n"
            ),
            &format!(
                "{head}services:\n    db:\n        owner_node: nas\n    api:\n        owner_node: pi\n    {NEW}\nvars: {{}}\n"
            ),
        );
        becomes(
            &format!("{head}services:\n  db: {{ owner_node: nas }}"),
            &format!("{head}services:\n  db: {{ owner_node: nas }}\n  {NEW}"),
        );
        becomes(
            "a: 1\r\nservices:\r\n  b: {}\r\nc: 2\r\n",
            &format!("a: 1\r\nservices:\r\n  b: {{}}\r\n  {NEW}\r\nc: 2\r\n"),
        );
    }

    #[test]
    fn a_file_without_services_gets_them() {
        becomes("version: 1\n", &format!("version: 1\nservices:\n  {NEW}\n"));
        becomes("version: 1", &format!("version: 1\nservices:\n  {NEW}"));
        becomes(
            "services: # none yet\n  # web?\nversion: 1\n",
            &format!("services: # none yet\n  {NEW}\n  # web?\nversion: 1\n"),
        );
        becomes("{ version: 1 }\n", &format!("{{ version: 1, services: {{ {NEW} }} }}\n"));
    }

    #[test]
    fn brackets_get_one_more_entry() {
        becomes("services: {}\n", &format!("services: {{ {NEW} }}\n"));
        becomes(
            "services: { db: { owner_node: pi } } # all\n",
            &format!("services: {{ db: {{ owner_node: pi }}, {NEW} }} # all\n"),
        );
        becomes("services: {\n  db: { a: 1 }, # x\n}\n", &format!("services: {{\n  db: {{ a: 1 }}, {NEW}, # x\n}}\n"));
    }

    #[test]
    fn what_cannot_be_proven_is_left_alone() {
        for text in [
            "",
            "services: ~\n",
            "services: [db]\n",
            "services: { web: { owner_node: pi } }\n",
            "services:\n  web:\n    nodes: all\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\n",
            "services: &a { db: {} }\nx: *a\n",
            "services:\n  db: [\n",
            "x: &x { db: {} }\nservices: *x\n",
        ] {
            assert_eq!(edited(text), None, "{text}");
        }
    }

    #[test]
    fn names_that_are_no_text_are_quoted() {
        let (one, nas) = (ServiceName::new("1").unwrap(), NodeName::new("nas").unwrap());
        assert_eq!(
            with_service("services: {}\n", &one, &nas).as_deref(),
            Some("services: { \"1\": { owner_node: nas } }\n")
        );
    }

    /// A service, as a line or several at an indent.
    fn service() -> impl Strategy<Value = (u8, u8, String)> {
        (0..6u8, 0..5u8, "[a-z]{1,5}")
    }

    proptest! {
        #[test]
        fn every_other_byte_is_kept(
            services in prop::collection::vec(service(), 0..6),
            indent in 1..5usize,
            style in 0..4u8,
            order in any::<bool>(),
            crlf in any::<bool>(),
            last in any::<bool>(),
        ) {
            let pad = " ".repeat(indent);
            let mut lines = Vec::new();
            let mut names = std::collections::BTreeSet::new();
            for (kind, comment, name) in &services {
                if name == "web" || !names.insert(name) { continue; }
                match kind {
                    0 => lines.push(format!("{pad}{name}: {{ owner_node: pi }}")),
                    1 => lines.extend([format!("{pad}{name}:"), format!("{pad}{pad}owner_node: pi")]),
                    2 => lines.extend([format!("{pad}\"{name}\":"), format!("{pad} description: |"), format!("{pad}  text # no comment"), String::new()]),
                    3 => lines.extend([format!("{pad}{name}: {{"), format!("{pad}  owner_node: pi,"), format!("{pad}}}")]),
                    4 => lines.push(format!("{pad}{name}:")),
                    _ => lines.extend([format!("{pad}{name}:"), format!("{pad}  depends_on:"), format!("{pad}  - a"), format!("{pad}  - b # c")]),
                }
                match comment {
                    0 => lines.push(format!("{pad}# {name} and 'more: {{")),
                    1 => lines.push("# at the margin".to_owned()),
                    2 => lines.push(String::new()),
                    _ => {}
                }
            }
            let block = match style {
                0 => String::new(),
                1 => {
                    let flow: Vec<String> = names.iter().map(|name| format!("{name}: {{ owner_node: pi }}")).collect();
                    format!("services: {{ {} }} # {{\n", flow.join(", "))
                }
                _ => format!("services: # all of them\n{}\n", lines.join("\n")),
            };
            let others = "version: 1 # one\nnodes:\n  nas: { address: local }\n# a comment, \"web: {\"\n";
            let mut text = if order { format!("{others}{block}") } else { format!("{block}{others}") };
            if last { text.truncate(text.trim_end().len()); }
            if crlf { text = text.replace('\n', "\r\n"); }
            if let Some(edited) = edited(&text) {
                let at = edited.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
                let more = edited.len() - text.len();
                // The piece may begin with what the text goes on with, so that any place up to there will do.
                let is_insertion = (0..=at).any(|at| edited.as_bytes()[at + more..] == text.as_bytes()[at..]);
                prop_assert!(is_insertion, "{text}\nbecame\n{edited}");
                prop_assert_eq!(edited.matches(NEW).count(), 1);
                prop_assert!(!crlf || !edited.replace("\r\n", "").contains('\n'), "{edited}");
            } else {
                // A block scalar at the very end would get a line break more; nothing else is out of reach.
                prop_assert!(text.ends_with("text # no comment"), "refused:\n{text}");
            }
        }
    }
}
