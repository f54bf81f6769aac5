//! Who signs certificates, for an engine behind TLS and for those whom it lets in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An authority: `ca.pem`, and the key to it.
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one, in a folder of its own.
    pub fn new(folder: &Path) -> Authority {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let authority = Authority::at(folder);
        authority.openssl(&format!("req -x509 -days 2 -subj /CN=authority -out ca.pem {}", new_key("ca-key.pem")));
        authority
    }

    /// The one that is in a folder.
    pub fn at(folder: &Path) -> Authority {
        Authority { folder: folder.to_owned() }
    }

    /// Makes a certificate with its key; the folder in which they are, with `ca.pem`, as Docker's client wants them.
    pub fn sign(&self, name: &str, extension: &str) -> PathBuf {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join("extension"), format!("{extension}\n")).expect("it can be written");
        self.openssl(&format!("req -subj /CN={name} -out {name}/request {}", new_key(&format!("{name}/key.pem"))));
        self.openssl(&format!(
            "x509 -req -days 2 -in {name}/request -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
             -extfile {name}/extension -out {name}/cert.pem"
        ));
        std::fs::copy(self.folder.join("ca.pem"), folder.join("ca.pem")).expect("it can be copied");
        folder
    }

    #[track_caller]
    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(&self.folder).stdin(Stdio::null());
        let output = command.output().expect("openssl runs");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn new_key(file: &str) -> String {
    format!("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {file}")
}
