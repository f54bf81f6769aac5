//! Inspect → the live view, in the same normal form as the declared one.
//!
//! Values that the engine adds on its own are removed here if inspect alone tells them from requested values: short-id
//! aliases, the container's own names, default host names, `rprivate`. Values that only the declaration could tell
//! apart (sizes, modes and drivers that default to the engine's) stay as the engine reports them; the diff does not
//! compare them where nothing is declared.
//!
//! Pure functions over [`super::api_types`]; nothing here asks an engine.

mod host;
mod mounts;
mod network;
mod process;
mod resources;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::api_types;
use crate::model::ProjectName;
use crate::model::spec::{ContainerRef, ContainerSpec, IpcMode, PidMode};
use crate::model::value::Text;
use crate::model::view::{ComposeIdentity, FailedCheck, Health, LiveContainer, OneOff, Status};
use crate::node::ContainerState;

pub use host::HostConfig;
pub use resources::{image, network, volume};

/// `GET /containers/{id}/json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Inspect {
    pub id: String,
    pub name: String,
    pub created: Option<String>,
    pub image: Option<String>,
    pub restart_count: Option<u32>,
    pub state: Option<api_types::State>,
    pub config: Option<api_types::Config>,
    pub host_config: Option<HostConfig>,
    pub network_settings: Option<api_types::NetworkSettings>,
    pub mounts: Option<Vec<api_types::MountPoint>>,
}

/// The prefix of Compose's own labels.
const COMPOSE: &str = "com.docker.compose.";

/// The other objects on the node, which give names to the references of an inspected container.
#[derive(Debug, Default)]
pub struct ReferenceIndex {
    /// Networks: name → id, the first of those that share a name.
    networks: BTreeMap<String, String>,
    /// Containers by id.
    containers: BTreeMap<String, Peer>,
}

/// Another container, as far as references to it go.
#[derive(Debug)]
struct Peer {
    name: String,
    identity: Option<ComposeIdentity>,
}

impl ReferenceIndex {
    /// From the lists of networks and containers.
    pub fn new(networks: &[api_types::Network], containers: &[api_types::Listed]) -> Self {
        let peer = |listed: &api_types::Listed| Peer {
            name: list_name(listed),
            identity: identity(listed.labels.as_ref().unwrap_or(&BTreeMap::new())),
        };
        let mut by_id: Vec<&api_types::Network> = networks.iter().collect();
        by_id.sort_by(|a, b| b.id.cmp(&a.id));
        Self {
            networks: by_id.into_iter().map(|n| (n.name.clone(), n.id.clone())).collect(),
            containers: containers.iter().map(|c| (c.id.clone(), peer(c))).collect(),
        }
    }

    /// The id of the network that has a name now.
    fn network_id(&self, name: &str) -> Option<&str> {
        self.networks.get(name).map(String::as_str)
    }

    /// The id of a container that is named by its id or its name; what is not there stays as it is.
    fn container_id(&self, other: &str) -> String {
        let by_name = || self.containers.iter().find(|(_, peer)| peer.name == other).map(|(id, _)| id.clone());
        match self.containers.contains_key(other) {
            true => other.to_owned(),
            false => by_name().unwrap_or_else(|| other.to_owned()),
        }
    }

    /// Resolves the id or name of a container, as seen from a container of `project`.
    fn container(&self, id: &str, project: Option<&ProjectName>) -> ContainerRef {
        let peer = self.containers.get(id).or_else(|| self.containers.values().find(|p| p.name == id));
        let Some(peer) = peer else { return ContainerRef::Gone(id.to_owned()) };
        match &peer.identity {
            Some(i) if Some(&i.project) == project && i.one_off == OneOff::No => {
                ContainerRef::Service(i.service.clone())
            }
            _ => ContainerRef::Name(peer.name.clone()),
        }
    }
}

/// A listed container's own name: of the names that the engine lists, links add some with a second
/// slash in them.
pub fn list_name(listed: &api_types::Listed) -> String {
    let names = listed.names.as_deref().unwrap_or_default();
    let own = names.iter().find(|n| !n[1.min(n.len())..].contains('/'));
    own.map_or_else(|| listed.id.clone(), |n| n.trim_start_matches('/').to_owned())
}

/// Whether a container refers to another one, so that [`ReferenceIndex`] must know containers.
pub fn refers_to_containers(inspect: &Inspect) -> bool {
    let host = inspect.host_config.as_ref();
    host.is_some_and(|h| {
        let shared = |mode: &Option<String>| mode.as_deref().is_some_and(|m| m.starts_with("container:"));
        shared(&h.network_mode)
            || shared(&h.ipc_mode)
            || shared(&h.pid_mode)
            || h.volumes_from.as_ref().is_some_and(|v| !v.is_empty())
    })
}

