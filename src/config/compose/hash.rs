//! The value of Compose's label `com.docker.compose.config-hash`.
//!
//! Compose makes it of the service as Go marshals it and recreates a container whose label has another value. hl writes
//! it, so that a later `docker compose up` leaves hl's containers alone, and never decides anything by it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::print::{self, Edition};
use crate::config::tree::{Node, Value};

/// Finds the container of a service: its id.
pub type Containers<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The hash of a normalised service whose env files are folded in, in lower case hexadecimal.
///
/// `containers` gives the ids that stand for `service:…` in namespaces and for the services of `volumes_from`; a
/// reference whose container it does not know stays as it is, as in `docker-compose config --hash`.
pub fn service_hash(service: &Node, edition: Edition, containers: Containers<'_>) -> String {
    let referring = service.get("volumes_from").is_some()
        || NAMESPACES.iter().any(|n| service.get(n).and_then(Node::as_text).is_some_and(|m| m.starts_with("service:")));
    let json = if referring {
        let mut resolved = service.clone();
        resolve_references(&mut resolved, containers);
        print::service_json(&resolved, edition, left_out(edition))
    } else {
        print::service_json(service, edition, left_out(edition))
    };
    hex(&Sha256::digest(json.as_bytes()))
}

const NAMESPACES: [&str; 3] = ["network_mode", "ipc", "pid"];

/// What may change without a new container.
fn left_out(edition: Edition) -> &'static [&'static str] {
    match edition {
        Edition::Followed => &["build", "pull_policy", "scale", "deploy.replicas"],
        // `depends_on` since 2.29.3, `profiles` since 2.30.2.
        Edition::Newest => &["build", "pull_policy", "scale", "deploy.replicas", "depends_on", "profiles"],
    }
}

/// Names of services → ids of their containers, as Compose has it before it hashes.
fn resolve_references(service: &mut Node, containers: Containers<'_>) {
    for namespace in NAMESPACES {
        if let Some(Value::Text(mode)) = service.get_mut(namespace).map(|n| &mut n.value)
            && let Some(id) = mode.strip_prefix("service:").and_then(containers)
        {
            *mode = format!("container:{id}");
        }
    }
    for source in service.get_mut("volumes_from").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Value::Text(text) = &mut source.value {
            let mut parts = text.split(':');
            let resolved = match parts.next() {
                Some("container") => parts.next().map(String::from),
                Some(name) => containers(name),
                None => None,
            };
            if let Some(id) = resolved {
                *text = id;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to text cannot fail");
        text
    })
}
