//! The files of a simulated node: a tree in memory that can be packed, unpacked and compared as a real one.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::view::{FileKind, LiveFile, MOST_ENTRIES};
use crate::node::error::ErrorKind;

/// Mode of directories where none is given.
const DIRECTORY_MODE: u32 = 0o755;
/// Bytes that are taken on the disk at least, and of which everything there is a multiple.
const BLOCK: u64 = 4096;
/// Links that are followed before they count as a circle.
const MOST_LINKS: usize = 8;

/// Everything that is in the file system, by absolute path. `/` is there without being in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(BTreeMap<String, Entry>);

/// One name in the file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its kind and content.
    #[serde(flatten)]
    pub node: Inode,
    /// Mode bits.
    pub mode: u32,
    /// Owner, by number.
    pub uid: u64,
    /// Group, by number.
    pub gid: u64,
    /// Seconds since 1970. The simulation has no clock: its own changes count up.
    pub modified: u64,
}

/// The kinds of names, with their content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inode {
    /// A directory.
    Directory,
    /// A file.
    #[serde(with = "bytes")]
    File(Vec<u8>),
    /// A symbolic link to this path.
    Link(String),
}

/// Contents of files may be secret.
impl fmt::Debug for Inode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inode::Directory => f.write_str("Directory"),
            Inode::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Inode::Link(target) => write!(f, "Link({target:?})"),
        }
    }
}

