//! The keys of the person who runs hl, and the programs that use them: `age` and `sops`, as they have them.
//!
//! Plaintext goes through pipes only, never through arguments or onto a disk.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret, SecretString};

use super::env_var::variable;
use crate::config::secrets::{Cipher, Closed, Decrypt};

/// The age keys of the person who runs hl, which open encrypted values.
#[derive(Clone, Debug)]
pub(super) struct AgeKeys {
    /// A file with age's private keys.
    identity: Option<PathBuf>,
    /// Where it should be.
    usual: String,
}

impl AgeKeys {
    /// Finds the key file: the one named in the environment, else hl's own, else the one of SOPS.
    pub fn find(home: Option<&str>) -> AgeKeys {
        let named = ["HL_AGE_KEY_FILE", "SOPS_AGE_KEY_FILE"].into_iter().filter_map(variable).map(PathBuf::from);
        let config = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| home.map(|home| Path::new(home).join(".config")));
        let own = config.iter().map(|config| config.join("hl/age.txt"));
        let others = config.iter().map(|config| config.join("sops/age/keys.txt"));
        let identity = named.chain(own).chain(others).find(|path| path.is_file());
        let usual = config.as_ref().map_or_else(|| "~/.config".to_owned(), |config| config.display().to_string());
        AgeKeys { identity, usual: format!("{usual}/hl/age.txt") }
    }

    fn identity(&self) -> Result<&Path, Closed> {
        self.identity.as_deref().ok_or_else(|| Closed {
            why: "there is no age key here".to_owned(),
            hint: format!("put yours into {} or name its file in HL_AGE_KEY_FILE", self.usual),
        })
    }

    /// Encrypts for all whose public keys are in a file, or for the owner of the key alone.
    pub fn encrypt(&self, text: &SecretString, recipients: Option<&Path>) -> Result<Vec<u8>, Closed> {
        let mut command = Command::new("age");
        command.args(["--encrypt", "--armor"]);
        match recipients {
            Some(file) => command.arg("--recipients-file").arg(file),
            None => {
                let identity = self.identity().map_err(|closed| {
                    let hint = format!("make one with `age-keygen -o {}`, and keep a copy elsewhere", self.usual);
                    Closed { hint, ..closed }
                })?;
                command.arg("--encrypt").arg("--identity").arg(identity)
            }
        };
        run(&mut command, text.expose_secret().as_bytes())
    }
}

impl Decrypt for AgeKeys {
    fn decrypt(&self, cipher: Cipher, bytes: &[u8]) -> Result<SecretString, Closed> {
        let clear = match cipher {
            Cipher::Age => run(Command::new("age").arg("--decrypt").arg("--identity").arg(self.identity()?), bytes)?,
            Cipher::Sops => {
                let mut command = Command::new("sops");
                command.args(["--decrypt", "--input-type", "dotenv", "--output-type", "dotenv", "/dev/stdin"]);
                if let Some(identity) = &self.identity {
                    command.env("SOPS_AGE_KEY_FILE", identity);
                }
                run(&mut command, bytes)?
            }
        };
        let text = String::from_utf8(clear).map_err(|_| Closed {
            why: "what is in it is not text".to_owned(),
            hint: "it is to hold lines such as NAME=value".to_owned(),
        })?;
        Ok(SecretString::from(text))
    }
}

/// Runs a program with this input and gives its output.
fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Closed> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| Closed { why, hint: String::new() };
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Closed { why: format!("there is no `{program}` on this machine"), hint: format!("install {program}") }
        }
        _ => failed(format!("`{program}` cannot be run: {error}")),
    })?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let mut stdout = child.stdout.take().expect("it is a pipe");
    let mut stderr = child.stderr.take().expect("it is a pipe");
    let (mut output, mut said) = (Vec::new(), String::new());
    let read = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends early closes its input; how it ended tells the rest.
            let _ = stdin.write_all(input);
        });
        scope.spawn(|| stderr.read_to_string(&mut said));
        stdout.read_to_end(&mut output)
    });
    let ended = child.wait().and_then(|status| read.map(|_| status));
    match ended {
        Ok(status) if status.success() => Ok(output),
        Ok(_) => {
            let last = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
            let last = last.strip_prefix(&format!("{program}: ")).unwrap_or(last);
            Err(failed(last.strip_prefix("error: ").unwrap_or(last).to_owned()))
        }
        Err(error) => Err(failed(format!("`{program}` cannot be run: {error}"))),
    }
}
