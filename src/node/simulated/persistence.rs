//! A simulated node in a file, which outlives the process: the next command finds the changes of the last one.
//!
//! The file holds everything that a machine would hold, the passwords in its env files included. Only its owner may read
//! it, and a `.gitignore` beside it keeps it out of the repository.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::world::World;
use crate::atomic_file;
use crate::model::NodeName;
use crate::model::spec::ContainerSpec;
use crate::node::FileWrite;
use crate::node::error::ErrorKind;
use crate::node::shell::write_file;
use crate::regular_file::{self, Links, MOST_BYTES, require_folder};

/// The version of the format.
const VERSION: u32 = 1;
/// Git leaves everything in the folder alone.
const IGNORE: &str = "*\n";

/// The file of a node.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    node: NodeName,
    /// The file as it was when it was read or written last.
    seen: Option<Stamp>,
}

/// Inode, time and size: they tell one content of the file from the next without reading it.
type Stamp = (u64, i64, i64, u64);

/// The version of a file, which is read first.
#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

/// The file.
#[derive(Serialize)]
struct Written<'a> {
    format_version: u32,
    node: &'a NodeName,
    #[serde(flatten)]
    world: &'a World,
}

impl Store {
    /// The file of `node` below `folder`. Nothing is made yet.
    pub(super) fn new(folder: &Path, node: &NodeName) -> Self {
        Self { folder: folder.to_owned(), node: node.clone(), seen: None }
    }

    /// Reads the file again if it was written since; a node without a file is a new machine.
    pub(super) fn refresh(&mut self, world: &mut World) -> Result<(), ErrorKind> {
        let path = self.path();
        self.require_folders()?;
        let now = match fs::symlink_metadata(&path) {
            Ok(metadata) => Some(stamp(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path, &error)),
        };
        if now.is_some() && now == self.seen {
            return Ok(());
        }
        *world = match now {
            Some(_) => read(&self.bytes()?)
                .map_err(|why| ErrorKind::File { path: path.display().to_string(), why: self.unreadable(&why) })?,
            None => World::default(),
        };
        self.seen = now;
        Ok(())
    }

    /// Has the file read again the next time: the world in memory is not the one in it.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// Writes the file, all or nothing, after a [refresh](Self::refresh) that has found a file there or none.
    pub(super) fn save(&mut self, world: &World) -> Result<(), ErrorKind> {
        self.make_folder()?;
        let path = self.path();
        let content = written(&self.node, world).map_err(|error| ErrorKind::Garbled(error.to_string()))?;
        let file = FileWrite { path: path.display().to_string(), content, mode: 0o600, owner: None };
        write_file(&file).map_err(|error| failed(&path, &error))?;
        self.seen = Some(stamp(&fs::symlink_metadata(&path).map_err(|error| failed(&path, &error))?));
        Ok(())
    }

    /// The path of the file whose lock is the node's. Its folder is made.
    pub(super) fn lock_path(&self) -> Result<String, ErrorKind> {
        self.make_folder()?;
        Ok(self.folder.join(format!("{}.lock", self.node)).display().to_string())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.node))
    }

    /// The folder is in the one of the state, which comes with a repository: neither may lead elsewhere.
    fn require_folders(&self) -> Result<(), ErrorKind> {
        let above = self.folder.parent().into_iter();
        let mut folders = above.chain([self.folder.as_path()]);
        folders.try_for_each(|folder| require_folder(folder).map_err(|error| failed(folder, &error)))
    }

    fn bytes(&self) -> Result<Vec<u8>, ErrorKind> {
        let path = self.path();
        let bytes = regular_file::read(&path, Links::Refused, MOST_BYTES);
        bytes.map_err(|error| failed(&path, &error.into()))
    }

    fn make_folder(&self) -> Result<(), ErrorKind> {
        self.require_folders()?;
        let make = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let ignore = self.folder.join(".gitignore");
            match atomic_file::create(&ignore, IGNORE.as_bytes(), 0o644) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            }
        };
        make().map_err(|error| failed(&self.folder, &error))
    }

    fn unreadable(&self, why: &str) -> String {
        format!("{why}; remove the file to begin with an empty machine")
    }
}

fn read(bytes: &[u8]) -> Result<World, String> {
    let Head { format_version } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if format_version != VERSION {
        return Err(format!("it has format {format_version}, and this hl reads {VERSION}"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// The file's text. Fields of containers that have the value of an empty spec are left out.
fn written(node: &NodeName, world: &World) -> serde_json::Result<Vec<u8>> {
    let mut file = serde_json::to_value(Written { format_version: VERSION, node, world })?;
    let defaults = serde_json::to_value(ContainerSpec::default())?;
    let containers = file.get_mut("containers").and_then(Value::as_object_mut);
    for container in containers.into_iter().flat_map(|containers| containers.values_mut()) {
        if let Some(spec) = container.get_mut("spec").and_then(Value::as_object_mut) {
            spec.retain(|key, value| defaults.get(key) != Some(value));
        }
    }
    let mut text = serde_json::to_vec_pretty(&file)?;
    text.push(b'\n');
    Ok(text)
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size())
}

fn failed(path: &Path, error: &io::Error) -> ErrorKind {
    ErrorKind::File { path: path.display().to_string(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::Text;
    use crate::model::spec::{ImageRef, VolumeSpec};
    use crate::node::simulated::tests::{new_container, spec};

    fn store(folder: &Path) -> Store {
        Store::new(folder, &NodeName::new("nas").unwrap())
    }

    #[test]
    fn what_one_process_writes_the_next_one_reads() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("simulated");
        let (mut one, mut world) = (store(&below), World::default());
        one.refresh(&mut world).unwrap();
        assert!(!below.exists(), "to look makes nothing");
        world.pull(&ImageRef::new("web:1")).unwrap();
        world.create_volume(&VolumeSpec { name: "data".into(), ..VolumeSpec::default() });
        world.files.put_file("/opt/.env", "PASSWORD=hunter2\n");
        let mut container = spec("web:1");
        container.environment.insert("PASSWORD".into(), Some(Text::secret("hunter2")));
        container.environment.insert("HIDDEN".into(), None);
        container.command = Some(Vec::new());
        world.create_container(&new_container("web", &container)).unwrap();
        world.start("web").unwrap();
        one.save(&world).unwrap();

        let (mut two, mut other) = (store(&below), World::default());
        two.refresh(&mut other).unwrap();
        assert_eq!(other, world);
        let path = below.join("nas.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(below.join(".gitignore")).unwrap(), "*\n");

        // Somebody removes the container by hand.
        let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        file["containers"].as_object_mut().unwrap().clear();
        fs::write(&path, file.to_string()).unwrap();
        one.refresh(&mut world).unwrap();
        assert!(world.containers.is_empty() && world.volumes.contains_key("data"));
    }

    #[test]
    fn a_file_of_another_format_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("nas.json"), r#"{"format_version": 2}"#).unwrap();
        let error = store(folder.path()).refresh(&mut World::default()).unwrap_err().to_string();
        assert_eq!(error, "it has format 2, and this hl reads 1; remove the file to begin with an empty machine");
        fs::write(folder.path().join("nas.json"), r#"{"format_version": 1, "scripts": {"/opt": 7}}"#).unwrap();
        let mut world = World::default();
        store(folder.path()).refresh(&mut world).unwrap();
        assert_eq!(world.scripts["/opt"], 7, "what a file leaves out is as on a new machine");
    }
}
