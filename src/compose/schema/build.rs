//! The keys of `build`, `develop` and of hooks.

use super::mount::{FILE_REFERENCE, FILE_REFERENCES};
use super::ulimits::ULIMITS;
use super::*;

const BUILDKIT: &str = "only BuildKit can do it";
const BUILT_ELSEWHERE: &str = "remove it; or build the image with `docker buildx`, and name it with `image`";

/// `build`.
pub static BUILD: Keys = open(&[
    key("context", TEXT, ValueType::Text),
    key("dockerfile", TEXT, ValueType::Text),
    key("dockerfile_inline", TEXT, ValueType::Text),
    key("entitlements", TEXTS, ValueType::Texts).unsupported(BUILDKIT).way_out(BUILT_ELSEWHERE),
    key("args", LIST_OR_MAP, ValueType::Variables),
    key("provenance", BOOL_OR_TEXT, ValueType::Text).no_effect("it only adds an attestation").since(2, 39),
    key("sbom", BOOL_OR_TEXT, ValueType::Text).no_effect("it only adds an attestation").since(2, 39),
    key("ssh", LIST_OR_MAP, ValueType::Ssh).unsupported(BUILDKIT).way_out(BUILT_ELSEWHERE),
    key("labels", LIST_OR_MAP, ValueType::Mapping),
    key("cache_from", TEXTS, ValueType::TextOrTexts),
    key("cache_to", TEXTS, ValueType::TextOrTexts).no_effect("hl exports no build cache"),
    key("no_cache", BOOL_OR_TEXT, ValueType::Bool),
    key("no_cache_filter", TEXT_OR_SET, ValueType::TextOrTexts)
        .unsupported(BUILDKIT)
        .way_out(BUILT_ELSEWHERE)
        .since(5, 0),
    key("additional_contexts", LIST_OR_MAP, ValueType::Mapping).unsupported(BUILDKIT).way_out(BUILT_ELSEWHERE),
    key("pull", BOOL_OR_TEXT, ValueType::Bool),
    key("extra_hosts", HOSTS, ValueType::Hosts),
    key("isolation", TEXT, ValueType::Text).unsupported("it is for containers of Windows"),
    key("network", TEXT, ValueType::Text),
    key("target", TEXT, ValueType::Text),
    key("secrets", FILE_REFERENCES, ValueType::List(&FILE_REFERENCE)).unsupported(BUILDKIT).way_out(BUILT_ELSEWHERE),
    key("shm_size", INTEGER_OR_TEXT, ValueType::Bytes),
    key("tags", TEXTS, ValueType::TextOrTexts),
    key("ulimits", ULIMITS, ValueType::Ulimits),
    key("platforms", TEXTS, ValueType::TextOrTexts),
    key("privileged", BOOL_OR_TEXT, ValueType::Bool).unsupported(BUILDKIT).way_out(BUILT_ELSEWHERE),
]);

/// `develop`.
pub static DEVELOP: Keys = open(&[key("watch", Accepts::List(&Accepts::Keys(&TRIGGER)), ValueType::List(&TRIGGER))]);

static TRIGGER: Keys = open(&[
    key("path", TEXT, ValueType::Text).always(),
    key("action", Accepts::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]), ValueType::Text)
        .always(),
    key("target", TEXT, ValueType::Text),
    key("exec", Accepts::Keys(&HOOK), ValueType::Always(&HOOK)),
    key("include", TEXT_OR_SET, ValueType::TextOrTexts).since(2, 39),
    key("ignore", TEXTS, ValueType::Texts),
    key("initial_sync", Accepts::Of(&[Type::Bool]), ValueType::Bool).since(2, 39),
])
.requiring(&["path", "action"]);

/// A command that runs in a container of the service.
pub static HOOK: Keys = open(&[
    key("command", COMMAND, ValueType::Command),
    key("user", TEXT, ValueType::Text),
    key("privileged", BOOL_OR_TEXT, ValueType::Bool),
    key("working_dir", TEXT, ValueType::Text),
    key("environment", LIST_OR_MAP, ValueType::Variables),
]);

/// A command that runs in a container of its own, before the service starts.
pub static PRE_START_HOOK: Keys = open(&[
    key("command", COMMAND, ValueType::Command),
    key("image", TEXT, ValueType::Text),
    key("user", TEXT, ValueType::Text),
    key("privileged", BOOL_OR_TEXT, ValueType::Bool),
    key("working_dir", TEXT, ValueType::Text),
    key("environment", LIST_OR_MAP, ValueType::Variables),
    key("per_replica", BOOL_OR_TEXT, ValueType::Bool),
]);
