//! The cost of changing each field, and the meaning of a field that is not declared: one table.
//!
//! A field without a row requires a replacement: the engine fixes nearly every property of a container at its
//! creation. The in-place fields are those that the engine changes in place, measured on 20.10 and read in later
//! sources: its update call, connecting networks, renaming.

use crate::model::{Field, Key, Kind, Value};

/// The cost of changing a field of a live resource to the declared value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Nothing: only the record is updated.
    Ignored,
    /// A call on the live resource; nothing stops.
    InPlace,
    /// A restart of the container.
    Restart,
    /// A new one in place of the old.
    Replace,
}

impl Cost {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cost::Ignored => "ignored",
            Cost::InPlace => "in place",
            Cost::Restart => "restart",
            Cost::Replace => "replace",
        }
    }
}

/// The meaning of a live value where nothing is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// Somebody set it: without a declaration the field is to be absent (or as the image has it).
    Counts,
    /// The engine fills it in by itself, so it says nothing.
    EngineDefault,
}

/// The meaning of a declared value where the node shows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It is missing.
    Counts,
    /// Some kernels and engines discard it silently, so it says nothing unless it was there before.
    MayBeDiscarded,
}

/// A row of the policy: how one field of one kind of resource is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The cost of setting or changing it.
    pub set: Cost,
    /// The cost of removing it.
    pub unset: Cost,
    /// The meaning of a live value where the field is not declared.
    pub undeclared: Undeclared,
    /// The meaning of a declared value where the node shows none.
    pub absent: Absent,
    /// Why, in a sentence.
    pub why: &'static str,
}

impl Policy {
    const fn new(set: Cost, unset: Cost, why: &'static str) -> Self {
        Self { set, unset, undeclared: Undeclared::Counts, absent: Absent::Counts, why }
    }

    const fn replace(why: &'static str) -> Self {
        Self::new(Cost::Replace, Cost::Replace, why)
    }

    const fn or_engine_default(mut self) -> Self {
        self.undeclared = Undeclared::EngineDefault;
        self
    }

    const fn may_be_discarded(mut self) -> Self {
        self.absent = Absent::MayBeDiscarded;
        self
    }
}

/// The row of a field of a kind of resource.
pub fn policy(kind: Kind, key: Key) -> Policy {
    match kind {
        Kind::Container => container(key),
        Kind::Network => network(key),
        Kind::Volume => volume(key),
        Kind::Directory | Kind::File => place(key),
        Kind::Image => Policy::replace("an image is pulled or built anew"),
    }
}

/// The cost of changing a field to `declared`.
pub fn cost(kind: Kind, field: &Field, declared: Option<&Value>) -> Cost {
    let policy = policy(kind, field.key);
    match declared {
        Some(_) => policy.set,
        None => policy.unset,
    }
}

