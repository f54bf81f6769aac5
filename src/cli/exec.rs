//! `hl exec`: a command in a running container.

use std::io::{self, IsTerminal, Read, Write, stdin, stdout};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use clap::Args;
use futures_util::TryStreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::interruptions::Signals;
use super::raw_terminal::{RawTerminal, window_size};
use super::selection::variable;
use super::terminal::{Terminal, TerminalError};
use crate::model::Target;
use crate::node::{Exec, ExecCommand, ExecOutput, Output, Streams};
use crate::workflow::exec_target;

/// How much of the input is read at a time, and how many such parts wait to be sent.
const READ: usize = 32 << 10;
const WAITING: usize = 4;
/// Between two questions how a command ended whose output has ended; and how many of them.
const POLL: Duration = Duration::from_millis(20);
const POLLS: u32 = 500;
/// How often the size of a terminal is told that the engine has not made yet.
const RESIZES: u32 = 10;

/// Run a command in a running container.
///
/// With a terminal on both ends it has a terminal, too; else its input and its outputs are plain. hl ends with the exit code of
/// the command. Whoever ends hl by a signal leaves the command running, as the engine has no way to end one.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The container, such as nas/immich/container:server; a service that has one container is enough.
    #[arg(value_name = "ADDRESS")]
    address: Target,
    /// No terminal for the command, even where hl has one.
    #[arg(short = 'T', long = "no-tty")]
    no_terminal: bool,
    /// The user that it runs as; the container's own by default.
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// The folder that it runs in; the container's own by default.
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// A variable for it; may be given several times.
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    /// The command and its arguments.
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// How the streams of a command ended.
enum End {
    /// The command ended, or closed its outputs.
    Output,
    /// Nobody reads the output any more.
    Unheard,
    /// Somebody ended hl.
    Interrupted,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let mut signals = Signals::new().map_err(listening)?;
    let recorded = context.record(terminal)?;
    let access = context.access();
    let finding = exec_target(&access, &recorded, &arguments.address, terminal);
    let target = tokio::select! {
        target = finding => target?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let streams = target.node.streams().expect("a node with containers has streams");
    let has_terminal = !arguments.no_terminal && stdin().is_terminal() && stdout().is_terminal();
    let command = ExecCommand {
        words: arguments.words.clone(),
        user: arguments.user.clone(),
        directory: arguments.workdir.clone(),
        environment: arguments.environment.clone(),
        terminal: if has_terminal { window_size() } else { None },
    };
    let Exec { id, output, input } = streams.exec(&target.id, &command).await?;
    let raw = match command.terminal {
        Some(_) => Some(RawTerminal::enter().map_err(|error| CommandError::because("cannot use the terminal", error))?),
        None => None,
    };
    let end = {
        let mut copying = pin!(copy(output));
        let mut feeding = pin!(feed(read_input()?, input));
        let mut sizing = pin!(tell_sizes(streams, &id, command.terminal.is_some()));
        let mut is_fed = false;
        loop {
            tokio::select! {
                end = &mut copying => break end,
                () = &mut feeding, if !is_fed => is_fed = true,
                never = &mut sizing => match never {},
                () = signals.next() => break Ok(End::Interrupted),
            }
        }
    };
    drop(raw);
    match end? {
        End::Output => Ok(Exit::OfCommand(exit_code(streams, &id).await?)),
        End::Unheard => Ok(Exit::Done),
        End::Interrupted => Ok(Exit::Interrupted),
    }
}

fn listening(error: io::Error) -> CommandError {
    CommandError::because("cannot listen for signals", error)
}

/// Writes what the command writes, as it is.
async fn copy(mut output: ExecOutput) -> Result<End, CommandError> {
    while let Some((to, bytes)) = output.try_next().await? {
        // A write takes as long as somebody likes to read, and signals are listened to meanwhile.
        let written = tokio::task::spawn_blocking(move || match to {
            Output::Stdout => write(&mut io::stdout().lock(), &bytes),
            Output::Stderr => write(&mut io::stderr().lock(), &bytes),
        });
        match written.await.expect("writing does not panic") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(End::Unheard),
            result => result.map_err(TerminalError::Output)?,
        }
    }
    Ok(End::Output)
}

fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Reads standard input in a thread of its own: a read ends when somebody types, and nobody waits for that at the end.
fn read_input() -> Result<mpsc::Receiver<Vec<u8>>, CommandError> {
    let (sender, input) = mpsc::channel(WAITING);
    let reading = move || {
        let mut from = stdin().lock();
        loop {
            let mut bytes = vec![0; READ];
            match from.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.truncate(read),
            }
            if sender.blocking_send(bytes).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("input".to_owned()).spawn(reading);
    thread.map_err(|error| CommandError::because("cannot start threads", error))?;
    Ok(input)
}

/// Gives the input to the command, and tells it the end. A command that reads no more is not given any.
async fn feed(mut input: mpsc::Receiver<Vec<u8>>, mut to: Box<dyn AsyncWrite + Send + Unpin>) {
    while let Some(bytes) = input.recv().await {
        if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    // Its output tells how it ended.
    let _ = to.shutdown().await;
}

/// Tells the command the size of the terminal now and at each change.
async fn tell_sizes(streams: &dyn Streams, id: &str, has_terminal: bool) -> std::convert::Infallible {
    if has_terminal && let Ok(mut changes) = signal(SignalKind::window_change()) {
        loop {
            for _ in 0..RESIZES {
                let Some(size) = window_size() else { break };
                // The engine may not have begun the command yet; and one that has ended needs no size.
                match streams.resize_exec(id, size).await {
                    Ok(()) => break,
                    Err(_) => tokio::time::sleep(POLL).await,
                }
            }
            changes.recv().await;
        }
    }
    std::future::pending().await
}

/// The exit code of a command whose output has ended: the engine may take a moment to know it.
async fn exit_code(streams: &dyn Streams, id: &str) -> Result<u8, CommandError> {
    for _ in 0..POLLS {
        if let Some(code) = streams.exec_code(id).await? {
            // As the system has it: the lowest eight bits.
            return Ok(u8::try_from(code.rem_euclid(256)).expect("it is below 256"));
        }
        tokio::time::sleep(POLL).await;
    }
    Err(CommandError::failed("the command has closed its output and goes on"))
}
