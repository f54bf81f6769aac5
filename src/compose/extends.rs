//! `extends`: a service that starts from another one, of the same file or of another.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::budget::{MOST_EXTENDING, Weight};
use super::loader::{Extended, Loader, Scope, is_remote};
use super::paths::Base;
use super::reset::Resets;
use super::{document, merge, paths};
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};

/// The service that `extends` names.
struct Target {
    service: String,
    file: Option<(String, Span)>,
    span: Span,
}

/// The services that extend one another down to here: file, name, and where it says so.
type Chain = Vec<(PathBuf, String, Span)>;

/// Replaces each service of a document that extends another by the result.
pub(super) fn extend_all(loader: &mut Loader<'_>, path: &Path, document: &mut Node, scope: &Scope, resets: &Resets) {
    let Some(services) = document.get("services").and_then(Node::as_map) else { return };
    let mut extended = Vec::new();
    for (name, entry) in services {
        if entry.node.get("extends").is_none() {
            continue;
        }
        if loader.budget.is_spent() {
            return;
        }
        let mut chain = Chain::new();
        if let Some(service) = extend(loader, name, services, path, scope, std::slice::from_ref(resets), &mut chain) {
            extended.push((name.clone(), service));
        }
    }
    let services = document.as_map_mut().and_then(|d| d.get_mut("services")).and_then(|s| s.node.as_map_mut());
    if let Some(services) = services {
        for (name, service) in extended {
            if let Some(entry) = services.get_mut(&name) {
                entry.node = service;
            }
        }
    }
}

/// The service `name` of `services` with all that it extends; none if that has been reported.
fn extend(
    loader: &mut Loader<'_>,
    name: &str,
    services: &Map,
    path: &Path,
    scope: &Scope,
    resets: &[Resets],
    chain: &mut Chain,
) -> Option<Node> {
    let service = &services.get(name)?.node;
    if service.is_null() {
        return Some(service.clone());
    }
    let Some(extends) = service.as_map()?.get("extends") else { return Some(service.clone()) };
    let target = target(loader, &extends.node, extends.key_span)?;
    if let Some(start) = chain.iter().position(|(file, service, _)| file == path && service == name) {
        report_cycle(loader, &chain[start..], name);
        return None;
    }
    if chain.len() == MOST_EXTENDING {
        let words = format!("more than {MOST_EXTENDING} services extend one another down to here");
        let diagnostic = Diagnostic::error(Code::TooDeep, words).at(target.span, "the limit is crossed here");
        loader.diagnostics.push(diagnostic.hint("let services extend one that they have in common"));
        loader.budget.end();
        return None;
    }
    chain.push((path.to_owned(), name.to_owned(), target.span));
    let base = match &target.file {
        None => {
            find(loader, &target.service, services, target.span)?;
            extend(loader, &target.service, services, path, scope, resets, chain)?
        }
        Some((file, span)) => {
            let (path, extended) = extended_file(loader, file, *span, scope)?;
            find(loader, &target.service, &extended.services, target.span)?;
            let mut resets = resets.to_vec();
            resets.push(extended.resets.clone());
            let base = extend(loader, &target.service, &extended.services, &path, scope, &resets, chain)?;
            return merged(loader, name, base, service, &resets);
        }
    };
    merged(loader, name, base, service, resets)
}

fn merged(loader: &mut Loader<'_>, name: &str, mut base: Node, service: &Node, resets: &[Resets]) -> Option<Node> {
    if base.is_null() {
        return Some(service.clone());
    }
    if !matches!(base.value, Value::Map(_)) {
        let words = format!("service `{name}` extends {}", base.kind());
        loader.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(base.span, "a service is a mapping"));
        return None;
    }
    loader.spend(Weight::of(&base), service.span)?;
    resets.iter().for_each(|r| r.apply_to_service(name, &mut base));
    let mut merged = merge::extend(base, service.clone(), &mut loader.diagnostics);
    merged.span = service.span;
    if let Some(map) = merged.as_map_mut() {
        map.shift_remove("extends");
    }
    Some(merged)
}