fn container(key: Key) -> Policy {
    const LIMIT: Policy = Policy::new(
        Cost::InPlace,
        Cost::Replace,
        "the engine's update call sets this limit and cannot take it away again",
    );
    match key {
        Key::State => {
            Policy::new(Cost::InPlace, Cost::InPlace, "starting, stopping and thawing are calls of their own")
        }
        Key::Name => Policy::new(Cost::InPlace, Cost::InPlace, "a container is renamed while it runs"),
        Key::Restart => Policy::new(Cost::InPlace, Cost::InPlace, "the engine's update call takes any restart policy"),
        Key::Networks => {
            Policy::new(Cost::InPlace, Cost::InPlace, "it joins networks while it runs, and stops for leaving one")
        }
        Key::PidsLimit => Policy::new(Cost::InPlace, Cost::InPlace, "the engine's update call sets and clears it"),
        Key::MemLimit | Key::MemReservation | Key::CpuShares | Key::Cpus => LIMIT,
        Key::MemswapLimit => LIMIT.or_engine_default().may_be_discarded(),
        Key::Cpuset | Key::CpuQuota | Key::CpuPeriod | Key::CpuRtPeriod | Key::CpuRtRuntime => LIMIT,
        Key::BlkioConfig => Policy::replace("weights of devices are fixed at creation").may_be_discarded(),
        Key::MountedFiles => Policy::new(
            Cost::Restart,
            Cost::Restart,
            "a program reads its files when it starts; a restart mounts them anew",
        ),
        Key::Build | Key::BuiltFrom => Policy::replace("its image is built anew, and that is another image"),
        Key::Files => Policy::replace("it is copied into the container between its creation and its start"),
        Key::Image => Policy::replace("another image is another container"),
        Key::ImageContent => Policy::replace("the name points to another image now"),
        Key::Hostname => Policy::replace("undeclared, it is made from the id").or_engine_default(),
        Key::ShmSize
        | Key::Ipc
        | Key::Cgroup
        | Key::Runtime
        | Key::Logging
        | Key::Ulimits
        | Key::Init
        | Key::Isolation => Policy::replace("undeclared, the engine's own configuration decides").or_engine_default(),
        Key::Platform => {
            Policy::replace("the engine does not show it; the image tells").or_engine_default().may_be_discarded()
        }
        Key::MacAddress => Policy::replace("undeclared, the engine makes one").or_engine_default().may_be_discarded(),
        Key::Annotations => Policy::replace("older engines drop them").may_be_discarded(),
        Key::MemSwappiness | Key::OomKillDisable | Key::CpuCount | Key::CpuPercent => {
            Policy::replace("kernels without it discard it").or_engine_default().may_be_discarded()
        }
        Key::VolumeDriver => {
            Policy::replace("seen only on the volumes themselves").or_engine_default().may_be_discarded()
        }
        Key::SecurityOpt => Policy::replace("the engine adds a label option for some privileges"),
        Key::Links => Policy::replace("links are fixed at creation"),
        Key::Entrypoint
        | Key::Command
        | Key::Environment
        | Key::User
        | Key::WorkingDir
        | Key::Domainname
        | Key::Tty
        | Key::StdinOpen
        | Key::Healthcheck
        | Key::StopSignal
        | Key::StopGracePeriod
        | Key::Ports
        | Key::Expose
        | Key::NetworkMode
        | Key::ExtraHosts
        | Key::Dns
        | Key::DnsSearch
        | Key::DnsOpt
        | Key::Volumes
        | Key::VolumesFrom
        | Key::Tmpfs
        | Key::Devices
        | Key::DeviceRequests
        | Key::StorageOpt
        | Key::ReadOnly
        | Key::OomScoreAdj
        | Key::Privileged
        | Key::CapAdd
        | Key::CapDrop
        | Key::DeviceCgroupRules
        | Key::GroupAdd
        | Key::Sysctls
        | Key::UsernsMode
        | Key::Pid
        | Key::Uts
        | Key::CgroupParent
        | Key::Labels => Policy::replace("the engine fixes it at creation"),
        Key::Driver
        | Key::DriverOpts
        | Key::Internal
        | Key::Attachable
        | Key::EnableIpv6
        | Key::EnableIpv4
        | Key::IpamDriver
        | Key::IpamConfig
        | Key::Owner
        | Key::Mode
        | Key::Content => Policy::replace(NOT_A_CONTAINERS),
    }
}

fn network(key: Key) -> Policy {
    let fixed = Policy::replace("a network cannot be changed; its containers are connected to a new one");
    match key {
        Key::Driver | Key::DriverOpts | Key::IpamDriver | Key::IpamConfig | Key::EnableIpv6 | Key::EnableIpv4 => {
            fixed.or_engine_default()
        }
        Key::Labels => Policy::new(Cost::Ignored, Cost::Ignored, "a label is not worth an outage of the network")
            .or_engine_default(),
        _ => fixed,
    }
}

fn volume(key: Key) -> Policy {
    let fixed = Policy::replace("a volume cannot be changed; a new one has no data").or_engine_default();
    match key {
        Key::Labels => {
            Policy::new(Cost::Ignored, Cost::Ignored, "a label is not worth the data of the volume").or_engine_default()
        }
        _ => fixed,
    }
}

fn place(key: Key) -> Policy {
    let written = Policy::new(Cost::InPlace, Cost::Ignored, "it is written where it is");
    match key {
        Key::State => written,
        _ => written.or_engine_default(),
    }
}

