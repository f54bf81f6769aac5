//! The connections of a container: ports, networks, links, names.

use std::collections::BTreeSet;

use super::container::replicas;
use super::conversions::number;
use super::{Builder, entries};
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::spec::{Attachment, ContainerRef, ContainerSpec, NetworkMode, Port};

/// The keys of what belongs to the owner of a network namespace: the engine refuses them for whoever only uses it.
const OF_THE_OWNER: [&str; 6] = ["dns", "expose", "extra_hosts", "hostname", "mac_address", "ports"];

impl Builder<'_> {
    /// Sets all that is about networks.
    pub(super) fn set_network(&mut self, name: &str, service: &Node, spec: &mut ContainerSpec) {
        spec.ports = self.ports(name, service);
        spec.expose = self.expose(service);
        spec.mac_address = self.plain(service.get("mac_address"));
        spec.extra_hosts = self.plain_set(service.get("extra_hosts")).iter().map(|h| h.replacen('=', ":", 1)).collect();
        spec.dns = self.plain_list(service.get("dns"));
        spec.dns_search = self.plain_list(service.get("dns_search"));
        spec.dns_opt = self.plain_list(service.get("dns_opt"));
        spec.network_mode = match self.plain(service.get("network_mode")) {
            Some(mode) => {
                let mode = network_mode(&mode);
                if let NetworkMode::Container(owner) = &mode {
                    self.refuse_what_the_owner_has(service, owner);
                }
                mode
            }
            None => {
                let links = self.links(service);
                self.attach(service, &links, spec)
            }
        };
    }

    /// Reports keys that the engine refuses for a container that uses the network of another one.
    fn refuse_what_the_owner_has(&mut self, service: &Node, owner: &ContainerRef) {
        let Some(mode) = service.get("network_mode") else { return };
        let (ContainerRef::Service(owner) | ContainerRef::Name(owner) | ContainerRef::Gone(owner)) = owner;
        for key in OF_THE_OWNER {
            let Some(node) = service.get(key).filter(|node| !node.is_off()) else { continue };
            let words = format!("no engine takes `{key}` for a container that uses the network of another one");
            let hint = format!("that network is of `{owner}`: write `{key}` there, or remove it");
            let both = Diagnostic::error(Code::Conflict, words).at(node.span, "this").at(mode.span, "and this");
            self.out.push(both.hint(hint));
        }
    }

    fn ports(&mut self, name: &str, service: &Node) -> BTreeSet<Port> {
        let mut ports = BTreeSet::new();
        for node in service.get("ports").and_then(Node::as_list).into_iter().flatten() {
            let Some(target) = number(node.get("target")).and_then(|t| u16::try_from(t).ok()) else {
                let words = "a published port needs a port of the container from 1 to 65535";
                self.out.push(Diagnostic::error(Code::PortSyntax, words).at(node.span, "").hint("write `8080:80`"));
                continue;
            };
            let port = Port {
                target,
                protocol: self.plain(node.get("protocol")).unwrap_or_else(|| "tcp".to_owned()).to_lowercase(),
                host_ip: self.plain(node.get("host_ip")).unwrap_or_default(),
                published: self.plain(node.get("published")).unwrap_or_default(),
            };
            self.made.claims.ports.push((port.clone(), name.to_owned(), node.span));
            ports.insert(port);
        }
        ports
    }

    /// `expose`, each port of a range by itself.
    fn expose(&mut self, service: &Node) -> BTreeSet<String> {
        let mut exposed = BTreeSet::new();
        for node in service.get("expose").and_then(Node::as_list).into_iter().flatten() {
            let Some(text) = self.plain(Some(node)) else { continue };
            match exposed_ports(&text) {
                Some(ports) if self.expand(ports.len() * replicas(service) as usize, node.span).is_some() => {
                    exposed.extend(ports);
                }
                Some(_) => return exposed,
                None => {
                    let words = format!("`expose` cannot be `{text}`");
                    let hint = "write a port such as `8080`, `53/udp` or `3000-3005`";
                    self.out.push(Diagnostic::error(Code::PortSyntax, words).at(node.span, "").hint(hint));
                }
            }
        }
        exposed
    }

    /// Attaches the container to the networks that the service names.
    fn attach(&mut self, service: &Node, links: &BTreeSet<String>, spec: &mut ContainerSpec) -> NetworkMode {
        for (key, entry) in service.get("networks").and_then(Node::as_map).into_iter().flatten() {
            let defined = entries(&self.project.tree, "networks").and_then(|networks| networks.get(key));
            let Some(network) = self.plain(defined.and_then(|e| e.node.get("name"))) else { continue };
            let node = &entry.node;
            let end = Attachment {
                aliases: self.plain_set(node.get("aliases")),
                ipv4_address: self.plain(node.get("ipv4_address")),
                ipv6_address: self.plain(node.get("ipv6_address")),
                link_local_ips: self.plain_set(node.get("link_local_ips")),
                mac_address: self.plain(node.get("mac_address")),
                driver_opts: self.plain_map(node.get("driver_opts")),
                links: links.clone(),
                gw_priority: number(node.get("gw_priority")).unwrap_or(0),
                interface_name: self.plain(node.get("interface_name")),
                priority: number(node.get("priority")).unwrap_or(0),
            };
            spec.networks.insert(network, end);
        }
        if spec.networks.is_empty() { NetworkMode::None } else { NetworkMode::Networks }
    }

    /// Links of the old kind, as Compose spells them out: three names for each container of a linked service.
    fn links(&mut self, service: &Node) -> BTreeSet<String> {
        let mut links = BTreeSet::new();
        for text in self.plain_list(service.get("links")) {
            let (linked, alias) = text.split_once(':').unwrap_or((&text, &text));
            let names = self.container_names(linked);
            let networks = entries_of(service, "networks").max(1);
            let each = names.len().max(1) * networks * replicas(service) as usize;
            if self.expand(each, service.span).is_none() {
                return links;
            }
            for container in names {
                links.insert(format!("{container}:{alias}"));
                links.insert(format!("{container}:{linked}-1"));
                links.insert(format!("{container}:{}", self.container_name(linked, 1)));
            }
        }
        for text in self.plain_list(service.get("external_links")) {
            let (container, alias) = text.split_once(':').unwrap_or((&text, &text));
            links.insert(format!("{container}:{alias}"));
        }
        links
    }
}

