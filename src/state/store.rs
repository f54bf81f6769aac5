//! The state in the hands of the one who holds its lock, and may write it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::model::history::{Ending, Entry, Unfinished};
use crate::model::view::{Recorded, RecordedService};
use crate::model::{Addr, NodeName, ServiceName};

use super::backend::{Backend, Folder, Lock, LockError, Log, Part, ReplaceError};
use super::format::{self, FORMAT_VERSION, StoredDigest, StoredState};
use super::history;
use super::journal::{Header, Intent, Journal, Ticket};
use super::key;
use super::lock::LockOwner;
use super::recorded::{Error, Paths, State, io_error, journal, load, now, past};

/// The limit on the cost of saving the record: before the end, at most one part in `COST` of any stretch of time is
/// spent on writing it. A record that is lost in a crash is found again on the node.
const COST: u32 = 10;

/// The state in the hands of the one who may write it.
#[derive(Debug)]
pub struct Store {
    backend: Box<dyn Backend>,
    /// The serial of the record that the backend has; none if it has no record.
    kept_serial: Option<u64>,
    owner: LockOwner,
    state: State,
    running: Option<Running>,
    unsaved: Unsaved,
    /// The resources that the view has otherwise than the file.
    unsaved_resources: BTreeSet<Addr>,
    saved_at: Instant,
    cost: Duration,
    _lock: Box<dyn Lock>,
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
    /// The failures, in words without secrets.
    pub trouble: Vec<String>,
}

impl Store {
    /// Takes the lock of the state in a folder and reads it; makes the folder and the key where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] names the holder; else as [`read`](super::read).
    pub fn open(paths: &Paths, owner: LockOwner) -> Result<Self, Error> {
        Self::open_in(Box::new(Folder::new(&paths.folder)), &paths.keys, owner)
    }

