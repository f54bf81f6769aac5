//! Env files and label files: read, and folded into the `environment` and `labels` of each service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::budget::Weight;
use super::loader::Loader;
use super::syntax::scalar;
use super::variables::{FromFiles, Origin, Variables};
use crate::compose::reader::{Kind, ReadError};
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, Visibility};
use crate::envfile::template::{Chained, Lookup, Nothing};
use crate::envfile::{self, Assignments, Outside, Sealed};

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
/// them comes from `outside` first, then from the files before, and `after` what the file itself has set.
pub(super) fn env_files(
    loader: &mut Loader<'_>,
    files: &[(PathBuf, Option<Span>)],
    outside: &Variables,
    after: &dyn Lookup,
) -> Option<FromFiles> {
    let mut set = FromFiles::default();
    for (path, reference) in files {
        let before = Chained { first: outside, second: &set.values };
        let wanted =
            EnvFile { path: path.clone(), reference: *reference, format: Format::Quoted, named_by: NamedBy::Project };
        let assignments = env_file(loader, &wanted, Outside { before: &before, after })?;
        set.is_private |= loader.files.visibility(path) == Visibility::Secret;
        if let Some(nameless) = assignments.get("") {
            let diagnostic = Diagnostic::error(Code::EnvFileSyntax, "a value without a name");
            loader.diagnostics.push(diagnostic.at(nameless.value_span, "").hint("a line is `NAME=value`"));
        }
        for (name, assignment) in assignments {
            match assignment.is_rootless {
                true => drop(set.rootless.insert(name.clone())),
                false => drop(set.rootless.remove(&name)),
            }
            set.values.insert(name, assignment.value);
        }
    }
    Some(set)
}

/// The way that the values of an env file are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// That of `.env`.
    Quoted,
    /// As they stand.
    Raw,
}

/// The key that names an env file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamedBy {
    /// `env_file` of a service, where a file may be missing.
    Service,
    /// `label_file` of a service.
    Labels,
    /// `env_file` of an include, an option, or nobody.
    Project,
}

/// An env file, and where it is named.
struct EnvFile {
    path: PathBuf,
    reference: Option<Span>,
    format: Format,
    named_by: NamedBy,
}

fn env_file(loader: &mut Loader<'_>, wanted: &EnvFile, outside: Outside<'_>) -> Option<Assignments> {
    if wanted.reference.is_some() {
        loader.named_env_files.insert(wanted.path.clone());
    }
    // That of a folder is read once for each file that is included from there, which is counted.
    if wanted.reference.is_some() {
        loader.budget.file(wanted.reference, &mut loader.diagnostics)?;
    }
    match loader.files.load(&wanted.path, Visibility::Secret) {
        Ok(file) => {
            let text = loader.files.text(file);
            if let Some((sealed, at)) = Sealed::of(text.as_bytes()) {
                let shown = loader.files.shown(&wanted.path);
                let words = format!("env file {} is encrypted by {sealed}", shown.display());
                let hint = format!(
                    "decrypt it (`{}`), or keep what is secret in secrets.env, which hl decrypts",
                    sealed.command(&shown.to_string_lossy())
                );
                let diagnostic = Diagnostic::error(Code::StillEncrypted, words).at(Span::new(file, at, at), "");
                loader.diagnostics.push(diagnostic.detail("Containers would get it as it is.").hint(hint));
                return None;
            }
            let mut said = Diagnostics::default();
            let assignments = match wanted.format {
                Format::Quoted => envfile::parse(&text, file, outside, &mut said),
                Format::Raw => envfile::raw::parse(&text, file, &outside, &mut said),
            };
            let is_news = said.has_errors() || loader.checked_env_file.as_ref() != Some(&wanted.path);
            let bytes = assignments.iter().map(|(name, assignment)| name.len() + assignment.value.len()).sum();
            let place = wanted.reference.unwrap_or(Span::new(file, 0, 0));
            loader.spend(Weight { nodes: assignments.len(), bytes }, place)?;
            loader.diagnostics.extend(if is_news { said } else { Diagnostics::default() });
            Some(assignments)
        }
        Err(error) => {
            no_env_file(loader, &error, wanted);
            None
        }
    }
}

fn no_env_file(loader: &mut Loader<'_>, error: &ReadError, wanted: &EnvFile) {
    let shown = loader.files.shown(&wanted.path);
    let what = if wanted.named_by == NamedBy::Labels { "label file" } else { "env file" };
    let hint = match wanted.named_by {
        NamedBy::Service => "create it, or write `required: false` beside its `path`",
        NamedBy::Labels => "create it, or take it out of `label_file`",
        NamedBy::Project if wanted.reference.is_some() => "create it, or take it out of `env_file`",
        NamedBy::Project => "create it, or check the path",
    };
    let diagnostic = error.of(&format!("{what} {}", shown.display()), hint);
    loader.diagnostics.push(match wanted.reference {
        Some(span) => diagnostic.at(span, "named here"),
        None => diagnostic,
    });
}

