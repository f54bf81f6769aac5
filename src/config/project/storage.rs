//! The storage and the devices of a container: mounts, tmpfs, devices.

use std::collections::BTreeMap;

use super::conversions::{flag, number, text_map};
use super::{Builder, Home, Purpose, entries};
use crate::compose::yaml::Node;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::spec::{ContainerRef, ContainerSpec, Device, DeviceRequest, Mount, MountKind};

/// The count of a device request that says neither how many nor which: all.
const ALL: i64 = -1;

impl Builder<'_> {
    /// Sets all that is about storage and devices.
    pub(super) fn set_storage(&mut self, service: &Node, spec: &mut ContainerSpec) {
        for node in service.get("volumes").and_then(Node::as_list).into_iter().flatten() {
            let Some(target) = self.plain(node.get("target")) else { continue };
            let read_only = flag(node.get("read_only"));
            if let Some(kind) = self.mount(node, &target, read_only) {
                spec.mounts.insert(target, Mount { kind, read_only });
            }
        }
        for text in self.plain_list(service.get("tmpfs")) {
            let (path, options) = text.split_once(':').unwrap_or((&text, ""));
            spec.tmpfs.insert(path.to_owned(), options.to_owned());
        }
        for text in self.plain_list(service.get("volumes_from")) {
            let other = match text.split(':').collect::<Vec<_>>().as_slice() {
                ["container", name, ..] => ContainerRef::Name((*name).to_owned()),
                [service, ..] => ContainerRef::Service((*service).to_owned()),
                [] => continue,
            };
            spec.volumes_from.insert(other);
        }
        spec.volume_driver = self.plain(service.get("volume_driver"));
        spec.storage_opt = self.plain_map(service.get("storage_opt"));
        spec.shm_size = number(service.get("shm_size"));
        spec.read_only = flag(service.get("read_only"));
        self.set_devices(service, spec);
    }

    fn mount(&mut self, node: &Node, target: &str, read_only: bool) -> Option<MountKind> {
        let source = self.plain(node.get("source"));
        match self.plain(node.get("type")).as_deref() {
            Some("bind") => {
                let source = self.host_path(source?, node)?;
                let purpose = if read_only { Purpose::Read } else { Purpose::Write };
                self.reads(&source, target, purpose, node.span);
                let options = node.get("bind");
                let option = |key: &str| options.and_then(|o| o.get(key));
                Some(MountKind::Bind {
                    source,
                    propagation: self.plain(option("propagation")),
                    selinux: self.plain(option("selinux")),
                    // Since 2.35 Compose makes a missing path for the long form, too, unless told not to.
                    must_exist: option("create_host_path").is_some_and(|n| !flag(Some(n))),
                    recursive: self.plain(option("recursive")),
                })
            }
            Some("tmpfs") => {
                let options = node.get("tmpfs");
                let option = |key: &str| number(options.and_then(|o| o.get(key)));
                Some(MountKind::Tmpfs { size: option("size"), mode: option("mode") })
            }
            // Every other type has been refused by the loader.
            _ => Some(match source {
                None => MountKind::Anonymous,
                Some(key) => {
                    let defined = entries(&self.project.tree, "volumes").and_then(|volumes| volumes.get(&key));
                    let options = node.get("volume");
                    MountKind::Volume {
                        source: self.plain(defined.and_then(|e| e.node.get("name"))).unwrap_or(key),
                        nocopy: flag(options.and_then(|o| o.get("nocopy"))),
                        subpath: self.plain(options.and_then(|o| o.get("subpath"))),
                    }
                }
            }),
        }
    }

    /// A path of the machine; one that is not absolute by now begins with `~`.
    pub(super) fn host_path(&mut self, path: String, node: &Node) -> Option<String> {
        if path.starts_with('/') {
            return Some(path);
        }
        if self.home == Home::NotAsked && path.starts_with('~') {
            self.made.waits_for_home = true;
            return Some(path);
        }
        let words = format!("`{path}` has no meaning on that machine");
        let detail = "It does not tell the home folder of the user who logs in there.";
        let hint = "write an absolute path, or a variable from the node's `vars`";
        self.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").detail(detail).hint(hint));
        None
    }

    fn set_devices(&mut self, service: &Node, spec: &mut ContainerSpec) {
        for node in service.get("devices").and_then(Node::as_list).into_iter().flatten() {
            let Some(source) = self.plain(node.get("source")) else { continue };
            if is_cdi_name(&source) {
                let request = DeviceRequest { driver: "cdi".into(), device_ids: vec![source], ..Default::default() };
                spec.device_requests.push(request);
                continue;
            }
            let target = self.plain(node.get("target")).unwrap_or_else(|| source.clone());
            let permissions = self.plain(node.get("permissions")).unwrap_or_else(|| "rwm".to_owned());
            spec.devices.insert(target, Device { source, permissions });
        }
        let reserved = ["deploy", "resources", "reservations", "devices"];
        let reserved = reserved.iter().try_fold(service, |node, key| node.get(key));
        for (list, implied) in [(reserved, None), (service.get("gpus"), Some("gpu"))] {
            for node in list.and_then(Node::as_list).into_iter().flatten() {
                let request = self.device_request(node, implied);
                spec.device_requests.push(request);
            }
        }
    }

    fn device_request(&mut self, node: &Node, implied: Option<&str>) -> DeviceRequest {
        let device_ids = self.plain_list(node.get("device_ids"));
        let count = match node.get("count") {
            Some(count) => number(Some(count)).unwrap_or(0),
            None if device_ids.is_empty() => ALL,
            None => 0,
        };
        let mut capabilities = self.plain_list(node.get("capabilities"));
        if let Some(word) = implied.filter(|word| !capabilities.iter().any(|c| c == word)) {
            capabilities.push(word.to_owned());
        }
        let options = text_map(node.get("options"));
        let options = options.iter().filter_map(|(k, v)| Some((k.clone(), v.expose()?.to_owned())));
        DeviceRequest {
            driver: self.plain(node.get("driver")).unwrap_or_default(),
            count,
            device_ids,
            capabilities,
            options: options.collect::<BTreeMap<_, _>>(),
        }
    }
}

/// Whether a device is a name of the Container Device Interface: `vendor.com/class=name`.
fn is_cdi_name(source: &str) -> bool {
    !source.starts_with('/')
        && source.split_once('=').is_some_and(|(kind, name)| kind.contains('/') && !name.is_empty())
}
