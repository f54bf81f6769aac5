//! The status of services and containers, for people.

use super::english::{are, plural};
use super::page::{Line, Page};
use super::plan::Options;
use super::style::Label;
use super::table::{Cell, Column, table};
use super::verify::{check_lines, silent_nodes};
use super::wording;
use crate::model::status::{ContainerState, ContainerStatus, SilentNode, Works};
use crate::model::view::{Health, Status};

const COLUMNS: [Column; 5] = [
    Column::Names("SERVICE"),
    Column::Names("CONTAINER"),
    Column::Whole("STATE"),
    Column::Names("IMAGE"),
    Column::Whole("SINCE"),
];

/// One line a container, then what the lines have no room for, and a total.
pub fn status(containers: &[ContainerStatus], silent: &[SilentNode], options: &Options) -> String {
    let row = |container: &ContainerStatus| {
        let (state, label) = short_state(container);
        [
            Cell::plain(service(container)),
            Cell::plain(container.container.as_deref().unwrap_or("?")),
            Cell::new(label, state),
            Cell::plain(short_image(container.image.as_deref().unwrap_or_default())),
            Cell::new(Label::Faint, since(container)),
        ]
    };
    if containers.is_empty() && silent.is_empty() {
        return "No service is declared.\n".to_owned();
    }
    let rows: Vec<[Cell; 5]> = containers.iter().map(row).collect();
    let mut text = match rows.as_slice() {
        [] => String::new(),
        rows => table(COLUMNS, rows, options.palette, options.room),
    };
    let mut page = Page::default();
    page.extend(containers.iter().flat_map(notes));
    page.extend(silent_nodes(silent));
    page.gap();
    page.push(Line::at(0).text(Label::Title, total(containers)));
    if !text.is_empty() {
        text.push('\n');
    }
    text + &page.print(options.palette, options.width)
}

/// What is said of a container or a service below the table.
fn notes(container: &ContainerStatus) -> Vec<Line> {
    let name =
        container.container.as_ref().map_or_else(|| service(container), |c| format!("{} {c}", service(container)));
    let line = |mark, text: String| {
        Line::at(0).whole(mark, "! ").whole(Label::Title, name.as_str()).text(Label::Plain, format!(" {text}"))
    };
    if let ContainerState::Unknown { why } = &container.state {
        return vec![line(Label::Warning, format!("is not known: {why}"))];
    }
    if let ContainerState::CutOff { from } = &container.state {
        return vec![line(Label::Error, format!("is cut off from {from}, which was started anew"))];
    }
    let Some(check) = container.failed_check.as_ref().filter(|_| container.works == Works::No) else {
        return Vec::new();
    };
    let mut said = check_lines(check);
    let first = said.next().map(|first| line(Label::Error, format!("is unhealthy; {first}")));
    first.into_iter().chain(said.map(|text| Line::at(4).whole(Label::Plain, text))).collect()
}

/// All containers in one line.
fn total(containers: &[ContainerStatus]) -> String {
    let count = |works| containers.iter().filter(|c| c.works == works).count();
    let known = containers.iter().filter(|c| c.container.is_some()).count();
    let (bad, starting) = (count(Works::No), count(Works::NotYet));
    let silent = containers.iter().filter(|c| c.state == ContainerState::Silent).count();
    let unknown = containers.len() - known - silent;
    let mut text = match (bad, known) {
        (_, 0) => "Nothing is known".to_owned(),
        (0, 1) => "The container works".to_owned(),
        (0, all) => format!("All {all} containers work"),
        (1, 1) => "The container does not work".to_owned(),
        (1, all) => format!("1 of {all} containers does not work"),
        (bad, all) => format!("{bad} of {all} containers do not work"),
    };
    if starting > 0 {
        text.push_str(&format!("; {} not yet healthy", are(starting, "container")));
    }
    if silent > 0 {
        text.push_str(&format!("; {} could not be asked", plural(silent, "service")));
    }
    if unknown > 0 {
        text.push_str(&format!("; {} not known", are(unknown, "service")));
    }
    text + "."
}

/// A state that is as wide as a column can be.
fn short_state(container: &ContainerStatus) -> (String, Label) {
    match (&container.state, container.works) {
        (ContainerState::Unknown { .. }, _) => ("unknown".to_owned(), Label::Warning),
        (state, Works::Yes) => (self::state(state).0, Label::Good),
        (state, Works::No) => (self::state(state).0, Label::Error),
        (state, Works::NotYet | Works::Unknown) => self::state(state),
    }
}

/// An image with a digest that is as long as an id.
pub(super) fn short_image(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.get(..12).unwrap_or(digest)),
        None => image.to_owned(),
    }
}

/// The service's name with its node.
pub(super) fn service(container: &ContainerStatus) -> String {
    format!("{}/{}", container.node, container.service)
}

/// Since when it runs, to the second; empty if it does not exist.
pub(super) fn since(container: &ContainerStatus) -> String {
    time(container.started_at.as_deref().unwrap_or_default())
}

/// A time as the engine writes it, to the second.
pub(super) fn time(written: &str) -> String {
    written.split(['.', 'Z']).next().unwrap_or_default().replace('T', " ")
}

