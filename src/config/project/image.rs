//! Images: what a service runs, when that is pulled, and what it is built from.

use std::collections::BTreeMap;

use super::conversions::{flag, number, text_map, variables};
use super::limits::ulimits;
use super::{Builder, Purpose};
use crate::compose::yaml::{Entry, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Text;
use crate::model::homelab::Image;
use crate::model::spec::{BuildSpec, ContainerSpec, ImageRef, PullPolicy};

impl Builder<'_> {
    /// Adds the image of a service and names it in the spec.
    pub(super) fn image(&mut self, name: &str, entry: &Entry, spec: &mut ContainerSpec) {
        let service = &entry.node;
        let build = service.get("build").map(|node| self.build(node));
        let reference = match self.plain(service.get("image")) {
            Some(reference) => {
                service.get("image").into_iter().for_each(|node| self.check_image(node));
                reference
            }
            // The loader has said that a service has neither.
            None if build.is_none() => return,
            None => {
                let reference = format!("{}-{name}", self.project.name);
                self.check_built_name(&reference, entry.key_span);
                reference
            }
        };
        for tag in service.get("build").and_then(|b| b.get("tags")).and_then(Node::as_list).into_iter().flatten() {
            self.check_image(tag);
        }
        spec.image = ImageRef::new(reference.clone());
        let platform = spec.platform.clone();
        let image = Image { reference: ImageRef::new(reference.clone()), platform, pull: self.pull(service), build };
        match self.made.images.get_mut(&reference) {
            None => drop(self.made.images.insert(reference, image)),
            Some(there) => join(there, image),
        }
    }

    /// Lets containers know how their images are built: whoever runs one follows it, not only who declares it.
    pub(super) fn builds(&mut self) {
        for container in self.made.containers.values_mut() {
            let image = self.made.images.get(container.spec.image.as_str());
            if let Some(build) = image.and_then(|image| image.build.as_ref()) {
                container.spec.build = definition(build);
            }
        }
    }

    fn pull(&mut self, service: &Node) -> PullPolicy {
        let Some(policy) = self.plain(service.get("pull_policy")) else { return PullPolicy::Missing };
        match policy.as_str() {
            // Without a time, Compose takes `refresh` for `missing`.
            "missing" | "if_not_present" | "refresh" => PullPolicy::Missing,
            "always" => PullPolicy::Always,
            "never" => PullPolicy::Never,
            "build" => PullPolicy::Build,
            "daily" => PullPolicy::Every(DAY),
            "weekly" => PullPolicy::Every(7 * DAY),
            other => match other.strip_prefix("every_").and_then(seconds) {
                Some(seconds) => PullPolicy::Every(seconds),
                None => {
                    let words = format!("`pull_policy` cannot be `{other}`");
                    let hint = "write one of `missing`, `always`, `never`, `build`, `daily`, `weekly`, `every_12h`";
                    let place = service.get("pull_policy").map_or(service.span, |n| n.span);
                    self.out.push(Diagnostic::error(Code::InvalidValue, words).at(place, "").hint(hint));
                    PullPolicy::Missing
                }
            },
        }
    }

    fn build(&mut self, node: &Node) -> BuildSpec {
        let context = self.plain(node.get("context")).unwrap_or_default();
        let context = match context.starts_with('~') {
            true => self.host_path(context, node).unwrap_or_default(),
            false => context,
        };
        if context.starts_with('/') {
            self.reads(&context, "", Purpose::Build, node.get("context").map_or(node.span, |n| n.span));
        }
        BuildSpec {
            context,
            dockerfile: self.plain(node.get("dockerfile")).filter(|f| f != "Dockerfile"),
            dockerfile_inline: self.plain(node.get("dockerfile_inline")),
            args: variables(node.get("args")),
            target: self.plain(node.get("target")),
            labels: text_map(node.get("labels")),
            cache_from: self.plain_list(node.get("cache_from")),
            no_cache: flag(node.get("no_cache")),
            pull: flag(node.get("pull")),
            network: self.plain(node.get("network")),
            extra_hosts: self.plain_list(node.get("extra_hosts")).iter().map(|h| h.replacen('=', ":", 1)).collect(),
            shm_size: number(node.get("shm_size")),
            ulimits: ulimits(node.get("ulimits")),
            platform: self.plain_list(node.get("platforms")).into_iter().next(),
            tags: self.plain_list(node.get("tags")),
            isolation: None,
        }
    }
}

/// The settings that decide what comes out of a build, beside its files. A folder is known by its files.
fn definition(build: &BuildSpec) -> BTreeMap<String, Text> {
    let mut found = BTreeMap::new();
    let mut set = |name: &str, text: &str| {
        if !text.is_empty() {
            found.insert(name.to_owned(), Text::plain(text));
        }
    };
    set("context", if build.context.starts_with('/') { "" } else { &build.context });
    set("dockerfile", build.dockerfile.as_deref().unwrap_or_default());
    set("dockerfile_inline", build.dockerfile_inline.as_deref().unwrap_or_default());
    set("target", build.target.as_deref().unwrap_or_default());
    set("network", build.network.as_deref().unwrap_or_default());
    set("extra_hosts", &build.extra_hosts.join(", "));
    set("platform", build.platform.as_deref().unwrap_or_default());
    set("tags", &build.tags.join(", "));
    let arguments = build.args.iter().filter_map(|(name, value)| Some((format!("args.{name}"), value.clone()?)));
    let labels = build.labels.iter().map(|(name, value)| (format!("labels.{name}"), value.clone()));
    found.extend(arguments.chain(labels));
    found
}

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// `12h` or `2d` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let duration = || crate::compose::syntax::duration::parse(text).ok();
    days.map(|d| d * DAY).or_else(|| u64::try_from(duration()?.0 / 1_000_000_000).ok())
}

/// Two services run one image: whoever builds it says how, and the eagerest says when it is pulled.
fn join(there: &mut Image, other: Image) {
    let eagerness = |policy: &PullPolicy| match policy {
        PullPolicy::Build => 4,
        PullPolicy::Always => 3,
        PullPolicy::Every(_) => 2,
        PullPolicy::Missing => 1,
        PullPolicy::Never => 0,
    };
    if eagerness(&other.pull) > eagerness(&there.pull) {
        there.pull = other.pull;
    }
    if there.build.is_none() {
        there.build = other.build;
    }
    if there.platform.is_none() {
        there.platform = other.platform;
    }
}
