//! `include`: other Compose files whose services, networks, volumes, configs and secrets join those of a file.

use std::path::{Path, PathBuf};

use super::budget::MOST_INCLUDING;
use super::loader::{Documents, Loader, Scope, is_remote};
use super::reset::Resets;
use super::variables::Variables;
use super::{environment, merge};
use crate::compose::reader::Kind;
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::envfile::template::Nothing;

/// The parts of a model that are taken over.
const RESOURCES: [&str; 5] = ["services", "volumes", "networks", "secrets", "configs"];

/// One entry of `include`.
#[derive(Default)]
pub(super) struct Include {
    /// The files, of which those after the first override it.
    paths: Vec<(String, Span)>,
    project_directory: Option<String>,
    env_files: Vec<(String, Span)>,
}

/// Takes the entries of `include` out of a document, each with its place.
pub(super) fn take(loader: &mut Loader<'_>, document: &mut Node) -> Vec<(Include, Span)> {
    let Some(include) = document.as_map_mut().and_then(|map| map.shift_remove("include")) else { return Vec::new() };
    let items = match include.node.value {
        Value::Null => return Vec::new(),
        Value::List(items) => items,
        _ => {
            wrong_include(loader, include.node.span);
            return Vec::new();
        }
    };
    items.iter().filter_map(|item| Some((read_include(loader, item)?, item.span))).collect()
}

fn wrong_include(loader: &mut Loader<'_>, span: Span) {
    let words = "`include` takes a list of paths, or of mappings with `path`, `project_directory` and `env_file`";
    loader.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(span, ""));
}

