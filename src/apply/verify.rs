//! Proves that services work as they are, without touching them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::mpsc::UnboundedSender;

use super::call::LOG_LINES;
use super::health;
use super::redact::Redactor;
use super::wait::wait;
use crate::event::{Proving, ProvingEvent, ProvingSubject};
use crate::model::NodeName;
use crate::model::homelab::{self, Condition, RunState, Service};
use crate::model::status::{Problem, Proof, Verified};
use crate::model::view::{LiveView, NodeView};
use crate::node::Node;

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
    /// Is told what is waited for.
    pub events: UnboundedSender<ProvingEvent>,
}

/// A service, with what is known of its containers.
pub struct Subject<'a> {
    /// The service.
    pub service: &'a Service,
    /// The problems of its containers.
    pub problems: Vec<Problem>,
    /// The containers whose health check is still undecided.
    pub starting: Vec<Starting>,
    /// The containers that do not run, with their ids: their logs tell why.
    pub logs: BTreeMap<String, String>,
}

/// A container whose health check is still undecided.
pub struct Starting {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The time allowed for it.
    pub timeout: Duration,
}

/// Verifies all services at once.
pub async fn verify(job: &Job<'_>) -> Vec<Verified> {
    join_all(job.services.iter().map(|subject| one(job, subject))).await
}

async fn one(job: &Job<'_>, subject: &Subject<'_>) -> Verified {
    let service = subject.service;
    let (node, name) = (service.node.clone(), service.name.clone());
    let unproved = |proof| Verified { node: node.clone(), service: name.clone(), proof, problems: Vec::new() };
    let door = match (job.live.nodes.get(&node), job.nodes.get(&node)) {
        (Some(NodeView::Known(_)), Some(door)) => door,
        (Some(NodeView::Maintenance), _) => return unproved(Proof::Maintenance),
        (Some(NodeView::Known(_) | NodeView::Unknown { .. }) | None, _) => return unproved(Proof::Silent),
    };
    if service.state == RunState::Stopped {
        return unproved(Proof::DeclaredStopped);
    }
    let redactor = Redactor::hiding(job.secrets);
    let proving = |subject| Proving { node: node.clone(), service: name.clone(), subject };
    // Nobody has to listen.
    let tell = |event| drop(job.events.send(event));
    let healthy = subject.starting.iter().map(async |Starting { id, name, timeout }| {
        let this = proving(ProvingSubject::Container(name.clone()));
        let say = |state: &str| tell(ProvingEvent::Waits(this.clone(), redactor.clean(state)));
        let result = wait(door.as_ref(), id, Condition::Healthy, *timeout, &say).await;
        tell(ProvingEvent::Ended(this.clone()));
        result
    });
    let mut problems: Vec<Problem> = subject.problems.iter().map(|problem| clean(problem, &redactor)).collect();
    for problem in &mut problems {
        let Problem::NotRunning { container, log, .. } = problem else { continue };
        let Some(id) = subject.logs.get(container) else { continue };
        // That it does not run is what counts; a log that cannot be had is no second problem.
        let lines = door.container_log(id, LOG_LINES).await.unwrap_or_default();
        *log = lines.iter().map(|line| redactor.clean(line)).collect();
    }
    let late = join_all(healthy).await.into_iter().filter_map(Result::err);
    let failed = |error: String| Problem::Failed { error: redactor.clean(&error) };
    problems.extend(late.map(|error| failed(error.to_string())));
    let script = service.health.as_ref().map(|script| script.path.clone());
    let proof = Proof::Containers { count: service.containers.len(), script };
    if let Some(script) = &service.health {
        let env_file = job.declared.get(&service.node).map(|node| node.env_file(&service.name)).unwrap_or_default();
        let this = proving(ProvingSubject::Script(script.path.clone()));
        let say = |state: &str| tell(ProvingEvent::Waits(this.clone(), redactor.clean(state)));
        say("");
        let proved = health::prove(door.as_ref(), script, &service.project_dir, &env_file, &say).await;
        tell(ProvingEvent::Ended(this.clone()));
        problems.extend(proved.err().map(|error| failed(error.to_string())));
    }
    Verified { problems, ..unproved(proof) }
}

/// The same without secrets in what a health check says.
fn clean(problem: &Problem, redactor: &Redactor) -> Problem {
    match problem {
        Problem::Unhealthy { container, check } => {
            let check = check.clone().map(|check| redactor.clean_check(check));
            Problem::Unhealthy { container: container.clone(), check }
        }
        Problem::Missing { .. } | Problem::CutOff { .. } | Problem::NotRunning { .. } | Problem::Failed { .. } => {
            problem.clone()
        }
    }
}
