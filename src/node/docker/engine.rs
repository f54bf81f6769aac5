//! One engine: requests with time-outs, and errors in words.
//!
//! Answers are read into structs of our own that take whatever an engine sends: bollard's closed
//! enums would fail a whole container for one word that a newer engine or another make knows.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{BollardRequest, ClientVersion, Docker};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::dial::{ConnectFailed, Dial};
use super::tls;
use super::transport::Transport;
use crate::model::NodeName;
use crate::node::{ApiVersion, ConnectionPhase, EngineInfo, ErrorKind, NodeError};

/// The oldest API that hl speaks: that of Docker 20.10.
const OLDEST: ApiVersion = ApiVersion::new(1, 41);
/// The newest API whose answers hl knows: that of Docker 28.3. Newer engines are asked in this one.
const NEWEST: ApiVersion = ApiVersion::new(1, 51);

/// For a read that the engine answers from memory.
pub const READ: Duration = Duration::from_secs(30);
/// For a change that is done at once.
pub const CHANGE: Duration = Duration::from_secs(120);
/// For a change that may copy or delete files, mount something remote, or wait for a driver.
pub const SLOW: Duration = Duration::from_secs(600);

/// One engine that has answered.
#[derive(Clone)]
pub struct Engine {
    node: NodeName,
    transport: Arc<Transport>,
    docker: Docker,
    /// The version of the API that every request asks for.
    pub api: ApiVersion,
    /// By how many seconds its clock was ahead of this machine's when it first answered.
    pub clock_ahead: i64,
}

/// What an engine says of itself before anything else.
struct Answer {
    /// Its newest API.
    newest: ApiVersion,
    /// By how many seconds its clock is ahead of this machine's: each answer has its time.
    clock_ahead: i64,
    /// Podman's version, where it answers in the place of Docker: it speaks Docker's API, and means other things by it.
    podman: Option<String>,
}

impl Engine {
    /// Asks the engine for its version and keeps to it from then on.
    pub async fn connect(node: &NodeName, dial: Arc<dyn Dial>, timeout: Duration) -> Result<Self, NodeError> {
        let what = format!("connect to {}", dial.address());
        let transport = Transport::new(dial, timeout);
        let shared = Arc::clone(&transport);
        let docker = Docker::connect_with_custom_transport(
            move |request| Arc::clone(&shared).send(request),
            Some("http://docker"),
            // Time-outs are set with each request, below, where they cover the whole answer.
            u64::from(u32::MAX),
            &ClientVersion { major_version: NEWEST.major as usize, minor_version: NEWEST.minor as usize },
        );
        let docker = docker.map_err(|e| failed(node, &what, kind_of(e)))?;
        let mut engine = Engine { node: node.clone(), transport, docker, api: NEWEST, clock_ahead: 0 };
        let Answer { newest, clock_ahead, podman } = engine.first_answer(&what, timeout).await?;
        engine.clock_ahead = clock_ahead;
        if let Some(version) = podman {
            let why = format!("Podman {version} answers there, and hl needs Docker's own engine");
            return Err(failed(node, &what, ErrorKind::Unsupported(why)));
        }
        if newest < OLDEST {
            let why = format!("its API {newest} is older than {OLDEST}; hl needs Docker 20.10 or newer");
            return Err(failed(node, &what, ErrorKind::Unsupported(why)));
        }
        engine.api = newest.min(NEWEST);
        engine.transport.pin(engine.api);
        Ok(engine)
    }

    /// Asks for the engine's newest API version and its time. Only the head of `/_ping` has them at no cost:
    /// `/version` and `/info` take a hundred times as long.
    pub async fn ping(&self, what: &str, timeout: Duration) -> Result<EngineInfo, NodeError> {
        let Answer { newest, clock_ahead, podman: _ } = self.first_answer(what, timeout).await?;
        Ok(EngineInfo { api_version: newest, clock_ahead })
    }

    /// The same, with all that the head of the answer says.
    async fn first_answer(&self, what: &str, timeout: Duration) -> Result<Answer, NodeError> {
        let request = self.call(what, timeout, async {
            let response = Arc::clone(&self.transport).send(request(Method::GET, "/_ping", None)?).await?;
            let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let (version, podman) = (header("api-version"), header("libpod-api-version"));
            let date = header("date").as_deref().and_then(clock_ahead);
            response.into_body().collect().await?;
            Ok((version, podman, date.unwrap_or_default()))
        });
        let (version, podman, clock_ahead) = request.await?;
        let newest = version.as_deref().and_then(ApiVersion::parse).ok_or_else(|| {
            failed(&self.node, what, ErrorKind::Garbled("what answers there does not tell an API version".to_owned()))
        })?;
        Ok(Answer { newest, clock_ahead, podman })
    }

    /// Reads what a path shows.
    pub async fn get<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<T, NodeError> {
        self.call(what, READ, async { json(&self.bytes(Method::GET, path, None).await?) }).await
    }

