//! Streams, which go on for longer than a call: logs that are followed, and commands in containers with their input and output.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;
use jiff::Timestamp;
use tokio::io::AsyncWrite;

use super::NodeError;
use crate::model::log::LogRange;
use crate::model::view::ComposeIdentity;

/// The streams of an engine. None of them changes anything but a command that somebody asked for.
#[async_trait]
pub trait Streams: Send + Sync {
    /// The containers that Compose, or hl in its place, has made: enough of each to know whose it is, at the cost of one
    /// request.
    async fn compose_containers(&self) -> Result<Vec<ComposeContainer>, NodeError>;

    /// Reads the log of a container from its beginning, or from where the range begins, to its present end; with
    /// [`Follow::Yes`] until the container stops.
    ///
    /// A reader that is slow makes the engine wait; nothing is read ahead.
    async fn log(&self, container: &str, range: &LogRange, follow: Follow) -> Result<LogPieces, NodeError>;

    /// How many logs may be read at once; none if that has no limit. Whoever reads more lets them take turns.
    fn logs_at_once(&self) -> Option<usize>;

    /// Tells the id of each container that starts from now on.
    async fn starts(&self) -> Result<Starts, NodeError>;

    /// Begins a command in a running container.
    async fn exec(&self, container: &str, command: &ExecCommand) -> Result<Exec, NodeError>;

    /// Tells the program of a command that its terminal has another size now.
    async fn resize_exec(&self, id: &str, size: WindowSize) -> Result<(), NodeError>;

    /// The exit code of a command; none while it runs.
    async fn exec_code(&self, id: &str) -> Result<Option<i64>, NodeError>;
}

/// A container that carries Compose's labels, as a list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which instance of which Compose service it is.
    pub identity: ComposeIdentity,
    /// Whether it runs.
    pub running: Running,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Running {
    /// It does not.
    No,
    /// It does; a frozen one, too.
    Yes,
}

/// Whether a log is read on when its present end is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It is not.
    No,
    /// It is.
    Yes,
}

/// A log as it comes: some pieces at a time.
pub type LogPieces = Pin<Box<dyn Stream<Item = Result<Vec<LogPiece>, NodeError>> + Send>>;

/// The containers that start: their ids.
pub type Starts = Pin<Box<dyn Stream<Item = Result<String, NodeError>> + Send>>;

/// One entry of a log as the engine keeps it: a line or, of a long line, a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPiece {
    /// When it was written, by the engine's clock.
    pub at: Timestamp,
    /// Where it was written to.
    pub output: Output,
    /// The bytes, without the end of the line.
    pub text: Vec<u8>,
    /// Whether the line ends with it.
    pub end: PieceEnd,
}

/// The output of a program that something was written to. A terminal has one output alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Standard output, or a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Whether a line ends with a piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceEnd {
    /// It does.
    Line,
    /// The next piece of the same output goes on with it.
    Continues,
}

/// A command to run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecCommand {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The user, `user[:group]`; the container's own if absent.
    pub user: Option<String>,
    /// The folder; the container's own if absent.
    pub directory: Option<String>,
    /// Variables beside the container's own.
    pub environment: Vec<(String, String)>,
    /// Its terminal and the size of that; without one its outputs are apart.
    pub terminal: Option<WindowSize>,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// The output of a command: some bytes at a time, and where to.
pub type ExecOutput = Pin<Box<dyn Stream<Item = Result<(Output, Vec<u8>), NodeError>> + Send>>;

/// A command that was begun.
pub struct Exec {
    /// The engine's name of it.
    pub id: String,
    /// Its output.
    pub output: ExecOutput,
    /// Its input; its end is told by a shutdown.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
}
