//! The end of an apply when somebody interrupts it, asks it to end, or closes its terminal.
//!
//! The first signal lets it finish what was begun, the second stops it; and it does end then, whatever it waits for. So
//! signals are waited for in a thread of their own, in which nothing else is done that can take long: a program whose
//! output nobody reads waits when it writes, and one that opens a file may.

use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::command_error::CommandError;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::event::Interruption;

/// How long an apply that is stopped may take to write down what it did.
const GRACE: Duration = Duration::from_secs(5);

/// The number of SIGHUP.
const HANGUP: u32 = 1;

/// Listens for as long as the process lives. Once nobody listens to `ask` any more, the apply has ended: then a signal
/// ends the process, as it does before.
///
/// # Errors
/// If the system gives no thread or no signal.
pub(super) fn listen(ask: watch::Sender<Interruption>, terminal: Terminal) -> Result<(), CommandError> {
    let failed = |error| CommandError::because("cannot listen for signals", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let mut signals = {
        let _of_runtime = runtime.enter();
        Signals::new().map_err(failed)?
    };
    let listening = async move {
        signals.next().await;
        end_if_over(&ask);
        ask.send_replace(Interruption::Finished);
        say(
            terminal,
            "Interrupted: steps under way are finished, and no new step begins. Interrupt again to stop at once.",
        );
        signals.next().await;
        end_if_over(&ask);
        end_after(GRACE);
        ask.send_replace(Interruption::Stopped);
        say(terminal, "Stopped.");
        signals.next().await;
        end();
    };
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listening));
    thread.map(drop).map_err(failed)
}

/// The signals by which somebody wants a process to end and leaves it the choice how.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None where whoever started hl has it go on without a terminal, as `nohup` does.
    hangup: Option<Signal>,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    ///
    /// # Errors
    /// If the system gives none.
    pub(super) fn new() -> std::io::Result<Signals> {
        let hangup = if is_ignored(HANGUP) { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether this process was started with a signal ignored. Source: `proc_pid_status(5)`, a mask in hex digits.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

/// Says something without waiting until it is said.
fn say(terminal: Terminal, words: &'static str) {
    // Without a thread for it nothing is said, which stops nobody.
    let _ = thread::Builder::new().spawn(move || terminal.talk(words));
}

fn end_if_over(ask: &watch::Sender<Interruption>) {
    if ask.is_closed() {
        end();
    }
}

fn end_after(time: Duration) {
    let waiting = thread::Builder::new().spawn(move || {
        thread::sleep(time);
        end();
    });
    if waiting.is_err() {
        end();
    }
}

fn end() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}