fn read_include(loader: &mut Loader<'_>, item: &Node) -> Option<Include> {
    let mut include = Include::default();
    match &item.value {
        Value::Text(path) => include.paths.push((path.clone(), item.span)),
        Value::Map(map) => {
            for (key, entry) in map {
                match key.as_str() {
                    "path" => include.paths = include_texts(loader, &entry.node)?,
                    "env_file" => include.env_files = include_texts(loader, &entry.node)?,
                    "project_directory" => {
                        include.project_directory = include_texts(loader, &entry.node)?.pop().map(|t| t.0)
                    }
                    // Compose passes over what it does not know here.
                    _ => {}
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
            wrong_include(loader, item.span);
            return None;
        }
    }
    Some(include)
}

fn include_texts(loader: &mut Loader<'_>, node: &Node) -> Option<Vec<(String, Span)>> {
    let text = |n: &Node| n.as_text().map(|t| (t.to_owned(), n.span));
    let texts = match &node.value {
        Value::Null => Some(Vec::new()),
        Value::Text(_) => text(node).map(|t| vec![t]),
        Value::List(items) => items.iter().map(text).collect(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Map(_) => None,
    };
    if texts.is_none() {
        wrong_include(loader, node.span);
    }
    texts
}

/// The files of an entry with their documents, and the scope that they are loaded in.
pub(super) fn open(
    loader: &mut Loader<'_>,
    include: Include,
    span: Span,
    scope: &Scope,
    including: &[PathBuf],
) -> Option<(Documents, Scope)> {
    if let Some((path, span)) = include.paths.iter().find(|(p, _)| is_remote(p)) {
        loader.refuse_remote(path, *span);
        return None;
    }
    let files: Vec<(PathBuf, Option<Span>)> =
        include.paths.iter().map(|(p, span)| (absolute(&scope.folder, p), Some(*span))).collect();
    let Some((main, _)) = files.first() else {
        let diagnostic = Diagnostic::error(Code::MissingKey, "an entry of `include` has no `path`");
        loader.diagnostics.push(diagnostic.at(span, ""));
        return None;
    };
    let (base, folder) = match include.project_directory.as_deref() {
        None | Some("") => (loader.folder_seen_from(main, &scope.folder), main.parent().unwrap_or(main).to_owned()),
        Some(folder) if folder.starts_with('/') => (folder.to_owned(), PathBuf::from(folder)),
        Some(folder) => {
            let path = absolute(&scope.folder, folder);
            (loader.folder_seen_from(&path, &scope.folder), path)
        }
    };
    if let Some(start) = including.iter().position(|p| p == main) {
        let names = including[start..].iter().chain([main]).map(|p| loader.files.shown(p).display().to_string());
        let words = format!("files include one another in a cycle: {}", names.collect::<Vec<_>>().join(" → "));
        let diagnostic = Diagnostic::error(Code::IncludeCycle, words).at(span, "");
        loader.diagnostics.push(diagnostic.hint("take one of the `include` entries out"));
        return None;
    }
    if including.len() >= MOST_INCLUDING {
        let words = format!("more than {MOST_INCLUDING} files include one another down to here");
        let diagnostic = Diagnostic::error(Code::TooDeep, words).at(span, "the limit is crossed here");
        loader.diagnostics.push(diagnostic.hint("include the files side by side, from one file"));
        return None;
    }
    let variables = included_variables(loader, &include, &folder, scope)?;
    let mut parsed = Vec::new();
    for (path, reference) in files {
        let documents = loader.documents(&path, reference)?;
        parsed.push((path, documents));
    }
    loader.scopes += 1;
    Some((parsed, Scope { id: loader.scopes, base, folder, variables, including: including.to_vec() }))
}

/// The variables of an included file: those of the including one, then its own env files.
fn included_variables(loader: &mut Loader<'_>, include: &Include, folder: &Path, scope: &Scope) -> Option<Variables> {
    let own = folder.join(".env");
    let env_files: Vec<(PathBuf, Option<Span>)> = if include.env_files.is_empty() {
        if loader.files.kind(&own) == Kind::File { vec![(own, None)] } else { Vec::new() }
    } else {
        // The null device stands for no file, on every machine.
        let named = include.env_files.iter().filter(|(f, _)| f != "/dev/null");
        named.map(|(f, span)| (absolute(&scope.folder, f), Some(*span))).collect()
    };
    let mut variables = scope.variables.clone();
    if !env_files.is_empty() {
        variables.push_files(environment::env_files(loader, &env_files, &scope.variables, &Nothing)?);
    }
    Some(variables)
}

/// Takes the resources of an included model over. One that the including document has as well lies over the included one,
/// as an override file would; `resets` are the keys of the included ones that the document resets.
pub(super) fn import(loader: &mut Loader<'_>, model: Node, document: &mut Node, resets: &Resets) {
    let (Value::Map(mut model), Some(target)) = (model.value, document.as_map_mut()) else { return };
    for kind in RESOURCES {
        let Some(Entry { key_span, node: Node { value: Value::Map(imported), .. } }) = model.shift_remove(kind) else {
            continue;
        };
        let empty = Entry { key_span, node: Node::new(Value::Map(Map::default()), key_span) };
        let Value::Map(there) = &mut target.entry(kind.to_owned()).or_insert(empty).node.value else { continue };
        for (name, entry) in imported {
            let Some(own) = there.get_mut(&name) else {
                there.insert(name, entry);
                continue;
            };
            if !same(&own.node, &entry.node) {
                let own_node = std::mem::replace(&mut own.node, Node::new(Value::Null, own.key_span));
                own.node = overlaid(loader, kind, &name, entry.node, own_node, resets);
            }
        }
    }
}

/// A resource of an included file with that of the including document over it.
fn overlaid(loader: &mut Loader<'_>, kind: &str, name: &str, included: Node, own: Node, resets: &Resets) -> Node {
    let place = own.span;
    let mut base = alone(kind, name, included);
    resets.apply(&mut base);
    let mut merged = merge::merge(base, alone(kind, name, own), &mut loader.diagnostics);
    let resource = merged.get_mut(kind).and_then(|all| all.get_mut(name)).map(Node::take);
    resource.unwrap_or_else(|| Node::new(Value::Null, place))
}

/// A document with nothing but one resource.
fn alone(kind: &str, name: &str, node: Node) -> Node {
    let place = node.span;
    let within = |key: &str, node: Node| {
        Node::new(Value::Map(Map::from_iter([(key.to_owned(), Entry { key_span: place, node })])), place)
    };
    within(kind, within(name, node))
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
