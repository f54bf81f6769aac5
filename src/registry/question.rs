//! One image: what is asked about it, in which order, and how the answers are read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use super::client::{Client, Pointed};
use super::endpoint::Repository;
use super::error::{RegistryError, Trouble};
use super::manifest::{self, Document};
use super::tag_list::Extent;
use crate::model::updates::{News, Remark};
use crate::model::version::{Level, Newer, Version, newer_tags};

/// How many tags without an image for the machine are looked at before one that has it is given up.
const MOST_TRIES: usize = 5;

/// How many of the digests of an image in use are looked up.
const MOST_LISTS: usize = 2;

/// How long all questions about one image may take.
const IMAGE: Duration = Duration::from_secs(120);

/// The label that tells where an image is from.
const SOURCE: &str = "org.opencontainers.image.source";
/// The most bytes of a version in a label.
const MOST_VERSION: usize = 60;
/// The most bytes of an address in a label.
const MOST_ADDRESS: usize = 200;

/// The label that tells its version.
const VERSION: &str = "org.opencontainers.image.version";

/// An image in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Its repository.
    pub repository: Repository,
    /// Its tag; none if it is pinned to a digest alone.
    pub tag: Option<String>,
    /// The digest that it is pinned to.
    pub pinned: Option<String>,
    /// The platform that it is needed for, `os/arch[/variant]`; empty if that is not known.
    pub platform: String,
    /// The image on the node; none if there is none.
    pub live: Option<LiveContent>,
    /// The greatest change that is wanted; any if nothing is said.
    pub allow: Option<Level>,
}

/// The content of an image as a node has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveContent {
    /// Its id, which may be the digest of its configuration.
    pub id: String,
    /// The digests by which it was pulled.
    pub digests: BTreeSet<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Everything newer than an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Each piece of news.
    pub news: Vec<News>,
    /// Where the releases of the image are described.
    pub releases: Option<String>,
    /// Why something is not among the news.
    pub remarks: Vec<Remark>,
}

/// Finds everything newer than an image.
///
/// # Errors
/// The registry gave no answer.
pub async fn ask(client: &Client, question: &Question) -> Result<Answer, RegistryError> {
    let registry = question.repository.registry.clone();
    let late = |_| Err(RegistryError { registry, trouble: Trouble::Timeout(IMAGE) });
    timeout(IMAGE, answer(client, question)).await.unwrap_or_else(late)
}

/// Asks what is needed to answer.
async fn answer(client: &Client, question: &Question) -> Result<Answer, RegistryError> {
    let mut answer = Answer::default();
    let Some(tag) = &question.tag else {
        answer.remarks.push(Remark::WithoutTag);
        return Ok(answer);
    };
    let asking = Asking { client, question, tag };
    let mut source = question.live.as_ref().and_then(|live| live.labels.get(SOURCE).cloned());
    if let Some(content) = asking.content(&mut answer.remarks, &mut source).await? {
        answer.news.push(content);
    }
    if let Some(newer) = asking.newer(&mut answer.remarks, &mut source).await? {
        answer.news.insert(0, newer);
    }
    if !answer.news.is_empty() {
        answer.releases = source.as_deref().and_then(releases);
    }
    Ok(answer)
}

struct Asking<'a> {
    client: &'a Client,
    question: &'a Question,
    tag: &'a str,
}

/// An image of the machine's platform.
struct Fitting {
    /// The digest that its tag points to, which may be that of a list.
    digest: String,
    /// The digest of the image itself.
    own: String,
    /// The digest of its configuration, where that had to be read anyway.
    config: Option<String>,
}

