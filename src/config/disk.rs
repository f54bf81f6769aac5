//! The disk of this machine as a [`Reader`].

use std::path::{Path, PathBuf};

use crate::compose::reader::{Kind, ReadError, Reader};

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Reader for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => ReadError::Missing,
            std::io::ErrorKind::IsADirectory => ReadError::Folder,
            _ => ReadError::Io(error.to_string()),
        })
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
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(path).ok()?;
        Some((found.len(), Some(found.permissions().mode() & 0o7777)))
    }

    fn real(&self, path: &Path) -> PathBuf {
        let found = path.ancestors().find_map(|above| Some((above, std::fs::canonicalize(above).ok()?)));
        match found.and_then(|(above, real)| Some((real, path.strip_prefix(above).ok()?))) {
            Some((real, rest)) if rest.as_os_str().is_empty() => real,
            Some((real, rest)) => real.join(rest),
            None => path.to_owned(),
        }
    }
}
