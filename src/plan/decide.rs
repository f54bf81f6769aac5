//! Decisions: from the changes of one service to an action and its reasons for each container.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Change, Cost, FieldChange, Instances, Presence, Verdict};
use crate::model::homelab::{RunState, Service};
use crate::model::typed::State;
use crate::model::view::{LiveContainer, RecordedView, Status};
use crate::model::{Key, Kind, Value};

use super::{Action, Options, Reason, path_order};

/// The action on one container, with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The action.
    pub action: Action,
    /// The kind of restart, if the action is a restart.
    pub restart: Restart,
    /// The reasons.
    pub reasons: Vec<Reason>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
}

/// The kind of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It is only paused, and goes on where it was.
    Thaw,
    /// Its program begins anew.
    Anew,
    /// Its program begins anew, and does not run while the networks change.
    Rewired,
}

impl Decision {
    /// Whether its program ends and begins anew, so that what leans on it has lost it.
    pub fn interrupts(&self) -> bool {
        match self.action {
            Action::Restart => self.restart != Restart::Thaw,
            action => action == Action::Replace,
        }
    }

    /// Whether it was or will be out of reach, so that those who need it are verified again.
    pub fn disturbs(&self) -> bool {
        matches!(self.action, Action::Restart | Action::Replace)
    }
}

/// The things that containers stand on and that are made anew.
pub(super) struct Remade<'a> {
    /// The real names of volumes.
    pub(super) volumes: BTreeSet<&'a str>,
    /// The paths of files of their node.
    pub(super) files: BTreeSet<&'a str>,
    /// The real names of networks of the service.
    pub(super) networks: &'a BTreeSet<&'a str>,
}

/// Decides for every container of a service that a change or a neighbour touches.
///
/// `changes` are those of the service's containers by address name; `remade` is what of that they stand on is made anew.
pub(super) fn decide(
    service: &Service,
    changes: &BTreeMap<String, &Change>,
    instances: &Instances<'_>,
    remade: &Remade<'_>,
    recorded: &RecordedView,
    options: &Options,
) -> BTreeMap<String, Decision> {
    let current = &instances.current;
    let mut decisions: BTreeMap<String, Decision> = BTreeMap::new();
    for (name, change) in changes {
        if let Some(decision) = from_change(service, change, current.get(name).copied(), recorded) {
            decisions.insert(name.clone(), decision);
        }
    }
    for (name, container) in &service.containers {
        let excluded = || options.excludes.iter().any(|t| t.covers(&service.addr(Kind::Container, name)));
        let lost = container.spec.volumes().find(|volume| remade.volumes.contains(volume));
        if let Some(volume) = lost.filter(|_| current.contains_key(name) && !excluded()) {
            raise(&mut decisions, name, Action::Replace, Reason::VolumeRemade(volume.to_owned()));
        }
    }
    for (name, live) in current.iter().filter(|(_, live)| service.state == RunState::Running && live.status.is_up()) {
        let Some(container) = service.containers.get(name) else { continue };
        for path in path_order::sources(&container.spec).filter(|path| remade.files.contains(path)) {
            raise(&mut decisions, name, Action::Restart, Reason::MountedFileRewritten(path.to_owned()));
        }
        for network in remade.networks.iter().filter(|network| container.spec.networks.contains_key(**network)) {
            raise(&mut decisions, name, Action::Restart, Reason::NetworkRemade((*network).to_owned()));
        }
        if may_have_old_file(service, name, live, recorded) {
            raise(&mut decisions, name, Action::Restart, Reason::Unfinished);
        }
    }
    for name in current.keys().filter(|name| options.replaces(&service.addr(Kind::Container, name.as_str()))) {
        raise(&mut decisions, name, Action::Replace, Reason::Requested);
    }
    for (name, live) in current {
        // After an interrupted apply, a replaced container can still own a namespace that this container uses.
        let old_peer = instances.leftovers.iter().find(|(_, old)| old.iter().any(|c| live.shares_with.contains(&c.id)));
        if let Some((peer, _)) = old_peer {
            let reason = Reason::PeerReplaced(service.addr(Kind::Container, peer));
            raise(&mut decisions, name, Action::Replace, reason);
        }
    }
    decisions
}

