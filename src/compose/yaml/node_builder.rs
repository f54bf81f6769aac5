//! Parser events → nodes: anchors, aliases, keys, `<<`, and the limits.

use std::collections::HashMap;

use indexmap::map::Entry as Slot;
use serde_yaml::granit_parser::{
    Event, Parser, ScalarStyle, Span as Range, StrInput, StructureStyle, Tag as RawTag, options,
};

use super::scalar::{self, Notation};
use super::{MAX_DEPTH, MAX_NODES, syntax};
use crate::compose::budget::{MOST_BYTES, Weight};
use crate::compose::yaml::{Entry, Map, Node, Tag, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Span};
use crate::model::Taint;

/// The trees of all documents of a text, up to the first syntax error.
pub(super) fn documents(text: &str, file: FileId, diagnostics: &mut Diagnostics) -> Vec<Node> {
    if u32::try_from(text.len()).is_err() {
        diagnostics.push(Diagnostic::error(Code::TooDeep, "larger than 4 GiB").at(Span::new(file, 0, 0), ""));
        return Vec::new();
    }
    let mut forgiven: Option<String> = None;
    for _ in 0..MAX_FORGIVEN {
        let text = forgiven.as_deref().unwrap_or(text);
        match read(text, file, diagnostics) {
            Ok(documents) => return documents,
            Err(again) => forgiven = Some(again),
        }
    }
    read(forgiven.as_deref().unwrap_or(text), file, diagnostics).unwrap_or_default()
}

/// How often a text may be read anew with something put right that libyaml does not mind.
const MAX_FORGIVEN: usize = 64;

/// The trees of a text; or, where the parser refuses what libyaml takes, the text to read instead.
fn read(text: &str, file: FileId, diagnostics: &mut Diagnostics) -> Result<Vec<Node>, String> {
    // Where libyaml and the specification differ, Compose goes with libyaml.
    let options = options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut found = Diagnostics::default();
    let mut builder = Builder {
        text,
        file,
        parser,
        diagnostics: &mut found,
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
        flows: 0,
        forgiven: None,
    };
    let mut documents = Vec::new();
    // An error has been reported by then; what was read before it is still worth looking at.
    while let Ok(Some(document)) = builder.document() {
        documents.push(document);
    }
    if let Some(forgiven) = builder.forgiven {
        return Err(forgiven);
    }
    diagnostics.extend(found);
    Ok(documents)
}

/// Reading cannot go on; the reason has been reported.
struct Stop;

/// A node with its measures.
struct Built {
    node: Node,
    /// How many nodes it holds, itself among them.
    size: usize,
    /// How many collections nest in it, itself among them.
    depth: usize,
}

/// The node that an anchor stands for.
enum Anchor {
    /// A collection that is still being read, so that an alias of it would contain itself.
    Open,
    /// A node that is complete.
    Done(Built),
}

/// A mapping key.
enum Key {
    /// A plain `<<`.
    Merge,
    /// Anything else that can be a key.
    Named(String),
    /// Something that cannot; it has been reported.
    Unusable,
}

struct Builder<'a, 'd> {
    text: &'a str,
    file: FileId,
    parser: Parser<'a, StrInput<'a>>,
    diagnostics: &'d mut Diagnostics,
    /// By name, and over all documents: yaml.v3 forgets none at the end of a document.
    anchors: HashMap<String, Anchor>,
    nodes: usize,
    /// The bytes of the texts that aliases stand for.
    bytes: usize,
    /// How many collections in brackets are open.
    flows: usize,
    /// The text to read instead of this one.
    forgiven: Option<String>,
}

