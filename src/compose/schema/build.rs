//! The keys of `build`, `develop` and of hooks.

use super::mount::FILE_REFERENCE;
use super::service::{FILE_REFERENCES, ULIMITS};
use super::*;

const BUILDKIT: &str = "only BuildKit can do it";

/// `build`.
pub static BUILD: Keys = open(&[
    key("context", TEXT, Holds::Text),
    key("dockerfile", TEXT, Holds::Text),
    key("dockerfile_inline", TEXT, Holds::Text),
    key("entitlements", TEXTS, Holds::Texts).unsupported(BUILDKIT),
    key("args", LIST_OR_MAP, Holds::Variables),
    key("provenance", BOOL_OR_TEXT, Holds::Text).no_effect("it only adds an attestation").since(2, 39),
    key("sbom", BOOL_OR_TEXT, Holds::Text).no_effect("it only adds an attestation").since(2, 39),
    key("ssh", LIST_OR_MAP, Holds::Ssh).unsupported(BUILDKIT),
    key("labels", LIST_OR_MAP, Holds::Mapping),
    key("cache_from", TEXTS, Holds::TextOrTexts),
    key("cache_to", TEXTS, Holds::TextOrTexts).no_effect("hl exports no build cache"),
    key("no_cache", BOOL_OR_TEXT, Holds::Bool),
    key("no_cache_filter", TEXT_OR_SET, Holds::TextOrTexts).unsupported(BUILDKIT).since(5, 0),
    key("additional_contexts", LIST_OR_MAP, Holds::Mapping).unsupported(BUILDKIT),
    key("pull", BOOL_OR_TEXT, Holds::Bool),
    key("extra_hosts", HOSTS, Holds::Hosts),
    key("isolation", TEXT, Holds::Text).unsupported("it is for containers of Windows"),
    key("network", TEXT, Holds::Text),
    key("target", TEXT, Holds::Text),
    key("secrets", FILE_REFERENCES, Holds::List(&FILE_REFERENCE)).unsupported(BUILDKIT),
    key("shm_size", INTEGER_OR_TEXT, Holds::Bytes),
    key("tags", TEXTS, Holds::TextOrTexts),
    key("ulimits", ULIMITS, Holds::Ulimits),
    key("platforms", TEXTS, Holds::TextOrTexts),
    key("privileged", BOOL_OR_TEXT, Holds::Bool).unsupported(BUILDKIT),
]);

/// `develop`.
pub static DEVELOP: Keys = open(&[key("watch", Takes::List(&Takes::Keys(&TRIGGER)), Holds::List(&TRIGGER))]);

static TRIGGER: Keys = open(&[
    key("path", TEXT, Holds::Text).always(),
    key("action", Takes::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]), Holds::Text).always(),
    key("target", TEXT, Holds::Text),
    key("exec", Takes::Keys(&HOOK), Holds::Always(&HOOK)),
    key("include", TEXT_OR_SET, Holds::TextOrTexts).since(2, 39),
    key("ignore", TEXTS, Holds::Texts),
    key("initial_sync", Takes::Of(&[Type::Bool]), Holds::Bool).since(2, 39),
])
.requiring(&["path", "action"]);

/// A command that runs in a container of the service.
pub static HOOK: Keys = open(&[
    key("command", COMMAND, Holds::Command),
    key("user", TEXT, Holds::Text),
    key("privileged", BOOL_OR_TEXT, Holds::Bool),
    key("working_dir", TEXT, Holds::Text),
    key("environment", LIST_OR_MAP, Holds::Variables),
]);

/// A command that runs in a container of its own, before the service starts.
pub static PRE_START_HOOK: Keys = open(&[
    key("command", COMMAND, Holds::Command),
    key("image", TEXT, Holds::Text),
    key("user", TEXT, Holds::Text),
    key("privileged", BOOL_OR_TEXT, Holds::Bool),
    key("working_dir", TEXT, Holds::Text),
    key("environment", LIST_OR_MAP, Holds::Variables),
    key("per_replica", BOOL_OR_TEXT, Holds::Bool),
]);