/// Whether a container may still have a file that hl has put in place anew since: an apply has begun to change it and did
/// not come to its end. Nothing on the node tells which of the two files a mount of a single one shows.
fn may_have_old_file(service: &Service, name: &str, live: &LiveContainer, recorded: &RecordedView) -> bool {
    if recorded.unfinished.is_empty() {
        return false;
    }
    let addr = service.addr(Kind::Container, name);
    let is_same = recorded.resources.get(&addr).is_none_or(|record| record.id == live.id);
    let is_own = |path: &str| service.files.values().any(|file| file.path == path);
    let mounts_own = || service.containers.get(name).is_some_and(|c| path_order::sources(&c.spec).any(is_own));
    recorded.unfinished.contains(&addr) && is_same && mounts_own()
}

/// Derives the decision from the container's own change.
fn from_change(
    service: &Service,
    change: &Change,
    live: Option<&LiveContainer>,
    recorded: &RecordedView,
) -> Option<Decision> {
    let fields = || change.fields.clone();
    let decision = |action, reasons| Some(Decision { action, restart: Restart::Anew, reasons, fields: fields() });
    match change.presence {
        Presence::New => decision(Action::Create, vec![Reason::New]),
        Presence::Gone => decision(Action::Create, vec![Reason::Gone]),
        Presence::Undeclared | Presence::Leftover | Presence::Forgotten | Presence::Orphan => None,
        Presence::Unrecorded | Presence::Known | Presence::Rehomed => {
            let live = live?;
            let (action, restart) = action_of(service, change, live);
            // A network that is gone has a reason of its own.
            let is_stale = |f: &FieldChange| {
                let named = f.field.item.as_ref().filter(|_| f.field.key == Key::Networks && f.field.part.is_none());
                named.is_some_and(|network| live.stale_networks.contains_key(network))
            };
            let others: Vec<FieldChange> = change.fields.iter().filter(|f| !is_stale(f)).cloned().collect();
            let mut reasons = reasons(&others);
            reasons.extend(live.stale_networks.keys().map(|n| Reason::StaleNetwork(n.clone())));
            if let Some(was) = &change.renamed_from {
                reasons.insert(0, Reason::RenamedFrom(was.clone()));
            }
            if reasons.is_empty() {
                reasons.push(quiet_reason(change, recorded));
            }
            Some(Decision { action, restart, reasons, fields: fields() })
        }
    }
}

fn action_of(service: &Service, change: &Change, live: &LiveContainer) -> (Action, Restart) {
    let acting = || change.fields.iter().filter(|f| f.verdict.needs_action());
    let cost = acting().map(|f| f.cost).max().unwrap_or(Cost::Ignored);
    let state = acting().any(|f| f.field.key == Key::State);
    let broken = matches!(live.status, Status::Dead | Status::Removing);
    let rewired = service.state == RunState::Running && live.status.is_up() && acting().any(is_rewired);
    let action = match cost {
        Cost::Replace => Action::Replace,
        _ if change.presence == Presence::Rehomed => Action::Replace,
        _ if state && broken && service.state == RunState::Running => Action::Replace,
        _ if state => Action::Restart,
        Cost::Restart if service.state == RunState::Running => Action::Restart,
        Cost::InPlace if rewired => Action::Restart,
        Cost::InPlace => Action::Update,
        Cost::Restart if acting().any(|f| f.cost == Cost::InPlace) => Action::Update,
        // A stopped container picks up these changes at its next start and needs no restart now.
        Cost::Ignored | Cost::Restart if change.presence == Presence::Unrecorded => Action::Adopt,
        Cost::Ignored | Cost::Restart => Action::Refresh,
    };
    let thaws = live.status == Status::Paused && cost < Cost::Restart;
    let restart = match (rewired, thaws) {
        (true, _) => Restart::Rewired,
        (false, true) => Restart::Thaw,
        (false, false) => Restart::Anew,
    };
    (action, restart)
}

/// Whether a change of networks takes a network from a container, or gives it one back. The engine numbers the interfaces
/// of a running container upwards and never anew, so that it would go on with others than those that a start gives it: with
/// `eth1` alone, say. One that nobody asked for came last, and takes only its own number along.
fn is_rewired(change: &FieldChange) -> bool {
    if change.field.key != Key::Networks {
        return false;
    }
    match (&change.declared, &change.live) {
        _ if change.field.part.is_some() => true,
        (Some(_), None) => change.verdict == Verdict::Drift,
        (None, Some(_)) => change.recorded.is_some(),
        (declared, live) => declared.is_some() && live.is_some(),
    }
}

