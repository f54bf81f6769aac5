//! Files and scripts over the connection. What is secret goes over standard input, never over arguments.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::connection::{Connection, Output, Rights};
use super::errors::complaint;
use crate::model::hex;
use crate::model::spec::DirectorySpec;
use crate::model::view::{FileKind, LiveFile, LiveFiles, WantContent, Wanted};
use crate::node::shell::{Folder, Shell, interpreter};
use crate::node::{ErrorKind, FileWrite, LockGuard, LockHolder, NodeError, Script, ScriptEnd, ScriptOutcome, Tools};

/// For what touches a few files.
const SHORT: Duration = Duration::from_secs(60);
/// For what copies a folder.
const LONG: Duration = Duration::from_secs(600);
/// The time that a script may take beyond its own limit: to be killed, and for its answer to arrive.
const GRACE: Duration = Duration::from_secs(15);
/// Lines of a script's output that are kept.
const KEPT_LINES: usize = 1000;

/// The shell of another machine.
pub struct RemoteShell {
    pub(super) connection: Arc<Connection>,
    /// The engine that scripts find there.
    docker_host: String,
}

impl RemoteShell {
    pub(super) fn new(connection: Arc<Connection>, docker_host: String) -> Self {
        Self { connection, docker_host }
    }

    pub(super) fn fail(&self, what: &str, kind: ErrorKind) -> NodeError {
        NodeError { node: self.connection.node.clone(), what: what.to_owned(), kind }
    }

