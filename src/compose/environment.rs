//! Env files and label files: read, and folded into the `environment` and `labels` of each service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::loader::Loader;
use super::syntax::scalar;
use super::variables::{Origin, Variables};
use crate::compose::reader::{Kind, ReadError};
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span, Visibility};
use crate::envfile::template::{Chained, Lookup};
use crate::envfile::{self, Assignments};

/// Gives names without a value in lists of variables theirs: those of the files that are read now, which for an
/// included file are more than those of the project.
pub(super) fn resolve_names(model: &mut Node, variables: &Variables) {
    for service in services(model) {
        let Some(environment) = service.get_mut("environment") else { continue };
        let Value::List(items) = &mut environment.node.value else { continue };
        for item in items {
            let Some((name, (value, taint))) = item.as_text().and_then(|n| variables.get(n).map(|v| (n, v))) else {
                continue;
            };
            (item.value, item.taint) = (Value::Text(format!("{name}={value}")), taint);
        }
    }
}

/// Every service that is a mapping.
fn services(model: &mut Node) -> impl Iterator<Item = &mut Map> {
    let map = model.as_map_mut().and_then(|m| m.get_mut("services")).and_then(|e| e.node.as_map_mut());
    map.into_iter().flat_map(|m| m.values_mut()).filter_map(|e| e.node.as_map_mut())
}

/// The variables that env files set together: a later file wins, but what is looked up while reading
/// them comes from `outside` first, then from the files before.
pub(super) fn env_files(
    loader: &mut Loader<'_>,
    files: &[(PathBuf, Option<Span>)],
    outside: &Variables,
) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (path, reference) in files {
        let seen = Chained { first: outside, second: &values };
        let assignments = env_file(loader, path, *reference, &seen)?;
        if let Some(nameless) = assignments.get("") {
            let diagnostic = Diagnostic::error(Code::EnvFileSyntax, "a value without a name");
            loader.diagnostics.push(diagnostic.at(nameless.value_span, "").hint("a line is `NAME=value`"));
        }
        values.extend(assignments.into_iter().map(|(name, a)| (name, a.value)));
    }
    Some(values)
}

fn env_file(
    loader: &mut Loader<'_>,
    path: &Path,
    reference: Option<Span>,
    outside: &dyn Lookup,
) -> Option<Assignments> {
    if reference.is_some() {
        loader.named_env_files.insert(path.to_owned());
    }
    match loader.files.load(path, Visibility::Secret) {
        Ok(file) => {
            let text = loader.files.text(file);
            Some(envfile::parse(&text, file, outside, &mut loader.diagnostics))
        }
        Err(error) => {
            no_env_file(loader, &error, path, reference);
            None
        }
    }
}

fn no_env_file(loader: &mut Loader<'_>, error: &ReadError, path: &Path, reference: Option<Span>) {
    let shown = loader.files.shown(path);
    let diagnostic = Diagnostic::error(Code::MissingFile, format!("env file {} {error}", shown.display()));
    loader.diagnostics.push(match reference {
        Some(span) => diagnostic.at(span, "named here").hint("create it, or write `required: false` beside its `path`"),
        None => diagnostic.hint("create it, or check the path"),
    });
}

/// Folds env files and label files into every service, and gives variables without a value theirs.
pub(super) fn fold_files(loader: &mut Loader<'_>, model: &mut Node, variables: &Variables) {
    for service in services(model) {
        fold_env_files(loader, service, variables);
        fold_label_files(loader, service);
    }
}

