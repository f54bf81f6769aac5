//! `hl doctor`: whether everything is there that a first plan needs.

use std::path::{Path, PathBuf};

use clap::Args;

use super::caller::Context;
use super::command_error::Answer;
use super::env_var::variable;
use super::exit::Exit;
use super::output_format;
use super::terminal::Terminal;
use crate::model::checkup::{Outcome, Shell};
use crate::render;
use crate::render::OutputFormat;
use crate::workflow::{CompletionPlaces, doctor};

const FORMATS: &[OutputFormat] = &[OutputFormat::Text, OutputFormat::Json];

/// Check everything that a plan needs, and say what to do about what is missing.
///
/// Looks at the repository, at git, at this machine, at the record and its key, and at every node: whether it answers, its
/// engine, its clock, its disk, its programs and its lock. Nothing is written anywhere. Exits with 1 if something is a
/// problem, and with 3 if nothing is and a node could not be reached.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Output format.
    #[arg(long, value_name = "FORMAT", value_parser = output_format::one_of(FORMATS), default_value = "text")]
    format: OutputFormat,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let checks = doctor(&context.access(), &context.state()?, completion_places(context.home.as_deref())).await;
    match arguments.format {
        OutputFormat::Text => terminal.data(&render::doctor::doctor(&checks, &terminal.options()))?,
        OutputFormat::Json => terminal.json(&render::json::doctor::doctor(&checks))?,
        format => return Err(output_format::missing(format, "hl doctor")),
    }
    Ok(match checks.iter().map(|check| check.outcome).max() {
        Some(Outcome::Problem) => Exit::Failed,
        Some(Outcome::Unknown) => Exit::Incomplete,
        Some(Outcome::Advice | Outcome::Fine) | None => Exit::Done,
    })
}

/// Where the user's shell looks for completions; none for a shell that hl has none for.
fn completion_places(home: Option<&str>) -> Option<CompletionPlaces> {
    let shell = variable("SHELL")?;
    let home = Path::new(home?);
    let in_home = |name: &str, otherwise: &str| {
        let folder = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        folder.unwrap_or_else(|| home.join(otherwise))
    };
    let (shell, own, others): (Shell, PathBuf, &[&str]) = match Path::new(&shell).file_name()?.to_str()? {
        "bash" => (
            Shell::Bash,
            in_home("XDG_DATA_HOME", ".local/share").join("bash-completion/completions/hl"),
            &["/usr/share/bash-completion/completions/hl", "/etc/bash_completion.d/hl"],
        ),
        "zsh" => (
            Shell::Zsh,
            home.join(".zfunc/_hl"),
            &["/usr/share/zsh/site-functions/_hl", "/usr/local/share/zsh/site-functions/_hl"],
        ),
        "fish" => (
            Shell::Fish,
            in_home("XDG_CONFIG_HOME", ".config").join("fish/completions/hl.fish"),
            &["/usr/share/fish/vendor_completions.d/hl.fish"],
        ),
        _ => return None,
    };
    let paths = std::iter::once(own).chain(others.iter().map(PathBuf::from)).collect();
    Some(CompletionPlaces { shell, paths })
}
