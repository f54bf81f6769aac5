//! The status of services and containers, for people.

use super::style::{Label, Palette};
use super::table::{Cell, table};
use super::wording;
use crate::model::status::{ContainerState, ContainerStatus};
use crate::model::view::{Health, Status};

/// One line a container.
pub fn status(containers: &[ContainerStatus], palette: Palette) -> String {
    let row = |container: &ContainerStatus| {
        let (state, label) = state(&container.state);
        [
            Cell::plain(service(container)),
            Cell::plain(container.container.as_deref().unwrap_or("?")),
            Cell::new(label, state),
            Cell::plain(container.image.as_deref().unwrap_or_default()),
            Cell::new(Label::Faint, since(container)),
        ]
    };
    match containers {
        [] => "No service is declared.\n".to_owned(),
        containers => {
            let rows: Vec<[Cell; 5]> = containers.iter().map(row).collect();
            table(["SERVICE", "CONTAINER", "STATE", "IMAGE", "SINCE"], &rows, palette)
        }
    }
}

/// The service's name with its node.
pub(super) fn service(container: &ContainerStatus) -> String {
    format!("{}/{}", container.node, container.service)
}

/// Since when it runs, to the second; empty if it does not exist.
pub(super) fn since(container: &ContainerStatus) -> String {
    let started_at = container.started_at.as_deref().unwrap_or_default();
    started_at.split('.').next().unwrap_or_default().replace('T', " ")
}

/// State and health in words, and what to think of it.
pub(super) fn state(state: &ContainerState) -> (String, Label) {
    let (status, health) = match state {
        ContainerState::Missing => return ("not there".to_owned(), Label::Error),
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
    use crate::model::{NodeName, ServiceName};
    use crate::render::json;

    fn container(name: Option<&str>, state: ContainerState) -> ContainerStatus {
        ContainerStatus {
            node: NodeName::new("nas").unwrap(),
            service: ServiceName::new("shop").unwrap(),
            container: name.map(str::to_owned),
            image: name.map(|_| "nginx:1".to_owned()),
            started_at: match &state {
                ContainerState::Live { .. } => Some("2026-01-01T10:00:00.123456Z".to_owned()),
                ContainerState::Missing | ContainerState::Unknown { .. } => None,
            },
            state,
        }
    }

    #[test]
    fn each_state_has_its_words_in_text_and_json() {
        let live = |status, health| ContainerState::Live { status, health };
        let all = [
            container(Some("db"), live(Status::Running, Some(Health::Healthy))),
            container(Some("job"), live(Status::Exited { code: 0 }, None)),
            container(Some("web"), ContainerState::Missing),
            container(None, ContainerState::Unknown { why: "PW is not set".to_owned() }),
        ];
        insta::assert_snapshot!(status(&all, Palette::Plain), @r"
        SERVICE   CONTAINER  STATE                   IMAGE    SINCE
        nas/shop  db         running, healthy        nginx:1  2026-01-01 10:00:00
        nas/shop  job        exited (0)              nginx:1  2026-01-01 10:00:00
        nas/shop  web        not there               nginx:1
        nas/shop  ?          unknown: PW is not set
        ");
        let output = json::status::status(&all);
        assert_eq!(output["format_version"], json::FORMAT_VERSION);
        assert_eq!(
            output["containers"][0],
            serde_json::json!({
                "service": "nas/shop", "container": "db", "state": "running, healthy", "image": "nginx:1",
                "since": "2026-01-01 10:00:00",
            })
        );
        assert_eq!(output["containers"][3]["container"], "?");
        assert_eq!(status(&[], Palette::Plain), "No service is declared.\n");
    }
}
