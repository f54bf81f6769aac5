//! Asking registries: who asks is told where that is wanted, and nobody is asked more than they like.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::auth::{self, Keyring, Proof, Who};
use super::challenge::{self, Challenge};
use super::endpoint::{Endpoint, Repository};
use super::error::{RegistryError, Trouble};
use super::http::{Ask, Heard, Http, Redirects, retry_after};
use super::manifest::{self, ACCEPTED, Config, Document};
use super::tag_list::{self, Extent, TagList};
use crate::credentials::DockerConfig;
use crate::model::hex;

/// Requests to one registry at once.
const AT_ONCE: usize = 4;
/// How long a registry that is asked too often is waited for; whoever wants to be left alone for longer is.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a manifest: more is refused by registries, too.
const MOST_MANIFEST: usize = 4 << 20;
/// The most bytes of a configuration.
const MOST_CONFIG: usize = 8 << 20;
/// The most bytes of a page of tags.
const MOST_PAGE: usize = 8 << 20;
/// The most pages of tags.
const MOST_PAGES: usize = 50;
/// The most tags.
const MOST_TAGS: usize = 100_000;
/// How many tags a page is asked to have.
const PAGE: usize = 1000;

/// Asks registries.
pub struct Client {
    http: Http,
    keyring: Keyring,
    registries: Mutex<BTreeMap<String, Arc<Registry>>>,
}

/// An answer that is waited for, and then kept: whoever asks the same gets the same.
type Kept = Arc<OnceCell<Result<Heard, RegistryError>>>;

/// A registry as far as it was asked.
struct Registry {
    name: String,
    endpoint: Endpoint,
    at_once: Semaphore,
    /// Why it is not asked any more.
    closed: Mutex<Option<Trouble>>,
    /// Until when it wants to be left alone.
    paused: Mutex<Option<Instant>>,
    /// The proofs that it took, by repository.
    proofs: Mutex<BTreeMap<String, Proof>>,
    /// The answers by method and path.
    answers: Mutex<BTreeMap<(String, String), Kept>>,
}

/// A manifest or a list of them.
pub(super) struct Pointed {
    pub digest: String,
    pub document: Document,
}

impl Client {
    /// With the credentials in a configuration of the Docker client, if there is one.
    pub async fn new(docker_config: Option<&Path>) -> Client {
        let keyring = Keyring::new(DockerConfig::read(docker_config).await);
        Client { http: Http::new(), keyring, registries: Mutex::default() }
    }

    /// The digest that a tag points to, by a request that reads nothing.
    pub(super) async fn digest(&self, repository: &Repository, tag: &str) -> Result<String, RegistryError> {
        let registry = self.registry(repository)?;
        let path = format!("/v2/{}/manifests/{tag}", repository.path);
        let wanted = Wanted { method: Method::HEAD, path: &path, most: MOST_MANIFEST, what: "its manifest" };
        let heard = self.request(&registry, repository, &wanted).await?;
        match digest_of(&heard.headers) {
            Some(digest) => Ok(digest),
            // The specification has this header only as what should be there.
            None => Ok(self.document(repository, tag).await?.digest),
        }
    }

    /// The manifest, or the list of manifests, that a tag or a digest points to.
    pub(super) async fn document(&self, repository: &Repository, reference: &str) -> Result<Pointed, RegistryError> {
        let registry = self.registry(repository)?;
        let path = format!("/v2/{}/manifests/{reference}", repository.path);
        let wanted = Wanted { method: Method::GET, path: &path, most: MOST_MANIFEST, what: "its manifest" };
        let heard = self.request(&registry, repository, &wanted).await?;
        let digest = checked(&heard.body, reference).map_err(|trouble| registry.error(trouble))?;
        let document = manifest::document(&heard.body).map_err(|trouble| registry.error(trouble))?;
        Ok(Pointed { digest, document })
    }

    /// The configuration of an image.
    pub(super) async fn config(&self, repository: &Repository, digest: &str) -> Result<Config, RegistryError> {
        let registry = self.registry(repository)?;
        let path = format!("/v2/{}/blobs/{digest}", repository.path);
        let what = "the configuration of its image";
        let wanted = Wanted { method: Method::GET, path: &path, most: MOST_CONFIG, what };
        let heard = self.request(&registry, repository, &wanted).await?;
        let read = checked(&heard.body, digest).and_then(|_| manifest::config(&heard.body));
        read.map_err(|trouble| registry.error(trouble))
    }

