//! The disk of this machine as a [`Reader`].

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::compose::reader::{Kind, ReadError, Reader, SpecialFile};
use crate::compose::syntax::path::clean;

/// The most bytes of one file that are read.
const MOST_BYTES: u64 = 64 << 20;

/// The disk of this machine. Nothing but files is read from it: a named pipe would make its reader wait, and a device may
/// never end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Reader for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let file = open(path)?;
        let size = file.metadata().map_err(|error| failed(&error))?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MOST_BYTES)).unwrap_or_default());
        // What grows while it is read ends here, too.
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        match bytes.len() as u64 > MOST_BYTES {
            true => Err(ReadError::TooLarge { most: MOST_BYTES }),
            false => Ok(bytes),
        }
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
}

/// Opens a file, and nothing else: it is looked at first, because opening some devices does something, and once more when
/// it is open, because it may be another by then.
fn open(path: &Path) -> Result<File, ReadError> {
    require_file(&std::fs::metadata(path).map_err(|error| failed(&error))?)?;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| failed(&error))?;
    require_file(&file.metadata().map_err(|error| failed(&error))?)?;
    Ok(file)
}

fn require_file(found: &Metadata) -> Result<(), ReadError> {
    let kind = found.file_type();
    match special(kind) {
        Some(special) => Err(ReadError::Special(special)),
        None if kind.is_dir() => Err(ReadError::Folder),
        None => Ok(()),
    }
}

fn special(kind: FileType) -> Option<SpecialFile> {
    if kind.is_fifo() {
        Some(SpecialFile::Fifo)
    } else if kind.is_socket() {
        Some(SpecialFile::Socket)
    } else if kind.is_char_device() || kind.is_block_device() {
        Some(SpecialFile::Device)
    } else {
        None
    }
}

fn failed(error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing,
        io::ErrorKind::IsADirectory => ReadError::Folder,
        // Opening a socket, or a device without a driver.
        _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            ReadError::Special(SpecialFile::Device)
        }
        _ => ReadError::Io(error.to_string()),
    }
}
