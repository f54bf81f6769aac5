//! The labels that Compose itself writes on what it makes, and by which it finds it again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Builder;
use super::read::flag;
use crate::compose::yaml::Node;

impl Builder<'_> {
    /// The labels of a container. `image` and `config-hash` are not among them: the ids of the image and of other
    /// containers are known when the container is made.
    pub(super) fn labels(&self, name: &str, service: &Node, number: u32) -> BTreeMap<String, String> {
        let folder = self.project.working_dir.to_string_lossy().into_owned();
        BTreeMap::from([
            label("project", self.project.name.clone()),
            label("service", name.to_owned()),
            label("oneoff", "False".to_owned()),
            label("container-number", number.to_string()),
            label("depends_on", depends_on(service)),
            label("project.working_dir", folder),
            label("project.config_files", joined(&self.project.config_files)),
            label("version", self.version.release().to_owned()),
        ])
    }

    /// The labels of a network or a volume.
    pub(super) fn shared_labels(&self, kind: &str, key: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            label("project", self.project.name.clone()),
            label(kind, key.to_owned()),
            label("version", self.version.release().to_owned()),
        ])
    }
}

fn label(name: &str, value: String) -> (String, String) {
    (format!("com.docker.compose.{name}"), value)
}

/// `db:service_healthy:false`; sorted, where Compose leaves it to chance.
fn depends_on(service: &Node) -> String {
    let entries = service.get("depends_on").and_then(Node::as_map).into_iter().flatten();
    let mut words: Vec<String> = entries
        .map(|(name, entry)| {
            let condition = entry.node.get("condition").and_then(Node::as_text).unwrap_or("service_started");
            format!("{name}:{condition}:{}", flag(entry.node.get("restart")))
        })
        .collect();
    words.sort();
    words.join(",")
}

fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.to_string_lossy()).collect::<Vec<_>>().join(",")
}
