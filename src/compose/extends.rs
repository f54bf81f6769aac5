//! `extends`: a service that starts from another one, of the same file or of another.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::load::{Depth, Loader, Scope};
use super::paths::Base;
use super::reset::Resets;
use super::syntax::path as text_path;
use super::{merge, paths};
use crate::compose::yaml::{Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};

/// A file that services extend: its services in the long form, with paths as seen from the extending file.
pub(super) struct Extended {
    services: Map,
    resets: Resets,
}

/// What `extends` names.
struct Target {
    service: String,
    file: Option<(String, Span)>,
    span: Span,
}

/// The services that extend one another down to here: file, name, and where it says so.
type Chain = Vec<(PathBuf, String, Span)>;

impl Loader<'_> {
    /// Replaces each service of a document that extends another by the result.
    pub fn extend_all(&mut self, path: &Path, document: &mut Node, scope: &Scope, resets: &Resets) {
        let Some(services) = document.get("services").and_then(Node::as_map) else { return };
        let mut extended = Vec::new();
        for (name, entry) in services {
            if entry.node.get("extends").is_none() {
                continue;
            }
            let mut chain = Chain::new();
            if let Some(service) = self.extend(name, services, path, scope, std::slice::from_ref(resets), &mut chain) {
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
        &mut self,
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
        let target = self.target(&extends.node, extends.key_span)?;
        if let Some(start) = chain.iter().position(|(file, service, _)| file == path && service == name) {
            self.circle(&chain[start..], name);
            return None;
        }
        chain.push((path.to_owned(), name.to_owned(), target.span));
        let base = match &target.file {
            None => {
                self.find(&target.service, services, target.span)?;
                self.extend(&target.service, services, path, scope, resets, chain)?
            }
            Some((file, span)) => {
                let (path, extended) = self.extended_file(file, *span, scope)?;
                self.find(&target.service, &extended.services, target.span)?;
                let mut resets = resets.to_vec();
                resets.push(extended.resets.clone());
                let base = self.extend(&target.service, &extended.services, &path, scope, &resets, chain)?;
                return self.merged(name, base, service, &resets);
            }
        };
        self.merged(name, base, service, resets)
    }

    fn merged(&mut self, name: &str, mut base: Node, service: &Node, resets: &[Resets]) -> Option<Node> {
        if base.is_null() {
            return Some(service.clone());
        }
        if !matches!(base.value, Value::Map(_)) {
            let words = format!("service `{name}` extends {}", base.kind());
            self.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(base.span, "a service is a mapping"));
            return None;
        }
        resets.iter().for_each(|r| r.apply_to_service(name, &mut base));
        let mut merged = merge::extend(base, service.clone(), &mut self.diagnostics);
        merged.span = service.span;
        if let Some(map) = merged.as_map_mut() {
            map.shift_remove("extends");
        }
        Some(merged)
    }

    fn target(&mut self, extends: &Node, key_span: Span) -> Option<Target> {
        let wrong = |loader: &mut Self, span| {
            let words = "`extends` takes a service, or a mapping with `service` and `file`";
            loader.diagnostics.push(Diagnostic::error(Code::WrongType, words).at(span, ""));
            None
        };
        match &extends.value {
            Value::Text(service) => Some(Target { service: service.clone(), file: None, span: extends.span }),
            Value::Map(map) => {
                let Some(service) = map.get("service") else {
                    let diagnostic = Diagnostic::error(Code::MissingKey, "`extends` has no `service`");
                    self.diagnostics
                        .push(diagnostic.at(key_span, "").hint("name the service that this one starts from"));
                    return None;
                };
                let Some(name) = service.node.as_text() else { return wrong(self, service.node.span) };
                let file = match map.get("file").map(|e| &e.node) {
                    None => None,
                    Some(node) if node.is_null() => None,
                    Some(node) => match node.as_text() {
                        Some(file) => Some((file.to_owned(), node.span)),
                        None => return wrong(self, node.span),
                    },
                };
                Some(Target { service: name.to_owned(), file, span: service.node.span })
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
                wrong(self, extends.span)
            }
        }
    }

    /// Reports a service that is not there.
    fn find(&mut self, name: &str, services: &Map, span: Span) -> Option<()> {
        if services.contains_key(name) {
            return Some(());
        }
        let diagnostic =
            Diagnostic::error(Code::UndefinedReference, format!("no service `{name}` to extend")).at(span, "");
        self.diagnostics.push(match did_you_mean(name, services.keys().map(String::as_str)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
        None
    }

    /// The services of another file, and its path.
    fn extended_file(&mut self, file: &str, span: Span, scope: &Scope) -> Option<(PathBuf, Rc<Extended>)> {
        if is_remote(file) {
            self.refuse_remote(file, span);
            return None;
        }
        let path = scope.folder.join(file);
        let key = (scope.id, path.clone());
        let extended = match self.extended.get(&key) {
            Some(known) => known.clone(),
            None => {
                let base = self.folder_seen_from(&path, &scope.folder);
                let extended = self.read_extended(&path, &base, span, scope).map(Rc::new);
                self.extended.insert(key, extended.clone());
                extended
            }
        };
        Some((path, extended?))
    }

    fn read_extended(&mut self, path: &Path, base: &str, span: Span, scope: &Scope) -> Option<Extended> {
        let documents = self.documents(path, Some(span))?;
        let (model, resets) = self.file(path, documents, scope, Depth::Base, None);
        let mut model = model?;
        let base = Base { dir: base, home: self.home.as_deref() };
        paths::resolve(&mut model, base, &mut self.diagnostics);
        match model.as_map_mut().and_then(|m| m.shift_remove("services")).map(|e| e.node.value) {
            Some(Value::Map(services)) => Some(Extended { services, resets }),
            _ => {
                let words = format!("{} has no services to extend", self.files.shown(path).display());
                self.diagnostics.push(Diagnostic::error(Code::UndefinedReference, words).at(span, ""));
                None
            }
        }
    }

    /// The folder of a file (or a folder itself), relative to `from`.
    pub fn folder_seen_from(&self, path: &Path, from: &Path) -> String {
        let is_folder = self.files.kind(path) == crate::compose::reader::Kind::Folder;
        let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
        text_path::relative(&from.to_string_lossy(), &folder.to_string_lossy())
    }

    /// Reports a file that is somewhere in the net.
    pub fn refuse_remote(&mut self, target: &str, span: Span) {
        let words = format!("`{target}` is not on this disk, and hl fetches no Compose files");
        let diagnostic = Diagnostic::error(Code::UnsupportedKey, words).at(span, "");
        self.diagnostics.push(diagnostic.hint("put a copy into the repository"));
    }

    fn circle(&mut self, chain: &[(PathBuf, String, Span)], name: &str) {
        // Every service of a circle leads into it; it is said from the one that is first by name.
        if chain.iter().any(|(file, other, _)| (file, other.as_str()) < (&chain[0].0, name)) {
            return;
        }
        let names: Vec<&str> = chain.iter().map(|(_, n, _)| n.as_str()).chain([name]).collect();
        let words = format!("services extend one another in a circle: {}", names.join(" → "));
        let diagnostic = Diagnostic::error(Code::IncludeCycle, words).hint("take one of the `extends` out");
        self.diagnostics
            .push(chain.iter().fold(diagnostic, |d, (_, name, span)| d.at(*span, format!("`{name}` extends this"))));
    }
}

/// Whether Compose would fetch a file from a git or image registry.
pub(super) fn is_remote(file: &str) -> bool {
    ["oci:", "https://", "http://", "git://", "ssh://", "github.com/", "git@"].iter().any(|p| file.starts_with(p))
}
