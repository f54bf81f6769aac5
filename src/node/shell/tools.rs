//! Programs of a node whose input or output is more than a few lines: what copies data from one node to another.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::process::{Child, Command};

use super::LocalShell;
use crate::model::NodeName;
use crate::node::{ErrorKind, NodeError};

/// What a program writes, and how it ended.
pub struct Outgoing {
    /// Its output.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// Its end: an error if it failed. To be awaited when the output is read.
    pub end: BoxFuture<'static, Result<(), NodeError>>,
}

/// What a program reads, and how it ended.
pub struct Incoming {
    /// Its input.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its end: an error if it failed. To be awaited when the input is closed.
    pub end: BoxFuture<'static, Result<(), NodeError>>,
}

/// Runs scripts of hl's own. `what` is for the error; `arguments` are seen by everybody on the node.
#[async_trait]
pub trait Tools: Send + Sync {
    /// Runs one to its end and gives its output.
    async fn tool(&self, what: &str, script: &str, arguments: &[&str], patience: Duration)
    -> Result<String, NodeError>;

    /// Begins one whose output is read.
    async fn pipe_out(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Outgoing, NodeError>;

    /// Begins one whose input is written.
    async fn pipe_in(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Incoming, NodeError>;
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
impl Tools for LocalShell {
    async fn tool(
        &self,
        what: &str,
        script: &str,
        arguments: &[&str],
        patience: Duration,
    ) -> Result<String, NodeError> {
        let run = async {
            let mut out = self.pipe_out(what, script, arguments).await?;
            let mut text = String::new();
            let read = out.reader.read_to_string(&mut text).await;
            out.end.await?;
            read.map(|_| text).map_err(|error| self.fail(what, ErrorKind::Script(error.to_string())))
        };
        let late = || Err(self.fail(what, ErrorKind::Timeout { after: patience }));
        tokio::time::timeout(patience, run).await.unwrap_or_else(|_| late())
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