/// State and health in words, and what to think of it.
pub(super) fn state(state: &ContainerState) -> (String, Label) {
    let (status, health) = match state {
        ContainerState::Missing => return ("not there".to_owned(), Label::Error),
        ContainerState::CutOff { .. } => return ("running, cut off".to_owned(), Label::Error),
        ContainerState::Silent => return ("not asked".to_owned(), Label::Warning),
        ContainerState::Unknown { why } => return (format!("unknown: {why}"), Label::Warning),
        ContainerState::Live { status, health } => (status, health),
    };
    let text = wording::status(status);
    match (status, health) {
        (Status::Running, Some(Health::Healthy)) => (format!("{text}, healthy"), Label::Good),
        (Status::Running, Some(Health::Starting)) => (format!("{text}, not yet healthy"), Label::Warning),
        (Status::Running, Some(Health::Unhealthy)) => (format!("{text}, unhealthy"), Label::Error),
        (Status::Running, None) => (text, Label::Good),
        (Status::Exited { code: 0 }, _) => (text, Label::Plain),
        (_, _) => (text, Label::Error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::FailedCheck;
    use crate::model::{NodeName, ServiceName};
    use crate::render::json;
    use crate::render::table::Room;

    fn container(name: Option<&str>, state: ContainerState) -> ContainerStatus {
        ContainerStatus {
            node: NodeName::new("nas").unwrap(),
            service: ServiceName::new("shop").unwrap(),
            container: name.map(str::to_owned),
            image: name.map(|_| "nginx:1".to_owned()),
            started_at: match &state {
                ContainerState::Live { .. } | ContainerState::CutOff { .. } => {
                    Some("2026-01-01T10:00:00.123456Z".to_owned())
                }
                ContainerState::Missing | ContainerState::Silent | ContainerState::Unknown { .. } => None,
            },
            works: match &state {
                ContainerState::Missing | ContainerState::CutOff { .. } => Works::No,
                ContainerState::Silent | ContainerState::Unknown { .. } => Works::Unknown,
                ContainerState::Live { health: Some(Health::Unhealthy), .. } => Works::No,
                ContainerState::Live { .. } => Works::Yes,
            },
            failed_check: None,
            state,
        }
    }

    #[test]
    fn each_state_has_its_words_in_text_and_json() {
        let live = |status, health| ContainerState::Live { status, health };
        let mut sick = container(Some("sick"), live(Status::Running, Some(Health::Unhealthy)));
        sick.image = Some(format!("ghcr.io/sick/app:1@sha256:{}", "ab".repeat(32)));
        sick.failed_check = Some(FailedCheck { exit_code: 7, output: vec!["no \u{1b}db".to_owned()] });
        let all = [
            container(Some("db"), live(Status::Running, Some(Health::Healthy))),
            container(Some("job"), live(Status::Exited { code: 0 }, None)),
            container(Some("web"), ContainerState::Missing),
            container(None, ContainerState::Unknown { why: "PW is not set".to_owned() }),
            container(None, ContainerState::Silent),
            sick,
        ];
        let silent =
            SilentNode { node: NodeName::new("pi").unwrap(), why: "no route to host".to_owned(), hint: String::new() };
        insta::assert_snapshot!(status(&all, &[silent], &Options::default()), @r"
        SERVICE   CONTAINER  STATE               IMAGE                            SINCE
        nas/shop  db         running, healthy    nginx:1                          2026-01-01 10:00:00
        nas/shop  job        exited (0)          nginx:1                          2026-01-01 10:00:00
        nas/shop  web        not there           nginx:1
        nas/shop  ?          unknown
        nas/shop  ?          not asked
        nas/shop  sick       running, unhealthy  ghcr.io/sick/app:1@abababababab  2026-01-01 10:00:00

        ! nas/shop is not known: PW is not set
        ! nas/shop sick is unhealthy; its health check ended with code 7:
            | no \x1bdb
        ? pi could not be asked: no route to host

        2 of 4 containers do not work; 1 service could not be asked; 1 service is not
          known.
        ");
        let output = json::status::status(&all, &[]);
        assert_eq!(output["format_version"], json::FORMAT_VERSION);
        assert_eq!(
            output["containers"][0],
            serde_json::json!({
                "service": "nas/shop", "container": "db", "state": "running, healthy", "image": "nginx:1",
                "since": "2026-01-01 10:00:00", "works": true,
            })
        );
        assert_eq!(output["containers"][3]["container"], "?");
        assert_eq!(status(&[], &[], &Options::default()), "No service is declared.\n");
    }
    #[test]
    fn long_names_fit_a_terminal_and_are_whole_elsewhere() {
        let live = |health| ContainerState::Live { status: Status::Running, health };
        let mut long = container(Some("machine-learning-with-hardware-acceleration"), live(Some(Health::Healthy)));
        long.service = ServiceName::new("immich-photo-library-of-the-family").unwrap();
        long.image = Some("ghcr.io/immich-app/immich-machine-learning:v1.119.0-openvino".to_owned());
        let unknown = ContainerState::Unknown { why: "services/immich/.env cannot be read: ".repeat(4) };
        let all = [container(Some("db"), live(Some(Health::Unhealthy))), long, container(None, unknown)];
        let on = Options { room: Room::Columns(80), ..Options::default() };
        insta::assert_snapshot!(status(&all, &[], &on), @r"
        SERVICE       CONTAINER     STATE               IMAGE        SINCE
        nas/shop      db            running, unhealthy  nginx:1      2026-01-01 10:00:00
        nas/im…amily  machin…ation  running, healthy    ghcr.…nvino  2026-01-01 10:00:00
        nas/shop      ?             unknown

        ! nas/shop is not known: services/immich/.env cannot be read:
          services/immich/.env cannot be read: services/immich/.env cannot be read:
          services/immich/.env cannot be read:

        1 of 2 containers does not work; 1 service is not known.
        ");
        assert!(status(&all, &[], &on).lines().all(|line| line.chars().count() <= 80));
        let piped = status(&all, &[], &Options::default());
        for name in ["machine-learning-with-hardware-acceleration", "immich-machine-learning:v1.119.0-openvino"] {
            assert!(piped.contains(name), "{piped}");
        }
    }
}
