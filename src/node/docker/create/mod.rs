//! Specs → the bodies of the engine's create calls, as Compose 5 sends them.
//!
//! Pure functions. What is absent in a spec is absent in the body, so that the image or the engine
//! decides. Source: `pkg/compose/{create,convert}.go` of docker/compose, compared with recorded bodies.
//!
//! The bodies are JSON maps and not bollard's models: their keys depend on the API version of the engine, and the tests
//! compare them key by key with those of Compose. Models are generated from one version.

mod host;
mod mounts;
mod network;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::spec::{
    ContainerRef, ContainerSpec, Healthcheck, IpamPool, IpcMode, NetworkMode, NetworkSpec, PidMode, RestartPolicy,
    VolumeSpec,
};
use crate::model::value::Text;
use crate::node::{ApiVersion, NewContainer};

pub use network::{endpoint, later_networks};

/// From this version on all networks are given with the create call, and MAC addresses belong to
/// the ends on them.
pub const ALL_NETWORKS: ApiVersion = ApiVersion::new(1, 44);

/// The label by which Compose sees that the tag of a container's image has moved.
const IMAGE_LABEL: &str = "com.docker.compose.image";
/// The label by which Compose sees that the file has changed.
const HASH_LABEL: &str = "com.docker.compose.config-hash";

/// Why there is no body for a container.
#[derive(Debug, thiserror::Error)]
pub enum NoBody {
    /// It shares something with a service that has no container.
    #[error("it needs the container of service `{0}`, which does not exist")]
    NoPeer(String),
    /// It shares something with a container that is gone.
    #[error("it needs container {0}, which is gone")]
    Gone(String),
    /// A text is not complete.
    #[error("a value in `{0}` is not known")]
    Sealed(&'static str),
}

/// The ids for Compose's labels. The engine knows them; the spec does not contain them.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    /// The id of the image.
    pub image: Option<String>,
    /// The ids of the containers that the config of the new one speaks of, by service.
    pub containers: BTreeMap<String, String>,
}

/// The body of `POST /containers/create`.
pub fn container(new: &NewContainer<'_>, ids: &Ids, api: ApiVersion) -> Result<Value, NoBody> {
    let spec = new.spec;
    let mut body = Map::new();
    body.insert("AttachStdout".to_owned(), true.into());
    body.insert("AttachStderr".to_owned(), true.into());
    body.insert("Image".to_owned(), spec.image.as_str().into());
    // Null leaves it to the image, an empty list clears the image's.
    body.insert("Cmd".to_owned(), words(spec.command.as_deref(), "command")?);
    body.insert("Entrypoint".to_owned(), words(spec.entrypoint.as_deref(), "entrypoint")?);
    body.insert("Env".to_owned(), environment(spec)?);
    body.insert("Labels".to_owned(), labels(spec, ids)?);
    body.insert("Tty".to_owned(), spec.tty.into());
    body.insert("OpenStdin".to_owned(), spec.stdin_open.into());
    set(&mut body, "Hostname", spec.hostname.clone());
    set(&mut body, "Domainname", spec.domainname.clone());
    set(&mut body, "User", spec.user.clone());
    set(&mut body, "WorkingDir", spec.working_dir.clone());
    set(&mut body, "StopSignal", spec.stop_signal.clone());
    set(&mut body, "StopTimeout", spec.stop_grace_period);
    set(&mut body, "Healthcheck", spec.healthcheck.as_ref().map(|h| healthcheck(h, api)).transpose()?);
    body.insert("ExposedPorts".to_owned(), network::exposed_ports(spec));
    if api < ALL_NETWORKS {
        set(&mut body, "MacAddress", spec.mac_address.clone());
    }
    let mut host = host::host_config(spec)?;
    host.insert("NetworkMode".to_owned(), network::mode(new)?.into());
    host.insert("PortBindings".to_owned(), network::port_bindings(spec));
    set(&mut host, "PidMode", pid_mode(new, &spec.pid)?);
    set(&mut host, "IpcMode", ipc_mode(new, &spec.ipc)?);
    mounts::insert(new, api, &mut host)?;
    body.insert("HostConfig".to_owned(), host.into());
    if let Some(networking) = network::networking_config(spec, api) {
        body.insert("NetworkingConfig".to_owned(), networking);
    }
    Ok(body.into())
}

