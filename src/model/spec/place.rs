//! The specs of what a container lives in: networks, volumes, directories, files.

use std::collections::BTreeMap;

use crate::model::value::Text;

/// A network that hl makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// A volume that hl makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// A directory that hl makes on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectorySpec {
    /// Its absolute path.
    pub path: String,
    /// `user:group` in numbers; absent leaves the owner alone.
    pub owner: Option<String>,
    /// Mode bits; absent leaves an existing one alone and makes a new one 0755.
    pub mode: Option<u32>,
}

/// A file that hl writes on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Its absolute path.
    pub path: String,
    /// What is to be in it.
    pub content: FileContent,
    /// Mode bits.
    pub mode: u32,
    /// `user:group` in numbers; absent leaves the owner alone.
    pub owner: Option<String>,
}

/// What is to be in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// These bytes, and nothing else.
    Exactly(Vec<u8>),
    /// An env file that has at least these variables; what is there stays as it is.
    /// A value that apply has to make first (`env.generate`) is `None`.
    Variables(BTreeMap<String, Option<Text>>),
}
