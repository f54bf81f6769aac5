//! Scripts of hl's own over the connection, whose input and output may be more than a few lines.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use openssh::{Child, Session};

use super::connection::Rights;
use super::errors;
use super::shell::RemoteShell;
use crate::node::shell::{Programs, ended, last_line};
use crate::node::{ErrorKind, Incoming, NodeError, Outgoing};

impl RemoteShell {
    /// Data belongs to whoever runs in the containers: to read and to write it takes root, where that can be had.
    fn rights(&self) -> Rights {
        if self.connection.can_sudo() { Rights::Sudo } else { Rights::Own }
    }

    fn end(&self, what: &str, mut child: Child<Arc<Session>>) -> BoxFuture<'static, Result<(), NodeError>> {
        let stderr = child.stderr().take().expect("it is a pipe");
        ended(
            &self.connection.node,
            what,
            stderr,
            async move { child.wait().await.map_err(|error| errors::lost(&error)) },
        )
    }
}

#[async_trait]
impl Programs for RemoteShell {
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
        let output = self.connection.run_as(self.rights(), script, arguments, &[], timeout).await;
        let output = output.map_err(|kind| self.fail(what, kind))?;
        match output.code {
            0 => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => Err(self.fail(what, ErrorKind::Script(last_line(&String::from_utf8_lossy(&output.stderr))))),
        }
    }

    async fn pipe_out(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Outgoing, NodeError> {
        let child = self.connection.begin_speaking(self.rights(), script, arguments).await;
        let (mut child, out) = child.map_err(|kind| self.fail(what, kind))?;
        drop(child.stdin().take());
        Ok(Outgoing { reader: Box::new(out), end: self.end(what, child) })
    }

    async fn pipe_in(&self, what: &str, script: &str, arguments: &[&str]) -> Result<Incoming, NodeError> {
        let child = self.connection.begin(self.rights(), script, arguments).await;
        let mut child = child.map_err(|kind| self.fail(what, kind))?;
        let writer = Box::new(child.stdin().take().expect("it is a pipe"));
        drop(child.stdout().take());
        Ok(Incoming { writer, end: self.end(what, child) })
    }
}
