//! The networking of a container: network mode, endpoints, ports.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ALL_NETWORKS, NoBody, has_networks, set, shared_container};
use crate::model::spec::{Attachment, ContainerSpec, NetworkMode};
use crate::node::{ApiVersion, NewContainer};

/// Driver option that carries the name of the interface.
const INTERFACE: &str = "com.docker.network.endpoint.ifname";
/// The engine's own networks, on which nobody can have further names.
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];
/// From this version on an end has a priority as gateway.
const GATEWAY_PRIORITY: ApiVersion = ApiVersion::new(1, 48);

/// `HostConfig.NetworkMode`.
pub fn mode(new: &NewContainer<'_>) -> Result<String, NoBody> {
    Ok(match &new.spec.network_mode {
        NetworkMode::Networks => by_priority(new.spec).first().map_or("none", |(name, _)| name).to_owned(),
        NetworkMode::Bridge => "bridge".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Container(other) => format!("container:{}", shared_container(new, other)?),
        NetworkMode::Other(word) => word.clone(),
    })
}

/// `NetworkingConfig`: older engines take one network here.
pub fn networking_config(spec: &ContainerSpec, api: ApiVersion) -> Option<Value> {
    if !has_networks(spec) {
        return None;
    }
    let given = if api < ALL_NETWORKS { 1 } else { usize::MAX };
    let mut ends = Map::new();
    for (index, (name, attachment)) in by_priority(spec).into_iter().take(given).enumerate() {
        let mut end = endpoint(name, attachment, api);
        if let (0, Some(mac)) = (index, &spec.mac_address)
            && api >= ALL_NETWORKS
            && attachment.mac_address.is_none()
        {
            end["MacAddress"] = mac.as_str().into();
        }
        ends.insert(name.to_owned(), end);
    }
    Some(json!({"EndpointsConfig": ends}))
}

/// The networks that have to be connected once the container is made.
pub fn later_networks(spec: &ContainerSpec, api: ApiVersion) -> Vec<(&str, &Attachment)> {
    match has_networks(spec) && api < ALL_NETWORKS {
        true => by_priority(spec).into_iter().skip(1).collect(),
        false => Vec::new(),
    }
}

/// The networks in Compose's order: by priority, then by name. The first is the primary one.
fn by_priority(spec: &ContainerSpec) -> Vec<(&str, &Attachment)> {
    let mut networks: Vec<_> = spec.networks.iter().map(|(name, end)| (name.as_str(), end)).collect();
    networks.sort_by_key(|(_, end)| Reverse(end.priority));
    networks
}

/// The settings of one end on a network.
pub fn endpoint(network: &str, attachment: &Attachment, api: ApiVersion) -> Value {
    let mut end = Map::new();
    if !PREDEFINED.contains(&network) {
        end.insert("Aliases".to_owned(), json!(attachment.aliases));
    }
    if !attachment.links.is_empty() {
        end.insert("Links".to_owned(), json!(attachment.links));
    }
    let mut ipam = Map::new();
    set(&mut ipam, "IPv4Address", attachment.ipv4_address.clone());
    set(&mut ipam, "IPv6Address", attachment.ipv6_address.clone());
    if !attachment.link_local_ips.is_empty() {
        ipam.insert("LinkLocalIPs".to_owned(), json!(attachment.link_local_ips));
    }
    if !ipam.is_empty() {
        end.insert("IPAMConfig".to_owned(), ipam.into());
    }
    set(&mut end, "MacAddress", attachment.mac_address.clone());
    let mut options: BTreeMap<&str, &str> =
        attachment.driver_opts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if let Some(name) = &attachment.interface_name {
        options.insert(INTERFACE, name);
    }
    if !options.is_empty() {
        end.insert("DriverOpts".to_owned(), json!(options));
    }
    if api >= GATEWAY_PRIORITY && attachment.gw_priority != 0 {
        end.insert("GwPriority".to_owned(), attachment.gw_priority.into());
    }
    end.into()
}

/// `ExposedPorts`: what is published and what is only exposed, every range as its single ports.
pub fn exposed_ports(spec: &ContainerSpec) -> Value {
    let published = spec.ports.iter().map(|port| format!("{}/{}", port.target, port.protocol));
    published.chain(spec.exposed_ports()).map(|port| (port, json!({}))).collect::<Map<_, _>>().into()
}

/// `HostConfig.PortBindings`.
pub fn port_bindings(spec: &ContainerSpec) -> Value {
    let mut bindings: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for port in &spec.ports {
        let binding = json!({"HostIp": port.host_ip, "HostPort": port.published});
        bindings.entry(format!("{}/{}", port.target, port.protocol)).or_default().push(binding);
    }
    json!(bindings)
}
