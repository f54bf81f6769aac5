//! A plan as text: one line a touched service, then each service's changes in order, then what is
//! not planned and what stands in the way, then one line that sums it up.

use std::collections::BTreeSet;

use super::change::{change, verification};
use super::count::{Counts, Deed, plural};
use super::field::{Detail, Frame};
use super::page::{Line, Page, columns};
use super::reason;
use super::sentences;
use super::style::{Label, Palette};
use crate::model::{Kind, NodeName, ServiceName};
use crate::plan::{Plan, PlannedChange, Unknown, UnknownCause, Verification};

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How much.
    pub detail: Detail,
    /// Columns of the page.
    pub width: usize,
    /// Whether in colour.
    pub palette: Palette,
}

impl Default for Options {
    fn default() -> Self {
        Options { detail: Detail::Compact, width: 80, palette: Palette::Plain }
    }
}

/// A plan as text.
pub fn plan(plan: &Plan, options: &Options) -> String {
    let mut page = Page::default();
    let mut frame = Frame::new(options.width, options.detail);
    let groups = groups(plan);
    table(&mut page, plan, &groups, options);
    for group in &groups {
        section(&mut page, plan, group, &mut frame);
    }
    notes(&mut page, plan);
    not_planned(&mut page, plan);
    objections(&mut page, plan);
    page.gap();
    page.push(Line::at(0).text(Label::Title, summary(plan)));
    page.print(options.palette, options.width)
}

/// The changes of one service on one node.
pub(super) struct Group<'a> {
    pub node: &'a NodeName,
    pub service: &'a ServiceName,
    pub changes: Vec<&'a PlannedChange>,
    pub verifications: Vec<&'a Verification>,
}

impl Group<'_> {
    pub fn counts(&self, plan: &Plan) -> Counts {
        Counts::of(self.changes.iter().copied(), self.verifications.iter().copied(), plan)
    }
}

/// The changes by service, in the order in which services are first touched.
pub(super) fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for change in &plan.changes {
        group(&mut groups, &change.addr.node, &change.addr.service).changes.push(change);
    }
    for verification in &plan.verifications {
        group(&mut groups, &verification.node, &verification.service).verifications.push(verification);
    }
    let place = |service: &ServiceName| plan.order.iter().position(|s| s == service).unwrap_or(usize::MAX);
    // Services that are only verified stand among the others, where their turn comes.
    if groups.iter().any(|g| g.changes.is_empty()) {
        groups.sort_by_key(|g| place(g.service));
    }
    groups
}

fn group<'a, 'b>(groups: &'b mut Vec<Group<'a>>, node: &'a NodeName, service: &'a ServiceName) -> &'b mut Group<'a> {
    let at = groups.iter().position(|g| g.node == node && g.service == service).unwrap_or_else(|| {
        groups.push(Group { node, service, changes: Vec::new(), verifications: Vec::new() });
        groups.len() - 1
    });
    &mut groups[at]
}

/// The most important reasons of a service's changes, each once, those of its containers first. What
/// only serves or follows the rest is named where there is nothing else.
pub(super) fn why(group: &Group<'_>, plan: &Plan) -> String {
    let mut reasons: Vec<(u8, String)> = Vec::new();
    for change in &group.changes {
        let rank = match Deed::of(change, plan) {
            Deed::Adopt | Deed::Record => 3,
            Deed::Pull | Deed::Build | Deed::Verify => 2,
            _ if change.addr.kind != Kind::Container => 1,
            _ => 0,
        };
        if let Some(first) = change.reasons.first() {
            reasons.push((rank, reason::words(first, &change.addr)));
        }
    }
    for verification in &group.verifications {
        let first = verification.reasons.first();
        reasons.extend(first.map(|r| (2, reason::words_for(r, group.node, group.service))));
    }
    reasons.sort_by_key(|(rank, _)| *rank);
    let best = reasons.first().map_or(0, |(rank, _)| (*rank).max(1));
    let mut words: Vec<String> = Vec::new();
    for (rank, text) in reasons {
        if rank <= best && !words.contains(&text) {
            words.push(text);
        }
    }
    let most = 2;
    match words.len() {
        0..=2 => words.join("; "),
        n => format!("{}; and {} more", words[..most].join("; "), n - most),
    }
}

