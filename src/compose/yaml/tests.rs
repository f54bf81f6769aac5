use proptest::prelude::*;

use super::*;
use crate::compose::yaml::{Tag, Value};
use crate::diagnostic::{Code, SourceMap, Visibility};

/// The documents in a compact notation, and the codes of what was wrong.
fn read(text: &str) -> (Vec<String>, Vec<Code>) {
    let mut diagnostics = Diagnostics::default();
    let file = SourceMap::default().add("test.yml", text, Visibility::Public);
    let documents = parse(text, file, &mut diagnostics);
    (documents.iter().map(show).collect(), diagnostics.iter().map(|d| d.code).collect())
}

/// A node on one line: JSON without quotes around keys, with the tags of Compose.
fn show(node: &Node) -> String {
    let value = match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => format!("{f:?}"),
        Value::Text(s) => format!("{s:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(map) => {
            let entries: Vec<_> = map.iter().map(|(k, e)| format!("{k}: {}", show(&e.node))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    };
    match node.tag {
        Some(Tag::Reset) => format!("!reset {value}"),
        Some(Tag::Override) => format!("!override {value}"),
        None => value,
    }
}

/// The only document of a text without faults.
fn one(text: &str) -> String {
    let (documents, codes) = read(text);
    assert_eq!(codes, [], "{text}");
    assert_eq!(documents.len(), 1, "{text}");
    documents[0].clone()
}

fn codes(text: &str) -> Vec<Code> {
    read(text).1
}

#[test]
fn types_follow_yaml_v3() {
    assert_eq!(
        one("[yes, 0755, 1_000, 1.10, ~, 2024-01-01, '0755', +1e2]"),
        r#"["yes" 493 1000 1.1 null "2024-01-01 00:00:00 +0000 UTC" "0755" 100.0]"#
    );
    assert_eq!(one("a:\nb: !!str 1\nc: ! 'x'\nd: !vault 12"), r#"{a: null, b: "1", c: "x", d: "12"}"#);
}

#[test]
fn block_scalars_end_as_libyaml_ends_them() {
    assert_eq!(one("a: |\n  x\n"), r#"{a: "x\n"}"#);
    assert_eq!(one("a: |\n  x"), r#"{a: "x"}"#);
    assert_eq!(one("a: >-\n  x\n  y\n"), r#"{a: "x y"}"#);
}

#[test]
fn line_ends_and_marks_do_not_matter() {
    assert_eq!(one("\u{feff}a: 1\r\nb:\r\n  - 2\r\n"), "{a: 1, b: [2]}");
}

#[test]
fn what_libyaml_lets_pass_passes() {
    assert_eq!(one("a: {\n\tb: [\n\t\t1,\n\t2\n\t]\n}\nc: [\n\t3]\n"), "{a: {b: [1 2]}, c: [3]}");
    assert_eq!(one("a: [1]#é\nb: \"x\"# y\nc: 'd'#\n"), r#"{a: [1], b: "x", c: "d"}"#);
    assert_eq!(codes("a:\n\tb: 1\n"), [Code::YamlSyntax]);
}

#[test]
fn what_libyaml_refuses_is_refused() {
    for text in ["%YAML 1.2\n---\na: b", r#"a: "\/""#, r#"a: "\uD83D\uDE00""#, "a: &é b"] {
        assert_eq!(codes(text), [Code::YamlSyntax], "{text}");
    }
    assert_eq!(one("%YAML 1.1\n---\na: \"\\\\/\\u00e9\""), r#"{a: "\\/é"}"#);
}

#[test]
fn documents_are_separate_but_share_anchors() {
    let (documents, codes) = read("a: &x {k: 1}\n---\nb: *x\n---\n");
    assert_eq!(documents, ["{a: {k: 1}}", "{b: {k: 1}}", "null"]);
    assert_eq!(codes, []);
    assert_eq!(read("# nothing\n").0.len(), 0);
}

#[test]
fn merge_is_shallow_and_local_keys_win() {
    let anchors = "x: &x {a: 1, n: {p: 1}}\ny: &y {a: 2, b: 2}\n";
    let merged = |text: &str| one(&format!("{anchors}{text}")).split(", z: ").nth(1).unwrap_or_default().to_owned();
    assert_eq!(merged("z: {<<: *x, n: {q: 1}}"), "{n: {q: 1}, a: 1}}");
    assert_eq!(merged("z: {<<: [*y, *x]}"), "{a: 2, b: 2, n: {p: 1}}}");
    assert_eq!(merged("z: {<<: {<<: *x, c: 3}, a: 0}"), "{a: 0, c: 3, n: {p: 1}}}");
    assert_eq!(merged("z: {'<<': 1}"), "{<<: 1}}");
    for wrong in ["<<: 1", "<<: [1]", "<<: ", "<<: [[{a: 1}]]"] {
        assert_eq!(codes(wrong), [Code::WrongType], "{wrong}");
    }
    assert_eq!(codes("x: &x {a: 1}\nz:\n  <<: *x\n  <<: *x\n"), [Code::DuplicateKey]);
}

#[test]
fn keys_are_unique_strings() {
    assert_eq!(codes("a: 1\nb: 2\na: 3\nb: 4"), [Code::DuplicateKey, Code::DuplicateKey]);
    assert_eq!(codes("1: a"), [Code::WrongType]);
    assert_eq!(codes("true: a"), [Code::WrongType]);
    assert_eq!(codes("[a]: b"), [Code::WrongType]);
    assert_eq!(one("yes: a\n? b\n: c"), r#"{yes: "a", b: "c"}"#);
}

#[test]
fn resets_are_noted_and_stay_where_they_were_written() {
    assert_eq!(one("a: !reset null\nb: !override [1]"), r#"{a: !reset "null", b: !override [1]}"#);
    assert_eq!(one("a: &a {x: !reset 1, y: 2}\nb: *a"), r#"{a: {x: !reset "1", y: 2}, b: {y: 2}}"#);
    assert_eq!(one("a: &a {x: 1}\nb: {<<: *a, x: !reset 2}"), "{a: {x: 1}, b: {x: !override 1}}");
}

#[test]
fn aliases_are_defined_before_and_do_not_contain_themselves() {
    assert_eq!(codes("a: *b\nb: &b 1"), [Code::YamlSyntax]);
    assert_eq!(codes("a: &a {b: *a}"), [Code::YamlSyntax]);
    assert_eq!(one("a: &x 1\nb: *x\nc: &x 2\nd: *x"), "{a: 1, b: 1, c: 2, d: 2}");
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..10 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert_eq!(codes(&bomb), [Code::TooDeep]);
    assert_eq!(codes(&format!("a: {}{}", "[".repeat(5000), "]".repeat(5000))), [Code::TooDeep]);
    assert_eq!(codes(&format!("a: {}1{}", "{b: ".repeat(190), "}".repeat(190))), []);
    let mut chain = "a0: &a0 1\n".to_owned();
    for i in 1..400 {
        chain += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
    }
    assert_eq!(codes(&chain), [Code::TooDeep]);
}

#[test]
fn spans_cover_what_they_name() {
    let text = "services:\n  web:\n    image: 'a b'\n    ports: [80, 81]\n";
    let mut map = SourceMap::default();
    let file = map.add("test.yml", text, Visibility::Public);
    let documents = parse(text, file, &mut Diagnostics::default());
    let slice = |span: crate::diagnostic::Span| &text[span.start as usize..span.end as usize];
    let web = documents[0].get("services").and_then(|s| s.get("web")).expect("it is there");
    assert_eq!(slice(web.span), "image: 'a b'\n    ports: [80, 81]");
    let ports = &web.as_map().expect("a mapping")["ports"];
    assert_eq!((slice(ports.key_span), slice(ports.node.span)), ("ports", "[80, 81]"));
    assert_eq!(web.get("image").map(|n| slice(n.span)), Some("'a b'"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-c:&*!<>|\\[\\]{}, \\n\\t\"'#%?~0-9.é-]{0,60}") {
        read(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        read(&String::from_utf8_lossy(&bytes));
    }
}