/// The body of `POST /networks/create`.
pub fn network(spec: &NetworkSpec) -> Result<Value, NoBody> {
    let mut body = Map::new();
    body.insert("Name".to_owned(), spec.name.as_str().into());
    body.insert("Driver".to_owned(), spec.driver.as_deref().unwrap_or_default().into());
    body.insert("Options".to_owned(), json!(spec.driver_opts));
    body.insert("Internal".to_owned(), spec.internal.into());
    body.insert("Attachable".to_owned(), spec.attachable.into());
    // Engines before API 1.44 make a second network of the same name without this.
    body.insert("CheckDuplicate".to_owned(), true.into());
    set(&mut body, "EnableIPv6", spec.enable_ipv6);
    set(&mut body, "EnableIPv4", spec.enable_ipv4);
    if spec.ipam_driver.is_some() || !spec.ipam_pools.is_empty() {
        let pools: Vec<Value> = spec.ipam_pools.iter().map(pool).collect();
        body.insert(
            "IPAM".to_owned(),
            json!({"Driver": spec.ipam_driver.as_deref().unwrap_or_default(), "Config": pools}),
        );
    }
    let mut labels = texts(&spec.labels, "labels")?;
    labels.extend(spec.compose_labels.iter().map(|(k, v)| (k.clone(), v.as_str().into())));
    body.insert("Labels".to_owned(), labels.into());
    Ok(body.into())
}

/// The body of `POST /volumes/create`.
pub fn volume(spec: &VolumeSpec) -> Result<Value, NoBody> {
    let mut labels = texts(&spec.labels, "labels")?;
    labels.extend(spec.compose_labels.iter().map(|(k, v)| (k.clone(), v.as_str().into())));
    Ok(json!({
        "Name": spec.name,
        "Driver": spec.driver.as_deref().unwrap_or_default(),
        "DriverOpts": texts(&spec.driver_opts, "driver_opts")?,
        "Labels": labels,
    }))
}

/// The engine's word for a restart policy.
pub fn restart_policy(policy: &RestartPolicy) -> Value {
    let (name, count) = match policy {
        RestartPolicy::No => ("no", 0),
        RestartPolicy::Always => ("always", 0),
        RestartPolicy::UnlessStopped => ("unless-stopped", 0),
        RestartPolicy::OnFailure(tries) => ("on-failure", *tries),
        RestartPolicy::Other(word) => (word.as_str(), 0),
    };
    json!({"Name": name, "MaximumRetryCount": count})
}

/// A container that is shared with, as the engine takes it. It accepts names and turns them to ids.
fn shared_container(new: &NewContainer<'_>, other: &ContainerRef) -> Result<String, NoBody> {
    match other {
        ContainerRef::Service(service) => {
            new.peers.get(service).cloned().ok_or_else(|| NoBody::NoPeer(service.clone()))
        }
        ContainerRef::Name(name) => Ok(name.clone()),
        ContainerRef::Gone(id) => Err(NoBody::Gone(id.clone())),
    }
}

/// `HostConfig.PidMode`; nothing is the engine's default.
fn pid_mode(new: &NewContainer<'_>, mode: &PidMode) -> Result<Option<String>, NoBody> {
    Ok(match mode {
        PidMode::Private => None,
        PidMode::Host => Some("host".to_owned()),
        PidMode::Container(other) => Some(format!("container:{}", shared_container(new, other)?)),
        PidMode::Other(word) => Some(word.clone()),
    })
}

