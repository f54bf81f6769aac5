//! FILES THAT ARE WRITTEN WHOLE. One way to replace a file on this machine: all of it or nothing, whatever happens
//! meanwhile.
//!
//! Knows no other room, and nothing of what is in the files. Entry: [`replace`].

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How temporary files are called that a crash may leave behind; nothing ever reads them.
const PREFIX: &str = ".hl-";
const SUFFIX: &str = ".tmp";

/// Puts `bytes` in place of what `path` holds: a temporary file in the same folder that nobody else can have opened
/// (O_EXCL), synced, renamed, and the folder synced. After a crash at any moment the old content is there or the new,
/// whole. `mode` are the permissions of the new file from its first byte on.
///
/// # Errors
/// Errors of the file system; the old content is then unchanged.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    temporary(folder, bytes, mode)?.persist(path).map_err(|e| e.error)?;
    sync_folder(folder)
}

/// Writes a file that must not be there yet, in the same way.
///
/// # Errors
/// `AlreadyExists` if it is there; else those of the file system.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    temporary(folder, bytes, mode)?.persist_noclobber(path).map_err(|e| e.error)?;
    sync_folder(folder)
}

/// Makes `to` another name of the file `from`, in place of what `to` named; a copy where the file system has no second
/// names.
///
/// # Errors
/// Errors of the file system; `NotFound` if `from` is not there.
pub fn keep_as(from: &Path, to: &Path) -> io::Result<()> {
    let folder = folder_of(to);
    let spare = folder.join(format!("{PREFIX}{}{SUFFIX}", to.file_name().unwrap_or_default().to_string_lossy()));
    remove_if_there(&spare)?;
    std::fs::hard_link(from, &spare).or_else(|_| std::fs::copy(from, &spare).map(|_| ()))?;
    std::fs::rename(&spare, to)?;
    // Where `to` is a name of that file already, as after a crash right here, a rename does nothing at all.
    remove_if_there(&spare)
}

/// Removes the temporary files that crashed writes have left in `folder`. Only for a caller that nobody else writes
/// beside.
pub fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            // A temporary file that cannot be removed does no harm; the next sweep tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Makes what was created or renamed in a folder outlast a loss of power.
///
/// # Errors
/// Errors of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(folder: &Path, bytes: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_permissions_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for (text, mode) in [("1", 0o644), ("2", 0o600)] {
            replace(&path, text.as_bytes(), mode).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        assert_eq!(create(&path, b"3", 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_second_name_that_is_there_already_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&from, "1").unwrap();
        for _ in 0..2 {
            keep_as(&from, &to).unwrap();
        }
        assert_eq!(std::fs::read(&to).unwrap(), b"1");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
