//! The pipeline of files: read, substitute, extend, reset, include, merge, check, bring to the long form.
//!
//! The order is that of compose-go's `loadYamlFile`, document by document, and every document is
//! merged into what the ones before it have become.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::extends::Extended;
use super::paths::Base;
use super::reset::Resets;
use super::variables::Variables;
use super::{canonical, defaults, environment, interpolate, merge, schema, surprising_values, unique};
use crate::compose::reader::Files;
use crate::compose::yaml;
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, Visibility};
use crate::envfile::template::Lookup;
use crate::model::Taint;

/// What loading carries along.
pub(super) struct Loader<'a> {
    pub files: Files<'a>,
    pub diagnostics: Diagnostics,
    /// The names of all variables that were asked for.
    pub used: BTreeSet<String>,
    /// The values of the secret ones among them, which no diagnostic may quote.
    pub secrets: BTreeSet<String>,
    /// The home folder, for `~`.
    pub home: Option<String>,
    /// Files that services extend, each read once a scope.
    pub extended: HashMap<(usize, PathBuf), Option<Rc<Extended>>>,
    /// How many scopes there have been.
    pub scopes: usize,
}

/// Where a set of files stands.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Tells scopes apart.
    pub id: usize,
    /// What relative paths in the files are joined to; of an included file relative to the file that includes it.
    pub base: String,
    /// The same as an absolute path, where files that are referred to are looked up.
    pub folder: PathBuf,
    pub variables: Variables,
    /// The files that include one another down to here.
    pub including: Vec<PathBuf>,
}

/// How much of the pipeline a file goes through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All of it.
    Whole,
    /// Neither `include` nor `extends`, and no check: a file that a service extends is checked by its result.
    Base,
}

impl Loader<'_> {
    /// The model of files, each with its documents, that are merged in order; with defaults set and
    /// paths joined to the scope's base.
    ///
    /// None if there was an error, or nothing at all in the files.
    pub fn model(&mut self, files: Vec<(PathBuf, Vec<Node>)>, scope: &Scope) -> Option<Node> {
        let mut model = None;
        for (path, documents) in files {
            model = self.file(&path, documents, scope, Depth::Whole, model).0;
        }
        let mut model = model.filter(|_| !self.diagnostics.has_errors())?;
        let base = Base { dir: &scope.base, home: self.home.as_deref() };
        let lookup = |name: &str| scope.variables.get(name).map(|(value, taint)| (value.to_owned(), taint));
        defaults::complete(&mut model, base, &lookup, &mut self.diagnostics);
        environment::resolve_names(&mut model, &scope.variables);
        if self.diagnostics.has_errors() { None } else { Some(model) }
    }

    /// The documents of a file; `reference` is where it was named.
    pub fn documents(&mut self, path: &Path, reference: Option<Span>) -> Option<Vec<Node>> {
        match self.files.load(path, Visibility::Public) {
            Ok(file) => {
                let text = self.files.text(file);
                Some(yaml::parse(&text, file, &mut self.diagnostics))
            }
            Err(error) => {
                let diagnostic = error.diagnostic(&self.files.shown(path));
                self.diagnostics.push(match reference {
                    Some(span) => {
                        diagnostic.at(span, "named here").hint("check the path; it is relative to the file's folder")
                    }
                    None => diagnostic.hint("check the path"),
                });
                None
            }
        }
    }

    /// Merges the documents of one file into `model`, and gives the resets of its last one.
    pub fn file(
        &mut self,
        path: &Path,
        documents: Vec<Node>,
        scope: &Scope,
        depth: Depth,
        mut model: Option<Node>,
    ) -> (Option<Node>, Resets) {
        let mut resets = Resets::default();
        let mut including = scope.including.clone();
        for document in documents {
            let (merged, of_document) = self.document(path, document, scope, depth, model, &mut including);
            (model, resets) = (merged, of_document);
        }
        (model, resets)
    }

    fn document(
        &mut self,
        path: &Path,
        mut document: Node,
        scope: &Scope,
        depth: Depth,
        model: Option<Node>,
        including: &mut Vec<PathBuf>,
    ) -> (Option<Node>, Resets) {
        if !matches!(document.value, Value::Map(_)) {
            let words = format!("a Compose file is a mapping, this document is {}", document.kind());
            let hint = "write `services:` at the left margin, and remove empty documents between `---`";
            self.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(document.span, "").hint(hint));
            return (None, Resets::default());
        }
        let resets = Resets::take(&mut document);
        let sources = self.files.sources();
        surprising_values::check(&document, sources, &mut self.diagnostics);
        interpolate::interpolate(&mut document, &scope.variables, sources, &mut self.used, &mut self.diagnostics);
        for name in &self.used {
            if let Some((value, Taint::Secret)) = scope.variables.get(name) {
                self.secrets.insert(value.to_owned());
            }
        }
        if depth == Depth::Whole {
            self.extend_all(path, &mut document, scope, &resets);
        }
        let mut model = model.unwrap_or_else(|| Node::new(Value::Map(Map::new()), document.span));
        resets.apply(&mut model);
        if depth == Depth::Whole {
            including.push(path.to_owned());
            self.include_all(&mut document, scope, including);
        }
        model = merge::merge(model, document, &mut self.diagnostics);
        unique::enforce(&mut model, &mut self.diagnostics);
        if depth == Depth::Whole {
            schema::check(&model, &mut self.diagnostics);
            self.drop_version(&mut model);
        }
        // A tree that is not as it should be would only give the same mistakes again in other words.
        if self.diagnostics.has_errors() {
            return (None, resets);
        }
        canonical::canonicalize(&mut model, &mut self.diagnostics);
        unique::enforce(&mut model, &mut self.diagnostics);
        (Some(model), resets)
    }

    fn drop_version(&mut self, model: &mut Node) {
        if let Some(version) = model.as_map_mut().and_then(|m| m.shift_remove("version")) {
            let words = "`version` has no meaning any more and is ignored";
            self.diagnostics.push(Diagnostic::note(Code::NoEffect, words).at(version.key_span, "").hint("remove it"));
        }
    }
}
