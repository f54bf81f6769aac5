//! Ports, mounts, devices, and how a service attaches to a network.

use super::*;

/// One published port.
pub static PORT: Keys = open(&[
    key("name", TEXT, ValueType::Text).no_effect("an engine does not name ports"),
    key("mode", TEXT, ValueType::Text),
    key("host_ip", TEXT, ValueType::Text),
    key("target", INTEGER_OR_TEXT, ValueType::Uint),
    key("published", INTEGER_OR_TEXT, ValueType::Text),
    key("protocol", TEXT, ValueType::Text),
    key("app_protocol", TEXT, ValueType::Text).no_effect("an engine does not look into what a port carries"),
]);

/// One mount.
pub static VOLUME_MOUNT: Keys = open(&[
    key("type", TEXT, ValueType::Text)
        .unsupported_values(&["image", "cluster", "npipe"], "hl mounts host paths, volumes and tmpfs")
        .way_out("mount a host path (`bind`), a volume (`volume`) or `tmpfs`"),
    key("source", TEXT, ValueType::Text),
    key("target", TEXT, ValueType::Text),
    key("read_only", BOOL_OR_TEXT, ValueType::Bool),
    key("consistency", TEXT, ValueType::Text).no_effect("it was for Docker Desktop on macOS"),
    key("bind", Accepts::Keys(&BIND), ValueType::Keys(&BIND)),
    key("volume", Accepts::Keys(&VOLUME_OPTIONS), ValueType::Keys(&VOLUME_OPTIONS)),
    key("tmpfs", Accepts::Keys(&TMPFS), ValueType::Keys(&TMPFS)),
    key("image", Accepts::Keys(&IMAGE_OPTIONS), ValueType::Keys(&IMAGE_OPTIONS))
        .unsupported("hl mounts host paths, volumes and tmpfs")
        .since(2, 35),
])
.requiring(&["type"]);

static BIND: Keys = open(&[
    key("selinux", Accepts::Word(&["z", "Z"]), ValueType::Text),
    key("propagation", TEXT, ValueType::Text),
    key("create_host_path", BOOL_OR_TEXT, ValueType::OptOut),
    key("recursive", Accepts::Word(&["enabled", "disabled", "writable", "readonly"]), ValueType::Text).since(2, 30),
]);

static VOLUME_OPTIONS: Keys = open(&[
    key("labels", LIST_OR_MAP, ValueType::Mapping)
        .unsupported("hl labels the volumes of the file's own `volumes`, and no others")
        .way_out("define the volume under `volumes` at the top level, with its labels")
        .since(2, 35),
    key("nocopy", BOOL_OR_TEXT, ValueType::Bool),
    key("subpath", TEXT, ValueType::Text),
]);

static TMPFS: Keys =
    open(&[key("size", Accepts::Range(0, i64::MAX), ValueType::Bytes), key("mode", NUMBER_OR_TEXT, ValueType::Uint)]);

static IMAGE_OPTIONS: Keys = open(&[key("subpath", TEXT, ValueType::Text)]);

/// A device of the host.
pub static DEVICE: Keys = open(&[
    key("source", TEXT, ValueType::Text),
    key("target", TEXT, ValueType::Text),
    key("permissions", TEXT, ValueType::Text),
])
.requiring(&["source"]);

/// A config or a secret that a service uses.
pub static FILE_REFERENCE: Keys = open(&[
    key("source", TEXT, ValueType::Text),
    key("target", TEXT, ValueType::Text),
    key("uid", TEXT, ValueType::Text),
    key("gid", TEXT, ValueType::Text),
    key("mode", NUMBER_OR_TEXT, ValueType::Mode),
]);

/// The configs or secrets that a service uses.
pub(super) const FILE_REFERENCES: Accepts = Accepts::List(&Accepts::Either(&[TEXT, Accepts::Keys(&FILE_REFERENCE)]));

/// How a service attaches to a network.
pub static ATTACHMENT: Keys = open(&[
    key("aliases", TEXT_SET, ValueType::Texts),
    key("driver_opts", DRIVER_OPTIONS, ValueType::Mapping),
    key("gw_priority", Accepts::Of(&[Type::Number]), ValueType::Int).since(2, 33),
    key("interface_name", TEXT, ValueType::Text).since(2, 36),
    key("ipv4_address", TEXT, ValueType::Text),
    key("ipv6_address", TEXT, ValueType::Text),
    key("link_local_ips", TEXT_SET, ValueType::Texts),
    key("mac_address", TEXT, ValueType::Text),
    key("priority", Accepts::Of(&[Type::Number]), ValueType::Int),
])
.once_ordered(&[
    "priority",
    "gw_priority",
    "aliases",
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "driver_opts",
]);
