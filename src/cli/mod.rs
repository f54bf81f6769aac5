//! THE FRONT DOOR. Arguments in, text and exit code out; one file a command.
//!
//! The only place that prints, exits or reads the environment. stdout is data, stderr is talk. It
//! knows every other module and decides nothing that they could.

mod config;
mod repository;
mod validate;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Plan and apply for a homelab that runs on Docker Compose.
#[derive(Debug, Parser)]
#[command(name = "hl", version)]
struct Arguments {
    /// Root of the repository, instead of the current folder.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Config(config::Arguments),
    Validate(validate::Arguments),
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done.
    Done = 0,
    /// It did not work.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Runs hl with the arguments of a command line, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { directory, command }) => match command {
            Command::Config(arguments) => config::run(&arguments, directory.as_deref()).into(),
            Command::Validate(arguments) => validate::run(&arguments, directory.as_deref()).into(),
        },
        Err(error) => {
            // A pipe that was closed is no reason to fail on top.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
        }
    }
}
