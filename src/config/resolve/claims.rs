//! Claims that only one service of a machine can hold: published ports, projects, names of containers, networks,
//! volumes.

use std::collections::BTreeMap;

use crate::config::project::Claims;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::model::addr::Kind;
use crate::model::homelab::{Homelab, RunState, Service};
use crate::model::name::{NodeName, ServiceName};
use crate::model::spec::Port;

/// A port that somebody publishes.
struct Published<'a> {
    service: &'a Service,
    container: &'a str,
    port: &'a Port,
    number: u16,
    span: Span,
}

/// Reports what two services of one node claim.
pub(super) fn check(homelab: &Homelab, claims: &BTreeMap<ServiceName, Claims>, out: &mut Diagnostics) {
    let mut by_node: BTreeMap<&NodeName, Vec<(&Service, &Claims)>> = BTreeMap::new();
    for (name, claims) in claims {
        if let Some(service) = homelab.services.get(name) {
            by_node.entry(&service.node).or_default().push((service, claims));
        }
    }
    for (node, services) in by_node {
        ports(node, &services, out);
        names(node, &services, out);
        projects(node, &services, out);
    }
}

fn ports(node: &NodeName, services: &[(&Service, &Claims)], out: &mut Diagnostics) {
    let mut seen: BTreeMap<(u16, &str), Ports<'_>> = BTreeMap::new();
    for (service, claims) in services.iter().filter(|(service, _)| service.state == RunState::Running) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for container in service.containers.values() {
            *counts.entry(container.compose_service.as_str()).or_default() += 1;
        }
        for (port, container, span) in &claims.ports {
            // A free one, or one of a range that the engine chooses from, is nobody's in particular.
            let Ok(number) = port.published.parse::<u16>() else { continue };
            if number == 0 {
                continue;
            }
            let here = Published { service, container, port, number, span: *span };
            several(&here, counts.get(container.as_str()).copied().unwrap_or(0), node, out);
            let there = seen.entry((number, port.protocol.as_str())).or_default();
            if let Some(first) = there.clash_of(&here) {
                out.push(clash(first, &here, node));
            }
            there.push(here);
        }
    }
}

/// The publishers of a port, in the order found and by address: one port may have thousands of addresses.
#[derive(Default)]
struct Ports<'a> {
    all: Vec<Published<'a>>,
    by_address: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Ports<'a> {
    fn push(&mut self, published: Published<'a>) {
        self.by_address.entry(&published.port.host_ip).or_default().push(self.all.len());
        self.all.push(published);
    }

    /// The first one that clashes with another.
    fn clash_of(&self, other: &Published<'_>) -> Option<&Published<'a>> {
        match other.port.host_ip.as_str() {
            // These meet all others, or all of their family.
            "" | "0.0.0.0" | "::" => self.all.iter().find(|there| there.clashes_with(other)),
            address => {
                let meeting = ["", "0.0.0.0", "::", address].into_iter().filter_map(|a| self.by_address.get(a));
                let first = meeting.flatten().copied().filter(|i| self.all[*i].clashes_with(other)).min();
                first.map(|index| &self.all[index])
            }
        }
    }
}

impl Published<'_> {
    fn clashes_with(&self, other: &Published<'_>) -> bool {
        let same = self.number == other.number && self.port.protocol == other.port.protocol;
        same && addresses_meet(&self.port.host_ip, &other.port.host_ip) && self.span != other.span
    }

    fn text(&self) -> String {
        let address = match self.port.host_ip.as_str() {
            "" => String::new(),
            ip if ip.contains(':') => format!("[{ip}]:"),
            ip => format!("{ip}:"),
        };
        format!("{address}{}/{}", self.number, self.port.protocol)
    }
}