    /// The tags of a repository.
    pub(super) async fn tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        let registry = self.registry(repository)?;
        let list = format!("/v2/{}/tags/list", repository.path);
        let mut found = TagList::default();
        let mut path = format!("{list}?n={PAGE}");
        for _ in 0..MOST_PAGES {
            let wanted = Wanted { method: Method::GET, path: &path, most: MOST_PAGE, what: "its list of tags" };
            let heard = self.request(&registry, repository, &wanted).await?;
            found.tags.extend(tag_list::page(&heard.body).map_err(|trouble| registry.error(trouble))?);
            match tag_list::next(&heard.headers, &list).filter(|next| *next != path) {
                Some(next) if found.tags.len() < MOST_TAGS => path = next,
                Some(_) => break,
                None => return Ok(found),
            }
        }
        found.extent = Extent::CutOff;
        Ok(found)
    }

    fn registry(&self, repository: &Repository) -> Result<Arc<Registry>, RegistryError> {
        let name = &repository.registry;
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = registries.get(name) {
            return Ok(Arc::clone(known));
        }
        let no_address = || Trouble::Unreachable("its name is no address".to_owned());
        let endpoint = Endpoint::of_registry(name)
            .ok_or_else(|| RegistryError { registry: name.clone(), trouble: no_address() })?;
        let registry = Arc::new(Registry {
            name: name.clone(),
            endpoint,
            at_once: Semaphore::new(AT_ONCE),
            closed: Mutex::default(),
            paused: Mutex::default(),
            proofs: Mutex::default(),
            answers: Mutex::default(),
        });
        registries.insert(name.clone(), Arc::clone(&registry));
        Ok(registry)
    }

    /// The answer of a registry, which is asked nothing twice.
    async fn request(
        &self,
        registry: &Registry,
        repository: &Repository,
        wanted: &Wanted<'_>,
    ) -> Result<Heard, RegistryError> {
        let kept = registry.kept(wanted);
        kept.get_or_init(|| self.ask(registry, repository, wanted)).await.clone()
    }

    /// Asks a registry, which may be told who asks, and may want to be left alone for a moment.
    async fn ask(
        &self,
        registry: &Registry,
        repository: &Repository,
        wanted: &Wanted<'_>,
    ) -> Result<Heard, RegistryError> {
        let _permit = registry.at_once.acquire().await.expect("nobody closes it");
        let answer = self.patiently(registry, repository, wanted).await.map_err(|trouble| registry.error(trouble));
        if let Err(error) = &answer
            && error.concerns_all()
        {
            registry.close(&error.trouble);
        }
        answer
    }

    async fn patiently(
        &self,
        registry: &Registry,
        repository: &Repository,
        wanted: &Wanted<'_>,
    ) -> Result<Heard, Trouble> {
        registry.open().await?;
        match self.with_proof(registry, repository, wanted).await {
            Err(Trouble::RateLimited(Some(wait))) if wait <= PATIENCE => {
                registry.pause(wait);
                registry.open().await?;
                self.with_proof(registry, repository, wanted).await
            }
            answer => answer,
        }
    }

    async fn with_proof(
        &self,
        registry: &Registry,
        repository: &Repository,
        wanted: &Wanted<'_>,
    ) -> Result<Heard, Trouble> {
        let known = registry.proof(repository);
        let mut heard = self.send(registry, wanted, known.as_ref()).await?;
        if heard.status != StatusCode::UNAUTHORIZED {
            return verdict(heard);
        }
        // A proof that was good for an earlier request may be too old by now.
        let challenge = challenge_of(&heard.headers).ok_or(Trouble::NoCredentials)?;
        let proof = auth::prove(&self.http, &self.keyring, repository, &registry.endpoint, &challenge).await?;
        heard = self.send(registry, wanted, Some(&proof)).await?;
        if heard.status == StatusCode::UNAUTHORIZED {
            return Err(match (proof.who, challenge) {
                (Who::Nobody, _) => Trouble::NoCredentials,
                (Who::Known, Challenge::Basic) => Trouble::WrongCredentials,
                // A token was given, so the credentials are right.
                (Who::Known, Challenge::Bearer { .. }) => Trouble::Denied,
            });
        }
        registry.remember(repository, proof);
        verdict(heard)
    }

    async fn send(&self, registry: &Registry, wanted: &Wanted<'_>, proof: Option<&Proof>) -> Result<Heard, Trouble> {
        let ask = Ask {
            method: wanted.method.clone(),
            endpoint: &registry.endpoint,
            path: wanted.path,
            headers: &[(ACCEPT, HeaderValue::from_static(ACCEPTED))],
            authorization: proof.map(|proof| proof.header.clone()),
            body: Bytes::new(),
            most: wanted.most,
            what: wanted.what,
            redirects: Redirects::Followed,
        };
        self.http.send(ask).await
    }
}

/// A request to a registry.
struct Wanted<'a> {
    method: Method,
    path: &'a str,
    /// The most bytes of its answer.
    most: usize,
    /// The subject of the answer, for messages.
    what: &'static str,
}

impl Registry {
    fn error(&self, trouble: Trouble) -> RegistryError {
        RegistryError { registry: self.name.clone(), trouble }
    }

    /// Waits until it may be asked.
    async fn open(&self) -> Result<(), Trouble> {
        let until = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            sleep_until(until).await;
        }
        match self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(trouble) => Err(trouble),
            None => Ok(()),
        }
    }

    fn kept(&self, wanted: &Wanted<'_>) -> Kept {
        let question = (wanted.method.to_string(), wanted.path.to_owned());
        Arc::clone(self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(question).or_default())
    }

    fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |before| before.max(until)));
    }

    /// Sees to it that it is not asked any more.
    fn close(&self, why: &Trouble) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.clone());
    }

    fn proof(&self, repository: &Repository) -> Option<Proof> {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).get(&repository.path).cloned()
    }

    fn remember(&self, repository: &Repository, proof: Proof) {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.path.clone(), proof);
    }
}

/// The meaning of an answer that has nothing to do with who asks.
fn verdict(heard: Heard) -> Result<Heard, Trouble> {
    match heard.status.as_u16() {
        200 => Ok(heard),
        403 => Err(Trouble::Denied),
        404 => Err(Trouble::Missing),
        429 => Err(Trouble::RateLimited(retry_after(&heard.headers))),
        status => Err(Trouble::Status(status)),
    }
}

fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenge::parse(&values.collect::<Vec<_>>().join(", "))
}

/// The digest that a registry gives beside a manifest.
fn digest_of(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("docker-content-digest")?.to_str().ok()?;
    manifest::is_digest(text).then(|| text.to_owned())
}

/// The digest of what was read; it is what was asked for, if that was a digest.
fn checked(body: &Bytes, reference: &str) -> Result<String, Trouble> {
    let digest = format!("sha256:{}", hex::encode(&Sha256::digest(body)));
    match reference.starts_with("sha256:") && reference != digest {
        true => Err(Trouble::Malformed("it is not what its digest says")),
        false => Ok(digest),
    }
}
