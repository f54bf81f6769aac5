//! `hl apply`: does what the plan says, after consent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use tokio::sync::{mpsc, watch};

use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::plan::{Form, Limits, saved, show};
use super::progress::Progress;
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::apply::{self, PARALLELISM};
use crate::event::{Interruption, Report};
use crate::model::NodeName;
use crate::model::view::RecordedService;
use crate::node;
use crate::plan::file::{SavedPlan, Stale};
use crate::plan::{self, Phase};
use crate::render::english;
use crate::render::progress;
use crate::state::Store;
use crate::workflow::{ConnectedNodes, Observation, Planned, observe};

/// Do what the plan says.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A plan that `hl plan -o` saved: it is done if nothing has moved since.
    #[arg(value_name = "PLAN", conflicts_with_all = ["targets", "excludes", "nodes", "max_changes", "allow_data_loss", "require_all_nodes", "prune_moved"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    consent: Consent,
    /// Stop after this part.
    #[arg(long, value_enum, value_name = "PART")]
    until: Option<Until>,
}

/// How consent is given.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Consent {
    /// Do not ask. Steps that destroy data need `--allow-data-loss` all the same.
    #[arg(short, long)]
    pub yes: bool,
}

/// The parts of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// Directories, files and images: nothing that runs is touched.
    Prepare,
    /// Networks, volumes and containers.
    Deploy,
    /// Health.
    Verify,
}

impl Until {
    fn phase(self) -> Phase {
        match self {
            Until::Prepare => Phase::Prepare,
            Until::Deploy => Phase::Deploy,
            Until::Verify => Phase::Verify,
        }
    }
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let agreed = arguments.plan.as_deref().map(read).transpose()?;
    let mut store = Store::open(&context.state()?, context.claim("apply")).map_err(Failure::world)?;
    if let (Some(agreed), Some(path)) = (&agreed, &arguments.plan)
        && store.was_applied(&agreed.digest()).map_err(Failure::world)?
    {
        let text = format!("{} was applied already", path.display());
        return Err(Failure::world(text).hint("make a new plan with `hl plan -o`"));
    }
    let variables = &arguments.variables.variables;
    let observation = observe(&context.access(), variables, node::Connections::Keep, terminal).await?;
    let options = match &agreed {
        Some(agreed) => agreed.options.options().map_err(Failure::world)?,
        None => arguments.limits.set(arguments.selection.options(&observation, &store.state().view)?),
    };
    observation.refuse_broken(&options)?;
    let planned = observation.plan(&store.state().view, &store.state().sealer, options);
    let mut digest = None;
    if let Some(agreed) = &agreed {
        let stale = agreed.stale(&saved(&observation, store.state(), &planned));
        if !stale.is_empty() {
            return Err(refusal(stale.iter()));
        }
        digest = Some(agreed.digest());
    }
    let job = Job { planned, until: arguments.until.map(Until::phase), digest };
    carry_out(job, &observation, &mut store, arguments.consent, context, terminal).await
}

fn read(path: &Path) -> Result<SavedPlan, Failure> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::world(format!("cannot read {shown}: {error}")))?;
    SavedPlan::parse(&text).map_err(|why| Failure::world(format!("{shown}: {why}")))
}

/// Why a saved plan is not carried out.
fn refusal<'a>(stale: impl Iterator<Item = &'a Stale>) -> Failure {
    let why = |stale: &Stale| match stale {
        Stale::Homelab => "it is for another homelab".to_owned(),
        Stale::Lineage => "the state is another one: it belongs to another homelab, or was begun anew".to_owned(),
        Stale::Serial { then, now } => {
            format!("something was applied since: the state's serial was {then} and is {now}")
        }
        Stale::Inputs => {
            "a file of the repository, an env file on a node or a variable given with --env is not as it was".to_owned()
        }
        Stale::Live(addresses) => format!("changed on their node since: {}", english::shortened(addresses, 5)),
        Stale::Plan => "the plan would be another one now".to_owned(),
    };
    let lines: Vec<String> = stale.map(why).collect();
    Failure::world(format!("the saved plan is not applied\n{}", lines.join("\n")))
        .hint("make a new plan with `hl plan -o`, and look at it")
}

