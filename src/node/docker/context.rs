//! A folder → the tar archive that a build gets.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path};

use tar::{Builder, Header};

use crate::model::ignore::Ignore;

/// Where an inline Dockerfile stands in the archive, out of the way of any file of the context.
pub const INLINE: &str = ".dockerfile.hl-inline";
/// Where a Dockerfile from outside of the context stands in the archive.
const OUTSIDE: &str = ".dockerfile.hl-outside";

/// The Dockerfile of a build.
pub enum Dockerfile {
    /// Its path, relative to the context; it may lie outside.
    Path(String),
    /// Its text.
    Inline(String),
}

/// Writes the context to `out` and gives the path of the Dockerfile in it.
///
/// # Errors
/// The context or the Dockerfile cannot be read, or nobody takes what is written.
pub fn pack(context: &Path, dockerfile: &Dockerfile, out: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(out);
    archive.follow_symlinks(false);
    let ignore = ignore_file(context, dockerfile)?;
    let mut packed = Packed { archive, ignore, always: vec![".dockerignore".to_owned(), in_archive(dockerfile)] };
    packed.folder(context, "")?;
    match dockerfile {
        Dockerfile::Inline(text) => packed.text(INLINE, text.as_bytes())?,
        Dockerfile::Path(path) if leaves(path) => packed.text(OUTSIDE, &read(&context.join(path))?)?,
        Dockerfile::Path(_) => {}
    }
    packed.archive.into_inner()?.flush()
}

/// The path of the Dockerfile in the archive.
pub fn in_archive(dockerfile: &Dockerfile) -> String {
    match dockerfile {
        Dockerfile::Inline(_) => INLINE.to_owned(),
        Dockerfile::Path(path) if leaves(path) => OUTSIDE.to_owned(),
        Dockerfile::Path(path) => path.trim_start_matches("./").to_owned(),
    }
}

/// Whether a path leads out of the context.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    for part in Path::new(path).components() {
        match part {
            Component::RootDir | Component::Prefix(_) => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// A Dockerfile's own ignore file comes before that of the context.
fn ignore_file(context: &Path, dockerfile: &Dockerfile) -> io::Result<Ignore> {
    let own = match dockerfile {
        Dockerfile::Path(path) => Some(context.join(format!("{path}.dockerignore"))),
        Dockerfile::Inline(_) => None,
    };
    for path in own.into_iter().chain([context.join(".dockerignore")]) {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Ignore::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(&path, &error)),
        }
    }
    Ok(Ignore::parse(""))
}

struct Packed<W: Write> {
    archive: Builder<W>,
    ignore: Ignore,
    /// The paths that the engine needs even if a pattern excludes them.
    always: Vec<String>,
}

impl<W: Write> Packed<W> {
    /// Adds what is in a folder, in order of names, so that the same folder gives the same archive.
    fn folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries =
            fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|e| named(folder, &e))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let name =
                name.to_str().ok_or_else(|| io::Error::other(format!("{}: the name is no text", path.display())))?;
            let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let out = self.ignore.leaves_out(&name) && !self.always.contains(&name);
            let kind = entry.file_type().map_err(|e| named(&path, &e))?;
            if kind.is_dir() {
                if !out {
                    self.archive.append_dir(&name, &path).map_err(|e| named(&path, &e))?;
                }
                let needed = |always: &String| always.starts_with(&format!("{name}/"));
                if !out || self.ignore.takes_back() || self.always.iter().any(needed) {
                    self.folder(&path, &name)?;
                }
            } else if !out && (kind.is_file() || kind.is_symlink()) {
                self.archive.append_path_with_name(&path, &name).map_err(|e| named(&path, &e))?;
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.archive.append_data(&mut header, name, text)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| named(path, &error))
}

/// The error with the path in front that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(context: &Path, dockerfile: &Dockerfile) -> Vec<String> {
        let mut bytes = Vec::new();
        pack(context, dockerfile, &mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn the_archive_has_what_is_not_left_out_and_what_the_engine_needs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("src/deep")).unwrap();
        fs::create_dir_all(at("target")).unwrap();
        for name in ["Dockerfile", "src/main", "src/deep/x", "target/big", "README.md"] {
            fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
        fs::write(at(".dockerignore"), "target\n*.md\nDockerfile\n.dockerignore\n").unwrap();
        let here = Dockerfile::Path("Dockerfile".to_owned());
        let all = [".dockerignore", "Dockerfile", "link", "src/", "src/deep/", "src/deep/x", "src/main"];
        let trimmed = |names: Vec<String>| names.iter().map(|n| n.trim_end_matches('/').to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(names(dir.path(), &here)), all.map(|n| n.trim_end_matches('/').to_owned()));
        let inline = names(dir.path(), &Dockerfile::Inline("FROM x".to_owned()));
        assert!(inline.contains(&INLINE.to_owned()) && !inline.contains(&"Dockerfile".to_owned()));
        let outside = names(&at("src"), &Dockerfile::Path("../Dockerfile".to_owned()));
        assert!(outside.contains(&OUTSIDE.to_owned()), "{outside:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error =
            pack(Path::new("/nonexistent"), &Dockerfile::Path("Dockerfile".to_owned()), io::sink()).unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
