//! An apply while it runs and when it has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::english::{plural, shortened};
use super::page::{Line, Page};
use super::plan::Options;
use super::step::{undo, words};
use super::style::Label;
use crate::event::{Event, Interruption, Outcome, Recording, Report};
use crate::model::size::about_bytes;
use crate::plan::{Plan, Scheduling, Step};

/// The subject of a step: the address of its resource, or the service that is verified.
pub fn place(step: &Step) -> String {
    match &step.addr {
        Some(addr) => addr.to_string(),
        None => format!("{}/{}", step.node, step.service),
    }
}

/// A running step in one line, without the time that it has taken so far.
pub fn running(plan: &Plan, step: &Step, progress: Option<(&str, Option<(u64, u64)>)>) -> Line {
    let line = Line::at(0).whole(Label::Plain, place(step)).text(Label::Run, format!("  {}", words(plan, step).to_do));
    match progress {
        None => line,
        Some((text, None)) => line.text(Label::Faint, format!("  {text}")),
        Some((text, Some((done, all)))) => {
            let of = format!("{} of {}", about_bytes(done), about_bytes(all));
            line.text(Label::Faint, format!("  {text} {of}").replace("   ", "  "))
        }
    }
}

/// The log line of an event; `None` for progress and for the start of quick steps.
pub fn line(plan: &Plan, event: &Event) -> Option<Line> {
    let at = |step: usize| plan.steps.get(step).map(|s| (s, Line::at(0).whole(Label::Plain, place(s))));
    match event {
        Event::Started { step } => {
            let (step, line) = at(*step)?;
            let long = step.operation.describe().scheduling != Scheduling::Quick;
            long.then(|| line.text(Label::Faint, format!("  {} …", words(plan, step).to_do)))
        }
        Event::Progress { .. } => None,
        Event::Finished { step, took, outcome } => {
            let (step, line) = at(*step)?;
            Some(finished(plan, line, step, *took, outcome))
        }
        Event::Undoing { step } => {
            let (step, line) = at(*step)?;
            let long = step.undo.as_ref().is_some_and(|undo| undo.describe().scheduling != Scheduling::Quick);
            let undo = undo(plan, step).filter(|_| long)?;
            Some(line.text(Label::Faint, format!("  taking it back: {} …", undo.to_do)))
        }
        Event::Undone { step, error } => {
            let (step, line) = at(*step)?;
            let undo = undo(plan, step)?;
            Some(match error {
                None => line.text(Label::Warning, "  taken back: ").text(Label::Plain, undo.done),
                // Why is in the report at the end, once.
                Some(_) => line.text(Label::Error, format!("  could not be taken back: {}", undo.to_do)),
            })
        }
        Event::Notice { text } => Some(Line::at(0).text(Label::Plain, text)),
    }
}

fn finished(plan: &Plan, line: Line, step: &Step, took: Duration, outcome: &Outcome) -> Line {
    let line = line.text(Label::Plain, "  ");
    let took = format!(" ({})", seconds(took));
    match outcome {
        Outcome::Done => line.text(Label::Good, words(plan, step).done).text(Label::Faint, took),
        // Why is in the report at the end, once.
        Outcome::Failed { .. } => {
            line.text(Label::Error, format!("could not {}", words(plan, step).to_do)).text(Label::Faint, took)
        }
        Outcome::Warned { .. } => {
            let to_do = words(plan, step).to_do;
            line.text(Label::Warning, format!("could not {to_do}; this is only a warning")).text(Label::Faint, took)
        }
        Outcome::Skipped { .. } => line.text(Label::Faint, format!("not tried: {}", words(plan, step).to_do)),
    }
}

/// A duration as people read it off a clock: `0.2s`, `12s`, `1m05s`.
pub fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1}s", took.as_secs_f64()),
        s @ 10..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        s => format!("{}h{:02}m", s / 3600, s / 60 % 60),
    }
}

