//! The folder of a connection's sockets. It goes with the connection; what a killed hl left is taken away by the next
//! one.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::regular_file::{self, Links};

/// How the names of such folders begin. They are kept short: the path of a socket has room for some hundred bytes.
const PREFIX: &str = "hl-ssh-";
/// The file that whoever uses the folder holds a lock on.
const HELD: &str = "held";

/// A folder that is gone when this is dropped.
pub(super) struct Folder {
    place: TempDir,
    _held: File,
}

impl Folder {
    /// Makes one in `parent`, for this user only.
    pub(super) fn new_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let place =
            tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
        // It gets its name when it is locked: another one that sweeps must not find it in between.
        let beginning = place.path().join("beginning");
        let held = File::create_new(&beginning)?;
        held.lock()?;
        std::fs::rename(beginning, place.path().join(HELD))?;
        Ok(Self { place, _held: held })
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }
}

/// Takes away the folders that nobody holds any more. One that is not this user's cannot be opened, one that is just
/// being made has nothing in it to hold yet; both stay, and so does what cannot be read: it is in nobody's way.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else { return };
    let ours = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in ours {
        let held = regular_file::open(&entry.path().join(HELD), Links::Refused, OpenOptions::new().write(true));
        let left = held.is_ok_and(|file| file.try_lock().is_ok());
        if left {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let entries = parent.read_dir().expect("it is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_goes_with_its_holder_and_what_was_left_goes_with_the_next() {
        let parent = tempfile::tempdir().expect("there is room");
        let left = parent.path().join("hl-ssh-left");
        std::fs::create_dir(&left).expect("there is room");
        std::fs::write(left.join(HELD), "").expect("there is room");
        std::fs::write(left.join("docker.sock"), "").expect("there is room");
        for other in ["hl-ssh-begun", "hl-plan", "ssh-1"] {
            std::fs::create_dir(parent.path().join(other)).expect("there is room");
        }
        let first = Folder::new_in(parent.path()).expect("there is room");
        let second = Folder::new_in(parent.path()).expect("there is room");
        assert!(!left.exists());
        let mode = first.path().metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(first.path().exists() && second.path().exists());
        drop((first, second));
        assert_eq!(names(parent.path()), ["hl-plan", "hl-ssh-begun", "ssh-1"]);
    }
}
