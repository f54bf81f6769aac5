//! A project → the text that `docker-compose config` prints for it.
//!
//! [`json`] and [`yaml`] print a whole project, in the key order of Compose's own structs; [`service_json`] is one
//! service in one line, for the config hash. `$` is doubled in what people read back as a Compose file, not in a hash.
//! What is secret is printed as it is: masking is the caller's matter.

mod emit_json;
mod emit_yaml;
mod shape;

use crate::config::tree::Node;

/// Which Compose's structs a project is laid out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// compose-go 2.4.8, whose answers hl follows.
    Followed,
    /// The newest Compose, which has some keys in another order and another form.
    Newest,
}

/// The project as `docker-compose config --format json` prints it, without a newline at the end.
pub fn json(project: &Node) -> String {
    escape_dollars(emit_json::indented(&shape::project(project, shape::Format::Json)))
}

/// The project as `docker-compose config` prints it.
pub fn yaml(project: &Node) -> String {
    escape_dollars(emit_yaml::document(&shape::project(project, shape::Format::Yaml)))
}

/// A service as Go marshals it, in one line and without the keys in `without`, of which one may be `key.key`.
pub fn service_json(service: &Node, edition: Edition, without: &[&str]) -> String {
    emit_json::compact(&shape::service(service, edition, without))
}

/// A file that is read again is interpolated again.
fn escape_dollars(text: String) -> String {
    if text.contains('$') { text.replace('$', "$$") } else { text }
}
