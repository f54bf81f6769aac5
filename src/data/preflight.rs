//! Whether a service can live on another node, before anything of it is stopped.

use std::collections::BTreeMap;

use super::error::{DataError, Refusal, Task};
use super::route::{Route, capabilities, directory, refused, tools};
use super::source::{Occupant, Source};
use crate::model::NodeName;
use crate::model::spec::{DataPlace, DataSource, ImageRef};
use crate::node::Node;

/// So much more than what is copied must be free: file systems need room for themselves.
const MARGIN: u64 = 64 << 20;

/// A service that is to come to a node.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The node that has it.
    pub from: &'a NodeName,
    /// Data: what it is copied from, and where it is to be.
    pub data: &'a [(DataSource, DataPlace)],
    /// Paths that it mounts and that do not come along.
    pub mounts: &'a [String],
    /// The images that are to run there, as they were pulled for that machine.
    pub images: &'a [ImageRef],
    /// The containers that run on the old node, by id.
    pub containers: &'a [String],
}

/// Makes sure that there is room on the disk and in memory, that no other data is in the place, that other mounted paths
/// exist, and that the images are made for the machine.
///
/// # Errors
/// [`DataError`] names the first condition that is not met, or the failure of a node.
pub async fn check(route: Route<'_>, arrival: &Arrival<'_>) -> Result<(), DataError> {
    let from = route.from(arrival.from)?;
    tokio::try_join!(
        space(route, arrival),
        mounts(from, route.to, arrival),
        memory(from, route.to, arrival),
        platforms(route.to, arrival)
    )
    .map(drop)
}

async fn space(route: Route<'_>, arrival: &Arrival<'_>) -> Result<(), DataError> {
    let to = route.to;
    let mut file_systems: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (source, target) in arrival.data {
        let (source, target) = tokio::try_join!(Source::find(route, source), directory(to, target))?;
        let Some(size) = source.size else { continue };
        match source.occupant(to, &target).await? {
            Occupant::Nothing => {}
            Occupant::Itself => continue,
            Occupant::Other => return Err(source.occupied(to, &target)),
        }
        let free = tools(to)?.free_space(&target).await?;
        file_systems.entry(free.mount_point).or_insert((0, free.bytes)).0 += size;
    }
    for (mount_point, (needed, free)) in file_systems {
        if free < needed.saturating_add(MARGIN) {
            return Err(refused(to, Task::Space, Refusal::NoSpace { mount_point, free, needed }));
        }
    }
    Ok(())
}

/// A path that exists only on the old node would become an empty directory here, and the service would begin anew.
async fn mounts(from: &dyn Node, to: &dyn Node, arrival: &Arrival<'_>) -> Result<(), DataError> {
    if arrival.mounts.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = arrival.mounts.iter().map(String::as_str).collect();
    let (there, here) = tokio::try_join!(tools(from)?.exist(&paths), tools(to)?.exist(&paths))?;
    let mut both = paths.iter().zip(there.iter().zip(&here));
    match both.find(|(_, both)| *both == (&true, &false)) {
        None => Ok(()),
        Some((path, _)) => {
            let (path, source_node) = ((*path).to_owned(), from.name().clone());
            Err(refused(to, Task::Mounts, Refusal::MountStays { path, source_node }))
        }
    }
}

async fn memory(from: &dyn Node, to: &dyn Node, arrival: &Arrival<'_>) -> Result<(), DataError> {
    let mut used = 0;
    for container in arrival.containers {
        used += capabilities(from)?.memory_used(container).await?;
    }
    let free = tools(to)?.free_memory().await?;
    match free < used {
        true => Err(refused(to, Task::Memory, Refusal::NoMemory { free, used, source_node: from.name().clone() })),
        false => Ok(()),
    }
}

async fn platforms(to: &dyn Node, arrival: &Arrival<'_>) -> Result<(), DataError> {
    if arrival.images.is_empty() {
        return Ok(());
    }
    let capabilities = capabilities(to)?;
    let machine = capabilities.platform().await?;
    for image in arrival.images {
        let Some(platform) = capabilities.image_platform(image).await? else { continue };
        if !runs(&platform, &machine) {
            let image = image.clone();
            return Err(refused(to, Task::Images, Refusal::OtherPlatform { image, platform, machine }));
        }
    }
    Ok(())
}

/// Whether a machine runs an image's programs by itself.
fn runs(image: &str, machine: &str) -> bool {
    let parts = |text: &str| {
        let mut parts = text.splitn(3, '/').map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let ((image_os, image), (os, machine)) = (parts(image), parts(machine));
    let same = image == machine || image.is_empty();
    // 64-bit processors of both makers run the programs of their 32-bit ones.
    let elder = matches!((image.as_str(), machine.as_str()), ("386", "amd64") | ("arm", "arm64"));
    (image_os.is_empty() || image_os == os) && (same || elder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_run_what_is_made_for_them() {
        assert!(runs("linux/amd64", "linux/amd64"));
        assert!(runs("linux/arm64/v8", "linux/arm64"));
        assert!(runs("linux/arm/v7", "linux/arm64"));
        assert!(runs("linux/386", "linux/amd64"));
        assert!(runs("", "linux/amd64"));
        assert!(!runs("linux/amd64", "linux/arm64"));
        assert!(!runs("linux/arm64", "linux/amd64"));
        assert!(!runs("windows/amd64", "linux/amd64"));
    }
}
