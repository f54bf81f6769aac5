//! Proves that services work as they are, without touching them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;

use super::health;
use super::redact::Redactor;
use super::wait::wait;
use crate::model::NodeName;
use crate::model::homelab::{self, Condition, RunState, Service};
use crate::model::status::{Problem, Proof, Verified};
use crate::model::view::LiveView;
use crate::node::Node;
use crate::plan::Plan;

/// The services to verify and the data needed for it.
pub struct Job<'a> {
    /// The services, in the order of the answer.
    pub services: Vec<Subject<'a>>,
    /// The live view of the nodes.
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
    /// The problems of its containers.
    pub problems: Vec<Problem>,
    /// The containers whose health check is still undecided, by id, with the time allowed for each.
    pub starting: BTreeMap<String, Duration>,
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
        return Verified { node, service: name, proof: Proof::Nothing, problems: vec![Problem::NoAnswer] };
    };
    if service.state == RunState::Stopped {
        return Verified { node, service: name, proof: Proof::DeclaredStopped, problems: Vec::new() };
    }
    let (told, redactor) = (|_: &str| {}, Redactor::of(&Plan::default(), job.secrets));
    let healthy = subject
        .starting
        .iter()
        .map(async |(container, timeout)| wait(door.as_ref(), container, Condition::Healthy, *timeout, &told).await);
    let mut problems = subject.problems.clone();
    let late = join_all(healthy).await.into_iter().filter_map(Result::err);
    let failed = |error: String| Problem::Failed { error: redactor.clean(&error) };
    problems.extend(late.map(|error| failed(error.to_string())));
    let script = service.health.as_ref().map(|script| script.path.clone());
    let proof = Proof::Containers { count: service.containers.len(), script };
    if let Some(script) = &service.health {
        let env_file = job.declared.get(&service.node).map(|node| node.env_file(&service.name)).unwrap_or_default();
        let proved = health::prove(door.as_ref(), script, &service.project_dir, &env_file, &told).await;
        problems.extend(proved.err().map(|error| failed(error.to_string())));
    }
    Verified { node, service: name, proof, problems }
}
