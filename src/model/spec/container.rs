//! The spec of a container.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::hashed::HashedConfig;
use super::image_ref::ImageRef;
use crate::model::typed::{ContainerRef, Device, DeviceRequest, Mount, MountKind};
use crate::model::value::Text;

/// Everything that decides what a container is. Absent means "as the image or the engine has it".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// The final name.
    pub name: String,
    /// The image as the compose file writes it.
    pub image: ImageRef,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Arguments; `Some` of nothing clears the image's.
    pub command: Option<Vec<Text>>,
    /// Entry point; `Some` of nothing clears the image's.
    pub entrypoint: Option<Vec<Text>>,
    /// Variables; `None` names one without a value, which hides the image's.
    pub environment: BTreeMap<String, Option<Text>>,
    /// The user's labels, without Compose's own.
    pub labels: BTreeMap<String, Text>,
    /// Compose's own labels (`com.docker.compose.*`); written at creation, not compared.
    pub compose_labels: BTreeMap<String, String>,
    /// The input of Compose's label `config-hash` at creation; absent on a container read from a node.
    #[serde(skip)]
    pub hashed: Option<HashedConfig>,
    /// Kernel annotations for the runtime.
    pub annotations: BTreeMap<String, Text>,
    /// Host name inside.
    pub hostname: Option<String>,
    /// Domain name inside.
    pub domainname: Option<String>,
    /// User (and group) that it runs as.
    pub user: Option<String>,
    /// Working directory, cleaned.
    pub working_dir: Option<String>,
    /// Signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Seconds between that signal and the kill.
    pub stop_grace_period: Option<i64>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its input stays open.
    pub stdin_open: bool,
    /// Whether an init runs as process 1; `None` leaves it to the engine's default.
    pub init: Option<bool>,
    /// Docker's own health check.
    pub healthcheck: Option<Healthcheck>,
    /// When the engine starts it again.
    pub restart: RestartPolicy,
    /// Published ports.
    pub ports: BTreeSet<Port>,
    /// Ports that are exposed and not published, as `1000/tcp` or `2000-2002/udp`.
    pub expose: BTreeSet<String>,
    /// Whose network namespace.
    pub network_mode: NetworkMode,
    /// Networks by their real name.
    pub networks: BTreeMap<String, Attachment>,
    /// MAC address of the first network's end.
    pub mac_address: Option<String>,
    /// `host:address` entries of `/etc/hosts`.
    pub extra_hosts: BTreeSet<String>,
    /// Name servers, in order.
    pub dns: Vec<String>,
    /// Search domains, in order.
    pub dns_search: Vec<String>,
    /// Resolver options, in order.
    pub dns_opt: Vec<String>,
    /// Mounts by their target.
    pub mounts: BTreeMap<String, Mount>,
    /// Containers whose volumes it takes over.
    pub volumes_from: BTreeSet<ContainerRef>,
    /// Driver of anonymous volumes.
    pub volume_driver: Option<String>,
    /// `tmpfs:` entries, path → options.
    pub tmpfs: BTreeMap<String, String>,
    /// Files copied into it after creation, by path: inline configs and secrets from variables.
    pub files: BTreeMap<String, CopiedFile>,
    /// Content of the repository's files behind bind mounts, by path relative to the service's folder.
    pub mounted_files: BTreeMap<String, Text>,
    /// The build settings of its image, if it is built: arguments and everything else that determines the result.
    pub build: BTreeMap<String, Text>,
    /// The build context of its image, by path relative to the service's folder.
    pub built_from: BTreeMap<String, Text>,
    /// Devices by their path in the container.
    pub devices: BTreeMap<String, Device>,
    /// Requests to device drivers, such as for a GPU.
    pub device_requests: Vec<DeviceRequest>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<i64>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Memory limit in bytes.
    pub mem_limit: Option<i64>,
    /// Soft memory limit in bytes.
    pub mem_reservation: Option<i64>,
    /// Memory and swap together in bytes; -1 is without limit.
    pub memswap_limit: Option<i64>,
    /// Willingness to swap, 0 to 100.
    pub mem_swappiness: Option<i64>,
    /// Billionths of a processor.
    pub nano_cpus: Option<i64>,
    /// Relative weight.
    pub cpu_shares: Option<i64>,
    /// Microseconds of processor time in each period.
    pub cpu_quota: Option<i64>,
    /// Microseconds of a period.
    pub cpu_period: Option<i64>,
    /// Microseconds of a real-time period.
    pub cpu_rt_period: Option<i64>,
    /// Microseconds of real-time run time.
    pub cpu_rt_runtime: Option<i64>,
    /// Processors that it may run on.
    pub cpuset: Option<String>,
    /// Processors (Windows).
    pub cpu_count: Option<i64>,
    /// Per cent of the processors (Windows).
    pub cpu_percent: Option<i64>,
    /// Most processes; without limit when absent.
    pub pids_limit: Option<i64>,
    /// Limits by name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Limits of block devices.
    pub blkio: BlkioConfig,
    /// Whether the kernel must not kill it when memory runs out.
    pub oom_kill_disable: bool,
    /// How likely the kernel kills it when memory runs out.
    pub oom_score_adj: Option<i64>,
    /// Whether it has all rights.
    pub privileged: bool,
    /// Added capabilities, as `CAP_…` in upper case or `ALL`.
    pub cap_add: BTreeSet<String>,
    /// Dropped capabilities, likewise.
    pub cap_drop: BTreeSet<String>,
    /// Security options, with the content of a seccomp profile in place of its file.
    pub security_opt: BTreeSet<String>,
    /// Device cgroup rules.
    pub device_cgroup_rules: BTreeSet<String>,
    /// Further groups.
    pub group_add: BTreeSet<String>,
    /// Kernel settings of its namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// User namespace.
    pub userns_mode: Option<String>,
    /// Whose process namespace.
    pub pid: PidMode,
    /// Whose namespace of shared memory, semaphores and message queues.
    pub ipc: IpcMode,
    /// UTS namespace.
    pub uts: Option<String>,
    /// Cgroup namespace.
    pub cgroup: Option<String>,
    /// Parent cgroup.
    pub cgroup_parent: Option<String>,
    /// OCI runtime.
    pub runtime: Option<String>,
    /// Isolation (Windows).
    pub isolation: Option<String>,
    /// Log driver; absent is the engine's default.
    pub logging: Option<Logging>,
}

