//! Files → one model: what they extend and include taken in, merged in order, checked, in the long form.

use std::path::PathBuf;

use super::loader::{Documents, Loader, Scope};
use super::paths::Base;
use super::reset::Resets;
use super::{defaults, document, environment, extends, include, schema};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::envfile::template::Lookup;

/// The model of files, each with its documents, that are merged in order; with defaults set and paths joined to the
/// scope's base.
///
/// None if there was an error, or nothing at all in the files.
pub(super) fn model(loader: &mut Loader<'_>, files: Documents, scope: &Scope) -> Option<Node> {
    let mut model = None;
    for (path, documents) in files {
        let including = [scope.including.as_slice(), &[path]].concat();
        for document in documents {
            model = add(loader, model, document, scope, &including);
        }
    }
    let mut model = model.filter(|_| !loader.diagnostics.has_errors())?;
    let base = Base { dir: &scope.base, home: loader.home.as_deref() };
    let lookup = |name: &str| scope.variables.get(name).map(|(value, taint)| (value.to_owned(), taint));
    defaults::complete(&mut model, base, &lookup, &mut loader.diagnostics);
    environment::resolve_names(&mut model, &scope.variables);
    if loader.diagnostics.has_errors() { None } else { Some(model) }
}

/// The model with one more document in it, of the last of the files that include one another.
fn add(
    loader: &mut Loader<'_>,
    model: Option<Node>,
    mut document: Node,
    scope: &Scope,
    including: &[PathBuf],
) -> Option<Node> {
    let resets = document::prepare(loader, &mut document, &scope.variables)?;
    if let Some(path) = including.last() {
        extends::extend_all(loader, path, &mut document, scope, &resets);
    }
    let base = document::base_of(&document, model, &resets);
    include_all(loader, &mut document, scope, including, &resets);
    let mut model = document::merge(loader, base, document);
    schema::check(&model, &mut loader.diagnostics);
    drop_version(loader, &mut model);
    document::complete(loader, model)
}

/// Loads what a document includes, and puts it into the document.
fn include_all(loader: &mut Loader<'_>, document: &mut Node, scope: &Scope, including: &[PathBuf], resets: &Resets) {
    for (entry, span) in include::take(loader, document) {
        let Some((files, included)) = include::open(loader, entry, span, scope, including) else { continue };
        if let Some(model) = model(loader, files, &included) {
            include::import(loader, model, document, resets);
        }
    }
}

fn drop_version(loader: &mut Loader<'_>, model: &mut Node) {
    if let Some(version) = model.as_map_mut().and_then(|m| m.shift_remove("version")) {
        let words = "`version` has no meaning any more and is ignored";
        loader.diagnostics.push(Diagnostic::note(Code::NoEffect, words).at(version.key_span, "").hint("remove it"));
    }
}
