//! Ways to an engine: each opens connections to one, and knows its address.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use crate::node::{ConnectionPhase, ErrorKind};

/// Opens connections to one engine.
#[async_trait]
pub trait Dial: Send + Sync {
    /// The engine's address, for people.
    fn address(&self) -> String;

    /// Opens one.
    ///
    /// # Errors
    /// With the reason and a way out.
    async fn dial(&self) -> Result<Box<dyn Stream>, ConnectFailed>;

    /// How many reads may be under way at once, each on a connection of its own that is kept. Four are the knee on two
    /// processors; more processors gain from a few more.
    fn reads_at_once(&self) -> usize {
        6
    }

    /// How many logs may be read at once, each on a connection of its own; none if that has no limit.
    fn logs_at_once(&self) -> Option<usize> {
        None
    }
}

/// Bytes to an engine and back.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that could not be made; the source of the `io::Error` that says so.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {address}: {why}")]
pub struct ConnectFailed {
    /// Where to.
    pub address: String,
    /// Why not.
    pub why: String,
    /// The way out; may be empty.
    pub hint: String,
}

impl From<ConnectFailed> for ErrorKind {
    fn from(failed: ConnectFailed) -> Self {
        ErrorKind::Unreachable { phase: ConnectionPhase::Connecting, why: failed.to_string(), hint: failed.hint }
    }
}

/// To a unix socket of this machine.
pub struct UnixSocket(PathBuf);

impl UnixSocket {
    /// The one at `path`.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

#[async_trait]
impl Dial for UnixSocket {
    fn address(&self) -> String {
        format!("unix://{}", self.0.display())
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, ConnectFailed> {
        let stream = UnixStream::connect(&self.0).await.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "add your user to the docker group (`sudo usermod -aG docker $USER`) and log in again"
                }
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "is the Docker engine running? Try `systemctl status docker`"
                }
                _ => "",
            };
            ConnectFailed { address: self.address(), why: words(&error), hint: hint.to_owned() }
        })?;
        Ok(Box::new(stream))
    }
}

/// The message of a system error, without the error number.
pub fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}
