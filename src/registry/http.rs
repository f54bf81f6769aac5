//! Requests over HTTP, each with an end: time, bytes and the number of redirects are limited.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::endpoint::{Endpoint, Scheme};
use super::error::Trouble;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request may take with all of its answer.
pub(super) const REQUEST: Duration = Duration::from_secs(20);
/// The most characters of a host that are told.
const MOST_HOST: usize = 100;
/// How often one request is sent on.
const MOST_REDIRECTS: usize = 5;

/// A request.
pub(super) struct Ask<'a> {
    pub method: Method,
    pub endpoint: &'a Endpoint,
    /// Path and query.
    pub path: &'a str,
    pub headers: &'a [(hyper::header::HeaderName, HeaderValue)],
    /// How the one who asks proves who that is; told to this endpoint alone.
    pub authorization: Option<HeaderValue>,
    pub body: Bytes,
    /// The most bytes of the answer.
    pub most: usize,
    /// The subject of the answer, for the message where it is too long.
    pub what: &'static str,
    pub redirects: Redirects,
}

/// Whether a request is sent on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// To other hosts too, which are not told who asks.
    Followed,
    /// Not at all: there is a secret in it.
    Refused,
}

/// An answer with the whole of its body.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Connections that wait for their next request.
pub(super) struct Http {
    idle: Mutex<BTreeMap<Endpoint, Vec<SendRequest<Full<Bytes>>>>>,
    tls: OnceLock<Result<TlsConnector, String>>,
}

impl Http {
    pub fn new() -> Self {
        Http { idle: Mutex::default(), tls: OnceLock::new() }
    }

    /// Sends a request, and what it is sent on to.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Heard, Trouble> {
        let whole = self.follow(ask);
        timeout(REQUEST, whole).await.unwrap_or(Err(Trouble::Timeout(REQUEST)))
    }

    async fn follow(&self, ask: Ask<'_>) -> Result<Heard, Trouble> {
        let (mut endpoint, mut path) = (ask.endpoint.clone(), ask.path.to_owned());
        for _ in 0..=MOST_REDIRECTS {
            let heard = self.once(&ask, &endpoint, &path).await?;
            let Some(to) = heard.headers.get(LOCATION).filter(|_| is_redirect(heard.status)) else { return Ok(heard) };
            if ask.redirects == Redirects::Refused {
                return Err(Trouble::Redirected(host_of(to.to_str().unwrap_or_default())));
            }
            (endpoint, path) = target(&endpoint, to)?;
        }
        Err(Trouble::Redirected("one address after another".to_owned()))
    }

    /// Sends a request to one endpoint, over a connection that is there or over a new one.
    async fn once(&self, ask: &Ask<'_>, endpoint: &Endpoint, path: &str) -> Result<Heard, Trouble> {
        while let Some(mut sender) = self.take(endpoint) {
            if sender.ready().await.is_err() {
                continue;
            }
            match self.exchange(sender, ask, endpoint, path).await {
                // The other side may have closed a connection that nobody used for a while.
                Err(Failed::Before) => {}
                Err(Failed::With(trouble)) => return Err(trouble),
                Ok(heard) => return Ok(heard),
            }
        }
        let sender = self.connect(endpoint).await?;
        self.exchange(sender, ask, endpoint, path).await.map_err(|failed| match failed {
            Failed::Before => Trouble::Unreachable("the connection was closed without an answer".to_owned()),
            Failed::With(trouble) => trouble,
        })
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        ask: &Ask<'_>,
        endpoint: &Endpoint,
        path: &str,
    ) -> Result<Heard, Failed> {
        let request = request(ask, endpoint, path).map_err(Failed::With)?;
        let answer = sender.send_request(request).await.map_err(|error| {
            if error.is_parse() || error.is_parse_too_large() {
                Failed::With(Trouble::Malformed("it is not HTTP"))
            } else {
                Failed::Before
            }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ask.most).collect().await.map_err(|error| {
            Failed::With(match error.is::<http_body_util::LengthLimitError>() {
                true => Trouble::TooLong(ask.what),
                false => Trouble::Unreachable("the connection was cut off".to_owned()),
            })
        })?;
        self.keep(endpoint, sender);
        Ok(Heard { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let failed = |error: &io::Error| Trouble::Unreachable(words(error));
        let connecting = async {
            let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(|e| failed(&e))?;
            tcp.set_nodelay(true).map_err(|e| failed(&e))?;
            match endpoint.scheme {
                Scheme::Http => serve(tcp).await,
                Scheme::Https => {
                    let name = ServerName::try_from(endpoint.host.clone());
                    let name = name.map_err(|_| Trouble::Unreachable("its name is no host name".to_owned()))?;
                    serve(self.tls()?.connect(name, tcp).await.map_err(|e| failed(&e))?).await
                }
            }
        };
        timeout(CONNECT, connecting)
            .await
            .unwrap_or_else(|_| Err(Trouble::Unreachable(format!("no connection within {} s", CONNECT.as_secs()))))
    }

    fn tls(&self) -> Result<TlsConnector, Trouble> {
        self.tls.get_or_init(connector).clone().map_err(Trouble::Unreachable)
    }

    fn take(&self, endpoint: &Endpoint) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(endpoint)?.pop()
    }

    fn keep(&self, endpoint: &Endpoint, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(endpoint.clone()).or_default().push(sender);
    }
}

/// Why an exchange gave no answer.
enum Failed {
    /// Nothing of an answer came.
    Before,
    /// For this reason.
    With(Trouble),
}

fn request(ask: &Ask<'_>, endpoint: &Endpoint, path: &str) -> Result<Request<Full<Bytes>>, Trouble> {
    let mut request = Request::builder().method(ask.method.clone()).uri(path);
    request = request.header(HOST, endpoint.authority()).header(USER_AGENT, concat!("hl/", env!("CARGO_PKG_VERSION")));
    for (name, value) in ask.headers {
        request = request.header(name, value);
    }
    if let Some(authorization) = ask.authorization.as_ref().filter(|_| endpoint == ask.endpoint) {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(Full::new(ask.body.clone())).map_err(|_| Trouble::Malformed("it names an address that is none"))
}

/// Speaks HTTP over a connection that has been made.
async fn serve<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Trouble>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Malformed("it is not HTTP"))?;
    // It ends with its sender; what goes wrong in it is told by the request that it was for.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a request is sent on to. What came encrypted does not go on in the clear.
fn target(from: &Endpoint, location: &HeaderValue) -> Result<(Endpoint, String), Trouble> {
    let location = location.to_str().map_err(|_| Trouble::Malformed("it names an address that is none"))?;
    if location.starts_with('/') && !location.starts_with("//") {
        return Ok((from.clone(), location.to_owned()));
    }
    let found = Endpoint::of_url(location).filter(|(to, _)| to.scheme >= from.scheme);
    found.ok_or_else(|| Trouble::Redirected(host_of(location)))
}

/// The host of an address, without what may be secret in the rest of it.
pub(super) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().chars().take(MOST_HOST).collect()
}

/// Encrypts to whom an authority vouches for that this machine trusts.
fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is as good as missing; where none is left, the handshake says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

/// The message of a system error, without the error number.
fn words(error: &io::Error) -> String {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match tls {
            rustls::Error::InvalidMessage(_) => {
                "it does not speak TLS, and only registries of this machine are asked in the clear".to_owned()
            }
            tls => tls.to_string(),
        };
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        _ => error.to_string(),
    }
}

/// How long whoever answered wants to be left alone: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_second() - Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_waits() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("17"), Some(Duration::from_secs(17)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        assert_eq!(of("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
