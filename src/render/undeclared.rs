//! Containers that run on the nodes and belong to no service.

use std::collections::{BTreeMap, BTreeSet};

use super::english::{plural, shortened};
use super::plan::Options;
use super::status::{state, time};
use super::style::Label;
use super::table::{Cell, Column, table};
use crate::model::status::UndeclaredContainer;
use crate::model::{NodeName, ProjectName};

/// One line a node that has projects which nothing declares.
pub fn lines(containers: &[UndeclaredContainer]) -> Vec<String> {
    let mut projects: BTreeMap<&NodeName, BTreeSet<&ProjectName>> = BTreeMap::new();
    for container in containers {
        if let Some(project) = &container.project {
            projects.entry(&container.node).or_default().insert(project);
        }
    }
    let line = |(node, projects): (&NodeName, BTreeSet<&ProjectName>)| {
        let names: Vec<&str> = projects.iter().map(|project| project.as_str()).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        format!(
            "{node} has {} that {verb} not declared: {}. `hl status --all` lists what runs of it.",
            plural(names.len(), "project"),
            shortened(&names, 5)
        )
    };
    projects.into_iter().map(line).collect()
}

/// All of them in a table.
pub fn list(containers: &[UndeclaredContainer], options: &Options) -> String {
    if containers.is_empty() {
        return "\nNothing runs that is not declared.\n".to_owned();
    }
    let row = |container: &UndeclaredContainer| {
        let project = container.project.as_ref().map_or("-", ProjectName::as_str);
        let (state, label) = state(&container.state);
        [
            Cell::plain(format!("{}/{project}", container.node)),
            Cell::plain(container.name.as_str()),
            Cell::new(label, state),
            Cell::plain(super::status::short_image(&container.image)),
            Cell::new(Label::Faint, time(&container.started_at)),
        ]
    };
    let rows: Vec<[Cell; 5]> = containers.iter().map(row).collect();
    let columns = [
        Column::Names("NOT DECLARED"),
        Column::Names("CONTAINER"),
        Column::Whole("STATE"),
        Column::Names("IMAGE"),
        Column::Whole("SINCE"),
    ];
    format!("\n{}", table(columns, &rows, options.palette, options.room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status::ContainerState;
    use crate::model::view::Status;
    use crate::render::json;

    #[test]
    fn projects_that_nothing_declares_are_told_in_one_line_and_listed() {
        let container = |project: Option<&str>, name: &str| UndeclaredContainer {
            node: NodeName::new("nas").unwrap(),
            project: project.map(|project| ProjectName::new(project).unwrap()),
            name: name.to_owned(),
            state: ContainerState::Live { status: Status::Running, health: None },
            image: "nginx:1".to_owned(),
            started_at: "2026-01-01T10:00:00.1Z".to_owned(),
        };
        let all =
            [container(None, "watchtower"), container(Some("blog"), "blog-web-1"), container(Some("wiki"), "wiki-1")];
        let told = lines(&all);
        assert_eq!(
            told,
            ["nas has 2 projects that are not declared: blog and wiki. `hl status --all` lists what runs of it."]
        );
        assert_eq!(lines(&all[..1]), [""; 0]);
        insta::assert_snapshot!(list(&all, &Options::default()).trim(), @r"
        NOT DECLARED  CONTAINER   STATE    IMAGE    SINCE
        nas/-         watchtower  running  nginx:1  2026-01-01 10:00:00
        nas/blog      blog-web-1  running  nginx:1  2026-01-01 10:00:00
        nas/wiki      wiki-1      running  nginx:1  2026-01-01 10:00:00
        ");
        assert_eq!(json::status::undeclared(&all)[0]["project"], serde_json::Value::Null);
    }
}
