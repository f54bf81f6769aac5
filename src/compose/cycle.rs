//! Cycles of dependencies between the services of a project.

use crate::compose::yaml::{Map, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::model::cycle::cycles;

/// Says each cycle once, with the line of each of its dependencies.
pub(super) fn check(services: &Map, diagnostics: &mut Diagnostics) {
    let mut names: Vec<&str> = services.keys().map(String::as_str).collect();
    names.sort_unstable();
    let dependencies = |name: &str| {
        let all = services.get(name).and_then(|s| s.node.get("depends_on")).and_then(Node::as_map);
        let there = all.into_iter().flatten().filter(|(needed, _)| services.contains_key(*needed));
        let mut sorted: Vec<(&str, Span)> = there.map(|(needed, entry)| (needed.as_str(), entry.key_span)).collect();
        sorted.sort_unstable_by_key(|(needed, _)| *needed);
        sorted.into_iter()
    };
    cycles(names, dependencies).iter().for_each(|cycle| diagnostics.push(describe(cycle)));
}

fn describe(cycle: &[(&str, Span)]) -> Diagnostic {
    let names: Vec<&str> = cycle.iter().chain(cycle.first()).map(|(name, _)| *name).collect();
    let summary = format!("services depend on one another in a cycle: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::error(Code::DependencyCycle, summary).hint("remove one of these dependencies");
    for ((name, span), next) in cycle.iter().zip(&names[1..]) {
        diagnostic = diagnostic.at(*span, format!("{name} needs {next}"));
    }
    diagnostic
}
