//! The keys of `deploy`, most of which only a swarm honours, and of device requests.

use super::*;

const SWARM: &str = "only a swarm honours it, and Docker Compose ignores it";

/// `deploy`.
pub static DEPLOY: Keys = open(&[
    key("mode", TEXT, ValueType::Text).no_effect(SWARM),
    key("replicas", INTEGER_OR_TEXT, ValueType::IntSet),
    key("labels", LIST_OR_MAP, ValueType::Mapping).no_effect(SWARM),
    key("update_config", Accepts::Keys(&UPDATE), ValueType::Keys(&UPDATE)).no_effect(SWARM),
    key("rollback_config", Accepts::Keys(&UPDATE), ValueType::Keys(&UPDATE)).no_effect(SWARM),
    key("resources", Accepts::Keys(&RESOURCES), ValueType::Always(&RESOURCES)),
    key("restart_policy", Accepts::Keys(&RESTART_POLICY), ValueType::Keys(&RESTART_POLICY)),
    key("placement", Accepts::Keys(&PLACEMENT), ValueType::Always(&PLACEMENT)).no_effect(SWARM),
    key("endpoint_mode", TEXT, ValueType::Text).no_effect(SWARM),
]);

static UPDATE: Keys = open(&[
    key("parallelism", INTEGER_OR_TEXT, ValueType::UintSet),
    key("delay", TEXT, ValueType::Time),
    key("failure_action", TEXT, ValueType::Text),
    key("monitor", TEXT, ValueType::Time),
    key("max_failure_ratio", NUMBER_OR_TEXT, ValueType::Float),
    key("order", Accepts::Word(&["start-first", "stop-first"]), ValueType::Text),
]);

static RESOURCES: Keys = open(&[
    key("limits", Accepts::Keys(&LIMITS), ValueType::Keys(&LIMITS)),
    key("reservations", Accepts::Keys(&RESERVATIONS), ValueType::Keys(&RESERVATIONS)),
]);

static LIMITS: Keys = open(&[
    key("cpus", NUMBER_OR_TEXT, ValueType::Float),
    key("memory", TEXT, ValueType::Bytes),
    key("pids", INTEGER_OR_TEXT, ValueType::Int),
]);

static RESERVATIONS: Keys = open(&[
    key("cpus", NUMBER_OR_TEXT, ValueType::Float).no_effect(SWARM),
    key("memory", TEXT, ValueType::Bytes),
    key("devices", Accepts::List(&Accepts::Keys(&DEVICE_REQUEST)), ValueType::List(&DEVICE_REQUEST)),
    key("generic_resources", Accepts::List(&Accepts::Keys(&GENERIC_RESOURCE)), ValueType::List(&GENERIC_RESOURCE))
        .no_effect(SWARM),
]);

static GENERIC_RESOURCE: Keys =
    open(&[key("discrete_resource_spec", Accepts::Keys(&DISCRETE_RESOURCE), ValueType::Keys(&DISCRETE_RESOURCE))]);

static DISCRETE_RESOURCE: Keys =
    open(&[key("kind", TEXT, ValueType::Text).always(), key("value", NUMBER_OR_TEXT, ValueType::Int).always()]);

const DEVICE_REQUEST_KEYS: &[Key] = &[
    key("capabilities", TEXT_SET, ValueType::Texts),
    key("driver", TEXT, ValueType::Text),
    key("count", INTEGER_OR_TEXT, ValueType::Count),
    key("device_ids", TEXT_SET, ValueType::Texts),
    key("options", LIST_OR_MAP, ValueType::Mapping),
];

/// A request for devices under `deploy`.
pub static DEVICE_REQUEST: Keys = open(DEVICE_REQUEST_KEYS).requiring(&["capabilities"]);

/// The same under `gpus`, where the capability goes without saying and Compose's schema lets any key pass.
pub static DEVICE_REQUEST_LAX: Keys = lax(DEVICE_REQUEST_KEYS);

static RESTART_POLICY: Keys = open(&[
    key("condition", TEXT, ValueType::Text),
    key("delay", TEXT, ValueType::TimeSet).no_effect(SWARM),
    key("max_attempts", INTEGER_OR_TEXT, ValueType::UintSet),
    key("window", TEXT, ValueType::TimeSet).no_effect(SWARM),
]);

static PLACEMENT: Keys = open(&[
    key("constraints", TEXTS, ValueType::Texts),
    key("preferences", Accepts::List(&Accepts::Keys(&PREFERENCE)), ValueType::List(&PREFERENCE)),
    key("max_replicas_per_node", INTEGER_OR_TEXT, ValueType::Uint),
]);

static PREFERENCE: Keys = open(&[key("spread", TEXT, ValueType::Text)]);
