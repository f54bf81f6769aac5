//! The keys of a whole file: services and the resources that they share.

use super::service::SERVICE;
use super::*;

const SWARM: &str = "only a swarm has such a driver";

/// A Compose file, in the order in which Compose prints it as YAML.
pub static PROJECT: Keys = open(&[
    key("version", TEXT, Holds::Raw).no_effect("Docker Compose ignores it, too"),
    key("name", TEXT, Holds::Text),
    key("include", Takes::List(&Takes::Either(&[TEXT, Takes::Keys(&INCLUDE)])), Holds::Raw),
    key("services", Takes::Named(Names::Strict, &Takes::Keys(&SERVICE)), Holds::Named(&SERVICE)).always(),
    key("networks", resources(Names::Lax, &NETWORK_OR_NULL), Holds::Named(&NETWORK)),
    key("volumes", resources(Names::Strict, &VOLUME_OR_NULL), Holds::Named(&VOLUME)),
    key("secrets", resources(Names::Strict, &Takes::Keys(&SECRET)), Holds::Named(&FILE_OBJECT)),
    key("configs", resources(Names::Strict, &Takes::Keys(&CONFIG)), Holds::Named(&FILE_OBJECT)),
    key("models", resources(Names::Lax, &Takes::Keys(&MODEL)), Holds::Named(&MODEL))
        .unsupported("hl runs no model runner")
        .since(2, 38),
]);

const fn resources(names: Names, item: &'static Takes) -> Takes {
    Takes::Named(names, item)
}

const NETWORK_OR_NULL: Takes = Takes::Either(&[Takes::Keys(&NETWORK), Takes::Of(&[Type::Null])]);
const VOLUME_OR_NULL: Takes = Takes::Either(&[Takes::Keys(&VOLUME), Takes::Of(&[Type::Null])]);

static INCLUDE: Keys = closed(&[
    key("path", TEXT_OR_SET, Holds::TextOrTexts),
    key("env_file", TEXT_OR_SET, Holds::TextOrTexts),
    key("project_directory", TEXT, Holds::Text),
]);

/// A network.
static NETWORK: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("driver", TEXT, Holds::Text),
    key("driver_opts", DRIVER_OPTIONS, Holds::Mapping),
    key("ipam", Takes::Keys(&IPAM), Holds::Always(&IPAM)),
    key("external", EXTERNAL, Holds::Bool),
    key("internal", BOOL_OR_TEXT, Holds::Bool),
    key("attachable", BOOL_OR_TEXT, Holds::Bool),
    key("labels", LIST_OR_MAP, Holds::Mapping),
    key("enable_ipv4", BOOL_OR_TEXT, Holds::BoolSet).since(2, 33),
    key("enable_ipv6", BOOL_OR_TEXT, Holds::BoolSet),
]);

static IPAM: Keys = open(&[
    key("driver", TEXT, Holds::Text),
    key("config", Takes::List(&Takes::Keys(&POOL)), Holds::List(&POOL)),
    key("options", TEXT_VALUES, Holds::Mapping).no_effect("Docker Compose does not send it to the engine"),
]);

const TEXT_VALUES: Takes = Takes::Named(Names::Any, &TEXT);

static POOL: Keys = open(&[
    key("subnet", TEXT, Holds::Text),
    key("gateway", TEXT, Holds::Text),
    key("ip_range", TEXT, Holds::Text),
    key("aux_addresses", TEXT_VALUES, Holds::Mapping),
]);

/// A volume.
static VOLUME: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("driver", TEXT, Holds::Text),
    key("driver_opts", DRIVER_OPTIONS, Holds::Mapping),
    key("external", EXTERNAL, Holds::Bool),
    key("labels", LIST_OR_MAP, Holds::Mapping),
]);

/// What Compose makes of a config or a secret; a file takes only some of these keys for either.
static FILE_OBJECT: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("file", TEXT, Holds::Text),
    key("environment", TEXT, Holds::Text),
    key("content", TEXT, Holds::Text).unless("environment"),
    key("external", EXTERNAL_OR_ANYTHING, Holds::Bool),
    key("labels", LIST_OR_MAP, Holds::Mapping),
    key("driver", TEXT, Holds::Text),
    key("driver_opts", DRIVER_OPTIONS, Holds::TextMap),
    key("template_driver", TEXT, Holds::Text),
]);

const EXTERNAL_OF_SWARM: Key = key("external", EXTERNAL_OR_ANYTHING, Holds::Bool)
    .unsupported("it would live in a swarm, and Docker Compose refuses it at `up`");

static SECRET: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("file", TEXT, Holds::Text),
    key("environment", TEXT, Holds::Text),
    EXTERNAL_OF_SWARM,
    key("labels", LIST_OR_MAP, Holds::Mapping).no_effect("hl hands the file over without a resource of its own"),
    key("driver", TEXT, Holds::Text).unsupported(SWARM),
    key("driver_opts", DRIVER_OPTIONS, Holds::TextMap).unsupported(SWARM),
    key("template_driver", TEXT, Holds::Text).unsupported(SWARM),
]);

static CONFIG: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("file", TEXT, Holds::Text),
    key("environment", TEXT, Holds::Text),
    key("content", TEXT, Holds::Text),
    EXTERNAL_OF_SWARM,
    key("labels", LIST_OR_MAP, Holds::Mapping).no_effect("hl hands the file over without a resource of its own"),
    key("template_driver", TEXT, Holds::Text).unsupported(SWARM),
]);

static MODEL: Keys = open(&[
    key("name", TEXT, Holds::Text),
    key("model", TEXT, Holds::Text),
    key("context_size", Takes::Of(&[Type::Integer]), Holds::Int),
    key("runtime_flags", TEXTS, Holds::Texts),
])
.requiring(&["model"]);
