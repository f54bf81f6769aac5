//! Things that only one of two can have: ports, addresses, subnets.

use crate::model::spec::{Attachment, NetworkSpec, Port, Subnet};

/// Whether two ends of one network have a fixed address in common.
pub(super) fn meet(a: &Attachment, b: &Attachment) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    same(&a.ipv4_address, &b.ipv4_address) || same(&a.ipv6_address, &b.ipv6_address)
}

/// Whether two published ports cannot both be had.
pub(super) fn overlap(a: &Port, b: &Port) -> bool {
    let everywhere = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    let one = |text: &str| text.parse::<u16>().ok().filter(|p| *p != 0);
    let same_ip = a.host_ip == b.host_ip || everywhere(&a.host_ip) || everywhere(&b.host_ip);
    let same_port = one(&a.published).is_some_and(|p| Some(p) == one(&b.published));
    a.protocol == b.protocol && same_ip && same_port
}

/// Whether an end of a network has an address that somebody chose.
pub(super) fn is_fixed(end: &Attachment) -> bool {
    end.ipv4_address.is_some() || end.ipv6_address.is_some()
}

/// The first subnet of a network that another network cannot have beside it. Drivers of their own may share ranges; the
/// engine refuses one that is a part of another all the same.
pub(super) fn shared_subnet<'n>(a: &'n NetworkSpec, b: &NetworkSpec) -> Option<&'n str> {
    let is_default = |driver: &Option<String>, default: &str| driver.as_deref().is_none_or(|driver| driver == default);
    if !is_default(&a.ipam_driver, "default") || !is_default(&b.ipam_driver, "default") {
        return None;
    }
    let are_bridges = is_default(&a.driver, "bridge") && is_default(&b.driver, "bridge");
    let ranges = |network: &NetworkSpec| -> Vec<Subnet> {
        network.ipam_pools.iter().filter_map(|pool| Subnet::parse(pool.subnet.as_deref()?)).collect()
    };
    let others = ranges(b);
    let subnets = a.ipam_pools.iter().filter_map(|pool| pool.subnet.as_deref());
    let taken = |own: Subnet| others.iter().any(|other| own.overlaps(*other) && (are_bridges || own != *other));
    subnets.into_iter().find(|subnet| Subnet::parse(subnet).is_some_and(taken))
}