fn table(page: &mut Page, plan: &Plan, groups: &[Group<'_>], options: &Options) {
    let rows: Vec<(String, String, String)> = groups
        .iter()
        .map(|g| (format!("{}/{}", g.node, g.service), g.counts(plan).words(), why(g, plan)))
        .filter(|(_, counts, _)| !counts.is_empty())
        .collect();
    let names = rows.iter().map(|(name, ..)| columns(name)).max().unwrap_or(0);
    let counts = rows.iter().map(|(_, counts, _)| columns(counts)).max().unwrap_or(0).min(options.width / 2);
    for (name, count, why) in rows {
        let column = names + 2 + counts + 2;
        let hang = if column > options.width * 2 / 3 { names + 2 } else { column };
        let line = Line::at(0)
            .hang(hang)
            .whole(Label::Title, format!("{name:<names$}"))
            .whole(Label::Plain, format!("  {count:<counts$}"))
            .text(Label::Faint, format!("  {why}"));
        page.push(line);
    }
}

/// Adds the changes and verifications of a service.
pub(super) fn section(page: &mut Page, plan: &Plan, group: &Group<'_>, frame: &mut Frame) {
    // That data stays somewhere is worth a line, even if only a record goes.
    let shown = |change: &&&PlannedChange| {
        let loud = !Deed::of(change, plan).is_quiet() || !change.data_at_stake.is_empty();
        frame.detail == Detail::Full || loud
    };
    let loud: Vec<&&PlannedChange> = group.changes.iter().filter(shown).collect();
    if loud.is_empty() && group.verifications.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, format!("{}/{}", group.node, group.service)));
    for one in &loud {
        change(page, one, plan, frame);
    }
    for one in &group.verifications {
        verification(page, one, plan, frame);
    }
    let adopted: Vec<String> = group
        .changes
        .iter()
        .filter(|c| frame.detail == Detail::Compact && Deed::of(c, plan) == Deed::Adopt)
        .map(|c| format!("{}:{}", c.addr.kind, c.addr.name))
        .collect();
    if !adopted.is_empty() {
        let text = format!("adopted as it is: {}", reason::shortened(&adopted, 6));
        page.push(Line::at(2).hang(4).whole(Label::Faint, "= ").text(Label::Faint, text));
    }
}

fn notes(page: &mut Page, plan: &Plan) {
    if plan.notes.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, "Notes"));
    for note in &plan.notes {
        page.push(Line::at(2).text(Label::Plain, sentences::note(note)));
    }
}

fn not_planned(page: &mut Page, plan: &Plan) {
    if plan.unknown.is_empty() && plan.blocked.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, "Not planned"));
    for (node, unknown) in &plan.unknown {
        let services = match unknown.services.len() {
            0 => "no service is on it".to_owned(),
            n => format!("{} not planned: {}", plural(n, "service"), reason::services(&unknown.services)),
        };
        let line = Line::at(2).whole(Label::Warning, "? ").whole(Label::Title, node.as_str());
        page.push(line.text(Label::Plain, format!(": {}; {services}", state(unknown))));
        hint(page, sentences::unknown_hint(&unknown.cause));
    }
    for (service, block) in &plan.blocked {
        let line = Line::at(2).whole(Label::Warning, "? ").whole(Label::Title, service.as_str());
        page.push(line.text(Label::Plain, format!(": blocked, {}", sentences::block(block))));
    }
}

/// Why a node is not planned, in words.
pub(super) fn state(unknown: &Unknown) -> String {
    let why = sentences::unknown_cause(&unknown.cause);
    match unknown.cause {
        UnknownCause::Unreachable { .. } => format!("unknown, {why}"),
        UnknownCause::Maintenance => why.to_owned(),
    }
}