    /// Runs one of the scripts below on a path; its complaint is the error. What the user there may not do, root does,
    /// where that is allowed.
    async fn files(
        &self,
        verb: &str,
        path: &str,
        script: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, NodeError> {
        match self.files_with(Rights::Own, verb, path, script, arguments, input).await {
            Err(error) if matches!(error.kind, ErrorKind::Denied(_)) && self.connection.can_sudo() => {
                self.files_with(Rights::Sudo, verb, path, script, arguments, input).await
            }
            answer => answer,
        }
    }

    async fn files_with(
        &self,
        rights: Rights,
        verb: &str,
        path: &str,
        script: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, NodeError> {
        let what = format!("{verb} {path}");
        let ran = self.connection.run_as(rights, script, arguments, input, SHORT).await;
        let Output { code, stdout, stderr } = ran.map_err(|kind| self.fail(&what, kind))?;
        match code {
            0 => Ok(stdout),
            _ => Err(self.fail(&what, complaint(path, &String::from_utf8_lossy(&stderr)))),
        }
    }

    /// Parses the output of [`READ_FILES`].
    fn read_lines(&self, wanted: &Wanted, output: &str) -> Result<LiveFiles, NodeError> {
        let mut lines = output.lines();
        let mut files = LiveFiles::default();
        for path in wanted.files.keys() {
            let line = lines.next().unwrap_or_default();
            let (closed, line) = line.strip_prefix("closed ").map_or((false, line), |line| (true, line));
            match read_line(line) {
                Ok(file) => files.found.extend(file.map(|file| (path.clone(), file))),
                Err(why) => drop(files.unreadable.insert(path.clone(), why)),
            }
            files.not_writable.extend(closed.then(|| path.clone()));
        }
        if let Some(root) = &wanted.retained_below {
            let odd =
                || self.fail(&format!("look for what is set aside in {root}"), ErrorKind::Script("no answer".into()));
            let names = STANDARD.decode(lines.next().ok_or_else(odd)?).map_err(|_| odd())?;
            files.retained_dirs.extend(String::from_utf8_lossy(&names).lines().map(str::to_owned));
            let home = STANDARD.decode(lines.next().ok_or_else(odd)?).map_err(|_| odd())?;
            files.home = Some(String::from_utf8_lossy(&home).into_owned()).filter(|home| home.starts_with('/'));
        }
        Ok(files)
    }
}

/// A directory with its parents, which get mode 0755; owner before mode, because a change of owner takes the set-id
/// bits away.
const MAKE_DIRECTORY: &str = r#"
set -eu; umask 022
mkdir -p -- "$1"
[ -z "$2" ] || chown -- "$2" "$1"
[ -z "$3" ] || chmod -- "$3" "$1"
"#;

/// Writes content, owner and mode to a file beside the target that only its owner can read, then renames that file.
/// Follows a symbolic link. Truncated input does not have the announced size and is refused. A writer holds the node's lock,
/// so what has the name of the new file was left by one whose machine went down: it may hold a secret and is removed.
const WRITE_FILE: &str = r#"
set -eu; umask 077
path=$1 size=$2 mode=$3 owner=$4
[ ! -L "$path" ] || path=$(readlink -f -- "$path")
if [ -e "$path" ]; then
    [ -f "$path" ] || { echo "$path: there is something else than a file" >&2; exit 1; }
    [ -n "$owner" ] || owner=$(stat -c %u:%g -- "$path")
fi
beside=$(dirname -- "$path")/.$(basename -- "$path").hl-new
rm -f -- "$beside"
trap 'rm -f -- "$beside"' EXIT
# Nobody hears what is said on a connection that is gone, and a shell that a signal ends would leave the file.
trap 'exit 1' HUP INT PIPE TERM
set -C
exec 3>"$beside"
set +C
cat >&3
exec 3>&-
[ "$(wc -c <"$beside")" -eq "$size" ] || { echo "$path: it arrived cut off" >&2; exit 1; }
[ -z "$owner" ] || [ "$(stat -c %u:%g -- "$beside")" = "$owner" ] || chown -- "$owner" "$beside"
chmod -- "$mode" "$beside"
sync -- "$beside" 2>/dev/null || sync
mv -f -- "$beside" "$path"
trap - EXIT
sync -- "$(dirname -- "$path")" 2>/dev/null || sync
"#;

/// Each line of input is `y PATH` or `n PATH`: with its content or without. Each line of output is for one of them:
/// `-` for what is not there, `! WHY` for what cannot be read, else kind, mode, owner and content; that of a directory are
/// the names in it. Before it stands
/// `closed` where the user there may not make or replace it: both are done in the nearest folder above that is there.
/// `a ROOT` gives the folders that were set aside below it, and the home folder of who logs in.
const READ_FILES: &str = r#"
me=$(id -u)
while IFS= read -r line; do
    path=${line#? }
    if [ "${line%% *}" = a ]; then
        for retired in "$path"/data/*.moved-* "$path"/config/*.moved-*; do
            [ ! -d "$retired" ] || printf '%s\n' "$retired"
        done | base64 | tr -d '\n'
        echo
        home=${HOME:-}
        [ -z "${SUDO_USER:-}" ] || eval "home=~$SUDO_USER"
        printf %s "$home" | base64 | tr -d '\n'
        echo
        continue
    fi
    if [ "$me" != 0 ]; then
        above=$(dirname -- "$path")
        while [ ! -d "$above" ] && [ "$above" != / ]; do above=$(dirname -- "$above"); done
        [ -w "$above" ] && [ -x "$above" ] || printf 'closed '
    fi
    if ! seen=$(LC_ALL=C stat -L -c '%a %u:%g' -- "$path" 2>&1); then
        case $seen in
            *"No such file"*|*"Not a directory"*) echo - ;;
            *) echo "! ${seen##*: }" ;;
        esac
    elif [ -d "$path" ]; then
        if [ "${line%% *}" = y ] && names=$(LC_ALL=C ls -A -- "$path" 2>/dev/null); then
            echo "d $seen $(printf '%s\n' "$names" | head -n 1000 | base64 | tr -d '\n')="
        else echo "d $seen"
        fi
    elif [ ! -f "$path" ]; then echo "o $seen"
    elif [ "${line%% *}" = n ]; then echo "f $seen"
    elif text=$(LC_ALL=C base64 -- "$path" 2>&1); then echo "f $seen $(printf %s "$text" | tr -d '\n')="
    else echo "! ${text##*: }"
    fi
done
"#;

#[async_trait]
impl Shell for RemoteShell {
    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        let mode = spec.mode.map(|mode| format!("{mode:o}")).unwrap_or_default();
        let arguments = [spec.path.as_str(), spec.owner.as_deref().unwrap_or_default(), &mode];
        self.files("make directory", &spec.path, MAKE_DIRECTORY, &arguments, &[]).await.map(drop)
    }

    async fn write_file(&self, write: &FileWrite) -> Result<(), NodeError> {
        let (size, mode) = (write.content.len().to_string(), format!("{:o}", write.mode));
        let arguments = [write.path.as_str(), &size, &mode, write.owner.as_deref().unwrap_or_default()];
        self.files("write file", &write.path, WRITE_FILE, &arguments, &write.content).await.map(drop)
    }

    async fn read_file(&self, path: &str, content: WantContent) -> Result<Option<LiveFile>, NodeError> {
        let mut wanted = Wanted::default();
        wanted.add(path, content);
        let mut files = self.read_files(&wanted).await?;
        match files.unreadable.get(path) {
            Some(why) => Err(self.fail(&format!("read {path}"), complaint(path, why))),
            None => Ok(files.found.remove(path)),
        }
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        if wanted.files.is_empty() && wanted.retained_below.is_none() {
            return Ok(LiveFiles::default());
        }
        let line = |(path, content): (&String, &WantContent)| match content {
            WantContent::Yes => format!("y {path}\n"),
            WantContent::No => format!("n {path}\n"),
        };
        let mut list: String = wanted.files.iter().map(line).collect();
        list.extend(wanted.retained_below.iter().map(|root| format!("a {root}\n")));
        let read = async |rights| {
            let output = self.files_with(rights, "read", "files", READ_FILES, &[], list.as_bytes()).await?;
            self.read_lines(wanted, &String::from_utf8_lossy(&output))
        };
        match read(Rights::Own).await {
            // One file of them may be for others' eyes, or one folder for others' hands.
            Err(error) if matches!(error.kind, ErrorKind::Denied(_)) && self.connection.can_sudo() => {
                read(Rights::Sudo).await
            }
            Ok(files) if !files.unreadable.is_empty() && self.connection.can_sudo() => read(Rights::Sudo).await,
            Ok(files) if !files.not_writable.is_empty() && self.connection.can_sudo() => {
                Ok(LiveFiles { not_writable: BTreeSet::new(), ..files })
            }
            answer => answer,
        }
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        let fail = |kind| self.fail("run a script", kind);
        let mark = mark().map_err(|error| fail(ErrorKind::Script(error.to_string())))?;
        let seconds = script.timeout.as_secs_f64().to_string();
        let (program, options) = interpreter(&script.text);
        let mut arguments = vec![script.directory.as_str(), &seconds, &mark, program];
        arguments.extend(options);
        let timeout = script.timeout + GRACE;
        let input = script_input(script, &self.docker_host);
        let output = self.connection.run(RUN_SCRIPT, &arguments, input.as_bytes(), timeout).await.map_err(fail)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        outcome(&said, &mark).ok_or_else(|| {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            fail(ErrorKind::Script(if why.is_empty() { format!("it ended with code {}", output.code) } else { why }))
        })
    }

    fn tools(&self) -> Option<&dyn Tools> {
        Some(self)
    }

    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError> {
        let taken = super::lock::take(&self.connection, path, holder).await;
        taken.map_err(|kind| self.fail(&format!("lock {path}"), kind))
    }

    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError> {
        let holder = super::lock::holder(&self.connection, path).await;
        holder.map_err(|kind| self.fail(&format!("look at the lock {path}"), kind))
    }

    async fn break_lock(&self, path: &str) -> Result<(), NodeError> {
        let broken = super::lock::break_it(&self.connection, path).await;
        broken.map_err(|kind| self.fail(&format!("break the lock {path}"), kind))
    }

    async fn folder(&self, path: &str) -> Result<Folder, NodeError> {
        let what = format!("read folder {path}");
        let output = self.connection.run("exec tar -C \"$1\" -cf - .", &[path], &[], LONG).await;
        let output = output.map_err(|kind| self.fail(&what, kind))?;
        if output.code != 0 {
            return Err(self.fail(&what, complaint(path, &String::from_utf8_lossy(&output.stderr))));
        }
        let unpacked = tokio::task::spawn_blocking(move || unpack(&output.stdout)).await;
        let unpacked = unpacked.unwrap_or_else(|error| Err(io::Error::other(error)));
        unpacked
            .map(Folder::Copy)
            .map_err(|e| self.fail(&what, ErrorKind::File { path: path.to_owned(), why: e.to_string() }))
    }
}

fn unpack(archive: &[u8]) -> io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    tar::Archive::new(archive).unpack(folder.path())?;
    Ok(folder)
}

/// A line of what [`READ_FILES`] says; its complaint is the error.
fn read_line(line: &str) -> Result<Option<LiveFile>, String> {
    let mut words = line.split(' ');
    let kind = match words.next() {
        Some("-") => return Ok(None),
        Some("f") => FileKind::File,
        Some("d") => FileKind::Directory,
        Some("o") => FileKind::Other,
        _ => return Err(line.strip_prefix("! ").unwrap_or("the node does not answer as it should").to_owned()),
    };
    let odd = || format!("`{line}` is no answer");
    let mode = words.next().and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(odd)?;
    let owner = words.next().ok_or_else(odd)?.to_owned();
    let content = words.next().map(|text| STANDARD.decode(text.strip_suffix('=').unwrap_or(text)));
    let content = content.transpose().map_err(|_| odd())?;
    let (content, entries) = match kind {
        FileKind::Directory => (None, content.map(|names| names_in(&names))),
        FileKind::File | FileKind::Other => (content, None),
    };
    Ok(Some(LiveFile { kind, mode, owner, content, entries }))
}

/// The names of a directory, one a line.
fn names_in(text: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(text).lines().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Runs what comes over standard input in a session of its own, all of which is killed when it ends or when its time is
/// up. What it says comes first; the last line is the mark and how it ended.
const RUN_SCRIPT: &str = r#"
cd -- "$1" || exit 1
seconds=$2 mark=$3; shift 3
exec 3<&0 2>&1
setsid "$@" -s <&3 &
script=$!
exec 3<&- </dev/null
(
    trap 'kill "$nap" 2>/dev/null; exit' TERM
    sleep "$seconds" >/dev/null 2>&1 & nap=$!; wait "$nap"
    echo; echo "$mark late"
    kill -s TERM -- "-$script" 2>/dev/null; sleep 2; kill -s KILL -- "-$script" 2>/dev/null
) &
watch=$!
wait "$script"; code=$?
kill -s KILL -- "-$script" 2>/dev/null
kill "$watch" 2>/dev/null
echo; echo "$mark $code"
"#;

/// The input of the script's shell: the variables, then the script in braces. The shell reads all of the braces before
/// it begins, so no program in the script can take the rest for its own input.
fn script_input(script: &Script, docker_host: &str) -> String {
    let mut text = format!("export DOCKER_HOST={}\n", quoted(docker_host));
    // An env file may have names that no shell takes; nothing in a script could use them.
    let takes = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    for (name, value) in script.environment.iter().filter(|(name, _)| takes(name)) {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    // Braces around nothing but comments would be a mistake.
    format!("{text}{{ :\n{}\n}} </dev/null\n", script.text)
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A line that no script says by chance.
fn mark() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(&bytes))
}

/// How a script ended and what it said before; `None` if the last line is not there.
fn outcome(said: &str, mark: &str) -> Option<ScriptOutcome> {
    let prefix = format!("{mark} ");
    let (before, code) = said.trim_end().rsplit_once(&prefix)?;
    let code: i32 = code.trim().parse().ok()?;
    // Both marks begin on a new line, whatever the script has said.
    let late = format!("\n{mark} late\n");
    let end = match code {
        _ if before.contains(&late) => ScriptEnd::TimedOut,
        129.. => ScriptEnd::Killed(code - 128),
        _ => ScriptEnd::Exited(code),
    };
    let said = before.strip_suffix('\n').unwrap_or(before).replace(&late, "");
    let output: Vec<String> = said.lines().map(|line| line.trim_end().to_owned()).collect();
    let surplus = output.len().saturating_sub(KEPT_LINES);
    Some(ScriptOutcome { end, output: output.into_iter().skip(surplus).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_said_and_how_it_ended() {
        let got = outcome("a\nb\n\nm 3\n", "m").unwrap();
        assert_eq!((got.end, got.output), (ScriptEnd::Exited(3), vec!["a".to_owned(), "b".to_owned()]));
        let got = outcome("no end of line\nm 0\n", "m").unwrap();
        assert_eq!((got.end, got.output), (ScriptEnd::Exited(0), vec!["no end of line".to_owned()]));
        let got = outcome("a\n\nm late\nTerminated\n\nm 143\n", "m").unwrap();
        assert_eq!((got.end, got.output), (ScriptEnd::TimedOut, vec!["a".to_owned(), "Terminated".to_owned()]));
        assert_eq!(outcome("\nm 137\n", "m").unwrap().end, ScriptEnd::Killed(9));
        assert!(outcome("cut off", "m").is_none());
    }

    #[test]
    fn lines_about_files() {
        assert_eq!(read_line("-"), Ok(None));
        let file = read_line("f 600 0:0 QT0x=").unwrap().unwrap();
        assert_eq!((file.mode, file.content.as_deref()), (0o600, Some(&b"A=1"[..])));
        assert_eq!(read_line("f 644 0:0 =").unwrap().unwrap().content.as_deref(), Some(&b""[..]));
        assert_eq!(read_line("f 644 0:0").unwrap().unwrap().content, None);
        let folder = |line: &str| read_line(line).unwrap().unwrap().entries;
        assert_eq!(folder("d 755 0:0"), None);
        assert_eq!(folder("d 755 0:0 Cg==="), Some(BTreeSet::new()));
        assert_eq!(folder("d 755 0:0 YQpiCg==="), Some(BTreeSet::from(["a".to_owned(), "b".to_owned()])));
        assert_eq!(read_line("! Permission denied"), Err("Permission denied".to_owned()));
        assert!(read_line("").is_err());
    }

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
