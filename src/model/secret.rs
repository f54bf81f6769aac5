//! Secrets at rest: what may be written down about a value that must not be seen.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::hex;

/// Whether a value carries a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Taint {
    /// Written in a file that anyone who reads the repository sees.
    #[default]
    Plain,
    /// A variable of secret origin went into it.
    Secret,
}

/// The keyed digest of a value (HMAC-SHA-256): tells equal from different and gives nothing away
/// without the key, not even for a short password that could be guessed from a plain hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text.strip_prefix("hmac-sha256:")?).map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hmac-sha256:{}", hex::encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Makes [`Digest`]s with the operator's key, which lives outside the repository.
#[derive(Clone)]
pub struct Sealer {
    /// The key is in it already: each digest begins where it ended.
    keyed: Hmac<Sha256>,
}

impl Sealer {
    /// A sealer with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { keyed: Hmac::new_from_slice(&key).expect("HMAC takes a key of any length") }
    }

    /// The digest of `text`.
    pub fn seal(&self, text: &str) -> Digest {
        let mut mac = self.keyed.clone();
        mac.update(text.as_bytes());
        Digest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_and_depends_on_the_key() {
        let one = Sealer::new([1; 32]).seal("hunter2");
        assert_eq!(Digest::parse(&one.to_string()), Some(one));
        assert_ne!(one, Sealer::new([2; 32]).seal("hunter2"));
        assert_eq!(Digest::parse("hmac-sha256:12"), None);
    }
}
