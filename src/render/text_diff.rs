//! Two texts side by side: which words, lines or items of a list differ.

use similar::{Algorithm, ChangeTag, DiffTag, TextDiff, capture_diff_slices, diff_ratio};

use super::page::{Line, columns};
use super::style::Label;

/// A segment of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Whether the other text has it too.
    pub kind: SegmentKind,
    /// The characters.
    pub text: String,
}

/// Whether a segment is in both texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// It is.
    Same,
    /// It is not.
    Differs,
}

/// Below this share of equal words two texts count as wholly different: marking the few that they
/// happen to share would only confuse.
const ALIKE: f32 = 0.4;

/// Two texts in segments, by words.
pub fn words(old: &str, new: &str) -> (Vec<Segment>, Vec<Segment>) {
    let (old_words, new_words) = (split_words(old), split_words(new));
    let ops = capture_diff_slices(Algorithm::Patience, &old_words, &new_words);
    if diff_ratio(&ops, old_words.len(), new_words.len()) < ALIKE {
        let whole = |text: &str| vec![Segment { kind: SegmentKind::Differs, text: text.to_owned() }];
        return (whole(old), whole(new));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for op in ops {
        let kind = match op.tag() {
            DiffTag::Equal => SegmentKind::Same,
            DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => SegmentKind::Differs,
        };
        for (side, words, range) in [(&mut left, &old_words, op.old_range()), (&mut right, &new_words, op.new_range())]
        {
            if !range.is_empty() {
                side.push(Segment { kind, text: words[range].concat() });
            }
        }
    }
    (left, right)
}

/// Letters and digits stay together; everything else stands alone.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        let joins = c.is_alphanumeric();
        if at > start && !(joins && in_word) {
            words.push(&text[start..at]);
            start = at;
        }
        in_word = joins;
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// The segments with so much of what is unchanged left out that they take about `room` columns;
/// what differs always stays, with a few characters around it.
pub fn shortened(segments: Vec<Segment>, room: usize) -> Vec<Segment> {
    let differs = segments.iter().filter(|s| s.kind == SegmentKind::Differs);
    let taken: usize = differs.map(|s| columns(&s.text)).sum();
    let same = segments.iter().filter(|s| s.kind == SegmentKind::Same).count();
    let last = segments.len().saturating_sub(1);
    let each = (room.saturating_sub(taken) / same.max(1)).max(16);
    let shorten = |(at, segment): (usize, Segment)| {
        let chars: Vec<char> = segment.text.chars().collect();
        if segment.kind == SegmentKind::Differs || chars.len() <= each {
            return segment;
        }
        let head = |n: usize| chars[..n].iter().collect::<String>();
        let tail = |n: usize| chars[chars.len() - n..].iter().collect::<String>();
        let text = match at {
            0 => format!("…{}", tail(each - 1)),
            _ if at == last => format!("{}…", head(each - 1)),
            _ => format!("{}…{}", head(each / 2 - 1), tail(each / 2 - 1)),
        };
        Segment { text, ..segment }
    };
    segments.into_iter().enumerate().map(shorten).collect()
}

/// The lines that differ, with two lines around them, as a unified diff at an indent; at most
/// `limit` lines.
pub fn lines(old: &str, new: &str, indent: usize, limit: usize) -> Vec<Line> {
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(old, new);
    let mut out = Vec::new();
    for group in diff.grouped_ops(2) {
        let first = group.first().map_or(0, |op| op.new_range().start.max(op.old_range().start)) + 1;
        out.push(Line::at(indent).text(Label::Faint, format!("line {first}:")));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, label) = match change.tag() {
                ChangeTag::Equal => (' ', Label::Plain),
                ChangeTag::Delete => ('-', Label::Removed),
                ChangeTag::Insert => ('+', Label::Added),
            };
            let text = change.value().trim_end_matches(['\n', '\r']);
            out.push(Line::at(indent).whole(label, format!("{sign} {text}")));
        }
    }
    if out.is_empty() {
        out.push(Line::at(indent).text(Label::Faint, "only the ends of lines differ"));
    }
    let left = out.len().saturating_sub(limit);
    if left > 1 {
        out.truncate(limit);
        out.push(Line::at(indent).text(Label::Faint, format!("… {left} more lines (-v shows all)")));
    }
    out
}

/// The items of a list that went and came, in order.
pub fn items(old: &[String], new: &[String], indent: usize) -> Vec<Line> {
    let ops = capture_diff_slices(Algorithm::Patience, old, new);
    let mut out = Vec::new();
    let mut same = 0;
    for op in ops {
        if op.tag() == DiffTag::Equal {
            same += op.old_range().len();
            continue;
        }
        let side = |items: &[String], sign: char, label: Label| -> Vec<Line> {
            items.iter().map(|item| Line::at(indent).whole(label, format!("{sign} {item}"))).collect()
        };
        out.extend(side(&old[op.old_range()], '-', Label::Removed));
        out.extend(side(&new[op.new_range()], '+', Label::Added));
    }
    if same > 0 {
        out.push(Line::at(indent).text(Label::Faint, format!("  and {same} as before")));
    }
    out
}

/// The width of the segments in columns.
pub fn width(segments: &[Segment]) -> usize {
    segments.iter().map(|s| columns(&s.text)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(segments: &[Segment]) -> String {
        let mark = |s: &Segment| match s.kind {
            SegmentKind::Same => s.text.clone(),
            SegmentKind::Differs => format!("<{}>", s.text),
        };
        segments.iter().map(mark).collect()
    }

    #[test]
    fn words_that_differ_are_marked() {
        let (old, new) = words("ghcr.io/app/server:v1.98.2", "ghcr.io/app/server:v1.99.0");
        assert_eq!(
            (marked(&old).as_str(), marked(&new).as_str()),
            ("ghcr.io/app/server:v1.<98>.<2>", "ghcr.io/app/server:v1.<99>.<0>")
        );
        let (old, new) = words("nginx", "caddy");
        assert_eq!((marked(&old).as_str(), marked(&new).as_str()), ("<nginx>", "<caddy>"));
    }

    #[test]
    fn only_what_is_far_from_a_change_is_left_out() {
        let long = "abcdefgh ".repeat(6);
        let (old, _) = words(&format!("{long}one {long}"), &format!("{long}two {long}"));
        assert_eq!(marked(&shortened(old.clone(), 40)), "…bcdefgh abcdefgh <one> abcdefgh abcdefg…");
        assert_eq!(marked(&shortened(old, 200)), format!("{long}<one> {long}"));
    }

    #[test]
    fn a_list_shows_what_went_and_came() {
        let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
        let mut page = super::super::page::Page::default();
        page.extend(items(&list(&["a", "b", "c"]), &list(&["a", "c", "d"]), 2));
        assert_eq!(page.print(super::super::Palette::Plain, 80), "  - b\n  + d\n    and 2 as before\n");
    }
}
