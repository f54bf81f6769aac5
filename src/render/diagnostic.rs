//! Diagnostics with the lines that they are about.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Palette;
use super::printable::{quoted_line, visible};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Label, Severity, SourceFile, SourceMap, Span, Visibility};

/// The most diagnostics that are shown at once.
const MOST: usize = 200;

/// The most places of one diagnostic that are shown.
const MOST_LABELS: usize = 50;

/// The most characters of one text, such as a name that a file has made a megabyte long.
const LONGEST_TEXT: usize = 2000;

/// The most bytes of a line, up to what is pointed to, that is quoted.
const LONGEST_LINE: usize = 4000;

/// The most lines between two places that are drawn as one excerpt.
const FARTHEST: usize = 100;

/// All diagnostics, errors first, each with its excerpts; ends with a newline unless it is empty.
///
/// Lines of a secret file are never shown, only the place.
pub fn diagnostics(list: &Diagnostics, sources: &SourceMap, palette: Palette) -> String {
    let renderer = match palette {
        Palette::Plain => Renderer::plain(),
        Palette::Coloured => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let sorted = list.sorted();
    let mut texts = Texts { sources, starts: HashMap::new() };
    let shown = sorted.iter().take(MOST).map(|d| renderer.render(&[group(d, &mut texts)]) + "\n");
    let mut shown: Vec<String> = shown.collect();
    if sorted.len() > MOST {
        shown.push(format!("and {} more\n", sorted.len() - MOST));
    }
    shown.join("\n")
}

/// The texts that diagnostics point into, and where their lines start.
struct Texts<'a> {
    sources: &'a SourceMap,
    starts: HashMap<FileId, Rc<[usize]>>,
}

impl Texts<'_> {
    fn starts(&mut self, file: FileId) -> Rc<[usize]> {
        let text = &self.sources.get(file).text;
        let find = || std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Rc::clone(self.starts.entry(file).or_insert_with(find))
    }
}

/// A label in its line.
struct Place<'a> {
    /// The line, from 0.
    line: usize,
    /// The bytes of the line that it marks.
    columns: Range<usize>,
    kind: AnnotationKind,
    label: &'a Label,
}

fn group<'a>(diagnostic: &Diagnostic, texts: &mut Texts<'_>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(words(&diagnostic.summary)).id(diagnostic.code.id());
    let mut group = Group::with_title(title);
    for (file, labels) in by_file(&diagnostic.labels[..diagnostic.labels.len().min(MOST_LABELS)]) {
        let source = texts.sources.get(file);
        let path = visible(&source.path.to_string_lossy());
        let starts = texts.starts(file);
        let places: Vec<Place<'_>> =
            labels.iter().map(|(index, label)| place(*index, label, source, &starts)).collect();
        let may_quote =
            |place: &Place<'_>| source.visibility == Visibility::Public && place.columns.start <= LONGEST_LINE;
        let (quoted, unquoted): (Vec<_>, Vec<_>) = places.into_iter().partition(may_quote);
        for excerpt in excerpts(quoted) {
            group = group.element(snippet(&excerpt, source, &starts).path(path.clone()));
        }
        for place in unquoted {
            let line = &source.text[starts[place.line]..];
            let column = line[..place.columns.start].chars().count() + 1;
            group = group.element(Origin::path(path.clone()).line(place.line + 1).char_column(column));
        }
    }
    for (level, text) in [(Level::NOTE, &diagnostic.detail), (Level::HELP, &diagnostic.hint)] {
        if !text.is_empty() {
            group = group.element(level.message(words(text)));
        }
    }
    group
}

/// A text of a diagnostic, safe to show and not longer than anybody reads.
fn words(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}… ({} bytes more)", visible(&text[..end]), text.len() - end),
        None => visible(text),
    }
}

/// Where a label stands: the part of it on its first line, since whole blocks say no more than their start.
fn place<'a>(index: usize, label: &'a Label, source: &SourceFile, starts: &[usize]) -> Place<'a> {
    let marked = first_line(label.span, &source.text);
    let line = starts.partition_point(|start| *start <= marked.start).saturating_sub(1);
    let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
    Place { line, columns: marked.start - starts[line]..marked.end - starts[line], kind, label }
}

