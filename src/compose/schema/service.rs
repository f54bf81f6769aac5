//! The keys of a service.

use super::build::{BUILD, DEVELOP, HOOK, PRE_START_HOOK};
use super::deploy::{DEPLOY, DEVICE_REQUEST, DEVICE_REQUEST_LAX};
use super::mount::{ATTACHMENT, DEVICE, FILE_REFERENCE, PORT, VOLUME_MOUNT};
use super::*;

const SWARM_WINDOWS: &str = "it is for containers of Windows";
const NOT_DEFINED: &str = "hl creates containers and starts them; it runs nothing in between";

/// A service, in the order in which Compose prints its keys.
pub static SERVICE: Keys = open(&[
    key("profiles", TEXT_SET, Holds::Texts),
    key("annotations", LIST_OR_MAP, Holds::Mapping),
    key("attach", BOOL_OR_TEXT, Holds::BoolSet).no_effect("hl does not attach to containers"),
    key("build", Takes::Either(&[TEXT, Takes::Keys(&BUILD)]), Holds::Keys(&BUILD)),
    key("develop", Takes::Either(&[Takes::Keys(&DEVELOP), Takes::Of(&[Type::Null])]), Holds::Keys(&DEVELOP))
        .no_effect("it only steers `docker compose watch`"),
    key("blkio_config", Takes::Keys(&BLKIO), Holds::Keys(&BLKIO)),
    key("cap_add", TEXT_SET, Holds::Texts),
    key("cap_drop", TEXT_SET, Holds::Texts),
    key("cgroup_parent", TEXT, Holds::Text),
    key("cgroup", Takes::Word(&["host", "private"]), Holds::Text),
    key("cpu_count", Takes::Range(0, i64::MAX), Holds::Int).unsupported(SWARM_WINDOWS),
    key("cpu_percent", Takes::Range(0, 100), Holds::Float).unsupported(SWARM_WINDOWS),
    key("cpu_period", NUMBER_OR_TEXT, Holds::Int),
    key("cpu_quota", NUMBER_OR_TEXT, Holds::Int),
    key("cpu_rt_period", NUMBER_OR_TEXT, Holds::Int),
    key("cpu_rt_runtime", NUMBER_OR_TEXT, Holds::Int),
    key("cpus", NUMBER_OR_TEXT, Holds::Float),
    key("cpuset", TEXT, Holds::Text),
    key("cpu_shares", NUMBER_OR_TEXT, Holds::Int),
    key("command", COMMAND, Holds::Command),
    key("configs", FILE_REFERENCES, Holds::List(&FILE_REFERENCE)),
    key("container_name", TEXT, Holds::Text),
    key("credential_spec", Takes::Keys(&CREDENTIAL_SPEC), Holds::Keys(&CREDENTIAL_SPEC)).unsupported(SWARM_WINDOWS),
    key(
        "depends_on",
        Takes::Either(&[TEXT_SET, Takes::Named(Names::Strict, &Takes::Keys(&DEPENDENCY))]),
        Holds::Named(&DEPENDENCY),
    ),
    key("deploy", Takes::Either(&[Takes::Keys(&DEPLOY), Takes::Of(&[Type::Null])]), Holds::Keys(&DEPLOY)),
    key("device_cgroup_rules", TEXT_SET, Holds::Texts),
    key("devices", Takes::List(&Takes::Either(&[TEXT, Takes::Keys(&DEVICE)])), Holds::List(&DEVICE)),
    key("dns", TEXT_OR_SET, Holds::TextOrTexts),
    key("dns_opt", TEXT_SET, Holds::Texts),
    key("dns_search", TEXT_OR_SET, Holds::TextOrTexts),
    key("domainname", TEXT, Holds::Text),
    key("entrypoint", COMMAND, Holds::Command),
    key("provider", Takes::Keys(&PROVIDER), Holds::Keys(&PROVIDER))
        .unsupported("a program of the provider's own would have to run")
        .since(2, 35),
    key("environment", LIST_OR_MAP, Holds::Variables),
    key(
        "env_file",
        Takes::Either(&[TEXT, Takes::List(&Takes::Either(&[TEXT, Takes::Keys(&ENV_FILE)]))]),
        Holds::EnvFiles,
    ),
    key("expose", Takes::Set(&Takes::Of(&[Type::Text, Type::Number])), Holds::TextsAndNumbers),
    key("extends", Takes::Either(&[TEXT, Takes::Keys(&EXTENDS)]), Holds::Keys(&EXTENDS)),
    key("external_links", TEXT_SET, Holds::Texts),
    key("extra_hosts", HOSTS, Holds::Hosts),
    key("group_add", Takes::Set(&Takes::Of(&[Type::Text, Type::Number])), Holds::Texts),
    key(
        "gpus",
        Takes::Either(&[Takes::Word(&["all"]), Takes::List(&Takes::Keys(&DEVICE_REQUEST_LAX))]),
        Holds::List(&DEVICE_REQUEST),
    )
    .since(2, 30),
    key("hostname", TEXT, Holds::Text),
    key("healthcheck", Takes::Keys(&HEALTHCHECK), Holds::Keys(&HEALTHCHECK)),
    key("image", TEXT, Holds::Text),
    key("init", BOOL_OR_TEXT, Holds::BoolSet),
    key("ipc", TEXT, Holds::Text),
    key("isolation", TEXT, Holds::Text).unsupported(SWARM_WINDOWS),
    key("labels", LIST_OR_MAP, Holds::Mapping),
    key("label_file", TEXT_OR_TEXTS, Holds::TextOrTexts).since(2, 32),
    key("links", TEXT_SET, Holds::Texts),
    key("logging", Takes::Keys(&LOGGING), Holds::Keys(&LOGGING)),
    key("mem_limit", NUMBER_OR_TEXT, Holds::Bytes),
    key("mem_reservation", INTEGER_OR_TEXT, Holds::Bytes),
    key("memswap_limit", NUMBER_OR_TEXT, Holds::Bytes),
    key("mem_swappiness", INTEGER_OR_TEXT, Holds::Bytes),
    key("mac_address", TEXT, Holds::Text),
    key(
        "models",
        Takes::Either(&[TEXT_SET, Takes::Named(Names::Lax, &Takes::Either(&[Takes::Keys(&MODEL_BINDING), NULL]))]),
        Holds::Named(&MODEL_BINDING),
    )
    .unsupported("hl runs no model runner")
    .since(2, 38),
    key("network_mode", TEXT, Holds::Text),
    key(
        "networks",
        Takes::Either(&[TEXT_SET, Takes::Named(Names::Strict, &Takes::Either(&[Takes::Keys(&ATTACHMENT), NULL]))]),
        Holds::Named(&ATTACHMENT),
    ),
    key("oom_kill_disable", BOOL_OR_TEXT, Holds::Bool),
    key("oom_score_adj", Takes::Range(-1000, 1000), Holds::Int),
    key("pid", Takes::Of(&[Type::Text, Type::Null]), Holds::Text),
    key("pids_limit", NUMBER_OR_TEXT, Holds::Int),
    key("platform", TEXT, Holds::Text),
    key(
        "ports",
        Takes::Set(&Takes::Either(&[Takes::Of(&[Type::Number, Type::Text]), Takes::Keys(&PORT)])),
        Holds::List(&PORT),
    ),
    key("privileged", BOOL_OR_TEXT, Holds::Bool),
    // The last three came with 2.34; they are taken because every Compose of today does.
    key(
        "pull_policy",
        Takes::WordOrEvery(&["always", "never", "if_not_present", "build", "missing", "daily", "weekly"]),
        Holds::Text,
    ),
    key("read_only", BOOL_OR_TEXT, Holds::Bool),
    key("restart", TEXT, Holds::Text),
    key("runtime", TEXT, Holds::Text),
    key("scale", INTEGER_OR_TEXT, Holds::IntSet),
    key("secrets", FILE_REFERENCES, Holds::List(&FILE_REFERENCE)),
    key("security_opt", TEXT_SET, Holds::Texts),
    key("shm_size", NUMBER_OR_TEXT, Holds::Bytes),
    key("stdin_open", BOOL_OR_TEXT, Holds::Bool),
    key("stop_grace_period", TEXT, Holds::TimeSet),
    key("stop_signal", TEXT, Holds::Text),
    key("storage_opt", Takes::Of(&[Type::Map]), Holds::TextMap),
    key("sysctls", LIST_OR_MAP, Holds::Mapping),
    key("tmpfs", TEXT_OR_SET, Holds::TextOrTexts),
    key("tty", BOOL_OR_TEXT, Holds::Bool),
    key("ulimits", ULIMITS, Holds::Ulimits),
    key("use_api_socket", Takes::Of(&[Type::Bool]), Holds::Bool)
        .unsupported("it hands the engine's socket and the registry passwords of whoever runs Compose to the container")
        .since(2, 37),
    key("user", TEXT, Holds::Text),
    key("userns_mode", TEXT, Holds::Text),
    key("uts", TEXT, Holds::Text),
    key("volumes", Takes::Set(&Takes::Either(&[TEXT, Takes::Keys(&VOLUME_MOUNT)])), Holds::List(&VOLUME_MOUNT)),
    key("volumes_from", TEXT_SET, Holds::Texts),
    key("working_dir", TEXT, Holds::Text),
    key("pre_start", Takes::List(&Takes::Keys(&PRE_START_HOOK)), Holds::List(&PRE_START_HOOK))
        .unsupported(NOT_DEFINED)
        .since(5, 3),
    key("post_start", HOOKS, Holds::List(&HOOK)).unsupported(NOT_DEFINED).since(2, 30),
    key("pre_stop", HOOKS, Holds::List(&HOOK)).unsupported(NOT_DEFINED).since(2, 30),
]);

