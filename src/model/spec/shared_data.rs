//! Data that two containers have in common.

use std::path::Path;

use super::container::ContainerSpec;
use super::{Mount, MountKind};

/// Folders whose paths are those of the machine, such as the engine's socket, and no data of a container.
const MACHINE: [&str; 6] = ["/dev", "/etc", "/proc", "/run", "/sys", "/var/run"];

impl ContainerSpec {
    /// Whether two containers write to one volume, or to paths of which one is in the other.
    pub fn shares_data_with(&self, other: &ContainerSpec) -> bool {
        let others = data(other);
        data(self).iter().any(|own| others.iter().any(|other| meet(own, other)))
    }
}

fn data(spec: &ContainerSpec) -> Vec<&MountKind> {
    let writable = spec.mounts.values().filter(|mount: &&Mount| !mount.read_only).map(|mount| &mount.kind);
    let is_machines = |source: &str| MACHINE.iter().any(|folder| Path::new(source).starts_with(folder));
    writable.filter(|kind| !matches!(kind, MountKind::Bind { source, .. } if is_machines(source))).collect()
}

fn meet(a: &MountKind, b: &MountKind) -> bool {
    match (a, b) {
        (MountKind::Volume { source: a, .. }, MountKind::Volume { source: b, .. }) => a == b,
        (MountKind::Bind { source: a, .. }, MountKind::Bind { source: b, .. }) => {
            Path::new(a).starts_with(b) || Path::new(b).starts_with(a)
        }
        _ => false,
    }
}