/// A container as it is now.
pub fn container(inspect: Inspect, around: &ReferenceIndex) -> LiveContainer {
    let Inspect { id, name, created, image, restart_count, state, config, host_config, network_settings, mounts } =
        inspect;
    let (config, host) = (config.unwrap_or_default(), host_config.unwrap_or_default());
    let name = name.trim_start_matches('/').to_owned();
    let (labels, compose_labels) = split_labels(config.labels.clone());
    let identity = identity(&compose_labels);
    let project = identity.as_ref().map(|i| &i.project);
    let mut spec = ContainerSpec { name: name.clone(), labels, compose_labels, ..Default::default() };
    process::read(&config, &host, &id, &mut spec);
    let anonymous_volumes = mounts::read(&config, &host, mounts.unwrap_or_default(), &mut spec);
    host::read(&host, &mut spec);
    let pid = host.pid_mode.as_deref().unwrap_or_default();
    spec.pid = shared(pid, project, around).map_or_else(|| PidMode::word(pid), PidMode::Container);
    let ipc = host.ipc_mode.as_deref().unwrap_or_default();
    spec.ipc = shared(ipc, project, around).map_or_else(|| IpcMode::word(ipc), IpcMode::Container);
    spec.volumes_from = host
        .volumes_from
        .iter()
        .flatten()
        .map(|v| around.container(v.split(':').next().unwrap_or(v), project))
        .collect();
    let modes = [&host.network_mode, &host.pid_mode, &host.ipc_mode];
    let namespaces = modes.into_iter().flatten().filter_map(|mode| mode.strip_prefix("container:"));
    let namespaces_of: BTreeSet<String> = namespaces.map(|other| around.container_id(other)).collect();
    let borrows = host.volumes_from.iter().flatten().map(|v| v.split(':').next().unwrap_or(v));
    let shares_with = borrows.map(|other| around.container_id(other)).chain(namespaces_of.iter().cloned()).collect();
    let endpoints = network_settings.and_then(|n| n.networks).unwrap_or_default();
    let address = |end: &api_types::Endpoint| word(end.ip_address.as_ref());
    let addresses = endpoints.iter().filter_map(|(name, end)| Some((name.clone(), address(end)?))).collect();
    let stale_networks = network::read(&id, project, &config, &host, endpoints, around, &mut spec);
    let ContainerState { name, status, health, failed_check, started_at, restarts } =
        state_of(name, restart_count, state);
    LiveContainer {
        status,
        health,
        failed_check,
        started_at,
        restarts,
        created_at: created.and_then(|time| time.parse().ok()),
        image_id: image.unwrap_or_default(),
        id,
        name,
        identity,
        spec,
        stale_networks,
        shares_with,
        namespaces_of,
        anonymous_volumes,
        addresses,
    }
}

/// The engine's names of a container's anonymous volumes, by target.
pub fn anonymous_volumes(inspect: Inspect) -> BTreeMap<String, String> {
    let (config, host) = (inspect.config.unwrap_or_default(), inspect.host_config.unwrap_or_default());
    mounts::read(&config, &host, inspect.mounts.unwrap_or_default(), &mut ContainerSpec::default())
}

/// The container whose namespace a mode names by its id.
fn shared(mode: &str, project: Option<&ProjectName>, around: &ReferenceIndex) -> Option<ContainerRef> {
    mode.strip_prefix("container:").map(|id| around.container(id, project))
}

/// The user's labels, and Compose's own.
fn split_labels(labels: Option<api_types::Texts>) -> (BTreeMap<String, Text>, BTreeMap<String, String>) {
    let (own, user): (BTreeMap<_, _>, BTreeMap<_, _>) =
        labels.unwrap_or_default().into_iter().partition(|(name, _)| name.starts_with(COMPOSE));
    (user.into_iter().map(|(name, value)| (name, Text::plain(value))).collect(), own)
}

/// Which instance of which Compose service the labels tell; `None` without project and service.
pub fn identity(labels: &api_types::Texts) -> Option<ComposeIdentity> {
    let label = |name: &str| labels.get(&format!("{COMPOSE}{name}"));
    Some(ComposeIdentity {
        project: ProjectName::new(label("project")?).ok()?,
        service: label("service")?.clone(),
        number: label("container-number").and_then(|n| n.parse().ok()).unwrap_or(1),
        one_off: match label("oneoff").map(String::as_str) {
            Some("True") => OneOff::Yes,
            _ => OneOff::No,
        },
        working_dir: label("project.working_dir").cloned().unwrap_or_default(),
    })
}

/// A word that is there and not empty.
fn word(text: Option<&String>) -> Option<String> {
    text.filter(|t| !t.is_empty()).cloned()
}

/// Whether a container runs and works.
pub fn state(inspect: Inspect) -> ContainerState {
    state_of(inspect.name.trim_start_matches('/').to_owned(), inspect.restart_count, inspect.state)
}

