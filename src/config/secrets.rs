//! `services/<service>/secrets.env`: variables that stand in the repository encrypted.
//!
//! The caller gives what decrypts them: keys and the programs that use them belong to the person who runs hl. The
//! clear text is only ever in memory.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::compose::reader::{Files, Kind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, Visibility};
use crate::envfile::{self, Assignments, Outside};

/// The name of the file in a service's folder.
pub const FILE: &str = "secrets.env";

/// How a file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// The whole file by age.
    Age,
    /// Value by value by SOPS.
    Sops,
}

impl Cipher {
    /// Finds out from the file's text; none if it is in the clear.
    ///
    /// Source: the first line of age's two formats; SOPS keeps its own data in variables of an env file.
    pub fn of(bytes: &[u8]) -> Option<Cipher> {
        if bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
            return Some(Cipher::Age);
        }
        let text = String::from_utf8_lossy(bytes);
        text.lines().any(|line| line.starts_with("sops_mac=")).then_some(Cipher::Sops)
    }
}

/// Decrypts with the keys of the person who runs hl.
pub trait Decrypt {
    /// The clear text.
    ///
    /// # Errors
    /// [`Closed`]: there is no key, or not the right one.
    fn decrypt(&self, cipher: Cipher, bytes: &[u8]) -> Result<SecretString, Closed>;
}

/// Why a file stays closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why.
    pub why: String,
    /// The way out.
    pub hint: String,
}

/// Nobody's keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl Decrypt for NoKeys {
    fn decrypt(&self, _: Cipher, _: &[u8]) -> Result<SecretString, Closed> {
        Err(Closed { why: "there is no key".to_owned(), hint: String::new() })
    }
}

/// A file that was found, and what became of it.
pub(super) struct Found {
    /// Its place.
    place: Span,
    opened: Result<SecretString, Closed>,
}

/// Opens those of some files that are there, all at once: each takes a program of its own.
pub(super) fn open_all(
    paths: &[PathBuf],
    keys: &(dyn Decrypt + Send + Sync),
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> Vec<Option<Found>> {
    let sealed: Vec<Option<(Span, Cipher, Vec<u8>)>> = paths.iter().map(|path| find(path, files, out)).collect();
    std::thread::scope(|scope| {
        let opening = sealed.into_iter().map(|sealed| {
            let (place, cipher, bytes) = sealed?;
            Some((place, scope.spawn(move || keys.decrypt(cipher, &bytes))))
        });
        let opening: Vec<_> = opening.collect();
        let join = |(place, thread): (Span, std::thread::ScopedJoinHandle<'_, Result<SecretString, Closed>>)| {
            let opened = thread.join().expect("opening a file does not panic");
            Found { place, opened }
        };
        opening.into_iter().map(|one| one.map(join)).collect()
    })
}

fn find(path: &Path, files: &mut Files<'_>, out: &mut Diagnostics) -> Option<(Span, Cipher, Vec<u8>)> {
    if files.kind(path) != Kind::File {
        return None;
    }
    let bytes = match files.bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            out.push(error.diagnostic(&files.shown(path), "check the file's permissions"));
            return None;
        }
    };
    // Encrypted text says nothing to people, and clear text must not be shown.
    let file = files.add(path, "", Visibility::Secret);
    let place = Span::new(file, 0, 0);
    let Some(cipher) = Cipher::of(&bytes) else {
        let words = format!("{} is not encrypted", files.shown(path).display());
        let diagnostic = Diagnostic::error(Code::SecretsInTheClear, words).at(place, "");
        out.push(
            diagnostic
                .detail("Whoever can read the repository can read what is in it.")
                .hint("encrypt it with `hl secret edit SERVICE`; what was committed in the clear needs another value"),
        );
        return None;
    };
    Some((place, cipher, bytes))
}

/// The variables of a file that was found; none if it stays closed, which is noted.
pub(super) fn variables(
    found: Found,
    path: &Path,
    files: &mut Files<'_>,
    out: &mut Diagnostics,
) -> Option<Assignments> {
    match found.opened {
        Ok(text) => {
            let file = files.add(path, text.expose_secret(), Visibility::Secret);
            Some(envfile::parse(text.expose_secret(), file, Outside::NOTHING, out))
        }
        Err(Closed { why, hint }) => {
            let words = format!("{} stays closed: {why}", files.shown(path).display());
            let diagnostic = Diagnostic::note(Code::SecretsClosed, words).at(found.place, "");
            out.push(diagnostic.detail("What is on the node already is used.").hint(hint));
            None
        }
    }
}
