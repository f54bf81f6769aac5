//! The lock of another machine: held by a shell over there for as long as hl says that it is still at it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::{Connection, Rights};
use super::errors::complaint;
use crate::node::{ErrorKind, LockGuard, LockHolder};

/// How long the lock outlives the last word of whoever holds it: a machine that lost its power or its network says
/// nothing, and the other side of a connection may wait for hours for more.
const LEASE: Duration = Duration::from_secs(30);
/// How often that word is said.
const BEAT: Duration = Duration::from_secs(8);
/// For the answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of the scripts below. Others may write where a lock lies: a link there is not followed, and nothing but a
/// file is opened, which is the one that is locked, read and written from then on, whatever its path leads to by then.
const OPENING: &str = r#"
only_a_file() {
    if [ -L "$1" ]; then found="a symbolic link"
    elif [ -d "$1" ]; then found="a folder"
    elif [ -p "$1" ]; then found="a named pipe"
    elif [ -e "$1" ] && ! [ -f "$1" ]; then found="a device or a socket"
    else return 0; fi
    echo "$1: it is $found and must be a file; remove it" >&2; exit 1
}
is_that_file() {
    [ "$1" -ef /proc/self/fd/9 ] && ! [ -L "$1" ] && return
    echo "$1: it is not the file that was opened" >&2; exit 1
}
words() { head -c 65536 /proc/self/fd/9; }
"#;

/// Takes the lock and holds it for as long as a byte comes within the lease. In the file stands who holds it: the
/// process and the boot of this machine, then words for people.
const HOLD: &str = r#"
for program in flock timeout dd; do
    command -v "$program" >/dev/null 2>&1 && continue
    echo "hl needs the program $program there, and it is not installed" >&2; exit 1
done
only_a_file "$1"
exec 9>>"$1" || exit 1
is_that_file "$1"
if ! flock -n 9; then echo "taken $(words)"; exit; fi
printf '%s %s %s\n' "$$" "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo -)" "$2" >/proc/self/fd/9
echo held
exec 3<&0
while [ "$(timeout "$3" dd bs=1 count=1 2>/dev/null <&3 9>&- | wc -c)" -eq 1 ]; do :; done
: >/proc/self/fd/9
"#;

/// Tells who holds a lock, if anybody does. What cannot be seen is not free.
const WHO: &str = r#"
seen=$(LC_ALL=C stat -- "$1" 2>&1) || case $seen in
    *"No such file"*) echo free; exit ;;
    *) echo "$seen" >&2; exit 1 ;;
esac
command -v flock >/dev/null 2>&1 || { echo "hl needs the program flock there, and it is not installed" >&2; exit 1; }
only_a_file "$1"
exec 9<"$1" || exit 1
is_that_file "$1"
if flock -n 9; then echo free; else echo "held $(words)"; fi
"#;

/// Ends the process that holds a lock, if it is the one that is in the file and this machine was not started since.
const BREAK: &str = r#"
command -v flock >/dev/null 2>&1 || { echo "hl needs the program flock there, and it is not installed" >&2; exit 1; }
only_a_file "$1"
exec 9<"$1" || exit 1
is_that_file "$1"
flock -n 9 && exit
read -r pid boot rest <&9
[ "$boot" = "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo -)" ] || { echo "$1: another boot" >&2; exit 1; }
kill "$pid" && flock -w 10 9
"#;

/// Takes the lock at `path`; `holder` tells people who takes it. One that the user there has no right to is taken by
/// root, where that is allowed, so that all who work on a node meet at the same file.
pub(super) async fn take(connection: &Arc<Connection>, path: &str, holder: &str) -> Result<LockGuard, ErrorKind> {
    match take_as(Rights::Own, connection, path, holder).await {
        Err(ErrorKind::Denied(_)) if connection.can_sudo() => take_as(Rights::Sudo, connection, path, holder).await,
        answer => answer,
    }
}

async fn take_as(
    rights: Rights,
    connection: &Arc<Connection>,
    path: &str,
    holder: &str,
) -> Result<LockGuard, ErrorKind> {
    let lease = LEASE.as_secs().to_string();
    let (mut child, out) = connection.begin_speaking(rights, &with_opening(HOLD), &[path, holder, &lease]).await?;
    let mut stdin = child.stdin().take().expect("it is a pipe");
    let mut first = String::new();
    let read = tokio::time::timeout(PATIENCE, BufReader::new(out).read_line(&mut first)).await;
    match first.trim().split_once(' ').unwrap_or((first.trim(), "")) {
        ("held", _) if read.is_ok() => {
            connection.release_keepalive().await;
            let (gone, lost) = watch::channel(false);
            let keeping = tokio::spawn(async move {
                let ended = child.wait();
                tokio::pin!(ended);
                loop {
                    if stdin.write_all(b".").await.is_err() {
                        break;
                    }
                    tokio::select! {
                        _ = &mut ended => break,
                        () = tokio::time::sleep(BEAT) => {}
                    }
                }
                gone.send_replace(true);
            });
            Ok(LockGuard::that_may_be_lost((Keeping(keeping), Arc::clone(connection)), lost))
        }
        ("taken", text) => Err(ErrorKind::Locked(LockHolder::parse(text))),
        _ => {
            let mut said = String::new();
            if let Some(mut err) = child.stderr().take() {
                let _ = tokio::time::timeout(Duration::from_secs(1), err.read_to_string(&mut said)).await;
            }
            Err(complaint(path, &said))
        }
    }
}

