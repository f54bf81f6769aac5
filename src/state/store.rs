//! The state in the hands of the one who holds its lock, and may write it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::model::view::{Recorded, RecordedService};
use crate::model::{Addr, BegunOperation, NodeName, ServiceName};

use super::format::{self, FORMAT_VERSION, V1, V1Digest};
use super::history::{self, Ending, Entry};
use super::journal::{self, Header, Intent, Journal, Ticket};
use super::load::{Error, Paths, State, history, io_error, load, now};
use super::lock::{self, Claim, Lock, Refusal};
use super::{key, replace};

/// What keeping the record may cost: of any stretch of time at most one part in so many is spent on
/// writing it before the end. A record that a crash loses is found again on the node.
const COST: u32 = 10;

/// What git is not to keep of a state: what belongs to one machine and one moment.
const IGNORED: &str = include_str!("../../state/.gitignore");

/// The state in the hands of the one who may write it.
#[derive(Debug)]
pub struct Store {
    paths: Paths,
    claim: Claim,
    state: State,
    running: Option<Running>,
    unsaved: Unsaved,
    saved_at: Instant,
    cost: Duration,
    _lock: Lock,
}

/// A running apply.
#[derive(Debug)]
struct Running {
    header: Header,
    journal: Journal,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsaved {
    /// The file says what the view says.
    Nothing,
    /// The view is ahead of the file.
    Something,
}

/// How an apply went, for the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many resources of each action the plan had.
    pub counts: std::collections::BTreeMap<String, usize>,
    /// How it ended.
    pub result: Ending,
    /// What failed, in words without secrets.
    pub trouble: Vec<String>,
}

impl Store {
    /// Takes the lock and reads the state; makes the folder and the key where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] names the holder; else as [`read`].
    pub fn open(paths: &Paths, claim: Claim) -> Result<Self, Error> {
        if !paths.folder.is_dir() {
            std::fs::create_dir_all(&paths.folder).map_err(io_error(&paths.folder, "make"))?;
            let ignore = paths.folder.join(".gitignore");
            replace::replace(&ignore, IGNORED.as_bytes(), 0o644).map_err(io_error(&ignore, "write"))?;
        }
        let path = paths.folder.join("lock");
        let lock = lock::acquire(&path, &claim).map_err(|refusal| match refusal {
            Refusal::Held(holder) => Error::Locked { holder },
            Refusal::Io(e) => io_error(&path, "lock")(e),
        })?;
        replace::sweep(&paths.folder);
        let mut state = load(paths, None)?;
        let key = key::path(&paths.keys, &state.lineage);
        // A key that was not there until now matches nothing that was sealed before, which `load` has seen.
        state.sealer = key::load_or_make(&paths.keys, &state.lineage).map_err(io_error(&key, "make the key"))?;
        Ok(Self {
            paths: paths.clone(),
            claim,
            state,
            running: None,
            unsaved: Unsaved::Nothing,
            saved_at: Instant::now(),
            cost: Duration::ZERO,
            _lock: lock,
        })
    }

