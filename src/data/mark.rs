//! The names that stand beside data while it is moved, and the mark that identifies a copy.

use super::error::DataError;
use super::route::tools;
use crate::node::{FileWrite, Node};

/// Mode of a mark: a digest is no secret.
const MODE: u32 = 0o644;

/// The mark of a copy: a file beside it.
pub(super) fn path(directory: &str) -> String {
    let (above, name) = directory.rsplit_once('/').unwrap_or(("", directory));
    format!("{above}/.{name}.came")
}

/// Where a copy is until it is proven equal.
pub(super) fn staging(directory: &str) -> String {
    format!("{directory}.moving")
}

/// The name of data that was left behind on this day, the n-th of its kind.
pub(super) fn retired(directory: &str, day: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{directory}.moved-{day}"),
        number => format!("{directory}.moved-{day}.{number}"),
    }
}

/// The fingerprint that a copy had when it was made; `None` for data that is not a copy.
pub(super) async fn read(node: &dyn Node, directory: &str) -> Result<Option<String>, DataError> {
    let content = node.read_file(&path(directory)).await?.and_then(|file| file.content);
    Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// Notes the fingerprint of a copy before it is put in place.
pub(super) async fn write(node: &dyn Node, directory: &str, fingerprint: &str) -> Result<(), DataError> {
    let content = format!("{fingerprint}\n").into_bytes();
    Ok(node.write_file(&FileWrite { path: path(directory), content, mode: MODE, owner: None }).await?)
}

/// Forgets that a directory is a copy.
pub(super) async fn clear(node: &dyn Node, directory: &str) -> Result<(), DataError> {
    Ok(tools(node)?.remove(&[&path(directory)]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_beside_the_data() {
        assert_eq!(path("/opt/data/notes"), "/opt/data/.notes.came");
        assert_eq!(path("/notes"), "/.notes.came");
        assert_eq!(staging("/data/notes"), "/data/notes.moving");
        assert_eq!(retired("/data/notes", "2026-01-02", 1), "/data/notes.moved-2026-01-02");
        assert_eq!(retired("/data/notes", "2026-01-02", 2), "/data/notes.moved-2026-01-02.2");
    }
}
