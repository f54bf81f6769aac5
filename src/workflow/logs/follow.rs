//! Following the containers of one node: through their restarts and replacements, and through losses of the connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::mpsc::Sender;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::cursor::Cursor;
use super::pump::{self, Arrived, End, Outlet};
use super::why;
use crate::event::{LogEvent, LogNotice};
use crate::model::log::LogRange;
use crate::model::{Addr, NodeName, Target, homelab};
use crate::node::{self, ErrorKind, Node, NodeError, Options, Streams};
use crate::workflow::directory::Directory;

/// The pause before the first try to connect again; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a node is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(5);
const PONG: Duration = Duration::from_secs(15);

/// The common part of the followers of all nodes.
pub(super) struct Shared {
    pub directory: Directory,
    pub targets: Vec<Target>,
    pub options: Options,
    pub roster: Roster,
    pub arrivals: Sender<Arrived>,
    pub out: Sender<LogEvent>,
}

/// The containers whose lines were announced, each at its place.
pub(super) struct Roster(Mutex<Vec<Addr>>);

impl Roster {
    pub fn new(known: Vec<Addr>) -> Roster {
        Roster(Mutex::new(known))
    }

    /// The place of a container, and whether it is new.
    fn place(&self, addr: &Addr) -> (usize, bool) {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        match all.iter().position(|known| known == addr) {
            Some(place) => (place, false),
            None => {
                all.push(addr.clone());
                (all.len() - 1, true)
            }
        }
    }
}

/// Follows what is asked for on one node.
pub(super) struct Follower {
    pub declared: homelab::Node,
    pub shared: Arc<Shared>,
    /// How far each container was read, by its id.
    pub cursors: BTreeMap<String, Cursor>,
    /// The request for the containers that are there when the node is first reached; none if that is done.
    pub unread: Option<LogRange>,
    /// Containers whose logs cannot be read, which was said.
    pub unreadable: BTreeSet<Addr>,
    /// Whose turn it is to be read.
    pub turns: Option<Arc<Semaphore>>,
}

/// An event while containers are followed.
enum Happening {
    Started(String),
    Ended(Box<Reading>),
    Lost(String),
}

/// A reading that has ended.
struct Reading {
    id: String,
    addr: Addr,
    cursor: Cursor,
    end: End,
}

impl Follower {
    /// Follows until nobody wants more. Without a connection it begins with making one.
    pub async fn run(mut self, connected: Option<Arc<dyn Node>>) {
        let mut node = connected;
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(node) = node.take() {
                let begun = tokio::time::Instant::now();
                let why = self.session(&node).await;
                // The last one to let go of a node may have to wait for a program to end.
                tokio::task::spawn_blocking(move || drop(node));
                if begun.elapsed() > 2 * LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                if !self.say(LogNotice::Lost { node: self.name().clone(), why }).await {
                    return;
                }
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            if let Ok(again) = node::connect(&self.declared, &self.shared.options).await {
                if !self.say(LogNotice::Connected(self.name().clone())).await {
                    return;
                }
                node = Some(again);
            }
        }
    }

    fn name(&self) -> &NodeName {
        &self.declared.name
    }

    async fn say(&self, notice: LogNotice) -> bool {
        self.shared.out.send(LogEvent::Notice(notice)).await.is_ok()
    }

    /// Follows as long as the connection holds, and gives why it does not any more.
    async fn session(&mut self, node: &Arc<dyn Node>) -> String {
        let Some(streams) = node.streams() else { return std::future::pending().await };
        self.turns = pump::turns(node.as_ref());
        let mut readings = JoinSet::new();
        let (stop, stopped) = watch::channel(());
        let lost = self.follow_with(node, streams, &mut readings, &stopped).await;
        drop(stop);
        while let Some(reading) = readings.join_next().await {
            let Reading { id, cursor, .. } = reading.expect("reading a log does not panic");
            self.cursors.insert(id, cursor);
        }
        lost
    }