impl ContainerSpec {
    /// The exposed ports one by one, as newer clients send them and every engine shows them:
    /// `2000-2002/udp` is three of them.
    pub fn exposed_ports(&self) -> impl Iterator<Item = String> + '_ {
        self.expose.iter().flat_map(|port| single_ports(port))
    }

    /// The real names of the volumes that it mounts by name, one for each mount.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.mounts.values().filter_map(|mount| match &mount.kind {
            MountKind::Volume { source, .. } => Some(source.as_str()),
            _ => None,
        })
    }
}

fn single_ports(port: &str) -> Vec<String> {
    let (range, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let bounds = range.split_once('-').and_then(|(a, b)| Some((a.parse::<u16>().ok()?, b.parse::<u16>().ok()?)));
    match bounds {
        Some((first, last)) => (first..=last).map(|n| format!("{n}/{protocol}")).collect(),
        None => vec![format!("{range}/{protocol}")],
    }
}

/// A published port of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Port {
    /// Port inside.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// Address on the node; empty is every address.
    pub host_ip: String,
    /// Port on the node, or a range to choose from; empty is any free one.
    pub published: String,
}

/// Docker's own health check; zero and absent are the image's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", …]`; absent is the image's.
    pub test: Option<Vec<Text>>,
    /// Nanoseconds between checks.
    pub interval: i64,
    /// Nanoseconds that a check may take.
    pub timeout: i64,
    /// Nanoseconds in which failures do not count.
    pub start_period: i64,
    /// Nanoseconds between checks in that time.
    pub start_interval: i64,
    /// Failures in a row that make it unhealthy.
    pub retries: i64,
}

impl Healthcheck {
    /// Whether it switches the image's health check off.
    pub fn is_disabled(&self) -> bool {
        self.test.as_deref().is_some_and(|t| t.first().and_then(Text::expose) == Some("NONE"))
    }
}