const NULL: Takes = Takes::Of(&[Type::Null]);
const HOOKS: Takes = Takes::List(&Takes::Keys(&HOOK));
pub(super) const FILE_REFERENCES: Takes = Takes::List(&Takes::Either(&[TEXT, Takes::Keys(&FILE_REFERENCE)]));
pub(super) const ULIMITS: Takes =
    Takes::Named(Names::LowerCase, &Takes::Either(&[INTEGER_OR_TEXT, Takes::Keys(&ULIMIT)]));

pub(super) static ULIMIT: Keys =
    open(&[key("soft", INTEGER_OR_TEXT, Holds::Int), key("hard", INTEGER_OR_TEXT, Holds::Int)])
        .requiring(&["soft", "hard"]);

static BLKIO: Keys = closed(&[
    key("weight", INTEGER_OR_TEXT, Holds::Uint),
    key("weight_device", Takes::List(&Takes::Keys(&BLKIO_WEIGHT)), Holds::List(&BLKIO_WEIGHT)),
    key("device_read_bps", BLKIO_LIMITS, Holds::List(&BLKIO_LIMIT)),
    key("device_read_iops", BLKIO_LIMITS, Holds::List(&BLKIO_LIMIT)),
    key("device_write_bps", BLKIO_LIMITS, Holds::List(&BLKIO_LIMIT)),
    key("device_write_iops", BLKIO_LIMITS, Holds::List(&BLKIO_LIMIT)),
]);

