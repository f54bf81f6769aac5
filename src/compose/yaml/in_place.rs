//! Where the text of a scalar stands in its document, so that another can be put there and no other byte changes.

use std::ops::Range;

/// The bytes within a scalar, which stands at `place`, that are its value as they stand: without its quotes. None if it is
/// written in another way: with escapes, over several lines, or as a block.
pub fn text_of_scalar(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let raw = text.get(place.clone())?;
    if raw.contains(['\n', '\r']) {
        return None;
    }
    let inner = |quote: char| raw.strip_prefix(quote)?.strip_suffix(quote);
    let within = place.start + 1..place.end.saturating_sub(1);
    match raw.as_bytes().first()? {
        b'"' => inner('"').filter(|inner| !inner.contains(['\\', '"'])).map(|_| within),
        b'\'' => inner('\'').filter(|inner| !inner.contains('\'')).map(|_| within),
        b'|' | b'>' | b'[' | b'{' | b'*' | b'&' | b'!' => None,
        _ => Some(place.start..place.start + raw.trim_end().len()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compose::yaml::{Node, Value, parse};
    use crate::diagnostic::{Diagnostics, SourceMap, Visibility};

    /// Each text of a document with its place, in order.
    fn texts(text: &str) -> Vec<(Range<usize>, String)> {
        fn walk(node: &Node, found: &mut Vec<(Range<usize>, String)>) {
            match &node.value {
                Value::Map(map) => map.values().for_each(|entry| walk(&entry.node, found)),
                Value::List(items) => items.iter().for_each(|item| walk(item, found)),
                Value::Text(text) => found.push((node.span.start as usize..node.span.end as usize, text.clone())),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
            }
        }
        let file = SourceMap::default().add("", text, Visibility::Public);
        let mut diagnostics = Diagnostics::default();
        let mut found = Vec::new();
        parse(text, file, &mut diagnostics).iter().for_each(|node| walk(node, &mut found));
        found
    }

    #[test]
    fn unusual_scalars_are_left_alone() {
        for (text, inner) in [
            ("a: b:1 # c\n", Some("b:1")),
            ("a: 'b:1'\r\n", Some("b:1")),
            ("a: \"b:1\"", Some("b:1")),
            ("{a: b:1, c: d}", Some("b:1")),
            ("a: &x b:1\n", Some("b:1")),
            ("a: \"b\\x3a1\"\n", None),
            ("a: 'b''1'\n", None),
            ("a: |\n  b:1\n", None),
            ("a: >-\n  b:1\n", None),
            ("a: b\n  c\n", None),
        ] {
            let (place, _) = texts(text).remove(0);
            assert_eq!(text_of_scalar(text, place).map(|place| &text[place]), inner, "{text:?}");
        }
    }

    proptest! {
        /// The tree that is read afterwards differs in this scalar alone, and the text in the bytes of its value.
        #[test]
        fn nothing_else_changes(
            before in "(# é'\"\n|x: 1\r\n|y: [a, 'b']\n|z: &q c\n|w: [{]v: \"u\"[}] # t\n){0,4}",
            indent in "(| )",
            open in "(|\"|'|&m \"|&n )",
            comment in "(| # why: 'so'|  )",
            end in "(\n|\r\n)",
            after in "(# é'\"\n|s: 1\r\n|r: [a, 'b']\n|o: *q\n){0,3}",
            new in "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-alpine)?",
        ) {
            let close = if open.ends_with(['"', '\'']) { &open[open.len() - 1..] } else { "" };
            let text = format!("{before}image: {indent}{open}nginx:1.30.4{close}{comment}{end}{after}");
            let old = texts(&text);
            let Some(at) = old.iter().position(|(_, value)| value == "nginx:1.30.4") else { return Ok(()) };
            let place = text_of_scalar(&text, old[at].0.clone()).unwrap();
            prop_assert_eq!(&text[place.clone()], "nginx:1.30.4");
            let changed = format!("{}nginx:{new}{}", &text[..place.start], &text[place.end..]);
            let now: Vec<String> = texts(&changed).into_iter().map(|(_, value)| value).collect();
            let mut expected: Vec<String> = old.into_iter().map(|(_, value)| value).collect();
            expected[at] = format!("nginx:{new}");
            prop_assert_eq!(now, expected);
        }
    }
}
