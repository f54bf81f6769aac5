//! The mounts of a container: lines of Binds where these can express them, entries of Mounts for the rest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{NoBody, shared_container};
use crate::model::spec::{Mount, MountKind};
use crate::node::{ApiVersion, NewContainer};

/// From this version on an entry of Mounts can have a missing path made.
const CREATE_MOUNTPOINT: ApiVersion = ApiVersion::new(1, 42);

/// Puts Binds, Mounts, Tmpfs and VolumesFrom into a `HostConfig`.
pub fn insert(new: &NewContainer<'_>, api: ApiVersion, host: &mut Map<String, Value>) -> Result<(), NoBody> {
    let spec = new.spec;
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    for (target, mount) in &spec.mounts {
        match bind_line(target, mount) {
            Some(line) => binds.push(Value::from(line)),
            None => mounts.push(entry(target, mount, new.inherited_volumes, api)),
        }
    }
    // A VOLUME of the image stands in no spec; it is taken over all the same.
    for (target, volume) in new.inherited_volumes.iter().filter(|(target, _)| !spec.mounts.contains_key(*target)) {
        mounts.push(json!({"Type": "volume", "Source": volume, "Target": target}));
    }
    for (key, list) in [("Binds", binds), ("Mounts", mounts)] {
        if !list.is_empty() {
            host.insert(key.to_owned(), list.into());
        }
    }
    if !spec.tmpfs.is_empty() {
        host.insert("Tmpfs".to_owned(), json!(spec.tmpfs));
    }
    if !spec.volumes_from.is_empty() {
        let from = spec.volumes_from.iter().map(|other| shared_container(new, other));
        host.insert("VolumesFrom".to_owned(), json!(from.collect::<Result<Vec<_>, _>>()?));
    }
    Ok(())
}

/// `source:target:options`, if that can say all that the mount says. It makes missing paths, and it
/// is the only way to set SELinux labels; a path with a colon would be read wrongly.
fn bind_line(target: &str, mount: &Mount) -> Option<String> {
    let (source, mut options) = match &mount.kind {
        MountKind::Bind { source, propagation, selinux, must_exist, recursive } => {
            if (*must_exist && selinux.is_none()) || recursive.is_some() {
                return None;
            }
            (source, selinux.iter().chain(propagation).map(String::as_str).collect::<Vec<_>>())
        }
        MountKind::Volume { source, nocopy: false, subpath: None } => (source, Vec::new()),
        MountKind::Volume { .. }
        | MountKind::Anonymous
        | MountKind::Tmpfs { .. }
        | MountKind::Image { .. }
        | MountKind::Other { .. } => return None,
    };
    if source.contains(':') || target.contains(':') {
        return None;
    }
    options.insert(0, if mount.read_only { "ro" } else { "rw" });
    Some(format!("{source}:{target}:{}", options.join(",")))
}

fn entry(target: &str, mount: &Mount, inherited_volumes: &BTreeMap<String, String>, api: ApiVersion) -> Value {
    let mut entry = match &mount.kind {
        MountKind::Bind { source, propagation, selinux: _, must_exist, recursive } => {
            let mut options = Map::new();
            if let Some(propagation) = propagation {
                options.insert("Propagation".to_owned(), propagation.as_str().into());
            }
            if !must_exist && api >= CREATE_MOUNTPOINT {
                options.insert("CreateMountpoint".to_owned(), true.into());
            }
            let recursive = match recursive.as_deref() {
                Some("disabled") => Some("NonRecursive"),
                Some("writable") => Some("ReadOnlyNonRecursive"),
                Some("readonly") => Some("ReadOnlyForceRecursive"),
                _ => None,
            };
            if let Some(option) = recursive {
                options.insert(option.to_owned(), true.into());
            }
            json!({"Type": "bind", "Source": source, "BindOptions": options})
        }
        MountKind::Volume { source, nocopy, subpath } => {
            let mut options = Map::new();
            if *nocopy {
                options.insert("NoCopy".to_owned(), true.into());
            }
            if let Some(subpath) = subpath {
                options.insert("Subpath".to_owned(), subpath.as_str().into());
            }
            json!({"Type": "volume", "Source": source, "VolumeOptions": options})
        }
        MountKind::Anonymous => match inherited_volumes.get(target) {
            Some(volume) => json!({"Type": "volume", "Source": volume}),
            None => json!({"Type": "volume"}),
        },
        MountKind::Tmpfs { size, mode } => {
            json!({"Type": "tmpfs", "TmpfsOptions": {"SizeBytes": size.unwrap_or(0), "Mode": mode.unwrap_or(0)}})
        }
        MountKind::Image { source, subpath } => {
            let options = subpath.as_ref().map_or_else(|| json!({}), |path| json!({"Subpath": path}));
            json!({"Type": "image", "Source": source, "ImageOptions": options})
        }
        MountKind::Other { kind, source } => json!({"Type": kind, "Source": source}),
    };
    entry["Target"] = target.into();
    if mount.read_only {
        entry["ReadOnly"] = true.into();
    }
    entry
}