/// Folds env files and label files into every service, and gives variables without a value theirs.
pub(super) fn fold_files(loader: &mut Loader<'_>, model: &mut Node, variables: &Variables) {
    for service in services(model) {
        fold_env_files(loader, service, variables);
        fold_label_files(loader, service, variables);
    }
}

fn fold_env_files(loader: &mut Loader<'_>, service: &mut Map, variables: &Variables) {
    let mut values = BTreeMap::new();
    let mut folded = Map::default();
    for (wanted, file) in env_file_entries(loader, service.shift_remove("env_file")) {
        if loader.files.kind(&wanted.path) == Kind::Missing && file == Presence::Optional {
            continue;
        }
        // Here a file before counts more than what is outside.
        let seen = Chained { first: &values, second: variables };
        let Some(assignments) = env_file(loader, &wanted, Outside { before: &seen, after: &Nothing }) else { continue };
        let origin = origin(loader, &wanted.path);
        if let Some(nameless) = assignments.get("") {
            let words = "a value without a name, which no engine takes";
            let diagnostic = Diagnostic::warning(Code::SurprisingValue, words).at(nameless.value_span, "");
            loader.diagnostics.push(diagnostic.hint("a line is `NAME=value`; nothing may follow a closing quote"));
        }
        for (name, assignment) in assignments {
            let taint = variables.taint(origin, &name, &assignment.value);
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

/// The origin of what is in a file that is named: its variables can be made public only if the file is.
fn origin(loader: &Loader<'_>, path: &Path) -> Origin {
    match loader.files.visibility(path) {
        Visibility::Public => Origin::EnvFile,
        Visibility::Secret => Origin::PrivateFile,
    }
}

fn fold_label_files(loader: &mut Loader<'_>, service: &mut Map, variables: &Variables) {
    // The key stays: the hashes of newer Composes are made with it, though what it names is folded in.
    let Some(files) = service.get("label_file").cloned() else { return };
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut folded = Map::default();
    let items = match files.node.value {
        Value::List(items) => items,
        _ => vec![files.node],
    };
    for item in items {
        let Some(path) = item.as_text() else { continue };
        let wanted = EnvFile {
            path: path.into(),
            reference: Some(item.span),
            format: Format::Quoted,
            named_by: NamedBy::Labels,
        };
        let Some(assignments) = env_file(loader, &wanted, Outside { before: &values, after: &Nothing }) else {
            continue;
        };
        let origin = origin(loader, &wanted.path);
        for (name, assignment) in assignments {
            let taint = variables.taint(origin, &name, &assignment.value);
            let node = Node { taint, ..Node::text(assignment.value.clone(), assignment.value_span) };
            folded.insert(name.clone(), Entry { key_span: assignment.name_span, node });
            values.insert(name, assignment.value);
        }
    }
    let own = service.shift_remove("labels");
    let key_span = own.as_ref().map(|e| (e.key_span, e.node.span));
    folded.extend(own.map(|e| into_variables(e.node)).into_iter().flatten());
    put(service, "labels", folded, key_span);
}

/// Each file that `env_file` names, and whether it must be there.
fn env_file_entries(loader: &mut Loader<'_>, entry: Option<Entry>) -> Vec<(EnvFile, Presence)> {
    let Some(Entry { node: Node { value: Value::List(items), .. }, .. }) = entry else { return Vec::new() };
    let mut files = Vec::new();
    for item in items {
        let Some(path) = item.get("path").and_then(Node::as_text) else { continue };
        let span = item.get("path").map_or(item.span, |p| p.span);
        let format = match item.get("format").map(|f| (f.span, f.as_text())) {
            None | Some((_, Some("" | ".env"))) => Format::Quoted,
            Some((_, Some("raw"))) => Format::Raw,
            Some((place, _)) => {
                let diagnostic = Diagnostic::error(Code::InvalidValue, "no such `format` of env files").at(place, "");
                let hint =
                    "leave it out for the format of `.env`, or write `raw` for values that are taken as they stand";
                loader.diagnostics.push(diagnostic.hint(hint));
                continue;
            }
        };
        let required = item.get("required").is_none_or(|r| r.value != Value::Bool(false));
        let wanted = EnvFile { path: path.into(), reference: Some(span), format, named_by: NamedBy::Service };
        files.push((wanted, if required { Presence::Required } else { Presence::Optional }));
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
