//! The limits, devices and rights of a container.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{NoBody, nonzero, restart_policy, set, texts};
use crate::model::spec::{ContainerSpec, DeviceRequest, Ulimit};

/// `HostConfig` without networks and mounts.
pub fn host_config(spec: &ContainerSpec) -> Result<Map<String, Value>, NoBody> {
    let mut host = Map::new();
    host.insert("RestartPolicy".to_owned(), restart_policy(&spec.restart));
    host.insert("Privileged".to_owned(), spec.privileged.into());
    host.insert("ReadonlyRootfs".to_owned(), spec.read_only.into());
    host.insert("OomKillDisable".to_owned(), spec.oom_kill_disable.into());
    set(&mut host, "Init", spec.init);
    set(&mut host, "VolumeDriver", spec.volume_driver.clone());
    set(&mut host, "ShmSize", nonzero(spec.shm_size));
    set(&mut host, "OomScoreAdj", nonzero(spec.oom_score_adj));
    for (key, words) in [
        ("CapAdd", &spec.cap_add),
        ("CapDrop", &spec.cap_drop),
        ("DeviceCgroupRules", &spec.device_cgroup_rules),
        ("GroupAdd", &spec.group_add),
        ("ExtraHosts", &spec.extra_hosts),
    ] {
        if !words.is_empty() {
            host.insert(key.to_owned(), json!(words));
        }
    }
    for (key, words) in [("Dns", &spec.dns), ("DnsSearch", &spec.dns_search), ("DnsOptions", &spec.dns_opt)] {
        if !words.is_empty() {
            host.insert(key.to_owned(), json!(words));
        }
    }
    for (key, map) in [("Sysctls", &spec.sysctls), ("StorageOpt", &spec.storage_opt)] {
        if !map.is_empty() {
            host.insert(key.to_owned(), json!(map));
        }
    }
    for (key, word) in [
        ("UTSMode", &spec.uts),
        ("UsernsMode", &spec.userns_mode),
        ("CgroupnsMode", &spec.cgroup),
        ("CgroupParent", &spec.cgroup_parent),
        ("Runtime", &spec.runtime),
        ("Isolation", &spec.isolation),
    ] {
        set(&mut host, key, word.clone());
    }
    if !spec.annotations.is_empty() {
        host.insert("Annotations".to_owned(), texts(&spec.annotations, "annotations")?.into());
    }
    if let Some(logging) = &spec.logging {
        let options = texts(&logging.options, "logging")?;
        host.insert("LogConfig".to_owned(), json!({"Type": logging.driver, "Config": options}));
    }
    insert_security(spec, &mut host);
    insert_devices(spec, &mut host);
    insert_limits(spec, &mut host);
    Ok(host)
}

/// `systempaths=unconfined` is no option to the engine but two empty lists.
fn insert_security(spec: &ContainerSpec, host: &mut Map<String, Value>) {
    let (paths, options): (Vec<&String>, Vec<&String>) =
        spec.security_opt.iter().partition(|option| *option == "systempaths=unconfined");
    if !paths.is_empty() {
        host.insert("MaskedPaths".to_owned(), json!([]));
        host.insert("ReadonlyPaths".to_owned(), json!([]));
    }
    if !options.is_empty() {
        host.insert("SecurityOpt".to_owned(), json!(options));
    }
}

fn insert_devices(spec: &ContainerSpec, host: &mut Map<String, Value>) {
    if !spec.devices.is_empty() {
        let device = |(target, device): (&String, &crate::model::spec::Device)| {
            json!({
                "PathOnHost": device.source,
                "PathInContainer": target,
                "CgroupPermissions": device.permissions,
            })
        };
        host.insert("Devices".to_owned(), spec.devices.iter().map(device).collect());
    }
    if !spec.device_requests.is_empty() {
        host.insert("DeviceRequests".to_owned(), spec.device_requests.iter().map(device_request).collect());
    }
}

fn device_request(request: &DeviceRequest) -> Value {
    json!({
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": request.device_ids,
        "Capabilities": [request.capabilities],
        "Options": request.options,
    })
}

fn insert_limits(spec: &ContainerSpec, host: &mut Map<String, Value>) {
    for (key, number) in [
        ("Memory", spec.mem_limit),
        ("MemoryReservation", spec.mem_reservation),
        ("MemorySwap", spec.memswap_limit),
        ("MemorySwappiness", spec.mem_swappiness),
        ("NanoCpus", spec.nano_cpus),
        ("CpuShares", spec.cpu_shares),
        ("CpuQuota", spec.cpu_quota),
        ("CpuPeriod", spec.cpu_period),
        ("CpuRealtimePeriod", spec.cpu_rt_period),
        ("CpuRealtimeRuntime", spec.cpu_rt_runtime),
        ("CpuCount", spec.cpu_count),
        ("CpuPercent", spec.cpu_percent),
        ("PidsLimit", spec.pids_limit),
        ("BlkioWeight", spec.blkio.weight),
    ] {
        set(host, key, nonzero(number));
    }
    set(host, "CpusetCpus", spec.cpuset.clone());
    if !spec.ulimits.is_empty() {
        let ulimit = |(name, limit): (&String, &Ulimit)| json!({"Name": name, "Soft": limit.soft, "Hard": limit.hard});
        host.insert("Ulimits".to_owned(), spec.ulimits.iter().map(ulimit).collect());
    }
    let blkio = &spec.blkio;
    for (key, number, limits) in [
        ("BlkioWeightDevice", "Weight", &blkio.weight_device),
        ("BlkioDeviceReadBps", "Rate", &blkio.device_read_bps),
        ("BlkioDeviceReadIOps", "Rate", &blkio.device_read_iops),
        ("BlkioDeviceWriteBps", "Rate", &blkio.device_write_bps),
        ("BlkioDeviceWriteIOps", "Rate", &blkio.device_write_iops),
    ] {
        if !limits.is_empty() {
            host.insert(key.to_owned(), device_limits(limits, number));
        }
    }
}

fn device_limits(limits: &BTreeMap<String, i64>, number: &str) -> Value {
    limits.iter().map(|(path, limit)| json!({"Path": path, number: limit})).collect()
}
