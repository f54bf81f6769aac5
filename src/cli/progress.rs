//! The progress output of an apply: on a terminal the running steps, elsewhere one line per event.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::event::Event;
use crate::plan::Plan;
use crate::render::page::Page;
use crate::render::progress;

/// Shows events.
pub(super) struct Progress<'a> {
    plan: &'a Plan,
    terminal: Terminal,
    view: View,
}

enum View {
    /// Running steps at the bottom, finished steps above.
    Live { all: MultiProgress, running: BTreeMap<usize, ProgressBar> },
    /// One line per event.
    Lines,
}

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(120);

impl<'a> Progress<'a> {
    /// For an apply of this plan.
    pub fn new(plan: &'a Plan, terminal: &Terminal) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let view = match stderr().is_terminal() && !dumb {
            true => {
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
                View::Live { all, running: BTreeMap::new() }
            }
            false => View::Lines,
        };
        Progress { plan, terminal: *terminal, view }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        let text = progress::line(self.plan, event).map(|line| {
            let mut page = Page::default();
            page.push(line);
            page.print(self.terminal.err, usize::MAX)
        });
        match &mut self.view {
            View::Lines => {
                if let Some(text) = text {
                    self.terminal.log(&text);
                }
            }
            View::Live { all, running } => match event {
                Event::Started { step } => {
                    let bar = all.add(ProgressBar::new_spinner().with_style(style()));
                    bar.set_message(under_way(self.plan, *step, None));
                    bar.enable_steady_tick(TURN);
                    running.insert(*step, bar);
                }
                Event::Progress { step, text, bytes } => {
                    if let Some(bar) = running.get(step) {
                        bar.set_message(under_way(self.plan, *step, Some((text, *bytes))));
                    }
                }
                Event::Finished { step, .. } => {
                    if let Some(bar) = running.remove(step) {
                        bar.finish_and_clear();
                        all.remove(&bar);
                    }
                    above(all, text);
                }
                Event::Undoing { .. } | Event::Undone { .. } | Event::Notice { .. } => above(all, text),
            },
        }
    }
}

/// Writes a line above what is under way. A terminal that cannot be written to stops no apply.
fn above(all: &MultiProgress, text: Option<String>) {
    if let Some(text) = text {
        let _ = all.println(text.trim_end());
    }
}

fn under_way(plan: &Plan, step: usize, at: Option<(&str, Option<(u64, u64)>)>) -> String {
    let Some(step) = plan.steps.get(step) else { return String::new() };
    let mut page = Page::default();
    page.push(progress::running(plan, step, at));
    page.print(crate::render::Palette::Plain, usize::MAX).trim_end().to_owned()
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").expect("the template is right")
}