fn objections(page: &mut Page, plan: &Plan) {
    if plan.objections.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, "In the way of an apply"));
    for objection in &plan.objections {
        let mut line = Line::at(2).whole(Label::Error, "! ");
        if let Some(addr) = objection.addr() {
            line = line.whole(Label::Title, addr.to_string()).text(Label::Plain, "  ");
        }
        let kind = sentences::objection_kind(objection.kind());
        let text = format!(": {}", sentences::objection(objection));
        page.push(line.text(Label::Error, kind).text(Label::Plain, text));
        hint(page, &sentences::objection_hint(objection));
    }
}

fn hint(page: &mut Page, text: &str) {
    if !text.is_empty() {
        page.push(Line::at(6).hang(6).text(Label::Faint, "hint: ").text(Label::Plain, text));
    }
}

/// The plan in one line.
pub fn summary(plan: &Plan) -> String {
    let counts = Counts::of_plan(plan);
    let skipped: BTreeSet<&ServiceName> =
        plan.unknown.values().flat_map(|u| &u.services).chain(plan.blocked.keys()).collect();
    let mut text = match counts.words() {
        words if words.is_empty() => nothing(plan, &counts, &skipped),
        words if counts.is_quiet() => format!("Plan: {words}; nothing is touched on any node."),
        words => format!("Plan: {words}{}.{}", downtime(&counts), put_back(&counts)),
    };
    if !counts.words().is_empty() && !skipped.is_empty() {
        text.push_str(&format!(" {} not planned.", are(skipped.len(), "service")));
    }
    if !plan.objections.is_empty() {
        text.push_str(&format!(
            " {} in the way of an apply.",
            match plan.objections.len() {
                1 => "1 objection stands".to_owned(),
                n => format!("{n} objections stand"),
            }
        ));
    }
    text
}

fn nothing(plan: &Plan, counts: &Counts, skipped: &BTreeSet<&ServiceName>) -> String {
    let planned = plan.order.iter().filter(|s| !skipped.contains(s)).count();
    let records = match counts.get(Deed::Record) {
        0 => String::new(),
        1 => " 1 record follows.".to_owned(),
        n => format!(" {n} records follow."),
    };
    match skipped.len() {
        0 => format!("No changes. {} as declared.{records}", are(planned, "service")),
        n if planned == 0 => format!("Nothing could be planned: {} not known.", are(n, "service")),
        n => format!("No changes in what is known. {} as declared, {n} not planned.{records}", are(planned, "service")),
    }
}

fn downtime(counts: &Counts) -> String {
    let verb = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 container {one}")),
        n => Some(format!("{n} containers {many}")),
    };
    let parts: Vec<String> = verb(counts.restarting, "restarts", "restart")
        .into_iter()
        .chain(verb(counts.stopping, "stops", "stop"))
        .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("; {}", parts.join(", ")),
    }
}

fn put_back(counts: &Counts) -> String {
    let some = |n: usize, one: &str, done: &str| match n {
        0 => String::new(),
        n => format!(" {} {done}.", are(n, one)),
    };
    some(counts.drifts, "drift", "put back") + &some(counts.conflicts, "conflict", "settled as declared")
}

/// `1 service is`, `2 services are`.
fn are(n: usize, one: &str) -> String {
    format!("{} {}", plural(n, one), if n == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;

    #[test]
    fn plans_as_text() {
        for (name, made) in fixtures::all() {
            insta::assert_snapshot!(name, plan(&made, &Options::default()));
        }
    }

    #[test]
    fn plans_in_full() {
        for (name, made) in fixtures::all() {
            let options = Options { detail: Detail::Full, ..Options::default() };
            insta::assert_snapshot!(format!("{name}_full"), plan(&made, &options));
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        for (name, made) in fixtures::all() {
            let coloured = plan(&made, &Options { palette: Palette::Coloured, ..Options::default() });
            assert_eq!(console::strip_ansi_codes(&coloured), plan(&made, &Options::default()), "{name}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for (name, made) in fixtures::all() {
            assert!(!plan(&made, &Options { detail: Detail::Full, ..Options::default() }).contains("hunter"), "{name}");
        }
    }
}
