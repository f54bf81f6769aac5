//! Specs → normal form. One way in for the declared and the live view alike.

use std::collections::{BTreeMap, BTreeSet};

use super::container::{
    Attachment, ContainerSpec, CopiedFile, Healthcheck, IpcMode, NetworkMode, PidMode, Port, RestartPolicy,
};
use super::storage_spec::{DirectorySpec, FileContent, FileSpec, NetworkSpec, Variable, VolumeSpec};
use crate::model::content::content_text;
use crate::model::field::{Field, Fields, set_texts};
use crate::model::notation;
use crate::model::setting::Key;
use crate::model::typed::{ContainerRef, DeviceRequest, HostPort, NetworkEnd, State, Typed};
use crate::model::value::{Text, Value};

impl ContainerSpec {
    /// The normal form. `state` and `image_content` are not of the spec and are set by the views.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        self.set_process(&mut fields);
        self.set_network(&mut fields);
        self.set_storage(&mut fields);
        self.set_limits(&mut fields);
        self.set_rights(&mut fields);
        if let Some(logging) = &self.logging {
            fields.set(Key::Logging, Value::text(&logging.driver));
            set_texts(&mut fields, Key::Logging, &logging.options);
        }
        set_texts(&mut fields, Key::Labels, &self.labels);
        set_texts(&mut fields, Key::Annotations, &self.annotations);
        fields
    }

    fn set_process(&self, fields: &mut Fields) {
        fields.set(Key::Name, Value::text(&self.name));
        fields.set(Key::Image, Value::text(self.image.familiar()));
        fields.set_text(Key::Platform, self.platform.as_deref().map(platform).as_deref());
        fields.set(Key::Entrypoint, words(self.entrypoint.as_deref()));
        fields.set(Key::Command, words(self.command.as_deref()));
        for (name, value) in &self.environment {
            let value = value.clone().map_or(Value::Unset, Value::from);
            fields.set_item(Key::Environment, name, value);
        }
        fields.set_text(Key::User, self.user.as_deref());
        fields.set_text(Key::WorkingDir, self.working_dir.as_deref());
        fields.set_text(Key::Hostname, self.hostname.as_deref());
        fields.set_text(Key::Domainname, self.domainname.as_deref());
        fields.set(Key::Tty, Value::Bool(self.tty));
        fields.set(Key::StdinOpen, Value::Bool(self.stdin_open));
        fields.set(Key::Init, Value::Bool(self.init.unwrap_or(false)));
        if let Some(check) = &self.healthcheck {
            set_healthcheck(fields, check);
        }
        fields.set(Key::Restart, restart(&self.restart));
        fields.set_text(Key::StopSignal, self.stop_signal.as_deref());
        fields.set(Key::StopGracePeriod, int(self.stop_grace_period));
    }

    fn set_network(&self, fields: &mut Fields) {
        // By their texts, which is the order in which they are recorded.
        let mut published: BTreeMap<String, BTreeMap<String, Typed>> = BTreeMap::new();
        for port in &self.ports {
            let host = Typed::HostPort(host_port(port));
            let target = format!("{}/{}", port.target, port.protocol);
            published.entry(target).or_default().insert(notation::text(&host), host);
        }
        let mut expose: BTreeSet<String> = self.exposed_ports().collect();
        expose.extend(published.keys().cloned());
        for (target, hosts) in published {
            fields.set_item(Key::Ports, target, Value::List(hosts.into_values().map(Value::Typed).collect()));
        }
        fields.set(Key::Expose, Value::texts(expose));
        fields.set(Key::NetworkMode, network_mode(&self.network_mode));
        for (name, end) in &self.networks {
            fields.set_item(Key::Networks, name, Typed::End(NetworkEnd::Attached).into());
            set_attachment(fields, name, end);
        }
        fields.set_text(Key::MacAddress, self.mac_address.as_deref());
        fields.set(Key::ExtraHosts, Value::texts(&self.extra_hosts));
        fields.set(Key::Dns, Value::texts(&self.dns));
        fields.set(Key::DnsSearch, Value::texts(&self.dns_search));
        fields.set(Key::DnsOpt, Value::texts(&self.dns_opt));
    }

    fn set_storage(&self, fields: &mut Fields) {
        for (target, mount) in &self.mounts {
            fields.set_item(Key::Volumes, target, Typed::Mount(mount.normal()).into());
        }
        fields.set(Key::VolumesFrom, volumes_from(&self.volumes_from));
        fields.set_text(Key::VolumeDriver, self.volume_driver.as_deref());
        for (path, options) in &self.tmpfs {
            fields.set_item(Key::Tmpfs, path, Value::text(options));
        }
        for (path, file) in &self.files {
            fields.set_item(Key::Files, path, Value::from(file.content.clone()));
            if (file.uid, file.gid) != (0, 0) {
                let owner = Value::text(format!("{}:{}", file.uid, file.gid));
                fields.set_item(Key::Files, format!("{path} owner"), owner);
            }
            if file.mode != CopiedFile::MODE {
                fields.set_item(Key::Files, format!("{path} mode"), Value::text(format!("{:04o}", file.mode)));
            }
        }
        set_texts(fields, Key::MountedFiles, &self.mounted_files);
        set_texts(fields, Key::Build, &self.build);
        set_texts(fields, Key::BuiltFrom, &self.built_from);
        for (path, device) in &self.devices {
            fields.set_item(Key::Devices, path, Typed::Device(device.clone()).into());
        }
        fields.set(Key::DeviceRequests, Value::List(self.device_requests.iter().map(device_request).collect()));
        set_strings(fields, Key::StorageOpt, &self.storage_opt);
        fields.set(Key::ShmSize, int(self.shm_size));
        fields.set(Key::ReadOnly, Value::Bool(self.read_only));
    }

    fn set_limits(&self, fields: &mut Fields) {
        let numbers = [
            (Key::MemLimit, self.mem_limit),
            (Key::MemReservation, self.mem_reservation),
            (Key::MemswapLimit, self.memswap_limit),
            (Key::MemSwappiness, self.mem_swappiness),
            (Key::Cpus, self.nano_cpus),
            (Key::CpuShares, self.cpu_shares),
            (Key::CpuQuota, self.cpu_quota),
            (Key::CpuPeriod, self.cpu_period),
            (Key::CpuRtPeriod, self.cpu_rt_period),
            (Key::CpuRtRuntime, self.cpu_rt_runtime),
            (Key::CpuCount, self.cpu_count),
            (Key::CpuPercent, self.cpu_percent),
            (Key::OomScoreAdj, self.oom_score_adj),
        ];
        for (key, number) in numbers {
            fields.set(key, int(number));
        }
        // Without limit is 0, -1 or null, whichever way it was last set.
        fields.set(Key::PidsLimit, int(self.pids_limit.filter(|n| *n > 0)));
        fields.set_text(Key::Cpuset, self.cpuset.as_deref());
        for (name, limit) in &self.ulimits {
            let text = match limit.soft == limit.hard {
                true => limit.soft.to_string(),
                false => format!("{}:{}", limit.soft, limit.hard),
            };
            fields.set_item(Key::Ulimits, name, Value::text(text));
        }
        let blkio = &self.blkio;
        fields.set(Key::BlkioConfig, int(blkio.weight));
        let devices = [
            ("weight_device", &blkio.weight_device),
            ("device_read_bps", &blkio.device_read_bps),
            ("device_read_iops", &blkio.device_read_iops),
            ("device_write_bps", &blkio.device_write_bps),
            ("device_write_iops", &blkio.device_write_iops),
        ];
        for (name, map) in devices {
            if !map.is_empty() {
                let map = map.iter().map(|(path, n)| (path.clone(), Value::Int(*n))).collect();
                fields.set_item(Key::BlkioConfig, name, Value::Map(map));
            }
        }
        fields.set(Key::OomKillDisable, Value::Bool(self.oom_kill_disable));
    }

    fn set_rights(&self, fields: &mut Fields) {
        fields.set(Key::Privileged, Value::Bool(self.privileged));
        let sets = [
            (Key::CapAdd, &self.cap_add),
            (Key::CapDrop, &self.cap_drop),
            (Key::SecurityOpt, &self.own_security_opt()),
            (Key::DeviceCgroupRules, &self.device_cgroup_rules),
            (Key::GroupAdd, &self.group_add),
        ];
        for (key, set) in sets {
            fields.set(key, Value::texts(set));
        }
        set_strings(fields, Key::Sysctls, &self.sysctls);
        let texts = [
            (Key::UsernsMode, &self.userns_mode),
            (Key::Uts, &self.uts),
            (Key::Cgroup, &self.cgroup),
            (Key::CgroupParent, &self.cgroup_parent),
            (Key::Runtime, &self.runtime),
            (Key::Isolation, &self.isolation),
        ];
        for (key, text) in texts {
            fields.set_text(key, text.as_deref());
        }
        fields.set(Key::Pid, pid_mode(&self.pid));
        fields.set(Key::Ipc, ipc_mode(&self.ipc));
    }
}

