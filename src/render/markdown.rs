//! A plan as Markdown, for the comment on a pull request: what matters first, details folded, never
//! more bytes than a comment may have.

use std::collections::BTreeSet;

use super::display_action::DisplayAction;
use super::english::{self, plural};
use super::field::{Detail, FieldRenderer};
use super::page::{Line, Page};
use super::plan::section;
use super::printable::visible;
use super::report::{Group, groups, state, summary, why};
use super::sentences;
use super::style::{Label, Palette};
use crate::plan::{DataOutcome, Plan};

/// Bytes that a comment may have. The forges allow 65,536; what wraps the plan needs some of them.
pub const BUDGET: usize = 60_000;

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How much of each service.
    pub detail: Detail,
    /// The most bytes. The summary is kept within it at any rate, down to its first lines.
    pub budget: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { detail: Detail::Compact, budget: BUDGET }
    }
}

/// Columns of the text in the folded parts.
const WIDTH: usize = 100;

/// A plan as Markdown. The first line is a comment by which an earlier plan can be found and replaced.
pub fn plan(plan: &Plan, options: &Options) -> String {
    let groups = groups(plan);
    let rows: Vec<String> = groups.iter().filter_map(|g| row(g, plan)).collect();
    let head = format!("<!-- hl plan -->\n### {}\n", escaped(&summary(plan)));
    let remarks = remarks(plan);
    // Room for the line that says what was left out.
    let mut room = options.budget.saturating_sub(head.len() + 400);
    let table = table(&rows, &mut room);
    let remarks = within(&remarks, &mut room, "- … and more that `hl plan` shows\n");
    let (details, left_out) = details(plan, &groups, options, room);
    let mut out = head + &table + &remarks + &details;
    if !left_out.is_empty() {
        let names = english::shortened(&left_out, 8);
        out.push_str(&format!("\nDetails left out to keep this short: {}. `hl plan` shows them.\n", escaped(&names)));
    }
    out
}

fn row(group: &Group<'_>, plan: &Plan) -> Option<String> {
    let counts = group.counts(plan).words();
    let symbol = group.changes.iter().map(|c| (DisplayAction::of(c, plan).importance(), c.action.symbol())).min();
    let symbol = symbol.map_or('✓', |(_, symbol)| symbol);
    let name = code(&format!("{}/{}", group.node, group.service));
    (!counts.is_empty()).then(|| format!("| `{symbol}` | {name} | {counts} | {} |\n", escaped(&why(group, plan))))
}

fn table(rows: &[String], room: &mut usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = "\n| | service | changes | why |\n|---|---|---|---|\n".to_owned();
    *room = room.saturating_sub(out.len());
    out.push_str(&within(rows, room, "| | … and more that `hl plan` shows | | |\n"));
    out
}

/// The remarks to read before a merge: objections, data at stake, nodes and services that are not planned, notes.
fn remarks(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    for objection in &plan.objections {
        let addr = objection.addr().map_or_else(String::new, |a| format!("{} ", code(&a.to_string())));
        let kind = sentences::objection_kind(objection.kind());
        let (text, hint) = (sentences::objection(objection), sentences::objection_hint(objection));
        all.push(format!("- **Problem:** {addr}{kind}: {} {}\n", escaped(&text), escaped(&hint)));
    }
    for change in &plan.changes {
        for stake in &change.data_at_stake {
            let text = escaped(&sentences::stake(stake));
            let label = match stake.outcome() {
                DataOutcome::Kept => "Kept",
                DataOutcome::AtStake => "Data at stake",
            };
            all.push(format!("- **{label}:** {} {text}\n", code(&change.addr.to_string())));
        }
    }
    for (node, unknown) in &plan.unknown {
        let services = plural(unknown.services.len(), "service");
        let names = english::services(&unknown.services);
        let state = escaped(&state(unknown));
        all.push(format!("- **Not planned:** {} {state}; {services}: {}\n", code(node.as_str()), escaped(&names)));
    }
    for (service, block) in &plan.blocked {
        let why = escaped(&sentences::block(block));
        all.push(format!("- **Not planned:** {} blocked, {why}\n", code(service.as_str())));
    }
    all.extend(plan.notes.iter().map(|note| format!("- {}\n", escaped(&sentences::note(note)))));
    if let Some(first) = all.first_mut() {
        first.insert(0, '\n');
    }
    all
}

/// The texts that fit, and `more` where some do not.
fn within(texts: &[String], room: &mut usize, more: &str) -> String {
    let mut out = String::new();
    for text in texts {
        if text.len() + more.len() > *room {
            *room = room.saturating_sub(more.len());
            return out + more;
        }
        *room -= text.len();
        out.push_str(text);
    }
    out
}

