//! `hl new`: the files of a new service.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::terminal::Terminal;
use crate::compose::yaml;
use crate::model::draft::DraftContent;
use crate::model::{NodeName, ServiceName};
use crate::render::new_service::{Texts, begun, texts};
use crate::workflow::{NewFile, draft_service};

/// Make the files of a new service.
///
/// The folder is where the repository has its services (`services_dir`). No file is ever replaced; the topology gets a line
/// if the repository has several nodes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("content").required(true))]
pub(super) struct Arguments {
    /// Name of the service.
    service: ServiceName,
    /// Image that it runs, in a compose file of one container.
    #[arg(long, group = "content")]
    image: Option<String>,
    /// Compose file to take as it is.
    #[arg(long, value_name = "FILE", group = "content")]
    from: Option<PathBuf>,
    /// Node that owns it; needed where there are several.
    #[arg(long)]
    node: Option<NodeName>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let content = match (&arguments.image, &arguments.from) {
        (Some(image), _) => DraftContent::Image(image.clone()),
        (None, Some(file)) => {
            let text = std::fs::read(context.current_dir.join(file));
            DraftContent::Compose(
                text.map_err(|error| CommandError::because(&format!("cannot read {}", file.display()), error))?,
            )
        }
        (None, None) => return Err(CommandError::usage("say what it runs with `--image` or `--from`")),
    };
    let service = &arguments.service;
    let drafted = draft_service(&context.repository(), service, content, arguments.node.as_ref(), terminal)?;
    let Texts { compose, service: own, readme, example, health } = texts(&drafted.draft, yaml::is_plain_text);
    let names = drafted.draft.files.clone();
    let file = |name: String, content: Vec<u8>, mode: u32| NewFile { name, content, mode };
    let written = drafted.write(vec![
        file(names.compose, compose, 0o644),
        file(names.service, own.into_bytes(), 0o644),
        file(names.readme, readme.into_bytes(), 0o644),
        file(names.example, example.into_bytes(), 0o644),
        file(names.health, health.into_bytes(), 0o755),
    ])?;
    terminal.data(&begun(&written, service))?;
    Ok(Exit::Done)
}
