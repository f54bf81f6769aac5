//! Primitives for copying data on a simulated node.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use super::Simulated;
use super::file_tree::file_error;
use super::world::{World, volume_directory};
use crate::model::checkup::FolderAccess;
use crate::model::spec::ImageRef;
use crate::model::view::FileKind;
use crate::node::error::NodeError;
use crate::node::{Capabilities, FreeSpace, Incoming, Outgoing, Tools};

#[async_trait]
impl Capabilities for Simulated {
    async fn engine_version(&self) -> Result<String, NodeError> {
        self.look("ask for the version", |_| Ok("20.10".to_owned()))
    }

    async fn platform(&self) -> Result<String, NodeError> {
        self.look("ask for the platform", |world| Ok(world.machine.platform.clone()))
    }

    async fn image_platform(&self, reference: &ImageRef) -> Result<Option<String>, NodeError> {
        self.look("look at an image", |world| Ok(world.find_image(reference).map(|image| image.platform.clone())))
    }

    async fn memory_used(&self, container: &str) -> Result<u64, NodeError> {
        self.look("ask what a container uses", |world| {
            let live = world.inspect(container)?;
            Ok(if live.status.is_up() { world.program(&live.image_id).memory } else { 0 })
        })
    }

    async fn volume_folder(&self, name: &str) -> Result<Option<String>, NodeError> {
        self.look("look at a volume", |world| Ok(world.volumes.get(name).map(|_| volume_directory(name))))
    }
}

#[async_trait]
impl Tools for Simulated {
    async fn disk_usage(&self, path: &str) -> Result<Option<u64>, NodeError> {
        self.look(&format!("measure {path}"), |world| Ok(world.files.disk_usage(path)))
    }

    async fn is_vacant(&self, path: &str) -> Result<bool, NodeError> {
        self.look(&format!("look at {path}"), |world| Ok(world.files.is_vacant(path)))
    }

    async fn exist(&self, paths: &[&str]) -> Result<Vec<bool>, NodeError> {
        self.look("look for files", |world| Ok(paths.iter().map(|path| world.files.exists(path)).collect()))
    }

    async fn fingerprint(&self, directory: &str) -> Result<String, NodeError> {
        let compare = |world: &World| world.files.fingerprint(directory).map_err(|e| file_error(directory, &e));
        self.look(&format!("compare {directory}"), compare)
    }

    async fn read_tree(&self, directory: &str) -> Result<Outgoing, NodeError> {
        let pack = |world: &World| world.files.pack(directory).map_err(|e| file_error(directory, &e));
        let archive = self.look(&format!("read {directory}"), pack)?;
        Ok(Outgoing { reader: Box::new(Cursor::new(archive)), end: Box::pin(async { Ok(()) }) })
    }

    async fn write_tree(&self, directory: &str) -> Result<Incoming, NodeError> {
        let what = format!("write {directory}");
        self.change(&what, |world| {
            world.files.remove(directory);
            let now = world.tick();
            world.files.make_directory(directory, now).map_err(|e| file_error(directory, &e))
        })?;
        let archive = Archive::default();
        let (node, directory, written) = (self.clone(), directory.to_owned(), archive.clone());
        let end = Box::pin(async move {
            let bytes = std::mem::take(&mut *written.bytes());
            node.change(&what, |world| world.files.unpack(&directory, &bytes).map_err(|e| file_error(&directory, &e)))
        });
        Ok(Incoming { writer: Box::new(archive), end })
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.change(&format!("rename {from} to {to}"), |world| {
            world.files.rename(from, to).map_err(|e| file_error(from, &e))
        })
    }

    async fn remove_vacant(&self, directory: &str) -> Result<(), NodeError> {
        self.change(&format!("remove the empty directory {directory}"), |world| {
            match world.files.is_vacant(directory) {
                true => {
                    world.files.remove(directory);
                    Ok(())
                }
                false => Err(file_error(directory, &io::Error::from(io::ErrorKind::DirectoryNotEmpty))),
            }
        })
    }

    async fn remove_file(&self, file: &str) -> Result<(), NodeError> {
        self.change(&format!("remove the file {file}"), |world| {
            match world.files.live(file).is_some_and(|live| live.kind == FileKind::Directory) {
                true => Err(file_error(file, &io::Error::from(io::ErrorKind::IsADirectory))),
                false => {
                    world.files.remove(file);
                    Ok(())
                }
            }
        })
    }

    async fn remove(&self, paths: &[&str]) -> Result<(), NodeError> {
        self.change(&format!("remove {}", paths.join(", ")), |world| {
            paths.iter().for_each(|path| world.files.remove(path));
            Ok(())
        })
    }

    async fn find_programs(&self, programs: &[&str]) -> Result<Vec<bool>, NodeError> {
        self.look("look for programs", |_| Ok(vec![true; programs.len()]))
    }