/// The folded part of each service in order, as far as there is room, and the names of the services
/// whose part is left out: the least important ones.
fn details(plan: &Plan, groups: &[Group<'_>], options: &Options, mut room: usize) -> (String, Vec<String>) {
    let mut renderer = FieldRenderer::new(WIDTH, options.detail);
    let parts: Vec<(u8, String)> = groups
        .iter()
        .map(|group| {
            let least =
                group.changes.iter().map(|c| DisplayAction::of(c, plan).importance()).min().unwrap_or(u8::MAX - 1);
            let at_stake = group.changes.iter().any(|c| !c.data_at_stake.is_empty());
            (if at_stake { 0 } else { least + 1 }, part(plan, group, &mut renderer))
        })
        .collect();
    let mut by_importance: Vec<usize> = (0..parts.len()).collect();
    by_importance.sort_by_key(|index| parts[*index].0);
    let mut kept = BTreeSet::new();
    for index in by_importance {
        let size = parts[index].1.len();
        if size <= room {
            room -= size;
            kept.insert(index);
        }
    }
    let text = kept.iter().map(|index| parts[*index].1.as_str()).collect();
    let left_out = (0..parts.len()).filter(|i| !kept.contains(i) && !parts[*i].1.is_empty());
    (text, left_out.map(|i| format!("{}/{}", groups[i].node, groups[i].service)).collect())
}

fn part(plan: &Plan, group: &Group<'_>, renderer: &mut FieldRenderer) -> String {
    let mut page = Page::default();
    section(&mut page, plan, group, renderer);
    if page.lines().is_empty() {
        return String::new();
    }
    let body = block(&page);
    let fence = "`".repeat(longest_run(&body, '`').max(2) + 1);
    let name = html(&format!("{}/{}", group.node, group.service));
    let counts = group.counts(plan).words();
    format!("\n<details><summary><code>{name}</code> {counts}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n")
}

/// The lines of a page for a `diff` block, which is coloured by the first character of each line.
fn block(page: &Page) -> String {
    let mut out = String::new();
    for line in page.lines().iter().skip_while(|line| line.indent == 0) {
        let sign = line.spans.first().map_or(' ', |span| sign(span.label));
        let mut line = Line { indent: line.indent.saturating_sub(2), ..line.clone() };
        // A sign that stands in the line already moves to its front.
        if let Some(first) = line.spans.first_mut()
            && let Some(rest) = first.text.strip_prefix(sign)
        {
            first.text = rest.strip_prefix(' ').unwrap_or(rest).to_owned();
        }
        let mut one = Page::default();
        one.push(line);
        for text in one.print(Palette::Plain, WIDTH).lines() {
            out.push_str(format!("{sign} {text}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn sign(label: Label) -> char {
    match label {
        Label::Added | Label::NewPart => '+',
        Label::Removed | Label::OldPart => '-',
        Label::Changed | Label::Replaced | Label::Outside | Label::Warning | Label::Error => '!',
        Label::Plain | Label::Title | Label::Faint | Label::Run | Label::Good => ' ',
    }
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// A name as code that holds no Markdown, whatever is in it.
fn code(text: &str) -> String {
    format!("<code>{}</code>", code_text(text))
}

/// The text between the marks of code.
pub(super) fn code_text(text: &str) -> String {
    html(text).replace('|', "&#124;").replace('`', "&#96;")
}

fn html(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text without any Markdown in it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Reason};
    use crate::render::fixtures;

    #[test]
    fn plans_as_markdown() {
        for (name, made) in fixtures::all() {
            insta::assert_snapshot!(name, plan(&made, &Options::default()));
        }
    }

    #[test]
    fn the_budget_holds_and_the_summary_survives() {
        let one = fixtures::image_bump().changes.remove(0);
        let changes = (0..150).map(|n| {
            let mut change = one.clone();
            change.addr = fixtures::addr(&format!("nas/service-{n}/container:web"));
            if n == 149 {
                change.action = Action::Delete;
            }
            (change, Vec::new())
        });
        let made = fixtures::plan(changes.collect());
        for budget in [2_000, 10_000, 60_000, 10_000_000] {
            let text = plan(&made, &Options { budget, ..Options::default() });
            assert!(text.len() <= budget, "{} > {budget}", text.len());
            assert!(text.contains("### Plan: 149 to replace, 1 to remove"));
        }
        let text = plan(&made, &Options::default());
        assert!(text.contains("<summary><code>nas/service-149</code> 1 to remove</summary>"));
        assert!(text.contains("Details left out to keep this short: nas/service-"));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        assert_eq!(text.matches("```").count() % 2, 0);
    }

    #[test]
    fn what_is_read_cannot_become_markup() {
        let fields = vec![fixtures::pending("labels.x", fixtures::text("a"), fixtures::text("``````\n</details><b>"))];
        let reason = Reason::Declared(fixtures::names(&["labels.a|b<img>*`"]));
        let made =
            fixtures::plan(vec![(fixtures::change("nas/a/container:x", Action::Replace, reason, fields), vec![])]);
        let text = plan(&made, &Options::default());
        assert!(text.contains("| labels.a\\|b&lt;img&gt;\\*\\` changed |"), "{text}");
        assert!(text.contains("\n```````diff\n"), "{text}");
    }

    #[test]
    fn no_secret_is_shown() {
        for (name, made) in fixtures::all() {
            let options = Options { detail: Detail::Full, ..Options::default() };
            assert!(!plan(&made, &options).contains("hunter"), "{name}");
        }
    }
}