    /// Posts a body and reads the answer.
    pub async fn post<T>(&self, what: &str, timeout: Duration, path: &str, body: &Value) -> Result<T, NodeError>
    where
        T: DeserializeOwned,
    {
        self.call(what, timeout, async { json(&self.bytes(Method::POST, path, Some(body)).await?) }).await
    }

    /// Posts a body whose answer says nothing.
    pub async fn order(&self, what: &str, timeout: Duration, path: &str, body: &Value) -> Result<(), NodeError> {
        self.call(what, timeout, async { self.bytes(Method::POST, path, Some(body)).await.map(drop) }).await
    }

    /// Sends a request whose answer comes line by line, each a JSON value, for as long as the engine
    /// is at it; `idle` is how long it may be silent. A line that tells an error ends it.
    pub async fn lines(
        &self,
        what: &str,
        idle: Duration,
        request: Result<BollardRequest, Error>,
        mut each: impl FnMut(&Value),
    ) -> Result<(), NodeError> {
        let response =
            self.call(what, idle, async { accepted(Arc::clone(&self.transport).send(request?).await?).await });
        let mut body = response.await?.into_body();
        let mut buffer = Vec::new();
        while let Some(frame) = self.call(what, idle, async { Ok(body.frame().await.transpose()?) }).await? {
            buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                self.line(what, &line, &mut each)?;
            }
        }
        self.line(what, &buffer, &mut each)
    }

    /// Begins to read what a path shows for as long as it goes on; only the head of the answer has a time-out.
    pub async fn open(&self, what: &str, path: &str) -> Result<Incoming, NodeError> {
        let answer =
            async { accepted(Arc::clone(&self.transport).send(request(Method::GET, path, None)?).await?).await };
        Ok(self.call(what, READ, answer).await?.into_body())
    }

    /// Posts a body and takes the connection over, which is a pair of streams of bytes from then on.
    pub async fn take_over(&self, what: &str, path: &str, body: &Value) -> Result<Upgraded, NodeError> {
        self.call(what, CHANGE, async {
            let mut request = request(Method::POST, path, Some(body))?;
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            request.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
            let response = Arc::clone(&self.transport).send(request).await?;
            match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => Ok(hyper::upgrade::on(response).await?),
                // One that does not change the protocol cannot be written to.
                _ => {
                    accepted(response).await?;
                    Err(Error::DockerStreamError { error: "the engine goes on to speak HTTP".to_owned() })
                }
            }
        })
        .await
    }

    fn line(&self, what: &str, line: &[u8], each: &mut impl FnMut(&Value)) -> Result<(), NodeError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| self.fail(what, ErrorKind::Garbled(without_values(&error))))?;
        if let Some(message) = value["errorDetail"]["message"].as_str().or(value["error"].as_str()) {
            return Err(self.fail(what, by_message(0, message.to_owned())));
        }
        each(&value);
        Ok(())
    }

    /// Reads the whole answer to a read, whatever it is.
    pub async fn get_bytes(&self, what: &str, path: &str) -> Result<Bytes, NodeError> {
        self.call(what, READ, self.bytes(Method::GET, path, None)).await
    }

    /// bollard's own calls, over the same connections; to be wrapped in [`Engine::call`].
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Gives a call its time-out, and its error the node and what was tried.
    pub async fn call<T>(
        &self,
        what: &str,
        timeout: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, NodeError> {
        match tokio::time::timeout(timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failed(&self.node, what, kind_of(error))),
            Err(_) => Err(failed(&self.node, what, ErrorKind::Timeout { after: timeout })),
        }
    }

    /// How many logs may be read at once; none if that has no limit.
    pub fn logs_at_once(&self) -> Option<usize> {
        self.transport.logs_at_once()
    }

    /// The time on its machine.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now() + jiff::SignedDuration::from_secs(self.clock_ahead)
    }

    /// The error of an answer that broke off.
    pub fn broken(&self, what: &str, error: &hyper::Error) -> NodeError {
        failed(&self.node, what, lost(error))
    }

    /// The error of a connection that was taken over and broke.
    pub fn cut(&self, what: &str, error: &io::Error) -> NodeError {
        failed(&self.node, what, by_io(error))
    }

    /// An error of this node that the engine did not report itself.
    pub fn fail(&self, what: &str, kind: ErrorKind) -> NodeError {
        failed(&self.node, what, kind)
    }

    /// Sends a request and reads the whole answer; an answer with an error status is an error.
    async fn bytes(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, Error> {
        let response = Arc::clone(&self.transport).send(request(method, path, body)?).await?;
        Ok(accepted(response).await?.into_body().collect().await?.to_bytes())
    }
}

/// How far the time of an answer is ahead of this machine's, in seconds. The header is that of HTTP, RFC 9110.
fn clock_ahead(date: &str) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(theirs.as_second() - jiff::Timestamp::now().as_second())
}

/// An answer without an error status; from one with it, the engine's own words.
async fn accepted(response: Response<Incoming>) -> Result<Response<Incoming>, Error> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let bytes = response.into_body().collect().await?.to_bytes();
    let said = serde_json::from_slice::<Value>(&bytes).ok();
    let message = said.as_ref().and_then(|v| v["message"].as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(&bytes).trim().to_owned(), str::to_owned);
    Err(Error::DockerResponseServerError { status_code: status.as_u16(), message })
}

