//! Networks and volumes, which the containers of a project share.

use super::conversions::{flag, text_map};
use super::network::is_external;
use super::{Builder, entries};
use crate::compose::yaml::Node;
use crate::model::Text;
use crate::model::addr::Kind;
use crate::model::homelab::{Network, Volume};
use crate::model::spec::{IpamPool, NetworkSpec, VolumeSpec};

impl Builder<'_> {
    /// Adds the networks.
    pub(super) fn networks(&mut self) {
        for (key, entry) in entries(&self.project.tree, "networks").into_iter().flatten() {
            let node = &entry.node;
            let Some(name) = self.plain(node.get("name")) else { continue };
            self.check_network_name(node, node.get("name").map_or(entry.key_span, |n| n.span));
            let network = if is_external(node) {
                Network::External { name }
            } else {
                let span = node.get("name").map_or(entry.key_span, |n| n.span);
                self.made.claims.names.push((Kind::Network, name.clone(), span));
                Network::Own(self.network(key, name, node))
            };
            self.made.networks.insert(key.clone(), network);
        }
    }

    fn network(&mut self, key: &str, name: String, node: &Node) -> NetworkSpec {
        let ipam = node.get("ipam");
        let pools = ipam.and_then(|i| i.get("config")).and_then(Node::as_list);
        let pools = pools.into_iter().flatten().map(|pool| IpamPool {
            subnet: self.plain(pool.get("subnet")),
            ip_range: self.plain(pool.get("ip_range")),
            gateway: self.plain(pool.get("gateway")),
            aux_addresses: self.plain_map(pool.get("aux_addresses")),
        });
        NetworkSpec {
            name,
            ipam_pools: pools.collect(),
            ipam_driver: self.plain(ipam.and_then(|i| i.get("driver"))),
            driver: self.plain(node.get("driver")),
            driver_opts: self.plain_map(node.get("driver_opts")),
            internal: flag(node.get("internal")),
            attachable: flag(node.get("attachable")),
            enable_ipv6: node.get("enable_ipv6").map(|n| flag(Some(n))),
            enable_ipv4: node.get("enable_ipv4").map(|n| flag(Some(n))),
            labels: text_map(node.get("labels")),
            compose_labels: self.shared_labels("network", key),
        }
    }

    /// Adds the volumes.
    pub(super) fn volumes(&mut self) {
        for (key, entry) in entries(&self.project.tree, "volumes").into_iter().flatten() {
            let node = &entry.node;
            let Some(name) = self.plain(node.get("name")) else { continue };
            let volume = if is_external(node) {
                Volume::External { name }
            } else {
                let span = node.get("name").map_or(entry.key_span, |n| n.span);
                self.check_volume_name(node, span);
                self.made.claims.names.push((Kind::Volume, name.clone(), span));
                let mut driver_opts = text_map(node.get("driver_opts"));
                // An option of a volume that is a path of the machine.
                let device = driver_opts.get("device").and_then(Text::expose).filter(|path| path.starts_with('~'));
                if let Some(device) = device.map(str::to_owned).and_then(|path| self.host_path(path, node)) {
                    driver_opts.insert("device".to_owned(), Text::plain(device));
                }
                Volume::Own(VolumeSpec {
                    name,
                    driver: self.plain(node.get("driver")),
                    driver_opts,
                    labels: text_map(node.get("labels")),
                    compose_labels: self.shared_labels("volume", key),
                })
            };
            self.made.volumes.insert(key.clone(), volume);
        }
    }
}
