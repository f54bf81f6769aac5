//! The status of services and containers, as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use crate::model::ProjectName;
use crate::model::status::{ContainerStatus, SilentNode, UndeclaredContainer, Works};
use crate::model::view::FailedCheck;
use crate::render::status::{service, since, state, time};

/// Containers that belong to no service.
pub fn undeclared(containers: &[UndeclaredContainer]) -> Json {
    let one = |container: &UndeclaredContainer| {
        json!({
            "node": container.node.as_str(),
            "project": container.project.as_ref().map(ProjectName::as_str),
            "container": container.name,
            "state": state(&container.state).0,
            "image": container.image,
            "since": time(&container.started_at),
        })
    };
    containers.iter().map(one).collect()
}

/// The containers with how they are, and the nodes that could not be asked.
pub fn status(containers: &[ContainerStatus], silent: &[SilentNode]) -> Json {
    let works = |container: &ContainerStatus| match container.works {
        Works::Yes => Json::Bool(true),
        Works::No => Json::Bool(false),
        Works::NotYet | Works::Unknown => Json::Null,
    };
    let check = |check: &FailedCheck| json!({ "exit_code": check.exit_code, "output": check.output });
    let one = |container: &ContainerStatus| {
        let mut line = json!({
            "service": service(container),
            "container": container.container.as_deref().unwrap_or("?"),
            "state": state(&container.state).0,
            "image": container.image.as_deref().unwrap_or_default(),
            "since": since(container),
            "works": works(container),
        });
        if let Some(failed) = &container.failed_check {
            line["failed_check"] = check(failed);
        }
        line
    };
    let node = |silent: &SilentNode| json!({ "node": silent.node.as_str(), "why": silent.why, "hint": silent.hint });
    json!({
        "format_version": FORMAT_VERSION,
        "containers": containers.iter().map(one).collect::<Vec<_>>(),
        "silent_nodes": silent.iter().map(node).collect::<Vec<_>>(),
    })
}
