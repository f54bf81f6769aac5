//! Errors of the YAML parser as diagnostics, in words that help.

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
    Diagnostic::error(Code::TooDeep, format!("nests more than {} levels deep", super::MAX_DEPTH))
        .at(span, "")
        .hint("nest less deeply")
}

/// The text with blanks in place of what the parser stumbled over, if libyaml would not have: tabs before
/// a line within brackets, and a comment that touches what it follows. No place shifts.
pub(super) fn forgive(error: &ScanError, text: &str, within_brackets: bool) -> Option<String> {
    let at = error.marker().byte_offset().filter(|at| *at < text.len())?;
    let mut bytes = text.as_bytes().to_vec();
    match error.kind() {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation
            if within_brackets =>
        {
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let mut line = start;
            let indent = |line: usize| text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
            while text[line..line + indent(line)].contains('\t') {
                bytes[line..line + indent(line)].fill(b' ');
                let Some(length) = text[line..].find('\n') else { break };
                line += length + 1;
            }
        }
        ErrorKind::CommentNotSeparated if bytes[at] == b'#' => {
            let length = text[at..].find(['\n', '\r']).unwrap_or(text.len() - at);
            bytes[at..at + length].fill(b' ');
        }
        _ => return None,
    }
    String::from_utf8(bytes).ok().filter(|forgiven| forgiven != text)
}

/// Where a text in double quotes has an escape of JSON or YAML 1.2 that libyaml refuses: `\/`, and halves of
/// characters.
pub(super) fn unknown_escape(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let surrogate = |hex: &[u8]| matches!(hex, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
        if bytes[at + 1] == b'/' || (bytes[at + 1] == b'u' && surrogate(&bytes[at + 2..])) {
            return Some(at);
        }
        at += 2;
    }
    None
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
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => {
            Some("a `{` above is not closed, or a comma is missing after it")
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            Some("a `[` above is not closed, or a comma is missing after it")
        }
        ErrorKind::UnknownAnchor => Some("define the anchor with `&name` above its first use"),
        _ => None,
    }
}
