//! The text that Compose's label `com.docker.compose.config-hash` is a hash of.
//!
//! Compose makes it of the service as Go marshals it and recreates a container whose label has another value. hl writes
//! it, so that a later `docker compose up` leaves hl's containers alone, and never decides anything by it.

use super::print::{self, ComposeVersion};
use crate::compose::yaml::{Node, Value};
use crate::model::spec::HashedConfig;

/// The text of a normalised service whose env files are folded in. Marks stand for the ids of the containers that
/// `service:…` in namespaces and the services of `volumes_from` mean.
pub fn hashed_config(service: &Node, version: ComposeVersion) -> HashedConfig {
    let referring = service.get("volumes_from").is_some()
        || NAMESPACES.iter().any(|n| service.get(n).and_then(Node::as_text).is_some_and(|m| m.starts_with("service:")));
    HashedConfig::new(if referring {
        let mut marked = service.clone();
        mark_references(&mut marked);
        print::service_json(&marked, version, left_out(version))
    } else {
        print::service_json(service, version, left_out(version))
    })
}

const NAMESPACES: [&str; 3] = ["network_mode", "ipc", "pid"];

/// The keys that may change without a new container.
fn left_out(version: ComposeVersion) -> &'static [&'static str] {
    match version {
        ComposeVersion::Followed => &["build", "pull_policy", "scale", "deploy.replicas", "label_file"],
        // `depends_on` since 2.29.3, `profiles` since 2.30.2.
        ComposeVersion::Later | ComposeVersion::Newest => {
            &["build", "pull_policy", "scale", "deploy.replicas", "depends_on", "profiles"]
        }
    }
}

/// Names of services → marks for the ids of their containers, which Compose has there before it hashes.
fn mark_references(service: &mut Node) {
    for namespace in NAMESPACES {
        if let Some(Value::Text(mode)) = service.get_mut(namespace).map(|n| &mut n.value)
            && let Some(name) = mode.strip_prefix("service:")
        {
            *mode = HashedConfig::id_of(name, "container:", mode);
        }
    }
    for source in service.get_mut("volumes_from").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Value::Text(text) = &mut source.value {
            let mut parts = text.split(':');
            let resolved = match parts.next() {
                Some("container") => parts.next().map(String::from),
                Some(name) => Some(HashedConfig::id_of(name, "", text)),
                None => None,
            };
            if let Some(id) = resolved {
                *text = id;
            }
        }
    }
}
