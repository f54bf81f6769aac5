//! The content of a file, as a value of a field: the text itself where it is short, or the digest of it.

use sha2::{Digest as _, Sha256};

use super::hex;

/// The most bytes of a file that stand in a field as they are.
const SHOWN_BYTES: usize = 64 * 1024;

/// The start of each digest.
const PREFIX: &str = "sha256:";

/// The content of a file as a field has it: the text itself, or `sha256:…` of what is no text or
/// too long to be read in a plan.
pub fn content_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= SHOWN_BYTES && !text.contains('\0') => text.to_owned(),
        _ => content_digest(bytes),
    }
}

/// The content of a file as `sha256:…`.
pub fn content_digest(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", hex::encode(&Sha256::digest(bytes)))
}

/// Whether a text is the digest of some content.
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

/// Whether two texts are one content, of which one may be its digest.
pub fn is_same(a: &str, b: &str) -> bool {
    let is_of = |digest: &str, text: &str| is_digest(digest) && *digest == content_digest(text.as_bytes());
    a == b || is_of(a, b) || is_of(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_texts_stand_in_fields_as_they_are() {
        assert_eq!(content_text(b"a: 1\n"), "a: 1\n");
        let empty_digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(content_digest(b""), format!("sha256:{empty_digest}"));
        assert!(content_text(b"\xff\xfe").starts_with("sha256:"));
        assert!(content_text(&vec![b'x'; SHOWN_BYTES + 1]).starts_with("sha256:"));
    }

    #[test]
    fn a_content_is_the_same_as_its_digest() {
        let digest = content_digest(b"a\n");
        assert!(is_digest(&digest) && !is_digest("sha256:12") && !is_digest("a\n"));
        assert!(is_same(&digest, "a\n") && is_same("a\n", &digest) && is_same(&digest, &digest));
        assert!(!is_same(&digest, "b\n") && !is_same(&digest, &content_digest(b"b\n")));
    }
}
