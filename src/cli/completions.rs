//! `hl completions`: what a shell needs to complete hl's arguments.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::command_error::Answer;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::render::printable::Printable;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Shell.
    shell: Shell,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, command: &mut Command, terminal: &Terminal) -> Answer {
    let mut script = Vec::new();
    generate(arguments.shell, command, "hl", &mut script);
    terminal.print(&Printable::document(&String::from_utf8_lossy(&script)))?;
    Ok(Exit::Done)
}
