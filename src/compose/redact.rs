//! No secret in what is said about files: a port that cannot be read may have a password in it.

use std::collections::{BTreeSet, HashSet};

use crate::diagnostic::Diagnostics;

/// The text in place of a secret.
const MASK: &str = "(secret)";

/// Shorter values are no secrets worth the name, and would be found in any text.
const SHORTEST: usize = 4;

/// The diagnostics without the values of secret variables; the lines of files are not in them.
pub(super) fn diagnostics(list: Diagnostics, secrets: &BTreeSet<String>) -> Diagnostics {
    // Longer ones first, because one may contain another.
    let mut secrets: Vec<&str> = secrets.iter().map(String::as_str).filter(|s| s.len() >= SHORTEST).collect();
    // Many secrets in many texts: what has neither the beginning nor the end of a secret has not the secret.
    let mut windows: HashSet<&[u8]> = HashSet::new();
    for diagnostic in list.iter() {
        let labels = diagnostic.labels.iter().map(|label| &label.text);
        for text in labels.chain([&diagnostic.summary, &diagnostic.detail, &diagnostic.hint]) {
            windows.extend(text.as_bytes().windows(SHORTEST));
        }
    }
    let may_be_in = |secret: &&str| {
        let bytes = secret.as_bytes();
        windows.contains(&bytes[..SHORTEST]) && windows.contains(&bytes[bytes.len() - SHORTEST..])
    };
    secrets.retain(may_be_in);
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    if secrets.is_empty() {
        return list;
    }
    let hide = |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    let mut redacted = Diagnostics::default();
    list.iter().for_each(|diagnostic| redacted.push(diagnostic.map_texts(hide)));
    redacted
}