fn fold_env_files(loader: &mut Loader<'_>, service: &mut Map, variables: &Variables) {
    let mut values = BTreeMap::new();
    let mut folded = Map::default();
    for (path, span, file) in env_file_entries(loader, service.shift_remove("env_file")) {
        if loader.files.kind(&path) == Kind::Missing && file == Presence::Optional {
            continue;
        }
        // Here a file before counts more than what is outside.
        let seen = Chained { first: &values, second: variables };
        let Some(assignments) = env_file(loader, &path, Some(span), &seen) else { continue };
        if let Some(nameless) = assignments.get("") {
            let words = "a value without a name, which no engine takes";
            let diagnostic = Diagnostic::warning(Code::SurprisingValue, words).at(nameless.value_span, "");
            loader.diagnostics.push(diagnostic.hint("a line is `NAME=value`; nothing may follow a closing quote"));
        }
        for (name, assignment) in assignments {
            let taint = variables.taint(Origin::EnvFile, &name, &assignment.value);
            let node = Node { taint, ..Node::text(assignment.value.clone(), assignment.value_span) };
            folded.insert(name.clone(), Entry { key_span: assignment.name_span, node });
            values.insert(name, assignment.value);
        }
    }
    let own = service.shift_remove("environment");
    let key_span = own.as_ref().map(|e| (e.key_span, e.node.span));
    for (name, mut entry) in own.map(|e| into_variables(e.node)).into_iter().flatten() {
        if entry.node.is_null()
            && let Some((value, taint)) = variables.get(&name)
        {
            (entry.node.value, entry.node.taint) = (Value::Text(value.to_owned()), taint);
        }
        folded.insert(name, entry);
    }
    put(service, "environment", folded, key_span);
}

fn fold_label_files(loader: &mut Loader<'_>, service: &mut Map) {
    let Some(files) = service.shift_remove("label_file") else { return };
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut folded = Map::default();
    let items = match files.node.value {
        Value::List(items) => items,
        _ => vec![files.node],
    };
    for item in items {
        let Some(path) = item.as_text() else { continue };
        let Some(assignments) = env_file(loader, Path::new(path), Some(item.span), &values) else { continue };
        for (name, assignment) in assignments {
            let node = Node::text(assignment.value.clone(), assignment.value_span);
            folded.insert(name.clone(), Entry { key_span: assignment.name_span, node });
            values.insert(name, assignment.value);
        }
    }
    let own = service.shift_remove("labels");
    let key_span = own.as_ref().map(|e| (e.key_span, e.node.span));
    folded.extend(own.map(|e| into_variables(e.node)).into_iter().flatten());
    put(service, "labels", folded, key_span);
}

/// Path, place and presence of each entry of `env_file`.
fn env_file_entries(loader: &mut Loader<'_>, entry: Option<Entry>) -> Vec<(PathBuf, Span, Presence)> {
    let Some(Entry { node: Node { value: Value::List(items), .. }, .. }) = entry else { return Vec::new() };
    let mut files = Vec::new();
    for item in items {
        let Some(path) = item.get("path").and_then(Node::as_text) else { continue };
        let span = item.get("path").map_or(item.span, |p| p.span);
        if let Some(format) = item.get("format")
            && format.as_text().is_none_or(|f| !f.is_empty())
        {
            let diagnostic = Diagnostic::error(Code::InvalidValue, "no such `format` of env files").at(format.span, "");
            loader.diagnostics.push(diagnostic.hint("leave it out: the format of `.env` is the only one"));
        }
        let required = item.get("required").is_none_or(|r| r.value != Value::Bool(false));
        files.push((PathBuf::from(path), span, if required { Presence::Required } else { Presence::Optional }));
    }
    files
}

/// Whether a file must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// Variables by name out of either form; one without a value is null.
fn into_variables(node: Node) -> Map {
    match node.value {
        Value::Map(mut map) => {
            for entry in map.values_mut() {
                if let Some(text) = scalar::scalar_text(&entry.node.value) {
                    entry.node.value = Value::Text(text);
                }
            }
            map
        }
        Value::List(items) => items
            .into_iter()
            .filter_map(|item| {
                let text = scalar::scalar_text(&item.value)?;
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Value::Text(value.to_owned())),
                    None => (text.as_str(), Value::Null),
                };
                let node = Node { value, ..item };
                Some((name.to_owned(), Entry { key_span: node.span, node }))
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => Map::default(),
    }
}

fn put(service: &mut Map, key: &str, values: Map, spans: Option<(Span, Span)>) {
    let Some((key_span, span)) = spans.or_else(|| values.values().next().map(|e| (e.key_span, e.node.span))) else {
        return;
    };
    service.insert(key.to_owned(), Entry { key_span, node: Node::new(Value::Map(values), span) });
}
