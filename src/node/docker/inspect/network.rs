//! The networking of a container: network mode, endpoints, ports, addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::host::HostConfig;
use super::{ReferenceIndex, api_types, shared, word};
use crate::model::ProjectName;
use crate::model::spec::{Attachment, ContainerSpec, NetworkMode, Port};

/// Driver option that carries the name of the interface.
const INTERFACE: &str = "com.docker.network.endpoint.ifname";

/// Fills in the networks and ports, and gives the ends that belong to networks that are gone.
pub fn read(
    id: &str,
    project: Option<&ProjectName>,
    config: &api_types::Config,
    host: &HostConfig,
    mut endpoints: BTreeMap<String, api_types::Endpoint>,
    around: &ReferenceIndex,
    spec: &mut ContainerSpec,
) -> BTreeMap<String, String> {
    spec.network_mode = mode(project, host.network_mode.as_deref().unwrap_or_default(), &endpoints, around);
    // The end on a network that the mode itself means is no attachment of its own.
    match &spec.network_mode {
        NetworkMode::Bridge => drop(endpoints.remove("bridge")),
        NetworkMode::Host => drop(endpoints.remove("host")),
        NetworkMode::None => drop(endpoints.remove("none")),
        NetworkMode::Networks | NetworkMode::Container(_) | NetworkMode::Other(_) => {}
    }
    let stale = |name: &String, end: &api_types::Endpoint| {
        let id = word(end.network_id.as_ref())?;
        (around.network_id(name) != Some(&id)).then_some(id)
    };
    let gone = endpoints.iter().filter_map(|(name, end)| Some((name.clone(), stale(name, end)?))).collect();
    let attachments = endpoints.into_iter().map(|(name, end)| (name, attachment(id, end)));
    spec.networks = attachments.collect();
    spec.mac_address = word(config.mac_address.as_ref());
    read_ports(config, host, spec);
    gone
}

/// Whose network a container uses. A name of a network is its own namespace, on its networks; clients
/// differ in whether they send the name or the id.
fn mode(
    project: Option<&ProjectName>,
    mode: &str,
    endpoints: &BTreeMap<String, api_types::Endpoint>,
    around: &ReferenceIndex,
) -> NetworkMode {
    match mode {
        // `default` is the default bridge. Without an end on it, somebody has taken the container off.
        "" | "default" | "bridge" if endpoints.contains_key("bridge") => NetworkMode::Bridge,
        "" | "default" | "bridge" => NetworkMode::Networks,
        "host" => NetworkMode::Host,
        "none" => NetworkMode::None,
        // Modes of Podman that are no networks.
        "slirp4netns" | "pasta" | "private" => NetworkMode::Other(mode.to_owned()),
        _ => match shared(mode, project, around) {
            Some(other) => NetworkMode::Container(other),
            None if mode.contains(':') => NetworkMode::Other(mode.to_owned()),
            None => NetworkMode::Networks,
        },
    }
}

fn attachment(id: &str, end: api_types::Endpoint) -> Attachment {
    let ipam = end.ipam_config.unwrap_or_default();
    let mut driver_opts = end.driver_opts.unwrap_or_default();
    let interface_name = driver_opts.remove(INTERFACE);
    // The engine derives the address of an end from its IP address when none is asked for.
    let generated = end.ip_address.as_deref().and_then(derived_mac);
    Attachment {
        aliases: aliases(id, end.aliases.unwrap_or_default()),
        ipv4_address: word(ipam.ipv4_address.as_ref()),
        ipv6_address: word(ipam.ipv6_address.as_ref()),
        link_local_ips: ipam.link_local_ips.unwrap_or_default().into_iter().collect(),
        mac_address: word(end.mac_address.as_ref()).filter(|mac| Some(mac) != generated.as_ref()),
        driver_opts,
        links: end.links.unwrap_or_default().into_iter().collect(),
        gw_priority: end.gw_priority.unwrap_or_default(),
        interface_name,
        priority: 0,
    }
}

/// `02:42` and the four bytes of the address: how the bridge driver makes MAC addresses.
fn derived_mac(ip: &str) -> Option<String> {
    let ip: std::net::Ipv4Addr = ip.parse().ok()?;
    let [a, b, c, d] = ip.octets();
    Some(format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}"))
}

/// The names of an end that somebody asked for. The engine appends the short id, and up to API 1.44
/// the host name after it; what was asked for stands before.
fn aliases(id: &str, aliases: Vec<String>) -> BTreeSet<String> {
    aliases.into_iter().take_while(|alias| alias.len() != 12 || !id.starts_with(alias.as_str())).collect()
}

fn read_ports(config: &api_types::Config, host: &HostConfig, spec: &mut ContainerSpec) {
    for (key, bindings) in host.port_bindings.iter().flatten() {
        let Some((target, protocol)) = port(key) else { continue };
        let none = [api_types::PortBinding::default()];
        let bindings = bindings.as_deref().filter(|b| !b.is_empty()).unwrap_or(&none);
        spec.ports.extend(bindings.iter().map(|binding| Port {
            target,
            protocol: protocol.to_owned(),
            host_ip: word(binding.host_ip.as_ref()).filter(|ip| ip != "0.0.0.0").unwrap_or_default(),
            published: word(binding.host_port.as_ref()).filter(|p| p != "0").unwrap_or_default(),
        }));
    }
    let published =
        |key: &str| port(key).is_some_and(|(t, p)| spec.ports.iter().any(|o| o.target == t && o.protocol == p));
    let exposed = config.exposed_ports.iter().flat_map(BTreeMap::keys).filter(|key| !published(key));
    spec.expose = exposed.map(|key| if key.contains('/') { key.clone() } else { format!("{key}/tcp") }).collect();
}

/// `80/tcp`, or `80`, which means tcp.
fn port(key: &str) -> Option<(u16, &str)> {
    let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    Some((number.parse().ok()?, protocol))
}
