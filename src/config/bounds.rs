//! Where the repository may have hl read: its own folder, and what the person who runs hl allows besides.
//!
//! A repository may be written by somebody else than the one who runs hl, and what it names ends in a plan that others
//! read. So a path that it names counts as what it leads to, links followed, and that has to lie inside.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::tracked;
use crate::compose::reader::{Kind, ReadError, Reader, Refusal};

/// Folders whose files the kernel makes for whoever reads them, and where devices are.
const OF_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The folders and files that may be read.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Their paths without links.
    inside: Vec<PathBuf>,
}

impl Bounds {
    /// The repository that `root` is in, up to its top where it is one of git's, and `allowed` besides.
    pub(super) fn of_repository(root: &Path, allowed: &[PathBuf], disk: &dyn Reader) -> Bounds {
        let root = disk.real(root);
        let top = tracked::repository(&root, disk).map_or(root, |(top, _)| top);
        let allowed = allowed.iter().map(|path| disk.real(path));
        Bounds { inside: [top].into_iter().chain(allowed).collect() }
    }

    /// Nothing but some folders.
    pub(super) fn only(folders: impl IntoIterator<Item = PathBuf>, disk: &dyn Reader) -> Bounds {
        Bounds { inside: folders.into_iter().map(|path| disk.real(&path)).collect() }
    }

    /// Why a path is not read; `real` is the same without links.
    fn refusal(&self, path: &Path, real: &Path) -> Option<Refusal> {
        if OF_KERNEL.iter().any(|folder| real.starts_with(folder)) {
            return Some(Refusal::OfKernel);
        }
        let Some(rest) = self.inside.iter().find_map(|folder| real.strip_prefix(folder).ok()) else {
            // A path that is inside as it is written has a link on the way.
            let is_link = self.inside.iter().any(|folder| path.starts_with(folder));
            return Some(if is_link { Refusal::LinkOutside { real: real.to_owned() } } else { Refusal::Outside });
        };
        let is_git = |part: Component<'_>| part.as_os_str().eq_ignore_ascii_case(".git");
        rest.components().any(is_git).then_some(Refusal::OfGit)
    }
}

/// A reader that keeps within bounds.
#[derive(Clone)]
pub struct BoundedReader {
    inner: Arc<dyn Reader + Send + Sync>,
    bounds: Bounds,
    /// The folders that were asked for and their paths without links: many files lie in few of them.
    folders: Arc<Mutex<HashMap<PathBuf, PathBuf>>>,
}

impl BoundedReader {
    /// Reads through `inner` what lies within `bounds`.
    pub fn new(inner: Arc<dyn Reader + Send + Sync>, bounds: Bounds) -> Self {
        BoundedReader { inner, bounds, folders: Arc::default() }
    }

    /// The path without links, if it may be read.
    fn inside(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let real = self.real(path);
        match self.bounds.refusal(path, &real) {
            Some(refusal) => Err(refusal),
            None => Ok(real),
        }
    }

    /// The path of a folder without links, looked up once a run.
    fn real_folder(&self, folder: &Path) -> PathBuf {
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(real) = known.get(folder) {
            return real.clone();
        }
        let real = self.inner.real(folder);
        known.insert(folder.to_owned(), real.clone());
        real
    }
}

impl Reader for BoundedReader {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.inside(path).map_err(ReadError::Refused)?;
        self.inner.read(path)
    }

    /// Of what is outside only this is told: a name that is there cannot stand for one that is missing.
    fn kind(&self, path: &Path) -> Kind {
        self.inner.kind(path)
    }

    fn names(&self, path: &Path) -> Vec<String> {
        self.inside(path).map(|_| self.inner.names(path)).unwrap_or_default()
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        self.inside(path).ok()?;
        self.inner.size_and_mode(path)
    }

    fn real(&self, path: &Path) -> PathBuf {
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) if !self.inner.is_link(path) => self.real_folder(folder).join(name),
            _ => self.inner.real(path),
        }
    }

    fn is_link(&self, path: &Path) -> bool {
        self.inner.is_link(path)
    }

    fn refusal(&self, path: &Path) -> Option<Refusal> {
        self.inside(path).err()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Disk;

    fn reader(root: &Path, allowed: &[PathBuf]) -> BoundedReader {
        BoundedReader::new(Arc::new(Disk), Bounds::of_repository(root, allowed, &Disk))
    }

    #[test]
    fn only_what_lies_inside_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let (top, out) = (dir.path().join("top"), dir.path().join("out"));
        for folder in [top.join(".git"), top.join("lab/deep"), out.clone()] {
            fs::create_dir_all(folder).unwrap();
        }
        for file in [top.join(".git/config"), top.join("above"), top.join("lab/deep/inside"), out.join("secret")] {
            fs::write(file, "x").unwrap();
        }
        symlink(&out, top.join("lab/folder")).unwrap();
        symlink(out.join("secret"), top.join("lab/file")).unwrap();
        symlink("../above", top.join("lab/up")).unwrap();
        symlink("../../out/nothing", top.join("lab/dangling")).unwrap();
        let lab = top.join("lab");
        let bounded = reader(&lab, &[]);
        let refusal = |path: PathBuf| match bounded.read(&path) {
            Err(ReadError::Refused(refusal)) => Some(refusal),
            Ok(_) | Err(_) => None,
        };
        assert_eq!(refusal(lab.join("deep/inside")), None);
        assert_eq!(refusal(lab.join("up")), None);
        assert_eq!(refusal(lab.join("../above")), None);
        assert_eq!(refusal(lab.join("file")), Some(Refusal::LinkOutside { real: out.join("secret") }));
        assert_eq!(refusal(lab.join("folder/secret")), Some(Refusal::LinkOutside { real: out.join("secret") }));
        assert_eq!(bounded.read(&lab.join("dangling")), Err(ReadError::Missing));
        assert_eq!(refusal(out.join("secret")), Some(Refusal::Outside));
        assert!(refusal(lab.join("../../out/secret")).is_some());
        assert!(refusal(lab.join("nothing/../../../out/secret")).is_some());
        assert_eq!(refusal(top.join(".git/config")), Some(Refusal::OfGit));
        assert_eq!(refusal(lab.join("../.git/config")), Some(Refusal::OfGit));
        assert_eq!(refusal("/proc/self/environ".into()), Some(Refusal::OfKernel));
        assert_eq!(refusal("/dev/zero".into()), Some(Refusal::OfKernel));
        assert_eq!(bounded.names(&lab.join("folder")), Vec::<String>::new());
        assert_eq!(bounded.size_and_mode(&lab.join("file")), None);
    }

    #[test]
    fn the_caller_may_allow_more_and_never_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let (lab, out) = (dir.path().join("lab"), dir.path().join("out"));
        fs::create_dir_all(&lab).unwrap();
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("shared.env"), "A=1").unwrap();
        symlink(out.join("shared.env"), lab.join("link")).unwrap();
        assert!(reader(&lab, std::slice::from_ref(&out)).read(&lab.join("link")).is_ok());
        assert!(reader(&lab, &[out.join("shared.env")]).read(&out.join("shared.env")).is_ok());
        assert!(reader(&lab, &["/".into()]).read(Path::new("/proc/self/environ")).is_err());
    }
}
