//! `hl plan`: what would change, and why.

use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::git_base;
use super::output_format;
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::model::Trust;
use crate::model::view::RecordedView;
use crate::node::Connections;
use crate::plan::{self, Note, Plan};
use crate::render::OutputFormat;
use crate::render::value::Secrets;
use crate::render::{self, json, markdown};
use crate::state;
use crate::workflow::{self, Observation, PlanContent, Redactor, established_record, observe_with_record, record};

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json, OutputFormat::Markdown];

/// Show what would change, and why. Nothing is written on any node. Exits with 1 if a problem prevents the apply.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    variables: Variables,
    #[command(flatten)]
    limits: Limits,
    /// Plan what somebody else wrote, such as a pull request: nodes and what was applied are those of the base, values of
    /// nodes and of secret files are masked wherever they are, and nothing is decrypted or written.
    #[arg(long, conflicts_with_all = ["out", "allow_read"])]
    untrusted: bool,
    /// The commit that the change is based on; by default the newest that it has in common with the default branch.
    #[arg(long, value_name = "COMMIT", requires = "untrusted")]
    base: Option<String>,
    /// Exit with 2 if there are changes and nothing prevents them.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Save the plan, for `hl apply FILE`.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// What a plan may do at most.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Limits {
    /// Refuse plans with more than N changes.
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
    /// Allow the data of this resource to be destroyed.
    #[arg(long, value_name = "ADDRESS")]
    pub allow_data_loss: Vec<crate::model::Target>,
    /// Make this container, network, volume or file anew, whatever the plan would say; of a service, its containers.
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<crate::model::Target>,
    /// Refuse to plan if any node cannot be read.
    #[arg(long)]
    pub require_all_nodes: bool,
    /// Remove what moved services left on their old nodes.
    #[arg(long)]
    pub prune_moved: bool,
}

impl Limits {
    /// The options with these limits.
    ///
    /// # Errors
    /// Resources that are neither declared nor recorded.
    pub fn set(
        &self,
        options: plan::Options,
        observation: &Observation,
        recorded: &RecordedView,
    ) -> Result<plan::Options, workflow::SelectionError> {
        let required = if self.require_all_nodes { plan::Required::All } else { plan::Required::None };
        let (allow_data_loss, replace) = (self.allow_data_loss.clone(), self.replace.clone());
        let prune = if self.prune_moved { plan::Prune::Moved } else { plan::Prune::Nothing };
        let options =
            plan::Options { max_changes: self.max_changes, allow_data_loss, replace, required, prune, ..options };
        workflow::require_resources(&options, &observation.homelab, recorded)?;
        Ok(options)
    }
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    if let Some(path) = &arguments.out {
        workflow::require_plan_file(path)?;
    }
    let env = &arguments.variables.variables;
    let (mut access, paths, close) = (context.access(), context.state()?, Connections::Close);
    if arguments.untrusted {
        access.repository = access.repository.untrusted();
        access.base = Some(git_base::base(&context.root, arguments.base.as_deref())?);
    }
    let record_of_base = access.base.as_ref().map(|base| base.record.clone());
    let (observation, state) = match (&arguments.out, record_of_base) {
        (_, Some(record)) => {
            observe_with_record(&access, env, close, terminal, move || state::of_record(record, &paths)).await?
        }
        (None, None) => observe_with_record(&access, env, close, terminal, record(paths)).await?,
        (Some(_), None) => {
            let record = established_record(paths, context.lock_owner("plan"));
            observe_with_record(&access, env, close, terminal, record).await?
        }
    };
    let options = arguments.selection.options(&observation, &state.view)?;
    let options = arguments.limits.set(options, &observation, &state.view)?;
    observation.refuse_broken(&options)?;
    let undeclared = workflow::reported(&observation, &state.view, &options);
    let planned = observation.plan(&state.view, &state.sealer, options);
    if let Some(path) = &arguments.out {
        let saved = workflow::saved_plan(&observation, &state, &planned, content(&planned.plan));
        workflow::write_plan(path, &saved)?;
    }
    let hidden = match observation.trust() {
        Trust::Owner => Redactor::default(),
        Trust::Untrusted => for_strangers(&observation),
    };
    show(&planned.plan, arguments.format, &hidden, terminal)?;
    render::undeclared::lines(&undeclared).iter().for_each(|line| terminal.talk(&hidden.clean(line)));
    let plan = &planned.plan;
    if let Some(path) = &arguments.out {
        let path = path.display();
        terminal.talk(&match plan.objections.is_empty() {
            true => format!("Saved. `hl apply {path}` does this, and nothing else."),
            false => format!("Saved, to be read: `hl apply {path}` refuses it because of the problems above."),
        });
    }
    Ok(match plan {
        // As of `hl apply`, which does nothing of such a plan.
        plan if !plan.objections.is_empty() => Exit::Failed,
        plan if plan.is_incomplete() => Exit::Incomplete,
        plan if plan.has_work() && arguments.detailed_exitcode => Exit::Changes,
        _ => Exit::Done,
    })
}

/// Hides what a stranger must not see, in every form in which a plan may have it.
fn for_strangers(observation: &Observation) -> Redactor {
    let hidden = observation.hidden_from_strangers();
    let forms = hidden.iter().flat_map(|secret| render::forms(secret.expose_secret()));
    Redactor::hiding(&forms.map(SecretString::from).collect::<Vec<_>>())
}

/// Prints a plan, without what is hidden.
pub(super) fn show(
    plan: &Plan,
    format: OutputFormat,
    hidden: &Redactor,
    terminal: &Terminal,
) -> Result<(), CommandError> {
    match format {
        OutputFormat::Text => terminal.data(&hidden.clean(&render::plan::plan(plan, &terminal.options())))?,
        OutputFormat::Json => {
            let mut json = json::plan(plan, &mut Secrets::default());
            json::change_texts(&mut json, &|text| hidden.clean(text));
            terminal.json(&json)?;
        }
        OutputFormat::Markdown => {
            let options = markdown::Options { detail: terminal.detail, ..markdown::Options::default() };
            terminal.data(&hidden.clean(&markdown::plan(plan, &options)))?;
        }
        format => return Err(output_format::missing(format, "hl plan")),
    }
    Ok(())
}

/// The contents of a plan for a saved plan. By how much a clock is wrong is true of one moment alone: another number must not
/// make it another plan.
pub(super) fn content(plan: &Plan) -> PlanContent {
    let mut secrets = Secrets::default();
    let mut plan = plan.clone();
    plan.notes.retain(|note| !matches!(note, Note::ClockDiffers { .. }));
    let json = json::plan(&plan, &mut secrets);
    PlanContent { json, secrets: secrets.digests().iter().map(ToString::to_string).collect() }
}
