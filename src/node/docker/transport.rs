//! HTTP to one engine, with connections that are kept.
//!
//! bollard closes each connection after one answer. Reading a hundred containers is a hundred small
//! requests, so reads share a few connections here; whatever changes something or may take long gets
//! a connection of its own, because a request that was sent over a connection that the other side was
//! just closing may or may not have been done, and only a read may be sent again.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bollard::BollardRequest;
use bollard::errors::Error;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;

use super::dial::{ConnectFailed, Dial};
use crate::node::ApiVersion;

/// Gives the type of bollard's request bodies a name, which bollard keeps to itself.
pub trait HasBody {
    /// The type of the request body.
    type Body;
}

impl<B> HasBody for Request<B> {
    type Body = B;
}

/// The body of a request.
pub type Body = <BollardRequest as HasBody>::Body;
type Sender = SendRequest<Body>;

/// The connections to one engine.
pub struct Transport {
    dial: Arc<dyn Dial>,
    connect_timeout: Duration,
    version: OnceLock<ApiVersion>,
    idle: Mutex<Vec<Sender>>,
    reads: Arc<Semaphore>,
}

impl Transport {
    /// A transport without any connection yet.
    pub fn new(dial: Arc<dyn Dial>, connect_timeout: Duration) -> Arc<Self> {
        let reads = Arc::new(Semaphore::new(dial.reads_at_once()));
        Arc::new(Self { dial, connect_timeout, version: OnceLock::new(), idle: Mutex::default(), reads })
    }

    /// The engine's address.
    pub fn address(&self) -> String {
        self.dial.address()
    }

    /// How many logs may be read at once; none if that has no limit.
    pub fn logs_at_once(&self) -> Option<usize> {
        self.dial.logs_at_once()
    }

    /// From now on every request asks for this version of the API, so that what inspect shows does
    /// not change under hl when the engine is upgraded. The first version that is set stays.
    pub fn pin(&self, version: ApiVersion) {
        let _ = self.version.set(version);
    }

    /// Sends a request and gives the head of the answer.
    pub async fn send(self: Arc<Self>, mut request: BollardRequest) -> Result<Response<Incoming>, Error> {
        self.prepare(&mut request)?;
        if is_short_read(&request) { self.read(request).await } else { self.call(request).await }
    }

    /// Over one of the kept connections. A read that a kept connection turned out to be too old for is
    /// sent once more over a new one.
    async fn read(self: Arc<Self>, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let permit = Arc::clone(&self.reads).acquire_owned().await.map_err(|_| io::Error::other("closed"))?;
        let (head, body) = request.into_parts();
        let again = BollardRequest::from_parts(head.clone(), bollard::body_full(hyper::body::Bytes::new()));
        let kept = self.take_idle();
        let (mut sender, response) = match kept {
            Some(mut sender) => match sender.send_request(BollardRequest::from_parts(head, body)).await {
                Ok(response) => (sender, response),
                Err(_) => self.fresh(again).await?,
            },
            None => self.fresh(BollardRequest::from_parts(head, body)).await?,
        };
        // The connection is free again when the body was read to its end; if it never is, because the
        // reader gave up, the connection ends and is forgotten.
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                self.idle.lock().expect("no holder of this lock panics").push(sender);
            }
            drop(permit);
        });
        Ok(response)
    }

    /// Over a connection of its own, which ends with the answer.
    async fn call(self: Arc<Self>, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        Ok(self.fresh(request).await?.1)
    }

    async fn fresh(&self, request: BollardRequest) -> Result<(Sender, Response<Incoming>), Error> {
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await?;
        Ok((sender, response))
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().expect("no holder of this lock panics");
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    async fn connect(&self) -> Result<Sender, Error> {
        let dialled = tokio::time::timeout(self.connect_timeout, self.dial.dial()).await;
        let stream = dialled.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", self.connect_timeout.as_secs_f32());
            Err(ConnectFailed { address: self.address(), why, hint: String::new() })
        });
        let stream = stream.map_err(io::Error::other)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Errors of the connection reach whoever waits for an answer on it. One that is upgraded goes to whoever asked.
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// Makes bollard's request what the engine is sent: the path with the pinned version in front.
    fn prepare(&self, request: &mut BollardRequest) -> Result<(), Error> {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        let uri = match self.version.get() {
            Some(version) if path != "/_ping" => format!("/v{version}{path}").parse::<Uri>()?,
            _ => path.parse::<Uri>()?,
        };
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("docker"));
        // bollard writes this header in standard base64; the engine reads it in the URL-safe alphabet
        // and takes what it cannot read for "no credentials".
        let auth = HeaderName::from_static("x-registry-auth");
        if let Some(value) = headers.get(&auth) {
            let safe: Vec<u8> = value.as_bytes().iter().map(|b| url_safe(*b)).collect();
            let mut safe = HeaderValue::from_bytes(&safe).map_err(|e| Error::HttpClientError { err: e.into() })?;
            safe.set_sensitive(true);
            headers.insert(auth, safe);
        }
        Ok(())
    }
}

