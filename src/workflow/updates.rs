//! Finding newer images: the declared images of the services that are asked for, one question a registry for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::join_all;

use super::observe::Observation;
use crate::model::NodeName;
use crate::model::homelab::{Container, Service};
use crate::model::live_index::LiveIndex;
use crate::model::spec::{ImageRef, PullPolicy};
use crate::model::updates::{
    ContainerOf, ImageInUse, News, SkipReason, Skipped, Unasked, UnknownService, UpdateReport,
};
use crate::model::view::{LiveImage, LiveNode, RecordedView};
use crate::plan;
use crate::registry::{self, Answer, Client, LiveContent, Question, Repository};
use crate::{diff, node};

/// A newer image for a container, as its reference would be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The container.
    pub container: ContainerOf,
    /// The reference in use.
    pub from: ImageRef,
    /// The newer one.
    pub to: ImageRef,
}

/// The images that are newer, and the references that could be written because of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updates {
    /// All that was found out.
    pub report: UpdateReport,
    /// The references that would be others.
    pub proposals: Vec<Proposal>,
}

/// Asks the registries of the images that `options` ask for, with the credentials in the configuration of the Docker client.
/// A registry that does not answer holds nothing else back.
pub async fn updates(
    observation: &Observation,
    recorded: &RecordedView,
    options: &plan::Options,
    docker_config: Option<&Path>,
) -> Updates {
    let platforms = platforms(observation).await;
    let mut asked = Asked { recorded, platforms: &platforms, all: BTreeMap::new(), updates: Updates::default() };
    let index = LiveIndex::of(&observation.live);
    for service in observation.homelab.services.values().filter(|s| options.asks_for(&s.node, &s.name)) {
        asked.service(service, &index);
    }
    let Asked { all, mut updates, .. } = asked;
    let client = Client::new(docker_config).await;
    let questions = all.keys().map(|question| registry::ask(&client, question));
    for (answer, (question, users)) in join_all(questions).await.into_iter().zip(&all) {
        match answer {
            Ok(answer) => users.iter().for_each(|user| updates.found(question, user, &answer)),
            Err(error) => updates.report.unasked.push(Unasked {
                image: users[0].reference.familiar(),
                containers: users.iter().map(|user| user.container.clone()).collect(),
                why: error.to_string(),
                hint: error.hint(),
            }),
        }
    }
    let unresolved = observation.homelab.unresolved.iter().filter(|(name, u)| options.asks_for(&u.node, name));
    updates.report.unknown = unresolved
        .map(|(name, u)| UnknownService { node: u.node.clone(), service: name.clone(), why: u.why.clone() })
        .collect();
    updates.report.images.sort_by(|a, b| a.container.cmp(&b.container));
    updates.report.unasked.sort_by(|a, b| (&a.why, &a.image).cmp(&(&b.why, &b.image)));
    updates.proposals.sort_by(|a, b| a.container.cmp(&b.container));
    updates
}

/// A container that uses an image.
struct User {
    container: ContainerOf,
    reference: ImageRef,
}

/// The questions so far.
struct Asked<'a> {
    recorded: &'a RecordedView,
    platforms: &'a BTreeMap<NodeName, String>,
    /// Each question once, with all whom it concerns.
    all: BTreeMap<Question, Vec<User>>,
    updates: Updates,
}