fn state_of(name: String, restarts: Option<u32>, state: Option<api_types::State>) -> ContainerState {
    let state = state.unwrap_or_default();
    ContainerState {
        name,
        status: status(&state),
        health: state.health.as_ref().and_then(|h| health(h.status.as_deref())),
        failed_check: state.health.and_then(failed_check),
        started_at: state.started_at.filter(|t| !t.starts_with("0001-")).unwrap_or_default(),
        restarts: restarts.unwrap_or_default(),
    }
}

/// Restarts by its policy after which a container that runs is looked at twice.
const SEVERAL_RESTARTS: u32 = 3;

/// Seconds after which a container that was restarted counts as running. The engine waits at most one minute before it
/// restarts one.
const SETTLED_AFTER: i64 = 60;

/// A container that ends and is restarted again and again is so whether it happens to run at the moment or not. `now` is
/// the time on its node.
pub fn settle(live: &mut LiveContainer, now: jiff::Timestamp) {
    let started = live.started_at.parse::<jiff::Timestamp>().ok();
    let settled = started.is_none_or(|at| now.as_second() - at.as_second() >= SETTLED_AFTER);
    if live.status == Status::Running && live.restarts >= SEVERAL_RESTARTS && !settled {
        live.status = Status::Restarting;
        live.health = None;
    }
}

fn status(state: &api_types::State) -> Status {
    match state.status.as_deref().unwrap_or_default() {
        "running" | "stopping" => Status::Running,
        "paused" => Status::Paused,
        "restarting" => Status::Restarting,
        "exited" | "stopped" => Status::Exited { code: state.exit_code.unwrap_or_default() },
        "removing" => Status::Removing,
        "dead" => Status::Dead,
        // `initialized` and `configured` are Podman's words for a container before its first start.
        _ => Status::Created,
    }
}

/// Lines of a health check's output that count: the last ones, as of a log.
const CHECK_LINES: usize = 10;

/// The engine keeps this many bytes of a health check's output. Source: `daemon/health.go`.
const CHECK_BYTES: usize = 4096;

/// The last run of the health check, if it failed.
fn failed_check(state: api_types::HealthState) -> Option<FailedCheck> {
    let last = state.log?.pop().filter(|run| run.exit_code != 0)?;
    let output = last.output.unwrap_or_default();
    let mut lines: Vec<&str> = output.lines().collect();
    if output.len() >= CHECK_BYTES {
        // Its end is cut off: half a secret would not be known for one.
        lines.pop();
    }
    let lines = lines.into_iter().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned);
    let mut lines: Vec<String> = lines.collect();
    lines.drain(..lines.len().saturating_sub(CHECK_LINES));
    Some(FailedCheck { exit_code: last.exit_code, output: lines })
}

fn health(status: Option<&str>) -> Option<Health> {
    match status? {
        "starting" => Some(Health::Starting),
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state with a health check whose runs ended so.
    fn checked(runs: &[(i64, &str)]) -> Option<FailedCheck> {
        let log: Vec<_> =
            runs.iter().map(|(code, output)| serde_json::json!({"ExitCode": code, "Output": output})).collect();
        let inspect = serde_json::json!({
            "Name": "/web",
            "State": {"Status": "running", "Health": {"Status": "unhealthy", "Log": log}},
        });
        state(serde_json::from_value(inspect).unwrap()).failed_check
    }

    #[test]
    fn who_is_restarted_again_and_again_is_so_while_it_runs_too() {
        let status = |restarts: u32, uptime: i64| {
            let inspect = serde_json::json!({
                "Id": "1", "Name": "/web", "RestartCount": restarts,
                "State": {"Status": "running", "StartedAt": "2026-01-01T10:00:00.5Z"},
            });
            let mut live = container(serde_json::from_value(inspect).unwrap(), &ReferenceIndex::default());
            let start: jiff::Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
            settle(&mut live, start + jiff::SignedDuration::from_secs(uptime));
            live.status
        };
        assert_eq!(
            [status(2, 1), status(3, 1), status(500, 59)],
            [Status::Running, Status::Restarting, Status::Restarting]
        );
        assert_eq!([status(500, 60), status(0, 0)], [Status::Running, Status::Running]);
    }

    #[test]
    fn the_last_run_of_a_health_check_counts_where_it_failed() {
        let failed = |exit_code, lines: &[&str]| {
            let output = lines.iter().map(|line| (*line).to_owned()).collect();
            Some(FailedCheck { exit_code, output })
        };
        assert_eq!(checked(&[(0, "fine"), (1, "a \n\nb\n")]), failed(1, &["a", "b"]));
        assert_eq!(checked(&[(1, "no"), (0, "fine")]), None);
        assert_eq!(checked(&[]), None);
        let many: String = (0..30).map(|n| format!("{n}\n")).collect();
        assert_eq!(checked(&[(1, &many)]).unwrap().output.first().map(String::as_str), Some("20"));
        // The engine cuts what is long, maybe in the middle of a secret.
        let long = format!("{}\npassword hun", "x".repeat(CHECK_BYTES));
        assert!(!checked(&[(1, &long)]).unwrap().output.iter().any(|line| line.contains("hun")));
    }
}
