//! Diagnostics with the lines that they are about.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Palette;
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Label, Severity, SourceMap, Span, Visibility};

/// All diagnostics, errors first, each with its excerpts; ends with a newline unless it is empty.
///
/// Lines of a secret file are never shown, only the place.
pub fn diagnostics(list: &Diagnostics, sources: &SourceMap, palette: Palette) -> String {
    let renderer = match palette {
        Palette::Plain => Renderer::plain(),
        Palette::Coloured => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let texts = list.sorted().into_iter().map(|d| renderer.render(&[group(d, sources)]) + "\n");
    texts.collect::<Vec<_>>().join("\n")
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(diagnostic.summary.as_str()).id(diagnostic.code.id());
    let mut group = Group::with_title(title);
    for (file, labels) in by_file(&diagnostic.labels) {
        let source = sources.get(file);
        let path = source.path.to_string_lossy();
        match source.visibility {
            Visibility::Public => {
                let annotations = labels.iter().map(|(index, label)| {
                    let kind = if *index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let text = Some(label.text.as_str()).filter(|t| !t.is_empty());
                    kind.span(first_line(label.span, &source.text)).label(text)
                });
                group = group.element(Snippet::source(&*source.text).path(path).annotations(annotations));
            }
            Visibility::Secret => {
                for (_, label) in labels {
                    let (line, column) = sources.line_column(label.span);
                    group = group.element(Origin::path(path.clone()).line(line).char_column(column));
                }
            }
        }
    }
    for (level, text) in [(Level::NOTE, &diagnostic.detail), (Level::HELP, &diagnostic.hint)] {
        if !text.is_empty() {
            group = group.element(level.message(text.as_str()));
        }
    }
    group
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

/// The part of a span on its first line, on character boundaries: whole blocks say no more than their start.
fn first_line(span: Span, text: &str) -> Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(span.start as usize), boundary(span.end as usize));
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