/// `HostConfig.IpcMode`; nothing is the engine's default.
fn ipc_mode(new: &NewContainer<'_>, mode: &IpcMode) -> Result<Option<String>, NoBody> {
    Ok(match mode {
        IpcMode::EngineDefault => None,
        IpcMode::Private => Some("private".to_owned()),
        IpcMode::Shareable => Some("shareable".to_owned()),
        IpcMode::None => Some("none".to_owned()),
        IpcMode::Host => Some("host".to_owned()),
        IpcMode::Container(other) => Some(format!("container:{}", shared_container(new, other)?)),
        IpcMode::Other(word) => Some(word.clone()),
    })
}

fn environment(spec: &ContainerSpec) -> Result<Value, NoBody> {
    let entry = |(name, value): (&String, &Option<Text>)| match value {
        Some(value) => Ok(format!("{name}={}", clear(value, "environment")?)),
        None => Ok(name.clone()),
    };
    Ok(json!(spec.environment.iter().map(entry).collect::<Result<Vec<_>, NoBody>>()?))
}

fn labels(spec: &ContainerSpec, ids: &Ids) -> Result<Value, NoBody> {
    let mut labels = texts(&spec.labels, "labels")?;
    labels.extend(spec.compose_labels.iter().map(|(k, v)| (k.clone(), v.as_str().into())));
    set(&mut labels, IMAGE_LABEL, ids.image.clone());
    set(&mut labels, HASH_LABEL, spec.hashed.as_ref().map(|hashed| hashed.hash(&ids.containers)));
    Ok(labels.into())
}

fn healthcheck(check: &Healthcheck, api: ApiVersion) -> Result<Value, NoBody> {
    let mut body = Map::new();
    if check.test.is_some() {
        body.insert("Test".to_owned(), words(check.test.as_deref(), "healthcheck")?);
    }
    set(&mut body, "Interval", nonzero(Some(check.interval)));
    set(&mut body, "Timeout", nonzero(Some(check.timeout)));
    set(&mut body, "StartPeriod", nonzero(Some(check.start_period)));
    set(&mut body, "Retries", nonzero(Some(check.retries)));
    if api >= ALL_NETWORKS {
        set(&mut body, "StartInterval", nonzero(Some(check.start_interval)));
    }
    Ok(body.into())
}

fn pool(pool: &IpamPool) -> Value {
    let mut body = Map::new();
    set(&mut body, "Subnet", pool.subnet.clone());
    set(&mut body, "IPRange", pool.ip_range.clone());
    set(&mut body, "Gateway", pool.gateway.clone());
    if !pool.aux_addresses.is_empty() {
        body.insert("AuxiliaryAddresses".to_owned(), json!(pool.aux_addresses));
    }
    body.into()
}

/// The characters of a text, which only a record or an apply that is not done lacks.
fn clear<'a>(text: &'a Text, key: &'static str) -> Result<&'a str, NoBody> {
    text.expose().ok_or(NoBody::Sealed(key))
}

fn words(words: Option<&[Text]>, key: &'static str) -> Result<Value, NoBody> {
    let Some(words) = words else { return Ok(Value::Null) };
    Ok(json!(words.iter().map(|word| clear(word, key)).collect::<Result<Vec<_>, _>>()?))
}

fn texts<'a>(
    texts: impl IntoIterator<Item = (&'a String, &'a Text)>,
    key: &'static str,
) -> Result<Map<String, Value>, NoBody> {
    texts.into_iter().map(|(name, text)| Ok((name.clone(), clear(text, key)?.into()))).collect()
}

fn set<V: Into<Value>>(body: &mut Map<String, Value>, key: &str, value: Option<V>) {
    if let Some(value) = value {
        body.insert(key.to_owned(), value.into());
    }
}

/// Zero is "not set" to the engine.
fn nonzero(number: Option<i64>) -> Option<i64> {
    number.filter(|n| *n != 0)
}

/// Whether a container has networks of its own to attach.
pub fn has_networks(spec: &ContainerSpec) -> bool {
    matches!(spec.network_mode, NetworkMode::Networks | NetworkMode::Bridge) && !spec.networks.is_empty()
}
