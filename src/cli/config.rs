//! `hl config`: a Compose project as it is after interpolation, merging and all defaults.
//!
//! Of a service of the homelab, or of the Compose files at hand, then with the options of `docker compose config`.

use std::path::PathBuf;

use clap::Args;

use super::caller::Context;
use super::command_error::{Answer, CommandError, similar_name};
use super::exit::Exit;
use super::output_format;
use super::selection::variable;
use super::terminal::Terminal;
use crate::compose::yaml::{Node, Value};
use crate::compose::{self, Options, Origin, Project, Variables};
use crate::config::{self, ServiceSource};
use crate::diagnostic::{SourceMap, did_you_mean};
use crate::model::Taint;
use crate::render::OutputFormat;
use crate::render::printable::Printable;
use crate::workflow::DiagnosticListener;

/// Show a Compose project as it is after interpolation, merging and all defaults.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Service of the homelab, with the homelab's variables; those that only its node has are named.
    #[arg(value_name = "SERVICE", conflicts_with_all = ["files", "env_files", "profiles", "project_name", "project_directory"])]
    service: Option<String>,
    /// Compose file; later ones override earlier ones. Without any, those of this folder or the nearest above. What is
    /// named here is printed as docker compose config prints it, secrets and all.
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "yaml")]
    format: OutputFormat,
    /// Env file with variables, instead of the `.env` beside the first Compose file.
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Variable; overrides those of env files.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Profile to enable; `*` enables all.
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Name of the project.
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
    /// Folder that relative paths start from, instead of that of the first Compose file.
    #[arg(long, value_name = "DIR")]
    project_directory: Option<PathBuf>,
    /// Print secrets as they are.
    #[arg(long)]
    show_secrets: bool,
}

const FORMATS: &[OutputFormat] = &[OutputFormat::Json, OutputFormat::Yaml];

/// Keys below which a secret is no name, path or number that shapes the project, and is not shown.
const MASKED: [&str; 10] = [
    "environment",
    "command",
    "entrypoint",
    "labels",
    "annotations",
    "healthcheck",
    "args",
    "options",
    "driver_opts",
    "content",
];

/// Runs the command.
pub(super) fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let mut project = match &arguments.service {
        Some(service) => of_service(service, &arguments.variables, context, terminal)?,
        None => of_files(arguments, context, terminal)?,
    };
    // Files that the caller names are theirs to read, and the answer is meant to be Compose's own, to the letter.
    if !arguments.show_secrets && arguments.files.is_empty() {
        mask(&mut project.tree, Shown::Yes);
    }
    let text = match arguments.format {
        OutputFormat::Json => Printable::json(&on_its_lines(&compose::print::json(&project.tree))),
        OutputFormat::Yaml => Printable::document(&on_its_lines(&compose::print::yaml(&project.tree))),
        format => return Err(output_format::missing(format, "hl config")),
    };
    terminal.print(&text)?;
    Ok(Exit::Done)
}

/// A text that ends with its last line.
fn on_its_lines(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// The project of a service of the homelab.
fn of_service(
    service: &str,
    variables: &[(String, String)],
    context: &Context,
    terminal: &Terminal,
) -> Result<Project, CommandError> {
    let (sources, found) = config::load(context.repository());
    let (node, name) = service.split_once('/').map_or((None, service), |(node, name)| (Some(node), name));
    let is_it =
        |source: &&ServiceSource| source.name.as_str() == name && node.is_none_or(|node| source.node.as_str() == node);
    let found_services: Vec<&ServiceSource> = sources.services.values().filter(is_it).collect();
    if let [first, second, ..] = found_services.as_slice() {
        let words = format!("`{name}` runs on several nodes");
        let hint = format!("say which: `hl config {}/{name}` or `hl config {}/{name}`, say", first.node, second.node);
        return Err(CommandError::usage(words).hint(hint));
    }
    let Some(service) = found_services.first().map(|source| source.name.key()) else {
        terminal.diagnostics(&found, &sources.map);
        let failure = CommandError::usage(format!("there is no service `{service}`"));
        let near = did_you_mean(service, sources.services.keys().map(|name| name.as_str()));
        return Err(match near {
            Some(near) => failure.hint(similar_name(near)),
            None => failure,
        });
    };
    let (project, found, map) = config::project_offline(&sources, service, variables);
    terminal.diagnostics(&found, &map);
    project.ok_or(CommandError::shown(Exit::Failed))
}

/// The project of the Compose files that the arguments name.
fn of_files(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Result<Project, CommandError> {
    let mut variables = Variables::default();
    variables.push(Origin::Public, arguments.variables.iter().cloned());
    let mut defaults = Vec::new();
    // Files that the caller names are printed as Compose 2.26.1 prints them in an empty environment.
    if arguments.files.is_empty() {
        variables.push(Origin::Public, [("PWD", context.root.to_string_lossy())]);
        defaults.extend(context.home.iter().map(|home| ("HOME".to_owned(), home.clone())));
    }
    let options = Options {
        named_after: None,
        current_dir: context.root.clone(),
        files: arguments.files.clone(),
        project_dir: arguments.project_directory.clone(),
        env_files: arguments.env_files.clone(),
        variables,
        defaults,
        profiles: arguments.profiles.clone(),
        project_name: arguments.project_name.clone(),
        home: context.home.clone(),
        checked_env_file: None,
        other_projects: "",
    };
    let repository = context.repository();
    // Files that the caller names are theirs, with what they name in turn; a repository ends at its top all the same.
    let named = arguments.files.iter().chain(&arguments.env_files).filter_map(|file| file.parent());
    let named = named.chain(arguments.project_directory.as_deref()).map(|folder| context.root.join(folder));
    let everything = (!arguments.files.is_empty() && !repository.is_in_git()).then(|| PathBuf::from("/"));
    let repository = repository.allowing(context.allow_read.iter().cloned().chain(named).chain(everything).collect());
    let mut sources = SourceMap::default();
    let (project, found) = match compose::load(repository.reader.as_ref(), &options, &mut sources) {
        Ok(loaded) => (Ok(loaded.project), loaded.warnings),
        Err(errors) => (Err(CommandError::shown(Exit::Failed)), errors),
    };
    terminal.diagnostics(&found, &sources);
    project
}

/// Whether secrets at a place may be shown.
#[derive(Clone, Copy)]
enum Shown {
    Yes,
    No,
}

/// Puts a placeholder in place of every secret that may not be shown.
fn mask(node: &mut Node, shown: Shown) {
    match (&mut node.value, shown) {
        (Value::Map(map), _) => {
            for (key, entry) in map {
                let shown = if MASKED.contains(&key.as_str()) { Shown::No } else { shown };
                mask(&mut entry.node, shown);
            }
        }
        (Value::List(items), _) => items.iter_mut().for_each(|item| mask(item, shown)),
        (value @ Value::Text(_), Shown::No) if node.taint == Taint::Secret => {
            *value = Value::Text("(secret)".to_owned());
        }
        (Value::Text(_) | Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_), _) => {}
    }
}