/// The byte of the URL-safe alphabet of base64 that stands for the same six bits.
fn url_safe(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

/// Whether a request is a read whose answer comes at once and ends.
fn is_short_read(request: &BollardRequest) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET
        && !["/logs", "/events", "/archive", "/export", "/stats", "/get"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use std::path::{Path, PathBuf};

    use super::super::dial::UnixSocket;
    use super::*;

    fn to(path: &Path) -> Arc<Transport> {
        Transport::new(Arc::new(UnixSocket::new(path)), Duration::from_secs(1))
    }

    fn get(path: &str) -> BollardRequest {
        Request::get(path).body(bollard::body_full(hyper::body::Bytes::new())).unwrap()
    }

    /// An engine that answers `answers` requests on each connection and then closes it.
    fn engine(answers: usize) -> (tempfile::TempDir, PathBuf, Arc<AtomicUsize>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    for _ in 0..answers {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            let mut byte = [0];
                            if stream.read_exact(&mut byte).await.is_err() {
                                return;
                            }
                            head.push(byte[0]);
                        }
                        let first = String::from_utf8_lossy(&head).lines().next().unwrap().to_owned();
                        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{first}", first.len());
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        (dir, path, connections)
    }

    async fn body(transport: &Arc<Transport>, request: BollardRequest) -> String {
        let response = Arc::clone(transport).send(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn reads_share_a_connection_and_survive_its_end() {
        let (_dir, path, connections) = engine(3);
        let transport = to(&path);
        for _ in 0..7 {
            assert_eq!(body(&transport, get("http://docker/networks")).await, "GET /networks HTTP/1.1");
            // Lets the connection come back, or its end be seen.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(connections.load(Ordering::SeqCst), 3, "seven reads, three to a connection");
    }

    #[tokio::test]
    async fn requests_ask_for_the_pinned_version() {
        let (_dir, path, _) = engine(9);
        let transport = to(&path);
        transport.pin(ApiVersion::new(1, 41));
        assert_eq!(body(&transport, get("http://docker/info?a=b")).await, "GET /v1.41/info?a=b HTTP/1.1");
        assert_eq!(body(&transport, get("http://docker/_ping")).await, "GET /_ping HTTP/1.1");
    }

    #[tokio::test]
    async fn a_missing_socket_is_named() {
        let transport = to(Path::new("/nonexistent/docker.sock"));
        let error = transport.send(get("http://docker/_ping")).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot connect to unix:///nonexistent/docker.sock: no such file");
    }

    #[tokio::test]
    async fn no_more_reads_than_allowed_are_under_way() {
        let (_dir, path, connections) = engine(1000);
        let transport = to(&path);
        let reads = (0..100).map(|_| body(&transport, get("http://docker/x")));
        futures_util::future::join_all(reads).await;
        assert!(connections.load(Ordering::SeqCst) <= UnixSocket::new(&path).reads_at_once());
    }
}