impl Asked<'_> {
    fn service(&mut self, service: &Service, index: &LiveIndex<'_>) {
        let live = index.node(&service.node);
        let current = live.map(|node| diff::instances(service, self.recorded, node).current).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for (name, container) in &service.containers {
            // Instances of one container have one image.
            if !seen.insert(&container.compose_service) {
                continue;
            }
            let of = ContainerOf {
                node: service.node.clone(),
                service: service.name.clone(),
                container: container.compose_service.clone(),
            };
            let image = live.and_then(|node| {
                let own = current.get(name).filter(|own| own.spec.image.normal() == container.spec.image.normal());
                let own = own.and_then(|own| node.live.images.get(&own.image_id));
                node.live.image(&container.spec.image).or(own)
            });
            let platform = self.platform(container, live.map(|node| node.live), &service.node);
            self.container(service, container, of, image, platform);
        }
    }

    fn container(
        &mut self,
        service: &Service,
        container: &Container,
        of: ContainerOf,
        live: Option<&LiveImage>,
        platform: String,
    ) {
        let reference = &container.spec.image;
        let declared = service.images.get(reference.as_str());
        let skip = match declared {
            _ if reference.as_str().starts_with("sha256:") => Some(SkipReason::Id),
            Some(image) if image.build.is_some() => Some(SkipReason::Built),
            Some(image) if matches!(image.pull, PullPolicy::Never | PullPolicy::Build) => Some(SkipReason::NeverPulled),
            Some(_) | None => None,
        };
        let report = &mut self.updates.report;
        if let Some(why) = skip {
            report.skipped.push(Skipped { container: of, image: reference.familiar(), why });
            return;
        }
        match Repository::of(reference) {
            Ok((repository, tag, pinned)) => {
                let live = live.map(content);
                let allow = service.update.allow;
                let question = Question { repository, tag, pinned, platform, live, allow };
                let user = User { container: of, reference: reference.clone() };
                self.all.entry(question).or_default().push(user);
            }
            Err(error) => report.unasked.push(Unasked {
                image: reference.familiar(),
                containers: vec![of],
                why: error.to_string(),
                hint: String::new(),
            }),
        }
    }

    /// The platform that an image is needed for: what is declared, else the machine's own.
    fn platform(&self, container: &Container, live: Option<&LiveNode>, node: &NodeName) -> String {
        let declared = container.spec.platform.clone().filter(|platform| !platform.is_empty());
        let own = || self.platforms.get(node).cloned();
        let of_images = || {
            let images = live?.images.values();
            images.map(|image| image.platform.clone()).find(|platform| !platform.is_empty())
        };
        declared.or_else(own).or_else(of_images).unwrap_or_default()
    }
}

/// The content of an image on a node.
fn content(image: &LiveImage) -> LiveContent {
    let digests = image.names.iter().filter_map(|name| Some(name.split_once('@')?.1.to_owned()));
    let labels = image.config.as_ref().map(|config| config.labels.clone()).unwrap_or_default();
    LiveContent { id: image.id.clone(), digests: digests.collect(), labels }
}

/// The platforms of the nodes that are connected, as far as they tell.
async fn platforms(observation: &Observation) -> BTreeMap<NodeName, String> {
    let ask = async |(name, node): (&NodeName, &std::sync::Arc<dyn node::Node>)| {
        let platform = node.capabilities()?.platform().await.ok()?;
        Some((name.clone(), platform))
    };
    join_all(observation.nodes.iter().map(ask)).await.into_iter().flatten().collect()
}

impl Updates {
    /// Adds what was found for one container.
    fn found(&mut self, question: &Question, user: &User, answer: &Answer) {
        self.report.images.push(ImageInUse {
            container: user.container.clone(),
            name: question.repository.familiar(),
            tag: question.tag.clone(),
            news: answer.news.clone(),
            releases: answer.releases.clone(),
            remarks: answer.remarks.clone(),
        });
        if let Some(to) = proposed(question, &user.reference, &answer.news) {
            let (container, from) = (user.container.clone(), user.reference.clone());
            self.proposals.push(Proposal { container, from, to });
        }
    }

    /// Whether there is anything newer.
    pub fn has_news(&self) -> bool {
        self.report.images.iter().any(|image| !image.news.is_empty())
    }

    /// Whether an image could not be asked for.
    pub fn has_gaps(&self) -> bool {
        !self.report.unasked.is_empty()
    }
}

/// The reference with the newer tag in it, and with the digest where one is pinned; none if it stays as it is, because only
/// what its tag points to is another.
fn proposed(question: &Question, reference: &ImageRef, news: &[News]) -> Option<ImageRef> {
    let text = reference.as_str();
    let (name, tag) = (text.split_once('@').map_or(text, |(name, _)| name), question.tag.as_deref()?);
    let repository = name.strip_suffix(tag).and_then(|name| name.strip_suffix(':'))?;
    let pin = |digest: &str| question.pinned.as_ref().map(|_| format!("@{digest}")).unwrap_or_default();
    news.iter().find_map(|news| match news {
        News::Tag { to, digest, .. } => Some(ImageRef::new(format!("{repository}:{to}{}", pin(digest)))),
        News::Content { digest, .. } if question.pinned.is_some() => {
            Some(ImageRef::new(format!("{repository}:{tag}{}", pin(digest))))
        }
        News::Content { .. } => None,
    })
}