/// The end of an apply: what failed with the node's own words, what was taken back, what was not
/// tried because of what, and one line that sums it up.
pub fn report(plan: &Plan, report: &Report, took: Duration, options: &Options) -> String {
    let mut page = Page::default();
    if !report.is_complete() {
        done(&mut page, plan, report);
    }
    failed(&mut page, plan, report);
    taken_back(&mut page, plan, report);
    not_tried(&mut page, plan, report);
    not_recorded(&mut page, report);
    vanished(&mut page, report);
    page.gap();
    page.push(Line::at(0).text(Label::Title, summary(report, took)));
    page.print(options.palette, options.width)
}

/// Adds the places whose steps are all done and not taken back.
fn done(page: &mut Page, plan: &Plan, report: &Report) {
    let mut places: Vec<(String, bool)> = Vec::new();
    for (index, outcome) in &report.steps {
        let Some(step) = plan.steps.get(*index) else { continue };
        let stays = matches!(outcome, Outcome::Done | Outcome::Warned { .. }) && !report.undone.contains_key(index);
        let place = place(step);
        match places.iter_mut().find(|(other, _)| *other == place) {
            Some((_, all)) => *all &= stays,
            None => places.push((place, stays)),
        }
    }
    let whole: Vec<String> = places.into_iter().filter(|(_, all)| *all).map(|(place, _)| place).collect();
    if !whole.is_empty() {
        page.push(Line::at(0).text(Label::Title, "Done"));
        page.push(Line::at(2).hang(4).text(Label::Plain, shortened(&whole, 12)));
    }
}

fn failed(page: &mut Page, plan: &Plan, report: &Report) {
    let warned = |o: &Outcome| matches!(o, Outcome::Warned { .. });
    for (title, label, want) in [("Warnings", Label::Warning, true), ("Failed", Label::Error, false)] {
        let some = report.steps.iter().filter(|(_, o)| match o {
            Outcome::Failed { .. } | Outcome::Warned { .. } => warned(o) == want,
            Outcome::Done | Outcome::Skipped { .. } => false,
        });
        for (at, (index, outcome)) in some.enumerate() {
            if at == 0 {
                page.gap();
                page.push(Line::at(0).text(Label::Title, title));
            }
            let Some(step) = plan.steps.get(*index) else { continue };
            let line = Line::at(2).hang(4).whole(label, "! ").whole(Label::Title, place(step));
            page.push(line.text(Label::Plain, format!("  {}", words(plan, step).to_do)));
            let (error, log): (&str, &[String]) = match outcome {
                Outcome::Failed { error, log } => (error, log),
                Outcome::Warned { error } => (error, &[]),
                Outcome::Done | Outcome::Skipped { .. } => continue,
            };
            page.extend(error.lines().map(|text| Line::at(6).text(label, text)));
            if !log.is_empty() {
                page.push(Line::at(6).text(Label::Faint, "the last lines of its log:"));
                page.extend(log.iter().map(|text| Line::at(6).whole(Label::Faint, "| ").whole(Label::Plain, text)));
            }
        }
    }
}

/// Adds what was taken back, and what could not be.
fn taken_back(page: &mut Page, plan: &Plan, report: &Report) {
    for (title, failed) in [("Taken back", false), ("Could not be taken back", true)] {
        // The last one first, as it was done.
        let some = report.undone.iter().rev().filter(|(_, error)| error.is_some() == failed);
        for (at, (index, error)) in some.enumerate() {
            if at == 0 {
                page.gap();
                page.push(Line::at(0).text(Label::Title, title));
            }
            let Some(step) = plan.steps.get(*index) else { continue };
            let line = Line::at(2).hang(4).whole(Label::Plain, place(step)).text(Label::Plain, "  ");
            let undo = undo(plan, step);
            page.push(match (error, undo) {
                (None, Some(undo)) => line.text(Label::Plain, undo.done),
                (None, None) => line.text(Label::Plain, format!("undone: {}", words(plan, step).done)),
                (Some(error), undo) => {
                    let what = undo.map_or_else(|| "take it back".to_owned(), |undo| undo.to_do);
                    line.text(Label::Error, format!("could not {what}: ")).text(Label::Plain, error)
                }
            });
        }
    }
}

