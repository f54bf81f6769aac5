//! `hl plan`: what would change, and why.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::node::Connections;
use crate::plan::file::{self, SavedOptions, SavedPlan};
use crate::plan::{self, Plan};
use crate::render::value::Secrets;
use crate::render::{json, markdown};
use crate::state::{self, Claim, Paths, State, Store};
use crate::workflow::{Observation, Planned, observe_with_record, record};

/// Show what would change, and why. Nothing is written on any node.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    limits: Limits,
    /// Exit with 2 if there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Save the plan, for `hl apply FILE`.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// What a plan may do at most.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Limits {
    /// The most changes that are in order.
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
    /// Let the data of this resource be destroyed.
    #[arg(long, value_name = "ADDRESS")]
    pub allow_data_loss: Vec<crate::model::Target>,
    /// Refuse if some node cannot be read, instead of planning for the others.
    #[arg(long)]
    pub require_all_nodes: bool,
    /// Remove what services left on the nodes that they moved away from.
    #[arg(long)]
    pub prune_moved: bool,
}

impl Limits {
    /// The options with these limits.
    pub fn set(&self, options: plan::Options) -> plan::Options {
        let required = if self.require_all_nodes { plan::Required::All } else { plan::Required::None };
        let allow_data_loss = self.allow_data_loss.clone();
        let prune = if self.prune_moved { plan::Prune::Moved } else { plan::Prune::Nothing };
        plan::Options { max_changes: self.max_changes, allow_data_loss, required, prune, ..options }
    }
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let env = &arguments.variables.variables;
    let (access, paths, close) = (context.access(), context.state()?, Connections::Close);
    let (observation, state) = match arguments.out {
        None => observe_with_record(&access, env, close, terminal, record(paths)).await?,
        Some(_) => {
            let claim = context.claim("plan");
            observe_with_record(&access, env, close, terminal, move || established(&paths, claim)).await?
        }
    };
    let options = arguments.limits.set(arguments.selection.options(&observation, &state.view)?);
    observation.refuse_broken(&options)?;
    let planned = observation.plan(&state.view, &state.sealer, options);
    if let Some(path) = &arguments.out {
        let saved = saved(&observation, &state, &planned);
        write(path, &saved.text())?;
    }
    show(&planned.plan, arguments.format, terminal)?;
    if let Some(path) = &arguments.out {
        terminal.talk(&format!("Saved. `hl apply {}` does this, and nothing else.", path.display()));
    }
    Ok(match (planned.plan.is_incomplete(), planned.plan.has_work() && arguments.detailed_exitcode) {
        (true, _) => Exit::Incomplete,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}

/// The state, on the disk: whoever saves a plan needs one that is the same when it is applied.
fn established(paths: &Paths, claim: Claim) -> Result<State, state::Error> {
    let mut store = Store::open(paths, claim)?;
    store.establish()?;
    Ok(store.state().clone())
}

/// Prints a plan.
pub(super) fn show(plan: &Plan, form: Form, terminal: &Terminal) -> Result<(), Failure> {
    match form {
        Form::Text => terminal.data(&crate::render::plan::plan(plan, &terminal.options())),
        Form::Json => terminal.json(&json::plan(plan, &mut Secrets::default())),
        Form::Markdown => {
            let options = markdown::Options { detail: terminal.detail, ..markdown::Options::default() };
            terminal.data(&markdown::plan(plan, &options))
        }
    }
}

/// The plan as it is saved.
pub(super) fn saved(observation: &Observation, state: &State, planned: &Planned) -> SavedPlan {
    let mut secrets = Secrets::default();
    let plan = json::plan(&planned.plan, &mut secrets);
    SavedPlan {
        format_version: file::FORMAT_VERSION,
        made_by: format!("hl {}", env!("CARGO_PKG_VERSION")),
        made_at: state::now(),
        homelab: observation.homelab.name.clone(),
        lineage: state.lineage.clone(),
        serial: state.view.serial,
        inputs: file::inputs(&observation.inputs(), &state.sealer).to_string(),
        options: SavedOptions::of(&planned.options),
        fingerprints: file::fingerprints(&planned.plan, &planned.changes, &state.sealer),
        secrets: secrets.digests().iter().map(ToString::to_string).collect(),
        plan,
    }
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let error = |error: std::io::Error| Failure::world(format!("cannot write {}: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let passing = folder.join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&passing)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&passing, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&passing);
        error(e)
    })
}
