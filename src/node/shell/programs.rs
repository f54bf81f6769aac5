//! [`Tools`] by programs of the node: scripts of hl's own whose input and output may be more than a few lines.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::LocalShell;
use crate::model::NodeName;
use crate::model::checkup::FolderAccess;
use crate::node::{ErrorKind, FreeSpace, Incoming, NodeError, Outgoing, Tools};

/// For what looks at a few names, or changes them.
const SHORT: Duration = Duration::from_secs(120);
/// For what reads all of a tree.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);

const DISK_USAGE: &str = r#"set -eu; [ ! -e "$1" ] || du -s -B1 -- "$1" | cut -f1"#;
const IS_VACANT: &str = r#"
if [ -e "$1" ] && { [ ! -d "$1" ] || [ -n "$(ls -A -- "$1")" ]; }; then echo taken; else echo vacant; fi
"#;
/// Tells of each path whether it is there.
const EXIST: &str = r#"for path; do if [ -e "$path" ]; then echo there; else echo missing; fi; done"#;
/// Names, kinds, modes, owners, targets of links, times, and the content of every file, as one digest.
const FINGERPRINT: &str = r#"
set -eu; cd -- "$1"
{
    find . -printf '%P\t%y\t%m\t%U:%G\t%l\t%Ts\0' | LC_ALL=C sort -z
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -z --
} | sha256sum | cut -d' ' -f1
"#;
/// Sparse files stay sparse, links stay links, owners are numbers, and times have all their digits.
const READ_TREE: &str = r#"exec tar -C "$1" --format=posix --numeric-owner --sparse -cf - ."#;
const WRITE_TREE: &str = r#"
set -eu
rm -rf -- "$1"; mkdir -p -- "$1"
exec tar -C "$1" --numeric-owner --same-owner --same-permissions -xf -
"#;
const RENAME: &str = r#"
set -eu
[ ! -e "$2" ] || { echo "$2 exists already" >&2; exit 1; }
mv -T -- "$1" "$2"
sync -f "$2" 2>/dev/null || sync
"#;
const REMOVE_VACANT: &str = r#"[ ! -e "$1" ] || rmdir -- "$1""#;
const REMOVE_FILE: &str = r#"rm -f -- "$1""#;
const REMOVE: &str = r#"rm -rf -- "$@""#;
/// Tells of each program whether it is there.
const FIND_PROGRAMS: &str =
    r#"for program; do if command -v "$program" >/dev/null 2>&1; then echo there; else echo missing; fi; done"#;
/// Whether the nearest thing that is there, a directory or one above it, can be written to, and its path.
const FOLDER_ACCESS: &str = r#"
at=$1
while [ ! -e "$at" ] && [ ! -L "$at" ]; do at=$(dirname -- "$at"); done
if [ ! -d "$at" ]; then how=blocked
elif [ -w "$at" ] && [ -x "$at" ]; then how=open
else how=closed
fi
printf '%s %s\n' "$how" "$at"
"#;
/// The file system in which a path is to be, and the bytes that are free there.
const FREE_SPACE: &str = r#"
set -eu
above=$(dirname -- "$1")
while [ ! -d "$above" ]; do above=$(dirname -- "$above"); done
df -P -B1 -- "$above" | awk 'NR == 2 { print $NF, $4 }'
"#;
/// Source: `proc(5)`.
const FREE_MEMORY: &str = r#"awk '$1 == "MemAvailable:" { printf "%d\n", $2 * 1024 }' /proc/meminfo"#;

/// Runs scripts of hl's own. `what` is for the error; `arguments` are seen by everybody on the node.
#[async_trait]
pub trait Programs: Send + Sync {
    /// An error of this node.
    fn failed(&self, what: &str, kind: ErrorKind) -> NodeError;

    /// Runs one to its end and gives its output.
    async fn run_program(
        &self,
        what: &str,
        script: &str,
        arguments: &[&str],
        timeout: Duration,
    ) -> Result<String, NodeError>;

