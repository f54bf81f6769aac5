//! Which files of a folder take part in a build.

use std::path::{Path, PathBuf};

use crate::compose::reader::Kind;
use crate::model::ignore::Ignore;

/// Which files of a folder take part in a build.
pub(super) struct BuildFilter {
    /// The folder, as the walk has it.
    pub(super) below: String,
    pub(super) ignore: Ignore,
    /// The paths that count although a pattern leaves them out, relative to the folder.
    pub(super) always: Vec<String>,
    /// The paths that containers write to, which are data.
    pub(super) written: Vec<PathBuf>,
}

impl BuildFilter {
    /// Whether a path of the walk counts, or something below it may.
    pub(super) fn takes(&self, path: &Path, kind: Kind, below: &str) -> bool {
        if self.written.iter().any(|written| path.starts_with(written)) {
            return false;
        }
        let inner = below.strip_prefix(&self.below).unwrap_or(below).trim_start_matches('/');
        if inner.is_empty() || !self.ignore.leaves_out(inner) {
            return true;
        }
        let folder = format!("{inner}/");
        match kind {
            Kind::Folder => self.ignore.takes_back() || self.always.iter().any(|path| path.starts_with(&folder)),
            Kind::File | Kind::Missing => self.always.iter().any(|path| path == inner),
        }
    }
}