    /// Takes the lock of the state in a backend and reads it. `keys` is the folder of the sealing keys.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_in(backend: Box<dyn Backend>, keys: &Path, owner: LockOwner) -> Result<Self, Error> {
        let path = backend.name(Part::Record);
        let lock = backend.lock(&owner).map_err(|refusal| match refusal {
            LockError::Held(holder) => Error::Locked { holder },
            LockError::Io { path, doing, source } => Error::Io { path, doing, source },
        })?;
        let has_record = backend.read(Part::Record).map_err(io_error(&path, "read"))?.is_some();
        let mut state = load(backend.as_ref(), keys, None)?;
        let key = key::path(keys, &state.lineage);
        // A key that was not there until now matches nothing that was sealed before, which `load` has seen.
        state.sealer = key::load_or_make(keys, &state.lineage).map_err(io_error(&key, "make the key"))?;
        Ok(Self {
            backend,
            kept_serial: has_record.then_some(state.view.serial),
            owner,
            state,
            running: None,
            unsaved: Unsaved::Nothing,
            unsaved_resources: BTreeSet::new(),
            saved_at: Instant::now(),
            cost: Duration::ZERO,
            _lock: lock,
        })
    }

    /// The owner of the lock.
    pub fn owner(&self) -> &LockOwner {
        &self.owner
    }

    /// The state as it is now, with all that was recorded since it was opened.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same, for whoever lets it follow the repository.
    pub fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// The resources that were recorded or forgotten since the state was written last.
    pub fn unsaved(&self) -> &BTreeSet<Addr> {
        &self.unsaved_resources
    }

    /// Writes the state if there is none yet, so that what is made from it now can be told from what
    /// is made from another one later.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn establish(&mut self) -> Result<(), Error> {
        if self.kept_serial.is_none() {
            self.unsaved = Unsaved::Something;
        }
        self.save()
    }

    /// Whether a plan with this digest was applied before, even if that apply did not live to its end.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn was_applied(&self, plan: &str) -> Result<bool, Error> {
        let header = journal(self.backend.as_ref())?.header;
        Ok(header.is_some_and(|h| h.plan == plan)
            || past(self.backend.as_ref())?.entries.iter().any(|e| e.plan == plan))
    }

    /// Begins an apply: what a crashed one has left in the journal goes into the history, and the
    /// journal is new.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn start(&mut self, plan: &str, commit: Option<&str>) -> Result<(), Error> {
        self.archive_crashed()?;
        let path = self.journal_name();
        let header = Header {
            id: key::new_lineage().map_err(io_error(&path, "name"))?,
            at: now(),
            who: self.owner.who.clone(),
            host: self.owner.host.clone(),
            commit: commit.map(str::to_owned),
            plan: plan.to_owned(),
        };
        let journal = Journal::start(self.backend.as_ref(), &header).map_err(io_error(&path, "begin"))?;
        // The copy is of the state before this apply, however often it is written meanwhile.
        let record = self.backend.name(Part::Record);
        self.backend.keep_record().map_err(io_error(&record, "keep a copy of"))?;
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
        let path = self.journal_name();
        let (backend, journal) = self.journal();
        journal.begin(backend, intents).map_err(io_error(&path, "write"))
    }

    /// Writes down how a call ended; `error` must hold no secret.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// If no apply was started, which is a bug.
    pub fn end(&mut self, ticket: Ticket, error: Option<String>) -> Result<(), Error> {
        let path = self.journal_name();
        let (backend, journal) = self.journal();
        journal.end(backend, ticket, error).map_err(io_error(&path, "write"))
    }

    /// Records a resource. Secrets in the clear are sealed here, and what came from a node without being declared in public.
    pub fn record(&mut self, addr: Addr, mut recorded: Recorded) {
        recorded.declared = recorded.declared.without_secrets(&self.state.sealer);
        recorded.baseline = recorded.baseline.sealed_beside(&recorded.declared, &self.state.sealer);
        self.state.view.unfinished.remove(&addr);
        self.unsaved_resources.insert(addr.clone());
        self.state.view.resources.insert(addr, recorded);
        self.unsaved = Unsaved::Something;
    }

    /// Forgets a resource that is gone, and its service with the last one.
    pub fn forget(&mut self, addr: &Addr) {
        self.unsaved_resources.insert(addr.clone());
        let view = &mut self.state.view;
        view.resources.remove(addr);
        view.unfinished.remove(addr);
        if !view.resources.keys().any(|a| a.service == addr.service) {
            view.services.remove(&addr.service);
            view.unverified.remove(&addr.service);
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
    pub fn require_verification(&mut self, services: BTreeSet<ServiceName>) -> Result<(), Error> {
        if services.is_subset(&self.state.view.unverified) {
            return Ok(());
        }
        self.state.view.unverified.extend(services);
        self.unsaved = Unsaved::Something;
        self.save()
    }

    /// Records that resources are about to be changed, in the place of those of `services` that were before, and on the
    /// disk: should it be cut off, what differs on them is hl's own doing.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin_changes(&mut self, changes: BTreeSet<Addr>, services: &BTreeSet<ServiceName>) -> Result<(), Error> {
        let before = self.state.view.unfinished.clone();
        let unfinished = &mut self.state.view.unfinished;
        unfinished.retain(|addr| !services.contains(&addr.service));
        unfinished.extend(changes);
        if *unfinished != before {
            self.unsaved = Unsaved::Something;
        }
        self.save()
    }

    /// Records that nothing of a resource is left half done.
    pub fn end_change(&mut self, addr: &Addr) {
        if self.state.view.unfinished.remove(addr) {
            self.unsaved = Unsaved::Something;
        }
    }

    /// Records that services are to go to other nodes, and on the disk: should it be cut off, those nodes may have
    /// anything of them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin_moves(&mut self, moves: BTreeMap<ServiceName, NodeName>) -> Result<(), Error> {
        for (name, to) in moves {
            if let Some(service) = self.state.view.services.get_mut(&name) {
                service.relocating_to = Some(to);
                self.unsaved = Unsaved::Something;
            }
        }
        self.save()
    }

    /// Records, on the disk, that a service is at home on the node that it was moved to. From here on its old place is
    /// cleared, and only going on is safe.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Moved`].
    pub fn complete_moves(&mut self, moved: BTreeMap<ServiceName, RecordedService>) -> Result<(), Error> {
        if moved.is_empty() {
            return Ok(());
        }
        self.state.view.services.extend(moved);
        self.unsaved = Unsaved::Something;
        self.save()
    }

    /// Records that a service is proven to work.
    pub fn mark_verified(&mut self, service: &ServiceName) {
        if self.state.view.unverified.remove(service) {
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
    /// [`Error::Io`], [`Error::Moved`]; the file then holds what it held before.
    pub fn save(&mut self) -> Result<(), Error> {
        if self.unsaved == Unsaved::Nothing {
            return Ok(());
        }
        let began = Instant::now();
        let path = self.backend.name(Part::Record);
        self.state.view.serial += 1;
        self.backend.replace(&self.text(), self.kept_serial).map_err(|error| match error {
            moved @ ReplaceError::Moved { .. } => Error::Moved { path, why: moved.to_string() },
            ReplaceError::Io(error) => io_error(&path, "write")(error),
        })?;
        self.kept_serial = Some(self.state.view.serial);
        self.unsaved = Unsaved::Nothing;
        self.unsaved_resources.clear();
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
        let path = self.backend.name(Part::Log(Log::History));
        let entry = Entry {
            serial: self.state.view.serial,
            counts: summary.counts,
            result: summary.result,
            trouble: summary.trouble,
            took_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..entry(header)
        };
        history::append(self.backend.as_ref(), &entry).map_err(io_error(&path, "write"))?;
        journal.finish(self.backend.as_ref()).map_err(io_error(&self.journal_name(), "write"))
    }

    /// Writes the history line that a crashed apply could not write.
    fn archive_crashed(&self) -> Result<(), Error> {
        let contents = journal(self.backend.as_ref())?;
        let Some(header) = contents.header else { return Ok(()) };
        if past(self.backend.as_ref())?.entries.iter().any(|e| e.id == header.id) {
            return Ok(());
        }
        let path = self.backend.name(Part::Log(Log::History));
        let entry = Entry {
            serial: self.state.view.serial,
            unfinished: contents.open.into_iter().map(unfinished).collect(),
            ..entry(header)
        };
        history::append(self.backend.as_ref(), &entry).map_err(io_error(&path, "write"))
    }

    /// The journal of the running apply, with where it is kept.
    fn journal(&mut self) -> (&dyn Backend, &mut Journal) {
        (self.backend.as_ref(), &mut self.running.as_mut().expect("an apply was started").journal)
    }

    fn text(&self) -> Vec<u8> {
        let State { view, sealer, lineage, .. } = &self.state;
        let file = StoredState {
            format_version: FORMAT_VERSION,
            serial: view.serial,
            lineage: lineage.clone(),
            key: Some(StoredDigest(key::proof(sealer))),
            services: view.services.iter().map(|(name, service)| (name.clone(), service.into())).collect(),
            unverified: view.unverified.clone(),
            unfinished: view.unfinished.iter().map(Addr::key).collect(),
            resources: view.resources.iter().map(|(a, r)| (a.key(), format::seal(r, sealer))).collect(),
        };
        let mut text = serde_json::to_vec_pretty(&file).expect("maps with text keys are JSON");
        text.push(b'\n');
        text
    }

    fn journal_name(&self) -> PathBuf {
        self.backend.name(Part::Log(Log::Journal))
    }
}

/// A step that was under way when an apply crashed.
fn unfinished(intent: Intent) -> Unfinished {
    Unfinished { about: intent.about(), operation: intent.operation }
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
        unfinished: Vec::new(),
        took_ms: 0,
    }
}
