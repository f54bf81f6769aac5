//! All that an engine has → the live view, with as few round trips as possible.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::api_types;
use super::engine::{Engine, escape};
use super::inspect::{self, ReferenceIndex};
use crate::model::view::{LiveContainer, LiveImage, LiveNode};
use crate::node::NodeError;

/// Inspects under way at once. The engine answers them from memory; four are the knee on two
/// processors.
const INSPECTS_AT_ONCE: usize = 4;

/// Reads all that an engine has, with GET requests only. Files are not its business.
pub async fn read(engine: &Engine) -> Result<LiveNode, NodeError> {
    let (listed, networks, volumes, images) = tokio::try_join!(
        engine.get::<Vec<api_types::Listed>>("list containers", "/containers/json?all=1"),
        engine.get::<Vec<api_types::Network>>("list networks", "/networks"),
        engine.get::<api_types::VolumeList>("list volumes", "/volumes"),
        engine.get::<Vec<api_types::Image>>("list images", "/images/json"),
    )?;
    let around = ReferenceIndex::new(&networks, &listed);
    let used: BTreeSet<&str> =
        listed.iter().filter_map(|c| c.image_id.as_deref()).filter(|id| !id.is_empty()).collect();
    let (containers, inspected) = tokio::try_join!(
        containers(engine, &listed, &around),
        each(used.into_iter().map(|id| image(engine, id)).collect()),
    )?;
    let mut images: BTreeMap<String, LiveImage> =
        images.into_iter().map(inspect::image).map(|i| (i.id.clone(), i)).collect();
    images.extend(inspected.into_iter().flatten().map(|i| (i.id.clone(), i)));
    let mut containers: BTreeMap<String, LiveContainer> = containers.into_iter().map(|c| (c.id.clone(), c)).collect();
    let now = engine.now();
    for container in containers.values_mut() {
        set_platform(container, images.get(&container.image_id));
        inspect::settle(container, now);
    }
    let volumes = volumes.volumes.unwrap_or_default().into_iter().map(inspect::volume);
    Ok(LiveNode {
        api_version: engine.api.to_string(),
        containers,
        networks: networks.into_iter().map(|n| (n.id.clone(), inspect::network(n))).collect(),
        volumes: volumes.map(|v| (v.spec.name.clone(), v)).collect(),
        images,
        files: BTreeMap::new(),
        not_writable: BTreeSet::new(),
        unreadable: BTreeMap::new(),
        retained_dirs: BTreeSet::new(),
        home: None,
        clock_ahead: engine.clock_ahead,
    })
}

/// Reads one container.
pub async fn read_container(engine: &Engine, container: &str) -> Result<LiveContainer, NodeError> {
    let inspect = inspect_raw(engine, container).await?;
    let networks = engine.get::<Vec<api_types::Network>>("list networks", "/networks");
    let (networks, listed) = match inspect::refers_to_containers(&inspect) {
        // This list is the dearest of all answers, so it is asked for only where it is needed.
        true => tokio::try_join!(networks, engine.get("list containers", "/containers/json?all=1"))?,
        false => (networks.await?, Vec::new()),
    };
    let image = image(engine, inspect.image.as_deref().unwrap_or_default()).await?;
    let mut live = inspect::container(inspect, &ReferenceIndex::new(&networks, &listed));
    set_platform(&mut live, image.as_ref());
    inspect::settle(&mut live, engine.now());
    Ok(live)
}

/// One container as the engine tells it.
pub async fn inspect_raw(engine: &Engine, container: &str) -> Result<inspect::Inspect, NodeError> {
    engine.get(&format!("inspect container {container}"), &format!("/containers/{}/json", escape(container))).await
}

/// All listed containers but those that vanished since.
async fn containers(
    engine: &Engine,
    listed: &[api_types::Listed],
    around: &ReferenceIndex,
) -> Result<Vec<LiveContainer>, NodeError> {
    let inspect = async |id| {
        let inspect = present(inspect_raw(engine, id).await)?;
        Ok(inspect.map(|inspect| inspect::container(inspect, around)))
    };
    let inspects = listed.iter().map(|listed| inspect(listed.id.as_str())).collect();
    Ok(each(inspects).await?.into_iter().flatten().collect())
}

/// One image with what it brings along; `None` if it is gone. A container's image may be one that
/// no list shows, or none at all any more.
pub async fn image(engine: &Engine, id: &str) -> Result<Option<LiveImage>, NodeError> {
    let path = format!("/images/{}/json", escape(id));
    Ok(present(engine.get(&format!("inspect image {id}"), &path).await)?.map(inspect::image))
}

/// Runs reads a few at a time.
async fn each<T, F>(reads: Vec<F>) -> Result<Vec<T>, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    stream::iter(reads).buffer_unordered(INSPECTS_AT_ONCE).try_collect().await
}

/// Turns a not-found error into `None`.
fn present<T>(result: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A container's own inspect does not tell its platform; its image does.
fn set_platform(container: &mut LiveContainer, image: Option<&LiveImage>) {
    container.spec.platform = image.map(|i| i.platform.clone()).filter(|p| !p.is_empty());
}
