//! `hl unlock`: who is at work on the nodes, and what to do if nobody should be.

use std::fmt::Write;

use clap::Args;

use super::environment::Context;
use super::exit::{Answer, Exit, Failure};
use super::terminal::Terminal;
use crate::apply::{fallback_lock_file, lock_file};
use crate::config;
use crate::diagnostic::did_you_mean;
use crate::model::NodeName;
use crate::node::{self, LockHolder, Reach};
use crate::workflow::DiagnosticListener;

/// Show who holds the locks of the nodes; with --break, take a lock away.
///
/// An apply locks each node that it writes to. The lock ends with the apply, even with one that was killed or whose machine
/// lost its network: then within half a minute. So a lock that is held is held by an apply that is under way.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only these; all if none is given.
    #[arg(value_name = "NODE")]
    nodes: Vec<NodeName>,
    /// End the apply that holds the lock. What it was at is not finished; the next plan tells.
    #[arg(long = "break")]
    break_it: bool,
    /// Do not ask.
    #[arg(long, requires = "break_it")]
    yes: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let (sources, found) = config::load(context.repository());
    if sources.nodes.is_empty() {
        terminal.diagnostics(&found, &sources.map);
        return Err(Failure::said(Exit::Failed));
    }
    if let Some(name) = arguments.nodes.iter().find(|name| !sources.nodes.contains_key(*name)) {
        let failure = Failure::usage(format!("there is no node `{name}`"));
        return Err(match did_you_mean(name.as_str(), sources.nodes.keys().map(|n| n.as_str())) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure,
        });
    }
    let asked = sources.nodes.iter().filter(|(name, _)| arguments.nodes.is_empty() || arguments.nodes.contains(name));
    let nodes = asked.map(|(name, source)| (name.clone(), source.node.clone())).collect();
    let fleet = node::connect_all(&nodes, &context.node_options()).await;
    let mut held = Vec::new();
    let mut text = String::new();
    let mut exit = Exit::Done;
    for (name, reach) in &fleet {
        let Reach::Node(door) = reach else {
            let why = match reach {
                Reach::Failed(error) => error.kind.to_string(),
                Reach::Maintenance | Reach::Node(_) => "in maintenance".to_owned(),
            };
            let _ = writeln!(text, "{name}: unknown, {why}");
            exit = Exit::Incomplete;
            continue;
        };
        if door.tools().is_none() {
            let _ = writeln!(text, "{name}: has no lock, only its engine can be reached");
            continue;
        }
        let root = &nodes[name].root;
        let mut is_free = true;
        for path in [lock_file(root), fallback_lock_file(root)] {
            match door.lock_holder(&path).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    let _ = writeln!(text, "{name}: {}", evidence(&holder));
                    held.push((name, door, path));
                    is_free = false;
                }
                Err(error) => {
                    let _ = writeln!(text, "{name}: unknown, {}", error.kind);
                    exit = Exit::Incomplete;
                    is_free = false;
                }
            }
        }
        if is_free {
            let _ = writeln!(text, "{name}: free");
        }
    }
    terminal.data(&text)?;
    if !arguments.break_it || held.is_empty() {
        return Ok(exit);
    }
    let names: Vec<&str> = held.iter().map(|(name, ..)| name.as_str()).collect();
    if !arguments.yes && !terminal.confirm(&format!("End what is at work on {}?", names.join(", ")))? {
        terminal.talk("Nothing was done.");
        return Ok(Exit::Failed);
    }
    for (name, door, path) in held {
        door.break_lock(&path).await.map_err(Failure::world)?;
        terminal.talk(&format!("{name} is free. `hl plan` tells what was under way."));
    }
    Ok(exit)
}

fn evidence(holder: &LockHolder) -> String {
    let words = match holder.words.as_str() {
        "" => "by somebody who has not said who they are",
        words => words,
    };
    match holder.pid {
        Some(pid) => format!("held: {words}; process {pid} there holds it"),
        None => format!("held: {words}"),
    }
}
