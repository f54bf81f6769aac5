//! Telling a registry who asks: by a user and a password, or by a token that another server gives for them.
//!
//! Source: "Token Authentication Specification" and "OAuth2 Token Authentication" of the distribution project.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::challenge::Challenge;
use super::endpoint::{Endpoint, Repository};
use super::error::Trouble;
use super::http::{Ask, Http, Redirects, host_of, retry_after};
use crate::credentials::{DockerConfig, Login};

/// The most bytes of a token's answer.
const MOST: usize = 1 << 20;

/// The credentials of the Docker client, each asked for once: the program that keeps them may ask its user.
pub(super) struct Keyring {
    config: DockerConfig,
    found: Mutex<BTreeMap<String, Arc<OnceCell<Option<Login>>>>>,
}

impl Keyring {
    pub fn new(config: DockerConfig) -> Self {
        Keyring { config, found: Mutex::default() }
    }

    async fn find(&self, registry: &str) -> Option<Login> {
        let all = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(all().entry(registry.to_owned()).or_default());
        let find = async || self.config.find(registry).await.map(|found| found.login);
        cell.get_or_init(find).await.clone()
    }
}

/// The answer to a challenge.
#[derive(Clone)]
pub(super) struct Proof {
    /// The value of `Authorization`.
    pub header: HeaderValue,
    pub who: Who,
}

/// The one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody who has credentials.
    Known,
    /// Anybody.
    Nobody,
}

/// Answers a challenge.
pub(super) async fn prove(
    http: &Http,
    keyring: &Keyring,
    repository: &Repository,
    endpoint: &Endpoint,
    challenge: &Challenge,
) -> Result<Proof, Trouble> {
    match challenge {
        Challenge::Basic => match keyring.find(&repository.registry).await {
            Some(Login::Password { user, password }) => Ok(Proof { header: basic(&user, &password)?, who: Who::Known }),
            Some(Login::IdentityToken(_)) | None => Err(Trouble::NoCredentials),
        },
        Challenge::Bearer { realm, service, scope } => {
            let unusable = || Trouble::Redirected(format!("{} for a token", host_of(realm)));
            let (server, path) = Endpoint::of_url(realm).ok_or_else(unusable)?;
            if server.scheme < endpoint.scheme {
                return Err(unusable());
            }
            // Elsewhere only what is meant for elsewhere is told.
            let login = match endpoint.may_sign_in_at(&server) {
                true => keyring.find(&repository.registry).await,
                false => keyring.find(&server.authority()).await,
            };
            let who = if login.is_some() { Who::Known } else { Who::Nobody };
            let scope = scope.clone().unwrap_or_else(|| format!("repository:{}:pull", repository.path));
            let wanted = Wanted { server: &server, path: &path, service: service.as_deref(), scope: &scope };
            let token = wanted.token(http, login).await?;
            Ok(Proof { header: bearer(&token)?, who })
        }
    }
}

/// A token that is asked for.
struct Wanted<'a> {
    server: &'a Endpoint,
    path: &'a str,
    service: Option<&'a str>,
    scope: &'a str,
}

impl Wanted<'_> {
    async fn token(&self, http: &Http, login: Option<Login>) -> Result<SecretString, Trouble> {
        let has_login = login.is_some();
        let mut query = vec![("scope", self.scope)];
        query.extend(self.service.map(|service| ("service", service)));
        let heard = match login {
            Some(Login::IdentityToken(token)) => {
                query.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", "hl"),
                    ("refresh_token", token.expose_secret()),
                ]);
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                let headers = [(CONTENT_TYPE, form)];
                let body = Bytes::from(encoded(&query));
                http.send(Ask { method: Method::POST, body, headers: &headers, ..self.ask(self.path, None) }).await?
            }
            Some(Login::Password { user, password }) => {
                let path = self.with(&query);
                http.send(self.ask(&path, Some(basic(&user, &password)?))).await?
            }
            None => {
                let path = self.with(&query);
                http.send(self.ask(&path, None)).await?
            }
        };
        match heard.status.as_u16() {
            200 => {}
            401 | 403 if has_login => return Err(Trouble::WrongCredentials),
            401 | 403 => return Err(Trouble::NoCredentials),
            429 => return Err(Trouble::RateLimited(retry_after(&heard.headers))),
            status => return Err(Trouble::Status(status)),
        }
        let answer: Value =
            serde_json::from_slice(&heard.body).map_err(|_| Trouble::Malformed("its token is not JSON"))?;
        let token = ["token", "access_token"].iter().find_map(|key| answer[*key].as_str().filter(|t| !t.is_empty()));
        token.map(SecretString::from).ok_or(Trouble::Malformed("there is no token in it"))
    }

    fn ask<'a>(&'a self, path: &'a str, authorization: Option<HeaderValue>) -> Ask<'a> {
        Ask {
            method: Method::GET,
            endpoint: self.server,
            path,
            headers: &[],
            authorization,
            body: Bytes::new(),
            most: MOST,
            what: "its token",
            redirects: Redirects::Refused,
        }
    }

    fn with(&self, query: &[(&str, &str)]) -> String {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", self.path, encoded(query))
    }
}

fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, Trouble> {
    secret(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret()))))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Trouble> {
    secret(&format!("Bearer {}", token.expose_secret()))
}

/// A header that no log shows.
fn secret(text: &str) -> Result<HeaderValue, Trouble> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Trouble::Malformed("its token has line ends in it"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Names and values as a query has them.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        let escaped = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(escaped).collect()
    };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_no_other_meaning_than_its_values() {
        let query = encoded(&[("scope", "repository:a/b:pull"), ("service", "x y&z=é")]);
        assert_eq!(query, "scope=repository:a/b:pull&service=x%20y%26z%3D%C3%A9");
    }
}
