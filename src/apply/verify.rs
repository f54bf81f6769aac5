//! Proves that services work as they are, without touching them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;

use super::health;
use super::redact::Redactor;
use super::wait::wait;
use crate::model::homelab::{self, Condition, RunState, Service};
use crate::model::view::LiveView;
use crate::model::{NodeName, ServiceName};
use crate::node::Node;
use crate::plan::Plan;

/// What to verify and with what.
pub struct Job<'a> {
    /// The services, in the order of the answer.
    pub services: Vec<Subject<'a>>,
    /// What the nodes have.
    pub live: &'a LiveView,
    /// The nodes as declared.
    pub declared: &'a BTreeMap<NodeName, homelab::Node>,
    /// The nodes that answered.
    pub nodes: &'a BTreeMap<NodeName, Arc<dyn Node>>,
    /// Secrets that must not be said.
    pub secrets: &'a [SecretString],
}

/// A service, with what is known of its containers.
pub struct Subject<'a> {
    /// The service.
    pub service: &'a Service,
    /// What is wrong with its containers.
    pub problems: Vec<String>,
    /// Those whose health check has not decided yet, by id, with the time that they may take.
    pub starting: BTreeMap<String, Duration>,
}

/// What was found of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its node.
    pub node: NodeName,
    /// The service.
    pub service: ServiceName,
    /// What was looked at, in words.
    pub proof: String,
    /// What does not work; empty if all does.
    pub problems: Vec<String>,
}

/// Verifies all services at once.
pub async fn verify(job: &Job<'_>) -> Vec<Verified> {
    join_all(job.services.iter().map(|subject| one(job, subject))).await
}

async fn one(job: &Job<'_>, subject: &Subject<'_>) -> Verified {
    let service = subject.service;
    let (node, name) = (service.node.clone(), service.name.clone());
    let known = job.live.nodes.get(&service.node).and_then(|n| n.known());
    let (Some(_), Some(door)) = (known, job.nodes.get(&service.node)) else {
        let problems = vec![format!("{node} cannot be asked")];
        return Verified { node, service: name, proof: "unknown".to_owned(), problems };
    };
    if service.state == RunState::Stopped {
        return Verified { node, service: name, proof: "declared stopped".to_owned(), problems: Vec::new() };
    }
    let (told, redactor) = (|_: &str| {}, Redactor::of(&Plan::default(), job.secrets));
    let healthy = subject
        .starting
        .iter()
        .map(async |(container, patience)| wait(door.as_ref(), container, Condition::Healthy, *patience, &told).await);
    let mut problems = subject.problems.clone();
    let late = join_all(healthy).await.into_iter().filter_map(Result::err);
    problems.extend(late.map(|error| redactor.clean(&error.to_string())));
    let mut proof = match service.containers.len() {
        1 => "1 container".to_owned(),
        n => format!("{n} containers"),
    };
    if let Some(script) = &service.health {
        proof = format!("{proof}, {}", script.path);
        let root = job.declared.get(&service.node).map_or("", |n| n.root.as_str());
        let env_file = format!("{root}/config/{}/.env", service.name);
        let proved = health::prove(door.as_ref(), script, &service.project_dir, &env_file, &told).await;
        problems.extend(proved.err().map(|error| redactor.clean(&error.to_string())));
    }
    Verified { node, service: name, proof, problems }
}
