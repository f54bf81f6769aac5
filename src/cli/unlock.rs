//! `hl unlock`: who is at work on the nodes, and what to do if nobody should be.

use clap::Args;

use super::caller::Context;
use super::command_error::Answer;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::model::NodeName;
use crate::render;
use crate::workflow::node_locks;

/// Show who holds the locks of the nodes; with --break, take a lock away.
///
/// An apply locks each node that it writes to. The lock ends with the apply, even with one that was killed or whose machine
/// lost its network: then within half a minute. So a lock that is held is held by an apply that is under way.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these nodes; all by default.
    #[arg(value_name = "NODE")]
    nodes: Vec<NodeName>,
    /// End the apply that holds the lock. Its current steps may be left half done; the next plan shows what is left.
    #[arg(long = "break")]
    break_it: bool,
    /// Do not ask for consent.
    #[arg(long, requires = "break_it")]
    yes: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let locks = node_locks(&context.access(), &arguments.nodes, terminal).await?;
    let exit = if locks.is_incomplete() { Exit::Incomplete } else { Exit::Done };
    terminal.data(&render::locks::locks(&locks.found))?;
    let names: Vec<&str> = locks.held_on().into_iter().map(NodeName::as_str).collect();
    if !arguments.break_it || names.is_empty() {
        return Ok(exit);
    }
    if !arguments.yes && !terminal.confirm(&format!("End the apply that holds the lock of {}?", names.join(", ")))? {
        terminal.talk("Nothing was done.");
        return Ok(Exit::Failed);
    }
    let is_free = |name: &NodeName| terminal.talk(&format!("{name} is free. `hl plan` tells what was under way."));
    locks.break_held(is_free).await?;
    Ok(exit)
}