impl ContainerSpec {
    /// The security options without the one that the engine adds for these privileges by itself, and
    /// which says nothing beside them.
    fn own_security_opt(&self) -> BTreeSet<String> {
        let adds_label = self.privileged || self.pid == PidMode::Host || self.ipc == IpcMode::Host;
        let added = |option: &str| adds_label && matches!(option, "label=disable" | "label:disable");
        self.security_opt.iter().filter(|option| !added(option)).cloned().collect()
    }
}

impl NetworkSpec {
    /// The normal form.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.set(Key::Name, Value::text(&self.name));
        fields.set_text(Key::Driver, self.driver.as_deref());
        set_strings(&mut fields, Key::DriverOpts, &self.driver_opts);
        fields.set(Key::Internal, Value::Bool(self.internal));
        fields.set(Key::Attachable, Value::Bool(self.attachable));
        fields.set(Key::EnableIpv6, Value::Bool(self.enable_ipv6.unwrap_or(false)));
        if self.enable_ipv4 == Some(false) {
            fields.set(Key::EnableIpv4, Value::text("false"));
        }
        fields.set_text(Key::IpamDriver, self.ipam_driver.as_deref());
        for pool in &self.ipam_pools {
            let subnet = pool.subnet.clone().unwrap_or_else(|| "any".to_owned());
            let mut text: Vec<String> = Vec::new();
            text.extend(pool.ip_range.iter().map(|r| format!("range {r}")));
            text.extend(pool.gateway.iter().filter(|g| !pool.is_default_gateway(g)).map(|g| format!("gateway {g}")));
            text.extend(pool.aux_addresses.iter().map(|(name, address)| format!("{name} {address}")));
            fields.set_item(Key::IpamConfig, subnet, Value::text(text.join(", ")));
        }
        set_texts(&mut fields, Key::Labels, &self.labels);
        fields
    }
}

