//! What the YAML parser complains about, in words that help.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Code, Diagnostic, FileId, Span};

/// The diagnostic for a text that is not YAML.
pub(super) fn diagnostic(error: &ScanError, file: FileId, text: &str) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let width = text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let span = Span::new(file, at, at + width);
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(span),
        kind => {
            let diagnostic = Diagnostic::error(Code::YamlSyntax, format!("not valid YAML: {kind}")).at(span, "");
            match way_out(kind) {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            }
        }
    }
}

/// The diagnostic for collections in collections beyond the limit.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(Code::TooDeep, format!("nests more than {} levels deep", super::MAX_DEPTH)).at(span, "")
}

/// The usual cause of an error, as what to do.
fn way_out(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => Some("indent with spaces; YAML takes no tabs there"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed => {
            Some("check the indentation, and put a value that contains `: ` in quotes")
        }
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::SimpleKeyExpected => {
            Some("check the indentation: entries of one mapping or list start in the same column")
        }
        ErrorKind::UnexpectedCharacter { .. } => Some("put a value that starts with a special character in quotes"),
        ErrorKind::UnknownQuotedScalarEscape => {
            Some("in double quotes `\\` starts an escape: use single quotes or `\\\\`")
        }
        ErrorKind::UnclosedQuotedScalar => Some("close the quotes"),
        ErrorKind::UnknownAnchor => Some("define the anchor with `&name` above its first use"),
        _ => None,
    }
}
