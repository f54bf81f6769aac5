//! SSH errors, in words with a remedy.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use openssh::Error;
use sha2::{Digest, Sha256};

use super::Destination;
use crate::node::{ConnectionPhase, ErrorKind};

fn unreachable(why: impl Into<String>, hint: impl Into<String>) -> ErrorKind {
    ErrorKind::Unreachable { phase: ConnectionPhase::Connected, why: why.into(), hint: hint.into() }
}

/// `ssh` did not connect, which `why` says.
fn not_connected(why: String, hint: impl Into<String>) -> ErrorKind {
    ErrorKind::Unreachable { phase: ConnectionPhase::Connecting, why, hint: hint.into() }
}

/// Whether a server closed its door before it knew who was there, and may open it the next time.
pub(super) fn is_passing(error: &Error) -> bool {
    let (Error::Connect(error) | Error::Master(error)) = error else { return false };
    let said = error.to_string().to_lowercase();
    // "Connection closed by …" and "Connection reset by …" are also what follows a refused key, which is said before.
    let closed = ["kex_exchange_identification", "connection closed by", "connection reset by", "exceeded maxstartups"];
    closed.iter().any(|words| said.contains(words)) && !said.contains("denied") && !said.contains("verification failed")
}

/// `ssh` did not get there.
pub(super) fn refused(error: &Error, to: &Destination) -> ErrorKind {
    let said = match error {
        Error::Connect(error) | Error::Master(error) | Error::Remote(error) => error.to_string(),
        Error::Ssh(error) if error.kind() == io::ErrorKind::NotFound => {
            return unreachable("there is no `ssh` on this machine", "install an SSH client");
        }
        other => other.to_string(),
    };
    let by_hand = format!("`ssh {}` must work without a question", to.typed());
    let has = |words: &str| said.to_lowercase().contains(words);
    let hint = if has("host identification has changed") || has("host key verification failed") && has("changed") {
        format!(
            "its key is {}. If it was installed anew: compare the fingerprint on the machine itself \
             (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then `ssh-keygen -R {}` and `ssh {}`",
            two_keys(&said),
            to.host,
            to.typed()
        )
    } else if has("host key verification failed") || has("no matching host key") {
        format!("its key is not known here: connect once by hand, `ssh {}`, and compare the fingerprint", to.typed())
    } else if has("permission denied") || has("too many authentication failures") {
        format!("{by_hand}: is the key in your agent, and in the user's authorized_keys there?")
    } else if has("could not resolve") {
        "is the name right, in the inventory or in ~/.ssh/config?".to_owned()
    } else {
        by_hand
    };
    not_connected(format!("cannot connect over ssh: {}", one_line(&said)), hint)
}

/// The two keys of a machine whose host key changed, as `ssh` reports them. Source: `sshconnect.c` of OpenSSH: the
/// warning contains the new fingerprint, and the file and the line of the old key.
fn two_keys(said: &str) -> String {
    let words = || said.split_whitespace();
    let new = words().find(|word| word.starts_with("SHA256:")).map(|word| word.trim_end_matches('.'));
    let place = said.lines().find_map(|line| line.trim().strip_prefix("Offending ")?.split_once(" key in "));
    let old = place.and_then(|(_, place)| {
        let (file, number) = place.trim().rsplit_once(':')?;
        let line = std::fs::read_to_string(file).ok()?;
        let line = line.lines().nth(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        Some((fingerprint(line)?, place.trim()))
    });
    match (new, old) {
        (Some(new), Some((old, place))) => format!("{new}, and was {old} ({place})"),
        (Some(new), None) => format!("{new}, which is another one than before"),
        (None, _) => "another one than before".to_owned(),
    }
}

/// The fingerprint of the key in a line of `known_hosts`: the base64 of the SHA-256 of its bytes.
fn fingerprint(line: &str) -> Option<String> {
    let key = line.split_whitespace().find(|word| word.starts_with("AAAA"))?;
    let bytes = STANDARD.decode(key).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes))))
}

/// The last line of what `ssh` says; warnings come before it.
fn one_line(said: &str) -> String {
    let mut lines = said.lines().map(|line| line.trim().trim_end_matches('.')).filter(|line| !line.is_empty());
    let last = lines.next_back().unwrap_or("no reason given");
    last.strip_prefix("ssh: ").unwrap_or(last).to_owned()
}

/// Neither the server nor a program of the machine makes a way to the engine.
pub(super) const NO_RELAY: &str =
    "its sshd forwards no sockets, and there is no docker, socat or nc on it that would do instead";