    async fn folder_access(&self, directory: &str) -> Result<FolderAccess, NodeError> {
        let access = |world: &World| {
            let kind = |path: &str| world.files.live(path).map(|live| live.kind);
            let mut at = directory;
            while kind(at).is_none() && at.len() > 1 {
                at = at.rsplit_once('/').map_or("/", |(above, _)| if above.is_empty() { "/" } else { above });
            }
            match kind(at) {
                Some(FileKind::File | FileKind::Other) => FolderAccess::Blocked { at: at.to_owned() },
                Some(FileKind::Directory) if at == directory => FolderAccess::Open,
                Some(FileKind::Directory) | None => FolderAccess::ToBeMade { at: at.to_owned() },
            }
        };
        self.look(&format!("look at {directory}"), |world| Ok(access(world)))
    }

    async fn free_space(&self, path: &str) -> Result<FreeSpace, NodeError> {
        self.look(&format!("measure the free space for {path}"), |world| {
            let bytes = world.machine.disk.saturating_sub(world.files.all_usage());
            Ok(FreeSpace { mount_point: "/".to_owned(), bytes })
        })
    }

    async fn free_memory(&self) -> Result<u64, NodeError> {
        self.look("measure the free memory", |world| {
            let up = world.containers.values().filter(|c| c.status.is_up());
            let used = up.map(|c| world.program(&c.image_id).memory).sum();
            Ok(world.machine.memory.saturating_sub(used))
        })
    }
}

/// An archive in memory until it is unpacked.
#[derive(Clone, Default)]
struct Archive(Arc<Mutex<Vec<u8>>>);

impl Archive {
    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncWrite for Archive {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.bytes().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::model::NodeName;
    use crate::node::shell::{LocalShell, Shell};

    async fn copy(from: &dyn Tools, source: &str, to: &dyn Tools, target: &str) {
        let mut outgoing = from.read_tree(source).await.unwrap();
        let mut archive = Vec::new();
        outgoing.reader.read_to_end(&mut archive).await.unwrap();
        outgoing.end.await.unwrap();
        let mut incoming = to.write_tree(target).await.unwrap();
        incoming.writer.write_all(&archive).await.unwrap();
        incoming.writer.shutdown().await.unwrap();
        drop(incoming.writer);
        incoming.end.await.unwrap();
    }

    #[tokio::test]
    async fn a_simulated_tree_has_the_fingerprint_of_a_real_one() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir_all(real.join("deep/er")).unwrap();
        std::fs::write(real.join("deep/file with  spaces"), "text").unwrap();
        std::fs::write(real.join("-dash"), [0, 1, 255]).unwrap();
        std::fs::write(real.join("n".repeat(180)), "a long name").unwrap();
        symlink("deep/er", real.join("link")).unwrap();
        std::fs::set_permissions(real.join("deep"), std::fs::Permissions::from_mode(0o2750)).unwrap();
        let name = NodeName::new("here").unwrap();
        let path = ("PATH".to_owned(), std::env::var("PATH").unwrap());
        let shell = LocalShell::new(&name, BTreeMap::from([path]));
        let (here, sim) = (shell.tools().unwrap(), Simulated::new(name.clone(), World::default()));
        let real = real.display().to_string();

        copy(here, &real, &sim, "/data/copy").await;
        assert_eq!(sim.fingerprint("/data/copy").await.unwrap(), here.fingerprint(&real).await.unwrap());
        let back = folder.path().join("back").display().to_string();
        copy(&sim, "/data/copy", here, &back).await;
        assert_eq!(here.fingerprint(&back).await.unwrap(), here.fingerprint(&real).await.unwrap());

        let both: [(&dyn Tools, String); 2] = [(here, back.clone()), (&sim, "/data/copy".to_owned())];
        for (tools, path) in both {
            let (gone, renamed) = (format!("{path}-gone"), format!("{path}-renamed"));
            assert_eq!(tools.exist(&[&path, &gone]).await.unwrap(), [true, false]);
            assert!(!tools.is_vacant(&path).await.unwrap() && tools.is_vacant(&gone).await.unwrap());
            assert!(tools.disk_usage(&path).await.unwrap().is_some_and(|bytes| bytes >= 4096));
            assert_eq!(tools.disk_usage(&gone).await.unwrap(), None);
            assert!(tools.remove_vacant(&path).await.is_err());
            tools.remove_vacant(&gone).await.unwrap();
            tools.rename(&path, &renamed).await.unwrap();
            assert!(tools.rename(&path, &gone).await.is_err());
            assert_eq!(tools.exist(&[&path, &renamed]).await.unwrap(), [false, true]);
            tools.remove(&[&renamed, &gone]).await.unwrap();
            assert!(tools.fingerprint(&renamed).await.is_err());
            assert!(tools.free_space(&gone).await.unwrap().bytes > 0 && tools.free_memory().await.unwrap() > 0);
        }
    }
}
