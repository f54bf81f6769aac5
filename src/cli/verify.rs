//! `hl verify`: proves that what runs works, without changing anything.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use clap::Args;

use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::selection::Selection;
use super::terminal::Terminal;
use crate::apply::verify::{self, Verified};
use crate::diff;
use crate::model::ServiceName;
use crate::model::homelab::Service;
use crate::model::view::{Health, LiveView, NodeView, RecordedView, Status};
use crate::node::Connections;
use crate::plan;
use crate::workflow::{observe_with_record, record};

/// Prove that services work: Docker's health checks and each service's healthcheck.sh.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these; all if none is given.
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    #[command(flatten)]
    selection: Selection,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, &[], Connections::Keep, terminal, record).await?;
    let recorded = &state.view;
    let mut selection = arguments.selection.clone();
    for service in &arguments.services {
        selection.targets.push(service.as_str().parse().map_err(Failure::world)?);
    }
    let options = selection.options(&observation, recorded)?;
    let order = plan::service_order(&observation.homelab);
    let chosen = order
        .iter()
        .filter_map(|name| observation.homelab.services.get(name))
        .filter(|service| options.asks_for(&service.node, &service.name));
    let job = verify::Job {
        services: chosen.map(|service| subject(service, recorded, &observation.live)).collect(),
        live: &observation.live,
        declared: &observation.homelab.nodes,
        nodes: &observation.nodes,
        secrets: &observation.secrets(),
    };
    let verified = verify::verify(&job).await;
    terminal.data(&text(&verified))?;
    let failed = verified.iter().any(|v| !v.problems.is_empty());
    Ok(match (failed, observation.has_gaps(&options)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Done,
    })
}

fn text(verified: &[Verified]) -> String {
    let mut out = String::new();
    for service in verified {
        let mark = if service.problems.is_empty() { '✓' } else { '✗' };
        let _ = writeln!(out, "{mark} {}/{}  {}", service.node, service.service, service.proof);
        for problem in &service.problems {
            let _ = writeln!(out, "    {}", problem.replace('\n', "\n    "));
        }
    }
    let failed = verified.iter().filter(|v| !v.problems.is_empty()).count();
    let _ = match failed {
        0 => writeln!(out, "\nAll {} services work.", verified.len()),
        n => writeln!(out, "\n{n} of {} services do not work.", verified.len()),
    };
    out
}

/// A service with what its containers are, as they were just read.
fn subject<'a>(service: &'a Service, recorded: &RecordedView, live: &LiveView) -> verify::Subject<'a> {
    let (mut problems, mut starting) = (Vec::new(), BTreeMap::new());
    let Some(node) = live.nodes.get(&service.node).and_then(NodeView::known) else {
        return verify::Subject { service, problems, starting };
    };
    let found = diff::instances(service, recorded, node);
    for (name, declared) in &service.containers {
        let Some(container) = found.current.get(name) else {
            problems.push(format!("container {name} is not there"));
            continue;
        };
        match (&container.status, &container.health) {
            (Status::Running, None | Some(Health::Healthy)) | (Status::Exited { code: 0 }, _) => {}
            (Status::Running, Some(Health::Starting)) => {
                starting.insert(container.id.clone(), Duration::from_millis(plan::readiness_timeout(declared)));
            }
            (Status::Running, Some(Health::Unhealthy)) => problems.push(format!("container {name} is unhealthy")),
            (status, _) => problems.push(format!("container {name} is {}", diff::state_text(status))),
        }
    }
    verify::Subject { service, problems, starting }
}