impl Tree {
    /// The entry at a path itself; a link is not followed.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.0.get(path)
    }

    /// Whether something is at a path, or where the link there leads.
    pub fn exists(&self, path: &str) -> bool {
        path == "/" || self.resolved(path).is_some_and(|path| self.0.contains_key(&path))
    }

    /// Whether nothing is at a path, or a directory without entries.
    pub fn is_vacant(&self, path: &str) -> bool {
        match self.resolved(path).and_then(|path| self.0.get(&path).map(|entry| (path, entry))) {
            None => path != "/",
            Some((path, entry)) => entry.node == Inode::Directory && self.list(&path).is_empty(),
        }
    }

    /// The file or directory at a path, as a refresh sees it; a link is followed.
    pub fn live(&self, path: &str) -> Option<LiveFile> {
        let place = self.resolved(path)?;
        let entry = self.0.get(&place)?;
        let (kind, content, entries) = match &entry.node {
            Inode::Directory => {
                let names = self.list(&place).into_iter().take(MOST_ENTRIES).map(str::to_owned);
                (FileKind::Directory, None, Some(names.collect()))
            }
            Inode::File(bytes) => (FileKind::File, Some(bytes.clone()), None),
            Inode::Link(_) => return None,
        };
        Some(LiveFile { kind, mode: entry.mode, owner: format!("{}:{}", entry.uid, entry.gid), content, entries })
    }

    /// Puts something at a path, with the directories above it.
    pub fn put(&mut self, path: &str, entry: Entry) {
        self.make_above(path, entry.modified);
        self.0.insert(path.to_owned(), entry);
    }

    /// Puts a file at a path, with the directories above it.
    pub fn put_file(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.put(path, Entry { node: Inode::File(content.into()), mode: 0o644, uid: 0, gid: 0, modified: 0 });
    }

    /// Makes a directory and those above it; one that is there stays as it is.
    pub fn make_directory(&mut self, path: &str, modified: u64) -> io::Result<()> {
        match self.0.get(&self.resolved(path).unwrap_or_else(|| path.to_owned())) {
            Some(Entry { node: Inode::Directory, .. }) => return Ok(()),
            Some(_) => return Err(io::Error::other("there is something else than a directory")),
            None if path == "/" => return Ok(()),
            None => {}
        }
        let entry = Entry { node: Inode::Directory, mode: DIRECTORY_MODE, uid: 0, gid: 0, modified };
        self.put(path, entry);
        Ok(())
    }

    /// Changes mode and owner of an existing path.
    pub fn change(&mut self, path: &str, mode: Option<u32>, owner: Option<(u64, u64)>) {
        let path = self.resolved(path).unwrap_or_else(|| path.to_owned());
        if let Some(entry) = self.0.get_mut(&path) {
            entry.mode = mode.unwrap_or(entry.mode);
            (entry.uid, entry.gid) = owner.unwrap_or((entry.uid, entry.gid));
        }
    }

    /// Writes a file in a directory that exists; a link is followed, and an owner that is not named stays.
    pub fn write(&mut self, path: &str, entry: Entry, owner: Option<(u64, u64)>) -> io::Result<()> {
        let path = self.resolved(path).unwrap_or_else(|| path.to_owned());
        let above = parent(&path);
        if above != "/" && !matches!(self.0.get(above), Some(Entry { node: Inode::Directory, .. })) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let old = self.0.get(&path);
        if old.is_some_and(|old| !matches!(old.node, Inode::File(_))) {
            return Err(io::Error::other("there is something else than a file"));
        }
        let (uid, gid) = owner.or(old.map(|old| (old.uid, old.gid))).unwrap_or((0, 0));
        self.0.insert(path, Entry { uid, gid, ..entry });
        Ok(())
    }

    /// Removes a path with everything below it.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.0.retain(|name, _| name != path && !name.starts_with(&below));
    }

    /// Gives a path another name that does not exist yet.
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if self.exists(to) {
            return Err(io::Error::other(format!("{to} exists already")));
        }
        if !self.0.contains_key(from) || !self.exists(parent(to)) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let moved: Vec<(String, Entry)> = self.within(from).map(|(name, e)| (name.to_owned(), e.clone())).collect();
        self.remove(from);
        self.0.extend(moved.into_iter().map(|(name, entry)| (format!("{to}{}", &name[from.len()..]), entry)));
        Ok(())
    }

    /// The names in a directory, in order.
    pub fn list(&self, directory: &str) -> Vec<&str> {
        let below = format!("{}/", directory.trim_end_matches('/'));
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&below));
        names.filter(|name| !name.contains('/')).collect()
    }

    /// A directory and everything below it, by path relative to it; its own is empty.
    pub fn below(&self, directory: &str) -> BTreeMap<String, &Entry> {
        let relative = |path: &str| path[directory.len()..].trim_start_matches('/').to_owned();
        self.within(directory).map(|(path, entry)| (relative(path), entry)).collect()
    }

    /// Bytes that a path takes on the disk, with everything below it; `None` if it does not exist.
    pub fn disk_usage(&self, path: &str) -> Option<u64> {
        self.0.contains_key(path).then(|| self.within(path).map(|(_, entry)| size(entry)).sum())
    }

    /// Bytes that everything takes.
    pub fn all_usage(&self) -> u64 {
        self.0.values().map(size).sum()
    }

    /// The digest of a directory, which is that of the program that does it on real nodes: a line for each name as
    /// `find -printf` writes it, then a line for each file as `sha256sum` writes it.
    pub fn fingerprint(&self, directory: &str) -> io::Result<String> {
        self.directory(directory)?;
        let (mut lines, mut sums) = (Vec::new(), Vec::new());
        for (name, entry) in self.below(directory) {
            let (kind, target) = match &entry.node {
                Inode::Directory => ('d', ""),
                Inode::File(_) => ('f', ""),
                Inode::Link(target) => ('l', target.as_str()),
            };
            let Entry { mode, uid, gid, modified, .. } = entry;
            lines.push(format!("{name}\t{kind}\t{mode:o}\t{uid}:{gid}\t{target}\t{modified}\0"));
            if let Inode::File(bytes) = &entry.node {
                sums.push((format!("./{name}"), hex(&Sha256::digest(bytes))));
            }
        }
        lines.sort();
        sums.sort();
        let sums = sums.into_iter().map(|(name, sum)| format!("{sum}  {name}\0"));
        let text: String = lines.into_iter().chain(sums).collect();
        Ok(hex(&Sha256::digest(text.as_bytes())))
    }

    /// A directory as a tar archive of `.`.
    pub fn pack(&self, directory: &str) -> io::Result<Vec<u8>> {
        self.directory(directory)?;
        let mut archive = tar::Builder::new(Vec::new());
        for (name, entry) in self.below(directory) {
            let name = if name.is_empty() { "./".to_owned() } else { format!("./{name}") };
            let mut header = tar::Header::new_gnu();
            header.set_mode(entry.mode);
            header.set_uid(entry.uid);
            header.set_gid(entry.gid);
            header.set_mtime(entry.modified);
            header.set_size(0);
            match &entry.node {
                Inode::Directory => {
                    header.set_entry_type(tar::EntryType::Directory);
                    archive.append_data(&mut header, name, io::empty())?;
                }
                Inode::File(bytes) => {
                    header.set_entry_type(tar::EntryType::Regular);
                    header.set_size(bytes.len() as u64);
                    archive.append_data(&mut header, name, bytes.as_slice())?;
                }
                Inode::Link(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    archive.append_link(&mut header, name, target)?;
                }
            }
        }
        archive.into_inner()
    }

    /// Unpacks a tar archive into a directory. Hard links become files of their own.
    pub fn unpack(&mut self, directory: &str, archive: &[u8]) -> io::Result<()> {
        self.directory(directory)?;
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().trim_start_matches("./").trim_end_matches('/').to_owned();
            let path =
                if name.is_empty() || name == "." { directory.to_owned() } else { format!("{directory}/{name}") };
            let link = entry.link_name()?.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
            let node = match entry.header().entry_type() {
                tar::EntryType::Directory => Inode::Directory,
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes)?;
                    Inode::File(bytes)
                }
                tar::EntryType::Symlink => Inode::Link(link),
                tar::EntryType::Link => {
                    let other = format!("{directory}/{}", link.trim_start_matches("./"));
                    self.0.get(&other).map(|other| other.node.clone()).ok_or(io::ErrorKind::NotFound)?
                }
                kind => {
                    return Err(io::Error::other(format!("{name}: a simulated node has no files of kind {kind:?}")));
                }
            };
            let header = entry.header();
            let (mode, uid, gid) = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
            self.put(&path, Entry { node, mode, uid, gid, modified: header.mtime()? });
        }
        Ok(())
    }

    /// The path with the links at its end followed; `None` if they lead in a circle.
    fn resolved(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            match self.0.get(&path) {
                Some(Entry { node: Inode::Link(target), .. }) if target.starts_with('/') => path.clone_from(target),
                Some(Entry { node: Inode::Link(target), .. }) => path = format!("{}/{target}", parent(&path)),
                _ => return Some(path),
            }
        }
        None
    }

    fn directory(&self, path: &str) -> io::Result<()> {
        match self.0.get(path) {
            Some(Entry { node: Inode::Directory, .. }) => Ok(()),
            Some(_) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn make_above(&mut self, path: &str, modified: u64) {
        let above = parent(path);
        if above != "/" && !self.0.contains_key(above) {
            self.make_above(above, modified);
            let entry = Entry { node: Inode::Directory, mode: DIRECTORY_MODE, uid: 0, gid: 0, modified };
            self.0.insert(above.to_owned(), entry);
        }
    }

    fn within(&self, path: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let below = format!("{path}/");
        let own = path.to_owned();
        let entries = self.0.iter().filter(move |(name, _)| **name == own || name.starts_with(&below));
        entries.map(|(name, entry)| (name.as_str(), entry))
    }
}

/// The failure of a call on a file.
pub(super) fn file_error(path: &str, error: &io::Error) -> ErrorKind {
    ErrorKind::File { path: path.to_owned(), why: error.to_string() }
}

/// An owner as it is in specs.
pub(super) fn owner(text: Option<&str>) -> Result<Option<(u64, u64)>, ErrorKind> {
    let Some(text) = text else { return Ok(None) };
    let ids = text.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    let odd = || ErrorKind::Script(format!("`{text}` is not an owner; owners look like 1000:1000"));
    ids.map(Some).ok_or_else(odd)
}

/// The directory that a path is in.
fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((above, _)) => above,
    }
}

