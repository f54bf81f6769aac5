//! The keys of `deploy`, most of which only a swarm honours, and of device requests.

use super::*;

const SWARM: &str = "only a swarm honours it, and Docker Compose ignores it";

/// `deploy`.
pub static DEPLOY: Keys = open(&[
    key("mode", TEXT, Holds::Text).no_effect(SWARM),
    key("replicas", INTEGER_OR_TEXT, Holds::IntSet),
    key("labels", LIST_OR_MAP, Holds::Mapping).no_effect(SWARM),
    key("update_config", Takes::Keys(&UPDATE), Holds::Keys(&UPDATE)).no_effect(SWARM),
    key("rollback_config", Takes::Keys(&UPDATE), Holds::Keys(&UPDATE)).no_effect(SWARM),
    key("resources", Takes::Keys(&RESOURCES), Holds::Always(&RESOURCES)),
    key("restart_policy", Takes::Keys(&RESTART_POLICY), Holds::Keys(&RESTART_POLICY)),
    key("placement", Takes::Keys(&PLACEMENT), Holds::Always(&PLACEMENT)).no_effect(SWARM),
    key("endpoint_mode", TEXT, Holds::Text).no_effect(SWARM),
]);

static UPDATE: Keys = open(&[
    key("parallelism", INTEGER_OR_TEXT, Holds::UintSet),
    key("delay", TEXT, Holds::Time),
    key("failure_action", TEXT, Holds::Text),
    key("monitor", TEXT, Holds::Time),
    key("max_failure_ratio", NUMBER_OR_TEXT, Holds::Float),
    key("order", Takes::Word(&["start-first", "stop-first"]), Holds::Text),
]);

static RESOURCES: Keys = open(&[
    key("limits", Takes::Keys(&LIMITS), Holds::Keys(&LIMITS)),
    key("reservations", Takes::Keys(&RESERVATIONS), Holds::Keys(&RESERVATIONS)),
]);

static LIMITS: Keys = open(&[
    key("cpus", NUMBER_OR_TEXT, Holds::Float),
    key("memory", TEXT, Holds::Bytes),
    key("pids", INTEGER_OR_TEXT, Holds::Int),
]);

static RESERVATIONS: Keys = open(&[
    key("cpus", NUMBER_OR_TEXT, Holds::Float).no_effect(SWARM),
    key("memory", TEXT, Holds::Bytes),
    key("devices", Takes::List(&Takes::Keys(&DEVICE_REQUEST)), Holds::List(&DEVICE_REQUEST)),
    key("generic_resources", Takes::List(&Takes::Keys(&GENERIC_RESOURCE)), Holds::List(&GENERIC_RESOURCE))
        .no_effect(SWARM),
]);

static GENERIC_RESOURCE: Keys =
    open(&[key("discrete_resource_spec", Takes::Keys(&DISCRETE_RESOURCE), Holds::Keys(&DISCRETE_RESOURCE))]);

static DISCRETE_RESOURCE: Keys =
    open(&[key("kind", TEXT, Holds::Text).always(), key("value", NUMBER_OR_TEXT, Holds::Int).always()]);

const DEVICE_REQUEST_KEYS: &[Key] = &[
    key("capabilities", TEXT_SET, Holds::Texts),
    key("driver", TEXT, Holds::Text),
    key("count", INTEGER_OR_TEXT, Holds::Count),
    key("device_ids", TEXT_SET, Holds::Texts),
    key("options", LIST_OR_MAP, Holds::Mapping),
];

/// A request for devices under `deploy`.
pub static DEVICE_REQUEST: Keys = open(DEVICE_REQUEST_KEYS).requiring(&["capabilities"]);

/// The same under `gpus`, where the capability goes without saying and Compose's schema lets any key pass.
pub static DEVICE_REQUEST_LAX: Keys = lax(DEVICE_REQUEST_KEYS);

static RESTART_POLICY: Keys = open(&[
    key("condition", TEXT, Holds::Text),
    key("delay", TEXT, Holds::TimeSet).no_effect(SWARM),
    key("max_attempts", INTEGER_OR_TEXT, Holds::UintSet),
    key("window", TEXT, Holds::TimeSet).no_effect(SWARM),
]);

static PLACEMENT: Keys = open(&[
    key("constraints", TEXTS, Holds::Texts),
    key("preferences", Takes::List(&Takes::Keys(&PREFERENCE)), Holds::List(&PREFERENCE)),
    key("max_replicas_per_node", INTEGER_OR_TEXT, Holds::Uint),
]);

static PREFERENCE: Keys = open(&[key("spread", TEXT, Holds::Text)]);