fn target(loader: &mut Loader<'_>, extends: &Node, key_span: Span) -> Option<Target> {
    let wrong = |loader: &mut Loader<'_>, span| {
        let words = "`extends` takes a service, or a mapping with `service` and `file`";
        loader.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(span, ""));
        None
    };
    match &extends.value {
        Value::Text(service) => Some(Target { service: service.clone(), file: None, span: extends.span }),
        Value::Map(map) => {
            let Some(service) = map.get("service") else {
                let diagnostic = Diagnostic::error(Code::MissingKey, "`extends` has no `service`");
                loader.diagnostics.push(diagnostic.at(key_span, "").hint("name the service that this one starts from"));
                return None;
            };
            let Some(name) = service.node.as_text() else { return wrong(loader, service.node.span) };
            let file = match map.get("file").map(|e| &e.node) {
                None => None,
                Some(node) if node.is_null() => None,
                Some(node) => match node.as_text() {
                    Some(file) => Some((file.to_owned(), node.span)),
                    None => return wrong(loader, node.span),
                },
            };
            Some(Target { service: name.to_owned(), file, span: service.node.span })
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => wrong(loader, extends.span),
    }
}

/// Reports a service that is not there.
fn find(loader: &mut Loader<'_>, name: &str, services: &Map, span: Span) -> Option<()> {
    if services.contains_key(name) {
        return Some(());
    }
    let diagnostic = Diagnostic::error(Code::UndefinedReference, format!("no service `{name}` to extend")).at(span, "");
    loader.diagnostics.push(match did_you_mean(name, services.keys().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    });
    None
}

/// The services of another file, and its path.
fn extended_file(loader: &mut Loader<'_>, file: &str, span: Span, scope: &Scope) -> Option<(PathBuf, Rc<Extended>)> {
    if is_remote(file) {
        loader.refuse_remote(file, span);
        return None;
    }
    let path = scope.folder.join(file);
    let key = (scope.id, path.clone());
    let extended = match loader.extended.get(&key) {
        Some(known) => known.clone(),
        None => {
            let base = loader.folder_seen_from(&path, &scope.folder);
            let extended = read_extended(loader, &path, &base, span, scope).map(Rc::new);
            loader.extended.insert(key, extended.clone());
            extended
        }
    };
    Some((path, extended?))
}

fn read_extended(loader: &mut Loader<'_>, path: &Path, base: &str, span: Span, scope: &Scope) -> Option<Extended> {
    let documents = loader.documents(path, Some(span))?;
    let (mut model, mut resets) = (None, Resets::default());
    for mut document in documents {
        let Some(of_document) = document::prepare(loader, &mut document, &scope.variables) else {
            (model, resets) = (None, Resets::default());
            continue;
        };
        let base = document::base_of(&document, model, &of_document);
        let merged = document::merge(loader, base, document);
        (model, resets) = (document::complete(loader, merged), of_document);
    }
    let mut model = model?;
    let base = Base { dir: base, home: loader.home.as_deref() };
    paths::resolve(&mut model, base, &mut loader.diagnostics);
    match model.as_map_mut().and_then(|m| m.shift_remove("services")).map(|e| e.node.value) {
        Some(Value::Map(services)) => Some(Extended { services, resets }),
        _ => {
            let words = format!("{} has no services to extend", loader.files.shown(path).display());
            loader.diagnostics.push(Diagnostic::error(Code::UndefinedReference, words).at(span, ""));
            None
        }
    }
}

fn report_cycle(loader: &mut Loader<'_>, chain: &[(PathBuf, String, Span)], name: &str) {
    // Every service of a cycle leads into it; it is said from the one that is first by name.
    if chain.iter().any(|(file, other, _)| (file, other.as_str()) < (&chain[0].0, name)) {
        return;
    }
    let names: Vec<&str> = chain.iter().map(|(_, n, _)| n.as_str()).chain([name]).collect();
    let words = format!("services extend one another in a cycle: {}", names.join(" → "));
    let diagnostic = Diagnostic::error(Code::IncludeCycle, words).hint("take one of the `extends` out");
    loader
        .diagnostics
        .push(chain.iter().fold(diagnostic, |d, (_, name, span)| d.at(*span, format!("`{name}` extends this"))));
}
