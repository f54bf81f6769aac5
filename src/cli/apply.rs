//! `hl apply`: does what the plan says, after consent.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use tokio::sync::{mpsc, watch};

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::interruptions;
use super::plan::{Limits, content, show};
use super::progress::Progress;
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::event::{Interruption, Report};
use crate::node::Connections;
use crate::plan::Phase;
use crate::render::OutputFormat;
use crate::render::progress;
use crate::state::Store;
use crate::workflow::{
    self, Access, ApplyError, ApplyRequest, Observation, Planned, SavedPlanError, observe, read_plan, require_current,
    require_unapplied, saved_plan,
};

/// Carry out the plan.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Saved plan of `hl plan -o`; refused if anything has changed since.
    #[arg(value_name = "PLAN", conflicts_with_all = ["targets", "excludes", "nodes", "max_changes", "allow_data_loss", "replace", "require_all_nodes", "prune_moved"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    consent: Consent,
    /// Stop after this phase.
    #[arg(long, value_enum, value_name = "PART")]
    until: Option<Until>,
}

/// How consent is given.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Consent {
    /// Do not ask for consent. Destroying data still needs `--allow-data-loss`.
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
    let agreed = match &arguments.plan {
        Some(path) => Some((path, read_plan(path)?)),
        None => None,
    };
    let mut store = Store::open(&context.state()?, context.lock_owner("apply"))?;
    if let Some((path, agreed)) = &agreed {
        require_unapplied(path, agreed, &store)?;
    }
    let access = context.access();
    let variables = &arguments.variables.variables;
    let observation = observe(&access, variables, Connections::Keep, terminal, store.state_mut(), None).await?;
    let state = store.state();
    let options = match &agreed {
        Some((_, agreed)) => agreed.options.options().map_err(SavedPlanError::from)?,
        None => {
            let options = arguments.selection.options(&observation, &state.view)?;
            arguments.limits.set(options, &observation, &state.view)?
        }
    };
    observation.refuse_broken(&options)?;
    let planned = observation.plan(&state.view, &state.sealer, options);
    let mut digest = None;
    if let Some((_, agreed)) = &agreed {
        require_current(agreed, &saved_plan(&observation, state, &planned, content(&planned.plan)))?;
        digest = Some(agreed.digest());
    }
    let job = Job {
        access: &access,
        observation: &observation,
        planned: &planned,
        until: arguments.until.map(Until::phase),
        digest,
        consent: arguments.consent,
    };
    carry_out(job, &mut store, context, terminal).await
}

/// A plan that waits for consent.
pub(super) struct Job<'a> {
    pub access: &'a Access,
    pub observation: &'a Observation,
    pub planned: &'a Planned,
    /// The last phase; all if absent.
    pub until: Option<Phase>,
    /// The digest of the saved plan, if it is one.
    pub digest: Option<String>,
    pub consent: Consent,
}

/// Shows a plan, asks, does it, and tells how it went.
pub(super) async fn carry_out(job: Job<'_>, store: &mut Store, context: &Context, terminal: &Terminal) -> Answer {
    let Job { access, observation, planned, until, digest, consent } = job;
    let plan = &planned.plan;
    show(plan, OutputFormat::Text, &workflow::Redactor::default(), terminal)?;
    if !plan.objections.is_empty() {
        return Err(CommandError::shown(Exit::Failed));
    }
    let complete = if plan.is_incomplete() { Exit::Incomplete } else { Exit::Done };
    if plan.changes.is_empty() && plan.steps.is_empty() {
        workflow::record_services(observation, planned, store)?;
        return Ok(complete);
    }
    // A plan that only updates the record needs no consent.
    if !plan.steps.is_empty() && !consent.yes && !terminal.confirm("Do this?")? {
        terminal.talk("Nothing was done.");
        return Ok(Exit::Failed);
    }
    let present = || saved_plan(observation, store.state(), planned, content(plan)).digest();
    let digest = digest.unwrap_or_else(present);
    let request = ApplyRequest { access, observation, planned, until, digest, commit: context.commit() };
    let began = Instant::now();
    let report = with_progress(request, store, terminal).await?;
    terminal.data(&progress::report(plan, &report, began.elapsed(), &terminal.options()))?;
    Ok(match (report.interrupted, report.is_complete()) {
        (Interruption::Finished | Interruption::Stopped, _) => Exit::Interrupted,
        (Interruption::No, false) => Exit::Partial,
        (Interruption::No, true) => complete,
    })
}

async fn with_progress(
    request: ApplyRequest<'_>,
    store: &mut Store,
    terminal: &Terminal,
) -> Result<Report, CommandError> {
    let (events, mut happened) = mpsc::unbounded_channel();
    let (ask, stop) = watch::channel(Interruption::No);
    interruptions::listen(ask, *terminal)?;
    let mut shown = Progress::new(&request.planned.plan, terminal);
    let reporting = async {
        while let Some(event) = happened.recv().await {
            shown.show(&event);
        }
    };
    let (result, ()) = tokio::join!(workflow::apply(request, store, stop, events), reporting);
    match result {
        Ok(report) => Ok(report),
        Err(ApplyError::Unrecorded { source, report }) => {
            let hint = "make room, or mend that file; then `hl apply` records what it finds on the nodes";
            terminal.error(&source.to_string(), &[hint.to_owned()]);
            Ok(*report)
        }
        Err(error @ (ApplyError::Locked(_) | ApplyError::NotBegun(_))) => Err(error.into()),
    }
}
