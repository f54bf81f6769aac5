//! The limits, devices, rights, namespaces and log driver of a container.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{api_types, word};
use crate::model::spec::{BlkioConfig, ContainerSpec, Device, DeviceRequest, Logging, Ulimit};
use crate::model::value::Text;

/// The engine's `HostConfig`, which most keys of a Compose file map to.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HostConfig {
    pub binds: Option<Vec<String>>,
    pub mounts: Option<Vec<api_types::Mount>>,
    pub tmpfs: Option<api_types::Texts>,
    pub volumes_from: Option<Vec<String>>,
    pub volume_driver: Option<String>,
    pub storage_opt: Option<api_types::Texts>,
    pub shm_size: Option<i64>,
    pub readonly_rootfs: Option<bool>,
    pub log_config: Option<api_types::LogConfig>,
    pub network_mode: Option<String>,
    pub port_bindings: Option<BTreeMap<String, Option<Vec<api_types::PortBinding>>>>,
    pub restart_policy: Option<api_types::RestartPolicy>,
    pub extra_hosts: Option<Vec<String>>,
    pub dns: Option<Vec<String>>,
    pub dns_options: Option<Vec<String>>,
    pub dns_search: Option<Vec<String>>,
    pub links: Option<Vec<String>>,
    pub cap_add: Option<Vec<String>>,
    pub cap_drop: Option<Vec<String>>,
    pub security_opt: Option<Vec<String>>,
    pub masked_paths: Option<Vec<String>>,
    pub readonly_paths: Option<Vec<String>>,
    pub privileged: Option<bool>,
    pub group_add: Option<Vec<String>>,
    pub device_cgroup_rules: Option<Vec<String>>,
    pub devices: Option<Vec<api_types::Device>>,
    pub device_requests: Option<Vec<api_types::DeviceRequest>>,
    pub sysctls: Option<api_types::Texts>,
    pub annotations: Option<api_types::Texts>,
    pub init: Option<bool>,
    pub cgroupns_mode: Option<String>,
    pub cgroup_parent: Option<String>,
    pub ipc_mode: Option<String>,
    pub pid_mode: Option<String>,
    #[serde(rename = "UTSMode")]
    pub uts_mode: Option<String>,
    pub userns_mode: Option<String>,
    pub runtime: Option<String>,
    pub isolation: Option<String>,
    pub memory: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub memory_swap: Option<i64>,
    pub memory_swappiness: Option<i64>,
    pub nano_cpus: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub cpu_quota: Option<i64>,
    pub cpu_period: Option<i64>,
    pub cpu_realtime_period: Option<i64>,
    pub cpu_realtime_runtime: Option<i64>,
    pub cpuset_cpus: Option<String>,
    pub cpu_count: Option<i64>,
    pub cpu_percent: Option<i64>,
    pub pids_limit: Option<i64>,
    pub ulimits: Option<Vec<api_types::Ulimit>>,
    pub oom_kill_disable: Option<bool>,
    pub oom_score_adj: Option<i64>,
    pub blkio_weight: Option<i64>,
    pub blkio_weight_device: Option<Vec<api_types::DeviceLimit>>,
    pub blkio_device_read_bps: Option<Vec<api_types::DeviceLimit>>,
    pub blkio_device_write_bps: Option<Vec<api_types::DeviceLimit>>,
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_iops: Option<Vec<api_types::DeviceLimit>>,
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_iops: Option<Vec<api_types::DeviceLimit>>,
}

/// Fills in what a container may use and do.
pub fn read(host: &HostConfig, spec: &mut ContainerSpec) {
    read_limits(host, spec);
    read_rights(host, spec);
    spec.extra_hosts = set(&host.extra_hosts);
    spec.dns = host.dns.clone().unwrap_or_default();
    spec.dns_search = host.dns_search.clone().unwrap_or_default();
    spec.dns_opt = host.dns_options.clone().unwrap_or_default();
    spec.devices = host.devices.iter().flatten().map(device).collect();
    spec.device_requests = host.device_requests.iter().flatten().map(device_request).collect();
    spec.storage_opt = host.storage_opt.clone().unwrap_or_default();
    spec.shm_size = number(host.shm_size);
    spec.read_only = host.readonly_rootfs.unwrap_or(false);
    spec.uts = word(host.uts_mode.as_ref());
    spec.userns_mode = word(host.userns_mode.as_ref());
    spec.cgroup = word(host.cgroupns_mode.as_ref());
    spec.cgroup_parent = word(host.cgroup_parent.as_ref());
    spec.runtime = word(host.runtime.as_ref());
    // `default` is what the engine shows for none on Windows and what Podman always shows.
    spec.isolation = word(host.isolation.as_ref()).filter(|i| i != "default");
    spec.logging = host.log_config.as_ref().map(logging);
}

