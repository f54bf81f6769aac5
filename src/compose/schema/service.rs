//! The keys of a service.

use super::build::{BUILD, DEVELOP, HOOK, PRE_START_HOOK};
use super::deploy::{DEPLOY, DEVICE_REQUEST, DEVICE_REQUEST_LAX};
use super::mount::{ATTACHMENT, DEVICE, FILE_REFERENCE, FILE_REFERENCES, PORT, VOLUME_MOUNT};
use super::ulimits::ULIMITS;
use super::*;

const SWARM_WINDOWS: &str = "it is for containers of Windows";
const NOT_DEFINED: &str = "hl creates containers and starts them; it runs nothing in between";

const IN_THE_ENTRYPOINT: &str = "do it in the container's entrypoint, or remove it";

/// A service, in the order in which Compose prints its keys.
pub static SERVICE: Keys = open(&[
    key("profiles", TEXT_SET, ValueType::Texts),
    key("annotations", LIST_OR_MAP, ValueType::Mapping),
    key("attach", BOOL_OR_TEXT, ValueType::BoolSet).no_effect("hl does not attach to containers"),
    key("build", Accepts::Either(&[TEXT, Accepts::Keys(&BUILD)]), ValueType::Keys(&BUILD)),
    key("develop", Accepts::Either(&[Accepts::Keys(&DEVELOP), Accepts::Of(&[Type::Null])]), ValueType::Keys(&DEVELOP))
        .no_effect("it only steers `docker compose watch`"),
    key("blkio_config", Accepts::Keys(&BLKIO), ValueType::Keys(&BLKIO)),
    key("cap_add", TEXT_SET, ValueType::Texts),
    key("cap_drop", TEXT_SET, ValueType::Texts),
    key("cgroup_parent", TEXT, ValueType::Text),
    key("cgroup", Accepts::Word(&["host", "private"]), ValueType::Text),
    key("cpu_count", Accepts::Range(0, i64::MAX), ValueType::Int).unsupported(SWARM_WINDOWS),
    key("cpu_percent", Accepts::Range(0, 100), ValueType::Float).unsupported(SWARM_WINDOWS),
    key("cpu_period", NUMBER_OR_TEXT, ValueType::Int),
    key("cpu_quota", NUMBER_OR_TEXT, ValueType::Int),
    key("cpu_rt_period", NUMBER_OR_TEXT, ValueType::Int),
    key("cpu_rt_runtime", NUMBER_OR_TEXT, ValueType::Int),
    key("cpus", NUMBER_OR_TEXT, ValueType::Float),
    key("cpuset", TEXT, ValueType::Text),
    key("cpu_shares", NUMBER_OR_TEXT, ValueType::Int),
    key("command", COMMAND, ValueType::Command),
    key("configs", FILE_REFERENCES, ValueType::List(&FILE_REFERENCE)),
    key("container_name", TEXT, ValueType::Text),
    key("credential_spec", Accepts::Keys(&CREDENTIAL_SPEC), ValueType::Keys(&CREDENTIAL_SPEC))
        .unsupported(SWARM_WINDOWS),
    key(
        "depends_on",
        Accepts::Either(&[TEXT_SET, Accepts::Named(Names::Strict, &Accepts::Keys(&DEPENDENCY))]),
        ValueType::Named(&DEPENDENCY),
    ),
    key("deploy", Accepts::Either(&[Accepts::Keys(&DEPLOY), Accepts::Of(&[Type::Null])]), ValueType::Keys(&DEPLOY)),
    key("device_cgroup_rules", TEXT_SET, ValueType::Texts),
    key("devices", Accepts::List(&Accepts::Either(&[TEXT, Accepts::Keys(&DEVICE)])), ValueType::List(&DEVICE)),
    key("dns", TEXT_OR_SET, ValueType::TextOrTexts),
    key("dns_opt", TEXT_SET, ValueType::Texts),
    key("dns_search", TEXT_OR_SET, ValueType::TextOrTexts),
    key("domainname", TEXT, ValueType::Text),
    key("entrypoint", COMMAND, ValueType::Command),
    key("provider", Accepts::Keys(&PROVIDER), ValueType::Keys(&PROVIDER))
        .unsupported("a program of the provider's own would have to run")
        .way_out("take the service out of the file, and start what it provides yourself")
        .since(2, 35),
    key("environment", LIST_OR_MAP, ValueType::Variables),
    key(
        "env_file",
        Accepts::Either(&[TEXT, Accepts::List(&Accepts::Either(&[TEXT, Accepts::Keys(&ENV_FILE)]))]),
        ValueType::EnvFiles,
    ),
    key("expose", Accepts::Set(&Accepts::Of(&[Type::Text, Type::Number])), ValueType::TextsAndNumbers),
    key("extends", Accepts::Either(&[TEXT, Accepts::Keys(&EXTENDS)]), ValueType::Keys(&EXTENDS)),
    key("external_links", TEXT_SET, ValueType::Texts),
    key("extra_hosts", HOSTS, ValueType::Hosts),
    key("group_add", Accepts::Set(&Accepts::Of(&[Type::Text, Type::Number])), ValueType::Texts),
    key(
        "gpus",
        Accepts::Either(&[Accepts::Word(&["all"]), Accepts::List(&Accepts::Keys(&DEVICE_REQUEST_LAX))]),
        ValueType::List(&DEVICE_REQUEST),
    )
    .since(2, 30),
    key("hostname", TEXT, ValueType::Text),
    key("healthcheck", Accepts::Keys(&HEALTHCHECK), ValueType::Keys(&HEALTHCHECK)),
    key("image", TEXT, ValueType::Text),
    key("init", BOOL_OR_TEXT, ValueType::BoolSet),
    key("ipc", TEXT, ValueType::Text),
    key("isolation", TEXT, ValueType::Text).unsupported(SWARM_WINDOWS),
    key("labels", LIST_OR_MAP, ValueType::Mapping),
    key("label_file", TEXT_OR_TEXTS, ValueType::TextOrTexts).since(2, 32),
    key("links", TEXT_SET, ValueType::Texts),
    key("logging", Accepts::Keys(&LOGGING), ValueType::Keys(&LOGGING)),
    key("mem_limit", NUMBER_OR_TEXT, ValueType::Bytes),
    key("mem_reservation", INTEGER_OR_TEXT, ValueType::Bytes),
    key("memswap_limit", NUMBER_OR_TEXT, ValueType::Bytes),
    key("mem_swappiness", INTEGER_OR_TEXT, ValueType::Bytes),
    key("mac_address", TEXT, ValueType::Text),
    key(
        "models",
        Accepts::Either(&[
            TEXT_SET,
            Accepts::Named(Names::Lax, &Accepts::Either(&[Accepts::Keys(&MODEL_BINDING), NULL])),
        ]),
        ValueType::Named(&MODEL_BINDING),
    )
    .unsupported("hl runs no model runner")
    .since(2, 38),
    key("network_mode", TEXT, ValueType::Text),
    key(
        "networks",
        Accepts::Either(&[
            TEXT_SET,
            Accepts::Named(Names::Strict, &Accepts::Either(&[Accepts::Keys(&ATTACHMENT), NULL])),
        ]),
        ValueType::Named(&ATTACHMENT),
    ),
    key("oom_kill_disable", BOOL_OR_TEXT, ValueType::Bool),
    key("oom_score_adj", Accepts::Range(-1000, 1000), ValueType::Int),
    key("pid", Accepts::Of(&[Type::Text, Type::Null]), ValueType::Text),
    key("pids_limit", NUMBER_OR_TEXT, ValueType::Int),
    key("platform", TEXT, ValueType::Text),
    key(
        "ports",
        Accepts::Set(&Accepts::Either(&[Accepts::Of(&[Type::Number, Type::Text]), Accepts::Keys(&PORT)])),
        ValueType::List(&PORT),
    ),
    key("privileged", BOOL_OR_TEXT, ValueType::Bool),
    // The words after `missing` came with 2.34; they are taken because every Compose of today does.
    key(
        "pull_policy",
        Accepts::WordOrEvery(&["always", "never", "if_not_present", "build", "missing", "refresh", "daily", "weekly"]),
        ValueType::Text,
    ),
    key("pull_refresh_after", TEXT, ValueType::Raw)
        .no_effect("Docker Compose reads it and does nothing with it")
        .way_out("write `pull_policy: every_12h` or the like instead")
        .since(2, 34),
    key("read_only", BOOL_OR_TEXT, ValueType::Bool),
    key("restart", TEXT, ValueType::Text),
    key("runtime", TEXT, ValueType::Text),
    key("scale", INTEGER_OR_TEXT, ValueType::IntSet),
    key("secrets", FILE_REFERENCES, ValueType::List(&FILE_REFERENCE)),
    key("security_opt", TEXT_SET, ValueType::Texts),
    key("shm_size", NUMBER_OR_TEXT, ValueType::Bytes),
    key("stdin_open", BOOL_OR_TEXT, ValueType::Bool),
    key("stop_grace_period", TEXT, ValueType::TimeSet),
    key("stop_signal", TEXT, ValueType::Text),
    key("storage_opt", Accepts::Of(&[Type::Map]), ValueType::TextMap),
    key("sysctls", LIST_OR_MAP, ValueType::Mapping),
    key("tmpfs", TEXT_OR_SET, ValueType::TextOrTexts),
    key("tty", BOOL_OR_TEXT, ValueType::Bool),
    key("ulimits", ULIMITS, ValueType::Ulimits),
    key("use_api_socket", Accepts::Of(&[Type::Bool]), ValueType::Bool)
        .unsupported("it hands the engine's socket and the registry passwords of whoever runs Compose to the container")
        .way_out("remove it; a container that needs the engine can mount `/var/run/docker.sock`")
        .since(2, 37),
    key("user", TEXT, ValueType::Text),
    key("userns_mode", TEXT, ValueType::Text),
    key("uts", TEXT, ValueType::Text),
    key(
        "volumes",
        Accepts::Set(&Accepts::Either(&[TEXT, Accepts::Keys(&VOLUME_MOUNT)])),
        ValueType::List(&VOLUME_MOUNT),
    ),
    key("volumes_from", TEXT_SET, ValueType::Texts),
    key("working_dir", TEXT, ValueType::Text),
    key("pre_start", Accepts::List(&Accepts::Keys(&PRE_START_HOOK)), ValueType::List(&PRE_START_HOOK))
        .unsupported(NOT_DEFINED)
        .way_out(IN_THE_ENTRYPOINT)
        .since(5, 3),
    key("post_start", HOOKS, ValueType::List(&HOOK)).unsupported(NOT_DEFINED).way_out(IN_THE_ENTRYPOINT).since(2, 30),
    key("pre_stop", HOOKS, ValueType::List(&HOOK)).unsupported(NOT_DEFINED).way_out(IN_THE_ENTRYPOINT).since(2, 30),
]);

