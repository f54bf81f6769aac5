//! The status of services and containers, as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use crate::model::status::ContainerStatus;
use crate::render::status::{service, since, state};

/// The containers with how they are.
pub fn status(containers: &[ContainerStatus]) -> Json {
    let one = |container: &ContainerStatus| {
        json!({
            "service": service(container),
            "container": container.container.as_deref().unwrap_or("?"),
            "state": state(&container.state).0,
            "image": container.image.as_deref().unwrap_or_default(),
            "since": since(container),
        })
    };
    json!({ "format_version": FORMAT_VERSION, "containers": containers.iter().map(one).collect::<Vec<_>>() })
}
