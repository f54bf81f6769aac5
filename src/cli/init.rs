//! `hl init`: declares a homelab of the compose files that are here and of what runs of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Parser};

use super::caller::{Context, own_host};
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::plan;
use super::terminal::Terminal;
use crate::atomic_file;
use crate::config::{self, node_address, node_at};
use crate::model::NodeName;
use crate::model::beginning::Beginning;
use crate::model::homelab::{Node, NodeAddress};
use crate::render;
use crate::workflow::begin;

/// Declare a homelab of the compose files that are here, wherever they lie, and of what runs of them: writes
/// inventory/topology.yaml and makes the plan. No container is touched, and no file that is there is changed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A machine: `local`, `ssh://user@host`, `unix:///path`, `tcp://host:port`, with its name before it if it is to have
    /// another than its host, as in `nas=ssh://admin@10.0.0.2`; may be given several times. This machine by default.
    #[arg(long, value_name = "[NAME=]ADDRESS", value_parser = machine)]
    from: Vec<Machine>,
    /// Change files that are there, too: add a line to .gitignore.
    #[arg(long)]
    write: bool,
}

/// A machine as an argument names it.
#[derive(Clone, Debug)]
struct Machine {
    name: Option<NodeName>,
    address: NodeAddress,
}

fn machine(text: &str) -> Result<Machine, String> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (Some(NodeName::new(name).map_err(|error| error.to_string())?), address),
        None => (None, text),
    };
    let address = node_address(address).map_err(|error| format!("the address {}; {}", error.why, error.hint))?;
    Ok(Machine { name, address })
}

/// The arguments of the plan that follows.
#[derive(Parser)]
struct Following {
    // Arguments of the plan refer to some of these.
    #[command(flatten)]
    _common: super::Common,
    #[command(flatten)]
    plan: plan::Arguments,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let file = context.root.join(TOPOLOGY);
    if file.exists() || context.root.join("inventory/hosts").is_dir() {
        if !arguments.from.is_empty() {
            let words = format!("{TOPOLOGY} is there already");
            let hint = "add machines and services to it by hand; docs/layouts.md has each layout";
            return Err(CommandError::usage(words).hint(hint));
        }
        terminal.talk(&format!("{TOPOLOGY} is there already: nothing is written."));
        return follow(context, terminal).await;
    }
    let nodes = machines(&arguments.from)?;
    let name = context.root.file_name().map_or_else(|| "home".to_owned(), |name| name.to_string_lossy().into_owned());
    let beginning = begin(&context.repository(), name, &nodes, &context.node_options()).await;
    if beginning.services.is_empty() {
        let words = format!("there is no compose file in {}", context.root.display());
        let hint = "run hl in the folder that has them, or say where it is with `-C DIR`";
        return Err(CommandError::failed(words).hint(hint));
    }
    terminal.data(&render::init::found(&beginning, &terminal.options()))?;
    write(&beginning, context, terminal)?;
    ignore_env_files(&beginning, arguments, context, terminal)?;
    follow(context, terminal).await
}

const TOPOLOGY: &str = "inventory/topology.yaml";

/// The schemas that the first lines of hl's files name for editors.
const SCHEMAS: [(&str, &str); 2] = [
    ("schema/topology.schema.json", include_str!("../../schema/topology.schema.json")),
    ("schema/service.schema.json", include_str!("../../schema/service.schema.json")),
];

/// The machines by name.
fn machines(from: &[Machine]) -> Result<BTreeMap<NodeName, Node>, CommandError> {
    let here = Machine { name: None, address: NodeAddress::Local };
    let from = if from.is_empty() { std::slice::from_ref(&here) } else { from };
    let mut nodes = BTreeMap::new();
    for machine in from {
        let name = machine.name.clone().unwrap_or_else(|| own_name(&machine.address));
        if nodes.insert(name.clone(), node_at(name.clone(), machine.address.clone())).is_some() {
            let words = format!("two machines are called `{name}`");
            return Err(CommandError::usage(words).hint("give one of them another name: `--from NAME=ADDRESS`"));
        }
    }
    Ok(nodes)
}

/// The name that a machine has by itself: the first part of its host.
fn own_name(address: &NodeAddress) -> NodeName {
    let host = match address {
        NodeAddress::Ssh { host, .. } | NodeAddress::Tcp { host, .. } => host.clone(),
        NodeAddress::Local | NodeAddress::Unix { .. } | NodeAddress::Simulated => own_host().unwrap_or_default(),
    };
    let is_number = host.parse::<std::net::IpAddr>().is_ok();
    let first = if is_number { host.as_str() } else { host.split('.').next().unwrap_or_default() };
    let kept: String =
        first.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    let valid = NodeName::new(kept.trim_matches('-'));
    valid.unwrap_or_else(|_| NodeName::new("machine").expect("it is a name"))
}

/// Writes what is not there yet.
fn write(beginning: &Beginning, context: &Context, terminal: &Terminal) -> Result<(), CommandError> {
    let mut files: Vec<(&str, String)> = vec![(TOPOLOGY, render::init::topology(beginning))];
    files.extend(SCHEMAS.map(|(path, text)| (path, text.to_owned())));
    for (path, text) in files {
        let file = context.root.join(path);
        if file.exists() {
            continue;
        }
        create(&file, &text).map_err(|error| CommandError::because(&format!("{path} cannot be written"), error))?;
        terminal.talk(&format!("wrote {path}"));
    }
    Ok(())
}

fn create(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    atomic_file::replace(file, text.as_bytes(), 0o644)
}

/// Keeps `.env` files out of git: by a file of its own, or by a line of the one that is there, if that may be changed.
fn ignore_env_files(
    beginning: &Beginning,
    arguments: &Arguments,
    context: &Context,
    terminal: &Terminal,
) -> Result<(), CommandError> {
    if !beginning.left.env_in_git {
        return Ok(());
    }
    let file: PathBuf = context.root.join(".gitignore");
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    if file.exists() && !arguments.write {
        terminal.warn(
            "nothing keeps .env files out of git: add a line `.env` to .gitignore, or let `hl init --write` do it",
        );
        return Ok(());
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    create(&file, &format!("{before}{gap}.env\n"))
        .map_err(|error| CommandError::because(".gitignore cannot be written", error))?;
    terminal.talk("wrote .gitignore: it keeps .env files out of git");
    Ok(())
}

/// Makes the plan: it proves that what runs is taken over as it is.
async fn follow(context: &Context, terminal: &Terminal) -> Answer {
    let (_, found) = config::load(context.repository());
    if found.has_errors() {
        terminal.talk("Mend what is said below, then run `hl plan`.");
    }
    let following = Following::try_parse_from(["plan"]).map_err(|error| CommandError::failed(error.to_string()))?;
    let exit = plan::run(&following.plan, context, terminal).await?;
    if exit == Exit::Done {
        terminal.talk("`hl apply` records this, and does what the plan says.");
    }
    Ok(exit)
}
