//! The life of a container: made, started, stopped, changed, removed.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::{
    RemoveContainerOptions, RenameContainerOptions, RestartContainerOptions, StartContainerOptions,
    StopContainerOptions, UploadToContainerOptions,
};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::engine::{CHANGE, Engine, SLOW, escape};
use super::read::{self, inspect_raw};
use super::{api_types, create};
use crate::model::spec::{AnonymousVolumes, Attachment, ContainerSpec, CopiedFile, HashedConfig};
use crate::node::{ErrorKind, NewContainer, NodeError};

/// The engine's grace period where a container has none of its own, in seconds.
const DEFAULT_GRACE: i64 = 10;
/// Between two looks at a container that somebody else is removing.
const REMOVAL_POLL: Duration = Duration::from_millis(100);

/// Makes a container with all its networks and files. What was made is removed when that fails.
pub async fn create(engine: &Engine, new: &NewContainer<'_>) -> Result<String, NodeError> {
    let what = format!("create container {}", new.name);
    let body = create::container(new, &ids(engine, new).await?, engine.api);
    let body = body.map_err(|error| engine.fail(&what, ErrorKind::Unsupported(error.to_string())))?;
    if create::has_networks(new.spec) {
        for network in new.spec.networks.keys() {
            require_network(engine, &what, network).await?;
        }
    }
    let platform = new.spec.platform.as_ref().map(|p| format!("&platform={}", escape(p))).unwrap_or_default();
    let path = format!("/containers/create?name={}{platform}", escape(new.name));
    let created: api_types::Created = engine.post(&what, SLOW, &path, &body).await?;
    match complete(engine, &created.id, new.spec).await {
        Ok(()) => Ok(created.id),
        Err(error) => {
            // The first error is the one to tell; a container that stays all the same will show as one
            // that nobody declared.
            let _ = remove_one(engine, &created.id, AnonymousVolumes::Remove).await;
            Err(error)
        }
    }
}

