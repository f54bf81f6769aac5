//! Ports, mounts, devices, and how a service attaches to a network.

use super::*;

/// One published port.
pub static PORT: Keys = open(&[
    key("name", TEXT, Holds::Text).no_effect("an engine does not name ports"),
    key("mode", TEXT, Holds::Text),
    key("host_ip", TEXT, Holds::Text),
    key("target", INTEGER_OR_TEXT, Holds::Uint),
    key("published", INTEGER_OR_TEXT, Holds::Text),
    key("protocol", TEXT, Holds::Text),
    key("app_protocol", TEXT, Holds::Text).no_effect("an engine does not look into what a port carries"),
]);

/// One mount.
pub static VOLUME_MOUNT: Keys = open(&[
    key("type", TEXT, Holds::Text)
        .unsupported_values(&["image", "cluster", "npipe"], "hl mounts host paths, volumes and tmpfs"),
    key("source", TEXT, Holds::Text),
    key("target", TEXT, Holds::Text),
    key("read_only", BOOL_OR_TEXT, Holds::Bool),
    key("consistency", TEXT, Holds::Text).no_effect("it was for Docker Desktop on macOS"),
    key("bind", Takes::Keys(&BIND), Holds::Keys(&BIND)),
    key("volume", Takes::Keys(&VOLUME_OPTIONS), Holds::Keys(&VOLUME_OPTIONS)),
    key("tmpfs", Takes::Keys(&TMPFS), Holds::Keys(&TMPFS)),
    key("image", Takes::Keys(&IMAGE_OPTIONS), Holds::Keys(&IMAGE_OPTIONS))
        .unsupported("hl mounts host paths, volumes and tmpfs")
        .since(2, 35),
])
.requiring(&["type"]);

static BIND: Keys = open(&[
    key("selinux", Takes::Word(&["z", "Z"]), Holds::Text),
    key("propagation", TEXT, Holds::Text),
    key("create_host_path", BOOL_OR_TEXT, Holds::OptOut),
    key("recursive", Takes::Word(&["enabled", "disabled", "writable", "readonly"]), Holds::Text).since(2, 30),
]);

static VOLUME_OPTIONS: Keys = open(&[
    key("labels", LIST_OR_MAP, Holds::Mapping)
        .unsupported("hl labels the volumes of the file's own `volumes`, and no others")
        .since(2, 35),
    key("nocopy", BOOL_OR_TEXT, Holds::Bool),
    key("subpath", TEXT, Holds::Text),
]);

static TMPFS: Keys =
    open(&[key("size", Takes::Range(0, i64::MAX), Holds::Bytes), key("mode", NUMBER_OR_TEXT, Holds::Uint)]);

static IMAGE_OPTIONS: Keys = open(&[key("subpath", TEXT, Holds::Text)]);

/// A device of the host.
pub static DEVICE: Keys =
    open(&[key("source", TEXT, Holds::Text), key("target", TEXT, Holds::Text), key("permissions", TEXT, Holds::Text)])
        .requiring(&["source"]);

/// A config or a secret that a service uses.
pub static FILE_REFERENCE: Keys = open(&[
    key("source", TEXT, Holds::Text),
    key("target", TEXT, Holds::Text),
    key("uid", TEXT, Holds::Text),
    key("gid", TEXT, Holds::Text),
    key("mode", NUMBER_OR_TEXT, Holds::Mode),
]);

/// How a service attaches to a network.
pub static ATTACHMENT: Keys = open(&[
    key("aliases", TEXT_SET, Holds::Texts),
    key("driver_opts", DRIVER_OPTIONS, Holds::Mapping),
    key("gw_priority", Takes::Of(&[Type::Number]), Holds::Int).since(2, 33),
    key("interface_name", TEXT, Holds::Text).since(2, 36),
    key("ipv4_address", TEXT, Holds::Text),
    key("ipv6_address", TEXT, Holds::Text),
    key("link_local_ips", TEXT_SET, Holds::Texts),
    key("mac_address", TEXT, Holds::Text),
    key("priority", Takes::Of(&[Type::Number]), Holds::Int),
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
