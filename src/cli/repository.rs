//! Where the repository is, and what is said about it on stderr.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::Exit;
use crate::config::Repository;
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::render::{Palette, diagnostic};

/// The repository in `directory`, or in the current folder.
///
/// # Errors
///
/// The current folder or `directory` cannot be read, which has been said.
pub(super) fn repository(directory: Option<&Path>) -> Result<Repository, Exit> {
    let current_dir = current_dir()?;
    let root = match directory {
        None => current_dir.clone(),
        Some(directory) => match current_dir.join(directory).canonicalize() {
            Ok(root) => root,
            Err(error) => {
                eprintln!("hl: -C {}: {error}", directory.display());
                return Err(Exit::Failed);
            }
        },
    };
    Ok(Repository::on_disk(root, current_dir, home()))
}

/// The folder that the user stands in.
pub(super) fn current_dir() -> Result<PathBuf, Exit> {
    std::env::current_dir().map_err(|error| {
        eprintln!("hl: the current folder cannot be read: {error}");
        Exit::Failed
    })
}

/// The user's home folder.
pub(super) fn home() -> Option<String> {
    std::env::var("HOME").ok().filter(|home| !home.is_empty())
}

/// Prints what is wrong or worth knowing.
pub(super) fn say(diagnostics: &Diagnostics, map: &SourceMap) {
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let palette = match std::io::stderr().is_terminal() && wants_colour {
        true => Palette::Coloured,
        false => Palette::Plain,
    };
    eprint!("{}", diagnostic::diagnostics(diagnostics, map, palette));
}
