//! A plan as text: one line a touched service, then each service's changes in order, then what is
//! not planned and what stands in the way, then one line that sums it up.

use super::change::{change, verification};
use super::display_action::DisplayAction;
use super::english::{self, plural};
use super::field::{Detail, FieldRenderer};
use super::page::{Line, Page, columns};
use super::report::{Group, drift_summary, groups, state, summary, why};
use super::sentences;
use super::style::{Label, Palette};
use super::table::Room;
use crate::plan::{Plan, PlannedChange};

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How much.
    pub detail: Detail,
    /// Columns of the page.
    pub width: usize,
    /// The room for tables.
    pub room: Room,
    /// Whether in colour.
    pub palette: Palette,
}

impl Default for Options {
    fn default() -> Self {
        Options { detail: Detail::Compact, width: 80, room: Room::Unbounded, palette: Palette::Plain }
    }
}

/// A plan as text.
pub fn plan(plan: &Plan, options: &Options) -> String {
    page(plan, summary(plan), options)
}

/// What was changed outside hl, as text, from a plan that has nothing else in it.
pub fn drift(plan: &Plan, options: &Options) -> String {
    page(plan, drift_summary(plan), options)
}

fn page(plan: &Plan, summary: String, options: &Options) -> String {
    let mut page = Page::default();
    let mut renderer = FieldRenderer::new(options.width, options.detail);
    let groups = groups(plan);
    table(&mut page, plan, &groups, options);
    for group in &groups {
        section(&mut page, plan, group, &mut renderer);
    }
    notes(&mut page, plan);
    not_planned(&mut page, plan);
    objections(&mut page, plan);
    page.gap();
    page.push(Line::at(0).text(Label::Title, summary));
    page.print(options.palette, options.width)
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
pub(super) fn section(page: &mut Page, plan: &Plan, group: &Group<'_>, renderer: &mut FieldRenderer) {
    // A change with data at stake is shown, even if it only removes a record.
    let shown = |change: &&&PlannedChange| {
        let loud = !DisplayAction::of(change, plan).is_quiet() || !change.data_at_stake.is_empty();
        renderer.detail == Detail::Full || loud
    };
    let loud: Vec<&&PlannedChange> = group.changes.iter().filter(shown).collect();
    if loud.is_empty() && group.verifications.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, format!("{}/{}", group.node, group.service)));
    for one in &loud {
        change(page, one, plan, renderer);
    }
    for one in &group.verifications {
        verification(page, one, plan, renderer);
    }
    let adopted: Vec<String> = group
        .changes
        .iter()
        .filter(|c| renderer.detail == Detail::Compact && DisplayAction::of(c, plan) == DisplayAction::Adopt)
        .map(|c| format!("{}:{}", c.addr.kind, c.addr.name))
        .collect();
    if !adopted.is_empty() {
        let text = format!("adopted as it is: {}", english::shortened(&adopted, 6));
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
            n => format!("{} not planned: {}", plural(n, "service"), english::services(&unknown.services)),
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

fn objections(page: &mut Page, plan: &Plan) {
    if plan.objections.is_empty() {
        return;
    }
    page.gap();
    page.push(Line::at(0).text(Label::Title, "Problems"));
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
