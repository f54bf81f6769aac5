//! A project → the text that `docker-compose config` prints for it.
//!
//! [`json`] and [`yaml`] print a whole project, in the key order of Compose's own structs; [`service_json`] is one
//! service in one line, for the config hash. `$` is doubled in what people read back as a Compose file, not in a hash.
//! Secrets are printed as they are: masking is up to the caller.

mod emit_json;
mod emit_yaml;
mod natural_order;
mod shape;

use crate::compose::yaml::Node;

/// Which Compose's structs a project is laid out by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComposeVersion {
    /// compose-go 2.4.8, whose answers hl follows.
    #[default]
    Followed,
    /// Compose 2.30.2 to 2.40, which has some keys in another order.
    Later,
    /// The newest Compose, which has some keys in another order and another form.
    Newest,
}

/// The first releases whose hashes are nearer to those of the later versions.
const LATER: [u32; 3] = [2, 30, 2];
const NEWEST: [u32; 1] = [5];

impl ComposeVersion {
    /// The version that is nearest to a release such as `2.26.1` or `v5.0.0-rc.1`.
    pub fn of_release(version: &str) -> Self {
        let numbers = version.trim_start_matches('v').split(['.', '-', '+']).map_while(|part| part.parse().ok());
        let numbers: Vec<u32> = numbers.take(3).collect();
        match numbers.as_slice() {
            numbers if numbers >= NEWEST.as_slice() => ComposeVersion::Newest,
            numbers if numbers >= LATER.as_slice() => ComposeVersion::Later,
            _ => ComposeVersion::Followed,
        }
    }

    /// The release that writes its labels so.
    pub fn release(self) -> &'static str {
        match self {
            ComposeVersion::Followed => "2.26.1",
            ComposeVersion::Later => "2.40.3",
            ComposeVersion::Newest => "5.5.0",
        }
    }
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
pub fn service_json(service: &Node, version: ComposeVersion, without: &[&str]) -> String {
    emit_json::compact(&shape::service(service, version, without))
}

/// A file that is read again is interpolated again.
fn escape_dollars(text: String) -> String {
    if text.contains('$') { text.replace('$', "$$") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_an_edition() {
        for (release, version) in [
            ("2.26.1", ComposeVersion::Followed),
            ("2.30.1", ComposeVersion::Followed),
            ("2.30.2", ComposeVersion::Later),
            ("v2.40.0-desktop.1", ComposeVersion::Later),
            ("5.0", ComposeVersion::Newest),
            ("1.29.2", ComposeVersion::Followed),
            ("", ComposeVersion::Followed),
        ] {
            assert_eq!(ComposeVersion::of_release(release), version, "{release}");
        }
        for version in [ComposeVersion::Followed, ComposeVersion::Later, ComposeVersion::Newest] {
            assert_eq!(ComposeVersion::of_release(version.release()), version);
        }
    }
}
