//! hl's own YAML files, each of one document.

use std::path::Path;

use super::section::Context;
use crate::compose::reader::Files;
use crate::compose::yaml::{self, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Span, Visibility};

/// The way out where a file is there and cannot be read.
pub(super) const READABLE: &str = "check the file's permissions and that it is text";

/// The one document of a YAML file; none if it cannot be read, which is then reported.
pub(super) fn document(path: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<Node> {
    let file = match files.load(path, Visibility::Public) {
        Ok(file) => file,
        Err(error) => {
            out.push(error.diagnostic(&files.shown(path), READABLE));
            return None;
        }
    };
    let mut found = Diagnostics::default();
    let mut documents = yaml::parse(&files.text(file), file, &mut found).into_iter();
    let (first, second) = (documents.next(), documents.next());
    let broken = found.has_errors();
    out.extend(found);
    if let Some(second) = second {
        let words = "the file holds more than one document";
        out.push(
            Diagnostic::error(Code::InvalidValue, words)
                .at(point(second.span), "")
                .hint("remove the `---` between them"),
        );
    }
    match first {
        _ if broken => None,
        Some(tree) if !tree.is_null() => Some(tree),
        _ => {
            out.push(empty_file(file));
            None
        }
    }
}

fn point(span: Span) -> Span {
    Span { end: span.start, ..span }
}

fn empty_file(file: FileId) -> Diagnostic {
    Diagnostic::error(Code::EmptyFile, "the file is empty")
        .at(Span::new(file, 0, 0), "")
        .hint("write `version: 1`, `nodes:` and `services:` into it, or remove it")
}

/// Runs `read` with a context over the texts read so far, and keeps what it reports.
pub(super) fn with_context<T>(files: &Files<'_>, out: &mut Diagnostics, read: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut context = Context { map: files.sources(), out: Diagnostics::default() };
    let result = read(&mut context);
    out.extend(context.out);
    result
}
