//! `hl config`: a Compose project as it is after interpolation, merging and all defaults.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Exit;
use crate::config::compose::{self, Origin, Request, Variables};
use crate::config::files::Disk;
use crate::diagnostic::SourceMap;
use crate::render::{Palette, diagnostic};

/// Show a Compose project as it is after interpolation, merging and all defaults.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Compose file; later ones override earlier ones. Without any, those of this folder or the nearest above.
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to write the project.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Env file with variables, instead of the `.env` beside the first Compose file.
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
    /// Variable, over those of env files.
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Exit {
    let current_dir = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("hl: the current folder cannot be read: {error}");
            return Exit::Failed;
        }
    };
    let mut variables = Variables::default();
    variables.push(Origin::Public, arguments.variables.iter().cloned());
    let request = Request {
        current_dir,
        files: arguments.files.clone(),
        project_dir: arguments.project_directory.clone(),
        env_files: arguments.env_files.clone(),
        variables,
        defaults: Vec::new(),
        profiles: arguments.profiles.clone(),
        project_name: arguments.project_name.clone(),
        home: std::env::var("HOME").ok().filter(|home| !home.is_empty()),
    };
    let mut sources = SourceMap::default();
    let loaded = compose::load(&request, &Disk, &mut sources);
    let palette = if std::io::stderr().is_terminal() { Palette::Coloured } else { Palette::Plain };
    eprint!("{}", diagnostic::diagnostics(&loaded.diagnostics, &sources, palette));
    let Some(project) = loaded.project else { return Exit::Failed };
    let text = match arguments.format {
        Format::Json => compose::print::json(&project.tree),
        Format::Yaml => compose::print::yaml(&project.tree),
    };
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("hl: {error}");
            Exit::Failed
        }
    }
}
