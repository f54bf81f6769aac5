//! Images: what one brings along, how it is built and when it is pulled.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::container::{ContainerSpec, Healthcheck};
use crate::model::typed::{Mount, MountKind};
use crate::model::value::Text;

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

/// The inputs of an image build.
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

/// The configuration in an image: the defaults of every container made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
