//! The plan as a short text, the language of its tests.
//!
//! Steps are named by what they do and reasons by their cause, so that a further step or a renamed variant changes only
//! the lines that it concerns.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::model::{Typed, notation};
use crate::plan::{GroupId, Operation, Plan, Reason, Record, StepId};
use crate::render::sentences;

/// Each change with what is recorded, each verification, each step with what it waits for, and what
/// else the plan says.
pub fn outline(plan: &Plan) -> String {
    let labels = Labels::of(plan);
    let mut out = String::new();
    for change in &plan.changes {
        let record = match change.record {
            Record::Nothing => "nothing",
            Record::Applied(_) => "applied",
            Record::Forget => "forget",
        };
        let (symbol, addr, why) = (change.action.symbol(), &change.addr, causes(&change.reasons));
        let _ = writeln!(out, "{symbol} {addr}: {why} {} records {record}", labels.list(&change.steps));
        for stake in &change.data_at_stake {
            let _ = writeln!(out, "    data: {}", sentences::stake(stake));
        }
    }
    for verification in &plan.verifications {
        let (node, service, why) = (&verification.node, &verification.service, causes(&verification.reasons));
        let _ = writeln!(out, "✓ {node}/{service}: {why} {}", labels.list(&verification.steps));
    }
    for step in &plan.steps {
        let _ = write!(out, "{:?} {}", step.phase, labels.step(&step.id));
        if !step.after.is_empty() {
            let _ = write!(out, " after {}", labels.list(&step.after));
        }
        if let Some(undo) = &step.undo {
            let _ = write!(out, " (undo: {})", label(undo));
        }
        if !step.verifies.is_empty() {
            let groups: Vec<&str> = step.verifies.iter().map(|group| labels.group(*group)).collect();
            let _ = write!(out, " proves [{}]", groups.join(", "));
        }
        out.push('\n');
    }
    for (service, block) in &plan.blocked {
        let _ = writeln!(out, "blocked {service}: {}", sentences::block(block));
    }
    for (node, unknown) in &plan.unknown {
        let _ = writeln!(out, "unknown {node}: {}", sentences::unknown_cause(&unknown.cause));
    }
    for objection in &plan.objections {
        let _ = writeln!(out, "objection {:?}: {}", objection.kind(), sentences::objection(objection));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "note: {}", sentences::note(note));
    }
    out
}

/// The names of steps and groups: a step is called by what it does, with a number from the second of a kind on, and a
/// group by its first step.
struct Labels {
    steps: Vec<String>,
    groups: BTreeMap<GroupId, String>,
}

impl Labels {
    fn of(plan: &Plan) -> Self {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let (mut steps, mut groups) = (Vec::new(), BTreeMap::new());
        for step in &plan.steps {
            let name = label(&step.operation);
            let count = seen.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
            let label = if *count == 1 { name } else { format!("{name} ({count})") };
            if let Some(group) = step.group {
                groups.entry(group).or_insert_with(|| label.clone());
            }
            steps.push(label);
        }
        Self { steps, groups }
    }

    fn step(&self, id: &StepId) -> &str {
        &self.steps[id.0]
    }

    fn list<'i>(&self, ids: impl IntoIterator<Item = &'i StepId>) -> String {
        let labels: Vec<&str> = ids.into_iter().map(|id| self.step(id)).collect();
        format!("[{}]", labels.join(", "))
    }

    fn group(&self, group: GroupId) -> &str {
        self.groups.get(&group).map_or("nothing", String::as_str)
    }
}

/// Reasons by their causes, most important first.
pub fn causes(reasons: &[Reason]) -> String {
    reasons.iter().map(cause).collect::<Vec<_>>().join(", ")
}

fn cause(reason: &Reason) -> String {
    match reason {
        Reason::New => "new".to_owned(),
        Reason::Gone => "gone".to_owned(),
        Reason::Unrecorded => "unrecorded".to_owned(),
        Reason::Declared(fields) => format!("declared {}", fields.join(" ")),
        Reason::Drift(fields) => format!("drift {}", fields.join(" ")),
        Reason::Conflict(fields) => format!("conflict {}", fields.join(" ")),
        Reason::Differs(fields) => format!("differs {}", fields.join(" ")),
        Reason::ImageMoved => "image moved".to_owned(),
        Reason::ImageMissing => "image missing".to_owned(),
        Reason::PullPolicy(policy) => format!("pull policy {policy:?}"),
        Reason::MountedKindChanged(path) => format!("kind changed {path}"),
        Reason::MountedFileRewritten(path) => format!("rewritten {path}"),
        Reason::NetworkRemade(network) => format!("network remade {network}"),
        Reason::VolumeRemade(volume) => format!("volume remade {volume}"),
        Reason::FileChanged(path) => format!("file changed {path}"),
        Reason::SourceChanged(path) => format!("source changed {path}"),
        Reason::NotRunning(state) => format!("not running: {}", notation::text(&Typed::State(state.clone()))),
        Reason::DeclaredStopped => "declared stopped".to_owned(),
        Reason::DeclaredRunning => "declared running".to_owned(),
        Reason::StartedOutside => "started outside".to_owned(),
        Reason::Converged(fields) => format!("converged {}", fields.join(" ")),
        Reason::RecordedOnly(fields) => format!("recorded only {}", fields.join(" ")),
        Reason::MadeAnewOutside => "made anew outside".to_owned(),
        Reason::StaleNetwork(network) => format!("stale network {network}"),
        Reason::PeerReplaced(addr) => format!("peer replaced {addr}"),
        Reason::PeerGone(field) => format!("peer gone {field}"),
        Reason::DependencyRestarted(addr) => format!("dependency restarted {addr}"),
        Reason::DependencyChanged(service) => format!("dependency changed {service}"),
        Reason::Verify => "verify".to_owned(),
        Reason::OwnerChanged(node) => format!("owner changed {node}"),
        Reason::MovedTo(node) => format!("moved to {node}"),
        Reason::RenamedFrom(was) => format!("renamed from {was}"),
        Reason::RenamedTo(now) => format!("renamed to {now}"),
        Reason::LeftByMove(node) => format!("left by move {node}"),
        Reason::Unproven => "unproven".to_owned(),
        Reason::NoLongerDeclared => "no longer declared".to_owned(),
        Reason::Unfinished => "unfinished".to_owned(),
        Reason::Leftover => "leftover".to_owned(),
        Reason::Requested => "requested".to_owned(),
    }
}

/// A step by its kind and what it names; of a new container also the volumes that it takes over, of a wait what for.
fn label(operation: &Operation) -> String {
    let row = operation.describe();
    let names: Vec<&str> = row.names.iter().map(|(_, name)| *name).collect();
    let more = match operation {
        Operation::CreateContainer { inherited_volumes, .. } if !inherited_volumes.is_empty() => {
            format!(" carrying {:?}", inherited_volumes.keys())
        }
        Operation::AwaitContainer { condition, .. } => format!(" {condition:?}"),
        _ => String::new(),
    };
    format!("{} {}{more}", row.kind, names.join(" "))
}