/// How many entries a mapping has.
fn entries_of(service: &Node, key: &str) -> usize {
    service.get(key).and_then(Node::as_map).map_or(0, |map| map.len())
}

fn network_mode(mode: &str) -> NetworkMode {
    match mode {
        "host" => NetworkMode::Host,
        "none" => NetworkMode::None,
        "bridge" | "default" => NetworkMode::Bridge,
        _ => container_of(mode).map_or_else(|| NetworkMode::Other(mode.to_owned()), NetworkMode::Container),
    }
}

/// The container whose namespace a mode names: `service:…` or `container:…`.
pub(super) fn container_of(mode: &str) -> Option<ContainerRef> {
    match mode.split_once(':')? {
        ("service", name) => Some(ContainerRef::Service(name.to_owned())),
        ("container", name) => Some(ContainerRef::Name(name.to_owned())),
        _ => None,
    }
}

/// `1000`, `1000/udp`, `2000-2002/tcp` as single ports with their protocol.
fn exposed_ports(text: &str) -> Option<Vec<String>> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let protocol = protocol.to_lowercase();
    let known = matches!(protocol.as_str(), "tcp" | "udp" | "sctp") && first <= last;
    known.then(|| (first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// Whether a value of the tree says that something is made elsewhere.
pub(super) fn is_external(node: &Node) -> bool {
    node.get("external").is_some_and(|e| e.value == Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_exposed_ports() {
        assert_eq!(exposed_ports("80"), Some(vec!["80/tcp".into()]));
        assert_eq!(exposed_ports("20-21/UDP"), Some(vec!["20/udp".into(), "21/udp".into()]));
        for bad in ["", "x", "5-4", "70000", "1/icmp"] {
            assert_eq!(exposed_ports(bad), None, "{bad}");
        }
    }

    #[test]
    fn modes() {
        assert_eq!(network_mode("container:a"), NetworkMode::Container(ContainerRef::Name("a".into())));
        assert_eq!(network_mode("macvlan0"), NetworkMode::Other("macvlan0".into()));
    }
}