    async fn follow_with(
        &mut self,
        node: &Arc<dyn Node>,
        streams: &dyn Streams,
        readings: &mut JoinSet<Reading>,
        stopped: &watch::Receiver<()>,
    ) -> String {
        // A container that starts between this and the list is told twice, and nothing is missed.
        let mut starts = match streams.starts().await {
            Ok(starts) => starts,
            Err(error) => return why(&error),
        };
        let silence = silence(node.as_ref());
        tokio::pin!(silence);
        let mut open: BTreeSet<String> = BTreeSet::new();
        // Containers that started while they were still read: the engine tells so before it ends the log.
        let mut again: BTreeSet<String> = BTreeSet::new();
        if let Err(error) = self.attach(node, streams, None, readings, &mut open, stopped).await {
            return why(&error);
        }
        loop {
            let happening = tokio::select! {
                start = starts.try_next() => match start {
                    Ok(Some(id)) => Happening::Started(id),
                    Ok(None) => Happening::Lost(String::new()),
                    Err(error) => Happening::Lost(why(&error)),
                },
                Some(reading) = readings.join_next(), if !readings.is_empty() => {
                    Happening::Ended(Box::new(reading.expect("reading a log does not panic")))
                }
                error = &mut silence => Happening::Lost(why(&error)),
            };
            let attached = match happening {
                Happening::Lost(why) => return why,
                Happening::Started(id) if open.contains(&id) => {
                    again.insert(id);
                    Ok(())
                }
                Happening::Started(id) => self.attach(node, streams, Some(&id), readings, &mut open, stopped).await,
                Happening::Ended(reading) => {
                    let Reading { id, addr, cursor, end } = *reading;
                    open.remove(&id);
                    self.cursors.insert(id.clone(), cursor);
                    match end {
                        End::Lost(error) => return why(&error),
                        End::Gone => drop(self.cursors.remove(&id)),
                        End::Unreadable(why) => self.unreadable(addr, why).await,
                        End::Log | End::Unwanted => {}
                    }
                    match again.remove(&id) {
                        true => self.attach(node, streams, Some(&id), readings, &mut open, stopped).await,
                        false => Ok(()),
                    }
                }
            };
            if let Err(error) = attached {
                return why(&error);
            }
        }
    }

    async fn unreadable(&mut self, container: Addr, why: String) {
        if self.unreadable.insert(container.clone()) {
            self.say(LogNotice::Unreadable { container, why }).await;
        }
    }

    /// Begins to read containers that are asked for: one, or all; each from where it was read last.
    async fn attach(
        &mut self,
        node: &Arc<dyn Node>,
        streams: &dyn Streams,
        only: Option<&str>,
        readings: &mut JoinSet<Reading>,
        open: &mut BTreeSet<String>,
        stopped: &watch::Receiver<()>,
    ) -> Result<(), NodeError> {
        let listed = streams.compose_containers().await?;
        let unread = self.unread.take();
        for (addr, instances) in self.shared.directory.select(&self.shared.targets, self.name(), listed) {
            let current = instances.current.into_iter().map(|container| (container, true));
            let others = instances.others.into_iter().map(|container| (container, false));
            for (container, counts) in current.chain(others) {
                if only.is_some_and(|only| only != container.id) || !open.insert(container.id.clone()) {
                    continue;
                }
                let cursor = self.cursors.remove(&container.id).unwrap_or_else(|| match (unread, counts) {
                    (Some(range), true) => Cursor::new(range),
                    (Some(_), false) => Cursor::at_end(),
                    // It was made since then.
                    (None, _) => Cursor::new(LogRange::default()),
                });
                let (place, is_new) = self.shared.roster.place(&addr);
                if is_new && self.shared.out.send(LogEvent::Containers(vec![addr.clone()])).await.is_err() {
                    return Ok(());
                }
                let (lines, turns) = (self.shared.arrivals.clone(), self.turns.clone());
                let outlet = Outlet { container: place, lines, stop: stopped.clone(), turns };
                readings.spawn(read(Arc::clone(node), container.id, addr.clone(), cursor, outlet));
            }
        }
        Ok(())
    }
}

async fn read(node: Arc<dyn Node>, id: String, addr: Addr, mut cursor: Cursor, mut outlet: Outlet) -> Reading {
    let end = pump::follow(node.as_ref(), &id, &mut cursor, &mut outlet).await;
    Reading { id, addr, cursor, end }
}

/// Ends when a node does not answer any more, although nothing else tells so.
async fn silence(node: &dyn Node) -> NodeError {
    loop {
        tokio::time::sleep(PING).await;
        match tokio::time::timeout(PONG, node.ping()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return error,
            Err(_) => {
                let (node, kind) = (node.name().clone(), ErrorKind::Timeout { after: PONG });
                return NodeError { node, what: "ping the engine".to_owned(), kind };
            }
        }
    }
}
