//! The settings of resources, by name.

use std::fmt;

/// The unit of a number in a field, for output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A bare number or no number.
    Plain,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Nanoseconds,
    /// Seconds.
    Seconds,
    /// Billionths of a processor.
    NanoCpus,
}

/// Declares [`Key`]: variant, the name that users know (the Compose key where there is one), unit.
macro_rules! keys {
    ($($name:ident $text:literal $unit:ident)*) => {
        /// The fields of all kinds of resource, by the names that Compose gives them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = concat!("`", $text, "`")] $name,)* }

        impl Key {
            /// Every key, in the order in which changes are shown.
            pub const ALL: &'static [Key] = &[$(Key::$name,)*];

            /// Its name in plans, state and JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Key::$name => $text,)* }
            }

            /// The key with this name.
            pub fn parse(text: &str) -> Option<Key> {
                match text {
                    $($text => Some(Key::$name),)*
                    _ => None,
                }
            }

            /// The unit of a number in it.
            pub fn unit(self) -> Unit {
                match self { $(Key::$name => Unit::$unit,)* }
            }
        }
    };
}

keys! {
    // Image and process.
    State "state" Plain
    Name "name" Plain
    Image "image" Plain
    ImageContent "image_content" Plain
    Build "build" Plain
    BuiltFrom "built_from" Plain
    Platform "platform" Plain
    Entrypoint "entrypoint" Plain
    Command "command" Plain
    Environment "environment" Plain
    User "user" Plain
    WorkingDir "working_dir" Plain
    Hostname "hostname" Plain
    Domainname "domainname" Plain
    Tty "tty" Plain
    StdinOpen "stdin_open" Plain
    Init "init" Plain
    Healthcheck "healthcheck" Nanoseconds
    Restart "restart" Plain
    StopSignal "stop_signal" Plain
    StopGracePeriod "stop_grace_period" Seconds
    // Container network.
    Ports "ports" Plain
    Expose "expose" Plain
    NetworkMode "network_mode" Plain
    Networks "networks" Plain
    MacAddress "mac_address" Plain
    Links "links" Plain
    ExtraHosts "extra_hosts" Plain
    Dns "dns" Plain
    DnsSearch "dns_search" Plain
    DnsOpt "dns_opt" Plain
    // Container storage and devices.
    Volumes "volumes" Plain
    VolumesFrom "volumes_from" Plain
    VolumeDriver "volume_driver" Plain
    Tmpfs "tmpfs" Plain
    Files "files" Plain
    MountedFiles "mounted_files" Plain
    Devices "devices" Plain
    DeviceRequests "gpus" Plain
    StorageOpt "storage_opt" Plain
    ShmSize "shm_size" Bytes
    ReadOnly "read_only" Plain
    // Resource limits.
    MemLimit "mem_limit" Bytes
    MemReservation "mem_reservation" Bytes
    MemswapLimit "memswap_limit" Bytes
    MemSwappiness "mem_swappiness" Plain
    Cpus "cpus" NanoCpus
    CpuShares "cpu_shares" Plain
    CpuQuota "cpu_quota" Plain
    CpuPeriod "cpu_period" Plain
    CpuRtPeriod "cpu_rt_period" Plain
    CpuRtRuntime "cpu_rt_runtime" Plain
    Cpuset "cpuset" Plain
    CpuCount "cpu_count" Plain
    CpuPercent "cpu_percent" Plain
    PidsLimit "pids_limit" Plain
    Ulimits "ulimits" Plain
    BlkioConfig "blkio_config" Plain
    OomKillDisable "oom_kill_disable" Plain
    OomScoreAdj "oom_score_adj" Plain
    // Privileges.
    Privileged "privileged" Plain
    CapAdd "cap_add" Plain
    CapDrop "cap_drop" Plain
    SecurityOpt "security_opt" Plain
    DeviceCgroupRules "device_cgroup_rules" Plain
    GroupAdd "group_add" Plain
    Sysctls "sysctls" Plain
    UsernsMode "userns_mode" Plain
    Pid "pid" Plain
    Ipc "ipc" Plain
    Uts "uts" Plain
    Cgroup "cgroup" Plain
    CgroupParent "cgroup_parent" Plain
    Runtime "runtime" Plain
    Isolation "isolation" Plain
    // Logging and metadata.
    Logging "logging" Plain
    Labels "labels" Plain
    Annotations "annotations" Plain
    // Networks and volumes.
    Driver "driver" Plain
    DriverOpts "driver_opts" Plain
    Internal "internal" Plain
    Attachable "attachable" Plain
    EnableIpv6 "enable_ipv6" Plain
    EnableIpv4 "enable_ipv4" Plain
    IpamDriver "ipam.driver" Plain
    IpamConfig "ipam.config" Plain
    // Directories and files.
    Owner "owner" Plain
    Mode "mode" Plain
    Content "content" Plain
}

impl Key {
    /// Whether the engine shows nothing of it once the container is made.
    pub fn is_unseen(self) -> bool {
        matches!(self, Key::Files | Key::MountedFiles | Key::Build | Key::BuiltFrom)
    }

    /// Whether its values are what is in files: only digests of them are written down.
    pub fn holds_content(self) -> bool {
        matches!(self, Key::Files | Key::MountedFiles | Key::Content)
    }
}

impl Key {
    /// Whether its values are names, numbers and the engine's own words, which tell no more than how a thing is made.
    /// Everywhere else somebody can have written any text, a password too.
    pub fn is_structure(self) -> bool {
        matches!(
            self,
            Key::State
                | Key::Name
                | Key::Image
                | Key::ImageContent
                | Key::Platform
                | Key::Restart
                | Key::StopSignal
                | Key::Ports
                | Key::Expose
                | Key::NetworkMode
                | Key::Networks
                | Key::MacAddress
                | Key::Links
                | Key::Volumes
                | Key::VolumesFrom
                | Key::VolumeDriver
                | Key::Files
                | Key::MountedFiles
                | Key::Devices
                | Key::DeviceRequests
                | Key::Cpuset
                | Key::Ulimits
                | Key::BlkioConfig
                | Key::CapAdd
                | Key::CapDrop
                | Key::DeviceCgroupRules
                | Key::GroupAdd
                | Key::UsernsMode
                | Key::Pid
                | Key::Ipc
                | Key::Uts
                | Key::Cgroup
                | Key::Runtime
                | Key::Isolation
                | Key::Driver
                | Key::IpamDriver
                | Key::IpamConfig
                | Key::Owner
                | Key::Mode
                | Key::Content
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
