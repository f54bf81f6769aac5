//! Pulling images.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

use super::credentials;
use super::engine::{Engine, escape};
use crate::model::spec::ImageRef;
use crate::node::{Advance, NodeError, Progress};

/// How long a registry may send nothing.
const IDLE: Duration = Duration::from_secs(300);

/// Pulls an image with the credentials that `config` has for its registry.
pub async fn pull(
    engine: &Engine,
    config: Option<&Path>,
    reference: &ImageRef,
    platform: Option<&str>,
    progress: Progress<'_>,
) -> Result<(), NodeError> {
    let what = format!("pull image {}", reference.familiar());
    let (name, version) = split(reference);
    let mut path = format!("/images/create?fromImage={}&tag={}", escape(&name), escape(&version));
    path.extend(platform.map(|p| format!("&platform={}", escape(p))));
    let registry = name.split('/').next().unwrap_or_default();
    let mut request = Request::post(path);
    if let Some(header) = credentials::header(config, registry).await {
        request = request.header("X-Registry-Auth", header);
    }
    let request = request.body(bollard::body_full(Bytes::new())).map_err(Into::into);
    let mut layers = Layers::default();
    engine.lines(&what, IDLE, request, |line| progress(layers.advance(line))).await
}

/// Name and version of a reference: of a tag and a digest the engine takes the digest.
fn split(reference: &ImageRef) -> (String, String) {
    let listed = reference.listed();
    let (name, version) = match listed.split_once('@') {
        Some(parts) => parts,
        None => listed.rsplit_once(':').unwrap_or((&listed, "latest")),
    };
    (name.to_owned(), version.to_owned())
}

/// How far each layer is.
#[derive(Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    fn advance(&mut self, line: &Value) -> Advance {
        let status = line["status"].as_str().unwrap_or_default();
        if let Some(id) = line["id"].as_str() {
            let number = |key: &str| line["progressDetail"][key].as_u64();
            match (status, number("current"), number("total")) {
                ("Downloading", Some(current), Some(total)) => drop(self.0.insert(id.to_owned(), (current, total))),
                ("Download complete" | "Pull complete", ..) => {
                    self.0.entry(id.to_owned()).and_modify(|(current, total)| *current = *total);
                }
                _ => {}
            }
        }
        let sum = self.0.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        let text = if status.is_empty() { "pulling" } else { status };
        Advance { text: text.to_lowercase(), bytes: (sum.1 > 0).then_some(sum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_split_as_the_engine_wants_them() {
        for (text, name, version) in [
            ("nginx", "docker.io/library/nginx", "latest"),
            ("host:5000/a/b:2", "host:5000/a/b", "2"),
            ("ghcr.io/a/b:1@sha256:00", "ghcr.io/a/b", "sha256:00"),
        ] {
            assert_eq!(split(&ImageRef::new(text)), (name.to_owned(), version.to_owned()));
        }
    }

    #[test]
    fn bytes_of_all_layers_add_up() {
        let mut layers = Layers::default();
        let download = |id: &str, current: u64| json!({"status": "Downloading", "id": id, "progressDetail": {"current": current, "total": 10}});
        assert_eq!(layers.advance(&json!({"status": "Pulling from a"})).bytes, None);
        layers.advance(&download("a", 3));
        assert_eq!(layers.advance(&download("b", 4)).bytes, Some((7, 20)));
        let done = layers.advance(&json!({"status": "Pull complete", "id": "a", "progressDetail": {}}));
        assert_eq!(done, Advance { text: "pull complete".to_owned(), bytes: Some((14, 20)) });
    }
}
