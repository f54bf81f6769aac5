//! Cycles of dependencies between the services of a project.

use std::collections::BTreeMap;

use crate::compose::yaml::{Map, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// How far the walk has come with a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnPath,
    Done,
}

/// Says each cycle once, with the line of each of its dependencies.
pub(super) fn check(services: &Map, diagnostics: &mut Diagnostics) {
    let mut names: Vec<&str> = services.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut seen = BTreeMap::new();
    for name in names {
        walk(name, services, &mut Vec::new(), &mut seen, diagnostics);
    }
}

/// A service on the way, with the place that leads on from it.
type Step<'a> = (&'a str, Span);

fn walk<'a>(
    name: &'a str,
    services: &'a Map,
    path: &mut Vec<Step<'a>>,
    seen: &mut BTreeMap<&'a str, Seen>,
    diagnostics: &mut Diagnostics,
) {
    if seen.contains_key(name) {
        return;
    }
    seen.insert(name, Seen::OnPath);
    let dependencies = services.get(name).and_then(|s| s.node.get("depends_on")).and_then(Node::as_map);
    let mut sorted: Vec<_> = dependencies.into_iter().flatten().filter(|(d, _)| services.contains_key(*d)).collect();
    sorted.sort_unstable_by_key(|(dependency, _)| dependency.as_str());
    for (dependency, entry) in sorted {
        path.push((name, entry.key_span));
        match seen.get(dependency.as_str()) {
            Some(Seen::OnPath) => diagnostics.push(describe(path, dependency)),
            Some(Seen::Done) => {}
            None => walk(dependency, services, path, seen, diagnostics),
        }
        path.pop();
    }
    seen.insert(name, Seen::Done);
}

fn describe(path: &[Step<'_>], back_to: &str) -> Diagnostic {
    let start = path.iter().position(|(name, _)| *name == back_to).unwrap_or(0);
    let cycle = &path[start..];
    let names: Vec<&str> = cycle.iter().map(|(name, _)| *name).chain([back_to]).collect();
    let summary = format!("services depend on one another in a cycle: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::error(Code::DependencyCycle, summary).hint("remove one of these dependencies");
    for ((name, span), next) in cycle.iter().zip(&names[1..]) {
        diagnostic = diagnostic.at(*span, format!("{name} needs {next}"));
    }
    diagnostic
}