/// The holder of the lock at `path`.
pub(super) async fn holder(connection: &Connection, path: &str) -> Result<Option<LockHolder>, ErrorKind> {
    let said = ask(connection, WHO, path).await?;
    match said.trim().split_once(' ').unwrap_or((said.trim(), "")) {
        ("free", _) => Ok(None),
        ("held", text) => Ok(Some(LockHolder::parse(text))),
        _ => Err(complaint(path, &said)),
    }
}

/// Takes the lock at `path` away from whoever holds it.
pub(super) async fn break_it(connection: &Connection, path: &str) -> Result<(), ErrorKind> {
    ask(connection, BREAK, path).await.map(drop)
}

/// Runs one of the scripts above on a lock, with the rights that it takes; its complaint is the error.
async fn ask(connection: &Connection, script: &str, path: &str) -> Result<String, ErrorKind> {
    let ask = async |rights| {
        let output = connection.run_as(rights, &with_opening(script), &[path], &[], PATIENCE).await?;
        match output.code {
            0 => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => Err(complaint(path, &String::from_utf8_lossy(&output.stderr))),
        }
    };
    match ask(Rights::Own).await {
        Err(ErrorKind::Denied(_)) if connection.can_sudo() => ask(Rights::Sudo).await,
        answer => answer,
    }
}

fn with_opening(script: &str) -> String {
    format!("{OPENING}{script}")
}

/// Says that hl is at it, until it is dropped.
struct Keeping(JoinHandle<()>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use super::*;

    /// Runs a script on a lock by the shell of this machine; its input has ended, so that no lock is held for long.
    fn run(script: &str, lock: &Path) -> Output {
        let mut command = Command::new("timeout");
        command.args(["20", "sh", "-c", &with_opening(script), "hl"]).arg(lock).args(["ann@desk", "5"]);
        command.stdin(Stdio::null()).output().expect("there is a shell")
    }

    fn said(output: &Output) -> String {
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn a_lock_tells_who_holds_it_and_is_empty_afterwards() {
        let dir = tempfile::tempdir().expect("there is room");
        let lock = dir.path().join("lock");
        assert_eq!(said(&run(WHO, &lock)), "free\n");
        assert_eq!(said(&run(HOLD, &lock)), "held\n");
        assert_eq!(std::fs::read_to_string(&lock).expect("it is there"), "");
        let file = std::fs::File::open(&lock).expect("it is there");
        file.lock().expect("it is free");
        std::fs::write(&lock, "1 boot bob@desk\n").expect("there is room");
        assert_eq!(said(&run(WHO, &lock)), "held 1 boot bob@desk\n");
        assert_eq!(said(&run(HOLD, &lock)), "taken 1 boot bob@desk\n");
        assert!(String::from_utf8_lossy(&run(BREAK, &lock).stderr).contains("another boot"));
        let mut held = with_opening(HOLD).replace("exec 3<&0", "cat /proc/self/fd/9; exec 3<&0");
        held.push_str("exit");
        file.unlock().expect("it was held");
        let words = said(
            &Command::new("sh")
                .args(["-c", &held, "hl"])
                .arg(&lock)
                .args(["ann@desk", "5"])
                .stdin(Stdio::null())
                .output()
                .expect("there is a shell"),
        );
        assert!(words.starts_with("held\n") && words.ends_with(" ann@desk\n"), "{words}");
    }

    #[test]
    fn what_is_no_file_is_neither_followed_nor_waited_for() {
        let dir = tempfile::tempdir().expect("there is room");
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "precious").expect("there is room");
        let (link, dangling, pipe) = (dir.path().join("link"), dir.path().join("dangling"), dir.path().join("pipe"));
        std::os::unix::fs::symlink("victim", &link).expect("there is room");
        std::os::unix::fs::symlink("nothing", &dangling).expect("there is room");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).expect("there is room");
        for (lock, found) in [(&link, "a symbolic link"), (&dangling, "a symbolic link"), (&pipe, "a named pipe")] {
            for script in [HOLD, WHO, BREAK] {
                let output = run(script, lock);
                let complaint = complaint("", &String::from_utf8_lossy(&output.stderr)).to_string();
                assert!(complaint.contains(&format!("it is {found} and must be a file; remove it")), "{complaint}");
                assert_eq!((output.status.code(), said(&output).as_str()), (Some(1), ""));
            }
        }
        assert_eq!(std::fs::read_to_string(&victim).expect("it is there"), "precious");
        assert!(!dir.path().join("nothing").exists());
    }
}
