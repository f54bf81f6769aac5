//! The connection itself: commands over it, few at once, each with a time limit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use openssh::{Child, ChildStdout, Session, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, Semaphore};

use super::errors;
use super::runtime_folder::Folder;
use crate::model::NodeName;
use crate::node::ErrorKind;

/// Commands at once, beside what holds the connection and the lock. A server allows ten by default.
const AT_ONCE: usize = 4;
/// Tries of the only command under way that the server has no session for, and the pause between them: some servers
/// allow two at once, and what ended there a moment ago may still count.
pub(super) const TRIES: u32 = 40;
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// A connection to a node.
pub(super) struct Connection {
    pub(super) node: NodeName,
    session: Arc<Session>,
    /// The command that keeps the connection from being idle; a lock takes its place.
    keepalive: Mutex<Option<Child<Arc<Session>>>>,
    room: Semaphore,
    /// For how many commands there is room.
    width: AtomicUsize,
    folder: Folder,
    /// Whether the user there may become root.
    sudo: AtomicBool,
}

/// Whose rights a script has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// The rights of the remote user.
    Own,
    /// Root's, by sudo without a password.
    Sudo,
}

/// How a command ended.
pub(super) struct Output {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Connection {
    /// A connection that lives as long as this process does.
    pub(super) async fn new(node: &NodeName, session: Session, folder: Folder) -> Result<Self, ErrorKind> {
        let session = Arc::new(session);
        let mut command = Arc::clone(&session).arc_command("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keepalive = command.spawn().await.map_err(|error| errors::lost(&error))?;
        let keepalive = Mutex::new(Some(keepalive));
        Ok(Self {
            node: node.clone(),
            session,
            keepalive,
            room: Semaphore::new(AT_ONCE),
            width: AtomicUsize::new(AT_ONCE),
            folder,
            sudo: AtomicBool::new(false),
        })
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the user there may become root without being asked for anything.
    pub(super) fn can_sudo(&self) -> bool {
        self.sudo.load(Ordering::Relaxed)
    }

    /// Notes that they may.
    pub(super) fn allow_sudo(&self) {
        self.sudo.store(true, Ordering::Relaxed);
    }

    /// As [`Connection::run_as`], as the user there.
    pub(super) async fn run(
        &self,
        script: &str,
        arguments: &[&str],
        input: &[u8],
        timeout: Duration,
    ) -> Result<Output, ErrorKind> {
        self.run_as(Rights::Own, script, arguments, input, timeout).await
    }

    /// Runs a script of hl's own with arguments, which everybody on the node can see, and with input, which nobody can.
    /// Once it is begun it may take `timeout`.
    pub(super) async fn run_as(
        &self,
        rights: Rights,
        script: &str,
        arguments: &[&str],
        input: &[u8],
        timeout: Duration,
    ) -> Result<Output, ErrorKind> {
        let mut refused = 0;
        loop {
            let room = self.room.acquire().await;
            let room = room.map_err(|_| ErrorKind::Script("the connection is closed".to_owned()))?;
            let once = tokio::time::timeout(timeout, self.once(rights, script, arguments, input)).await;
            let output = once.unwrap_or(Err(ErrorKind::Timeout { after: timeout }))?;
            if output.code != NO_SESSION || refused >= TRIES {
                return Ok(output);
            }
            // The server has no room for so many: from now on there are fewer, down to one.
            if self.narrow() {
                room.forget();
            } else {
                refused += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Makes room for one command less, if that leaves any.
    fn narrow(&self) -> bool {
        let less = |width: usize| width.checked_sub(1).filter(|width| *width > 0);
        self.width.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    async fn once(&self, rights: Rights, script: &str, arguments: &[&str], input: &[u8]) -> Result<Output, ErrorKind> {
        let mut child = self.begin(rights, &marked(script), arguments).await?;
        let mut stdin = child.stdin().take().expect("standard input is a pipe");
        let (mut out, mut err) =
            (child.stdout().take().expect("it is a pipe"), child.stderr().take().expect("it is a pipe"));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let feed = async {
            // A command that ends early closes its input; how it ended tells the rest.
            let _ = stdin.write_all(input).await;
            drop(stdin);
        };
        let ((), read, _) = tokio::join!(feed, out.read_to_end(&mut stdout), err.read_to_end(&mut stderr));
        read.map_err(|error| ErrorKind::Script(error.to_string()))?;
        if let Some(begins) = after_mark(&stdout) {
            stdout.drain(..begins);
        }
        match child.wait().await {
            Ok(status) => Ok(Output { code: status.code().unwrap_or(NO_SESSION), stdout, stderr }),
            // `ssh` ends with 255 when there is no session to be had, and when the connection is gone.
            Err(openssh::Error::Disconnected | openssh::Error::RemoteProcessTerminated) => {
                self.session.check().await.map_err(|error| errors::lost(&error))?;
                Ok(Output { code: NO_SESSION, stdout, stderr })
            }
            Err(error) => Err(errors::lost(&error)),
        }
    }

    /// As [`Connection::begin`], with its output from where the script begins to speak: whatever a shell says when it starts,
    /// such as a greeting in `.bashrc`, is passed over.
    pub(super) async fn begin_speaking(
        &self,
        rights: Rights,
        script: &str,
        arguments: &[&str],
    ) -> Result<(Child<Arc<Session>>, ChildStdout), ErrorKind> {
        let mut child = self.begin(rights, &marked(script), arguments).await?;
        let mut out = child.stdout().take().expect("it is a pipe");
        let greeting = async {
            let mut said = Vec::new();
            // The output after the mark is the caller's, so that no more may be taken than up to there.
            while after_mark(&said).is_none() && said.len() < LONGEST_GREETING {
                let Ok(byte) = out.read_u8().await else { break };
                said.push(byte);
            }
        };
        match tokio::time::timeout(GREETING, greeting).await {
            Ok(()) => Ok((child, out)),
            Err(_) => Err(ErrorKind::Timeout { after: GREETING }),
        }
    }

    /// Begins a script of hl's own, whose input and outputs are pipes.
    pub(super) async fn begin(
        &self,
        rights: Rights,
        script: &str,
        arguments: &[&str],
    ) -> Result<Child<Arc<Session>>, ErrorKind> {
        let session = Arc::clone(&self.session);
        let mut command = match rights {
            Rights::Own => session.arc_command("sh"),
            Rights::Sudo => session.arc_command("sudo"),
        };
        if rights == Rights::Sudo {
            command.args(["-n", "sh"]);
        }
        command.arg("-c").arg(script).arg("hl").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().await.map_err(|error| errors::lost(&error))
    }

    /// Lets go of what only kept the connection from being idle, now that something else does.
    pub(super) async fn release_keepalive(&self) {
        drop(self.keepalive.lock().await.take());
    }
}

/// What a script says first.
const MARK: &[u8] = b"\x01hl\x01\n";

/// How long a shell may take until a script begins.
const GREETING: Duration = Duration::from_secs(60);

/// A shell that says more than this before it does anything is none.
const LONGEST_GREETING: usize = 64 << 10;

/// The script, with the mark before all that it says.
fn marked(script: &str) -> String {
    format!("printf '\\001hl\\001\\n'\n{script}")
}

/// Where the script's own output begins.
fn after_mark(output: &[u8]) -> Option<usize> {
    output.windows(MARK.len()).position(|window| window == MARK).map(|at| at + MARK.len())
}

/// The code with which `ssh` says that it could not begin a command.
pub(super) const NO_SESSION: i32 = 255;
