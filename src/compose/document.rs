//! The steps that every document of a file goes through, in the order of compose-go's `loadYamlFile`: substitute, merge
//! into what the documents before it have become, bring to the long form.
//!
//! `extends`, `include` and the check against the schema come in between, for files that are loaded as a whole; see
//! `compose::model`.

use super::loader::Loader;
use super::reset::Resets;
use super::variables::Variables;
use super::{canonical, interpolate, merge, surprising_values, unique};
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::envfile::template::Lookup;
use crate::model::Taint;

/// Takes the tags out of a document and substitutes its variables; gives the keys that it resets, or none if the
/// document is no mapping, which is reported.
pub(super) fn prepare(loader: &mut Loader<'_>, document: &mut Node, variables: &Variables) -> Option<Resets> {
    if !matches!(document.value, Value::Map(_)) {
        let words = format!("a Compose file is a mapping, this document is {}", document.kind());
        let hint = "write `services:` at the left margin, and remove empty documents between `---`";
        loader.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(document.span, "").hint(hint));
        return None;
    }
    let resets = Resets::take(document);
    let sources = loader.files.sources();
    surprising_values::check(document, sources, &mut loader.diagnostics);
    let findings = interpolate::Findings {
        asked: &mut loader.asked,
        budget: &mut loader.budget,
        diagnostics: &mut loader.diagnostics,
    };
    interpolate::interpolate(document, variables, sources, findings);
    for name in &loader.asked.used {
        if let Some((value, Taint::Secret)) = variables.get(name) {
            loader.secrets.insert(value.to_owned());
        }
    }
    Some(resets)
}

/// The base that a document is merged into: the model so far, without the keys that the document resets.
pub(super) fn base_of(document: &Node, model: Option<Node>, resets: &Resets) -> Node {
    let mut model = model.unwrap_or_else(|| Node::new(Value::Map(Map::default()), document.span));
    resets.apply(&mut model);
    model
}

/// The model with a document merged into it; entries that say the same are one.
pub(super) fn merge(loader: &mut Loader<'_>, model: Node, document: Node) -> Node {
    let mut model = merge::merge(model, document, &mut loader.diagnostics);
    unique::enforce(&mut model, &mut loader.diagnostics);
    model
}

/// The model in the long form; none if there were errors. A tree that is not as it should be would only give the same
/// mistakes again in other words.
pub(super) fn complete(loader: &mut Loader<'_>, mut model: Node) -> Option<Node> {
    if loader.diagnostics.has_errors() {
        return None;
    }
    canonical::canonicalize(&mut model, &mut loader.diagnostics);
    unique::enforce(&mut model, &mut loader.diagnostics);
    Some(model)
}
