//! One field of a change: old → new, and who changed it.

use std::collections::BTreeSet;

use super::page::{Line, columns};
use super::printable::visible;
use super::style::Label;
use super::text_diff::{self, Segment, SegmentKind};
use super::value::{self, Secrets, quoted, unit};
use super::wording;
use crate::diff::{Cost, FieldChange, Verdict};
use crate::model::{Field, Key, Text, Value, content};

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The relevant fields; long values are shortened.
    #[default]
    Compact,
    /// Everything.
    Full,
}

/// The context for rendering a field.
pub struct FieldRenderer {
    /// Columns before it.
    pub indent: usize,
    /// Columns of the page.
    pub width: usize,
    /// How much is shown.
    pub detail: Detail,
    /// The numbers of the secrets so far.
    pub secrets: Secrets,
    /// Texts of many lines whose difference was shown already.
    differences: BTreeSet<(String, String)>,
}

impl FieldRenderer {
    /// The renderer of the first field of a page.
    pub fn new(width: usize, detail: Detail) -> Self {
        FieldRenderer { indent: 2, width, detail, secrets: Secrets::default(), differences: BTreeSet::new() }
    }

    /// Most lines of a difference between two files.
    fn line_limit(&self) -> usize {
        match self.detail {
            Detail::Compact => 40,
            Detail::Full => usize::MAX,
        }
    }
}

/// Whether a field is worth a line: what hl's record will be updated is shown in full detail only.
pub fn is_shown(change: &FieldChange, detail: Detail) -> bool {
    let quiet = match change.verdict {
        Verdict::InSync | Verdict::Converged => true,
        Verdict::Pending | Verdict::Drift | Verdict::Conflict | Verdict::Unrecorded => change.cost == Cost::Ignored,
    };
    detail == Detail::Full || !quiet
}

/// The value that a field will have: the declared one or, for drift in an undeclared field, the recorded one.
pub fn target(change: &FieldChange) -> Option<&Value> {
    match change.verdict {
        Verdict::Drift => change.declared.as_ref().or(change.recorded.as_ref()),
        Verdict::InSync | Verdict::Pending | Verdict::Converged | Verdict::Conflict | Verdict::Unrecorded => {
            change.declared.as_ref()
        }
    }
}

/// The value of an undeclared field on an existing container: the restart policy always has a value.
fn default(change: &FieldChange) -> Option<Value> {
    (change.field.key == Key::Restart && change.cost == Cost::InPlace).then(|| Value::text("no"))
}

/// The lines of a field.
pub fn field(change: &FieldChange, renderer: &mut FieldRenderer) -> Vec<Line> {
    let default = default(change);
    let (old, new) = (change.live.as_ref().or(default.as_ref()), target(change).or(default.as_ref()));
    let mut lines = match (old, new) {
        (Some(old), Some(new)) => changed(&change.field, old, new, change, renderer),
        (None, Some(new)) => one_sided('+', Label::Added, &change.field, new, renderer),
        (Some(old), None) => one_sided('-', Label::Removed, &change.field, old, renderer),
        (None, None) => vec![start('~', Label::Changed, &change.field, renderer)],
    };
    let on_one_line = lines.len() == 1;
    lines.extend(who(change, on_one_line, renderer));
    lines
}

fn start(sign: char, label: Label, field: &Field, renderer: &FieldRenderer) -> Line {
    Line::at(renderer.indent).hang(4).whole(label, format!("{sign} ")).whole(Label::Plain, format!("{field}: "))
}

fn one_sided(sign: char, label: Label, field: &Field, value: &Value, renderer: &mut FieldRenderer) -> Vec<Line> {
    let line = start(sign, label, field, renderer);
    if let Some(text) = many_lines(value) {
        let count = text.lines().count();
        let mut lines = vec![line.text(Label::Plain, format!("{count} lines"))];
        if renderer.detail == Detail::Full {
            let content = text.lines().map(|l| Line::at(renderer.indent + 4).whole(label, format!("{sign} {l}")));
            lines.extend(content);
        }
        return lines;
    }
    let text = value_text(field, value, &mut renderer.secrets);
    vec![line.whole(Label::Plain, cut(&text, renderer))]
}

