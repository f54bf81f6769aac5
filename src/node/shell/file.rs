//! Files and directories of this machine.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::model::spec::DirectorySpec;
use crate::model::view::{FileKind, LiveFile, MOST_ENTRIES, WantContent};
use crate::node::FileWrite;

/// Mode of directories of which nothing is said.
const DIRECTORY_MODE: u32 = 0o755;

/// Makes a directory with its parents. The modes are set apart from the making, because the
/// process's umask takes bits away from the latter.
pub fn ensure_directory(spec: &DirectorySpec) -> io::Result<()> {
    let path = Path::new(&spec.path);
    let missing: Vec<&Path> = path.ancestors().take_while(|p| fs::metadata(p).is_err_and(|e| is_absent(&e))).collect();
    for folder in missing.iter().rev() {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => fs::set_permissions(folder, Permissions::from_mode(DIRECTORY_MODE))?,
            // Somebody else made it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    if !fs::metadata(path)?.is_dir() {
        return Err(io::Error::other("there is something else than a directory"));
    }
    if let Some(owner) = &spec.owner {
        let (user, group) = owner_ids(owner)?;
        chown(path, Some(user), Some(group))?;
    }
    // After the owner: a change of owner takes the set-id bits away.
    match spec.mode {
        Some(mode) => fs::set_permissions(path, Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

/// The folders below a node's root that moves have left under another name.
pub fn retained_dirs(root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for place in ["data", "config"] {
        let folder = Path::new(root).join(place);
        // An unreadable folder contains nothing that hl put there.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path().display().to_string();
            if entry.file_name().to_string_lossy().contains(".moved-") {
                found.insert(path);
            }
        }
    }
    found
}

/// Whether this process may neither make nor replace what is at a path: both are done in the folder above, or in the
/// nearest one that is there.
pub fn is_not_writable(path: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return false;
    }
    let above = Path::new(path).ancestors().skip(1).find(|folder| fs::metadata(folder).is_ok());
    above.is_some_and(|folder| access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err())
}

/// Puts a file in place, all or nothing. The content is written to a file beside it that only its
/// owner can read, which gets owner and mode before it gets the name. A link is followed: what it
/// points to is replaced, not the link.
///
/// After a crash either the old or the new file has the name; the one beside it may be left over.
pub fn write(write: &FileWrite) -> io::Result<()> {
    let path = match fs::symlink_metadata(&write.path) {
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(&write.path)?,
        Ok(_) => PathBuf::from(&write.path),
        Err(error) if is_absent(&error) => PathBuf::from(&write.path),
        Err(error) => return Err(error),
    };
    let folder = path.parent().ok_or_else(|| io::Error::other("there is no folder for it"))?;
    let old = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Some(metadata),
        Ok(_) => return Err(io::Error::other("there is something else than a file")),
        Err(_) => None,
    };
    let (beside, mut file) = create_beside(&path)?;
    let written = (|| {
        set_owner(&file, write.owner.as_deref(), old.as_ref())?;
        file.write_all(&write.content)?;
        file.set_permissions(Permissions::from_mode(write.mode))?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // The write error is returned. A failed removal is ignored: a leftover file does not make the failure worse.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Reads a file or directory; `None` if there is none.
pub fn read(path: &str, content: WantContent) -> io::Result<Option<LiveFile>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let kind = match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => FileKind::File,
        (_, true) => FileKind::Directory,
        _ => FileKind::Other,
    };
    let (bytes, entries) = match (kind, content) {
        (FileKind::File, WantContent::Yes) => (Some(fs::read(path)?), None),
        (FileKind::Directory, WantContent::Yes) => (None, names_in(path)),
        _ => (None, None),
    };
    let owner = format!("{}:{}", metadata.uid(), metadata.gid());
    Ok(Some(LiveFile { kind, mode: metadata.mode() & 0o7777, owner, content: bytes, entries }))
}

/// The names in a directory; `None` if they may not be seen.
fn names_in(path: &str) -> Option<BTreeSet<String>> {
    let entries = fs::read_dir(path).ok()?.take(MOST_ENTRIES);
    entries.map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}

/// A new file in the same folder, where a rename is atomic.
///
/// A writer on a node holds the node's lock, so an existing file of this name was left by a killed writer. It may
/// contain a secret and is removed.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no name"))?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.hl-new"));
    match fs::remove_file(&beside) {
        Err(error) if !is_absent(&error) => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    Ok((beside, file))
}

/// Gives the new file its owner: the wanted one, or that of the file that it replaces.
fn set_owner(file: &File, wanted: Option<&str>, old: Option<&Metadata>) -> io::Result<()> {
    let now = file.metadata()?;
    let ids = match (wanted, old) {
        (Some(owner), _) => owner_ids(owner)?,
        (None, Some(old)) => (old.uid(), old.gid()),
        (None, None) => return Ok(()),
    };
    if ids == (now.uid(), now.gid()) { Ok(()) } else { fchown(file, Some(ids.0), Some(ids.1)) }
}

fn owner_ids(owner: &str) -> io::Result<(u32, u32)> {
    let ids = owner.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    ids.ok_or_else(|| io::Error::other(format!("`{owner}` is not an owner; owners look like 1000:1000")))
}

/// Whether an error says that there is nothing of this name.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_to(path: &Path, content: &str, mode: u32) -> io::Result<()> {
        write(&FileWrite { path: path.display().to_string(), content: content.into(), mode, owner: None })
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        write_to(&path, "A=1", 0o644).unwrap();
        write_to(&path, "A=2", 0o600).unwrap();
        let live = read(&path.display().to_string(), WantContent::Yes).unwrap().unwrap();
        assert_eq!((live.mode, live.content.as_deref(), live.kind), (0o600, Some(&b"A=2"[..]), FileKind::File));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_write_left_goes_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        drop(create_beside(&path).unwrap());
        write_to(&path, "A=1", 0o600).unwrap();
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), [".env"]);
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_to(&link, "new", 0o600).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn what_is_in_the_way_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_to(dir.path(), "x", 0o600).is_err());
        assert!(write_to(&dir.path().join("no/folder"), "x", 0o600).is_err());
        fs::write(dir.path().join("f"), "").unwrap();
        let spec = DirectorySpec { path: dir.path().join("f").display().to_string(), ..Default::default() };
        assert!(ensure_directory(&spec).is_err());
    }

    #[test]
    fn directories_get_their_modes_whatever_the_umask() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        let mut spec = DirectorySpec { path: path.display().to_string(), mode: Some(0o2770), ..Default::default() };
        ensure_directory(&spec).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o2770, 0o755));
        spec.mode = None;
        ensure_directory(&spec).unwrap();
        assert_eq!(mode(&path), 0o2770, "what is not named is left alone");
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "").unwrap();
        for name in ["x", "f/x"] {
            let path = dir.path().join(name).display().to_string();
            assert_eq!(read(&path, WantContent::Yes).unwrap(), None, "{name}");
        }
    }
}
