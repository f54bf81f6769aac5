//! A plan as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use super::value::value;
use crate::diff::{FieldChange, Verdict};
use crate::model::{Addr, NodeName, ServiceName, Typed, notation};
use crate::plan::{
    Downtime, Objection, ObjectionKind, OnFailure, Phase, Plan, PlannedChange, Reason, Step, StepId, Unknown,
    UnknownCause, Verification,
};
use crate::render::count::Counts;
use crate::render::report::{drift_summary, groups, summary, why};
use crate::render::value::Secrets;
use crate::render::{reason, sentences, step};

/// A plan as JSON, without any secret. `schema/plan.schema.json` describes it.
pub fn plan(plan: &Plan, secrets: &mut Secrets) -> Json {
    let counts = Counts::of_plan(plan);
    json!({
        "format_version": FORMAT_VERSION,
        "summary": {
            "text": summary(plan),
            "changes": plan.has_changes(),
            "complete": !plan.is_incomplete(),
            "counts": actions(&counts),
            "containers_that_restart": counts.restarting,
            "containers_that_stop": counts.stopping,
            "drifts": counts.drifts,
            "conflicts": counts.conflicts,
        },
        "services": groups(plan).iter().map(|group| json!({
            "node": group.node.as_str(),
            "service": group.service.as_str(),
            "counts": actions(&group.counts(plan)),
            "why": why(group, plan),
        })).collect::<Json>(),
        "changes": plan.changes.iter().map(|c| change(c, secrets)).collect::<Json>(),
        "verifications": plan.verifications.iter().map(verification).collect::<Json>(),
        "steps": plan.steps.iter().map(|one| step(plan, one)).collect::<Json>(),
        "unknown": plan.unknown.iter().map(unknown).collect::<Json>(),
        "blocked": plan.blocked.iter().map(|(service, block)| json!({
            "service": service.as_str(),
            "why": sentences::block(block),
        })).collect::<Json>(),
        "objections": plan.objections.iter().map(objection).collect::<Json>(),
        "notes": plan.notes.iter().map(sentences::note).collect::<Json>(),
        "order": plan.order.iter().map(ServiceName::as_str).collect::<Json>(),
    })
}

/// Drift in the shape of a plan: what was changed outside hl, and nothing that is to be done.
pub fn drift(drift: &Plan, secrets: &mut Secrets) -> Json {
    let mut report = plan(drift, secrets);
    report["summary"]["text"] = drift_summary(drift).into();
    report
}