impl Asking<'_> {
    /// Newer content of the tag in use, if there is some. What a list has for other machines is nothing new for this one.
    async fn content(
        &self,
        remarks: &mut Vec<Remark>,
        source: &mut Option<String>,
    ) -> Result<Option<News>, RegistryError> {
        let Question { repository, pinned, live, .. } = self.question;
        let digest = self.client.digest(repository, self.tag).await?;
        let known: BTreeSet<String> = match (pinned, live) {
            (Some(pinned), _) => BTreeSet::from([pinned.clone()]),
            (None, Some(live)) => live.digests.clone(),
            (None, None) => BTreeSet::new(),
        };
        if known.is_empty() {
            remarks.push(if live.is_some() { Remark::NotPulled } else { Remark::NotOnNode });
            return Ok(None);
        }
        if known.contains(&digest) {
            return Ok(None);
        }
        let Some(found) = self.fitting(&digest).await? else {
            let (tag, platform) = (self.tag.to_owned(), self.question.platform.clone());
            remarks.push(Remark::LacksPlatform { tag, platform });
            return Ok(None);
        };
        if known.contains(&found.own) {
            return Ok(None);
        }
        let config = self.config_of(&found).await?;
        let is_that_of_node = live.as_ref().is_some_and(|live| config.as_deref() == Some(live.id.as_str()));
        if (is_that_of_node && pinned.is_none()) || self.lists(&known, &found.own).await {
            return Ok(None);
        }
        let from = live.as_ref().and_then(|live| version(&live.labels));
        let mut to = None;
        if (from.is_some() || source.is_none())
            && let Some(config) = config
        {
            let labels = self.client.config(repository, &config).await?.labels;
            to = version(&labels);
            if source.is_none() {
                *source = labels.get(SOURCE).cloned();
            }
        }
        Ok(Some(News::Content { digest, from, to }))
    }

    /// Whether one of the lists in use has an image for the machine: then only what it has for others is another by now.
    async fn lists(&self, known: &BTreeSet<String>, image: &str) -> bool {
        for digest in known.iter().take(MOST_LISTS) {
            // A list that the registry has no more says nothing.
            if let Ok(Pointed { document: Document::Index(entries), .. }) =
                self.client.document(&self.question.repository, digest).await
                && manifest::for_machine(&entries, &self.question.platform).is_some_and(|entry| entry.digest == image)
            {
                return true;
            }
        }
        false
    }

    /// The newest tag of the kind of the one in use that there is for the machine.
    async fn newer(
        &self,
        remarks: &mut Vec<Remark>,
        source: &mut Option<String>,
    ) -> Result<Option<News>, RegistryError> {
        if Version::parse(self.tag).is_none() {
            return Ok(None);
        }
        let list = self.client.tags(&self.question.repository).await?;
        if list.extent == Extent::CutOff {
            remarks.push(Remark::TooManyTags);
        }
        let candidates = newer_tags(self.tag, list.tags.iter().map(String::as_str));
        let is_allowed = |newer: &&Newer| self.question.allow.is_none_or(|allow| newer.level <= allow);
        if let Some(beyond) = candidates.iter().find(|newer| !is_allowed(newer)) {
            remarks.push(Remark::NotAllowed { tag: beyond.tag.clone(), level: beyond.level });
        }
        let allowed: Vec<&Newer> = candidates.iter().filter(is_allowed).collect();
        let Some((newest, fitting)) = self.first_fitting(&allowed, remarks).await? else { return Ok(None) };
        let mut smaller = Vec::new();
        for level in [Level::Minor, Level::Patch].into_iter().filter(|level| *level < newest.level) {
            let of_level: Vec<&Newer> = allowed.iter().copied().filter(|newer| newer.level == level).collect();
            if let Some((found, _)) = self.first_fitting(&of_level, remarks).await? {
                smaller.push(found.clone());
            }
        }
        if source.is_none()
            && self.question.live.is_none()
            && let Some(config) = self.config_of(&fitting).await?
        {
            *source = self.client.config(&self.question.repository, &config).await?.labels.remove(SOURCE);
        }
        Ok(Some(News::Tag { to: newest.tag.clone(), level: newest.level, digest: fitting.digest, smaller }))
    }

    /// The first of some tags that has an image for the machine.
    async fn first_fitting<'n>(
        &self,
        tags: &[&'n Newer],
        remarks: &mut Vec<Remark>,
    ) -> Result<Option<(&'n Newer, Fitting)>, RegistryError> {
        for newer in tags.iter().take(MOST_TRIES) {
            if let Some(found) = self.fitting(&newer.tag).await? {
                return Ok(Some((newer, found)));
            }
            let remark = Remark::LacksPlatform { tag: newer.tag.clone(), platform: self.question.platform.clone() };
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        Ok(None)
    }

    /// The image for the machine that a tag or a digest leads to; none if there is none.
    async fn fitting(&self, reference: &str) -> Result<Option<Fitting>, RegistryError> {
        let Question { repository, platform, .. } = self.question;
        let Pointed { digest, document } = self.client.document(repository, reference).await?;
        match document {
            Document::Index(entries) => Ok(manifest::for_machine(&entries, platform).map(|entry| Fitting {
                own: entry.digest.clone(),
                config: None,
                digest,
            })),
            Document::Image { config } => {
                let own = self.client.config(repository, &config).await?.platform;
                let fits = manifest::fits(&own, platform);
                Ok(fits.then(|| Fitting { own: digest.clone(), config: Some(config), digest }))
            }
        }
    }

    /// The digest of the configuration of an image.
    async fn config_of(&self, found: &Fitting) -> Result<Option<String>, RegistryError> {
        if let Some(config) = &found.config {
            return Ok(Some(config.clone()));
        }
        Ok(match self.client.document(&self.question.repository, &found.own).await?.document {
            Document::Image { config } => Some(config),
            Document::Index(_) => None,
        })
    }
}

