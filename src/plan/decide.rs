//! Decisions: from the changes of one service to an action and its reasons for each container.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Change, Cost, FieldChange, Presence, Verdict};
use crate::model::homelab::{Container, DependentRestart, RunState, Service};
use crate::model::spec::{ContainerRef, ContainerSpec, NetworkMode};
use crate::model::view::{LiveContainer, Status};
use crate::model::{Key, Kind, Value};

use super::{Action, Reason};

/// What is done to one container, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
}

impl Decision {
    /// Whether the container stops, if only for a moment.
    pub fn interrupts(&self) -> bool {
        matches!(self.action, Action::Restart | Action::Replace)
    }
}

/// Decides for every container of a service that a change or a neighbour touches.
///
/// `changes` are those of the service's containers by address name; `remade_volumes` are the real
/// names of the volumes that are made anew.
pub fn decide(
    service: &Service,
    changes: &BTreeMap<String, &Change>,
    current: &BTreeMap<String, &LiveContainer>,
    remade_volumes: &BTreeSet<String>,
) -> BTreeMap<String, Decision> {
    let mut decisions: BTreeMap<String, Decision> = BTreeMap::new();
    for (name, change) in changes {
        if let Some(decision) = from_change(service, change, current.get(name).copied()) {
            decisions.insert(name.clone(), decision);
        }
    }
    for (name, container) in &service.containers {
        let uses = container.spec.mounts.values().any(|m| match &m.kind {
            crate::model::spec::MountKind::Volume { source, .. } => remade_volumes.contains(source),
            _ => false,
        });
        if uses && current.contains_key(name) {
            raise(&mut decisions, name, Action::Replace, Reason::Declared(vec!["volumes".to_owned()]));
        }
    }
    follow_neighbours(service, current, &mut decisions);
    decisions
}

/// What the change of a container itself asks for.
fn from_change(service: &Service, change: &Change, live: Option<&LiveContainer>) -> Option<Decision> {
    let decision = |action, reasons| Some(Decision { action, reasons, fields: change.fields.clone() });
    match change.presence {
        Presence::New => decision(Action::Create, vec![Reason::New]),
        Presence::Gone => decision(Action::Create, vec![Reason::Gone]),
        Presence::Undeclared | Presence::Leftover | Presence::Forgotten | Presence::Orphan => None,
        Presence::Unrecorded | Presence::Known => {
            let action = action_of(service, change, live?);
            let mut reasons = reasons(&change.fields);
            reasons.extend(live?.stale_networks.keys().map(|n| Reason::StaleNetwork(n.clone())));
            if reasons.is_empty() {
                reasons.push(match change.presence {
                    Presence::Unrecorded => Reason::Unrecorded,
                    _ => Reason::MadeAnewOutside,
                });
            }
            decision(action, reasons)
        }
    }
}

fn action_of(service: &Service, change: &Change, live: &LiveContainer) -> Action {
    let acting = || change.fields.iter().filter(|f| f.verdict.needs_action());
    let cost = acting().map(|f| f.cost).max().unwrap_or(Cost::Ignored);
    let state = acting().any(|f| f.field.key == Key::State);
    let broken = matches!(live.status, Status::Dead | Status::Removing);
    match cost {
        Cost::Replace => Action::Replace,
        _ if state && broken && service.state == RunState::Running => Action::Replace,
        Cost::Restart => Action::Restart,
        _ if state => Action::Restart,
        Cost::InPlace => Action::Update,
        Cost::Ignored if change.presence == Presence::Unrecorded => Action::Adopt,
        Cost::Ignored => Action::Refresh,
    }
}

/// Why, from the fields: what has a reason of its own, then the rest by verdict.
pub fn reasons(fields: &[FieldChange]) -> Vec<Reason> {
    let mut special = Vec::new();
    let mut by_verdict: BTreeMap<Verdict, Vec<String>> = BTreeMap::new();
    for change in fields.iter().filter(|f| f.verdict.needs_action() && f.cost != Cost::Ignored) {
        let live = || match &change.live {
            Some(Value::Text(text)) => text.expose().unwrap_or_default().to_owned(),
            _ => "gone".to_owned(),
        };
        match (change.field.key, change.verdict) {
            (Key::State, _) => special.push(match &change.declared {
                Some(Value::Text(text)) if text.expose() == Some("stopped") => Reason::DeclaredStopped,
                _ => Reason::NotRunning(live()),
            }),
            (Key::ImageContent, _) => special.push(Reason::ImageMoved),
            (Key::MountedFiles | Key::Files, _) => {
                special.push(Reason::FileChanged(change.field.item.clone().unwrap_or_default()));
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

/// What the decisions for some containers mean for their neighbours: a namespace or volumes shared
/// with a container go with it, and `restart: true` dependents follow. Repeated until nothing moves.
fn follow_neighbours(
    service: &Service,
    current: &BTreeMap<String, &LiveContainer>,
    decisions: &mut BTreeMap<String, Decision>,
) {
    if service.state == RunState::Stopped {
        return;
    }
    loop {
        let before = decisions.clone();
        for (name, container) in &service.containers {
            if !current.contains_key(name) {
                continue;
            }
            for (other, neighbour) in &service.containers {
                let Some(decision) = before.get(other) else { continue };
                let addr = service.addr(Kind::Container, other);
                let made_anew = matches!(decision.action, Action::Replace | Action::Create);
                if made_anew && shares_with(&container.spec, &neighbour.compose_service) {
                    raise(decisions, name, Action::Replace, Reason::PeerReplaced(addr));
                } else if (made_anew || decision.interrupts()) && follows(container, neighbour) {
                    raise(decisions, name, Action::Restart, Reason::DependencyRestarted(addr));
                }
            }
        }
        if *decisions == before {
            return;
        }
    }
}

fn follows(container: &Container, neighbour: &Container) -> bool {
    container.depends_on.get(&neighbour.compose_service).is_some_and(|d| d.restart == DependentRestart::On)
}

/// Whether a container uses a namespace or the volumes of another.
pub fn shares_with(spec: &ContainerSpec, compose_service: &str) -> bool {
    let by_mode =
        matches!(&spec.network_mode, NetworkMode::Container(ContainerRef::Service(s)) if s == compose_service);
    let word = format!("service:{compose_service}");
    let by_word = [&spec.pid, &spec.ipc].into_iter().any(|w| w.as_deref() == Some(word.as_str()));
    let by_volumes = spec.volumes_from.contains(&ContainerRef::Service(compose_service.to_owned()));
    by_mode || by_word || by_volumes
}

/// Makes the action for a container at least `action`, with a further reason if that is news.
fn raise(decisions: &mut BTreeMap<String, Decision>, name: &str, action: Action, reason: Reason) {
    let rank = |a: Action| match a {
        Action::Adopt | Action::Refresh => 0,
        Action::Update => 1,
        Action::Restart => 2,
        Action::Replace => 3,
        Action::Create | Action::Move | Action::Delete | Action::Run => 4,
    };
    match decisions.get_mut(name) {
        None => {
            decisions.insert(name.to_owned(), Decision { action, reasons: vec![reason], fields: Vec::new() });
        }
        Some(decision) if rank(decision.action) < rank(action) => {
            if rank(decision.action) == 0 {
                decision.reasons.clear();
            }
            decision.action = action;
            decision.reasons.push(reason);
        }
        Some(_) => {}
    }
}