fn actions(counts: &Counts) -> Json {
    counts
        .actions
        .iter()
        .map(|(action, n)| (action.as_word().to_owned(), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// One change, as in a plan.
pub(super) fn change(change: &PlannedChange, secrets: &mut Secrets) -> Json {
    let PlannedChange { addr, action, reasons, fields, downtime, dependents, data_at_stake, steps, .. } = change;
    json!({
        "address": addr.to_string(),
        "node": addr.node.as_str(),
        "service": addr.service.as_str(),
        "kind": addr.kind.as_str(),
        "name": addr.name,
        "action": action.as_str(),
        "reasons": reasons.iter().map(|r| reason(r, &addr.node, &addr.service)).collect::<Json>(),
        "downtime": match downtime {
            Downtime::None => "none",
            Downtime::Restart => "restart",
            Downtime::Stops => "stops",
        },
        "fields": fields.iter().map(|f| field(f, secrets)).collect::<Json>(),
        "dependents": dependents.iter().map(sentences::dependent).collect::<Json>(),
        "data_at_stake": data_at_stake.iter().map(sentences::stake).collect::<Json>(),
        "steps": ids(steps),
    })
}

/// One field, as in a plan.
pub(super) fn field(field: &FieldChange, secrets: &mut Secrets) -> Json {
    let FieldChange { field, verdict, declared, recorded, live, cost } = field;
    let mut show = |v: &Option<crate::model::Value>| v.as_ref().map(|v| value(v, secrets));
    json!({
        "field": field.to_string(),
        "verdict": verdict_word(*verdict),
        "live": show(live),
        "recorded": show(recorded),
        "declared": show(declared),
        "cost": cost.as_str().replace(' ', "_"),
    })
}

fn verdict_word(verdict: Verdict) -> String {
    verdict.as_str().replace(' ', "_")
}

/// A reason with its kind, what it names, and the words for it.
fn reason(reason: &Reason, node: &NodeName, service: &ServiceName) -> Json {
    let (kind, name, what) = match reason {
        Reason::New => ("new", "", Json::Null),
        Reason::Gone => ("gone", "", Json::Null),
        Reason::Unrecorded => ("unrecorded", "", Json::Null),
        Reason::Declared(fields) => ("declared", "fields", json!(fields)),
        Reason::Drift(fields) => ("drift", "fields", json!(fields)),
        Reason::Conflict(fields) => ("conflict", "fields", json!(fields)),
        Reason::Differs(fields) => ("differs", "fields", json!(fields)),
        Reason::ImageMoved => ("image_moved", "", Json::Null),
        Reason::ImageMissing => ("image_missing", "", Json::Null),
        Reason::PullPolicy(policy) => ("pull_policy", "policy", json!(sentences::pull_policy(policy))),
        Reason::FileChanged(path) => ("file_changed", "path", json!(path)),
        Reason::MountedKindChanged(path) => ("mounted_kind_changed", "path", json!(path)),
        Reason::MountedFileRewritten(path) => ("mounted_file_rewritten", "path", json!(path)),
        Reason::NetworkRemade(network) => ("network_remade", "network", json!(network)),
        Reason::VolumeRemade(volume) => ("volume_remade", "volume", json!(volume)),
        Reason::SourceChanged(path) => ("source_changed", "path", json!(path)),
        Reason::NotRunning(state) => ("not_running", "state", json!(notation::text(&Typed::State(state.clone())))),
        Reason::DeclaredStopped => ("declared_stopped", "", Json::Null),
        Reason::DeclaredRunning => ("declared_running", "", Json::Null),
        Reason::StartedOutside => ("started_outside", "", Json::Null),
        Reason::Converged(fields) => ("converged", "fields", json!(fields)),
        Reason::RecordedOnly(fields) => ("recorded_only", "fields", json!(fields)),
        Reason::MadeAnewOutside => ("made_anew_outside", "", Json::Null),
        Reason::StaleNetwork(network) => ("stale_network", "network", json!(network)),
        Reason::PeerReplaced(addr) => ("peer_replaced", "address", json!(addr.to_string())),
        Reason::PeerGone(field) => ("peer_gone", "fields", json!([field.as_str()])),
        Reason::DependencyRestarted(addr) => ("dependency_restarted", "address", json!(addr.to_string())),
        Reason::DependencyChanged(service) => ("dependency_changed", "service", json!(service.as_str())),
        Reason::OwnerChanged(node) => ("owner_changed", "node", json!(node.as_str())),
        Reason::RenamedFrom(was) => ("renamed_from", "address", json!(was.to_string())),
        Reason::RenamedTo(now) => ("renamed_to", "address", json!(now.to_string())),
        Reason::LeftByMove(node) => ("left_by_move", "node", json!(node.as_str())),
        Reason::MovedTo(node) => ("moved_to", "node", json!(node.as_str())),
        Reason::Verify => ("verify", "", Json::Null),
        Reason::Unproven => ("unproven", "", Json::Null),
        Reason::NoLongerDeclared => ("no_longer_declared", "", Json::Null),
        Reason::Unfinished => ("unfinished", "", Json::Null),
        Reason::Leftover => ("leftover", "", Json::Null),
        Reason::Requested => ("requested", "", Json::Null),
    };
    let mut members = serde_json::Map::new();
    members.insert("reason".to_owned(), json!(kind));
    if !name.is_empty() {
        members.insert(name.to_owned(), what);
    }
    members.insert("text".to_owned(), json!(reason::words_for(reason, node, service)));
    members.into()
}

fn verification(verification: &Verification) -> Json {
    let Verification { node, service, reasons, steps } = verification;
    json!({
        "node": node.as_str(),
        "service": service.as_str(),
        "reasons": reasons.iter().map(|r| reason(r, node, service)).collect::<Json>(),
        "steps": ids(steps),
    })
}

/// Steps are numbered from 1, in text and JSON alike.
fn ids<'a>(ids: impl IntoIterator<Item = &'a StepId>) -> Json {
    ids.into_iter().map(|id| json!(id.0 + 1)).collect()
}

fn step(plan: &Plan, step: &Step) -> Json {
    json!({
        "id": step.id.0 + 1,
        "node": step.node.as_str(),
        "service": step.service.as_str(),
        "address": step.addr.as_ref().map(Addr::to_string),
        "phase": match step.phase {
            Phase::Prepare => "prepare",
            Phase::Deploy => "deploy",
            Phase::Verify => "verify",
            Phase::Clean => "clean",
        },
        "call": step.operation.describe().kind,
        "text": step::words(plan, step).to_do,
        "undo": step::undo(plan, step).map(|undo| undo.to_do),
        "group": step.group.map(|group| group.0 + 1),
        "after": ids(&step.after),
        "behind": ids(&step.behind),
        "on_failure": match step.on_failure {
            OnFailure::Block => "hold_back",
            OnFailure::Continue => "go_on",
        },
    })
}

fn unknown((node, unknown): (&NodeName, &Unknown)) -> Json {
    json!({
        "node": node.as_str(),
        "kind": match unknown.cause {
            UnknownCause::Unreachable { .. } => "unreachable",
            UnknownCause::Maintenance => "maintenance",
        },
        "why": sentences::unknown_cause(&unknown.cause),
        "hint": sentences::unknown_hint(&unknown.cause),
        "services": unknown.services.iter().map(ServiceName::as_str).collect::<Json>(),
    })
}

fn objection(objection: &Objection) -> Json {
    json!({
        "kind": match objection.kind() {
            ObjectionKind::DataLoss => "data_loss",
            ObjectionKind::Protected => "protected",
            ObjectionKind::Impossible => "impossible",
            ObjectionKind::TooMany => "too_many",
            ObjectionKind::Empty => "empty",
            ObjectionKind::Incomplete => "incomplete",
        },
        "address": objection.addr().map(Addr::to_string),
        "text": sentences::objection(objection),
        "hint": sentences::objection_hint(objection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;
    use crate::render::json::violations;

    const SCHEMA: &str = include_str!("../../../schema/plan.schema.json");

    #[test]
    fn every_plan_follows_the_published_schema() {
        let schema: Json = serde_json::from_str(SCHEMA).unwrap();
        for (name, made) in fixtures::all() {
            assert_eq!(
                violations::violations(&schema, &plan(&made, &mut Secrets::default())),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }

    #[test]
    fn the_schema_refuses_what_is_no_plan() {
        let schema: Json = serde_json::from_str(SCHEMA).unwrap();
        let mut broken = plan(&fixtures::secret_change(), &mut Secrets::default());
        broken["changes"][0]["action"] = json!("explode");
        broken["changes"][0]["fields"][0]["live"] = json!({ "clear": "hunter2" });
        broken["steps"][0]["extra"] = json!(1);
        assert_eq!(violations::violations(&schema, &broken).len(), 3);
    }

    #[test]
    fn a_plan_as_json() {
        insta::assert_json_snapshot!(plan(&fixtures::secret_change(), &mut Secrets::default()));
    }

    #[test]
    fn no_secret_is_in_it() {
        for (name, made) in fixtures::all() {
            assert!(!plan(&made, &mut Secrets::default()).to_string().contains("hunter"), "{name}");
        }
    }
}
