//! Texts that are still encrypted: a program that gets one as it is gets nonsense for a password.

use std::fmt;

/// A program that encrypted a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// SOPS, value by value.
    Sops,
    /// age, as a whole.
    Age,
    /// Ansible Vault, as a whole.
    AnsibleVault,
    /// git-crypt, as a whole, in a clone that is not unlocked.
    GitCrypt,
}

/// How SOPS begins a value.
const SOPS_VALUE: &str = "ENC[AES256_GCM,";

/// How each of the others begins a file.
///
/// Source: age's two formats; the header of `ansible-vault`; the header that git-crypt writes into its blobs.
const HEADERS: [(&[u8], Sealed); 4] = [
    (b"-----BEGIN AGE ENCRYPTED FILE-----", Sealed::Age),
    (b"age-encryption.org/", Sealed::Age),
    (b"$ANSIBLE_VAULT;", Sealed::AnsibleVault),
    (b"\0GITCRYPT\0", Sealed::GitCrypt),
];

impl Sealed {
    /// The program that encrypted a file, and the offset at which that shows; none if it is in the clear.
    pub fn of(bytes: &[u8]) -> Option<(Sealed, usize)> {
        let start = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let header = HEADERS.iter().find(|(header, _)| bytes[start..].starts_with(header));
        if let Some((_, sealed)) = header {
            return Some((*sealed, start));
        }
        // A program that knows the mark is no text that has it.
        let found = std::str::from_utf8(bytes).ok()?.find(SOPS_VALUE)?;
        Some((Sealed::Sops, found))
    }

    /// The command that decrypts a file to its standard output.
    pub fn command(self, path: &str) -> String {
        match self {
            Sealed::Sops => format!("sops decrypt {path}"),
            Sealed::Age => format!("age --decrypt -i KEY {path}"),
            Sealed::AnsibleVault => format!("ansible-vault view {path}"),
            Sealed::GitCrypt => "git-crypt unlock".to_owned(),
        }
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sealed::Sops => "SOPS",
            Sealed::Age => "age",
            Sealed::AnsibleVault => "Ansible Vault",
            Sealed::GitCrypt => "git-crypt",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_is_seen() {
        for (text, found) in [
            ("A=1\nB=ENC[AES256_GCM,data:x,type:str]\n", Some((Sealed::Sops, 6))),
            ("a: ENC[AES256_GCM,data:x]\nsops:\n  mac: x\n", Some((Sealed::Sops, 3))),
            ("\n-----BEGIN AGE ENCRYPTED FILE-----\nx", Some((Sealed::Age, 1))),
            ("age-encryption.org/v1\n", Some((Sealed::Age, 0))),
            ("$ANSIBLE_VAULT;1.1;AES256\n", Some((Sealed::AnsibleVault, 0))),
            ("\0GITCRYPT\0x", Some((Sealed::GitCrypt, 0))),
            ("\u{fffd}ENC[AES256_GCM,", Some((Sealed::Sops, 3))),
            ("A=ENC[x]\nB=-----BEGIN AGE", None),
            ("", None),
        ] {
            assert_eq!(Sealed::of(text.as_bytes()), found, "{text:?}");
        }
        assert_eq!(Sealed::of(b"\xffENC[AES256_GCM,"), None);
    }
}