const NULL: Accepts = Accepts::Of(&[Type::Null]);
const HOOKS: Accepts = Accepts::List(&Accepts::Keys(&HOOK));
static BLKIO: Keys = closed(&[
    key("weight", INTEGER_OR_TEXT, ValueType::Uint),
    key("weight_device", Accepts::List(&Accepts::Keys(&BLKIO_WEIGHT)), ValueType::List(&BLKIO_WEIGHT)),
    key("device_read_bps", BLKIO_LIMITS, ValueType::List(&BLKIO_LIMIT)),
    key("device_read_iops", BLKIO_LIMITS, ValueType::List(&BLKIO_LIMIT)),
    key("device_write_bps", BLKIO_LIMITS, ValueType::List(&BLKIO_LIMIT)),
    key("device_write_iops", BLKIO_LIMITS, ValueType::List(&BLKIO_LIMIT)),
]);

const BLKIO_LIMITS: Accepts = Accepts::List(&Accepts::Keys(&BLKIO_LIMIT));

static BLKIO_LIMIT: Keys = closed(&[
    key("path", TEXT, ValueType::Text).always_as("Path"),
    key("rate", INTEGER_OR_TEXT, ValueType::Bytes).always_as("Rate"),
]);

static BLKIO_WEIGHT: Keys = closed(&[
    key("path", TEXT, ValueType::Text).always_as("Path"),
    key("weight", INTEGER_OR_TEXT, ValueType::Uint).always_as("Weight"),
]);

