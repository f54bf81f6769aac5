//! Which files git tracks: those that everyone who reads the repository sees.
//!
//! Read from the index, so that no program has to run. The format is git's `index-format`: a header, then entries of a
//! fixed part and a path, which version 4 shortens against the entry before. Anything unexpected means "not known".

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::compose::reader::{Kind, Reader};

/// Bytes of an entry before its flags: times, device, inode, mode, owner, size and a SHA-1.
const FIXED: usize = 60;

/// The flag of an entry that has two more bytes of flags.
const EXTENDED: u16 = 0x4000;

/// The real paths of the tracked files of the repository that `root` is in, by whatever links it is called; none if there
/// is no git repository, or if its index cannot be read.
pub(super) fn tracked_files(root: &Path, reader: &dyn Reader) -> Option<BTreeSet<PathBuf>> {
    let (top, git) = repository(&reader.real(root), reader)?;
    let index = reader.read(&git.join("index")).ok()?;
    Some(paths(&index)?.into_iter().map(|path| top.join(path)).collect())
}

/// The top of the git repository that a folder is in, by its path without links, and the folder of git's own data.
pub(super) fn repository(folder: &Path, reader: &dyn Reader) -> Option<(PathBuf, PathBuf)> {
    folder.ancestors().find_map(|top| Some((top.to_owned(), git_folder(top, reader)?)))
}

/// The folder that git keeps its index in; in a work tree `.git` is a file that names it.
fn git_folder(folder: &Path, reader: &dyn Reader) -> Option<PathBuf> {
    let git = folder.join(".git");
    match reader.kind(&git) {
        Kind::Missing => None,
        Kind::Folder => Some(git),
        Kind::File => {
            let text = String::from_utf8(reader.read(&git).ok()?).ok()?;
            Some(folder.join(text.strip_prefix("gitdir:")?.trim()))
        }
    }
}

/// The paths of an index.
fn paths(index: &[u8]) -> Option<Vec<String>> {
    if index.get(..4)? != b"DIRC" {
        return None;
    }
    let version = number(index, 4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut at = 12;
    let mut found: Vec<String> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    for _ in 0..number(index, 8)? {
        let start = at;
        let flags = u16::from_be_bytes(index.get(at + FIXED..at + FIXED + 2)?.try_into().ok()?);
        at += FIXED + 2 + if flags & EXTENDED != 0 { 2 } else { 0 };
        let path = if version == 4 {
            let (dropped, length) = offset(index.get(at..)?)?;
            at += length;
            let kept = last.len().checked_sub(dropped)?;
            let rest = text(index, at)?;
            at += rest.len() + 1;
            [&last[..kept], rest].concat()
        } else {
            let path = text(index, at)?;
            // Entries are filled up with zero bytes to a multiple of eight, at least one.
            at = start + (at - start + path.len() + 8) / 8 * 8;
            path.to_vec()
        };
        found.extend(String::from_utf8(path.clone()).ok());
        last = path;
    }
    Some(found)
}

fn number(index: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?))
}

/// The bytes from `at` to the next zero byte.
fn text(index: &[u8], at: usize) -> Option<&[u8]> {
    let rest = index.get(at..)?;
    Some(&rest[..rest.iter().position(|b| *b == 0)?])
}

/// How much of the path before is dropped, in git's offset encoding, and how many bytes say so.
fn offset(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (i, byte) in bytes.iter().enumerate().take(4) {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::reader::Memory;
    use crate::config::Disk;

    /// This very repository, as far as it is a git repository: its sources are tracked, what is built is not.
    #[test]
    fn an_index_of_git_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let Some(tracked) = tracked_files(root, &Disk) else { return };
        assert!(tracked.contains(&root.join("Cargo.toml")));
        assert!(tracked.contains(&root.join("src/model/spec/mod.rs")));
        assert!(!tracked.contains(&root.join("target")));
    }

    /// An index of version 4 with two paths, the second of which shares its first nine bytes with the first.
    #[test]
    fn shortened_paths_are_put_together() {
        let entry = [[0; FIXED].as_slice(), &[0, 5]].concat();
        let mut index = b"DIRC\0\0\0\x04\0\0\0\x02".to_vec();
        index.extend(&entry);
        index.extend(b"\0services/a\0");
        index.extend(&entry);
        index.extend(b"\x01web/b\0");
        assert_eq!(paths(&index), Some(vec!["services/a".into(), "services/web/b".into()]));
        for length in 0..index.len() {
            assert_eq!(paths(&index[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_work_tree_names_its_git_folder() {
        let memory = Memory::from_iter([
            ("/lab/.git", b"gitdir: /main/.git/worktrees/lab\n".to_vec()),
            ("/main/.git/worktrees/lab/index", b"DIRC\0\0\0\x02\0\0\0\0".to_vec()),
        ]);
        assert_eq!(tracked_files(Path::new("/lab/sub"), &memory), Some(BTreeSet::new()));
        assert_eq!(tracked_files(Path::new("/other"), &memory), None);
    }
}
