//! Containers that share a namespace or volumes with a container of another service: `network_mode: container:NAME`. The
//! service that has the container is needed by the one that names it, as if the file said so.

use std::collections::BTreeMap;

use crate::config::project::Claims;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::model::addr::Kind;
use crate::model::cycle::cycles;
use crate::model::homelab::{Condition, Homelab};
use crate::model::name::{NodeName, ServiceName};
use crate::model::spec::ContainerRef;

/// A container of one service that shares with one of another.
struct Sharer {
    service: ServiceName,
    /// Its name on the node.
    container: String,
    needed: ServiceName,
}

/// Adds the dependencies that sharing implies. One that would close a cycle is a mistake: neither of the two containers
/// could be there first.
pub(super) fn imply_dependencies(homelab: &mut Homelab, claims: &BTreeMap<ServiceName, Claims>, out: &mut Diagnostics) {
    for sharer in sharers(homelab) {
        let Some(service) = homelab.services.get_mut(&sharer.service) else { continue };
        if service.depends_on.contains_key(&sharer.needed) {
            continue;
        }
        service.depends_on.insert(sharer.needed.clone(), Condition::Started);
        if let Some(cycle) = cycle_through(homelab, &sharer.service) {
            out.push(in_a_cycle(&sharer, &cycle, claims));
            if let Some(service) = homelab.services.get_mut(&sharer.service) {
                service.depends_on.remove(&sharer.needed);
            }
        }
    }
}

fn sharers(homelab: &Homelab) -> Vec<Sharer> {
    let mut named: BTreeMap<(&NodeName, &str), &ServiceName> = BTreeMap::new();
    for service in homelab.services.values() {
        named.extend(service.containers.values().map(|c| ((&service.node, c.spec.name.as_str()), &service.name)));
    }
    let mut found = Vec::new();
    for service in homelab.services.values() {
        for declared in service.containers.values() {
            for (_, at) in declared.spec.shares() {
                let ContainerRef::Name(name) = at else { continue };
                let Some(needed) = named.get(&(&service.node, name.as_str())) else { continue };
                if **needed != service.name {
                    let (container, needed) = (declared.spec.name.clone(), (*needed).clone());
                    found.push(Sharer { service: service.name.clone(), container, needed });
                }
            }
        }
    }
    found
}

/// The services of a cycle that this one is part of.
fn cycle_through(homelab: &Homelab, start: &ServiceName) -> Option<Vec<ServiceName>> {
    let needed = |name: &ServiceName| {
        let service = homelab.services.get(name);
        service.into_iter().flat_map(|s| s.depends_on.keys()).map(|name| (name, ()))
    };
    let found = cycles([start], needed).into_iter().next()?;
    Some(found.into_iter().map(|(name, ())| name.clone()).collect())
}

fn in_a_cycle(sharer: &Sharer, cycle: &[ServiceName], claims: &BTreeMap<ServiceName, Claims>) -> Diagnostic {
    let mut words: Vec<String> = cycle.iter().map(|name| format!("`{name}`")).collect();
    words.extend(words.first().cloned());
    let summary = format!("services depend on one another in a cycle: {}", words.join(" → "));
    let words = format!("shares with a container of `{}`", sharer.needed);
    let diagnostic = Diagnostic::error(Code::DependencyCycle, summary);
    let diagnostic = match place(sharer, claims) {
        Some(span) => diagnostic.at(span, words),
        None => diagnostic.detail(format!("`{}` of `{}` {words}.", sharer.container, sharer.service)),
    };
    diagnostic.hint("put the containers that share with one another into one compose file")
}

fn place(sharer: &Sharer, claims: &BTreeMap<ServiceName, Claims>) -> Option<Span> {
    let names = &claims.get(&sharer.service)?.names;
    names.iter().find(|(kind, name, _)| *kind == Kind::Container && *name == sharer.container).map(|(_, _, span)| *span)
}