impl<'a> Builder<'a, '_> {
    /// The next document, or none at the end of the text.
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        loop {
            match self.event()? {
                (Event::StreamEnd, _) => return Ok(None),
                (Event::DocumentStart(_, Some(version)), range) if (version.major, version.minor) != (1, 1) => {
                    let words = format!("Compose reads no YAML {}.{}", version.major, version.minor);
                    let diagnostic = Diagnostic::error(Code::YamlSyntax, words).at(self.span(&range), "");
                    self.diagnostics.push(diagnostic.hint("remove the `%YAML` line"));
                }
                (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
                (event, range) => return self.node(event, range, 0).map(|built| Some(built.node)),
            }
        }
    }

    /// The next event; the end of the stream, once reached, again and again.
    fn event(&mut self) -> Result<(Event<'a>, Range), Stop> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                self.forgiven = syntax::forgive(&error, self.text, self.flows > 0);
                self.diagnostics.push(syntax::diagnostic(&error, self.file, self.text));
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, Range::default())),
        }
    }

    /// The anchor name, if the node whose event was read last has one.
    fn anchor(&mut self) -> Result<Option<String>, Stop> {
        if matches!(self.parser.peek(), Some(Ok((Event::Anchor(..), _)))) {
            let (Event::Anchor(_, name), range) = self.event()? else { return Ok(None) };
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
                let words = format!("`&{name}` is not a valid name for an anchor");
                let diagnostic = Diagnostic::error(Code::YamlSyntax, words).at(self.span(&range), "");
                self.diagnostics.push(diagnostic.hint("use letters, digits, `-` and `_`"));
            }
            return Ok(Some(name.into_owned()));
        }
        Ok(None)
    }

    /// The node that starts with `event`, inside of `depth` collections.
    fn node(&mut self, event: Event<'a>, range: Range, depth: usize) -> Result<Built, Stop> {
        let span = self.span(&range);
        if depth > MAX_DEPTH {
            self.diagnostics.push(syntax::too_deep(span));
            return Err(Stop);
        }
        self.count(1, span)?;
        let name = if event.anchor_id().is_some() { self.anchor()? } else { None };
        if let Some(name) = &name {
            self.anchors.insert(name.clone(), Anchor::Open);
        }
        let built = match event {
            Event::Scalar(text, style, _, tag) => self.scalar(&text, style, tag.as_deref(), span),
            Event::SequenceStart(style, _, tag) => {
                self.flows += usize::from(style == StructureStyle::Flow);
                let built = self.list(tag.as_deref(), span, depth)?;
                self.flows -= usize::from(style == StructureStyle::Flow);
                built
            }
            Event::MappingStart(style, _, tag) => {
                self.flows += usize::from(style == StructureStyle::Flow);
                let built = self.mapping(tag.as_deref(), span, depth)?;
                self.flows -= usize::from(style == StructureStyle::Flow);
                built
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => self.alias(span, depth)?,
            // Nothing else stands where a node is due.
            _ => Built { node: Node::new(Value::Null, span), size: 1, depth: 0 },
        };
        if let Some(name) = name {
            let copy = Built { node: built.node.clone(), ..built };
            self.anchors.insert(name, Anchor::Done(copy));
        }
        Ok(built)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&RawTag>, span: Span) -> Built {
        if style == ScalarStyle::DoubleQuoted
            && let Some(at) = syntax::unknown_escape(&self.text[span.start as usize..span.end as usize])
        {
            let at = span.start as usize + at;
            let words = "Compose does not know this escape";
            let diagnostic = Diagnostic::error(Code::YamlSyntax, words).at(Span::new(self.file, at, at + 2), "");
            self.diagnostics.push(diagnostic.hint("write the character itself, or use single quotes"));
        }
        let notation = if style == ScalarStyle::Plain { Notation::Plain } else { Notation::Quoted };
        let value = scalar::resolve(short_tag(tag).as_deref(), text, notation).unwrap_or_else(|words| {
            self.diagnostics.push(Diagnostic::error(Code::InvalidValue, words).at(span, ""));
            Value::Text(text.to_owned())
        });
        Built { node: tagged(value, span, tag), size: 1, depth: 0 }
    }

    fn list(&mut self, tag: Option<&RawTag>, span: Span, depth: usize) -> Result<Built, Stop> {
        let (mut items, mut size, mut inner, mut end) = (Vec::new(), 1, 0, span.end);
        loop {
            let (event, range) = self.event()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                end = self.last_byte(span, end, &range);
                break;
            }
            let item = self.node(event, range, depth + 1)?;
            (size, inner) = (size + item.size, inner.max(item.depth));
            end = end.max(item.node.span.end);
            items.push(item.node);
        }
        let node = tagged(Value::List(items), Span { end, ..span }, tag);
        Ok(Built { node, size, depth: inner + 1 })
    }

    fn mapping(&mut self, tag: Option<&RawTag>, span: Span, depth: usize) -> Result<Built, Stop> {
        let (mut map, mut merges, mut end) = (Map::default(), Vec::new(), span.end);
        let (mut size, mut inner) = (1, 0);
        // The raw text of each key, because yaml.v3 takes `1` and `"1"` for one key.
        let mut seen: HashMap<String, Span> = HashMap::new();
        loop {
            let (event, range) = self.event()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                end = self.last_byte(span, end, &range);
                break;
            }
            let key_span = self.span(&range);
            let raw = event.scalar().map(|(text, _)| text.to_owned());
            let key = self.key(event, range, depth)?;
            let (event, range) = self.event()?;
            let built = self.node(event, range, depth + 1)?;
            (size, inner) = (size + built.size, inner.max(built.depth));
            end = end.max(built.node.span.end).max(key_span.end);
            let entry = Entry { key_span, node: built.node };
            if entry.node.tag != Some(Tag::Reset)
                && let Some(raw) = raw
                && let Some(first) = seen.insert(raw.clone(), key_span)
            {
                self.duplicate(&raw, first, key_span);
                continue;
            }
            match key {
                Key::Merge => merges.push(entry),
                Key::Named(name) => match map.entry(name) {
                    Slot::Vacant(slot) => drop(slot.insert(entry)),
                    Slot::Occupied(mut slot) => put_over(slot.get_mut(), entry),
                },
                Key::Unusable => {}
            }
        }
        for merge in merges {
            self.merge(&mut map, merge);
        }
        let node = tagged(Value::Map(map), Span { end, ..span }, tag);
        Ok(Built { node, size, depth: inner + 1 })
    }

    /// The key that starts with `event`.
    fn key(&mut self, event: Event<'a>, range: Range, depth: usize) -> Result<Key, Stop> {
        if let Event::Scalar(text, ScalarStyle::Plain, _, tag) = &event
            && text == "<<"
            && matches!(short_tag(tag.as_deref()).as_deref(), None | Some("!!merge"))
        {
            return self.node(event, range, depth + 1).map(|_| Key::Merge);
        }
        let built = self.node(event, range, depth + 1)?;
        Ok(match built.node.value {
            Value::Text(name) => Key::Named(name),
            _ => {
                let found = format!("a key must be a string, this is {}", built.node.kind());
                let diagnostic = Diagnostic::error(Code::WrongType, found).at(self.span(&range), "");
                self.diagnostics.push(diagnostic.hint("put the key in quotes"));
                Key::Unusable
            }
        })
    }

    fn duplicate(&mut self, key: &str, first: Span, second: Span) {
        let diagnostic = Diagnostic::error(Code::DuplicateKey, format!("`{key}` appears twice in one mapping"))
            .at(second, "again here")
            .at(first, "first here")
            .hint("keep one of the two");
        self.diagnostics.push(diagnostic);
    }

    /// Adds what `<<` refers to: keys that are there win, and of a list the earlier mapping wins.
    fn merge(&mut self, map: &mut Map, merge: Entry) {
        let sources = match merge.node.value {
            Value::Map(source) => vec![source],
            Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
                items.into_iter().filter_map(|i| if let Value::Map(m) = i.value { Some(m) } else { None }).collect()
            }
            // An alias of nothing has been reported.
            Value::Null if self.text.get(merge.node.span.start as usize..).is_some_and(|t| t.starts_with('*')) => {
                return;
            }
            _ => {
                let wrong = "`<<` takes a mapping or a list of mappings";
                let diagnostic = Diagnostic::error(Code::WrongType, wrong).at(merge.key_span, "");
                let hint = "name a mapping that has an anchor: `<<: *name`, with `&name` where the mapping stands";
                self.diagnostics.push(diagnostic.hint(hint));
                return;
            }
        };
        for (key, entry) in sources.into_iter().flatten() {
            match map.entry(key) {
                Slot::Vacant(slot) => drop(slot.insert(entry)),
                // A reset beside a merged value deletes what the base says, then the value counts.
                Slot::Occupied(mut slot) if slot.get().node.tag == Some(Tag::Reset) => put_over(slot.get_mut(), entry),
                Slot::Occupied(_) => {}
            }
        }
    }

    /// A copy of what the alias at `span` stands for.
    fn alias(&mut self, span: Span, depth: usize) -> Result<Built, Stop> {
        let name = self.text.get(span.start as usize..span.end as usize).unwrap_or_default().trim_start_matches('*');
        let (size, inner) = match self.anchors.get(name) {
            Some(Anchor::Done(built)) => (built.size, built.depth),
            Some(Anchor::Open) => {
                let diagnostic = Diagnostic::error(Code::YamlSyntax, format!("`*{name}` contains itself")).at(span, "");
                self.diagnostics.push(diagnostic.hint("take the alias out of what its anchor stands for"));
                return Ok(Built { node: Node::new(Value::Null, span), size: 1, depth: 0 });
            }
            None => {
                let names: Vec<&str> = self.anchors.keys().map(String::as_str).collect();
                let hint = match crate::diagnostic::did_you_mean(name, names) {
                    Some(near) => format!("did you mean `*{near}`?"),
                    None => format!("define it above with `&{name}`"),
                };
                let unknown = Diagnostic::error(Code::YamlSyntax, format!("no anchor `&{name}` above"));
                self.diagnostics.push(unknown.at(span, "").hint(hint));
                return Ok(Built { node: Node::new(Value::Null, span), size: 1, depth: 0 });
            }
        };
        if depth + inner > MAX_DEPTH {
            self.diagnostics.push(syntax::too_deep(span));
            return Err(Stop);
        }
        self.count(size, span)?;
        let Some(Anchor::Done(built)) = self.anchors.get(name) else { return Err(Stop) };
        self.bytes += Weight::of(&built.node).bytes;
        if self.bytes > MOST_BYTES {
            let words = format!("aliases stand for more than {} MiB of text", MOST_BYTES >> 20);
            let diagnostic = Diagnostic::error(Code::TooDeep, words).at(span, "the limit is crossed here");
            self.diagnostics.push(diagnostic.hint("repeat less"));
            return Err(Stop);
        }
        let mut node = built.node.clone();
        drop_resets(&mut node);
        Ok(Built { node, size, depth: inner })
    }

    /// Counts nodes against the limit.
    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let words = format!("expands to more than {MAX_NODES} values");
        let diagnostic = Diagnostic::error(Code::TooDeep, words).at(span, "the limit is crossed here");
        self.diagnostics.push(diagnostic.hint("split the file, or repeat less"));
        Err(Stop)
    }

    fn span(&self, range: &Range) -> Span {
        let bytes = range.byte_range().unwrap_or(0..0);
        Span::new(self.file, bytes.start, bytes.end)
    }

    /// The end of a collection: behind its closing bracket, if it has one, else where its last child ends.
    fn last_byte(&self, start: Span, end: u32, closing: &Range) -> u32 {
        let closing = self.span(closing);
        let brackets = self.text.as_bytes().get(start.start as usize).is_some_and(|b| matches!(b, b'[' | b'{'));
        if brackets { closing.end } else { end }
    }
}

