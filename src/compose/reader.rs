//! The one door through which configuration is read: text by path, from wherever it is kept.
//!
//! A [`Reader`] says what is at a path: a disk, a tree in memory, later a commit. [`Files`] stands
//! before one: it reads each file once, gives it a place in the [`SourceMap`], and never lets the
//! lines of an env file be shown. This module does not know what the files mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

pub use super::read_error::{ReadError, Refusal, SpecialFile};
use crate::diagnostic::{FileId, SourceMap, Visibility};

/// The most bytes of one text that is parsed: the tree of a YAML file is many times as large.
pub const MOST_TEXT: u64 = 2 << 20;

/// A place that files are read from.
pub trait Reader {
    /// The bytes of the file at an absolute path.
    ///
    /// # Errors
    ///
    /// Why there are none.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError>;

    /// The kind of entry at an absolute path, symlinks followed.
    fn kind(&self, path: &Path) -> Kind;

    /// The names in the folder at an absolute path, sorted; none if there is no such folder.
    fn names(&self, path: &Path) -> Vec<String>;

    /// How long the file at an absolute path is in bytes, and its mode bits where files have them; symlinks followed.
    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)>;

    /// The path without links of what is at an absolute path; of one where nothing is, that of the nearest folder above
    /// which is there, with the rest.
    fn real(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// Whether the entry at an absolute path is itself a link, wherever it leads. Each reader says so for itself: one that
    /// stands before another and forgot it would open a way out of the bounds.
    fn is_link(&self, path: &Path) -> bool;

    /// Why nothing is read at an absolute path, whatever is there.
    fn refusal(&self, _: &Path) -> Option<Refusal> {
        None
    }

    /// Whether everyone who has the Compose files has the file at an absolute path, too.
    fn visibility(&self, _: &Path) -> Visibility {
        Visibility::Public
    }

    /// The path by which people know the file at an absolute path, where that is another.
    fn shown(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

/// The kind of entry at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that can be read.
    File,
    /// A folder.
    Folder,
    /// Nothing, or nothing that may be seen.
    Missing,
}

/// A tree of files in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Memory {
    /// Puts a file at an absolute path, in place of what was there.
    pub fn insert(&mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.insert(clean(&path.into()), content.into());
    }
}

impl<P: Into<PathBuf>, C: Into<Vec<u8>>> FromIterator<(P, C)> for Memory {
    fn from_iter<I: IntoIterator<Item = (P, C)>>(files: I) -> Self {
        let mut memory = Self::default();
        files.into_iter().for_each(|(path, content)| memory.insert(path, content));
        memory
    }
}

impl Reader for Memory {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        match self.kind(path) {
            Kind::File => Ok(self.files[&clean(path)].clone()),
            Kind::Folder => Err(ReadError::Folder),
            Kind::Missing => Err(ReadError::Missing),
        }
    }

    fn kind(&self, path: &Path) -> Kind {
        let path = clean(path);
        if self.files.contains_key(&path) {
            Kind::File
        } else if self.files.range(path.clone()..).next().is_some_and(|(below, _)| below.starts_with(&path)) {
            Kind::Folder
        } else {
            Kind::Missing
        }
    }

    fn names(&self, path: &Path) -> Vec<String> {
        let path = clean(path);
        let below = self.files.range(path.clone()..).map_while(|(file, _)| file.strip_prefix(&path).ok());
        let names: BTreeSet<String> =
            below.filter_map(|b| b.components().next()).map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        names.into_iter().collect()
    }

    fn is_link(&self, _: &Path) -> bool {
        false
    }

    fn size_and_mode(&self, path: &Path) -> Option<(u64, Option<u32>)> {
        self.files.get(&clean(path)).map(|bytes| (bytes.len() as u64, None))
    }

    fn real(&self, path: &Path) -> PathBuf {
        clean(path)
    }
}

/// A path without `.` and with `..` taken literally, since memory has no symlinks.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(cleaned.pop()),
            part => cleaned.push(part),
        }
    }
    cleaned
}

/// Files read through a [`Reader`], each once, and known to a [`SourceMap`].
pub struct Files<'a> {
    reader: &'a dyn Reader,
    map: &'a mut SourceMap,
    /// Paths in diagnostics are shown as seen from here.
    seen_from: PathBuf,
    read: HashMap<PathBuf, Result<FileId, ReadError>>,
}

impl<'a> Files<'a> {
    /// A door to `reader` that shows paths below `seen_from` relative to it.
    pub fn new(reader: &'a dyn Reader, map: &'a mut SourceMap, seen_from: impl Into<PathBuf>) -> Self {
        Self { reader, map, seen_from: seen_from.into(), read: HashMap::new() }
    }