/// The places in groups that are near one another; the main one is in the first.
fn excerpts(mut places: Vec<Place<'_>>) -> Vec<Vec<Place<'_>>> {
    let is_main = |place: &Place<'_>| place.kind == AnnotationKind::Primary;
    let first_line = |places: &[Place<'_>]| places.iter().map(|place| place.line).min();
    places.sort_by_key(|place| place.line);
    let mut groups: Vec<Vec<Place<'_>>> = Vec::new();
    for place in places {
        match groups.last_mut() {
            Some(near) if near.last().is_some_and(|last| place.line - last.line <= FARTHEST) => near.push(place),
            _ => groups.push(vec![place]),
        }
    }
    groups.sort_by_key(|group| (!group.iter().any(is_main), first_line(group)));
    groups
}

/// The lines from the first place to the last one, with nothing in them that acts on a terminal.
fn snippet<'a>(
    places: &[Place<'_>],
    source: &SourceFile,
    starts: &[usize],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let line_of = |line: usize| {
        let end = starts.get(line + 1).map_or(source.text.len(), |next| next - 1);
        let text = &source.text[starts[line]..end];
        text.strip_suffix('\r').unwrap_or(text)
    };
    let first = places.iter().map(|place| place.line).min().unwrap_or_default();
    let last = places.iter().map(|place| place.line).max().unwrap_or_default();
    let mut text = String::new();
    let mut annotations = Vec::new();
    for number in first..=last {
        let line = line_of(number);
        let marks = places.iter().filter(|place| place.line == number);
        for place in marks.clone() {
            let columns = &place.columns;
            let start = text.len() + quoted_line(&line[..columns.start.min(line.len())]).len();
            let end = columns.end.min(line.len()).min(boundary(line, columns.start + LONGEST_LINE));
            let width = line.get(columns.start..end).map_or(0, |marked| quoted_line(marked).len());
            let label = Some(words(&place.label.text)).filter(|text| !text.is_empty());
            annotations.push(place.kind.span(start..start + width).label(label));
        }
        let shown = marks.map(|place| place.columns.end).max().unwrap_or_default().min(LONGEST_LINE);
        text.push_str(&quoted_line(&line[..boundary(line, shown + LONGEST_LINE)]));
        if number < last || starts.len() > number + 1 {
            text.push('\n');
        }
    }
    Snippet::source(text).line_start(first + 1).annotations(annotations)
}

/// The last boundary between characters up to `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Labels with their index, those of one file together, in order of the files' first mention.
fn by_file(labels: &[Label]) -> Vec<(FileId, Vec<(usize, &Label)>)> {
    let mut files: Vec<(FileId, Vec<(usize, &Label)>)> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        match files.iter_mut().find(|(file, _)| *file == label.span.file) {
            Some((_, labels)) => labels.push((index, label)),
            None => files.push((label.span.file, vec![(index, label)])),
        }
    }
    files
}

/// The part of a span on its first line, on character boundaries.
fn first_line(span: Span, text: &str) -> Range<usize> {
    let (start, end) = (boundary(text, span.start as usize), boundary(text, span.end as usize));
    let end = text[start..end].find(['\n', '\r']).map_or(end, |newline| start + newline);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn draw(visibility: Visibility, make: impl FnOnce(FileId) -> Diagnostic) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("compose.yml", "services:\n  web:\n    imag: x\n    image: y\n", visibility);
        let mut list = Diagnostics::default();
        list.push(make(file));
        diagnostics(&list, &sources, Palette::Plain)
    }

    #[test]
    fn shows_lines_labels_and_the_way_out() {
        let text = draw(Visibility::Public, |file| {
            Diagnostic::error(Code::UnknownKey, "no key `imag` here")
                .at(Span::new(file, 21, 25), "unknown")
                .at(Span::new(file, 33, 44), "known")
                .detail("Compose refuses unknown keys.")
                .hint("did you mean `image`?")
        });
        insta::assert_snapshot!(text, @r"
        error[HL0104]: no key `imag` here
         --> compose.yml:3:5
          |
        3 |     imag: x
          |     ^^^^ unknown
        4 |     image: y
          |     -------- known
          |
          = note: Compose refuses unknown keys.
          = help: did you mean `image`?
        ");
    }

    #[test]
    fn never_shows_lines_of_a_secret_file() {
        let text = draw(Visibility::Secret, |file| {
            Diagnostic::warning(Code::EnvFileSyntax, "no value").at(Span::new(file, 21, 25), "here")
        });
        insta::assert_snapshot!(text, @r"
        warning[HL0204]: no value
        --> compose.yml:3:5
        ");
    }

    #[test]
    fn blocks_are_marked_by_their_first_line() {
        let text = draw(Visibility::Public, |file| {
            Diagnostic::note(Code::NoEffect, "has no effect").at(Span::new(file, 12, 44), "")
        });
        insta::assert_snapshot!(text, @r"
        note[HL0310]: has no effect
         --> compose.yml:2:3
          |
        2 |   web:
          |   ^^^^
        ");
    }
}
