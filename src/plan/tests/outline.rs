//! The plan as a short text, the language of its tests.

use std::fmt::Write;

use crate::plan::{Operation, Plan, Record};
use crate::render::sentences;

/// Each change with what is recorded, each verification, each step with what it waits for, and what
/// else the plan says.
pub fn outline(plan: &Plan) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        let reasons: Vec<String> = change.reasons.iter().map(|r| format!("{r:?}")).collect();
        let record = match change.record {
            Record::Nothing => "nothing",
            Record::Applied(_) => "applied",
            Record::Forget => "forget",
        };
        let steps: Vec<usize> = change.steps.iter().map(|s| s.0).collect();
        let _ = writeln!(
            out,
            "{} {}: {} {steps:?} records {record}",
            change.action.symbol(),
            change.addr,
            reasons.join(" ")
        );
        for stake in &change.data_at_stake {
            let _ = writeln!(out, "    data: {}", sentences::stake(stake));
        }
    }
    for verification in &plan.verifications {
        let steps: Vec<usize> = verification.steps.iter().map(|s| s.0).collect();
        let _ = writeln!(out, "✓ {}/{} {:?} {steps:?}", verification.node, verification.service, verification.reasons);
    }
    for step in &plan.steps {
        let after: Vec<String> = step.after.iter().map(|s| s.0.to_string()).collect();
        let _ = write!(out, "#{} {:?} {}", step.id.0, step.phase, call(&step.operation));
        if !after.is_empty() {
            let _ = write!(out, " after {}", after.join(" "));
        }
        if let Some(undo) = &step.undo {
            let _ = write!(out, " (undo: {})", call(undo));
        }
        if !step.verifies.is_empty() {
            let groups: Vec<usize> = step.verifies.iter().map(|g| g.0).collect();
            let _ = write!(out, " proves {groups:?}");
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

fn call(call: &Operation) -> String {
    match call {
        Operation::CheckMove { from, .. } => format!("check what comes from {from}"),
        Operation::CopyData { source, target } => format!("copy {source} to {target}"),
        Operation::DiscardData { target, .. } => format!("discard {target}"),
        Operation::RemoveFolder { path } => format!("remove {path}"),
        Operation::SetAside { path } => format!("set aside {path}"),
        Operation::EnsureDirectory(spec) => format!("mkdir {}", spec.path),
        Operation::WriteFile(spec) => format!("write {}", spec.path),
        Operation::PullImage { reference, .. } => format!("pull {reference}"),
        Operation::BuildImage { reference, .. } => format!("build {reference}"),
        Operation::CreateNetwork(spec) => format!("create network {}", spec.name),
        Operation::RemoveNetwork { name, .. } => format!("remove network {name}"),
        Operation::CreateVolume(spec) => format!("create volume {}", spec.name),
        Operation::RemoveVolume { name } => format!("remove volume {name}"),
        Operation::CreateContainer { name, carry, .. } if carry.is_empty() => format!("create {name}"),
        Operation::CreateContainer { name, carry, .. } => format!("create {name} carrying {:?}", carry.keys()),
        Operation::StartContainer { container } => format!("start {container}"),
        Operation::StopContainer { container } => format!("stop {container}"),
        Operation::RestartContainer { container } => format!("restart {container}"),
        Operation::UnpauseContainer { container } => format!("unpause {container}"),
        Operation::RenameContainer { container, name } => format!("rename {container} to {name}"),
        Operation::RemoveContainer { container, .. } => format!("remove {container}"),
        Operation::UpdateContainer { container, .. } => format!("update {container}"),
        Operation::ConnectNetwork { container, network, .. } => format!("connect {container} to {network}"),
        Operation::DisconnectNetwork { container, network } => format!("disconnect {container} from {network}"),
        Operation::AwaitContainer { container, condition, .. } => format!("await {container} {condition:?}"),
        Operation::RunHealthScript { script, .. } => format!("run {}", script.path),
    }
}
