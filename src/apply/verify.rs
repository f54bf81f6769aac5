//! Proves that services work as they are, without touching them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::SecretString;

use super::env_file::ReadEnv;
use super::health;
use super::redact::Redactor;
use crate::model::homelab::{self, RunState, Service};
use crate::model::view::LiveView;
use crate::model::{NodeName, ServiceName};
use crate::node::Node;
use crate::plan::Plan;

/// What to verify and with what.
pub struct Job<'a> {
    /// The services, in the order of the answer, each with what is wrong with its containers.
    pub services: Vec<(&'a Service, Vec<String>)>,
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
    join_all(job.services.iter().map(|(service, problems)| one(job, service, problems))).await
}

async fn one(job: &Job<'_>, service: &Service, problems: &[String]) -> Verified {
    let (node, name) = (service.node.clone(), service.name.clone());
    let known = job.live.nodes.get(&service.node).and_then(|n| n.known());
    let (Some(_), Some(door)) = (known, job.nodes.get(&service.node)) else {
        let problems = vec![format!("{node} cannot be asked")];
        return Verified { node, service: name, proof: "unknown".to_owned(), problems };
    };
    if service.state == RunState::Stopped {
        return Verified { node, service: name, proof: "declared stopped".to_owned(), problems: Vec::new() };
    }
    let mut problems = problems.to_vec();
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