/// Why only the record is updated.
pub fn quiet_reason(change: &Change, recorded: &RecordedView) -> Reason {
    let names = |fits: fn(&FieldChange) -> bool| {
        let fitting = change.fields.iter().filter(|f| fits(f));
        fitting.map(|f| f.field.to_string()).collect::<Vec<_>>()
    };
    let (ignored, converged) = (names(|f| f.verdict.needs_action()), names(|f| f.verdict == Verdict::Converged));
    let recorded_id = recorded.resources.get(&change.addr).map(|r| &r.id);
    match change.presence {
        Presence::Unrecorded => Reason::Unrecorded,
        _ if recorded_id != change.live_id.as_ref() => Reason::MadeAnewOutside,
        _ if !ignored.is_empty() => Reason::RecordedOnly(ignored),
        _ => Reason::Converged(converged),
    }
}

/// Why, from the fields: what has a reason of its own, then the rest by verdict.
pub fn reasons(fields: &[FieldChange]) -> Vec<Reason> {
    let mut special = Vec::new();
    let mut by_verdict: BTreeMap<Verdict, Vec<String>> = BTreeMap::new();
    for change in fields.iter().filter(|f| f.verdict.needs_action() && f.cost != Cost::Ignored) {
        let state = |value: &Option<Value>| value.as_ref().and_then(Value::state).cloned();
        let to_stop = state(&change.declared) == Some(State::Stopped);
        match (change.field.key, change.verdict) {
            (Key::State, Verdict::Drift) if to_stop => special.push(Reason::StartedOutside),
            (Key::State, _) if to_stop => special.push(Reason::DeclaredStopped),
            (Key::State, Verdict::Pending) => special.push(Reason::DeclaredRunning),
            (Key::State, _) => special.extend(state(&change.live).map(Reason::NotRunning)),
            (_, Verdict::Drift) if change.live.as_ref().is_some_and(Value::names_gone_container) => {
                special.push(Reason::PeerGone(change.field.key));
            }
            (Key::ImageContent, _) => special.push(Reason::ImageMoved),
            (Key::MountedFiles, _) if change.cost == Cost::Replace => {
                special.push(Reason::MountedKindChanged(change.field.item.clone().unwrap_or_default()));
            }
            (Key::MountedFiles | Key::Files, _) => {
                special.push(Reason::FileChanged(change.field.item.clone().unwrap_or_default()));
            }
            (Key::BuiltFrom, _) => {
                special.push(Reason::SourceChanged(change.field.item.clone().unwrap_or_default()));
            }
            (_, verdict) => by_verdict.entry(verdict).or_default().push(change.field.to_string()),
        }
    }
    // A new image under a new name is one reason, not two.
    let renamed = by_verdict.values().flatten().any(|f| f == Key::Image.as_str());
    special.retain(|r| !(renamed && *r == Reason::ImageMoved));
    for (verdict, names) in by_verdict {
        special.extend(match verdict {
            Verdict::Pending => Some(Reason::Declared(names)),
            Verdict::Drift => Some(Reason::Drift(names)),
            Verdict::Conflict => Some(Reason::Conflict(names)),
            Verdict::Unrecorded => Some(Reason::Differs(names)),
            Verdict::InSync | Verdict::Converged => None,
        });
    }
    special
}

/// Makes the action for a container at least `action`, with a further reason if that is news; tells whether it is.
pub fn raise(decisions: &mut BTreeMap<String, Decision>, name: &str, action: Action, reason: Reason) -> bool {
    let rank = |a: Action| match a {
        Action::Adopt | Action::Refresh => 0,
        Action::Update => 1,
        Action::Restart => 2,
        Action::Replace => 3,
        Action::Create | Action::Move | Action::Delete | Action::Run => 4,
    };
    match decisions.get_mut(name) {
        None => {
            let (restart, reasons, fields) = (Restart::Anew, vec![reason], Vec::new());
            decisions.insert(name.to_owned(), Decision { action, restart, reasons, fields });
        }
        // An unpaused container would keep outdated information about its neighbour, so it is restarted instead.
        Some(decision) if decision.action == action && decision.restart == Restart::Thaw => {
            decision.restart = Restart::Anew;
            decision.reasons.push(reason);
        }
        Some(decision) if rank(decision.action) < rank(action) => {
            if rank(decision.action) == 0 {
                decision.reasons.clear();
            }
            decision.action = action;
            decision.restart = Restart::Anew;
            decision.reasons.push(reason);
        }
        Some(_) => return false,
    }
    true
}
