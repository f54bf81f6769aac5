//! The contents common to every rendering of a plan: its changes by service, their reasons and their totals. They do
//! not depend on the output format: text, Markdown or JSON.

use std::collections::{BTreeMap, BTreeSet};

use super::count::Counts;
use super::display_action::DisplayAction;
use super::english::{are, plural};
use super::{reason, sentences};
use crate::model::{Kind, NodeName, ServiceName};
use crate::plan::{Plan, PlannedChange, Unknown, UnknownCause, Verification};

/// The changes of one service on one node.
pub struct Group<'a> {
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
pub fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut groups = Groups::default();
    for change in &plan.changes {
        groups.of(&change.addr.node, &change.addr.service).changes.push(change);
    }
    for verification in &plan.verifications {
        groups.of(&verification.node, &verification.service).verifications.push(verification);
    }
    let mut groups = groups.all;
    let places: BTreeMap<&ServiceName, usize> = plan.order.iter().enumerate().map(|(at, name)| (name, at)).collect();
    // Services that are only verified stand among the others, where their turn comes.
    if groups.iter().any(|g| g.changes.is_empty()) {
        groups.sort_by_key(|g| places.get(g.service).copied().unwrap_or(usize::MAX));
    }
    groups
}

/// Groups in the order in which they are asked for first.
#[derive(Default)]
struct Groups<'a> {
    all: Vec<Group<'a>>,
    places: BTreeMap<(&'a NodeName, &'a ServiceName), usize>,
}

impl<'a> Groups<'a> {
    fn of(&mut self, node: &'a NodeName, service: &'a ServiceName) -> &mut Group<'a> {
        // Changes of one service mostly stand together.
        let at = match self.all.last() {
            Some(last) if last.service == service && last.node == node => self.all.len() - 1,
            _ => *self.places.entry((node, service)).or_insert(self.all.len()),
        };
        if at == self.all.len() {
            self.all.push(Group { node, service, changes: Vec::new(), verifications: Vec::new() });
        }
        &mut self.all[at]
    }
}

/// The most important reasons of a service's changes, each once, those of its containers first. What
/// only serves or follows the rest is named where there is nothing else.
pub fn why(group: &Group<'_>, plan: &Plan) -> String {
    let mut reasons: Vec<(u8, String)> = Vec::new();
    for change in &group.changes {
        let rank = match DisplayAction::of(change, plan) {
            DisplayAction::Adopt | DisplayAction::Record => 3,
            DisplayAction::Pull | DisplayAction::Build | DisplayAction::Verify => 2,
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

/// Why a node is not planned, in words.
pub fn state(unknown: &Unknown) -> String {
    let why = sentences::unknown_cause(&unknown.cause);
    match unknown.cause {
        UnknownCause::Unreachable { .. } => format!("unknown, {why}"),
        UnknownCause::Maintenance => why.to_owned(),
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
            " {} this apply.",
            match plan.objections.len() {
                1 => "1 problem prevents".to_owned(),
                n => format!("{n} problems prevent"),
            }
        ));
    }
    text
}

/// What was changed outside hl, in one line.
pub fn drift_summary(plan: &Plan) -> String {
    let skipped: BTreeSet<&ServiceName> =
        plan.unknown.values().flat_map(|u| &u.services).chain(plan.blocked.keys()).collect();
    let was = |n: usize, noun: &str| format!("{} {}", plural(n, noun), if n == 1 { "was" } else { "were" });
    let mut text = match plan.changes.iter().filter(|change| change.acts()).count() {
        0 if skipped.is_empty() && !plan.is_incomplete() => {
            return "No drift: nothing was changed outside hl.".to_owned();
        }
        0 => "No drift in what could be compared.".to_owned(),
        n => format!("Drift: {} changed outside hl; `hl apply` puts that back.", was(n, "resource")),
    };
    if !skipped.is_empty() {
        text.push_str(&format!(" {} not compared.", was(skipped.len(), "service")));
    }
    text
}

fn nothing(plan: &Plan, counts: &Counts, skipped: &BTreeSet<&ServiceName>) -> String {
    let planned = plan.order.iter().filter(|s| !skipped.contains(s)).count();
    let records = match counts.get(DisplayAction::Record) {
        0 => "",
        _ => " hl's record will be updated.",
    };
    match skipped.len() {
        0 => format!("No changes. {} as declared.{records}", are(planned, "service")),
        _ if planned == 0 => format!("Nothing could be planned: {}.", not_planned(plan)),
        n => format!(
            "No changes in what could be planned. {} as declared, {n} not planned.{records}",
            are(planned, "service")
        ),
    }
}

/// Why nothing was planned.
fn not_planned(plan: &Plan) -> String {
    let unknown: BTreeSet<&ServiceName> = plan.unknown.values().flat_map(|u| &u.services).collect();
    let blocked = plan.blocked.keys().filter(|name| !unknown.contains(name)).count();
    let on_unknown = format!("{} on a node that cannot be planned", are(unknown.len(), "service"));
    match (unknown.len(), blocked) {
        (0, _) => format!("{} blocked", are(blocked, "service")),
        (_, 0) => on_unknown,
        (..) => format!("{on_unknown}, {blocked} blocked"),
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