/// When the engine starts a container again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// Always.
    Always,
    /// Always, but when it was stopped on purpose.
    UnlessStopped,
    /// After a failure; the most tries, 0 without limit.
    OnFailure(i64),
    /// A word that hl does not know and the engine may.
    Other(String),
}

/// Whose network namespace a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// Its own, on the networks that it is attached to.
    #[default]
    Networks,
    /// Its own, on the engine's default bridge.
    Bridge,
    /// The node's.
    Host,
    /// Its own, without any network.
    None,
    /// Another container's.
    Container(ContainerRef),
    /// Something that hl does not know and the engine may.
    Other(String),
}

/// Whose process namespace a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PidMode {
    /// Its own.
    #[default]
    Private,
    /// The node's.
    Host,
    /// Another container's.
    Container(ContainerRef),
    /// Something that hl does not know and the engine may.
    Other(String),
}

impl PidMode {
    /// The mode by its word, where that names no container. Source: the engine's `PidMode`.
    pub fn word(word: &str) -> Self {
        match word {
            "" => PidMode::Private,
            "host" => PidMode::Host,
            other => PidMode::Other(other.to_owned()),
        }
    }
}

/// Whose IPC namespace a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpcMode {
    /// As the engine's configuration has it.
    #[default]
    EngineDefault,
    /// Its own.
    Private,
    /// Its own, which others may use.
    Shareable,
    /// Its own, without `/dev/shm`.
    None,
    /// The node's.
    Host,
    /// Another container's.
    Container(ContainerRef),
    /// Something that hl does not know and the engine may.
    Other(String),
}

impl IpcMode {
    /// The mode by its word, where that names no container. Source: the engine's `IpcMode`.
    pub fn word(word: &str) -> Self {
        match word {
            "" => IpcMode::EngineDefault,
            "private" => IpcMode::Private,
            "shareable" => IpcMode::Shareable,
            "none" => IpcMode::None,
            "host" => IpcMode::Host,
            other => IpcMode::Other(other.to_owned()),
        }
    }
}

/// One end of a container on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// All its names on this network: the container's, its Compose service's and further ones. Only
    /// the short id and the host name, which some engines add, are left out.
    pub aliases: BTreeSet<String>,
    /// Fixed IPv4 address.
    pub ipv4_address: Option<String>,
    /// Fixed IPv6 address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: BTreeSet<String>,
    /// Fixed MAC address.
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    pub driver_opts: BTreeMap<String, String>,
    /// `container:alias` links of the old kind.
    pub links: BTreeSet<String>,
    /// Priority as default gateway.
    pub gw_priority: i64,
    /// Name of the interface inside.
    pub interface_name: Option<String>,
    /// Order in which networks are attached, highest first. Not visible afterwards.
    pub priority: i64,
}

/// A file that is copied into a container between its creation and its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    /// The content.
    pub content: Text,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Mode bits.
    pub mode: u32,
}

impl CopiedFile {
    /// The mode of one that says none.
    pub const MODE: u32 = 0o444;
}

/// Soft and hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// The limit that applies.
    pub soft: i64,
    /// The maximum to which the soft limit may be raised.
    pub hard: i64,
}

/// Limits of block devices: path → weight, bytes per second or operations per second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioConfig {
    /// Weight of all devices, 10 to 1000.
    pub weight: Option<i64>,
    /// Weight by device.
    pub weight_device: BTreeMap<String, i64>,
    /// Bytes read a second.
    pub device_read_bps: BTreeMap<String, i64>,
    /// Operations read a second.
    pub device_read_iops: BTreeMap<String, i64>,
    /// Bytes written a second.
    pub device_write_bps: BTreeMap<String, i64>,
    /// Operations written a second.
    pub device_write_iops: BTreeMap<String, i64>,
}

/// Where the output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// The driver; empty is the engine's default.
    pub driver: String,
    /// Its options.
    pub options: BTreeMap<String, Text>,
}

/// The treatment of the anonymous volumes of a removed container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousVolumes {
    /// They stay (or were taken over).
    Keep,
    /// They go with it.
    Remove,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_exposed_ports_are_single_ports() {
        assert_eq!(single_ports("2000-2002/udp"), ["2000/udp", "2001/udp", "2002/udp"]);
        assert_eq!(single_ports("80"), ["80/tcp"]);
    }
}