/// Groups what was not tried by what failed, and names places instead of steps.
fn not_tried(page: &mut Page, plan: &Plan, report: &Report) {
    let mut groups: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    for (index, outcome) in &report.steps {
        if let (Outcome::Skipped { because }, Some(step)) = (outcome, plan.steps.get(*index)) {
            let place = place(step);
            // Steps skipped because of a failure at the same place are not listed.
            if because.and_then(|index| plan.steps.get(index)).is_some_and(|failed| self::place(failed) == place) {
                continue;
            }
            let places = groups.entry(*because).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    if groups.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, "Not tried"));
    for (because, places) in groups {
        let why = match because.and_then(|index| plan.steps.get(index)) {
            Some(step) => format!(", because of {}", place(step)),
            None => ", because it was interrupted".to_owned(),
        };
        page.push(Line::at(2).hang(4).text(Label::Plain, shortened(&places, 12) + &why));
    }
}

/// Adds what was done and is not in the state.
fn not_recorded(page: &mut Page, report: &Report) {
    let Recording::Torn { missing } = &report.recording else { return };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    page.gap();
    page.push(Line::at(0).text(Label::Title, "Not recorded"));
    let line = Line::at(2).hang(4).whole(Label::Error, "! ");
    page.push(match missing.is_empty() {
        true => line.text(Label::Plain, "this apply in the journal or the history; all resources are recorded"),
        false => line.text(Label::Plain, shortened(&missing, 12)),
    });
}

/// Adds what somebody else took away meanwhile.
fn vanished(page: &mut Page, report: &Report) {
    if !report.vanished.is_empty() {
        let gone: Vec<String> = report.vanished.iter().map(ToString::to_string).collect();
        page.gap();
        page.push(Line::at(0).text(Label::Title, "Gone"));
        let text = format!("{}: it was made, and something else removed it", shortened(&gone, 12));
        page.push(Line::at(2).hang(4).whole(Label::Error, "! ").text(Label::Plain, text));
    }
}