    /// The file at an absolute path.
    ///
    /// Bytes that are not UTF-8 are an error in a public file; in an env file, whose values Compose
    /// passes on as they are, they become replacement characters.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn load(&mut self, path: &Path, visibility: Visibility) -> Result<FileId, ReadError> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let result = self.reader.read(path).and_then(|bytes| {
            if bytes.len() as u64 > MOST_TEXT {
                return Err(ReadError::TooLarge { most: MOST_TEXT });
            }
            let text: Arc<str> = match (utf8(bytes), visibility) {
                (Ok(text), _) => text.into(),
                (Err(error), Visibility::Secret) => String::from_utf8_lossy(error.as_bytes()).into(),
                (Err(_), Visibility::Public) => return Err(ReadError::NotText),
            };
            Ok(self.map.add(self.shown(path), text, visibility))
        });
        self.read.insert(path.to_owned(), result.clone());
        result
    }

    /// The bytes of the file at an absolute path, which nobody is to see.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.reader.read(path)
    }

    /// A text that was made of the file at an absolute path.
    pub fn add(&mut self, path: &Path, text: &str, visibility: Visibility) -> FileId {
        self.map.add(self.shown(path), text, visibility)
    }

    /// Why nothing is read at an absolute path, whatever is there.
    pub fn refusal(&self, path: &Path) -> Option<Refusal> {
        self.reader.refusal(path)
    }

    /// Whether everyone who has the Compose files has the file at an absolute path, too.
    pub fn visibility(&self, path: &Path) -> Visibility {
        self.reader.visibility(path)
    }

    /// The kind of entry at an absolute path.
    pub fn kind(&self, path: &Path) -> Kind {
        self.reader.kind(path)
    }

    /// All that was read.
    pub fn sources(&self) -> &SourceMap {
        self.map
    }

    /// The text of a file that was loaded.
    pub fn text(&self, file: FileId) -> Arc<str> {
        Arc::clone(&self.map.get(file).text)
    }

    /// A path as shown to the user.
    pub fn shown(&self, path: &Path) -> PathBuf {
        let path = self.reader.shown(path);
        match path.strip_prefix(&self.seen_from) {
            Ok(below) if below != Path::new("") => below.to_owned(),
            _ => path,
        }
    }
}

/// The text of bytes in UTF-8, or in UTF-16 with a mark, which yaml.v3 reads, too.
fn utf8(bytes: Vec<u8>) -> Result<String, std::string::FromUtf8Error> {
    let decode: fn([u8; 2]) -> u16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return String::from_utf8(bytes),
    };
    let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| decode([pair[0], pair[1]])).collect();
    String::from_utf16(&units).or_else(|_| String::from_utf8(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_folders() {
        let memory = Memory::from_iter([("/a/b.yml", "x"), ("/ab/c", "y")]);
        assert_eq!(memory.kind(Path::new("/a")), Kind::Folder);
        assert_eq!(memory.kind(Path::new("/a/./../a/b.yml")), Kind::File);
        assert_eq!(memory.kind(Path::new("/b")), Kind::Missing);
        assert_eq!(memory.read(Path::new("/a")), Err(ReadError::Folder));
        assert_eq!(memory.names(Path::new("/")), ["a", "ab"]);
        assert_eq!(memory.names(Path::new("/a")), ["b.yml"]);
        assert_eq!(memory.names(Path::new("/b")), Vec::<String>::new());
    }

    #[test]
    fn files_are_read_once_and_shown_relative() {
        let memory = Memory::from_iter([("/a/b.yml", "x")]);
        let mut map = SourceMap::default();
        let mut files = Files::new(&memory, &mut map, "/a");
        let first = files.load(Path::new("/a/b.yml"), Visibility::Public);
        assert_eq!(first, files.load(Path::new("/a/b.yml"), Visibility::Public));
        assert_eq!(files.load(Path::new("/a/c.yml"), Visibility::Public), Err(ReadError::Missing));
        let file = first.expect("it is there");
        assert_eq!((&*files.text(file), map.path(file)), ("x", Path::new("b.yml")));
    }

    #[test]
    fn other_encodings_with_a_mark_are_read() {
        let memory = Memory::from_iter([("/le", b"\xff\xfea\0:\0".to_vec()), ("/be", b"\xfe\xff\0a\0:".to_vec())]);
        let mut map = SourceMap::default();
        let mut files = Files::new(&memory, &mut map, "/");
        for path in ["/le", "/be"] {
            let file = files.load(Path::new(path), Visibility::Public).expect("it is text");
            assert_eq!(&*files.text(file), "a:");
        }
    }

    #[test]
    fn bytes_that_are_no_text() {
        let memory = Memory::from_iter([("/a", b"A=\xff".to_vec())]);
        let mut map = SourceMap::default();
        let mut files = Files::new(&memory, &mut map, "/");
        assert_eq!(files.load(Path::new("/a"), Visibility::Public), Err(ReadError::NotText));
        let mut files = Files::new(&memory, &mut map, "/");
        assert!(files.load(Path::new("/a"), Visibility::Secret).is_ok());
    }
}