static CREDENTIAL_SPEC: Keys = open(&[
    key("config", TEXT, ValueType::Text),
    key("file", TEXT, ValueType::Text),
    key("registry", TEXT, ValueType::Text),
]);

static DEPENDENCY: Keys = open(&[
    key(
        "condition",
        Accepts::Word(&["service_started", "service_healthy", "service_completed_successfully"]),
        ValueType::Text,
    ),
    key("restart", BOOL_OR_TEXT, ValueType::Bool),
    key("required", Accepts::Of(&[Type::Bool]), ValueType::Bool).always(),
])
.requiring(&["condition"]);

static PROVIDER: Keys =
    open(&[key("type", TEXT, ValueType::Text), key("options", Accepts::Of(&[Type::Map]), ValueType::MultiOptions)])
        .requiring(&["type"]);

static MODEL_BINDING: Keys =
    open(&[key("endpoint_var", TEXT, ValueType::Text), key("model_var", TEXT, ValueType::Text)]);

static ENV_FILE: Keys = closed(&[
    key("path", TEXT, ValueType::Text),
    key("required", BOOL_OR_TEXT, ValueType::Bool).always(),
    key("format", TEXT, ValueType::Text),
])
.requiring(&["path"]);

static EXTENDS: Keys =
    closed(&[key("file", TEXT, ValueType::Text), key("service", TEXT, ValueType::Text)]).requiring(&["service"]);

static HEALTHCHECK: Keys = open(&[
    key("test", TEXT_OR_TEXTS, ValueType::Test),
    key("timeout", TEXT, ValueType::TimeSet),
    key("interval", TEXT, ValueType::TimeSet),
    key("retries", NUMBER_OR_TEXT, ValueType::UintSet),
    key("start_period", TEXT, ValueType::TimeSet),
    key("start_interval", TEXT, ValueType::TimeSet),
    key("disable", BOOL_OR_TEXT, ValueType::Bool),
]);

static LOGGING: Keys = open(&[
    key("driver", TEXT, ValueType::Text),
    key(
        "options",
        Accepts::Named(Names::Any, &Accepts::Of(&[Type::Text, Type::Number, Type::Null])),
        ValueType::Mapping,
    ),
]);