fn read_limits(host: &HostConfig, spec: &mut ContainerSpec) {
    spec.mem_limit = number(host.memory);
    spec.mem_reservation = number(host.memory_reservation);
    spec.memswap_limit = number(host.memory_swap);
    // -1 is how some engines write "not set".
    spec.mem_swappiness = number(host.memory_swappiness).filter(|n| *n != -1);
    spec.nano_cpus = number(host.nano_cpus);
    spec.cpu_shares = number(host.cpu_shares);
    spec.cpu_quota = number(host.cpu_quota);
    spec.cpu_period = number(host.cpu_period);
    spec.cpu_rt_period = number(host.cpu_realtime_period);
    spec.cpu_rt_runtime = number(host.cpu_realtime_runtime);
    spec.cpuset = word(host.cpuset_cpus.as_ref());
    spec.cpu_count = number(host.cpu_count);
    spec.cpu_percent = number(host.cpu_percent);
    // Without limit is null, 0 or -1, whichever way it was last set.
    spec.pids_limit = host.pids_limit.filter(|n| *n > 0);
    spec.ulimits =
        host.ulimits.iter().flatten().map(|u| (u.name.clone(), Ulimit { soft: u.soft, hard: u.hard })).collect();
    spec.oom_kill_disable = host.oom_kill_disable.unwrap_or(false);
    spec.oom_score_adj = number(host.oom_score_adj);
    spec.blkio = BlkioConfig {
        weight: number(host.blkio_weight),
        weight_device: device_limits(&host.blkio_weight_device),
        device_read_bps: device_limits(&host.blkio_device_read_bps),
        device_read_iops: device_limits(&host.blkio_device_read_iops),
        device_write_bps: device_limits(&host.blkio_device_write_bps),
        device_write_iops: device_limits(&host.blkio_device_write_iops),
    };
}

fn read_rights(host: &HostConfig, spec: &mut ContainerSpec) {
    spec.privileged = host.privileged.unwrap_or(false);
    spec.cap_add = host.cap_add.iter().flatten().map(|c| capability(c)).collect();
    spec.cap_drop = host.cap_drop.iter().flatten().map(|c| capability(c)).collect();
    spec.security_opt = set(&host.security_opt);
    // The client sends this option as two empty lists; without it they hold the engine's defaults,
    // and a privileged container has none at all.
    let empty = |paths: &Option<Vec<String>>| paths.as_ref().is_some_and(Vec::is_empty);
    if empty(&host.masked_paths) && empty(&host.readonly_paths) && !spec.privileged {
        spec.security_opt.insert("systempaths=unconfined".to_owned());
    }
    spec.device_cgroup_rules = set(&host.device_cgroup_rules);
    spec.group_add = set(&host.group_add);
    spec.sysctls = host.sysctls.clone().unwrap_or_default();
}

/// A number that says something: zero is how the engine writes "not set".
fn number(number: Option<i64>) -> Option<i64> {
    number.filter(|n| *n != 0)
}

fn set(words: &Option<Vec<String>>) -> BTreeSet<String> {
    words.iter().flatten().cloned().collect()
}

/// A capability in the one way of writing it; engines keep whatever was sent.
fn capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
}

fn device(device: &api_types::Device) -> (String, Device) {
    let source = device.path_on_host.clone().unwrap_or_default();
    let permissions = word(device.cgroup_permissions.as_ref()).unwrap_or_else(|| "rwm".to_owned());
    let target = word(device.path_in_container.as_ref()).unwrap_or_else(|| source.clone());
    (target, Device { source, permissions })
}

fn device_request(request: &api_types::DeviceRequest) -> DeviceRequest {
    DeviceRequest {
        driver: request.driver.clone().unwrap_or_default(),
        count: request.count.unwrap_or_default(),
        device_ids: request.device_ids.clone().unwrap_or_default(),
        capabilities: request.capabilities.iter().flatten().flatten().cloned().collect(),
        options: request.options.clone().unwrap_or_default(),
    }
}

fn device_limits(limits: &Option<Vec<api_types::DeviceLimit>>) -> BTreeMap<String, i64> {
    limits.iter().flatten().map(|l| (l.path.clone(), l.weight.or(l.rate).unwrap_or_default())).collect()
}

fn logging(log: &api_types::LogConfig) -> Logging {
    Logging {
        driver: log.kind.clone().unwrap_or_default(),
        options: log.config.iter().flatten().map(|(k, v)| (k.clone(), Text::plain(v))).collect(),
    }
}
