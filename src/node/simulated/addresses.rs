//! Subnets of networks and addresses of running containers, as the engine gives them out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::super::error::ErrorKind;
use super::world::World;
use crate::model::spec::{IpamPool, NetworkSpec, Subnet};

impl World {
    /// Gives a new network the subnet that it asks for, or the first of the engine's own that is free.
    pub(super) fn give_subnet(&self, spec: &mut NetworkSpec) -> Result<(), ErrorKind> {
        let taken: Vec<Subnet> = self.networks.values().filter_map(|network| subnet(&network.spec)).collect();
        let is_free = |wanted: Subnet| !taken.iter().any(|other| other.overlaps(wanted));
        match subnet(spec) {
            Some(wanted) if is_free(wanted) => Ok(()),
            Some(_) => Err(ErrorKind::Engine {
                status: 403,
                message: "Pool overlaps with other one on this address space".to_owned(),
            }),
            None => {
                let own = (17..32).map(|second| format!("172.{second}.0.0/16"));
                let own = own.chain((0..16).map(|third| format!("192.168.{}.0/20", third * 16)));
                let full = "could not find an available, non-overlapping IPv4 address pool among the defaults to \
                            assign to the network";
                let free = { own }
                    .find(|own| Subnet::parse(own).is_some_and(is_free))
                    .ok_or_else(|| ErrorKind::Engine { status: 404, message: full.to_owned() })?;
                spec.ipam_pools = vec![IpamPool { subnet: Some(free), ..IpamPool::default() }];
                Ok(())
            }
        }
    }

    /// Gives a container that starts, or that is connected while it runs, an address on each of its networks.
    pub(super) fn give_addresses(&mut self, container: &str) -> Result<(), ErrorKind> {
        // A container that ended by itself has no address any more.
        let containers = &self.containers;
        for given in self.addresses.values_mut() {
            given.retain(|holder, _| containers.get(holder).is_some_and(|c| c.status.is_up()));
        }
        let ends = self.ends.get(container).cloned().unwrap_or_default();
        for (name, network) in ends {
            let given = self.addresses.get(&network);
            if given.is_some_and(|given| given.contains_key(container)) {
                continue;
            }
            let taken: BTreeSet<Ipv4Addr> = given.into_iter().flat_map(|given| given.values().copied()).collect();
            let Some(range) = self.networks.get(&network).and_then(|network| subnet(&network.spec)) else { continue };
            let end = self.containers.get(container).and_then(|live| live.spec.networks.get(&name));
            let fixed = end.and_then(|end| end.ipv4_address.as_ref()?.parse::<Ipv4Addr>().ok());
            let free = || range.further_hosts().filter_map(ipv4).find(|address| !taken.contains(address));
            let address = match fixed {
                Some(fixed) if taken.contains(&fixed) => None,
                Some(fixed) => Some(fixed),
                None => free(),
            };
            let Some(address) = address else {
                self.take_addresses(container);
                return Err(ErrorKind::Engine { status: 403, message: "Address already in use".to_owned() });
            };
            self.addresses.entry(network).or_default().insert(container.to_owned(), address);
        }
        Ok(())
    }

    /// Takes the addresses of a container that stops.
    pub(super) fn take_addresses(&mut self, container: &str) {
        for given in self.addresses.values_mut() {
            given.remove(container);
        }
    }
}

/// The IPv4 subnet of a network, if it has one.
fn subnet(spec: &NetworkSpec) -> Option<Subnet> {
    let subnet = Subnet::parse(spec.ipam_pools.first()?.subnet.as_deref()?)?;
    subnet.first_host().is_some_and(|host| host.is_ipv4()).then_some(subnet)
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Simulated;
    use super::super::tests::{new_container, spec};
    use super::*;
    use crate::model::NodeName;
    use crate::model::spec::{Attachment, NetworkMode};
    use crate::node::Node;

    fn network(name: &str, subnet: Option<&str>) -> NetworkSpec {
        let pool = |subnet: &str| IpamPool { subnet: Some(subnet.to_owned()), ..IpamPool::default() };
        NetworkSpec { name: name.to_owned(), ipam_pools: subnet.map(pool).into_iter().collect(), ..Default::default() }
    }

    #[tokio::test]
    async fn subnets_do_not_overlap_and_an_automatic_one_takes_what_is_free() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        node.create_network(&network("fixed", Some("172.17.0.0/24"))).await.unwrap();
        let automatic = node.create_network(&network("automatic", None)).await.unwrap();
        let given = node.world().networks[&automatic].spec.ipam_pools[0].subnet.clone();
        assert_eq!(given.as_deref(), Some("172.18.0.0/16"));
        let refused = node.create_network(&network("late", Some("172.18.5.0/24"))).await.unwrap_err();
        assert!(refused.to_string().contains("Pool overlaps"), "{refused}");
    }

    #[tokio::test]
    async fn an_address_belongs_to_one_container_at_a_time() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        node.create_network(&network("lan", Some("10.0.0.0/24"))).await.unwrap();
        for (name, address) in [("automatic", None), ("fixed", Some("10.0.0.2".to_owned()))] {
            let end = Attachment { ipv4_address: address, ..Attachment::default() };
            let networks = [("lan".to_owned(), end)].into();
            let spec =
                crate::model::spec::ContainerSpec { networks, network_mode: NetworkMode::Networks, ..spec("any:1") };
            node.pull_image(&spec.image, None, &|_| {}).await.unwrap();
            node.create_container(&new_container(name, &spec)).await.unwrap();
        }
        node.start_container("automatic").await.unwrap();
        let refused = node.start_container("fixed").await.unwrap_err();
        assert!(refused.to_string().contains("Address already in use"), "{refused}");
        node.stop_container("automatic").await.unwrap();
        node.start_container("fixed").await.unwrap();
    }
}