/// The end of an apply in one line.
pub fn summary(report: &Report, took: Duration) -> String {
    let count = |want: fn(&Outcome) -> bool| report.steps.values().filter(|o| want(o)).count();
    let is_done = |o: &Outcome| matches!(o, Outcome::Done | Outcome::Warned { .. });
    let undone = report
        .undone
        .iter()
        .filter(|(step, error)| error.is_none() && report.steps.get(step).is_some_and(is_done))
        .count();
    let done = count(is_done) - undone;
    let failed = count(|o| matches!(o, Outcome::Failed { .. }));
    let skipped = count(|o| matches!(o, Outcome::Skipped { .. }));
    let took = seconds(took);
    let left = "`hl plan` shows what is left.";
    let back = if undone > 0 { format!(", {undone} taken back") } else { String::new() };
    let counts = format!("{} done, {failed} failed{back}, {skipped} not tried", plural(done, "step"));
    match report.interrupted {
        Interruption::No if failed + skipped == 0 && report.recording != Recording::Whole => {
            format!("Done, and not all of it is recorded: {} in {took}.", plural(done, "step"))
        }
        Interruption::No if failed + skipped == 0 && !report.vanished.is_empty() => {
            let gone = plural(report.vanished.len(), "resource");
            format!("Done, and {gone} did not last: {} in {took}. {left}", plural(done, "step"))
        }
        Interruption::No if failed + skipped == 0 => format!("Done: {} in {took}.", plural(done, "step")),
        Interruption::No => format!("Not everything was done: {counts}, in {took}. {left}"),
        Interruption::Finished => format!("Interrupted: {counts}, in {took}. {left}"),
        Interruption::Stopped => format!("Stopped: {counts}; what was under way may be half done. {left}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;

    fn print(line: Option<Line>) -> String {
        let mut page = Page::default();
        page.extend(line);
        page.print(super::super::Palette::Plain, 100)
    }

    #[test]
    fn events_as_lines() {
        let plan = fixtures::one_variable();
        let took = Duration::from_millis(234);
        let failed = Outcome::Failed { error: "port is already allocated".to_owned(), log: vec![] };
        let events = [
            Event::Started { step: 0 },
            Event::Finished { step: 0, took, outcome: Outcome::Done },
            Event::Finished { step: 2, took, outcome: failed },
            Event::Undoing { step: 0 },
            Event::Undone { step: 0, error: None },
            Event::Undone { step: 0, error: Some("it is gone".to_owned()) },
            Event::Started { step: 3 },
            Event::Finished { step: 3, took: Duration::from_secs(75), outcome: Outcome::Done },
            Event::Finished { step: 4, took, outcome: Outcome::Skipped { because: Some(2) } },
            Event::Notice { text: "nas is busy.".to_owned() },
        ];
        let text: String = events.iter().map(|event| print(line(&plan, event))).collect();
        insta::assert_snapshot!(text, @"
        nas/immich/container:server  stopped container immich-server-1 (0.2s)
        nas/immich/container:server  could not start container immich-server-1 (0.2s)
        nas/immich/container:server  taken back: started container immich-server-1
        nas/immich/container:server  could not be taken back: start container immich-server-1
        nas/immich/container:server  wait until container immich-server-1 is healthy …
        nas/immich/container:server  container immich-server-1 is healthy (1m15s)
        nas/immich  not tried: run services/immich/healthcheck.sh
        nas is busy.
        ");
    }

    #[test]
    fn a_pull_shows_its_bytes() {
        let plan = fixtures::first_plan();
        let text = print(Some(running(&plan, &plan.steps[0], Some(("3 layers", Some((12_300_000, 98_000_000)))))));
        assert_eq!(
            text,
            "nas/immich/image:ghcr.io/immich-app/immich-server:v1.99.0  pull image
  ghcr.io/immich-app/immich-server:v1.99.0  3 layers 12 MB of 98 MB
"
        );
    }

    #[test]
    fn the_end_of_an_apply() {
        let plan = fixtures::one_variable();
        let failed = Outcome::Failed {
            error: "nas: start container: driver failed:\nport is already allocated".to_owned(),
            log: fixtures::names(&["starting", "panic: no database"]),
        };
        let skipped = |because| Outcome::Skipped { because };
        let mut ended = Report {
            steps: [(0, Outcome::Done), (1, Outcome::Done), (2, failed), (3, skipped(Some(2))), (4, skipped(Some(2)))]
                .into(),
            undone: [(0, None), (1, Some("the engine does not answer".to_owned()))].into(),
            ..Report::default()
        };
        let options = Options::default();
        insta::assert_snapshot!("failed", report(&plan, &ended, Duration::from_secs(12), &options));
        ended.steps.insert(5, skipped(None));
        ended.interrupted = Interruption::Finished;
        insta::assert_snapshot!("interrupted", report(&plan, &ended, Duration::from_secs(12), &options));
        let done = Report { steps: [(0, Outcome::Done)].into(), ..Report::default() };
        assert_eq!(report(&plan, &done, Duration::from_millis(1400), &options), "Done: 1 step in 1.4s.\n");
        let torn = |missing: &[&str]| {
            let missing = missing.iter().map(|addr| addr.parse().unwrap()).collect();
            let torn = Report { recording: Recording::Torn { missing }, ..done.clone() };
            report(&plan, &torn, Duration::from_millis(1400), &options)
        };
        insta::assert_snapshot!(torn(&["nas/immich/container:server", "nas/immich/volume:data"]), @"
        Done
          nas/immich/container:server

        Not recorded
          ! nas/immich/volume:data and nas/immich/container:server

        Done, and not all of it is recorded: 1 step in 1.4s.
        ");
        assert!(torn(&[]).contains("all resources are recorded"));
    }
}