/// The way out of that.
pub(super) const LET_FORWARD: &str = "set `AllowStreamLocalForwarding yes` in its sshd_config";

/// The socket could not be forwarded.
pub(super) fn not_forwarded(error: &Error) -> ErrorKind {
    unreachable(format!("the engine's socket cannot be forwarded: {error}"), LET_FORWARD)
}

/// Nobody answered at the engine's socket.
pub(super) fn no_engine(socket: &str) -> ErrorKind {
    let hint = "is the Docker engine running there? Try `systemctl status docker`";
    unreachable(format!("the machine answers, its engine at {socket} does not"), hint)
}

/// The error for the state of the engine that the node reports.
pub(super) fn engine_is(how: &str, rest: &str) -> ErrorKind {
    match how {
        "missing" => unreachable("the machine answers, and there is no Docker on it", "install Docker there"),
        "stopped" => unreachable(
            format!("the machine answers, and its Docker engine does not run: no socket {rest}"),
            match is_of_user(rest) {
                true => "start it there: `systemctl --user start docker`",
                false => "start it there: `sudo systemctl start docker`",
            },
        ),
        "context" => unreachable(
            format!("the machine answers, and its docker uses the context {rest}, of which nothing is there"),
            "choose one of `docker context ls` there: `docker context use NAME`",
        ),
        "denied" => {
            let (user, socket) = rest.split_once(' ').unwrap_or((rest, ""));
            // A user with an engine of their own needs no right to that of the machine.
            let way = match is_of_machine(socket) {
                true => format!("let them there: `sudo usermod -aG docker {user}`"),
                false => "it is another user's; `docker context ls` there shows which are theirs".to_owned(),
            };
            ErrorKind::Denied(format!("{user} may not use the engine at {socket}; {way}"))
        }
        "elsewhere" => ErrorKind::Unsupported(format!("its docker uses {rest}, which is not a socket of that machine")),
        _ => no_shell(0, how.as_bytes()),
    }
}

/// Whether a socket is that of the engine that runs as root.
fn is_of_machine(socket: &str) -> bool {
    matches!(socket, "/var/run/docker.sock" | "/run/docker.sock")
}

/// Whether a socket is where rootless Docker has that of a user.
fn is_of_user(socket: &str) -> bool {
    socket.starts_with("/run/user/") || socket.contains("/.docker/")
}

/// The error for an answer that does not come from a POSIX shell.
pub(super) fn no_shell(code: i32, said: &[u8]) -> ErrorKind {
    let said = one_line(&String::from_utf8_lossy(said));
    unreachable(format!("its shell does not do what sh does: code {code}, {said}"), "hl needs a POSIX sh there")
}

/// There is no place for the connection's sockets.
pub(super) fn no_folder(path: &Path, error: &io::Error) -> ErrorKind {
    ErrorKind::File {
        path: path.display().to_string(),
        why: format!("no folder can be made in {}: {error}", path.display()),
    }
}

/// The connection broke.
pub(super) fn lost(error: &Error) -> ErrorKind {
    unreachable(format!("the connection was lost: {error}"), "does the machine still run?")
}

/// The error for an error message of a program on the node.
pub(super) fn complaint(path: &str, said: &str) -> ErrorKind {
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim();
    // `mkdir: cannot create directory '/x': Permission denied`
    let why = last.rsplit(": ").next().unwrap_or(last).to_lowercase();
    match why.as_str() {
        "permission denied" | "operation not permitted" => {
            ErrorKind::Denied(format!("{why}; hl is not root there, and has no right to {path}"))
        }
        _ => ErrorKind::File { path: path.to_owned(), why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(said: &str) -> String {
        let to = Destination { user: Some("admin".into()), host: "nas.lan".into(), port: None };
        match refused(&Error::Connect(io::Error::other(said.to_owned())), &to) {
            ErrorKind::Unreachable { hint, .. } => hint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_refusal_has_its_way_out() {
        assert!(hint("Host key verification failed.").contains("connect once by hand, `ssh admin@nas.lan`"));
        assert!(hint("admin@nas.lan: Permission denied (publickey).").contains("authorized_keys"));
        assert!(hint("ssh: Could not resolve hostname nas.lan: Name or service not known").contains("~/.ssh/config"));
        assert!(hint("connect to host nas.lan port 22: Connection refused").contains("must work without a question"));
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.";
        assert!(hint(changed).contains("ssh-keygen -R nas.lan"));
    }
}
