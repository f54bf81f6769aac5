//! `hl update`: which images are newer than those in use.

use clap::Args;

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::output_format;
use super::selection::{Selection, Variables};
use super::terminal::Terminal;
use crate::model::{NodeName, Target};
use crate::node::Connections;
use crate::plan::Plan;
use crate::render::value::Secrets;
use crate::render::{self, OutputFormat, json};
use crate::workflow::{self, observe_with_record, record};

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json];

/// Show which images are newer than those in use. Exits with 3 if a registry or a node could not be asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this node or service, such as nas, immich or nas/immich; all by default.
    #[arg(value_name = "SERVICE")]
    services: Vec<Target>,
    /// Everything but this node or service.
    #[arg(short = 'x', long = "exclude", value_name = "SERVICE")]
    excludes: Vec<Target>,
    /// Only services on this node.
    #[arg(long = "node", value_name = "NODE")]
    nodes: Vec<NodeName>,
    #[command(flatten)]
    variables: Variables,
    /// Write the newer tags into the files of the repository where those in use stand, and show the plan that follows.
    #[arg(long)]
    write: bool,
    /// Exit with 2 if something is newer.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let env = &arguments.variables.variables;
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, env, Connections::Keep, terminal, record).await?;
    let selection = Selection {
        targets: arguments.services.clone(),
        excludes: arguments.excludes.clone(),
        nodes: arguments.nodes.clone(),
    };
    let options = selection.options(&observation, &state.view)?;
    let config = access.node_options.docker_config.as_deref();
    let updates = workflow::updates(&observation, &state.view, &options, config).await;
    let silent = observation.silent_nodes(&options);
    let incomplete = updates.has_gaps() || observation.has_gaps(&options);
    let written = arguments.write.then(|| workflow::write_updates(&access, &observation, &state, &updates.proposals));
    let mut report = match arguments.format {
        OutputFormat::Text => {
            terminal.data(&render::updates::updates(&updates.report, &silent, &terminal.options()))?;
            serde_json::Value::Null
        }
        OutputFormat::Json => json::updates::updates(&updates.report, &silent),
        format => return Err(output_format::missing(format, "hl update")),
    };
    if let Some(written) = written {
        match arguments.format {
            OutputFormat::Text => {
                terminal.data(&format!("\n{}", render::updates::edits(&written, &terminal.options())))?
            }
            _ => report["edits"] = json::updates::edits(&written),
        }
        if !written.written.is_empty() {
            drop(observation);
            let plan = plan(arguments, context, &selection, terminal).await?;
            match arguments.format {
                OutputFormat::Text => {
                    terminal.data(&format!("\n{}", render::plan::plan(&plan, &terminal.options())))?
                }
                _ => report["plan"] = json::plan(&plan, &mut Secrets::default()),
            }
        }
    }
    if arguments.format == OutputFormat::Json {
        terminal.json(&report)?;
    }
    Ok(match (incomplete, updates.has_news()) {
        (true, _) => Exit::Incomplete,
        (false, true) if arguments.detailed_exitcode => Exit::Changes,
        (false, _) => Exit::Done,
    })
}

/// The plan that follows from what is in the files by now.
async fn plan(
    arguments: &Arguments,
    context: &Context,
    selection: &Selection,
    terminal: &Terminal,
) -> Result<Plan, CommandError> {
    let (access, record) = (context.access(), record(context.state()?));
    let env = &arguments.variables.variables;
    let (observation, state) = observe_with_record(&access, env, Connections::Close, terminal, record).await?;
    let options = selection.options(&observation, &state.view)?;
    observation.refuse_broken(&options)?;
    Ok(observation.plan(&state.view, &state.sealer, options).plan)
}
