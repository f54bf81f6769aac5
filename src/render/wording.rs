//! Typed values in words: states, mounts, published ports, shared containers, devices.

use crate::model::typed::{FileKind, HostPort, Mount, MountKind, NetworkEnd, State, Status};
use crate::model::{Typed, notation};

/// A typed value on one line.
pub fn typed(value: &Typed) -> String {
    match value {
        Typed::State(state) => self::state(state),
        Typed::End(NetworkEnd::Attached) => "attached".to_owned(),
        Typed::End(NetworkEnd::Gone) => "gone".to_owned(),
        Typed::Mount(mount) => {
            let words = std::iter::once(mount.kind.source().to_string()).chain(options(mount));
            words.collect::<Vec<_>>().join(", ")
        }
        Typed::HostPort(port) => host_port(port),
        // Users write these so themselves.
        Typed::Container(_) | Typed::Device(_) | Typed::DeviceRequest(_) => notation::text(value),
    }
}

/// A state, as it stands after the name of what is in it.
pub fn state(state: &State) -> String {
    match state {
        State::Container(status) => self::status(status),
        State::CutOff(owner) => format!("cut off from {owner}, which was started anew"),
        State::Stopped => "stopped".to_owned(),
        State::Present => "present".to_owned(),
        State::Instead(FileKind::File) => "a file".to_owned(),
        State::Instead(FileKind::Directory) => "a directory".to_owned(),
        State::Instead(FileKind::Other) => "neither a file nor a directory".to_owned(),
    }
}

/// The status of a container.
pub fn status(status: &Status) -> String {
    match status {
        Status::Created => "created, never started".to_owned(),
        Status::Running => "running".to_owned(),
        Status::Paused => "paused".to_owned(),
        Status::Restarting => "restarting again and again".to_owned(),
        Status::Exited { code } => format!("exited ({code})"),
        Status::Removing => "being removed".to_owned(),
        Status::Dead => "dead".to_owned(),
    }
}

/// How it is mounted, where that is not the usual way.
pub fn options(mount: &Mount) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    match &mount.kind {
        MountKind::Bind { propagation, selinux, recursive, source: _, must_exist: _ } => {
            words.extend(propagation.iter().chain(selinux).cloned());
            words.extend(recursive.iter().map(|how| format!("recursive {how}")));
        }
        MountKind::Volume { nocopy, subpath, source: _ } => {
            words.extend(nocopy.then(|| "nocopy".to_owned()));
            words.extend(subpath.iter().map(|path| format!("subpath {path}")));
        }
        MountKind::Tmpfs { size, mode } => {
            words.extend(size.map(|bytes| format!("size {bytes}")));
            words.extend(mode.map(|bits| format!("mode {bits:o}")));
        }
        MountKind::Image { subpath, source: _ } => words.extend(subpath.iter().map(|path| format!("subpath {path}"))),
        MountKind::Anonymous | MountKind::Other { .. } => {}
    }
    words.extend(mount.read_only.then(|| "read-only".to_owned()));
    words
}

fn host_port(HostPort { host_ip, published }: &HostPort) -> String {
    let ip = match host_ip.as_str() {
        "" => String::new(),
        ip if ip.contains(':') => format!("[{ip}]:"),
        ip => format!("{ip}:"),
    };
    match (ip.as_str(), published.as_str()) {
        ("", "") => "any free port".to_owned(),
        (ip, "") => format!("{ip}any"),
        (ip, port) => format!("{ip}{port}"),
    }
}

/// An id as Docker shows it; a name as it is.
pub fn short(id: &str) -> &str {
    let bare = id.strip_prefix("sha256:").unwrap_or(id);
    let is_id = bare.len() == 64 && bare.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { &bare[..12] } else { id }
}