impl VolumeSpec {
    /// The normal form.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.set(Key::Name, Value::text(&self.name));
        fields.set_text(Key::Driver, self.driver.as_deref());
        set_texts(&mut fields, Key::DriverOpts, &self.driver_opts);
        set_texts(&mut fields, Key::Labels, &self.labels);
        fields
    }
}

impl DirectorySpec {
    /// The normal form.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.set(Key::State, State::Present.into());
        fields.set_text(Key::Owner, self.owner.as_deref());
        fields.set_text(Key::Mode, self.mode.map(|m| format!("{m:04o}")).as_deref());
        fields
    }
}

impl FileSpec {
    /// The normal form. Of an env file only the variables that must be there are a field each.
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.set(Key::State, State::Present.into());
        fields.set_text(Key::Owner, self.owner.as_deref());
        fields.set(Key::Mode, Value::text(format!("{:04o}", self.mode)));
        match &self.content {
            FileContent::Exactly(bytes) => fields.set(Key::Content, Value::text(content_text(bytes))),
            FileContent::Secret(bytes) => {
                fields.set(Key::Content, Value::Text(Text::secret(content_text(bytes))));
            }
            FileContent::Variables(variables) => {
                for (name, value) in variables {
                    let value = match value {
                        Variable::Is(text) | Variable::Secret(text) | Variable::Renewed(text) => {
                            Value::from(text.clone())
                        }
                        Variable::Generated { .. } => Value::Unknown,
                    };
                    fields.set_item(Key::Environment, name, value);
                }
            }
        }
        fields
    }
}

/// A platform in the engine's normal form. Source: containerd's `platforms` package: a word alone is
/// an architecture of Linux, some have other names, and the usual variant is not written.
fn platform(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let mut parts = text.split('/');
    let (os, arch) = match (parts.next().unwrap_or_default(), parts.next()) {
        (os, Some(arch)) => (os, arch),
        (arch, None) => ("linux", arch),
    };
    let (arch, usual) = match arch {
        "x86_64" | "x86-64" => ("amd64", None),
        "aarch64" => ("arm64", None),
        "armhf" | "arm" => ("arm", Some("v7")),
        "armel" => ("arm", Some("v6")),
        "i386" | "i686" => ("386", None),
        other => (other, None),
    };
    let variant = parts.next().or(usual).filter(|v| !matches!((arch, *v), ("arm64", "v8") | ("amd64", "v1")));
    let variant = variant.map(|v| format!("/{v}")).unwrap_or_default();
    format!("{os}/{arch}{variant}")
}

fn int(number: Option<i64>) -> Value {
    Value::Int(number.unwrap_or(0))
}

fn words(words: Option<&[Text]>) -> Value {
    Value::List(words.unwrap_or_default().iter().cloned().map(Value::from).collect())
}

fn set_strings(fields: &mut Fields, key: Key, map: &BTreeMap<String, String>) {
    for (item, text) in map {
        fields.set_item(key, item, Value::text(text));
    }
}

