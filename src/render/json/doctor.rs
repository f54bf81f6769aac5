//! A checkup, as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use crate::model::checkup::{Check, Finding, Outcome, Subject};
use crate::render::doctor::sentence;

/// All checks, each with what it is about, and with what to do where something is to be done.
pub fn doctor(checks: &[Check]) -> Json {
    let one = |check: &Check| {
        let (words, advice) = sentence(&check.finding);
        let advice = advice.filter(|_| check.outcome != Outcome::Fine);
        let node = match &check.subject {
            Subject::Node(node) => Some(node.as_str()),
            Subject::Repository | Subject::Git | Subject::ThisMachine | Subject::State => None,
        };
        json!({
            "subject": subject(&check.subject),
            "node": node,
            "check": kind(&check.finding),
            "outcome": outcome(check.outcome),
            "text": words,
            "advice": advice,
        })
    };
    json!({ "format_version": FORMAT_VERSION, "checks": checks.iter().map(one).collect::<Vec<_>>() })
}

fn subject(subject: &Subject) -> &'static str {
    match subject {
        Subject::Repository => "repository",
        Subject::Git => "git",
        Subject::ThisMachine => "this_machine",
        Subject::State => "state",
        Subject::Node(_) => "node",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fine => "ok",
        Outcome::Advice => "advice",
        Outcome::Unknown => "unknown",
        Outcome::Problem => "problem",
    }
}

fn kind(finding: &Finding) -> &'static str {
    match finding {
        Finding::Homelab { .. } | Finding::NoHomelab { .. } => "files",
        Finding::NoGit => "git",
        Finding::EnvFiles { .. } => "env_files",
        Finding::RecordInGit(_) => "record_in_git",
        Finding::Ssh(_) => "ssh",
        Finding::Completions { .. } => "completions",
        Finding::NothingRecorded | Finding::RecordUnreadable { .. } => "record",
        Finding::Key { .. } => "key",
        Finding::Busy { .. } | Finding::Lock(_) => "lock",
        Finding::CutOff { .. } => "cut_off",
        Finding::Engine { .. } | Finding::NotReached { .. } => "engine",
        Finding::Maintenance => "maintenance",
        Finding::Clock { .. } => "clock",
        Finding::OnlyEngine => "files_on_node",
        Finding::Root { .. } => "root",
        Finding::Space { .. } => "space",
        Finding::Programs { .. } => "programs",
        Finding::Unanswered { .. } => "question",
    }
}
