//! The keys of a whole file: services and the resources that they share.

use super::service::SERVICE;
use super::*;

const SWARM: &str = "only a swarm has such a driver";

const A_SOURCE: &str = "give it a `file`, or a variable with `environment`, instead";

/// A Compose file, in the order in which Compose prints it as YAML.
pub static PROJECT: Keys = open(&[
    key("version", TEXT, ValueType::Raw).no_effect("Docker Compose ignores it, too"),
    key("name", TEXT, ValueType::Text),
    key("include", Accepts::List(&Accepts::Either(&[TEXT, Accepts::Keys(&INCLUDE)])), ValueType::Raw),
    key("services", Accepts::Named(Names::Strict, &Accepts::Keys(&SERVICE)), ValueType::Named(&SERVICE)).always(),
    key("networks", resources(Names::Lax, &NETWORK_OR_NULL), ValueType::Named(&NETWORK)),
    key("volumes", resources(Names::Strict, &VOLUME_OR_NULL), ValueType::Named(&VOLUME)),
    key("secrets", resources(Names::Strict, &Accepts::Keys(&SECRET)), ValueType::Named(&FILE_OBJECT)),
    key("configs", resources(Names::Strict, &Accepts::Keys(&CONFIG)), ValueType::Named(&FILE_OBJECT)),
    key("models", resources(Names::Lax, &Accepts::Keys(&MODEL)), ValueType::Named(&MODEL))
        .unsupported("hl runs no model runner")
        .since(2, 38),
]);

const fn resources(names: Names, item: &'static Accepts) -> Accepts {
    Accepts::Named(names, item)
}

const NETWORK_OR_NULL: Accepts = Accepts::Either(&[Accepts::Keys(&NETWORK), Accepts::Of(&[Type::Null])]);
const VOLUME_OR_NULL: Accepts = Accepts::Either(&[Accepts::Keys(&VOLUME), Accepts::Of(&[Type::Null])]);

static INCLUDE: Keys = closed(&[
    key("path", TEXT_OR_SET, ValueType::TextOrTexts),
    key("env_file", TEXT_OR_SET, ValueType::TextOrTexts),
    key("project_directory", TEXT, ValueType::Text),
]);

/// A network.
static NETWORK: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("driver", TEXT, ValueType::Text),
    key("driver_opts", DRIVER_OPTIONS, ValueType::Mapping),
    key("ipam", Accepts::Keys(&IPAM), ValueType::Always(&IPAM)),
    key("external", EXTERNAL, ValueType::Bool),
    key("internal", BOOL_OR_TEXT, ValueType::Bool),
    key("attachable", BOOL_OR_TEXT, ValueType::Bool),
    key("labels", LIST_OR_MAP, ValueType::Mapping),
    key("enable_ipv4", BOOL_OR_TEXT, ValueType::BoolSet).since(2, 33),
    key("enable_ipv6", BOOL_OR_TEXT, ValueType::BoolSet),
]);

static IPAM: Keys = open(&[
    key("driver", TEXT, ValueType::Text),
    key("config", Accepts::List(&Accepts::Keys(&POOL)), ValueType::List(&POOL)),
    key("options", TEXT_VALUES, ValueType::Mapping).no_effect("Docker Compose does not send it to the engine"),
]);

const TEXT_VALUES: Accepts = Accepts::Named(Names::Any, &TEXT);

static POOL: Keys = open(&[
    key("subnet", TEXT, ValueType::Text),
    key("gateway", TEXT, ValueType::Text),
    key("ip_range", TEXT, ValueType::Text),
    key("aux_addresses", TEXT_VALUES, ValueType::Mapping),
]);

/// A volume.
static VOLUME: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("driver", TEXT, ValueType::Text),
    key("driver_opts", DRIVER_OPTIONS, ValueType::Mapping),
    key("external", EXTERNAL, ValueType::Bool),
    key("labels", LIST_OR_MAP, ValueType::Mapping),
]);

/// A config or a secret as Compose has it; a file accepts only some of these keys for either.
static FILE_OBJECT: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("file", TEXT, ValueType::Text),
    key("environment", TEXT, ValueType::Text),
    key("content", TEXT, ValueType::Text).unless("environment"),
    key("external", EXTERNAL_OR_ANYTHING, ValueType::Bool),
    key("labels", LIST_OR_MAP, ValueType::Mapping),
    key("driver", TEXT, ValueType::Text),
    key("driver_opts", DRIVER_OPTIONS, ValueType::TextMap),
    key("template_driver", TEXT, ValueType::Text),
]);

const EXTERNAL_OF_SWARM: Key = key("external", EXTERNAL_OR_ANYTHING, ValueType::Bool)
    .unsupported("it would live in a swarm, and Docker Compose refuses it at `up`")
    .way_out(A_SOURCE);

static SECRET: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("file", TEXT, ValueType::Text),
    key("environment", TEXT, ValueType::Text),
    EXTERNAL_OF_SWARM,
    key("labels", LIST_OR_MAP, ValueType::Mapping).no_effect("hl hands the file over without a resource of its own"),
    key("driver", TEXT, ValueType::Text).unsupported(SWARM).way_out(A_SOURCE),
    key("driver_opts", DRIVER_OPTIONS, ValueType::TextMap).unsupported(SWARM),
    key("template_driver", TEXT, ValueType::Text).unsupported(SWARM),
]);

static CONFIG: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("file", TEXT, ValueType::Text),
    key("environment", TEXT, ValueType::Text),
    key("content", TEXT, ValueType::Text),
    EXTERNAL_OF_SWARM,
    key("labels", LIST_OR_MAP, ValueType::Mapping).no_effect("hl hands the file over without a resource of its own"),
    key("template_driver", TEXT, ValueType::Text).unsupported(SWARM),
]);

static MODEL: Keys = open(&[
    key("name", TEXT, ValueType::Text),
    key("model", TEXT, ValueType::Text),
    key("context_size", Accepts::Of(&[Type::Integer]), ValueType::Int),
    key("runtime_flags", TEXTS, ValueType::Texts),
])
.requiring(&["model"]);
