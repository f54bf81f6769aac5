//! One change of a plan: what, why, what stops, what is at stake, and its fields.

use super::create::create;
use super::display_action::DisplayAction;
use super::english::shortened;
use super::field::{Detail, FieldRenderer, field, is_shown};
use super::page::{Line, Page};
use super::reason::{self, near_text};
use super::sentences;
use super::step;
use super::style::Label;
use crate::plan::{DataOutcome, Downtime, Operation, Plan, PlannedChange, Reason, Step, StepId, Verification};

/// How a action is labelled.
pub fn label(action: DisplayAction) -> Label {
    match action {
        DisplayAction::Create => Label::Added,
        DisplayAction::Update
        | DisplayAction::Start
        | DisplayAction::Resume
        | DisplayAction::Stop
        | DisplayAction::Restart => Label::Changed,
        DisplayAction::Replace | DisplayAction::Move => Label::Replaced,
        DisplayAction::Remove => Label::Removed,
        DisplayAction::Pull | DisplayAction::Build | DisplayAction::Verify => Label::Run,
        DisplayAction::Adopt | DisplayAction::Record => Label::Faint,
    }
}

/// Adds the lines of a change.
pub fn change(page: &mut Page, change: &PlannedChange, plan: &Plan, renderer: &mut FieldRenderer) {
    let indent = renderer.indent;
    let action = DisplayAction::of(change, plan);
    page.push(headline(change, action, plan, indent));
    renderer.indent = indent + 4;
    page.extend(explanation(change, action, renderer.indent));
    match action {
        DisplayAction::Create | DisplayAction::Pull | DisplayAction::Build => page.extend(create(change, renderer)),
        DisplayAction::Replace
        | DisplayAction::Update
        | DisplayAction::Start
        | DisplayAction::Resume
        | DisplayAction::Stop
        | DisplayAction::Restart
        | DisplayAction::Move
        | DisplayAction::Remove
        | DisplayAction::Verify
        | DisplayAction::Adopt
        | DisplayAction::Record => {
            let detail = renderer.detail;
            for one in change.fields.iter().filter(|f| is_shown(f, detail)) {
                page.extend(field(one, renderer));
            }
        }
    }
    if renderer.detail == Detail::Full {
        page.extend(steps(&change.steps, plan, renderer.indent));
    }
    renderer.indent = indent;
}

/// `± nas/shop/container:web  replace, stops and starts again`.
fn headline(change: &PlannedChange, action: DisplayAction, plan: &Plan, indent: usize) -> Line {
    let stops = match (action, change.downtime) {
        (DisplayAction::Update, Downtime::None) => reconnected(change, plan),
        // A start or resume stops nothing, and the word for a stop already says that it is for good.
        (DisplayAction::Start | DisplayAction::Resume | DisplayAction::Stop, _) | (_, Downtime::None) => String::new(),
        (_, Downtime::Restart) => ", stops and starts again".to_owned(),
        (_, Downtime::Stops) => ", stops for good".to_owned(),
    };
    Line::at(indent)
        .hang(4)
        .whole(label(action), format!("{} ", change.action.symbol()))
        .whole(Label::Title, change.addr.to_string())
        .text(Label::Plain, "  ")
        .text(label(action), action.as_str())
        .text(Label::Plain, stops)
}

/// The networks that a running container leaves and joins again, which breaks its connections there.
fn reconnected(change: &PlannedChange, plan: &Plan) -> String {
    let calls = || change.steps.iter().filter_map(|id| plan.steps.get(id.0)).map(|step| &step.operation);
    let left: Vec<&str> = calls()
        .filter_map(|call| match call {
            Operation::DisconnectNetwork { network, .. } => Some(network.as_str()),
            _ => None,
        })
        .filter(|left| calls().any(|call| matches!(call, Operation::ConnectNetwork { network, .. } if network == left)))
        .collect();
    match left.is_empty() {
        true => String::new(),
        false => format!(", disconnected from {} for a moment", shortened(&left, 3)),
    }
}

/// Why, and who else feels it. That something new is made needs no further word.
fn explanation(change: &PlannedChange, action: DisplayAction, indent: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if !(action == DisplayAction::Create && change.reasons == [Reason::New]) {
        let reasons: Vec<String> = change.reasons.iter().map(|r| reason::words(r, &change.addr)).collect();
        let label = if change.reasons.iter().any(Reason::is_outside) { Label::Outside } else { Label::Plain };
        lines.push(Line::at(indent).hang(5).text(Label::Faint, "why: ").text(label, reasons.join("; ")));
    }
    if !change.dependents.is_empty() {
        let dependents: Vec<String> = change
            .dependents
            .iter()
            .map(|d| near_text(&sentences::dependent(d), &change.addr.node, &change.addr.service))
            .collect();
        let line = Line::at(indent).hang(11).text(Label::Faint, "needed by: ");
        lines.push(line.text(Label::Plain, shortened(&dependents, 5)));
    }
    for stake in &change.data_at_stake {
        let line = match stake.outcome() {
            DataOutcome::Kept => Line::at(indent).hang(6).text(Label::Faint, "kept: "),
            DataOutcome::AtStake => {
                Line::at(indent).hang(2).whole(Label::Warning, "! ").text(Label::Warning, "data at stake: ")
            }
        };
        lines.push(line.text(Label::Plain, sentences::stake(stake)));
    }
    lines
}

/// Adds the lines of the verification of a service.
pub fn verification(page: &mut Page, verification: &Verification, plan: &Plan, renderer: &FieldRenderer) {
    let Verification { node, service, reasons, steps: ids } = verification;
    let script = ids.iter().filter_map(|id| plan.steps.get(id.0)).find_map(|step| match &step.operation {
        Operation::RunHealthScript { script, .. } => Some(format!(" with {}", script.path)),
        _ => None,
    });
    let headline = Line::at(renderer.indent)
        .hang(4)
        .whole(Label::Run, "✓ ")
        .whole(Label::Title, format!("{node}/{service}"))
        .text(Label::Plain, "  ")
        .text(Label::Run, DisplayAction::Verify.as_str());
    page.push(headline.text(Label::Plain, script.unwrap_or_default()));
    if reasons != &[Reason::Verify] {
        let words: Vec<String> = reasons.iter().map(|r| reason::words_for(r, node, service)).collect();
        page.push(
            Line::at(renderer.indent + 4).hang(5).text(Label::Faint, "why: ").text(Label::Plain, words.join("; ")),
        );
    }
    if renderer.detail == Detail::Full {
        page.extend(steps(ids, plan, renderer.indent + 4));
    }
}

fn steps(ids: &[StepId], plan: &Plan, indent: usize) -> Vec<Line> {
    let line = |step: &Step| {
        let text = format!("step {}: {}", step.id.0 + 1, step::words(plan, step).to_do);
        Line::at(indent).text(Label::Faint, text)
    };
    ids.iter().filter_map(|id| plan.steps.get(id.0)).map(line).collect()
}
