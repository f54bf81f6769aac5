//! Texts that stand for values which only a node has, and the mistakes that are theirs alone.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, SourceMap, Visibility};
use crate::model::Pending;

/// Which text stands for values that only the node has, while nobody asks the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    /// A text that passes as a number, a size, a switch and a text.
    Number,
    /// A text that passes as a path.
    Path,
    /// The name of the variable, for people.
    Name,
}

impl Placeholder {
    pub(super) fn text(self, name: &str) -> String {
        match self {
            Placeholder::Number => "1".to_owned(),
            Placeholder::Path => "/only-the-node-knows".to_owned(),
            Placeholder::Name => format!("({name})"),
        }
    }
}

/// Names in `${NAME:?…}` and `${NAME?…}` of a text.
pub(super) fn required_names(text: &str) -> Vec<String> {
    let expressions = text.split("${").skip(1);
    let name_of = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let operator = &rest[end..];
        (operator.starts_with(":?") || operator.starts_with('?')).then(|| rest[..end].to_owned())
    };
    expressions.filter_map(name_of).filter(|name| !name.is_empty()).collect()
}

/// The diagnostics of `found` without those that a placeholder may have caused, and how many were left out.
pub(super) fn explained(found: Diagnostics, placeholders: &BTreeSet<String>, map: &SourceMap) -> (Diagnostics, usize) {
    let mut kept = Diagnostics::default();
    let mut left_out = 0;
    for diagnostic in found.iter() {
        if diagnostic.severity != Severity::Note && is_about(diagnostic, placeholders, map) {
            // No placeholder would do better as a name.
            left_out += usize::from(diagnostic.code != Code::InvalidName);
            continue;
        }
        let mut diagnostic = diagnostic.clone();
        for text in [&mut diagnostic.summary, &mut diagnostic.detail, &mut diagnostic.hint] {
            *text = Pending::readable(text);
        }
        kept.push(diagnostic);
    }
    (kept, left_out)
}

/// Whether the text that a mistake points to uses one of the variables.
fn is_about(diagnostic: &Diagnostic, names: &BTreeSet<String>, map: &SourceMap) -> bool {
    let Some(label) = diagnostic.labels.first().filter(|_| !names.is_empty()) else { return false };
    let source = map.get(label.span.file);
    if source.visibility == Visibility::Secret {
        return true;
    }
    let quoted = source.text.get(label.span.start as usize..label.span.end as usize).unwrap_or_default();
    let uses = |rest: &str| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        names.contains(&rest[..end])
    };
    quoted.split('$').skip(1).any(uses)
}
