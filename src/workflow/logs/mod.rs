//! Reading the logs of containers on all nodes: what is there, in the order of time, and what follows.
//!
//! The history is merged ([`interleave`]); what follows is put in order as far as a moment of patience allows ([`reorder`]).
//! Where a reader is in a log is a [`cursor::Cursor`], by which it goes on after anything that comes between. Nothing is read
//! ahead: who reads slowly makes the engines wait. Entry: [`logs`].

mod batch;
mod cursor;
mod follow;
mod interleave;
mod pump;
mod reorder;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::cursor::Cursor;
use self::follow::{Follower, Roster, Shared};
use self::interleave::Source;
use self::pump::{End, Outlet};
use super::directory::{AddressError, Asked, Directory, Instances};
use super::observe::{Access, DiagnosticListener};
use crate::event::{LogEvent, LogNotice};
use crate::model::log::LogRange;
use crate::model::status::SilentNode;
use crate::model::view::RecordedView;
use crate::model::{Addr, NodeName, Target, homelab};
use crate::node::{self, ConnectionPhase, ErrorKind, Follow, Node, NodeError, Reach};

/// How many parts of a log wait to be merged.
const AHEAD: usize = 2;
/// How many parts of all logs wait to be put in order.
const ARRIVING: usize = 64;

/// The request.
#[derive(Clone, Debug)]
pub struct LogRequest {
    /// Only these nodes, services or containers; all that is declared or recorded if there are none.
    pub targets: Vec<Target>,
    /// The part of each log.
    pub range: LogRange,
    /// Whether it goes on.
    pub follow: Follow,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogsEnd {
    /// All that was asked for was read, as far as engines keep it.
    Whole,
    /// A node could not be asked, or a log broke off.
    Incomplete,
    /// No log could be read, although there are containers.
    Nothing,
}

/// The containers of one node.
struct Found {
    declared: homelab::Node,
    node: Option<Arc<dyn Node>>,
    containers: BTreeMap<Addr, Instances>,
}

/// Reads logs, and sends what comes of it until all is said. With [`Follow::Yes`] that is when nobody receives any more, or at
/// once if no node can be reached. Dropping it ends it, too.
///
/// # Errors
/// [`AddressError`].
pub async fn logs(
    access: &Access,
    recorded: &RecordedView,
    request: LogRequest,
    listener: &dyn DiagnosticListener,
    out: Sender<LogEvent>,
) -> Result<LogsEnd, AddressError> {
    let directory = Directory::read(access, recorded, listener)?;
    let nodes = directory.nodes_of(&request.targets)?;
    let mut notices = Vec::new();
    let found = find(&directory, &nodes, &request.targets, access, &mut notices).await;
    let live: BTreeSet<Addr> = found.iter().flat_map(|found| found.containers.keys().cloned()).collect();
    let answered: BTreeSet<NodeName> =
        found.iter().filter(|found| found.node.is_some()).map(|found| found.declared.name.clone()).collect();
    // Nothing runs where there are no logs, so nothing is missing.
    let is_gap = |notice: &LogNotice| matches!(notice, LogNotice::Silent(_) | LogNotice::Maintenance(_));
    let asked = if notices.iter().any(is_gap) { Asked::Some } else { Asked::All };
    directory.require_known(&request.targets, &live, asked)?;
    let empty = directory.without_container(&request.targets, &live, &answered);
    if !empty.is_empty() {
        notices.push(LogNotice::NoContainers(empty));
    }
    let roster: Vec<Addr> = live.into_iter().collect();
    let mut events = vec![LogEvent::Containers(roster.clone())];
    events.extend(notices.into_iter().map(LogEvent::Notice));
    for event in events {
        if out.send(event).await.is_err() {
            return Ok(LogsEnd::Whole);
        }
    }
    let mut readings = read_all(&found, &roster, &request, &out).await;
    let mut end = if asked == Asked::All { LogsEnd::Whole } else { LogsEnd::Incomplete };
    let mut unreadable = BTreeSet::new();
    for (addr, reading) in readings.iter().flat_map(|(addr, readings)| readings.iter().map(move |r| (addr, r))) {
        let why = match &reading.1 {
            End::Log | End::Unwanted | End::Gone => continue,
            // A follower connects again, and goes on where it broke off.
            End::Lost(_) if request.follow == Follow::Yes => continue,
            End::Lost(error) => {
                end = LogsEnd::Incomplete;
                error.kind.to_string()
            }
            End::Unreadable(why) => why.clone(),
        };
        unreadable.insert(addr.clone());
        if out.send(LogEvent::Notice(LogNotice::Unreadable { container: addr.clone(), why })).await.is_err() {
            return Ok(LogsEnd::Whole);
        }
    }
    if request.follow == Follow::No || answered.is_empty() {
        let is_nothing = !roster.is_empty() && unreadable.len() == roster.len() && end == LogsEnd::Whole;
        return Ok(if is_nothing { LogsEnd::Nothing } else { end });
    }
    let (arrivals, arriving) = mpsc::channel(ARRIVING);
    let shared = Arc::new(Shared {
        directory,
        targets: request.targets,
        options: access.node_options.clone(),
        roster: Roster::new(roster),
        arrivals,
        out: out.clone(),
    });
    let mut followers = JoinSet::new();
    for Found { declared, node, containers } in found {
        let cursors = containers.keys().filter_map(|addr| readings.remove(addr)).flatten();
        let cursors = cursors.map(|(cursor, _, id)| (id, cursor)).collect();
        let shared = Arc::clone(&shared);
        let unread = node.is_none().then_some(request.range);
        let follower = Follower { declared, shared, cursors, unread, unreadable: unreadable.clone(), turns: None };
        followers.spawn(follower.run(node));
    }
    drop(shared);
    tokio::select! {
        _ = reorder::reorder(arriving, &out) => {}
        () = out.closed() => {}
    }
    Ok(end)
}

/// Asks the nodes for the containers. Those that are in maintenance, or have no logs, are left out; those that could not be
/// asked have no node.
async fn find(
    directory: &Directory,
    nodes: &BTreeMap<NodeName, homelab::Node>,
    targets: &[Target],
    access: &Access,
    notices: &mut Vec<LogNotice>,
) -> Vec<Found> {
    let list = async |name: NodeName, reach: Reach| match reach {
        Reach::Maintenance => Err(LogNotice::Maintenance(name)),
        Reach::Failed(error) => Ok((name, Err(error))),
        Reach::Node(node) => match node.streams() {
            None => Err(LogNotice::NoLogs(name)),
            Some(streams) => {
                let listed = streams.compose_containers().await;
                Ok((name, listed.map(|listed| (Arc::clone(&node), listed))))
            }
        },
    };
    let fleet = node::connect_all(nodes, &access.node_options).await;
    let answers = join_all(fleet.into_iter().map(|(name, reach)| list(name, reach))).await;
    let mut found = Vec::new();
    for answer in answers {
        match answer {
            Err(notice) => notices.push(notice),
            Ok((name, answer)) => {
                let declared = nodes[&name].clone();
                found.push(match answer {
                    Ok((node, listed)) => {
                        let containers = directory.select(targets, &name, listed);
                        Found { declared, node: Some(node), containers }
                    }
                    Err(error) => {
                        let silent = SilentNode { why: why(&error), hint: error.hint().to_owned(), node: name };
                        notices.push(LogNotice::Silent(silent));
                        Found { declared, node: None, containers: BTreeMap::new() }
                    }
                });
            }
        }
    }
    found
}

/// How far the containers of each address were read, and how that ended.
type Readings = BTreeMap<Addr, Vec<(Cursor, End, String)>>;

/// Reads what is there now of each container, and sends it in the order of time.
async fn read_all(found: &[Found], roster: &[Addr], request: &LogRequest, out: &Sender<LogEvent>) -> Readings {
    let (_go_on, stop) = watch::channel(());
    let mut sources = Vec::new();
    let mut readings = JoinSet::new();
    for Found { node, containers, .. } in found {
        let Some(node) = node else { continue };
        let turns = pump::turns(node.as_ref());
        for (addr, instances) in containers {
            let place = roster.binary_search(addr).expect("each container is in the list");
            let current = instances.current.iter().map(|container| (container, Cursor::new(request.range)));
            // A container that was replaced is not shown, unless it comes back later.
            let others = instances.others.iter().filter(|_| request.follow == Follow::Yes);
            for (container, mut cursor) in current.chain(others.map(|container| (container, Cursor::at_end()))) {
                let (sender, lines) = mpsc::channel(AHEAD);
                sources.push(Source::new(place, lines));
                let (node, addr, id) = (Arc::clone(node), addr.clone(), container.id.clone());
                let mut outlet = Outlet { container: place, lines: sender, stop: stop.clone(), turns: turns.clone() };
                let follow = request.follow;
                readings.spawn(async move {
                    let end = pump::read_to_end(node.as_ref(), &id, &mut cursor, &mut outlet).await;
                    if follow == Follow::No {
                        // If nobody wants it, there is nothing left to end.
                        let _ = outlet.send(cursor.rest()).await;
                    }
                    (addr, (cursor, end, id))
                });
            }
        }
    }
    // Without anybody who wants them the readings end by themselves.
    let _ = interleave::interleave(sources, out).await;
    let mut all = Readings::new();
    while let Some(reading) = readings.join_next().await {
        let (addr, reading) = reading.expect("reading a log does not panic");
        all.entry(addr).or_default().push(reading);
    }
    all
}

/// Why a node does not answer, in one line and without its name, which is said beside it.
fn why(error: &NodeError) -> String {
    let why = match &error.kind {
        // The reason says already what was tried.
        ErrorKind::Unreachable { phase: ConnectionPhase::Connecting, why, .. } => why.clone(),
        kind => format!("{}: {kind}", error.what),
    };
    why.lines().collect::<Vec<_>>().join(" ")
}
