//! The engine's socket where the server forwards none: a program over there copies bytes between it and the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use openssh::{Child, ChildStdin, ChildStdout, Session};
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{Connection, NO_SESSION, PAUSE, Rights, TRIES};
use super::errors;
use crate::node::docker::{ConnectFailed, Dial, Stream};

/// Connections at once. With the commands, the lock and what holds the connection these are the ten that a server
/// allows.
const AT_ONCE: usize = 4;
/// Reads of these; what changes something never waits for one.
const READS: usize = 2;
/// Logs of these that are read at once: one connection is left for what the engine tells by itself.
const LOGS: usize = 1;

/// Any program that does it: Docker's own, or one of those that many systems have. `socat` would go half a second after the
/// end of what is written, whatever still comes back.
const OPEN: &str = r#"
socket=$1
if command -v docker >/dev/null 2>&1; then set -- docker -H "unix://$socket" system dial-stdio
elif command -v socat >/dev/null 2>&1; then set -- socat -t 86400 - "UNIX-CONNECT:$socket"
elif nc -h 2>&1 | grep -q -- -U; then set -- nc -U "$socket"
else echo none; exit 1
fi
echo open
exec "$@"
"#;
/// The line that [`OPEN`] prints when it begins to relay.
const OPENED: &[u8] = b"open\n";

/// To the engine at a socket of the other machine.
pub(super) struct Relay {
    connection: Arc<Connection>,
    socket: String,
    room: Arc<Semaphore>,
    /// Set once no program was found over there.
    lacks_program: AtomicBool,
}

impl Relay {
    pub(super) fn new(connection: &Arc<Connection>, socket: &str) -> Self {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        Self {
            connection: Arc::clone(connection),
            socket: socket.to_owned(),
            room,
            lacks_program: AtomicBool::new(false),
        }
    }

    /// Whether there is no program that could relay.
    pub(super) fn lacks_program(&self) -> bool {
        self.lacks_program.load(Ordering::Relaxed)
    }

    /// One try; none if the server has no session for it.
    async fn open(&self) -> Result<Option<(Child<Arc<Session>>, ChildStdout, ChildStdin)>, ConnectFailed> {
        let begun = self.connection.begin_speaking(Rights::Own, OPEN, &[&self.socket]).await;
        let (mut child, mut stdout) = begun.map_err(|error| self.failed(error.to_string(), ""))?;
        let stdin = child.stdin().take().expect("it is a pipe");
        drop(child.stderr().take());
        let mut said = [0; OPENED.len()];
        match stdout.read_exact(&mut said).await {
            Ok(_) if said == OPENED => Ok(Some((child, stdout, stdin))),
            Ok(_) => {
                self.lacks_program.store(true, Ordering::Relaxed);
                Err(self.failed(errors::NO_RELAY, errors::LET_FORWARD))
            }
            Err(_) => match child.wait().await {
                Ok(status) if status.code() != Some(NO_SESSION) => {
                    Err(self.failed(format!("its shell ended: {status}"), ""))
                }
                // So it also ends when there is no connection any more.
                _ => match self.connection.session().check().await {
                    Ok(()) => Ok(None),
                    Err(error) => Err(self.failed(format!("the connection was lost: {error}"), "")),
                },
            },
        }
    }

    fn failed(&self, why: impl Into<String>, hint: &str) -> ConnectFailed {
        ConnectFailed { address: self.address(), why: why.into(), hint: hint.to_owned() }
    }
}

#[async_trait]
impl Dial for Relay {
    fn address(&self) -> String {
        format!("unix://{} over ssh", self.socket)
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, ConnectFailed> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| self.failed("the connection is closed", ""))?;
        for _ in 0..TRIES {
            if let Some((child, stdout, stdin)) = self.open().await? {
                return Ok(Box::new(Relayed { stdout, stdin: Some(stdin), _child: child, _room: room }));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(self.failed("the server has no room for one more session", "raise MaxSessions in its sshd_config"))
    }

    fn reads_at_once(&self) -> usize {
        READS
    }

    fn logs_at_once(&self) -> Option<usize> {
        Some(LOGS)
    }
}

/// The input and output of the program, for as long as it runs.
struct Relayed {
    stdout: ChildStdout,
    /// None once there is no more to write: that the other side learns of nothing but a pipe that is closed.
    stdin: Option<ChildStdin>,
    _child: Child<Arc<Session>>,
    _room: OwnedSemaphorePermit,
}

impl Relayed {
    fn stdin(&mut self) -> io::Result<Pin<&mut ChildStdin>> {
        self.stdin.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncRead for Relayed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Relayed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stdin()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stdin() {
            Ok(stdin) => stdin.poll_flush(cx),
            Err(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(self.stdin.take());
        Poll::Ready(Ok(()))
    }
}