    /// Who has it.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The state as it is now, with all that was recorded since it was opened.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Writes the state if there is none yet, so that what is made from it now can be told from what
    /// is made from another one later.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn establish(&mut self) -> Result<(), Error> {
        if !self.file("homelab.json").exists() {
            self.unsaved = Unsaved::Something;
        }
        self.save()
    }

    /// Whether a plan with this digest was applied before, even if that apply did not live to its end.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn was_applied(&self, plan: &str) -> Result<bool, Error> {
        let path = self.file("journal.jsonl");
        let told = journal::read_file(&path).map_err(io_error(&path, "read"))?;
        Ok(told.header.is_some_and(|h| h.plan == plan) || history(&self.paths)?.entries.iter().any(|e| e.plan == plan))
    }

    /// Begins an apply: what a crashed one has left in the journal goes into the history, and the
    /// journal is new.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn start(&mut self, plan: &str, commit: Option<&str>) -> Result<(), Error> {
        self.bury_crashed()?;
        let path = self.file("journal.jsonl");
        let header = Header {
            id: key::new_lineage().map_err(io_error(&path, "name"))?,
            at: now(),
            who: self.claim.who.clone(),
            host: self.claim.host.clone(),
            commit: commit.map(str::to_owned),
            plan: plan.to_owned(),
        };
        let journal = Journal::start(&path, &header).map_err(io_error(&path, "begin"))?;
        // The copy is of the state before this apply, however often it is written meanwhile.
        let file = self.file("homelab.json");
        match replace::keep_as(&file, &self.file("homelab.json.backup")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error(&file, "keep a copy of")(e)),
            _ => {}
        }
        self.running = Some(Running { header, journal, since: Instant::now() });
        Ok(())
    }

    /// Writes down calls that are about to be made; they are on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Io`]; then none of the calls may be made.
    ///
    /// # Panics
    /// If no apply was started, which is a bug.
    pub fn begin(&mut self, intents: Vec<Intent>) -> Result<Vec<Ticket>, Error> {
        let path = self.file("journal.jsonl");
        self.journal().begin(intents).map_err(io_error(&path, "write"))
    }

    /// Writes down how a call ended; `error` must hold no secret.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// If no apply was started, which is a bug.
    pub fn end(&mut self, ticket: Ticket, error: Option<String>) -> Result<(), Error> {
        let path = self.file("journal.jsonl");
        self.journal().end(ticket, error).map_err(io_error(&path, "write"))
    }

    /// Records a resource. Secrets in the clear are sealed here.
    pub fn record(&mut self, addr: Addr, mut recorded: Recorded) {
        recorded.declared = recorded.declared.without_secrets(&self.state.sealer);
        recorded.baseline = recorded.baseline.without_secrets(&self.state.sealer);
        self.state.view.resources.insert(addr, recorded);
        self.unsaved = Unsaved::Something;
    }

    /// Forgets a resource that is gone, and its service with the last one.
    pub fn forget(&mut self, addr: &Addr) {
        let view = &mut self.state.view;
        view.resources.remove(addr);
        if !view.resources.keys().any(|a| a.service == addr.service) {
            view.services.remove(&addr.service);
            view.unproven.remove(&addr.service);
        }
        self.unsaved = Unsaved::Something;
    }

    /// Records what a service is, if that is news.
    pub fn record_service(&mut self, name: &ServiceName, service: &RecordedService) {
        if self.state.view.services.get(name) != Some(service) {
            self.state.view.services.insert(name.clone(), service.clone());
            self.unsaved = Unsaved::Something;
        }
    }

    /// Records that services are still to be proven to work, and on the disk, since whatever comes may be cut off.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn await_proof(&mut self, services: BTreeSet<ServiceName>) -> Result<(), Error> {
        if services.is_subset(&self.state.view.unproven) {
            return Ok(());
        }
        self.state.view.unproven.extend(services);
        self.unsaved = Unsaved::Something;
        self.save()
    }

    /// Records that services are to go to other nodes, and on the disk: should it be cut off, those nodes may have anything of
    /// them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin_moves(&mut self, moves: BTreeMap<ServiceName, NodeName>) -> Result<(), Error> {
        for (name, to) in moves {
            if let Some(service) = self.state.view.services.get_mut(&name) {
                service.moves_to = Some(to);
                self.unsaved = Unsaved::Something;
            }
        }
        self.save()
    }

    /// Records that a service is proven to work.
    pub fn prove(&mut self, service: &ServiceName) {
        if self.state.view.unproven.remove(service) {
            self.unsaved = Unsaved::Something;
        }
    }

    /// Writes the state if it is ahead of its file and writing has not cost too much lately.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_if_due(&mut self) -> Result<(), Error> {
        match self.saved_at.elapsed() >= self.cost * COST {
            true => self.save(),
            false => Ok(()),
        }
    }

    /// Writes the state if it is ahead of its file.
    ///
    /// # Errors
    /// [`Error::Io`]; the file then holds what it held before.
    pub fn save(&mut self) -> Result<(), Error> {
        if self.unsaved == Unsaved::Nothing {
            return Ok(());
        }
        let began = Instant::now();
        let path = self.file("homelab.json");
        self.state.view.serial += 1;
        replace::replace(&path, &self.text(), 0o644).map_err(io_error(&path, "write"))?;
        self.unsaved = Unsaved::Nothing;
        self.saved_at = Instant::now();
        self.cost = self.saved_at - began;
        Ok(())
    }

    /// Ends the apply: the state, then its line in the history, then the journal, which stays where
    /// calls were given up half way.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// If no apply was started, which is a bug.
    pub fn finish(&mut self, summary: Summary) -> Result<(), Error> {
        self.save()?;
        let Running { header, journal, since } = self.running.take().expect("an apply was started");
        let path = self.file("history.jsonl");
        let entry = Entry {
            serial: self.state.view.serial,
            counts: summary.counts,
            result: summary.result,
            trouble: summary.trouble,
            took_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..entry(header)
        };
        history::append(&path, &entry).map_err(io_error(&path, "write"))?;
        journal.finish().map_err(io_error(&self.file("journal.jsonl"), "write"))
    }

    /// Writes the history line that a crashed apply could not write.
    fn bury_crashed(&self) -> Result<(), Error> {
        let path = self.file("journal.jsonl");
        let told = journal::read_file(&path).map_err(io_error(&path, "read"))?;
        let Some(header) = told.header else { return Ok(()) };
        if history(&self.paths)?.entries.iter().any(|e| e.id == header.id) {
            return Ok(());
        }
        let path = self.file("history.jsonl");
        let entry = Entry {
            serial: self.state.view.serial,
            trouble: told.open.iter().map(under_way).collect(),
            ..entry(header)
        };
        history::append(&path, &entry).map_err(io_error(&path, "write"))
    }

    fn journal(&mut self) -> &mut Journal {
        &mut self.running.as_mut().expect("an apply was started").journal
    }

    fn text(&self) -> Vec<u8> {
        let State { view, sealer, lineage, .. } = &self.state;
        let file = V1 {
            format_version: FORMAT_VERSION,
            serial: view.serial,
            lineage: lineage.clone(),
            key: Some(V1Digest(key::proof(sealer))),
            services: view.services.iter().map(|(name, service)| (name.clone(), service.into())).collect(),
            unproven: view.unproven.clone(),
            resources: view.resources.iter().map(|(a, r)| (a.to_string(), format::seal(r, sealer))).collect(),
        };
        let mut text = serde_json::to_vec_pretty(&file).expect("maps with text keys are JSON");
        text.push(b'\n');
        text
    }

    fn file(&self, name: &str) -> PathBuf {
        self.paths.folder.join(name)
    }
}

/// What was under way when an apply crashed, by the name of its kind.
fn under_way(intent: &Intent) -> String {
    let place = intent.addr.as_ref().map_or_else(|| format!("{}/{}", intent.node, intent.service), Addr::to_string);
    match &intent.operation {
        BegunOperation::Kind { kind, .. } => format!("under way: {kind} ({place})"),
        BegunOperation::Words(words) => format!("under way: {words}"),
    }
}

/// A line of the history with what a journal's first line tells.
fn entry(header: Header) -> Entry {
    Entry {
        id: header.id,
        at: header.at,
        who: header.who,
        host: header.host,
        commit: header.commit,
        plan: header.plan,
        serial: 0,
        counts: Default::default(),
        result: Ending::Crashed,
        trouble: Vec::new(),
        took_ms: 0,
    }
}
