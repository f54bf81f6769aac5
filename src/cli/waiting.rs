//! Tells what a verification waits for: on a terminal a line that changes, elsewhere one line once it takes long.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::terminal::Terminal;
use crate::event::ProvingEvent;
use crate::render::printable::visible;
use crate::render::verify;

/// Waits that are shorter are not worth a word.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(120);

/// Shows what is waited for.
pub(super) struct Waiting {
    terminal: Terminal,
    /// The changing line, on a terminal.
    line: Option<ProgressBar>,
}

impl Waiting {
    /// On stderr.
    pub fn new(terminal: &Terminal) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let line = (stderr().is_terminal() && !dumb).then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").expect("the template is right");
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
        });
        Waiting { terminal: *terminal, line }
    }

    /// Shows it until nobody sends any more.
    pub async fn show(self, mut events: UnboundedReceiver<ProvingEvent>) {
        let (mut under_way, mut takes_long, mut said) = (BTreeMap::new(), false, false);
        let long = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(ProvingEvent::Waits(proving, state)) => drop(under_way.insert(proving, state)),
                    Some(ProvingEvent::Ended(proving)) => drop(under_way.remove(&proving)),
                    None => break,
                },
                () = sleep_until(long), if !takes_long => takes_long = true,
            }
            if !takes_long || under_way.is_empty() {
                continue;
            }
            let text = verify::waiting(&under_way);
            match &self.line {
                Some(line) => {
                    line.enable_steady_tick(TURN);
                    line.set_message(visible(&text));
                }
                // The reader of a log does not need each change.
                None if said => {}
                None => self.terminal.talk(&format!("{text} …")),
            }
            said = true;
        }
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}
