//! The disk of this machine as a [`Reader`].

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::compose::reader::{Kind, ReadError, Reader, SpecialFile};
use crate::compose::syntax::path::clean;
use crate::regular_file::{self, FileError, Links, MOST_BYTES, Other};

/// The disk of this machine. Nothing but files is read from it: a named pipe would make its reader wait, and a device may
/// never end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Reader for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        regular_file::read(path, Links::Followed, MOST_BYTES).map_err(refused)
    }

    fn kind(&self, path: &Path) -> Kind {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Kind::Folder,
            Ok(_) => Kind::File,
            Err(_) => Kind::Missing,
        }
    }

    fn names(&self, path: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        // A name that is not UTF-8 can stand in none of the files that refer to it.
        let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        let found = std::fs::metadata(path).ok()?;
        Some((found.len(), Some(found.permissions().mode() & 0o7777)))
    }

    fn real(&self, path: &Path) -> PathBuf {
        let found = path.ancestors().find_map(|above| Some((above, std::fs::canonicalize(above).ok()?)));
        match found.and_then(|(above, real)| Some((real, path.strip_prefix(above).ok()?))) {
            Some((real, rest)) if rest.as_os_str().is_empty() => real,
            // Where nothing is, there is no link that `..` could lead back from.
            Some((real, rest)) => PathBuf::from(clean(&real.join(rest).to_string_lossy())),
            None => path.to_owned(),
        }
    }

    fn is_link(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
    }
}

fn refused(error: FileError) -> ReadError {
    match error {
        FileError::NotAFile(Other::Folder) => ReadError::Folder,
        FileError::NotAFile(Other::Fifo) => ReadError::Special(SpecialFile::Fifo),
        FileError::NotAFile(Other::Socket) => ReadError::Special(SpecialFile::Socket),
        // A link is followed here, and is what it leads to.
        FileError::NotAFile(Other::Device | Other::Link) => ReadError::Special(SpecialFile::Device),
        FileError::TooLarge { most } => ReadError::TooLarge { most },
        FileError::Io(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing,
            _ => ReadError::Io(error.to_string()),
        },
    }
}
