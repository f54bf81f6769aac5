//! FILES, AND NOTHING ELSE. One way to open a file on this machine that may be anything by now: a link to somewhere else, a
//! named pipe whose opening waits for ever, a device that never ends.
//!
//! Knows no other room, and nothing of what is in the files. Entries: [`open`], [`read`], [`require_folder`].

use std::fmt;
use std::fs::{FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

/// The most bytes of a file of hl's own that are read.
pub const MOST_BYTES: u64 = 64 << 20;

/// Whether the last name of a path may be a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// The file is the one that it leads to.
    Followed,
    /// It is no file: what is written to it would be written elsewhere.
    Refused,
}

/// The kind of entry at a path in place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A FIFO: opening it would wait for whoever opens its other end.
    Fifo,
    /// A socket.
    Socket,
    /// A device: opening some does something, and some never end.
    Device,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Other::Link => "a symbolic link",
            Other::Folder => "a folder",
            Other::Fifo => "a named pipe",
            Other::Socket => "a socket",
            Other::Device => "a device",
        })
    }
}

/// Why a file was not opened or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Something else is in its place.
    #[error("it is {0} and must be a file; remove it")]
    NotAFile(Other),
    /// It has more bytes than are read.
    #[error("it has more than {} MiB; move it away", most >> 20)]
    TooLarge {
        /// The limit, in bytes.
        most: u64,
    },
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            error @ (FileError::NotAFile(_) | FileError::TooLarge { .. }) => io::Error::other(error),
        }
    }
}

/// A path that must be a folder and is something else.
#[derive(Debug, thiserror::Error)]
#[error("{} is {found} and must be a folder; remove it", path.display())]
pub struct NotAFolder {
    path: PathBuf,
    found: &'static str,
}

/// Opens a file, and nothing else: it is looked at first, because opening some devices does something, and once more when
/// it is open, because it may be another by then. With [`Links::Refused`] a file that is made is made right there.
/// `options` must not truncate: what is opened is known to be a file only when this returns.
///
/// # Errors
/// [`FileError::NotAFile`], and the errors of the file system.
pub fn open(path: &Path, links: Links, options: &mut OpenOptions) -> Result<std::fs::File, FileError> {
    match look(path, links) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => require_file(&found?)?,
    }
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| refusal(error, links))?;
    require_file(&file.metadata()?)?;
    Ok(file)
}

/// Reads a file whole, if it has no more than `most` bytes.
///
/// # Errors
/// As [`open`], and [`FileError::TooLarge`].
pub fn read(path: &Path, links: Links, most: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path, links, OpenOptions::new().read(true))?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default());
    // A file that grows while it is read ends here, too.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(FileError::TooLarge { most }) } else { Ok(bytes) }
}

/// Makes sure that there is a folder at a path, and no link to one, or nothing yet.
///
/// # Errors
/// [`NotAFolder`] as the source of an error of the file system, and those.
pub fn require_folder(path: &Path) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let found = match found.is_symlink() {
        _ if found.is_dir() => return Ok(()),
        true => "a symbolic link",
        false => "a file",
    };
    Err(io::Error::other(NotAFolder { path: path.to_owned(), found }))
}

fn look(path: &Path, links: Links) -> io::Result<Metadata> {
    match links {
        Links::Followed => std::fs::metadata(path),
        Links::Refused => std::fs::symlink_metadata(path),
    }
}

fn require_file(found: &Metadata) -> Result<(), FileError> {
    match other(found.file_type()) {
        Some(other) => Err(FileError::NotAFile(other)),
        None => Ok(()),
    }
}

fn other(kind: FileType) -> Option<Other> {
    if kind.is_symlink() {
        Some(Other::Link)
    } else if kind.is_dir() {
        Some(Other::Folder)
    } else if kind.is_fifo() {
        Some(Other::Fifo)
    } else if kind.is_socket() {
        Some(Other::Socket)
    } else if kind.is_char_device() || kind.is_block_device() {
        Some(Other::Device)
    } else {
        None
    }
}

/// The reason for an error of the system where something else has come into the file's place meanwhile.
fn refusal(error: io::Error, links: Links) -> FileError {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) if links == Links::Refused => FileError::NotAFile(Other::Link),
        Some(Errno::ISDIR) => FileError::NotAFile(Other::Folder),
        // Opening a socket, or a device without a driver.
        Some(Errno::NXIO) => FileError::NotAFile(Other::Device),
        _ => FileError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that can be made here, by its name.
    fn make(folder: &Path, kind: Other, name: &str) -> PathBuf {
        let path = folder.join(name);
        match kind {
            Other::Link => std::os::unix::fs::symlink("victim", &path).unwrap(),
            Other::Folder => std::fs::create_dir(&path).unwrap(),
            Other::Fifo => {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
            }
            Other::Socket => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            Other::Device => return PathBuf::from("/dev/zero"),
        }
        path
    }

    #[test]
    fn nothing_but_a_file_is_opened_however_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        for (at, kind) in
            [Other::Link, Other::Folder, Other::Fifo, Other::Socket, Other::Device].into_iter().enumerate()
        {
            let path = make(dir.path(), kind, &at.to_string());
            let appending = OpenOptions::new().create(true).read(true).append(true).clone();
            let writing = OpenOptions::new().create(true).truncate(false).write(true).clone();
            for mut options in [OpenOptions::new().read(true).clone(), writing, appending] {
                match open(&path, Links::Refused, &mut options) {
                    Err(FileError::NotAFile(found)) => assert_eq!(found, kind),
                    other => panic!("{kind:?}: {other:?}"),
                }
            }
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(read(&dir.path().join("0"), Links::Followed, 8).unwrap(), b"precious");
        assert!(matches!(read(&victim, Links::Refused, 7), Err(FileError::TooLarge { most: 7 })));
        std::fs::remove_file(&victim).unwrap();
        // A link to nothing does not have its target made.
        let made = open(&dir.path().join("0"), Links::Refused, OpenOptions::new().create(true).append(true));
        assert!(matches!(made, Err(FileError::NotAFile(Other::Link))) && !victim.exists());
    }

    #[test]
    fn a_link_to_a_folder_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        require_folder(&dir.path().join("missing")).unwrap();
        require_folder(dir.path()).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let error = require_folder(&link).unwrap_err().to_string();
        assert_eq!(error, format!("{} is a symbolic link and must be a folder; remove it", link.display()));
    }
}
