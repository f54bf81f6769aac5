//! Why a file is not read, and what can be done about it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::diagnostic::{Code, Diagnostic};

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// There is none.
    #[error("does not exist")]
    Missing,
    /// It is a folder.
    #[error("is a folder")]
    Folder,
    /// It is neither a file nor a folder.
    #[error("is {0}, not a file")]
    Special(SpecialFile),
    /// It has more bytes than are read.
    #[error("has more than {} MiB", most >> 20)]
    TooLarge {
        /// The limit, in bytes.
        most: u64,
    },
    /// It lies where nothing is read.
    #[error(transparent)]
    Refused(Refusal),
    /// It is not UTF-8.
    #[error("is not text in UTF-8")]
    NotText,
    /// The system says why.
    #[error("cannot be read: {0}")]
    Io(String),
}

/// The kind of entry at a path, where it is neither a file nor a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpecialFile {
    /// A FIFO: reading it would wait for whoever writes.
    #[error("a named pipe")]
    Fifo,
    /// A socket.
    #[error("a socket")]
    Socket,
    /// A device: some never end.
    #[error("a device")]
    Device,
}

/// Why nothing is read at a place, whatever is there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is outside of the folders that may be read.
    #[error("is outside of the repository, and is not read")]
    Outside,
    /// Symbolic links lead there.
    #[error("leads to {}, outside of the repository, and is not read", real.display())]
    LinkOutside {
        /// The path without links.
        real: PathBuf,
    },
    /// Git keeps its own data there, at times with the credentials of whoever cloned.
    #[error("is git's own, and is not read")]
    OfGit,
    /// The kernel makes what is there, for the process that reads it.
    #[error("is of the system's kernel, and is not read")]
    OfKernel,
}

impl ReadError {
    /// The diagnostic for a file that `path` names; the caller adds the place of the reference. `otherwise` is the way out
    /// where the caller knows it: where the file is missing, or is not what it should be.
    pub fn diagnostic(&self, path: &Path, otherwise: &str) -> Diagnostic {
        self.of(&path.display().to_string(), otherwise)
    }

    /// As [`Self::diagnostic`], with the words for the file in place of its path.
    pub fn of(&self, file: &str, otherwise: &str) -> Diagnostic {
        let code = match self {
            ReadError::Refused(_) => Code::OutsideRepository,
            ReadError::Missing
            | ReadError::Folder
            | ReadError::Special(_)
            | ReadError::TooLarge { .. }
            | ReadError::NotText
            | ReadError::Io(_) => Code::MissingFile,
        };
        let allow = "copy it into the repository; or allow it yourself, with `--allow-read PATH` or `allow_read:` in hl's \
                     config.yaml";
        let hint = match self {
            ReadError::Refused(Refusal::Outside | Refusal::LinkOutside { .. }) => allow,
            ReadError::Refused(Refusal::OfGit | Refusal::OfKernel) => "name another file",
            ReadError::Special(_) => "put a file in its place",
            ReadError::TooLarge { .. } => "make it smaller, or take it out",
            ReadError::Missing | ReadError::Folder | ReadError::NotText | ReadError::Io(_) => otherwise,
        };
        let diagnostic = Diagnostic::error(code, format!("{file} {self}"));
        if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) }
    }
}
