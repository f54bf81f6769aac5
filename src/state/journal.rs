//! The journal: what the apply under way has begun and ended, one JSON object a line.
//!
//! The intent is on the disk before the call is made. A crash at any byte therefore leaves a journal
//! that names every call that may have been made; it may name one that was not, never the other way
//! round. The end of a step is written without waiting for the disk: losing it makes a done step
//! look open, and the next plan looks at the node anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use crate::model::{Addr, BegunOperation, NodeName, ServiceName};

use super::backend::{Backend, Durability, Log, Part};

/// The operation that a step is about to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The step's index in the plan.
    pub step: usize,
    /// The node that is called.
    pub node: NodeName,
    /// The service that it is for.
    pub service: ServiceName,
    /// The resource, as text; `None` for a whole service.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "addr_text")]
    pub addr: Option<Addr>,
    /// The operation.
    #[serde(flatten)]
    pub operation: BegunOperation,
    /// When, RFC 3339.
    pub at: String,
}

impl Intent {
    /// The address of its resource, or `node/service` for a whole service.
    pub(super) fn about(&self) -> String {
        self.addr.as_ref().map_or_else(|| format!("{}/{}", self.node, self.service), Addr::to_string)
    }
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// An apply begins.
    Apply(Header),
    /// A call is about to be made.
    Begin {
        /// Counts the calls of this apply.
        call: u64,
        /// The operation of the call.
        intent: Intent,
    },
    /// It ended.
    End {
        /// Which.
        call: u64,
        /// The error, without secrets; `None` on success.
        error: Option<String>,
    },
}

/// The first line: which apply this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Random.
    pub id: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// The user who began it.
    pub who: String,
    /// On which machine.
    pub host: String,
    /// The commit of the repository, if it is one.
    pub commit: Option<String>,
    /// The digest of the plan.
    pub plan: String,
}

/// The contents of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalContents {
    /// The apply that it is of; `None` if there is none or its line is torn.
    pub header: Option<Header>,
    /// Calls that were begun and whose end is not there, in order.
    pub open: Vec<Intent>,
}

/// The open journal of a running apply.
#[derive(Debug)]
pub(super) struct Journal {
    next: u64,
    open: BTreeSet<u64>,
}

/// Names a begun call until it ends.
#[derive(Debug)]
#[must_use = "a call that was begun has to be ended"]
pub struct Ticket(u64);

/// Reads a journal. Never fails over what stands in it: a last line without its end is what a crash
/// leaves behind, and counts as not written; so does any line that cannot be understood.
pub(super) fn read(bytes: &[u8]) -> JournalContents {
    let mut header = None;
    let mut open: BTreeMap<u64, Intent> = BTreeMap::new();
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    for line in bytes[..whole].split(|b| *b == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Apply(first)) => {
                header = Some(first);
                open.clear();
            }
            Ok(Line::Begin { call, intent }) => drop(open.insert(call, intent)),
            Ok(Line::End { call, .. }) => drop(open.remove(&call)),
            Err(_) => {}
        }
    }
    JournalContents { header, open: open.into_values().collect() }
}

/// Reads the journal of a state; one that is not there says nothing.
pub(super) fn read_log(backend: &dyn Backend) -> io::Result<JournalContents> {
    Ok(read(&backend.read(Part::Log(Log::Journal))?.unwrap_or_default()))
}

impl Journal {
    /// Begins the journal of a new apply; what an earlier one left is gone afterwards.
    pub(super) fn start(backend: &dyn Backend, header: &Header) -> io::Result<Self> {
        let mut text = Vec::new();
        write_line(&mut text, &Line::Apply(header.clone()))?;
        backend.clear(Log::Journal)?;
        backend.append(Log::Journal, &text, Durability::Synced)?;
        Ok(Self { next: 0, open: BTreeSet::new() })
    }

    /// Writes down what is about to be done. When this returns it is on the disk, all of it with one
    /// wait: what can begin together should be given together.
    pub(super) fn begin(&mut self, backend: &dyn Backend, intents: Vec<Intent>) -> io::Result<Vec<Ticket>> {
        let mut text = Vec::new();
        let mut tickets = Vec::new();
        for intent in intents {
            write_line(&mut text, &Line::Begin { call: self.next, intent })?;
            self.open.insert(self.next);
            tickets.push(Ticket(self.next));
            self.next += 1;
        }
        if !text.is_empty() {
            backend.append(Log::Journal, &text, Durability::Synced)?;
        }
        Ok(tickets)
    }

    /// Writes down how a call ended.
    pub(super) fn end(&mut self, backend: &dyn Backend, ticket: Ticket, error: Option<String>) -> io::Result<()> {
        self.open.remove(&ticket.0);
        let mut text = Vec::new();
        write_line(&mut text, &Line::End { call: ticket.0, error })?;
        backend.append(Log::Journal, &text, Durability::Buffered)
    }

    /// Ends the journal: nothing is under way any more, so nothing is left to tell. Calls that were
    /// given up half way stay in it for the next run.
    pub(super) fn finish(self, backend: &dyn Backend) -> io::Result<()> {
        match self.open.is_empty() {
            true => backend.clear(Log::Journal),
            // Nothing more to write, but what was written has to last.
            false => backend.append(Log::Journal, b"", Durability::Synced),
        }
    }
}

fn write_line(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

mod addr_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::model::Addr;

    pub(super) fn serialize<S: Serializer>(addr: &Option<Addr>, to: S) -> Result<S::Ok, S::Error> {
        match addr {
            Some(addr) => to.serialize_str(&addr.key()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Addr>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}
