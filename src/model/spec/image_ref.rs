//! References to images.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reference to an image as written; equality and order are those of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageRef(String);

impl ImageRef {
    /// The reference as written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text that the engine is given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full reference: registry, repository, and a tag or a digest. `nginx` and
    /// `docker.io/library/nginx:latest` are one. Rule of the distribution reference grammar: the
    /// first part is a registry only if it has a dot or a colon, or is `localhost`.
    pub fn normal(&self) -> String {
        let text = self.0.as_str();
        if is_id(text) {
            return text.to_owned();
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path.to_owned()),
            Some(_) => ("docker.io", rest.to_owned()),
            None => ("docker.io", format!("library/{rest}")),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let tagged = path.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let tag = if tagged || digest.is_some() { "" } else { ":latest" };
        let digest = digest.map(|d| format!("@{d}")).unwrap_or_default();
        format!("{registry}/{path}{tag}{digest}")
    }

    /// The reference by which the engine lists the image: as [`ImageRef::normal`], but with a digest
    /// there is no tag.
    pub fn listed(&self) -> String {
        let normal = self.normal();
        let Some((name, digest)) = normal.split_once('@') else { return normal };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let name = name[last..].find(':').map_or(name, |colon| &name[..last + colon]);
        format!("{name}@{digest}")
    }

    /// The reference as people write it: without the default registry, folder and tag.
    pub fn familiar(&self) -> String {
        let normal = self.normal();
        let short = normal.strip_prefix("docker.io/").unwrap_or(&normal);
        short.strip_prefix("library/").unwrap_or(short).to_owned()
    }

    /// Whether it is pinned to a digest, so that its content can never change.
    pub fn is_pinned(&self) -> bool {
        self.0.contains('@') || is_id(&self.0)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a text is the id of an image and not a name.
fn is_id(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_normal_form() {
        for (text, normal) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("a/b", "docker.io/a/b:latest"),
            ("localhost/b", "localhost/b:latest"),
            ("host:5000/b:2", "host:5000/b:2"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
            ("a:1@sha256:00", "docker.io/library/a:1@sha256:00"),
        ] {
            assert_eq!(ImageRef::new(text).normal(), normal, "{text}");
        }
        assert_eq!(ImageRef::new("docker.io/library/nginx").familiar(), "nginx:latest");
        assert_eq!(ImageRef::new("host:5000/a:1@sha256:00").listed(), "host:5000/a@sha256:00");
        assert_eq!(ImageRef::new("a:1").listed(), "docker.io/library/a:1");
    }
}