const BLKIO_LIMITS: Takes = Takes::List(&Takes::Keys(&BLKIO_LIMIT));

static BLKIO_LIMIT: Keys = closed(&[
    key("path", TEXT, Holds::Text).always_as("Path"),
    key("rate", INTEGER_OR_TEXT, Holds::Bytes).always_as("Rate"),
]);

static BLKIO_WEIGHT: Keys = closed(&[
    key("path", TEXT, Holds::Text).always_as("Path"),
    key("weight", INTEGER_OR_TEXT, Holds::Uint).always_as("Weight"),
]);

static CREDENTIAL_SPEC: Keys =
    open(&[key("config", TEXT, Holds::Text), key("file", TEXT, Holds::Text), key("registry", TEXT, Holds::Text)]);

static DEPENDENCY: Keys = open(&[
    key(
        "condition",
        Takes::Word(&["service_started", "service_healthy", "service_completed_successfully"]),
        Holds::Text,
    ),
    key("restart", BOOL_OR_TEXT, Holds::Bool),
    key("required", Takes::Of(&[Type::Bool]), Holds::Bool).always(),
])
.requiring(&["condition"]);

static PROVIDER: Keys =
    open(&[key("type", TEXT, Holds::Text), key("options", Takes::Of(&[Type::Map]), Holds::MultiOptions)])
        .requiring(&["type"]);

static MODEL_BINDING: Keys = open(&[key("endpoint_var", TEXT, Holds::Text), key("model_var", TEXT, Holds::Text)]);

static ENV_FILE: Keys = closed(&[
    key("path", TEXT, Holds::Text),
    key("required", BOOL_OR_TEXT, Holds::Bool).always(),
    key("format", TEXT, Holds::Text),
])
.requiring(&["path"]);

static EXTENDS: Keys =
    closed(&[key("file", TEXT, Holds::Text), key("service", TEXT, Holds::Text)]).requiring(&["service"]);

static HEALTHCHECK: Keys = open(&[
    key("test", TEXT_OR_TEXTS, Holds::Test),
    key("timeout", TEXT, Holds::TimeSet),
    key("interval", TEXT, Holds::TimeSet),
    key("retries", NUMBER_OR_TEXT, Holds::UintSet),
    key("start_period", TEXT, Holds::TimeSet),
    key("start_interval", TEXT, Holds::TimeSet),
    key("disable", BOOL_OR_TEXT, Holds::Bool),
]);

static LOGGING: Keys = open(&[
    key("driver", TEXT, Holds::Text),
    key("options", Takes::Named(Names::Any, &Takes::Of(&[Type::Text, Type::Number, Type::Null])), Holds::Mapping),
]);
