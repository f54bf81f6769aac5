//! The files of a service as its machine sees them: the repository's folder at the project directory, and one `.env`.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compose::reader::{Kind, ReadError, Reader, Refusal};
use crate::config::{BoundedReader, Bounds};
use crate::diagnostic::Visibility;

/// Whether the machine that a service is for is the one that reads the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// It is: paths outside of the service's folder can be read as well.
    Same,
    /// It is not.
    Other,
}

/// Whether the folders above a project directory are those above the service's folder in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// They are, as far as the repository reaches.
    Alike,
    /// They are not: links lead to the one and the same folder.
    Unrelated,
}

/// The folders of a service on this machine. Few ask for what is in them, so links are followed when somebody does.
pub(super) struct OwnFolders {
    /// The disk of the machine.
    pub disk: Arc<dyn Reader + Send + Sync>,
    /// Their paths.
    pub folders: [PathBuf; 2],
    /// Made when it is asked for.
    pub reader: OnceCell<BoundedReader>,
}

impl OwnFolders {
    fn reader(&self) -> &BoundedReader {
        let bounds = || Bounds::only(self.folders.iter().cloned(), self.disk.as_ref());
        self.reader.get_or_init(|| BoundedReader::new(Arc::clone(&self.disk), bounds()))
    }
}

/// A reader of paths of a machine that finds them in the repository.
pub(super) struct Overlay<'a> {
    /// The reader of the repository.
    pub base: &'a dyn Reader,
    /// The root of the repository.
    pub root: &'a Path,
    /// Where the user stands.
    pub seen_from: &'a Path,
    /// The service's folder in the repository.
    pub folder: &'a Path,
    /// The same folder on the machine.
    pub project_dir: &'a Path,
    /// Whose files can be read besides.
    pub machine: Machine,
    /// The service's own folders on the machine, where that is this one.
    pub own: Option<OwnFolders>,
    /// The folders above it there.
    pub above: Above,
    /// The text of the service's `.env`: the one beside the compose file, then the one on the node.
    pub env: Option<String>,
    /// The files of the repository that everyone has who has it, by their real paths; none if that is not known.
    pub tracked: Option<&'a BTreeSet<PathBuf>>,
    /// How that file is called when there is something wrong in it.
    pub env_shown: PathBuf,
}

impl Overlay<'_> {
    /// Where in the repository a path of the machine is found; none if it is not of the repository.
    pub fn in_repository(&self, path: &Path) -> Option<PathBuf> {
        // `./x` is below the project directory; `../x` is beside it, as in the repository it is beside the folder.
        let pairs = self.project_dir.ancestors().zip(self.folder.ancestors());
        let levels = if self.above == Above::Alike { usize::MAX } else { 1 };
        let mut inside = pairs.take(levels).take_while(|(_, here)| here.starts_with(self.root));
        inside.find_map(|(there, here)| Some(here.join(path.strip_prefix(there).ok()?)))
    }

    fn is_env(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == ".env") && path.parent() == Some(self.project_dir)
    }

    /// The path under which it is found, and by which reader; or why it cannot be found.
    fn source(&self, path: &Path) -> Result<(PathBuf, &dyn Reader), ReadError> {
        match (self.in_repository(path), self.machine) {
            (Some(found), _) => Ok((found, self.base)),
            (None, Machine::Same) => {
                let own = self.own.as_ref().map(OwnFolders::reader).filter(|own| own.refusal(path).is_none());
                Ok((path.to_owned(), own.map_or(self.base, |own| own)))
            }
            (None, Machine::Other) => {
                Err(ReadError::Io("it is on another machine, and hl reads only the repository's files".to_owned()))
            }
        }
    }
}

impl Reader for Overlay<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        if self.is_env(path) {
            return self.env.as_ref().map(|text| text.clone().into_bytes()).ok_or(ReadError::Missing);
        }
        let (path, reader) = self.source(path)?;
        reader.read(&path)
    }

    fn kind(&self, path: &Path) -> Kind {
        if self.is_env(path) {
            return if self.env.is_some() { Kind::File } else { Kind::Missing };
        }
        self.source(path).map_or(Kind::Missing, |(found, reader)| reader.kind(&found))
    }

    fn names(&self, path: &Path) -> Vec<String> {
        self.source(path).map(|(found, reader)| reader.names(&found)).unwrap_or_default()
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        let (path, reader) = self.source(path).ok()?;
        reader.size_and_mode(&path)
    }

    fn is_link(&self, path: &Path) -> bool {
        self.source(path).is_ok_and(|(found, reader)| reader.is_link(&found))
    }

    fn refusal(&self, path: &Path) -> Option<Refusal> {
        let (path, reader) = self.source(path).ok()?;
        reader.refusal(&path)
    }

    fn visibility(&self, path: &Path) -> Visibility {
        // Of the service's own `.env` the caller says which variables are public.
        if self.is_env(path) {
            return Visibility::Public;
        }
        let is_tracked = |found: PathBuf| self.tracked.is_some_and(|all| all.contains(&self.base.real(&found)));
        match self.in_repository(path).is_some_and(is_tracked) {
            true => Visibility::Public,
            false => Visibility::Secret,
        }
    }

    fn shown(&self, path: &Path) -> PathBuf {
        if self.is_env(path) {
            return self.env_shown.clone();
        }
        let path = self.source(path).map_or_else(|_| path.to_owned(), |(found, _)| found);
        path.strip_prefix(self.seen_from).map(Path::to_owned).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::reader::Memory;

    fn overlay(memory: &Memory) -> Overlay<'_> {
        Overlay {
            base: memory,
            root: Path::new("/lab"),
            seen_from: Path::new("/lab"),
            folder: Path::new("/lab/services/web"),
            project_dir: Path::new("/opt/homelab/config/web"),
            machine: Machine::Other,
            own: None,
            above: Above::Alike,
            env: Some("A=1\n".to_owned()),
            tracked: None,
            env_shown: "nas:.env".into(),
        }
    }

    #[test]
    fn paths_of_the_machine_are_found_in_the_repository() {
        let memory = Memory::from_iter([("/lab/services/web/a", "a"), ("/lab/services/b", "b"), ("/etc/c", "c")]);
        let overlay = overlay(&memory);
        let read = |path: &str| overlay.read(Path::new(path)).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(read("/opt/homelab/config/web/a"), Ok("a".into()));
        assert_eq!(read("/opt/homelab/config/b"), Ok("b".into()));
        assert_eq!(read("/opt/homelab/config/web/.env"), Ok("A=1\n".into()));
        assert!(matches!(read("/etc/c"), Err(ReadError::Io(_))));
        assert_eq!(overlay.shown(Path::new("/opt/homelab/config/web/a")), Path::new("services/web/a"));
        assert_eq!(overlay.names(Path::new("/opt/homelab/config/web")), ["a"]);
        assert_eq!(overlay.kind(Path::new("/opt/x")), Kind::Missing);
    }
}