/// Variables that the Docker client adds to every container where it is configured with a proxy.
/// Source: `proxies` in the client's `config.json`.
pub fn is_proxy_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    matches!(name.as_str(), "HTTP_PROXY" | "HTTPS_PROXY" | "FTP_PROXY" | "NO_PROXY" | "ALL_PROXY")
}

/// The meaning of a declared value of one field where the node shows none.
pub fn absent(kind: Kind, field: &Field) -> Absent {
    match (kind, field.key, field.item.as_deref(), field.part) {
        // Engines before API 1.44 do not know these.
        (Kind::Container, Key::Healthcheck, Some("start_interval"), _) => Absent::MayBeDiscarded,
        (Kind::Container, Key::Networks, _, Some("mac_address" | "driver_opts" | "gw_priority" | "interface_name")) => {
            Absent::MayBeDiscarded
        }
        _ => policy(kind, field.key).absent,
    }
}

/// The keys that a kind of resource can have a field of, in the order in which changes are shown.
pub fn keys(kind: Kind) -> Vec<Key> {
    let all = Key::ALL.iter().copied();
    match kind {
        Kind::Container => all.filter(|k| container(*k).why != NOT_A_CONTAINERS).collect(),
        Kind::Network => vec![
            Key::Name,
            Key::Driver,
            Key::DriverOpts,
            Key::Internal,
            Key::Attachable,
            Key::EnableIpv4,
            Key::EnableIpv6,
            Key::IpamDriver,
            Key::IpamConfig,
            Key::Labels,
        ],
        Kind::Volume => vec![Key::Name, Key::Driver, Key::DriverOpts, Key::Labels],
        Kind::Directory => vec![Key::State, Key::Owner, Key::Mode],
        Kind::File => vec![Key::State, Key::Owner, Key::Mode, Key::Content, Key::Environment],
        Kind::Image => Vec::new(),
    }
}

/// The why of rows that no container has.
const NOT_A_CONTAINERS: &str = "not a field of a container";

/// The meaning of a live value of one field where nothing is declared.
pub fn undeclared(kind: Kind, field: &Field) -> Undeclared {
    match (kind, field.key, field.item.as_deref(), field.part) {
        (Kind::Container, Key::Environment, Some(name), _) if is_proxy_variable(name) => Undeclared::EngineDefault,
        // Values that the engine generates for a network endpoint.
        (Kind::Container, Key::Networks, _, Some("mac_address" | "driver_opts" | "gw_priority" | "interface_name")) => {
            Undeclared::EngineDefault
        }
        _ => policy(kind, field.key).undeclared,
    }
}

/// Whether every engine would choose this value by itself, so that it makes no difference who asked for it.
pub fn is_every_engines_default(kind: Kind, field: &Field, value: &Value) -> bool {
    let default = match (kind, field.key) {
        (Kind::Network, Key::Driver) => "bridge",
        (Kind::Network, Key::IpamDriver) => "default",
        (Kind::Volume, Key::Driver) => "local",
        _ => return false,
    };
    *value == Value::text(default)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// The policy as a table of the documentation.
    fn table() -> String {
        let mut out = String::from(
            "| resource | field | set or changed | removed | not declared | why |\n|---|---|---|---|---|---|\n",
        );
        for kind in Kind::ALL {
            for key in keys(kind) {
                let row = policy(kind, key);
                let undeclared = match row.undeclared {
                    Undeclared::Counts => "counts as set by hand",
                    Undeclared::EngineDefault => "left to the engine",
                };
                let (set, unset) = (row.set.as_str(), row.unset.as_str());
                let _ = writeln!(out, "| {kind} | `{key}` | {set} | {unset} | {undeclared} | {} |", row.why);
            }
        }
        out
    }

    /// `HL_BLESS=1` writes the table anew.
    #[test]
    fn the_documented_table_is_this_one() {
        const BEGIN: &str = "<!-- policy table: written by the tests from src/diff/policy.rs -->\n";
        const END: &str = "<!-- end of the policy table -->\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/how-hl-decides.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (head, rest) = page.split_once(BEGIN).expect("the page has the begin mark");
        let (written, tail) = rest.split_once(END).expect("the page has the end mark");
        if std::env::var_os("HL_BLESS").is_some() {
            std::fs::write(path, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
            return;
        }
        assert_eq!(written, table(), "run the tests once with HL_BLESS=1");
    }
}
