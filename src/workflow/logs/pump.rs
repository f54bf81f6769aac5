//! Reading the log of one container from where a cursor is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::mpsc::Sender;
use tokio::sync::{Semaphore, watch};

use super::cursor::{Cursor, Request};
use crate::model::log::LogLine;
use crate::node::{ErrorKind, Follow, LogPiece, LogPieces, Node, NodeError, Streams};

/// How many lines are read in one turn, where containers take turns; and the pause before a log is asked for again.
const TURN: usize = 4096;
const PAUSE: Duration = Duration::from_millis(500);

/// How a reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// At the end of the log; of one that is followed, when the container stopped.
    Log,
    /// Nobody wants more of it.
    Unwanted,
    /// The container is not there any more.
    Gone,
    /// The log cannot be read, by the engine's own words.
    Unreadable(String),
    /// The connection to the node was lost.
    Lost(NodeError),
}

impl From<NodeError> for End {
    fn from(error: NodeError) -> Self {
        match &error.kind {
            ErrorKind::NotFound(_) => End::Gone,
            _ if error.is_silence() => End::Lost(error),
            _ => End::Unreadable(error.kind.to_string()),
        }
    }
}

/// Lines of one container that have come at once.
pub(super) struct Arrived {
    /// Its place in the list of containers that were told.
    pub container: usize,
    pub lines: Vec<LogLine>,
}

/// Where the lines of a container go, and until when they are wanted.
pub(super) struct Outlet {
    pub container: usize,
    pub lines: Sender<Arrived>,
    /// Ends the reading, between two reads, when its sender is gone.
    pub stop: watch::Receiver<()>,
    /// Whose turn it is, on a node that does not let all be read at once.
    pub turns: Option<Arc<Semaphore>>,
}

/// The turns of a node's containers.
pub(super) fn turns(node: &dyn Node) -> Option<Arc<Semaphore>> {
    node.streams().and_then(Streams::logs_at_once).map(|at_once| Arc::new(Semaphore::new(at_once)))
}

impl Outlet {
    /// Passes lines on.
    ///
    /// # Errors
    /// [`End::Unwanted`].
    pub async fn send(&self, lines: Vec<LogLine>) -> Result<(), End> {
        if lines.is_empty() {
            return Ok(());
        }
        let arrived = Arrived { container: self.container, lines };
        self.lines.send(arrived).await.map_err(|_| End::Unwanted)
    }

    /// The outcome of something that takes long.
    ///
    /// # Errors
    /// [`End::Unwanted`] if the reading is to end first.
    async fn unless_stopped<T>(&mut self, long: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            result = long => Ok(result),
            _ = self.stop.changed() => Err(End::Unwanted),
        }
    }
}

/// Reads what there is now, from the cursor on.
pub(super) async fn read_to_end(node: &dyn Node, container: &str, cursor: &mut Cursor, outlet: &mut Outlet) -> End {
    let end = read(node, container, cursor, Follow::No, outlet).await;
    if let End::Log = end {
        cursor.catch_up();
    }
    end
}

/// Reads until the container stops.
pub(super) async fn follow(node: &dyn Node, container: &str, cursor: &mut Cursor, outlet: &mut Outlet) -> End {
    if !cursor.is_caught_up() {
        match read_to_end(node, container, cursor, outlet).await {
            End::Log => {}
            end => return end,
        }
    }
    let end = read(node, container, cursor, Follow::Yes, outlet).await;
    // A piece that has no end of a line now never gets one.
    match end {
        End::Log => outlet.send(cursor.rest()).await.err().unwrap_or(End::Log),
        end => end,
    }
}

async fn read(node: &dyn Node, container: &str, cursor: &mut Cursor, follow: Follow, outlet: &mut Outlet) -> End {
    match outlet.turns.clone() {
        None => read_on(node, container, cursor, follow, outlet).await,
        Some(turns) => take_turns(node, container, cursor, follow, outlet, &turns).await,
    }
    .unwrap_or_else(|end| end)
}

/// Reads over a connection that is held as long as it takes.
async fn read_on(
    node: &dyn Node,
    container: &str,
    cursor: &mut Cursor,
    follow: Follow,
    outlet: &mut Outlet,
) -> Result<End, End> {
    let mut log = Log::open(node, container, cursor, follow, outlet).await?;
    while let Some(some) = log.next(outlet).await? {
        // The cursor moves past lines that are then sent whatever happens next.
        outlet.send(log.lines(some, cursor)).await?;
    }
    Ok(End::Log)
}

/// Reads some at a time, each over a connection of its own, where there is no room for one a container. So a log is asked
/// for again and again instead of being followed.
async fn take_turns(
    node: &dyn Node,
    container: &str,
    cursor: &mut Cursor,
    follow: Follow,
    outlet: &mut Outlet,
    turns: &Semaphore,
) -> Result<End, End> {
    loop {
        let turn = outlet.unless_stopped(turns.acquire()).await?;
        let mut log = Log::open(node, container, cursor, Follow::No, outlet).await?;
        let (mut lines, mut is_whole) = (Vec::new(), false);
        while lines.len() < TURN && !is_whole {
            match log.next(outlet).await {
                Ok(Some(some)) => lines.extend(log.lines(some, cursor)),
                Ok(None) => is_whole = true,
                Err(end) => {
                    outlet.send(lines).await?;
                    return Err(end);
                }
            }
        }
        drop((log, turn));
        outlet.send(lines).await?;
        match (is_whole, follow) {
            (false, _) => {}
            (true, Follow::No) => return Ok(End::Log),
            (true, Follow::Yes) => outlet.unless_stopped(tokio::time::sleep(PAUSE)).await?,
        }
    }
}

/// A log that is being read.
struct Log {
    pieces: LogPieces,
    /// How many pieces were had before.
    skip: u64,
}

impl Log {
    async fn open(
        node: &dyn Node,
        container: &str,
        cursor: &Cursor,
        follow: Follow,
        outlet: &mut Outlet,
    ) -> Result<Log, End> {
        let streams = node.streams().ok_or(End::Gone)?;
        let Request { range, skip } = cursor.request();
        Ok(Log { pieces: outlet.unless_stopped(streams.log(container, &range, follow)).await??, skip })
    }

    /// The next pieces; none at the end.
    async fn next(&mut self, outlet: &mut Outlet) -> Result<Option<Vec<LogPiece>>, End> {
        Ok(outlet.unless_stopped(self.pieces.try_next()).await??)
    }

    /// The lines in pieces that are new.
    fn lines(&mut self, pieces: Vec<LogPiece>, cursor: &mut Cursor) -> Vec<LogLine> {
        let mut lines = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if self.skip > 0 && cursor.is_known(&piece) {
                self.skip -= 1;
                continue;
            }
            self.skip = 0;
            lines.extend(cursor.take(piece));
        }
        lines
    }
}
