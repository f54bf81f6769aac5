//! Values that Compose reads in another way than they look.
//!
//! A variable's value in a mapping is a YAML value first and text only afterwards: `UMASK: 022` is the
//! number 18, `VERSION: 1.10` is 1.1, and a date gets a time of day. Compose says nothing; hl warns.

use std::sync::LazyLock;

use super::syntax::scalar;
use super::tree_path::{Patterns, TreePath};
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};

/// The mappings whose values become text.
static TEXTS: LazyLock<Patterns<()>> = LazyLock::new(|| {
    Patterns::new([
        ("services.*.environment.*", ()),
        ("services.*.labels.*", ()),
        ("services.*.annotations.*", ()),
        ("services.*.sysctls.*", ()),
        ("services.*.build.args.*", ()),
        ("services.*.build.labels.*", ()),
        ("services.*.deploy.labels.*", ()),
        ("networks.*.labels.*", ()),
        ("volumes.*.labels.*", ()),
    ])
});

/// Warns of such values in a document as it was written.
pub(super) fn check(document: &Node, sources: &SourceMap, diagnostics: &mut Diagnostics) {
    walk(document, TreePath::ROOT, sources, diagnostics);
}

fn walk(node: &Node, at: TreePath<'_>, sources: &SourceMap, diagnostics: &mut Diagnostics) {
    if let Value::Map(map) = &node.value {
        map.iter().for_each(|(key, entry)| walk(&entry.node, at.key(key), sources, diagnostics));
    }
    if !matches!(node.value, Value::Int(_) | Value::Float(_) | Value::Text(_)) {
        return;
    }
    let source = &sources.get(node.span.file).text;
    let written = source.get(node.span.start as usize..node.span.end as usize).unwrap_or_default();
    // Neither quoted nor a block nor of several lines: text of these stays as it was written, so that what
    // reads otherwise is a number or a date.
    let is_plain = written.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    if !is_plain || written.contains('\n') || TEXTS.at(&at).is_none() {
        return;
    }
    let Some(read) = scalar::scalar_text(&node.value).filter(|read| read != written) else { return };
    let diagnostic =
        Diagnostic::warning(Code::SurprisingValue, format!("`{written}` is read as `{read}`")).at(node.span, "");
    diagnostics.push(diagnostic.hint(format!("write \"{written}\" if it is meant as it stands")));
}
