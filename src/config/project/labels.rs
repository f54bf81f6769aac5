//! The labels that Compose itself writes on what it makes, and by which it finds it again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Builder;
use super::conversions::flag;
use crate::compose::Project;
use crate::compose::hash::hashed_config;
use crate::compose::print::ComposeVersion;
use crate::compose::yaml::Node;
use crate::model::homelab::{Network, Service, Volume};
use crate::model::spec::HashedConfig;

impl Builder<'_> {
    /// The labels of a container. `version` and what `config-hash` is made of follow by [`complete`], once it is known
    /// which Compose the node's containers are of; `image` and the hash itself when the container is made, since the
    /// ids of the image and of other containers go into them.
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
        ])
    }

    /// The labels of a network or a volume, but for `version`.
    pub(super) fn shared_labels(&self, kind: &str, key: &str) -> BTreeMap<String, String> {
        BTreeMap::from([label("project", self.project.name.clone()), label(kind, key.to_owned())])
    }
}

/// Adds what depends on the Compose that looks at the containers next: the label `version`, and what the label
/// `config-hash` is made of. Nothing is decided by either.
pub(in crate::config) fn complete(service: &mut Service, project: &Project, version: ComposeVersion) {
    let release = || label("version", version.release().to_owned());
    let mut hashed: BTreeMap<&str, HashedConfig> = BTreeMap::new();
    let services = project.tree.get("services");
    for container in service.containers.values_mut() {
        container.spec.compose_labels.extend([release()]);
        let Some((name, node)) = services
            .and_then(Node::as_map)
            .and_then(|services| services.get_key_value(&container.compose_service))
            .map(|(name, entry)| (name.as_str(), &entry.node))
        else {
            continue;
        };
        let config = hashed.entry(name).or_insert_with(|| hashed_config(node, version));
        container.spec.hashed = Some(config.clone());
    }
    for network in service.networks.values_mut() {
        if let Network::Own(spec) = network {
            spec.compose_labels.extend([release()]);
        }
    }
    for volume in service.volumes.values_mut() {
        if let Volume::Own(spec) = volume {
            spec.compose_labels.extend([release()]);
        }
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