/// A plan that waits for consent.
pub(super) struct Job {
    pub planned: Planned,
    /// The last phase; all if absent.
    pub until: Option<Phase>,
    /// The digest of the saved plan, if it is one.
    pub digest: Option<String>,
}

/// Shows a plan, asks, does it, and tells how it went.
pub(super) async fn carry_out(
    job: Job,
    observation: &Observation,
    store: &mut Store,
    consent: Consent,
    context: &Context,
    terminal: &Terminal,
) -> Answer {
    let plan = &job.planned.plan;
    show(plan, Form::Text, terminal)?;
    if !plan.objections.is_empty() {
        return Err(Failure::said(Exit::Failed));
    }
    let settled = if plan.is_incomplete() { Exit::Incomplete } else { Exit::Done };
    let services = observation.homelab.services.values().map(|s| (s.name.clone(), RecordedService::of(s))).collect();
    if plan.changes.is_empty() && plan.steps.is_empty() {
        apply::record_services(plan, store, &services).map_err(Failure::world)?;
        return Ok(settled);
    }
    // What only the record follows needs nobody's leave.
    if !plan.steps.is_empty() && !consent.yes && !terminal.confirm("Do this?")? {
        terminal.talk("Nothing was done.");
        return Ok(Exit::Failed);
    }
    let digest = job.digest.clone().unwrap_or_else(|| saved(observation, store.state(), &job.planned).digest());
    let options = apply::Options {
        until: job.until,
        parallelism: PARALLELISM,
        nodes: observation.homelab.nodes.clone(),
        services,
        secrets: observation.secrets(),
        digest,
        commit: context.commit(),
        holder: store.claim().to_string(),
    };
    let began = Instant::now();
    let at_work: BTreeSet<&NodeName> = plan.steps.iter().map(|step| &step.node).collect();
    let (used, mut nodes): (ConnectedNodes, ConnectedNodes) =
        observation.nodes.clone().into_iter().partition(|(name, _)| at_work.contains(name));
    nodes.extend(node::renewed(used, &observation.homelab.nodes, &context.node_options()).await);
    let report = with_progress(plan, &nodes, store, &options, terminal).await?;
    terminal.data(&progress::report(plan, &report, began.elapsed(), &terminal.options()))?;
    Ok(match (report.interrupted, report.is_complete()) {
        (Interruption::Finished | Interruption::Stopped, _) => Exit::Interrupted,
        (Interruption::No, false) => Exit::Partial,
        (Interruption::No, true) => settled,
    })
}

async fn with_progress(
    plan: &plan::Plan,
    nodes: &ConnectedNodes,
    store: &mut Store,
    options: &apply::Options,
    terminal: &Terminal,
) -> Result<Report, Failure> {
    let (events, mut happened) = mpsc::unbounded_channel();
    let (ask, stop) = watch::channel(Interruption::No);
    let listening = tokio::spawn(listen(ask, *terminal));
    let mut shown = Progress::new(plan, terminal);
    let reporting = async {
        while let Some(event) = happened.recv().await {
            shown.show(&event);
        }
    };
    let (result, ()) = tokio::join!(apply::apply(plan, nodes, store, options, stop, events), reporting);
    listening.abort();
    match result {
        Ok(report) => Ok(report),
        Err(apply::Error::Unrecorded { source, report }) => {
            terminal.error(&source.to_string(), "what was done is not all recorded; `hl plan` finds it on the nodes");
            Ok(*report)
        }
        Err(error @ (apply::Error::Locked(_) | apply::Error::NotBegun(_))) => Err(Failure::world(error)),
    }
}

/// Turns the first interruption into "finish what was begun", the second into "stop".
async fn listen(ask: watch::Sender<Interruption>, terminal: Terminal) {
    for (wish, words) in [
        (
            Interruption::Finished,
            "Interrupted: what was begun is finished, nothing new is begun. Again to stop at once.",
        ),
        (Interruption::Stopped, "Stopped."),
    ] {
        if interrupted().await.is_err() {
            return;
        }
        terminal.talk(words);
        let _ = ask.send(wish);
    }
    // A third one must not be lost on a process that hangs.
    let _ = interrupted().await;
    std::process::exit(Exit::Interrupted as i32);
}

/// Waits for Ctrl-C or a request to end.
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