fn set_healthcheck(fields: &mut Fields, check: &Healthcheck) {
    let key = Key::Healthcheck;
    if check.is_disabled() {
        // The engine keeps the image's times beside a disabled test; they say nothing.
        fields.set_item(key, "test", Value::texts(["NONE"]));
        return;
    }
    if let Some(test) = check.test.as_deref().filter(|t| !t.is_empty()) {
        fields.set_item(key, "test", words(Some(test)));
    }
    let times = [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start_period", check.start_period),
        ("start_interval", check.start_interval),
        ("retries", check.retries),
    ];
    for (name, number) in times.into_iter().filter(|(_, n)| *n != 0) {
        fields.set_item(key, name, Value::Int(number));
    }
}

fn restart(policy: &RestartPolicy) -> Value {
    match policy {
        RestartPolicy::No => Value::text(""),
        RestartPolicy::Always => Value::text("always"),
        RestartPolicy::UnlessStopped => Value::text("unless-stopped"),
        RestartPolicy::OnFailure(0) => Value::text("on-failure"),
        RestartPolicy::OnFailure(tries) => Value::text(format!("on-failure:{tries}")),
        RestartPolicy::Other(word) => Value::text(word),
    }
}

fn network_mode(mode: &NetworkMode) -> Value {
    match mode {
        NetworkMode::Networks => Value::text(""),
        NetworkMode::Bridge => Value::text("bridge"),
        NetworkMode::Host => Value::text("host"),
        NetworkMode::None => Value::text("none"),
        NetworkMode::Container(other) => container_ref(other),
        NetworkMode::Other(word) => Value::text(word),
    }
}

fn pid_mode(mode: &PidMode) -> Value {
    match mode {
        PidMode::Private => Value::text(""),
        PidMode::Host => Value::text("host"),
        PidMode::Container(other) => container_ref(other),
        PidMode::Other(word) => Value::text(word),
    }
}

fn ipc_mode(mode: &IpcMode) -> Value {
    match mode {
        IpcMode::EngineDefault => Value::text(""),
        IpcMode::Private => Value::text("private"),
        IpcMode::Shareable => Value::text("shareable"),
        IpcMode::None => Value::text("none"),
        IpcMode::Host => Value::text("host"),
        IpcMode::Container(other) => container_ref(other),
        IpcMode::Other(word) => Value::text(word),
    }
}

fn volumes_from(others: &BTreeSet<ContainerRef>) -> Value {
    Value::List(others.iter().map(container_ref).collect())
}

fn container_ref(other: &ContainerRef) -> Value {
    let other = match other {
        ContainerRef::Gone(id) => ContainerRef::Gone(id.get(..12).unwrap_or(id).to_owned()),
        ContainerRef::Service(_) | ContainerRef::Name(_) => other.clone(),
    };
    Typed::Container(other).into()
}

/// Where a port is published; every address of IPv4 is what no address means.
fn host_port(port: &Port) -> HostPort {
    let host_ip = if port.host_ip == "0.0.0.0" { "" } else { &port.host_ip };
    HostPort { host_ip: host_ip.to_owned(), published: port.published.clone() }
}

fn device_request(request: &DeviceRequest) -> Value {
    let mut request = request.clone();
    request.capabilities.sort();
    Typed::DeviceRequest(request).into()
}

fn set_attachment(fields: &mut Fields, network: &str, end: &Attachment) {
    let mut part = |name: &'static str, value: Value| {
        let name = Field::PARTS.into_iter().find(|p| *p == name).expect("a part of networks");
        fields.set_field(Field::part(Key::Networks, network, name), value);
    };
    part("aliases", Value::texts(&end.aliases));
    part("ipv4_address", Value::text(end.ipv4_address.as_deref().unwrap_or("")));
    part("ipv6_address", Value::text(end.ipv6_address.as_deref().unwrap_or("")));
    part("link_local_ips", Value::texts(&end.link_local_ips));
    part("mac_address", Value::text(end.mac_address.as_deref().unwrap_or("")));
    part("links", Value::texts(&end.links));
    let options = end.driver_opts.iter().map(|(k, v)| (k.clone(), Value::text(v))).collect();
    part("driver_opts", Value::Map(options));
    part("gw_priority", Value::Int(end.gw_priority));
    part("interface_name", Value::text(end.interface_name.as_deref().unwrap_or("")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_form() {
        for (text, normal) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
        ] {
            assert_eq!(platform(text), normal, "{text}");
        }
    }

    #[test]
    fn an_option_that_the_engine_adds_says_nothing() {
        let option = |privileged| {
            let security_opt = BTreeSet::from(["label=disable".to_owned()]);
            ContainerSpec { privileged, security_opt, ..Default::default() }.own_security_opt()
        };
        assert!(option(true).is_empty());
        assert_eq!(option(false).len(), 1);
    }
}