/// The explicit tag in yaml.v3's short form, if it is one that says something.
fn short_tag(tag: Option<&RawTag>) -> Option<String> {
    let tag = tag?;
    if let Some(name) = tag.suffix_in_namespace("tag:yaml.org,2002:") {
        return Some(format!("!!{name}"));
    }
    let (handle, suffix) = tag.parts();
    // `!` alone only says "no tag".
    let name = format!("{handle}{suffix}");
    if name == "!" { None } else { Some(name) }
}

fn tagged(value: Value, span: Span, tag: Option<&RawTag>) -> Node {
    let tag = match tag.map(RawTag::parts) {
        Some(("!", "reset")) => Some(Tag::Reset),
        Some(("!", "override")) => Some(Tag::Override),
        _ => None,
    };
    Node { value, span, tag, taint: Taint::Plain }
}

/// Combines two entries of one key: a reset beside a value means that the value replaces what the base says.
fn put_over(there: &mut Entry, new: Entry) {
    match (there.node.tag, new.node.tag) {
        (Some(Tag::Reset), Some(Tag::Reset)) => {}
        (_, Some(Tag::Reset)) => there.node.tag = Some(Tag::Override),
        (Some(Tag::Reset), _) => {
            *there = new;
            there.node.tag = Some(Tag::Override);
        }
        (_, _) => *there = new,
    }
}

/// Takes the resets out of a copy: Compose applies them where the anchor stands, not where its alias does.
fn drop_resets(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Some(Tag::Reset));
            map.values_mut().for_each(|entry| drop_resets(&mut entry.node));
        }
        Value::List(items) => {
            items.retain(|item| item.tag != Some(Tag::Reset));
            items.iter_mut().for_each(drop_resets);
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
    }
}
