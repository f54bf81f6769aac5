//! `hl completions`: what a shell needs to complete hl's arguments.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::exit::{Answer, Exit};
use super::terminal::Terminal;

/// Print what a shell needs to complete hl's arguments.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Answer {
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::Arguments::command(), "hl", &mut script);
    terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