fn size(entry: &Entry) -> u64 {
    match &entry.node {
        Inode::Directory => BLOCK,
        Inode::File(bytes) => (bytes.len() as u64).next_multiple_of(BLOCK),
        Inode::Link(_) => 0,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Contents of files in JSON: a text where it is one, else `base64:` and that.
mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    const PREFIX: &str = "base64:";

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.starts_with(PREFIX) => serializer.serialize_str(text),
            _ => serializer.serialize_str(&format!("{PREFIX}{}", STANDARD.encode(bytes))),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(D::Error::custom),
            None => Ok(text.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_comes_back_from_its_archive_and_from_json() {
        let mut tree = Tree::default();
        tree.make_directory("/data", 7).unwrap();
        tree.put_file("/data/a/b", "text");
        tree.put_file("/data/zeros", [0_u8, 255]);
        tree.put("/data/link", Entry { node: Inode::Link("a/b".into()), mode: 0o777, uid: 1, gid: 2, modified: 9 });
        tree.change("/data/a", Some(0o2750), Some((33, 44)));
        let archive = tree.pack("/data").unwrap();
        let mut other = Tree::default();
        other.make_directory("/srv/copy", 1).unwrap();
        other.unpack("/srv/copy", &archive).unwrap();
        assert_eq!(other.below("/srv/copy"), tree.below("/data"));
        assert_eq!(other.fingerprint("/srv/copy").unwrap(), tree.fingerprint("/data").unwrap());
        let json = serde_json::to_string(&tree).unwrap();
        assert_eq!(serde_json::from_str::<Tree>(&json).unwrap(), tree);
        assert_eq!(tree.live("/data/link").unwrap().content.as_deref(), Some(&b"text"[..]));
        other.change("/srv/copy/a", Some(0o750), None);
        assert_ne!(other.fingerprint("/srv/copy").unwrap(), tree.fingerprint("/data").unwrap());
    }

    #[test]
    fn names_change_with_everything_below_them() {
        let mut tree = Tree::default();
        tree.put_file("/data/x/y", "1");
        tree.put_file("/data/xy", "2");
        tree.rename("/data/x", "/data/z").unwrap();
        assert_eq!(tree.list("/data"), ["xy", "z"]);
        assert!(tree.rename("/data/z", "/data/xy").is_err() && tree.rename("/data/no", "/data/n").is_err());
        tree.remove("/data/z");
        assert!(!tree.exists("/data/z/y") && tree.exists("/data/xy"));
        assert_eq!(tree.disk_usage("/data"), Some(2 * BLOCK));
    }
}