/// The ids that go into Compose's labels. What is not there is for the create call to complain about.
async fn ids(engine: &Engine, new: &NewContainer<'_>) -> Result<create::Ids, NodeError> {
    let image = read::image(engine, new.spec.image.as_str()).await?.map(|image| image.id);
    let mut containers = BTreeMap::new();
    for service in new.spec.hashed.iter().flat_map(HashedConfig::services) {
        let Some(peer) = new.peers.get(&service) else { continue };
        match inspect_raw(engine, peer).await {
            Ok(inspect) => drop(containers.insert(service, inspect.id)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(create::Ids { image, containers })
}

/// Adds the parts that the create call does not take: further networks on older engines, and files.
async fn complete(engine: &Engine, id: &str, spec: &ContainerSpec) -> Result<(), NodeError> {
    for (network, attachment) in create::later_networks(spec, engine.api) {
        attach(engine, id, network, attachment).await?;
    }
    if spec.files.is_empty() {
        return Ok(());
    }
    let what = format!("copy files into container {}", spec.name);
    let archive = archive(spec).map_err(|error| engine.fail(&what, ErrorKind::Unsupported(error.to_string())))?;
    let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
    let body = bollard::body_full(Bytes::from(archive));
    engine.call(&what, SLOW, engine.docker().upload_to_container(id, Some(options), body)).await
}

/// The copied files as a tar archive to unpack at the root.
fn archive(spec: &ContainerSpec) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, CopiedFile { content, uid, gid, mode }) in &spec.files {
        let content =
            content.expose().ok_or_else(|| std::io::Error::other(format!("the content of {path} is not known")))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_uid(*uid);
        header.set_gid(*gid);
        header.set_mode(*mode);
        header.set_mtime(0);
        archive.append_data(&mut header, path.trim_start_matches('/'), content.as_bytes())?;
    }
    archive.into_inner()
}

/// Starts a container.
pub async fn start(engine: &Engine, container: &str) -> Result<(), NodeError> {
    let what = format!("start container {container}");
    let call = engine.docker().start_container(container, None::<StartContainerOptions>);
    engine.call(&what, SLOW, call).await
}

/// Stops a container within its own grace period, which no time-out of ours may cut short.
pub async fn stop(engine: &Engine, container: &str) -> Result<(), NodeError> {
    let what = format!("stop container {container}");
    let time = grace(engine, container).await? + CHANGE;
    engine.call(&what, time, engine.docker().stop_container(container, None::<StopContainerOptions>)).await
}

/// Stops and starts a container.
pub async fn restart(engine: &Engine, container: &str) -> Result<(), NodeError> {
    let what = format!("restart container {container}");
    let time = grace(engine, container).await? + SLOW;
    engine.call(&what, time, engine.docker().restart_container(container, None::<RestartContainerOptions>)).await
}

/// How long a container may take to stop.
async fn grace(engine: &Engine, container: &str) -> Result<Duration, NodeError> {
    let config = inspect_raw(engine, container).await?.config.unwrap_or_default();
    // A negative grace period is one without end.
    let seconds = config.stop_timeout.unwrap_or(DEFAULT_GRACE);
    Ok(u64::try_from(seconds).map_or(Duration::from_secs(u64::from(u32::MAX)), Duration::from_secs))
}

/// Thaws a container.
pub async fn unpause(engine: &Engine, container: &str) -> Result<(), NodeError> {
    let what = format!("unpause container {container}");
    let result = engine.call(&what, CHANGE, engine.docker().unpause_container(container)).await;
    match result {
        Err(error) if !is_paused(engine, container).await? => match error.kind {
            // The engine reports a container that is not paused by these errors.
            ErrorKind::Conflict(_) | ErrorKind::Engine { .. } => Ok(()),
            _ => Err(error),
        },
        result => result,
    }
}

async fn is_paused(engine: &Engine, container: &str) -> Result<bool, NodeError> {
    let state = inspect_raw(engine, container).await?.state.unwrap_or_default();
    Ok(state.status.as_deref() == Some("paused"))
}

/// Gives a container another name.
pub async fn rename(engine: &Engine, container: &str, name: &str) -> Result<(), NodeError> {
    let what = format!("rename container {container} to {name}");
    let options = RenameContainerOptions { name: name.to_owned() };
    engine.call(&what, CHANGE, engine.docker().rename_container(container, options)).await
}

/// Removes a container by force, and its anonymous volumes where asked for: also those that it took
/// over from another one, which the engine has for named since then and would leave behind.
pub async fn remove(engine: &Engine, container: &str, volumes: AnonymousVolumes) -> Result<(), NodeError> {
    let inspect = match inspect_raw(engine, container).await {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    let id = inspect.id.clone();
    let anonymous = match volumes {
        AnonymousVolumes::Keep => Vec::new(),
        AnonymousVolumes::Remove => super::inspect::anonymous_volumes(inspect).into_values().collect(),
    };
    remove_one(engine, &id, volumes).await?;
    for volume in anonymous {
        match super::resources::remove_volume(engine, &volume).await {
            // Another container uses it too.
            Err(error) if matches!(error.kind, ErrorKind::Conflict(_)) => {}
            result => result?,
        }
    }
    Ok(())
}

async fn remove_one(engine: &Engine, id: &str, volumes: AnonymousVolumes) -> Result<(), NodeError> {
    let what = format!("remove container {id}");
    let options = RemoveContainerOptions { v: volumes == AnonymousVolumes::Remove, force: true, link: false };
    match engine.call(&what, SLOW, engine.docker().remove_container(id, Some(options))).await {
        Err(error) => match error.kind {
            ErrorKind::NotFound(_) => Ok(()),
            // Somebody else is removing it already.
            ErrorKind::Conflict(_) => wait_until_gone(engine, id, &what).await,
            _ => Err(error),
        },
        Ok(()) => Ok(()),
    }
}

async fn wait_until_gone(engine: &Engine, id: &str, what: &str) -> Result<(), NodeError> {
    let gone = async {
        loop {
            match inspect_raw(engine, id).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
                Ok(_) => tokio::time::sleep(REMOVAL_POLL).await,
            }
        }
    };
    let late = |_| Err(engine.fail(what, ErrorKind::Timeout { after: CHANGE }));
    tokio::time::timeout(CHANGE, gone).await.unwrap_or_else(late)
}

/// Attaches a container to a network.
pub async fn connect(
    engine: &Engine,
    container: &str,
    network: &str,
    attachment: &Attachment,
) -> Result<(), NodeError> {
    require_network(engine, &format!("connect container {container} to network {network}"), network).await?;
    attach(engine, container, network, attachment).await
}

async fn attach(engine: &Engine, container: &str, network: &str, attachment: &Attachment) -> Result<(), NodeError> {
    let what = format!("connect container {container} to network {network}");
    let end = create::endpoint(network, attachment, engine.api);
    let body = json!({"Container": container, "EndpointConfig": end});
    engine.order(&what, CHANGE, &format!("/networks/{}/connect", escape(network)), &body).await
}

/// Makes sure that a network is there. The engine takes the name of any network for a container that
/// does not run, and fails only when that is started.
async fn require_network(engine: &Engine, what: &str, network: &str) -> Result<(), NodeError> {
    engine.get::<api_types::Network>(what, &format!("/networks/{}", escape(network))).await.map(drop)
}

/// Detaches a container from a network. The engine keeps ends by the network's name: a network that
/// is gone is found by nothing else, and only with force.
pub async fn disconnect(engine: &Engine, container: &str, network: &str) -> Result<(), NodeError> {
    let what = format!("disconnect container {container} from network {network}");
    let inspect = inspect_raw(engine, container).await?;
    let ends = inspect.network_settings.and_then(|n| n.networks).unwrap_or_default();
    let by_id = ends.iter().find(|(_, end)| end.network_id.as_deref() == Some(network)).map(|(name, _)| name.as_str());
    let name = by_id.unwrap_or(network);
    let body = json!({"Container": container, "Force": true});
    engine.order(&what, CHANGE, &format!("/networks/{}/disconnect", escape(name)), &body).await
}

/// The last lines of a container's log.
pub async fn log(engine: &Engine, container: &str, lines: usize) -> Result<Vec<String>, NodeError> {
    let what = format!("read the log of container {container}");
    let config = inspect_raw(engine, container).await?.config.unwrap_or_default();
    let path = format!("/containers/{}/logs?stdout=1&stderr=1&tail={lines}", escape(container));
    let bytes = engine.get_bytes(&what, &path).await?;
    let text = if config.tty.unwrap_or(false) { bytes.to_vec() } else { without_headers(&bytes) };
    let all: Vec<String> = String::from_utf8_lossy(&text).lines().map(|l| l.trim_end().to_owned()).collect();
    Ok(all[all.len().saturating_sub(lines)..].to_vec())
}

/// Without a terminal, the engine puts eight bytes before each piece of a log: which output it came
/// from, three zeros, and the length of the piece.
fn without_headers(mut bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    while let Some((header, rest)) = bytes.split_at_checked(8) {
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        text.extend_from_slice(piece);
        bytes = rest;
    }
    text
}

/// The warnings in an answer of the engine.
pub fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["Warnings"].as_array().into_iter().flatten();
    warnings.filter_map(|w| w.as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_log_go_and_a_cut_piece_stays() {
        let mut log = b"\x01\0\0\0\0\0\0\x03ab\n\x02\0\0\0\0\0\0\x02c\n".to_vec();
        assert_eq!(without_headers(&log), b"ab\nc\n");
        log.extend_from_slice(b"\x01\0\0\0\0\0\0\x09cut");
        assert_eq!(without_headers(&log), b"ab\nc\ncut");
    }
}
