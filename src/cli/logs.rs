//! `hl logs`: what containers write.

use std::sync::mpsc::Receiver as ThreadReceiver;
use std::thread;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::caller::Context;
use super::command_error::{Answer, CommandError};
use super::exit::Exit;
use super::interruptions::Signals;
use super::terminal::{Heard, Terminal, TerminalError};
use super::time_argument::time;
use crate::event::LogEvent;
use crate::model::Target;
use crate::model::log::LogRange;
use crate::node::Follow;
use crate::render::logs::{LogText, Names, Times, notice};
use crate::workflow::{LogRequest, LogsEnd, logs};

/// How many parts of the output wait to be written.
const WAITING: usize = 16;
/// How long whoever interrupts waits for a write that is under way.
const GRACE: Duration = Duration::from_millis(200);

/// Show what containers write, on all nodes, in the order of time.
///
/// Each line has the name of its container in front. Lines of standard output and of standard error are both shown. Nothing in
/// them is masked: they are what the programs wrote.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this node, service or container, such as nas, immich or nas/immich/container:server; all services by default.
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<Target>,
    /// Go on with what is written from now on.
    ///
    /// Through restarts and replacements of containers and losses of the connection, until it is interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Only lines from this time on: how long ago (10m, 2d), or when (15:04, 2026-01-02T15:04:05Z).
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only lines up to this time.
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "follow")]
    until: Option<Timestamp>,
    /// Only so many of the last lines of each container.
    #[arg(short = 'n', long, value_name = "LINES", value_parser = tail, default_value = "all")]
    tail: Tail,
    /// Show the time of each line.
    #[arg(short, long)]
    timestamps: bool,
    /// Show the lines alone, without the names of their containers.
    #[arg(long)]
    no_prefix: bool,
}

/// How many of the last lines.
#[derive(Clone, Copy, Debug)]
enum Tail {
    All,
    Last(u64),
}

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail::All),
        number => number.parse().map(Tail::Last).map_err(|_| "write a number, or all".to_owned()),
    }
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && until < since
    {
        return Err(CommandError::usage("--until is before --since"));
    }
    let tail = match arguments.tail {
        Tail::All => None,
        Tail::Last(lines) => Some(lines),
    };
    let request = LogRequest {
        targets: arguments.addresses.clone(),
        range: LogRange { since: arguments.since, until: arguments.until, tail },
        follow: if arguments.follow { Follow::Yes } else { Follow::No },
    };
    let names = if arguments.no_prefix { Names::Hidden } else { Names::Shown };
    let times = if arguments.timestamps { Times::Shown } else { Times::Hidden };
    let mut signals = Signals::new().map_err(|error| CommandError::because("cannot listen for signals", error))?;
    let recorded = context.record(terminal)?;
    let access = context.access();
    let (out, events) = mpsc::channel(WAITING);
    let written = write(events, LogText::new(terminal.out, names, times), *terminal)?;
    let reading = logs(&access, &recorded, request, terminal, out);
    let end = tokio::select! {
        end = reading => end?,
        () = signals.next() => {
            // A line that is half written would leave its colour behind; a reader that reads nothing is not waited for.
            let _ = tokio::task::spawn_blocking(move || written.recv_timeout(GRACE)).await;
            return Ok(Exit::Interrupted);
        }
    };
    // All that is left waits to be written. Whoever reads slowly may still interrupt.
    let written = tokio::task::spawn_blocking(move || written.recv());
    tokio::select! {
        written = written => match written {
            Ok(Ok(result)) => result?,
            Ok(Err(_)) | Err(_) => return Err(CommandError::shown(Exit::Failed)),
        },
        () = signals.next() => return Ok(Exit::Interrupted),
    }
    Ok(match end {
        LogsEnd::Whole => Exit::Done,
        LogsEnd::Incomplete => Exit::Incomplete,
        LogsEnd::Nothing => Exit::Failed,
    })
}

/// Writes in a thread of its own, since a write may take as long as somebody likes to read. Its end is told.
fn write(
    mut events: mpsc::Receiver<LogEvent>,
    mut text: LogText,
    terminal: Terminal,
) -> Result<ThreadReceiver<Result<(), TerminalError>>, CommandError> {
    let (done, written) = std::sync::mpsc::channel();
    let writing = move || {
        let mut result = Ok(());
        while let Some(event) = events.blocking_recv() {
            match event {
                LogEvent::Containers(containers) => text.add(containers),
                LogEvent::Lines(lines) => match terminal.stream(&text.lines(&lines)) {
                    Ok(Heard::Yes) => {}
                    // Nobody reads any more: that is no error, and the end.
                    Ok(Heard::No) => break,
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                },
                LogEvent::Notice(said) => {
                    let (line, hint) = notice(&said);
                    terminal.note(&line, hint.as_deref());
                }
            }
        }
        // Whoever waits for it may be gone.
        let _ = done.send(result);
    };
    let thread = thread::Builder::new().name("output".to_owned()).spawn(writing);
    thread.map_err(|error| CommandError::because("cannot start threads", error))?;
    Ok(written)
}
