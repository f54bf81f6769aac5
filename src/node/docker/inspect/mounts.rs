//! The mounts of a container: Binds, Mounts and tmpfs in one map by target.
//!
//! The engine takes the same mount as a line of Binds or as an entry of Mounts, and clients differ
//! in which they send for what.

use std::collections::BTreeMap;

use super::host::HostConfig;
use super::{api_types, word};
use crate::model::spec::{ContainerSpec, Mount, MountKind};

/// Fills in the mounts, and gives the engine's names of the anonymous volumes by target.
pub fn read(
    config: &api_types::Config,
    host: &HostConfig,
    points: Vec<api_types::MountPoint>,
    spec: &mut ContainerSpec,
) -> BTreeMap<String, String> {
    spec.volume_driver = word(host.volume_driver.as_ref());
    spec.tmpfs = host.tmpfs.clone().unwrap_or_default();
    spec.mounts.extend(host.binds.iter().flatten().map(|line| bind_line(line)));
    spec.mounts.extend(host.mounts.iter().flatten().map(mount));
    // A VOLUME of the image that nothing else is mounted at shows only in the list of what is mounted.
    for target in config.volumes.iter().flat_map(BTreeMap::keys).map(|t| clean(t)) {
        let is_mounted = points.iter().any(|p| p.destination.as_deref().map(clean).as_deref() == Some(&target));
        if is_mounted && !spec.tmpfs.contains_key(&target) {
            spec.mounts.entry(target).or_insert(Mount { kind: MountKind::Anonymous, read_only: false });
        }
    }
    let anonymous = |target: &String| spec.mounts.get(target).is_some_and(|m| m.kind == MountKind::Anonymous);
    points
        .into_iter()
        .filter_map(|point| Some((clean(&point.destination?), point.name?)))
        .filter(|(target, name)| anonymous(target) && is_generated(name))
        .collect()
}

/// Whether the engine made this name of a volume: 64 hex digits.
pub fn is_generated(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `source:target[:options]`. A source that is no path is the name of a volume.
fn bind_line(line: &str) -> (String, Mount) {
    let mut parts = line.splitn(3, ':');
    let first = parts.next().unwrap_or_default();
    let Some(target) = parts.next() else {
        return (clean(first), Mount { kind: MountKind::Anonymous, read_only: false });
    };
    let options: Vec<&str> = parts.next().unwrap_or_default().split(',').collect();
    let find = |words: &[&str]| options.iter().find(|o| words.contains(o)).map(|o| (*o).to_owned());
    let kind = if first.starts_with('/') {
        MountKind::Bind {
            source: first.to_owned(),
            propagation: find(&["private", "rprivate", "shared", "rshared", "slave", "rslave"]),
            selinux: find(&["z", "Z"]),
            must_exist: false,
            recursive: None,
        }
    } else if is_generated(first) {
        MountKind::Anonymous
    } else {
        MountKind::Volume { source: first.to_owned(), nocopy: options.contains(&"nocopy"), subpath: None }
    };
    (clean(target), Mount { kind, read_only: options.contains(&"ro") })
}

fn mount(mount: &api_types::Mount) -> (String, Mount) {
    let source = mount.source.clone().unwrap_or_default();
    let kind = match mount.kind.as_deref().unwrap_or_default() {
        "bind" => bind(source, mount.bind_options.as_ref()),
        "volume" if source.is_empty() || is_generated(&source) => MountKind::Anonymous,
        "volume" => {
            let options = mount.volume_options.as_ref();
            MountKind::Volume {
                source,
                nocopy: options.and_then(|o| o.no_copy).unwrap_or(false),
                subpath: options.and_then(|o| word(o.subpath.as_ref())),
            }
        }
        "tmpfs" => MountKind::Tmpfs {
            size: mount.tmpfs_options.as_ref().and_then(|o| o.size_bytes).filter(|s| *s != 0),
            mode: mount.tmpfs_options.as_ref().and_then(|o| o.mode).filter(|m| *m != 0),
        },
        "image" => {
            MountKind::Image { source, subpath: mount.image_options.as_ref().and_then(|o| word(o.subpath.as_ref())) }
        }
        other => MountKind::Other { kind: other.to_owned(), source },
    };
    let target = clean(mount.target.as_deref().unwrap_or_default());
    (target, Mount { kind, read_only: mount.read_only.unwrap_or(false) })
}

fn bind(source: String, options: Option<&api_types::BindOptions>) -> MountKind {
    let is = |option: fn(&api_types::BindOptions) -> Option<bool>| options.and_then(option).unwrap_or(false);
    // The three words of Compose's `bind.recursive` besides `enabled`, which is the engine's default.
    let recursive = if is(|o| o.non_recursive) {
        Some("disabled")
    } else if is(|o| o.read_only_force_recursive) {
        Some("readonly")
    } else if is(|o| o.read_only_non_recursive) {
        Some("writable")
    } else {
        None
    };
    MountKind::Bind {
        source,
        propagation: options.and_then(|o| word(o.propagation.as_ref())),
        selinux: None,
        must_exist: !is(|o| o.create_mountpoint),
        recursive: recursive.map(str::to_owned),
    }
}

/// A path as the engine cleans it: without doubled or trailing slashes and dots.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
