//! `hl status`: what runs where.

use clap::Args;
use serde_json::json;

use super::Format;
use super::environment::Context;
use super::exit::{Answer, Exit};
use super::selection::Selection;
use super::terminal::Terminal;
use crate::diff;
use crate::model::view::{Health, LiveContainer, NodeView, RecordedView, Status};
use crate::node::Connections;
use crate::render::style::Label;
use crate::render::table::{Cell, table};
use crate::workflow::{Observation, observe_with_record, record};

/// Show what runs where, and how it is.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One container, or a service of which nothing is known.
struct Row {
    service: String,
    container: String,
    state: String,
    image: String,
    since: String,
    label: Label,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments, context: &Context, terminal: &Terminal) -> Answer {
    let (access, record) = (context.access(), record(context.state()?));
    let (observation, state) = observe_with_record(&access, &[], Connections::Close, terminal, record).await?;
    let recorded = &state.view;
    let options = arguments.selection.options(&observation, recorded)?;
    let mut rows = Vec::new();
    for service in observation.homelab.services.values().filter(|s| options.asks_for(&s.node, &s.name)) {
        rows.extend(rows_of(service, &observation, recorded));
    }
    for (name, unresolved) in observation.homelab.unresolved.iter().filter(|(name, u)| options.asks_for(&u.node, name))
    {
        rows.push(Row {
            service: format!("{}/{name}", unresolved.node),
            container: "?".to_owned(),
            state: format!("unknown: {}", unresolved.why),
            image: String::new(),
            since: String::new(),
            label: Label::Warning,
        });
    }
    rows.sort_by(|a, b| (&a.service, &a.container).cmp(&(&b.service, &b.container)));
    match arguments.format {
        Format::Text => terminal.data(&text(&rows, terminal))?,
        Format::Json => terminal.json(&json!({
            "format_version": 1,
            "containers": rows.iter().map(|r| json!({
                "service": r.service, "container": r.container, "state": r.state, "image": r.image, "since": r.since,
            })).collect::<Vec<_>>(),
        }))?,
    }
    Ok(if observation.has_gaps(&options) { Exit::Incomplete } else { Exit::Done })
}

fn text(rows: &[Row], terminal: &Terminal) -> String {
    if rows.is_empty() {
        return "Nothing is declared.\n".to_owned();
    }
    let cells: Vec<[Cell; 5]> = rows
        .iter()
        .map(|r| {
            [
                Cell::plain(&r.service),
                Cell::plain(&r.container),
                Cell::new(r.label, &r.state),
                Cell::plain(&r.image),
                Cell::new(Label::Faint, &r.since),
            ]
        })
        .collect();
    table(["SERVICE", "CONTAINER", "STATE", "IMAGE", "SINCE"], &cells, terminal.options().palette)
}

fn rows_of(service: &crate::model::homelab::Service, observation: &Observation, recorded: &RecordedView) -> Vec<Row> {
    let Some(NodeView::Known(node)) = observation.live.nodes.get(&service.node) else { return Vec::new() };
    let found = diff::instances(service, recorded, node);
    let row = |name: &String, live: Option<&&LiveContainer>| {
        let (state, label) = live.map_or(("not there".to_owned(), Label::Error), |live| shown(live));
        Row {
            service: format!("{}/{}", service.node, service.name),
            container: name.clone(),
            state,
            image: live.map_or_else(|| service.containers[name].spec.image.familiar(), |l| l.spec.image.familiar()),
            since: live
                .map_or_else(String::new, |l| l.started_at.split('.').next().unwrap_or_default().replace('T', " ")),
            label,
        }
    };
    service.containers.keys().map(|name| row(name, found.current.get(name))).collect()
}

/// State and health in words.
fn shown(live: &LiveContainer) -> (String, Label) {
    let state = diff::state_text(&live.status);
    match (&live.status, &live.health) {
        (Status::Running, Some(Health::Healthy)) => (format!("{state}, healthy"), Label::Good),
        (Status::Running, Some(Health::Starting)) => (format!("{state}, not yet healthy"), Label::Warning),
        (Status::Running, Some(Health::Unhealthy)) => (format!("{state}, unhealthy"), Label::Error),
        (Status::Running, None) => (state, Label::Good),
        (Status::Exited { code: 0 }, _) => (state, Label::Plain),
        (_, _) => (state, Label::Error),
    }
}