/// A text that is far too long, cut.
fn cut(text: &str, renderer: &FieldRenderer) -> String {
    const MOST: usize = 200;
    let count = text.chars().count();
    match renderer.detail {
        Detail::Compact if count > MOST => {
            let head: String = text.chars().take(MOST / 2).collect();
            format!("{head}… ({count} characters; -v shows all)")
        }
        Detail::Compact | Detail::Full => text.to_owned(),
    }
}

fn changed(field: &Field, old: &Value, new: &Value, change: &FieldChange, renderer: &mut FieldRenderer) -> Vec<Line> {
    let outside = matches!(change.verdict, Verdict::Drift | Verdict::Conflict);
    let line = start('~', if outside { Label::Outside } else { Label::Changed }, field, renderer);
    if let (Some(old), Some(new)) = (plain(old), plain(new))
        && (old.contains('\n') || new.contains('\n'))
    {
        let mut title = format!("{} → {}", line_count(old), line_count(new));
        let first_time = renderer.differences.insert((old.to_owned(), new.to_owned()));
        let body = match (is_binary(old) || is_binary(new), first_time) {
            (true, _) => Vec::new(),
            (false, true) => text_diff::lines(old, new, renderer.indent + 4, renderer.line_limit()),
            (false, false) => {
                title.push_str(", as above");
                Vec::new()
            }
        };
        return std::iter::once(line.text(Label::Faint, title)).chain(body).collect();
    }
    let (old_text, new_text) =
        (value_text(field, old, &mut renderer.secrets), value_text(field, new, &mut renderer.secrets));
    let (left, right) = match is_one_text(old) && is_one_text(new) {
        true => text_diff::words(&old_text, &new_text),
        false => (unmarked(&old_text), unmarked(&new_text)),
    };
    let start_width = line.width();
    if start_width + text_diff::width(&left) + 3 + text_diff::width(&right) <= renderer.width {
        let line = put(line, &left, Label::OldPart).text(Label::Plain, " → ");
        return vec![put(line, &right, Label::NewPart)];
    }
    if let Some((old, new)) = as_items(field, old, new, renderer) {
        return std::iter::once(line).chain(text_diff::items(&old, &new, renderer.indent + 4)).collect();
    }
    if start_width + text_diff::width(&left).max(text_diff::width(&right)) <= renderer.width
        && start_width <= renderer.width / 2
    {
        // The arrow stands so that both values begin in the same column.
        let second = Line::at(start_width - 2).whole(Label::Plain, "→ ");
        return vec![put(line, &left, Label::OldPart), put(second, &right, Label::NewPart)];
    }
    let room = renderer.width.saturating_sub(renderer.indent + 6);
    let (left, right) = match renderer.detail {
        Detail::Compact => (text_diff::shortened(left, room), text_diff::shortened(right, room)),
        Detail::Full => (left, right),
    };
    let below = Line::at(renderer.indent + 4);
    vec![
        line,
        put(below.clone().whole(Label::Removed, "- "), &left, Label::OldPart),
        put(below.whole(Label::Added, "+ "), &right, Label::NewPart),
    ]
}

fn put(mut line: Line, segments: &[Segment], differs: Label) -> Line {
    for segment in segments {
        let label = match segment.kind {
            SegmentKind::Same => Label::Plain,
            SegmentKind::Differs => differs,
        };
        line = line.whole(label, &segment.text);
    }
    line
}

fn unmarked(text: &str) -> Vec<Segment> {
    vec![Segment { kind: SegmentKind::Same, text: text.to_owned() }]
}

