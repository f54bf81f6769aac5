//! `include`: other Compose files whose services, networks, volumes, configs and secrets join those of a file.

use std::path::{Path, PathBuf};

use super::extends::is_remote;
use super::load::{Loader, Scope};
use super::variables::Origin;
use crate::compose::reader::Kind;
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span};

/// The parts of a model that are taken over.
const RESOURCES: [&str; 5] = ["services", "volumes", "networks", "secrets", "configs"];

/// One entry of `include`.
#[derive(Default)]
struct Include {
    /// The files, of which those after the first override it.
    paths: Vec<(String, Span)>,
    project_directory: Option<String>,
    env_files: Vec<(String, Span)>,
}

impl Loader<'_> {
    /// Loads what a document includes, and puts it into the document.
    pub fn include_all(&mut self, document: &mut Node, scope: &Scope, including: &[PathBuf]) {
        let Some(map) = document.as_map_mut() else { return };
        let Some(include) = map.shift_remove("include") else { return };
        let items = match include.node.value {
            Value::Null => return,
            Value::List(items) => items,
            _ => return self.wrong_include(include.node.span),
        };
        for item in &items {
            let Some(include) = self.read_include(item) else { continue };
            if let Some(model) = self.include(include, item.span, scope, including) {
                self.import(model, document, item.span);
            }
        }
    }

    fn wrong_include(&mut self, span: Span) {
        let words = "`include` takes a list of paths, or of mappings with `path`, `project_directory` and `env_file`";
        self.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(span, ""));
    }

    fn read_include(&mut self, item: &Node) -> Option<Include> {
        let mut include = Include::default();
        match &item.value {
            Value::Text(path) => include.paths.push((path.clone(), item.span)),
            Value::Map(map) => {
                for (key, entry) in map {
                    match key.as_str() {
                        "path" => include.paths = self.include_texts(&entry.node)?,
                        "env_file" => include.env_files = self.include_texts(&entry.node)?,
                        "project_directory" => {
                            include.project_directory = self.include_texts(&entry.node)?.pop().map(|t| t.0)
                        }
                        // Compose passes over what it does not know here.
                        _ => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
                self.wrong_include(item.span);
                return None;
            }
        }
        Some(include)
    }

    fn include_texts(&mut self, node: &Node) -> Option<Vec<(String, Span)>> {
        let text = |n: &Node| n.as_text().map(|t| (t.to_owned(), n.span));
        let texts = match &node.value {
            Value::Null => Some(Vec::new()),
            Value::Text(_) => text(node).map(|t| vec![t]),
            Value::List(items) => items.iter().map(text).collect(),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Map(_) => None,
        };
        if texts.is_none() {
            self.wrong_include(node.span);
        }
        texts
    }

    /// The model of one entry.
    fn include(&mut self, include: Include, span: Span, scope: &Scope, including: &[PathBuf]) -> Option<Node> {
        if let Some((path, span)) = include.paths.iter().find(|(p, _)| is_remote(p)) {
            self.refuse_remote(path, *span);
            return None;
        }
        let files: Vec<(PathBuf, Option<Span>)> =
            include.paths.iter().map(|(p, span)| (absolute(&scope.folder, p), Some(*span))).collect();
        let Some((main, _)) = files.first() else {
            let diagnostic = Diagnostic::error(Code::MissingKey, "an entry of `include` has no `path`");
            self.diagnostics.push(diagnostic.at(span, ""));
            return None;
        };
        let (base, folder) = match include.project_directory.as_deref() {
            None | Some("") => (self.folder_seen_from(main, &scope.folder), main.parent().unwrap_or(main).to_owned()),
            Some(folder) if folder.starts_with('/') => (folder.to_owned(), PathBuf::from(folder)),
            Some(folder) => {
                let path = absolute(&scope.folder, folder);
                (self.folder_seen_from(&path, &scope.folder), path)
            }
        };
        if let Some(start) = including.iter().position(|p| p == main) {
            let names = including[start..].iter().chain([main]).map(|p| self.files.shown(p).display().to_string());
            let words = format!("files include one another in a circle: {}", names.collect::<Vec<_>>().join(" → "));
            let diagnostic = Diagnostic::error(Code::IncludeCycle, words).at(span, "");
            self.diagnostics.push(diagnostic.hint("take one of the `include` entries out"));
            return None;
        }
        let variables = self.included_variables(&include, &folder, scope)?;
        let mut parsed = Vec::new();
        for (path, reference) in files {
            let documents = self.documents(&path, reference)?;
            parsed.push((path, documents));
        }
        self.scopes += 1;
        self.model(parsed, &Scope { id: self.scopes, base, folder, variables, including: including.to_vec() })
    }

    /// The variables of an included file: those of the including one, then its own env files.
    fn included_variables(&mut self, include: &Include, folder: &Path, scope: &Scope) -> Option<super::Variables> {
        let own = folder.join(".env");
        let env_files: Vec<(PathBuf, Option<Span>)> = if include.env_files.is_empty() {
            if self.files.kind(&own) == Kind::File { vec![(own, None)] } else { Vec::new() }
        } else {
            include.env_files.iter().map(|(f, span)| (absolute(&scope.folder, f), Some(*span))).collect()
        };
        let mut variables = scope.variables.clone();
        if !env_files.is_empty() {
            let values = self.env_files(&env_files, &scope.variables)?;
            variables.push(Origin::EnvFile, values);
        }
        Some(variables)
    }

    /// Takes the resources of an included model over.
    fn import(&mut self, model: Node, document: &mut Node, span: Span) {
        let (Value::Map(mut model), Some(target)) = (model.value, document.as_map_mut()) else { return };
        for kind in RESOURCES {
            let Some(Entry { key_span, node: Node { value: Value::Map(imported), .. } }) = model.shift_remove(kind)
            else {
                continue;
            };
            let empty = Entry { key_span, node: Node::new(Value::Map(Map::new()), key_span) };
            let Value::Map(there) = &mut target.entry(kind.to_owned()).or_insert(empty).node.value else { continue };
            for (name, entry) in imported {
                let Some(own) = there.get(&name) else {
                    there.insert(name, entry);
                    continue;
                };
                if !same(&own.node, &entry.node) {
                    let words = format!("`{kind}.{name}` is here and in an included file, with different settings");
                    self.diagnostics.push(
                        Diagnostic::error(Code::Conflict, words)
                            .at(own.key_span, "here")
                            .at(entry.key_span, "included")
                            .at(span, "by this")
                            .hint("rename one of the two, or put the change into an override file of the include"),
                    );
                }
            }
        }
    }
}

fn absolute(folder: &Path, path: &str) -> PathBuf {
    if path.starts_with('/') {
        PathBuf::from(path)
    } else {
        PathBuf::from(super::syntax::path::join(&folder.to_string_lossy(), path))
    }
}

/// Whether two nodes hold the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(k, e)| b.get(k).is_some_and(|other| same(&e.node, &other.node)))
        }
        (a, b) => a == b,
    }
}