/// The version that an image says it is; none for a text that is no such thing.
fn version(labels: &BTreeMap<String, String>) -> Option<String> {
    let fits = |text: &&String| {
        !text.is_empty() && text.len() <= MOST_VERSION && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    labels.get(VERSION).filter(fits).cloned()
}

/// The page with the releases of what a source label names; none for one that is no address for people.
fn releases(source: &str) -> Option<String> {
    let source = source.split(['#', '?']).next().unwrap_or_default().trim_end_matches('/');
    let source = source.strip_suffix(".git").unwrap_or(source);
    let rest = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://"))?;
    let fits = rest.len() <= MOST_ADDRESS
        && rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'@' | b'"' | b'<' | b'>' | b'\\'));
    let (host, path) = rest.split_once('/')?;
    if !fits || host.is_empty() || path.is_empty() {
        return None;
    }
    if host == "github.com" {
        // A label may name a folder of the repository.
        let mut parts = path.split('/');
        return Some(format!("https://github.com/{}/{}/releases", parts.next()?, parts.next()?));
    }
    let releases = if host.split('.').any(|part| part == "gitlab") { "-/releases" } else { "releases" };
    Some(format!("https://{host}/{path}/{releases}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_page_of_releases() {
        for (source, expected) in [
            ("https://github.com/a/b", Some("https://github.com/a/b/releases")),
            ("https://github.com/a/b.git", Some("https://github.com/a/b/releases")),
            ("https://github.com/a/b.git#abc:dir", Some("https://github.com/a/b/releases")),
            ("https://github.com/a/b/tree/main/x/", Some("https://github.com/a/b/releases")),
            ("https://gitlab.com/a/b/c", Some("https://gitlab.com/a/b/c/-/releases")),
            ("https://codeberg.org/a/b", Some("https://codeberg.org/a/b/releases")),
            ("https://github.com/a", None),
            ("git@github.com:a/b", None),
            ("https://user:pw@example.org/a/b", None),
            ("javascript:alert(1)", None),
            ("https://example.org/a\u{1b}[31m/b", None),
            ("", None),
        ] {
            assert_eq!(releases(source).as_deref(), expected, "{source}");
        }
    }
}