/// Whether two addresses of one machine cannot both have a port. None at all is every address of either family.
fn addresses_meet(a: &str, b: &str) -> bool {
    let is_v6 = |ip: &str| ip.contains(':');
    match (a, b) {
        ("", _) | (_, "") => true,
        (a, b) if is_v6(a) != is_v6(b) => false,
        ("0.0.0.0" | "::", _) | (_, "0.0.0.0" | "::") => true,
        (a, b) => a == b,
    }
}

/// Several containers of one service cannot publish one port.
fn several(here: &Published<'_>, count: usize, node: &NodeName, out: &mut Diagnostics) {
    if count > 1 {
        let words = format!("{count} containers of `{}` publish port {} of `{node}`", here.container, here.text());
        let hint = "publish a range with a port for each, such as `8080-8081:80`, or run one container";
        out.push(Diagnostic::error(Code::PortClaimedTwice, words).at(here.span, "").hint(hint));
    }
}

fn clash(first: &Published<'_>, here: &Published<'_>, node: &NodeName) -> Diagnostic {
    let (one, two) = (&first.service.name, &here.service.name);
    let words = match one == two {
        true => format!("`{one}` publishes port {} of `{node}` twice", here.text()),
        false => format!("`{one}` and `{two}` both publish port {} of `{node}`", here.text()),
    };
    let who = |p: &Published<'_>| match p.container == p.service.name.as_str() {
        true => format!("`{}`", p.container),
        false => format!("`{}` of `{}`", p.container, p.service.name),
    };
    Diagnostic::error(Code::PortClaimedTwice, words)
        .at(here.span, who(here))
        .at(first.span, who(first))
        .hint("publish another port in one of the two, or bind them to different addresses")
}

fn names(node: &NodeName, services: &[(&Service, &Claims)], out: &mut Diagnostics) {
    let mut seen: BTreeMap<(Kind, &str), (&Service, Span)> = BTreeMap::new();
    for (service, claims) in services {
        for (kind, name, span) in &claims.names {
            let Some((first, place)) = seen.insert((*kind, name), (service, *span)) else { continue };
            // One project means one name for all that has none of its own; that they are one is said below.
            if first.name != service.name && first.project == service.project && *kind != Kind::Container {
                continue;
            }
            let words = match first.name == service.name {
                true => format!("`{}` has two {kind}s called `{name}`", service.name),
                false => {
                    format!("`{}` and `{}` both have a {kind} called `{name}` on `{node}`", first.name, service.name)
                }
            };
            let hint = match kind {
                Kind::Container => "give one of them another `container_name`, or none",
                _ => {
                    "give one of them another `name`; to share it, let one declare it and write `external: true` in the other"
                }
            };
            let diagnostic = Diagnostic::error(Code::NameClaimedTwice, words);
            out.push(diagnostic.at(*span, "here").at(place, "and here").hint(hint));
        }
    }
}

fn projects(node: &NodeName, services: &[(&Service, &Claims)], out: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, (&Service, Option<Span>)> = BTreeMap::new();
    for (service, claims) in services {
        let Some((first, place)) = seen.insert(service.project.as_str(), (service, claims.project)) else { continue };
        let words = format!(
            "`{}` and `{}` are one Compose project on `{node}`: `{}`",
            first.name, service.name, service.project
        );
        let detail = "Each would take the containers of the other for its own.";
        let mut diagnostic = Diagnostic::error(Code::NameClaimedTwice, words).detail(detail);
        for (place, words) in [(claims.project, "here"), (place, "and here")] {
            if let Some(place) = place {
                diagnostic = diagnostic.at(place, words);
            }
        }
        out.push(diagnostic.hint("write another `name:` at the top of one of the compose files"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_meet() {
        for (a, b, meet) in [
            ("", "127.0.0.1", true),
            ("", "::1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "192.168.1.2", false),
            ("0.0.0.0", "::", false),
            ("::", "::1", true),
        ] {
            assert_eq!(addresses_meet(a, b), meet, "{a} {b}");
            assert_eq!(addresses_meet(b, a), meet, "{b} {a}");
        }
    }
}