    /// Begins one whose output is read.
    async fn pipe_out(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Outgoing, NodeError>;

    /// Begins one whose input is written.
    async fn pipe_in(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Incoming, NodeError>;
}

#[async_trait]
impl<T: Programs> Tools for T {
    async fn disk_usage(&self, path: &str) -> Result<Option<u64>, NodeError> {
        let what = format!("measure {path}");
        match self.run_program(&what, DISK_USAGE, &[path], LONG).await?.trim() {
            "" => Ok(None),
            bytes => number(self, &what, bytes).map(Some),
        }
    }

    async fn is_vacant(&self, path: &str) -> Result<bool, NodeError> {
        let said = self.run_program(&format!("look at {path}"), IS_VACANT, &[path], SHORT).await?;
        Ok(said.trim() == "vacant")
    }

    async fn exist(&self, paths: &[&str]) -> Result<Vec<bool>, NodeError> {
        let said = self.run_program(&format!("look for {}", paths.join(", ")), EXIST, paths, SHORT).await?;
        Ok(said.lines().map(|line| line == "there").collect())
    }

    async fn fingerprint(&self, directory: &str) -> Result<String, NodeError> {
        let said = self.run_program(&format!("compare {directory}"), FINGERPRINT, &[directory], LONG).await?;
        Ok(said.trim().to_owned())
    }

    async fn read_tree(&self, directory: &str) -> Result<Outgoing, NodeError> {
        self.pipe_out(&format!("read {directory}"), READ_TREE, &[directory]).await
    }

    async fn write_tree(&self, directory: &str) -> Result<Incoming, NodeError> {
        self.pipe_in(&format!("write {directory}"), WRITE_TREE, &[directory]).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.run_program(&format!("rename {from} to {to}"), RENAME, &[from, to], SHORT).await.map(drop)
    }

    async fn remove_vacant(&self, directory: &str) -> Result<(), NodeError> {
        let what = format!("remove the empty directory {directory}");
        self.run_program(&what, REMOVE_VACANT, &[directory], SHORT).await.map(drop)
    }

    async fn remove_file(&self, file: &str) -> Result<(), NodeError> {
        self.run_program(&format!("remove the file {file}"), REMOVE_FILE, &[file], SHORT).await.map(drop)
    }

    async fn remove(&self, paths: &[&str]) -> Result<(), NodeError> {
        self.run_program(&format!("remove {}", paths.join(", ")), REMOVE, paths, LONG).await.map(drop)
    }

    async fn find_programs(&self, programs: &[&str]) -> Result<Vec<bool>, NodeError> {
        let said = self.run_program("look for programs", FIND_PROGRAMS, programs, SHORT).await?;
        Ok(said.lines().map(|line| line == "there").collect())
    }

    async fn folder_access(&self, directory: &str) -> Result<FolderAccess, NodeError> {
        let what = format!("look at {directory}");
        let said = self.run_program(&what, FOLDER_ACCESS, &[directory], SHORT).await?;
        let said = said.trim_end_matches('\n');
        match said.split_once(' ') {
            Some(("open", at)) if at == directory => Ok(FolderAccess::Open),
            Some(("open", at)) => Ok(FolderAccess::ToBeMade { at: at.to_owned() }),
            Some(("closed", at)) => Ok(FolderAccess::Closed { at: at.to_owned() }),
            Some(("blocked", at)) => Ok(FolderAccess::Blocked { at: at.to_owned() }),
            _ => Err(self.failed(&what, ErrorKind::Script(format!("`{said}` is no answer")))),
        }
    }

    async fn free_space(&self, path: &str) -> Result<FreeSpace, NodeError> {
        let what = format!("measure the free space for {path}");
        let said = self.run_program(&what, FREE_SPACE, &[path], SHORT).await?;
        let (mount_point, bytes) = said.trim().rsplit_once(' ').unwrap_or_default();
        Ok(FreeSpace { mount_point: mount_point.to_owned(), bytes: number(self, &what, bytes)? })
    }

    async fn free_memory(&self) -> Result<u64, NodeError> {
        let what = "measure the free memory";
        number(self, what, &self.run_program(what, FREE_MEMORY, &[], SHORT).await?)
    }
}

fn number(programs: &(impl Programs + ?Sized), what: &str, text: &str) -> Result<u64, NodeError> {
    let text = text.trim();
    text.parse().map_err(|_| programs.failed(what, ErrorKind::Script(format!("`{text}` is not a number of bytes"))))
}

impl LocalShell {
    fn begin(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Child, NodeError> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg("hl").args(arguments).env_clear().envs(&self.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().map_err(|error| self.fail(what, ErrorKind::Script(error.to_string())))
    }

    fn end(&self, what: &str, mut child: Child) -> BoxFuture<'static, Result<(), NodeError>> {
        let stderr = child.stderr.take().expect("it is a pipe");
        let status = async move { child.wait().await.map_err(|error| ErrorKind::Script(error.to_string())) };
        ended(&self.node, what, stderr, status)
    }
}

#[async_trait]
impl Programs for LocalShell {
    fn failed(&self, what: &str, kind: ErrorKind) -> NodeError {
        self.fail(what, kind)
    }

    async fn run_program(
        &self,
        what: &str,
        script: &str,
        arguments: &[&str],
        timeout: Duration,
    ) -> Result<String, NodeError> {
        let run = async {
            let mut out = self.pipe_out(what, script, arguments).await?;
            let mut text = String::new();
            let read = out.reader.read_to_string(&mut text).await;
            out.end.await?;
            read.map(|_| text).map_err(|error| self.fail(what, ErrorKind::Script(error.to_string())))
        };
        let late = || Err(self.fail(what, ErrorKind::Timeout { after: timeout }));
        tokio::time::timeout(timeout, run).await.unwrap_or_else(|_| late())
    }

    async fn pipe_out(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Outgoing, NodeError> {
        let mut child = self.begin(what, script, arguments)?;
        drop(child.stdin.take());
        let reader = Box::new(child.stdout.take().expect("it is a pipe"));
        Ok(Outgoing { reader, end: self.end(what, child) })
    }

    async fn pipe_in(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Incoming, NodeError> {
        let mut child = self.begin(what, script, arguments)?;
        let writer = Box::new(child.stdin.take().expect("it is a pipe"));
        drop(child.stdout.take());
        Ok(Incoming { writer, end: self.end(what, child) })
    }
}

/// The end of a program: what it complains of is read, then its status counts.
pub fn ended(
    node: &NodeName,
    what: &str,
    mut stderr: impl AsyncRead + Send + Unpin + 'static,
    status: impl Future<Output = Result<ExitStatus, ErrorKind>> + Send + 'static,
) -> BoxFuture<'static, Result<(), NodeError>> {
    let (node, what) = (node.clone(), what.to_owned());
    Box::pin(async move {
        let mut said = String::new();
        let _ = stderr.read_to_string(&mut said).await;
        let kind = match status.await {
            Ok(status) if status.success() => return Ok(()),
            Ok(_) => ErrorKind::Script(last_line(&said)),
            Err(kind) => kind,
        };
        Err(NodeError { node, what, kind })
    })
}

/// The last line of what a program complains of.
pub fn last_line(said: &str) -> String {
    said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason given").to_owned()
}
