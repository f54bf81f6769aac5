//! Ranges of addresses.

use core::net::IpAddr;

/// A range of addresses, as `address/bits` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    family: Family,
    first: u128,
    last: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Subnet {
    /// Reads `address/bits`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (family, address, width) = match address.parse().ok()? {
            IpAddr::V4(address) => (Family::V4, u128::from(u32::from(address)), 32_u32),
            IpAddr::V6(address) => (Family::V6, u128::from(address), 128),
        };
        let hosts = 1_u128.checked_shl(width.checked_sub(bits)?).map_or(u128::MAX, |size| size - 1);
        let first = address & !hosts;
        Some(Self { family, first, last: first | hosts })
    }

    /// Whether two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.family == other.family && self.first <= other.last && other.first <= self.last
    }

    /// The first address that is not the network itself.
    pub fn first_host(self) -> Option<IpAddr> {
        self.address(self.first | 1)
    }

    /// The addresses after that one, which is usually the gateway's.
    pub fn further_hosts(self) -> impl Iterator<Item = IpAddr> {
        (self.first.saturating_add(2)..=self.last).filter_map(move |address| self.address(address))
    }

    fn address(self, bits: u128) -> Option<IpAddr> {
        match self.family {
            Family::V4 => u32::try_from(bits).ok().map(|bits| IpAddr::V4(bits.into())),
            Family::V6 => Some(IpAddr::V6(bits.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_if_one_is_in_the_other() {
        let overlap = |a, b| Subnet::parse(a).unwrap().overlaps(Subnet::parse(b).unwrap());
        for (a, b, expected) in [
            ("10.0.0.0/16", "10.0.1.0/24", true),
            ("10.0.1.0/24", "10.0.0.0/16", true),
            ("10.0.1.5/24", "10.0.1.200/32", true),
            ("10.0.1.0/24", "10.0.2.0/24", false),
            ("0.0.0.0/0", "1.2.3.4/32", true),
            ("fd00::/64", "fd00::1:0/112", true),
            ("fd00::/64", "fd00:0:0:1::/64", false),
            ("::/0", "10.0.0.0/8", false),
        ] {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "x/8", "::1/129"] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
        assert_eq!(Subnet::parse("10.0.1.7/24").unwrap().first_host(), "10.0.1.1".parse().ok());
        assert_eq!(Subnet::parse("fd00::/64").unwrap().first_host(), "fd00::1".parse().ok());
    }
}
