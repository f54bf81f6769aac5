//! Whether a service can live on another node, before anything of it is stopped.

use std::collections::BTreeMap;

use super::{Found, SHORT, Source, facts, folder, number, refused, tools};
use crate::model::size::about_bytes;
use crate::model::spec::{DataPlace, DataSource, ImageRef};
use crate::node::{Node, NodeError};

/// Of what is copied this much more must be free: file systems need room for themselves.
const MARGIN: u64 = 64 << 20;

/// The file system in which a folder is to be, and the bytes that are free there.
const ROOM: &str = r#"
set -eu
above=$(dirname -- "$1")
while [ ! -d "$above" ]; do above=$(dirname -- "$above"); done
df -P -B1 -- "$above" | awk 'NR == 2 { print $NF, $4 }'
"#;
/// Bytes of memory that can be had without taking any from others. Source: `proc(5)`.
const MEMORY: &str = r#"awk '$1 == "MemAvailable:" { printf "%d\n", $2 * 1024 }' /proc/meminfo"#;

/// Tells of each path whether it is there.
const THERE: &str = r#"for path; do if [ -e "$path" ]; then echo there; else echo missing; fi; done"#;

/// What is to come to a node.
#[derive(Clone, Copy, Debug)]
pub struct Coming<'a> {
    /// Data, from where and to where.
    pub data: &'a [(DataSource, DataPlace)],
    /// Paths that it mounts and that do not come along.
    pub mounts: &'a [String],
    /// The images that are to run there, as they came for that machine.
    pub images: &'a [ImageRef],
    /// The containers that run on the old node, by id.
    pub containers: &'a [String],
}

/// Makes sure that there is room and memory, that no other data is in the place, that what does not come along is there, and
/// that the images are made for the machine.
///
/// # Errors
/// [`crate::node::ErrorKind::Conflict`] where one of that is not so; the node's own words.
pub async fn check(from: &dyn Node, to: &dyn Node, coming: &Coming<'_>) -> Result<(), NodeError> {
    tokio::try_join!(room(from, to, coming), mounts(from, to, coming), memory(from, to, coming), platforms(to, coming))
        .map(drop)
}

async fn room(from: &dyn Node, to: &dyn Node, coming: &Coming<'_>) -> Result<(), NodeError> {
    let mut needed: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (DataSource::Node { place: source, .. }, target) in coming.data {
        let (source, target) = tokio::try_join!(Source::find(from, source), folder(to, target))?;
        let Some(size) = source.size else { continue };
        match source.look(to, &target).await? {
            Found::Nothing => {}
            Found::Itself => continue,
            Found::Other => return Err(source.in_the_way(to, &target)),
        }
        let said = tools(to)?.tool(&format!("measure the room for {target}"), ROOM, &[&target], SHORT).await?;
        let (place, free) = said.trim().rsplit_once(' ').unwrap_or_default();
        let file_system = needed.entry(place.to_owned()).or_insert((0, number(to, free)?));
        file_system.0 += size;
    }
    for (place, (size, free)) in needed {
        if free < size.saturating_add(MARGIN) {
            let text = format!("{} are free in {place}, and {} are to be copied", about_bytes(free), about_bytes(size));
            return Err(refused(to, "make room", text));
        }
    }
    Ok(())
}

/// What is there on the old node and not on the new one would be an empty folder here, and the service would begin anew.
async fn mounts(from: &dyn Node, to: &dyn Node, coming: &Coming<'_>) -> Result<(), NodeError> {
    if coming.mounts.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = coming.mounts.iter().map(String::as_str).collect();
    let (what, there, here) = ("look at what is mounted", tools(from)?, tools(to)?);
    let (there, here) =
        tokio::try_join!(there.tool(what, THERE, &paths, SHORT), here.tool(what, THERE, &paths, SHORT))?;
    let mut both = paths.iter().zip(there.lines().zip(here.lines()));
    match both.find(|(_, both)| *both == ("there", "missing")) {
        None => Ok(()),
        Some((path, _)) => {
            let text = format!(
                "{path}, which it mounts, is on {} and does not come along, since it is not below its data; copy it first",
                from.name()
            );
            Err(refused(to, "look for what it mounts", text))
        }
    }
}

async fn memory(from: &dyn Node, to: &dyn Node, coming: &Coming<'_>) -> Result<(), NodeError> {
    let mut used = 0;
    for container in coming.containers {
        used += facts(from)?.memory_used(container).await?;
    }
    let free = number(to, &tools(to)?.tool("measure memory", MEMORY, &[], SHORT).await?)?;
    if free < used {
        let text =
            format!("{} of memory are free, and it uses {} on {}", about_bytes(free), about_bytes(used), from.name());
        return Err(refused(to, "make room in memory", text));
    }
    Ok(())
}

async fn platforms(to: &dyn Node, coming: &Coming<'_>) -> Result<(), NodeError> {
    if coming.images.is_empty() {
        return Ok(());
    }
    let facts = facts(to)?;
    let machine = facts.platform().await?;
    for image in coming.images {
        let Some(platform) = facts.image_platform(image).await? else { continue };
        if !runs(&platform, &machine) {
            let text = format!("{image} is made for {platform}, and the machine is {machine}");
            return Err(refused(to, "look at the images", text));
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