fn plain(value: &Value) -> Option<&str> {
    match value {
        Value::Text(Text::Plain(text)) => Some(text),
        Value::Text(Text::Secret(_) | Text::Sealed(_) | Text::Pending(_))
        | Value::Bool(_)
        | Value::Int(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Typed(_)
        | Value::Unset
        | Value::Unknown => None,
    }
}

/// Whether it is one text that anyone may read, so that its parts can be compared word by word.
fn is_one_text(value: &Value) -> bool {
    plain(value).is_some() || matches!(value, Value::Typed(_))
}

fn many_lines(value: &Value) -> Option<&str> {
    plain(value).filter(|text| text.trim_end_matches('\n').contains('\n'))
}

fn line_count(text: &str) -> String {
    match text.lines().count() {
        1 => "1 line".to_owned(),
        n => format!("{n} lines"),
    }
}

fn is_binary(text: &str) -> bool {
    text.contains(['\0', '\u{fffd}'])
}

/// Both values as items, if they are lists or maps.
fn as_items(
    field: &Field,
    old: &Value,
    new: &Value,
    renderer: &mut FieldRenderer,
) -> Option<(Vec<String>, Vec<String>)> {
    let unit = unit(field);
    let mut items = |value: &Value| match value {
        Value::List(items) => {
            Some(items.iter().map(|v| value::value(v, unit, &mut renderer.secrets)).collect::<Vec<_>>())
        }
        Value::Map(map) => {
            Some(map.iter().map(|(k, v)| format!("{k}: {}", value::value(v, unit, &mut renderer.secrets))).collect())
        }
        Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Typed(_) | Value::Unset | Value::Unknown => None,
    };
    items(old).zip(items(new))
}

/// The value of a field on one line, in the way that suits the field.
pub fn value_text(field: &Field, value: &Value, secrets: &mut Secrets) -> String {
    match (field.key, value) {
        // Words that hl chose itself, and names that cannot hold a space, need no quotes.
        (
            Key::Image | Key::Platform | Key::Restart | Key::NetworkMode | Key::Driver | Key::Owner | Key::Mode,
            Value::Text(Text::Plain(text)),
        ) => visible(text),
        (Key::State | Key::NetworkMode | Key::Networks | Key::Volumes | Key::Devices, Value::Typed(typed)) => {
            visible(&wording::typed(typed))
        }
        (Key::ImageContent, Value::Text(Text::Plain(text))) => short_id(text),
        (Key::BuiltFrom, Value::Text(Text::Plain(text))) => short_id(text),
        (key, Value::Text(Text::Plain(text))) if key.holds_content() && content::is_digest(text) => short_id(text),
        (Key::Ports, Value::List(hosts)) => {
            let host = |host: &Value| match host {
                Value::Typed(port) => wording::typed(port),
                other => value::value(other, unit(field), secrets),
            };
            hosts.iter().map(host).collect::<Vec<_>>().join(", ")
        }
        (_, value) => value::value(value, unit(field), secrets),
    }
}

/// The first twelve digits of a digest at the beginning: enough to compare, short enough to read.
fn short_id(text: &str) -> String {
    let Some(rest) = text.strip_prefix("sha256:") else { return quoted(text) };
    let (digest, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len()));
    format!("sha256:{}{}", digest.get(..12).unwrap_or(digest), visible(rest))
}

/// The change made outside hl, and what apply does about it. The values are shown above it.
fn drift(change: &FieldChange) -> &'static str {
    match (change.field.key, &change.live, target(change)) {
        // A container may have ended by itself.
        (Key::State, ..) => "changed outside hl; apply puts it back",
        (Key::Restart, ..) => "changed outside hl; apply puts it back",
        (_, None, _) => "removed outside hl; apply puts it back",
        (_, Some(_), None) => "set outside hl; apply removes it",
        (_, Some(_), Some(_)) => "changed outside hl; apply puts it back",
    }
}

/// The origin of the change, unless it is the repository alone.
fn who(change: &FieldChange, values_fit: bool, renderer: &mut FieldRenderer) -> Option<Line> {
    let mut show = |value: &Option<Value>| match value {
        Some(value) => value_text(&change.field, value, &mut renderer.secrets),
        None if change.field.key == Key::Restart => "no".to_owned(),
        None => "nothing".to_owned(),
    };
    if change.verdict.needs_action() && change.cost == Cost::Ignored {
        let text = "left as it is; hl's record will be updated";
        return Some(Line::at(renderer.indent + 4).hang(0).text(Label::Faint, text));
    }
    let text = match change.verdict {
        Verdict::InSync | Verdict::Pending | Verdict::Unrecorded => return None,
        Verdict::Converged => "declaration and node agree already; hl's record will be updated".to_owned(),
        Verdict::Drift => drift(change).to_owned(),
        Verdict::Conflict if values_fit => {
            let (want, was, now) = (show(&change.declared), show(&change.recorded), show(&change.live));
            format!("conflict: recorded {was}, changed outside hl to {now}, declared {want}; apply sets {want}")
        }
        Verdict::Conflict => {
            let was = show(&change.recorded);
            let recorded = match columns(&was) <= 60 {
                true => format!("; recorded was {was}"),
                false => String::new(),
            };
            format!("conflict: changed outside hl and in the repository{recorded}; apply sets what is declared")
        }
    };
    Some(Line::at(renderer.indent + 4).hang(0).text(Label::Outside, text))
}
