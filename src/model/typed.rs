//! Typed values of fields: the state of a thing, and the settings of a container that have parts. None of them holds a
//! secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A value of a field that is more than a text or a number. Fields hold it in normal form: what the engine fills in by
/// itself, or does not show, is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Whether a container runs, or what a path is.
    State(State),
    /// The end of a container on a network.
    End(NetworkEnd),
    /// The mount at a target.
    Mount(Mount),
    /// Where a port of a container is published.
    HostPort(HostPort),
    /// The container that something is shared with.
    Container(ContainerRef),
    /// A device of the node.
    Device(Device),
    /// A request to a device driver.
    DeviceRequest(DeviceRequest),
}

/// The value of the field `state`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A container has this status.
    Container(Status),
    /// A container runs in a namespace of this one, which has been started anew since and has another one.
    CutOff(String),
    /// A container does not run, however it ended.
    Stopped,
    /// A path is there, and is the file or the directory that it should be.
    Present,
    /// A path is there, and is something else than it should be.
    Instead(FileKind),
}

impl State {
    /// A container runs.
    pub const RUNNING: State = State::Container(Status::Running);
}

/// Whether a container runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Made and never started.
    Created,
    /// Runs.
    Running,
    /// Runs, frozen.
    Paused,
    /// Between two starts by its restart policy, or started just now after it has ended several times.
    Restarting,
    /// Ended.
    Exited {
        /// With this code.
        code: i64,
    },
    /// Being removed.
    Removing,
    /// Broken; only removal is left.
    Dead,
}

impl Status {
    /// Whether something of the container runs, or will by itself: it has its ports and addresses, writes to its data, and
    /// has to be stopped before it goes.
    pub fn is_up(&self) -> bool {
        matches!(self, Status::Running | Status::Restarting | Status::Paused)
    }
}

/// The file type of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// The end of a container on a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkEnd {
    /// The container is attached to the network.
    Attached,
    /// The network that the container was attached to is gone, even if there is one of the same name.
    Gone,
}

/// Another container that this one shares something with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerRef {
    /// A Compose service of the same project.
    Service(String),
    /// A container by name.
    Name(String),
    /// A container that is gone; what is left is its id. In fields its first twelve digits.
    Gone(String),
}

/// Where a port of a container is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Address on the node; empty is every address. In fields `0.0.0.0` is empty.
    pub host_ip: String,
    /// Port on the node, or a range to choose from; empty is any free one.
    pub published: String,
}

/// The mount at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The kind of mount, with its source and options.
    pub kind: MountKind,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// The kinds of mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// A path of the node.
    Bind {
        /// The path.
        source: String,
        /// `rprivate` and the like; absent is the engine's default.
        propagation: Option<String>,
        /// `z` or `Z`.
        selinux: Option<String>,
        /// Whether a missing path is an error instead of made.
        must_exist: bool,
        /// `bind.recursive`.
        recursive: Option<String>,
    },
    /// A named volume by its real name.
    Volume {
        /// The name.
        source: String,
        /// Whether the image's files at the target are not copied into an empty volume.
        nocopy: bool,
        /// A folder in the volume.
        subpath: Option<String>,
    },
    /// A volume without a name.
    Anonymous,
    /// Memory.
    Tmpfs {
        /// Bytes.
        size: Option<i64>,
        /// Mode bits.
        mode: Option<i64>,
    },
    /// The file system of an image.
    Image {
        /// The image.
        source: String,
        /// A folder in it.
        subpath: Option<String>,
    },
    /// A kind that hl does not know and the engine may.
    Other {
        /// Its type word.
        kind: String,
        /// Its source.
        source: String,
    },
}

impl MountKind {
    /// The propagation of a bind mount that asks for none. Source: the engine's `linux` mount parser.
    pub const DEFAULT_PROPAGATION: &str = "rprivate";

    /// The source of the mount, without the mount options.
    pub fn source(&self) -> MountSource<'_> {
        match self {
            MountKind::Bind { source, .. } => MountSource::Path(source),
            MountKind::Volume { source, .. } => MountSource::Volume(source),
            MountKind::Image { source, .. } => MountSource::Image(source),
            MountKind::Other { kind, source } => MountSource::Other(kind, source),
            MountKind::Anonymous => MountSource::Anonymous,
            MountKind::Tmpfs { .. } => MountSource::Memory,
        }
    }
}

/// The source of a mount, without the mount options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountSource<'a> {
    /// A path of the node.
    Path(&'a str),
    /// A named volume.
    Volume(&'a str),
    /// The file system of an image.
    Image(&'a str),
    /// A source of a kind that hl does not know: kind and source.
    Other(&'a str, &'a str),
    /// A volume without a name.
    Anonymous,
    /// Memory.
    Memory,
}

impl fmt::Display for MountSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MountSource::Path(path) => f.write_str(path),
            MountSource::Volume(name) => write!(f, "volume {name}"),
            MountSource::Image(name) => write!(f, "image {name}"),
            MountSource::Other(kind, source) => write!(f, "{kind} {source}"),
            MountSource::Anonymous => f.write_str("anonymous volume"),
            MountSource::Memory => f.write_str("tmpfs"),
        }
    }
}

impl Mount {
    /// The same as fields hold it. That the source must exist is seen at the creation alone, the default propagation is
    /// the same as none, and zero is how the engine writes "not set".
    #[must_use]
    pub fn normal(&self) -> Mount {
        let mut normal = self.clone();
        match &mut normal.kind {
            MountKind::Bind { propagation, must_exist, .. } => {
                *must_exist = false;
                *propagation = propagation.take().filter(|p| p != MountKind::DEFAULT_PROPAGATION);
            }
            MountKind::Tmpfs { size, mode } => {
                *size = size.filter(|bytes| *bytes != 0);
                *mode = mode.filter(|bits| *bits != 0);
            }
            MountKind::Volume { .. } | MountKind::Anonymous | MountKind::Image { .. } | MountKind::Other { .. } => {}
        }
        normal
    }
}

/// A device of the node in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its path on the node.
    pub source: String,
    /// Letters of `rwm`.
    pub permissions: String,
}

/// A request to a device driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRequest {
    /// `nvidia`, `cdi` and the like.
    pub driver: String,
    /// How many; -1 is all.
    pub count: i64,
    /// Which ones.
    pub device_ids: Vec<String>,
    /// The capabilities that the devices must have. Sorted in fields.
    pub capabilities: Vec<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

impl DeviceRequest {
    /// The request in one line. It does not distinguish a device id from a count of devices, so it cannot be read
    /// back.
    pub fn words(&self) -> String {
        let mut words = vec![if self.driver.is_empty() { "any driver" } else { &self.driver }.to_owned()];
        words.extend((self.count != 0).then(|| match self.count {
            -1 => "all".to_owned(),
            n => n.to_string(),
        }));
        words.extend(self.device_ids.iter().cloned());
        words.extend((!self.capabilities.is_empty()).then(|| format!("capabilities {}", self.capabilities.join("+"))));
        words.extend(self.options.iter().map(|(k, v)| format!("{k}={v}")));
        words.join(", ")
    }
}
