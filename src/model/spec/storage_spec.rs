//! The specs of what a container lives in: networks, volumes, directories, files.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
use crate::model::value::Text;

/// A network that hl makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSpec {
    /// Its real name.
    pub name: String,
    /// Driver; absent is the engine's default (`bridge`).
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether single containers may join it.
    pub attachable: bool,
    /// Whether it has IPv6.
    pub enable_ipv6: Option<bool>,
    /// Whether it has IPv4.
    pub enable_ipv4: Option<bool>,
    /// Driver of the address management; absent is the engine's default.
    pub ipam_driver: Option<String>,
    /// Address pools; none leaves the choice to the engine.
    pub ipam_pools: Vec<IpamPool>,
    /// The user's labels.
    pub labels: BTreeMap<String, Text>,
    /// Compose's own labels; written at creation, not compared.
    pub compose_labels: BTreeMap<String, String>,
}

/// One address pool of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct IpamPool {
    /// `address/bits`.
    pub subnet: Option<String>,
    /// Part of the subnet that containers get addresses from.
    pub ip_range: Option<String>,
    /// Address of the gateway.
    pub gateway: Option<String>,
    /// Addresses that are taken, by name.
    pub aux_addresses: BTreeMap<String, String>,
}

impl IpamPool {
    /// Whether the engine would choose this gateway by itself: the first address of the range or of
    /// the subnet. Newer engines show it although nobody asked for it.
    pub fn is_default_gateway(&self, gateway: &str) -> bool {
        let first = |range: &Option<String>| Subnet::parse(range.as_deref()?)?.first_host();
        let gateway = gateway.parse::<IpAddr>().ok();
        gateway.is_some() && (gateway == first(&self.ip_range) || gateway == first(&self.subnet))
    }
}

/// A volume that hl makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSpec {
    /// Its real name.
    pub name: String,
    /// Driver; absent is `local`.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, Text>,
    /// The user's labels.
    pub labels: BTreeMap<String, Text>,
    /// Compose's own labels; written at creation, not compared.
    pub compose_labels: BTreeMap<String, String>,
}

/// The owner that a directory gets when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FirstOwner {
    /// The user who makes it.
    #[default]
    Maker,
    /// `user:group` in numbers.
    Ids(String),
    /// The user who makes it, although a container writes to it as this one, whose number only its image knows.
    Named(String),
}

/// A directory that hl makes on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectorySpec {
    /// Its absolute path.
    pub path: String,
    /// `user:group` in numbers; absent leaves the owner alone.
    pub owner: Option<String>,
    /// The owner of one that is not there yet; whoever it belongs to later is right.
    pub first_owner: FirstOwner,
    /// Mode bits; absent leaves an existing one alone and makes a new one 0755.
    pub mode: Option<u32>,
}

/// A file that hl writes on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Its absolute path.
    pub path: String,
    /// The declared content.
    pub content: FileContent,
    /// Mode bits.
    pub mode: u32,
    /// `user:group` in numbers; absent leaves the owner alone.
    pub owner: Option<String>,
}

/// The declared content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// These bytes, and nothing else.
    Exactly(Vec<u8>),
    /// These bytes, and nothing else; nobody may see them.
    Secret(Vec<u8>),
    /// An env file that has at least these variables; what is there stays as it is.
    Variables(BTreeMap<String, Variable>),
}

/// A variable that an env file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// With this value if it has none yet.
    Is(Text),
    /// With this one if it has none yet, or an empty one. It comes from where secrets are kept.
    Secret(Text),
    /// With this one: the one that it has is an earlier one of those, which hl wrote.
    Renewed(Text),
    /// With a value that apply makes if it has none yet: this many random letters and digits.
    Generated {
        /// How many.
        length: u32,
    },
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileContent::Exactly(bytes) => write!(f, "Exactly({:?})", String::from_utf8_lossy(bytes)),
            FileContent::Secret(bytes) => write!(f, "Secret({} bytes)", bytes.len()),
            FileContent::Variables(variables) => f.debug_tuple("Variables").field(variables).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_gateway_is_the_first_address() {
        let pool = |subnet: &str| IpamPool { subnet: Some(subnet.to_owned()), ..Default::default() };
        assert!(pool("172.30.99.0/24").is_default_gateway("172.30.99.1"));
        assert!(!pool("172.30.99.0/24").is_default_gateway("172.30.99.254"));
        assert!(pool("2001:db8:77::/64").is_default_gateway("2001:db8:77::1"));
        assert!(!pool("what/ever").is_default_gateway(""));
    }
}