/// One segment of a path or one value of a query, with what is special in addresses escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn request(method: Method, path: &str, body: Option<&Value>) -> Result<BollardRequest, Error> {
    let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
    let mut request = Request::builder().method(method).uri(path);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    Ok(request.body(bollard::body_full(Bytes::from(bytes)))?)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // An answer that is text as a whole need not be checked string by string.
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text)?,
        Err(_) => serde_json::from_slice(bytes)?,
    })
}

fn failed(node: &NodeName, what: &str, kind: ErrorKind) -> NodeError {
    NodeError { node: node.clone(), what: what.to_owned(), kind }
}

/// The error kind of a bollard error.
fn kind_of(error: Error) -> ErrorKind {
    match error {
        Error::DockerResponseServerError { status_code, message } => by_status(status_code, message),
        Error::DockerStreamError { error } => by_message(0, error),
        Error::IOError { err } => by_io(&err),
        Error::HyperResponseError { err } => lost(&err),
        Error::JsonSerdeError { err } => ErrorKind::Garbled(without_values(&err)),
        Error::JsonDataError { column, .. } => ErrorKind::Garbled(format!("column {column} is not as expected")),
        other => ErrorKind::Engine { status: 0, message: other.to_string() },
    }
}

fn by_status(status: u16, message: String) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied(message),
        404 => ErrorKind::NotFound(message),
        409 => ErrorKind::Conflict(message),
        _ => by_message(status, message),
    }
}

/// The engine answers 500 to some failures that have a name. Nothing but its words tells them apart;
/// these are those of engines 20.10 to 28, and what is not among them stays an unnamed failure.
fn by_message(status: u16, message: String) -> ErrorKind {
    let has = |words: &[&str]| words.iter().any(|w| message.contains(w));
    if has(&["port is already allocated", "address already in use", "Pool overlaps"]) {
        ErrorKind::Conflict(message)
    } else if has(&["denied:", "unauthorized:", "access denied", "no basic auth credentials"]) {
        ErrorKind::Denied(message)
    } else if has(&["manifest unknown", "no such image", "No such image"]) {
        ErrorKind::NotFound(message)
    } else {
        ErrorKind::Engine { status, message }
    }
}

fn by_io(error: &io::Error) -> ErrorKind {
    match error.get_ref().and_then(|e| e.downcast_ref::<ConnectFailed>()) {
        Some(failed) => {
            let (phase, hint) = (ConnectionPhase::Connecting, failed.hint.clone());
            ErrorKind::Unreachable { phase, why: failed.to_string(), hint }
        }
        None => {
            let why = format!("the connection failed: {error}");
            ErrorKind::Unreachable { phase: ConnectionPhase::Connected, why, hint: String::new() }
        }
    }
}

fn lost(error: &hyper::Error) -> ErrorKind {
    let mut why = format!("the connection was lost: {error}");
    let (mut refused, mut cause) = (None, error.source());
    while let Some(this) = cause {
        why.push_str(&format!(": {this}"));
        refused = refused.or_else(|| this.downcast_ref().and_then(tls::refused));
        cause = this.source();
    }
    let hint = refused.unwrap_or("did the Docker engine stop or restart?").to_owned();
    ErrorKind::Unreachable { phase: ConnectionPhase::Connected, why, hint }
}

/// A parse error by its place alone: its text may quote a value.
fn without_values(error: &serde_json::Error) -> String {
    format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_have_a_name_get_it() {
        let port = "driver failed programming external connectivity on endpoint a (b): Bind for 0.0.0.0:80 failed: \
                    port is already allocated";
        assert!(matches!(by_status(500, port.to_owned()), ErrorKind::Conflict(_)));
        let pull = "pull access denied for a/b, repository does not exist or may require 'docker login': denied: x";
        assert!(matches!(by_message(0, pull.to_owned()), ErrorKind::Denied(_)));
        assert!(matches!(by_status(500, "broken".to_owned()), ErrorKind::Engine { status: 500, .. }));
    }

    /// The head of a real answer of Podman 4.3.1.
    #[tokio::test]
    async fn podman_is_refused_by_its_name() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("podman.sock");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let answers = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n\
                        Server: Libpod/4.3.1 (linux)\r\nContent-Length: 2\r\n\r\nOK";
            stream.write_all(head.as_bytes()).await.unwrap();
        });
        let dial = Arc::new(super::super::dial::UnixSocket::new(&socket));
        let error = Engine::connect(&NodeName::new("nas").unwrap(), dial, READ).await.err().unwrap();
        assert!(error.to_string().contains("Podman 4.3.1 answers there, and hl needs Docker's own engine"), "{error}");
        answers.await.unwrap();
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(escape("a_b-1.2"), "a_b-1.2");
        assert_eq!(escape("../x?y=ä"), "..%2Fx%3Fy%3D%C3%A4");
    }

    #[test]
    fn a_parse_error_quotes_nothing() {
        let error = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert_eq!(without_values(&error), "data error at line 1, column 9");
    }
}
