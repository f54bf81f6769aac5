//! The limits and the rights of a container.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Builder;
use super::conversions::{flag, nano_cpus, number};
use super::network::container_of;
use crate::compose::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::spec::{BlkioConfig, ContainerSpec, IpcMode, PidMode, Ulimit};

impl Builder<'_> {
    /// Sets the limits; those of `deploy.resources` count more than the short keys.
    pub(super) fn set_limits(&mut self, service: &Node, spec: &mut ContainerSpec) {
        spec.mem_limit = number(service.get("mem_limit"));
        spec.mem_reservation = number(service.get("mem_reservation"));
        spec.memswap_limit = number(service.get("memswap_limit"));
        spec.mem_swappiness = number(service.get("mem_swappiness"));
        spec.nano_cpus = nano_cpus(service.get("cpus"));
        spec.cpu_shares = number(service.get("cpu_shares"));
        spec.cpu_quota = number(service.get("cpu_quota"));
        spec.cpu_period = number(service.get("cpu_period"));
        spec.cpu_rt_period = number(service.get("cpu_rt_period"));
        spec.cpu_rt_runtime = number(service.get("cpu_rt_runtime"));
        spec.cpuset = self.plain(service.get("cpuset"));
        spec.pids_limit = number(service.get("pids_limit")).filter(|n| *n > 0);
        spec.ulimits = ulimits(service.get("ulimits"));
        spec.blkio = service.get("blkio_config").map(|n| self.blkio(n)).unwrap_or_default();
        spec.oom_kill_disable = flag(service.get("oom_kill_disable"));
        spec.oom_score_adj = number(service.get("oom_score_adj"));
        let resources = service.get("deploy").and_then(|d| d.get("resources"));
        if let Some(limits) = resources.and_then(|r| r.get("limits")) {
            spec.mem_limit = number(limits.get("memory")).or(spec.mem_limit);
            spec.nano_cpus = nano_cpus(limits.get("cpus")).or(spec.nano_cpus);
            spec.pids_limit = number(limits.get("pids")).filter(|n| *n > 0).or(spec.pids_limit);
        }
        if let Some(reservations) = resources.and_then(|r| r.get("reservations")) {
            spec.mem_reservation = number(reservations.get("memory")).or(spec.mem_reservation);
        }
    }

    fn blkio(&mut self, node: &Node) -> BlkioConfig {
        let mut by_path = |key: &str, value: &str| {
            let mut found = BTreeMap::new();
            for item in node.get(key).and_then(Node::as_list).into_iter().flatten() {
                if let (Some(path), Some(limit)) = (self.plain(item.get("path")), number(item.get(value))) {
                    found.insert(path, limit);
                }
            }
            found
        };
        BlkioConfig {
            weight_device: by_path("weight_device", "weight"),
            device_read_bps: by_path("device_read_bps", "rate"),
            device_read_iops: by_path("device_read_iops", "rate"),
            device_write_bps: by_path("device_write_bps", "rate"),
            device_write_iops: by_path("device_write_iops", "rate"),
            weight: number(node.get("weight")),
        }
    }

    /// Sets capabilities, namespaces and the like.
    pub(super) fn set_rights(&mut self, service: &Node, spec: &mut ContainerSpec) {
        spec.privileged = flag(service.get("privileged"));
        spec.cap_add = self.capabilities(service.get("cap_add"));
        spec.cap_drop = self.capabilities(service.get("cap_drop"));
        spec.security_opt = self.security_options(service.get("security_opt"));
        spec.device_cgroup_rules = self.plain_set(service.get("device_cgroup_rules"));
        spec.group_add = self.plain_set(service.get("group_add"));
        spec.sysctls = self.plain_map(service.get("sysctls"));
        spec.userns_mode = self.plain(service.get("userns_mode"));
        let pid = self.plain(service.get("pid")).unwrap_or_default();
        spec.pid = container_of(&pid).map_or_else(|| PidMode::word(&pid), PidMode::Container);
        let ipc = self.plain(service.get("ipc")).unwrap_or_default();
        spec.ipc = container_of(&ipc).map_or_else(|| IpcMode::word(&ipc), IpcMode::Container);
        spec.uts = self.plain(service.get("uts"));
        spec.cgroup = self.plain(service.get("cgroup"));
        spec.cgroup_parent = self.plain(service.get("cgroup_parent"));
        spec.runtime = self.plain(service.get("runtime"));
    }

    fn capabilities(&mut self, node: Option<&Node>) -> BTreeSet<String> {
        let normal = |word: String| match word.to_uppercase() {
            word if word == "ALL" || word.starts_with("CAP_") => word,
            word => format!("CAP_{word}"),
        };
        self.plain_set(node).into_iter().map(normal).collect()
    }

    /// Options as the engine takes them: the content of a seccomp profile in place of its file.
    fn security_options(&mut self, node: Option<&Node>) -> BTreeSet<String> {
        let mut options = BTreeSet::new();
        for node in node.and_then(Node::as_list).into_iter().flatten() {
            let Some(text) = self.plain(Some(node)) else { continue };
            let (name, value) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((&text, ""));
            match (name, value) {
                ("seccomp", value) if !matches!(value, "" | "unconfined" | "builtin") => {
                    options.extend(self.seccomp(value, node));
                }
                ("no-new-privileges", "") | (_, "unconfined" | "builtin") => drop(options.insert(text)),
                (_, "") => {
                    let words = format!("`security_opt` cannot be `{text}`");
                    let hint = "write a name and a value, such as `apparmor=unconfined`, or `no-new-privileges`";
                    self.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").hint(hint));
                }
                _ => drop(options.insert(text)),
            }
        }
        options
    }

    fn seccomp(&mut self, file: &str, node: &Node) -> Option<String> {
        let path = self.project.working_dir.join(Path::new(file));
        let shown = self.reader.shown(&path);
        let profile = match self.reader.read(&path) {
            Ok(bytes) => serde_json::from_slice::<serde_json::Value>(&bytes),
            Err(error) => {
                let hint = "check the path; it is relative to the service's folder";
                self.out.push(error.diagnostic(&shown, hint).at(node.span, "named here"));
                return None;
            }
        };
        match profile {
            Ok(json) => Some(format!("seccomp={json}")),
            Err(error) => {
                let words = format!("{} is no seccomp profile: {error}", shown.display());
                let hint = "a profile is a JSON file";
                self.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "named here").hint(hint));
                None
            }
        }
    }
}

/// A single number is both limits.
pub(super) fn ulimits(node: Option<&Node>) -> BTreeMap<String, Ulimit> {
    let mut found = BTreeMap::new();
    for (name, entry) in node.and_then(Node::as_map).into_iter().flatten() {
        let limit = match &entry.node.value {
            Value::Map(_) => Ulimit {
                soft: number(entry.node.get("soft")).unwrap_or(0),
                hard: number(entry.node.get("hard")).unwrap_or(0),
            },
            _ => {
                let both = number(Some(&entry.node)).unwrap_or(0);
                Ulimit { soft: both, hard: both }
            }
        };
        found.insert(name.clone(), limit);
    }
    found
}
