//! Proves that services work as they are, without touching them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::SecretString;

use super::env_file::ReadEnv;
use super::health;
use super::redact::Redactor;
use crate::diff;
use crate::model::homelab::{self, RunState, Service};
use crate::model::view::{Health, LiveNode, LiveView, RecordedView, Status};
use crate::model::{NodeName, ServiceName};
use crate::node::Node;
use crate::plan::Plan;

/// What to verify and with what.
pub struct Job<'a> {
    /// The services, in the order of the answer.
    pub services: Vec<&'a Service>,
    /// What was applied last.
    pub recorded: &'a RecordedView,
    /// What the nodes have.
    pub live: &'a LiveView,
    /// The nodes as declared.
    pub declared: &'a BTreeMap<NodeName, homelab::Node>,
    /// The nodes that answered.
    pub nodes: &'a BTreeMap<NodeName, Arc<dyn Node>>,
    /// How an env file is read.
    pub read_env: ReadEnv,
    /// Secrets that must not be said.
    pub secrets: &'a [SecretString],
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
    join_all(job.services.iter().map(|service| one(job, service))).await
}

async fn one(job: &Job<'_>, service: &Service) -> Verified {
    let (node, name) = (service.node.clone(), service.name.clone());
    let known = job.live.nodes.get(&service.node).and_then(|n| n.known());
    let (Some(live), Some(door)) = (known, job.nodes.get(&service.node)) else {
        let problems = vec![format!("{node} cannot be asked")];
        return Verified { node, service: name, proof: "unknown".to_owned(), problems };
    };
    if service.state == RunState::Stopped {
        return Verified { node, service: name, proof: "declared stopped".to_owned(), problems: Vec::new() };
    }
    let mut problems = containers(job, service, live);
    let mut proof = match service.containers.len() {
        1 => "1 container".to_owned(),
        n => format!("{n} containers"),
    };
    if let Some(script) = &service.health {
        proof = format!("{proof}, {}", script.path);
        let root = job.declared.get(&service.node).map_or("", |n| n.root.as_str());
        let env_file = format!("{root}/config/{}/.env", service.name);
        let told = |_: &str| {};
        let proved = health::prove(door.as_ref(), script, &service.project_dir, &env_file, job.read_env, &told).await;
        let redactor = Redactor::of(&Plan::default(), job.secrets);
        problems.extend(proved.err().map(|error| redactor.clean(&error.to_string())));
    }
    Verified { node, service: name, proof, problems }
}

fn containers(job: &Job<'_>, service: &Service, live: &LiveNode) -> Vec<String> {
    let found = diff::instances(service, job.recorded, live);
    let mut problems = Vec::new();
    for name in service.containers.keys() {
        let Some(container) = found.current.get(name) else {
            problems.push(format!("container {name} is not there"));
            continue;
        };
        match (&container.status, &container.health) {
            (Status::Running, None | Some(Health::Healthy)) | (Status::Exited { code: 0 }, _) => {}
            (Status::Running, Some(Health::Starting)) => problems.push(format!("container {name} is not yet healthy")),
            (Status::Running, Some(Health::Unhealthy)) => problems.push(format!("container {name} is unhealthy")),
            (status, _) => problems.push(format!("container {name} is {}", diff::state_text(status))),
        }
    }
    problems
}
