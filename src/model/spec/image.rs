//! Images: references, what an image brings along, and how one is built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::container::{ContainerSpec, Healthcheck};
use crate::model::typed::{Mount, MountKind};
use crate::model::value::Text;

/// A reference to an image as written; equality and order are those of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// When an image is pulled although one of that name is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Only if it is missing.
    #[default]
    Missing,
    /// At every apply.
    Always,
    /// Never; a missing one is an error.
    Never,
    /// It is built, never pulled.
    Build,
    /// If the last pull is older than so many seconds.
    Every(u64),
}

/// What an image is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildSpec {
    /// The folder on the node, or an address that the engine fetches.
    pub context: String,
    /// The Dockerfile, relative to the context; absent is `Dockerfile`.
    pub dockerfile: Option<String>,
    /// The text of the Dockerfile instead.
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, Option<Text>>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, Text>,
    /// Images whose layers may be reused.
    pub cache_from: Vec<String>,
    /// Whether layers are never reused.
    pub no_cache: bool,
    /// Whether base images are pulled anew.
    pub pull: bool,
    /// Network of `RUN`.
    pub network: Option<String>,
    /// `host:address` entries while building.
    pub extra_hosts: Vec<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<i64>,
    /// Limits while building.
    pub ulimits: BTreeMap<String, super::container::Ulimit>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,
    /// Further names of the result.
    pub tags: Vec<String>,
    /// Isolation (Windows).
    pub isolation: Option<String>,
}

/// What an image brings along: the defaults of every container made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Entry point.
    pub entrypoint: Vec<String>,
    /// Arguments.
    pub command: Vec<String>,
    /// Variables.
    pub environment: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Exposed ports as `80/tcp`.
    pub expose: BTreeSet<String>,
    /// Targets of anonymous volumes.
    pub volumes: BTreeSet<String>,
    /// Working directory.
    pub working_dir: String,
    /// User.
    pub user: String,
    /// Signal that asks to stop.
    pub stop_signal: String,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
}

impl ContainerSpec {
    /// The spec with the image's defaults filled in, as the engine does at creation; what inspect
    /// will show. Source: the engine's `merge` of container and image config, rules measured on
    /// 20.10 (arguments of the image count only where neither entry point nor arguments are given).
    #[must_use]
    pub fn with_image(&self, image: &ImageConfig) -> ContainerSpec {
        let mut spec = self.clone();
        let plain = |words: &[String]| Some(words.iter().map(Text::plain).collect::<Vec<_>>());
        let no_command = spec.command.as_ref().is_none_or(Vec::is_empty);
        let no_entrypoint = spec.entrypoint.as_ref().is_none_or(Vec::is_empty);
        if no_entrypoint {
            if no_command {
                spec.command = plain(&image.command);
            }
            if spec.entrypoint.is_none() {
                spec.entrypoint = plain(&image.entrypoint);
            }
        }
        for (name, value) in &image.environment {
            spec.environment.entry(name.clone()).or_insert_with(|| Some(Text::plain(value)));
        }
        for (name, value) in &image.labels {
            spec.labels.entry(name.clone()).or_insert_with(|| Text::plain(value));
        }
        spec.expose.extend(image.expose.iter().cloned());
        for target in &image.volumes {
            let covered = spec.mounts.contains_key(target) || spec.tmpfs.contains_key(target);
            if !covered {
                let mount = Mount { kind: MountKind::Anonymous, read_only: false };
                spec.mounts.insert(target.clone(), mount);
            }
        }
        let fill = |own: &mut Option<String>, default: &str| {
            if own.as_deref().unwrap_or("").is_empty() && !default.is_empty() {
                *own = Some(default.to_owned());
            }
        };
        fill(&mut spec.working_dir, &image.working_dir);
        fill(&mut spec.user, &image.user);
        fill(&mut spec.stop_signal, &image.stop_signal);
        spec.healthcheck = merge_healthcheck(spec.healthcheck.as_ref(), image.healthcheck.as_ref());
        spec
    }
}

/// Zero fields of a container's health check come from the image's; a disabled one stays disabled.
fn merge_healthcheck(own: Option<&Healthcheck>, image: Option<&Healthcheck>) -> Option<Healthcheck> {
    let (Some(own), Some(image)) = (own, image) else { return own.or(image).cloned() };
    let pick = |own: i64, image: i64| if own == 0 { image } else { own };
    Some(Healthcheck {
        test: own.test.clone().filter(|t| !t.is_empty()).or_else(|| image.test.clone()),
        interval: pick(own.interval, image.interval),
        timeout: pick(own.timeout, image.timeout),
        start_period: pick(own.start_period, image.start_period),
        start_interval: pick(own.start_interval, image.start_interval),
        retries: pick(own.retries, image.retries),
    })
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

    #[test]
    fn an_entrypoint_of_ones_own_drops_the_images_arguments() {
        let image = ImageConfig { entrypoint: vec!["e".into()], command: vec!["c".into()], ..Default::default() };
        let words =
            |w: Option<Vec<Text>>| w.map(|w| w.iter().map(|t| t.expose().unwrap().to_owned()).collect::<Vec<_>>());
        let own = ContainerSpec { entrypoint: Some(vec![Text::plain("x")]), ..Default::default() }.with_image(&image);
        assert_eq!(words(own.command), None);
        let cleared = ContainerSpec { entrypoint: Some(vec![]), ..Default::default() }.with_image(&image);
        assert_eq!((words(cleared.entrypoint), words(cleared.command)), (Some(vec![]), Some(vec!["c".into()])));
        let bare = ContainerSpec::default().with_image(&image);
        assert_eq!(words(bare.entrypoint), Some(vec!["e".into()]));
    }
}
