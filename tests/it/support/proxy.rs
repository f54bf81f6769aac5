//! A proxy in front of an engine: it records each request, and may refuse it, hang up or lose the answer.
//!
//! Requests are read one by one, so that each can be judged before the engine sees a byte of it. Answers are copied
//! as they come, and so is everything after a request that upgrades the connection (attach, exec, BuildKit).

use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// The path with its query, and with the API version if the client named one.
    pub path: String,
    /// The body without chunk headers; cut after [`KEPT`] bytes, since image archives pass here too.
    pub body: Vec<u8>,
}

impl Request {
    /// `METHOD /path`, without the version and without the query: what one looks for in a record.
    pub fn call(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let versioned = path.strip_prefix("/v").and_then(|rest| rest.split_once('/'));
        let path = match versioned {
            Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => format!("/{rest}"),
            _ => path.to_owned(),
        };
        format!("{} {path}", self.method)
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it only looks.
    pub fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// What becomes of a request. The judge sees its head only; the body is not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Forward,
    /// Answer with this status, and a message that names the proxy, instead of asking the engine.
    Refuse(u16),
    /// Close the connection without an answer, as an engine does that dies.
    HangUp,
    /// Have the engine do it, and close the connection in place of its answer.
    LoseAnswer,
}

/// How much of a body is kept.
pub const KEPT: usize = 1 << 20;

type Judge = dyn Fn(&Request) -> Verdict + Send + Sync;

struct Shared {
    engine: PathBuf,
    judge: Box<Judge>,
    record: Mutex<Vec<Request>>,
}

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    socket: PathBuf,
    shared: Arc<Shared>,
    listener: Arc<UnixListener>,
}

impl Proxy {
    /// Listens at `socket` and passes on to the engine at `engine` what `judge` lets through.
    pub fn start(
        engine: &Path,
        socket: &Path,
        judge: impl Fn(&Request) -> Verdict + Send + Sync + 'static,
    ) -> Result<Proxy> {
        let listener = Arc::new(UnixListener::bind(socket)?);
        let shared = Arc::new(Shared { engine: engine.to_owned(), judge: Box::new(judge), record: Mutex::default() });
        let (accepting, serving) = (Arc::clone(&listener), Arc::clone(&shared));
        thread::spawn(move || {
            // An accept fails for good once the proxy is dropped, which shuts the listener down.
            while let Ok((client, _)) = accepting.accept() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve(client, &shared));
            }
        });
        Ok(Proxy { socket: socket.to_owned(), shared, listener })
    }

    /// One that refuses all but reads, to prove that planning only looks.
    pub fn read_only(engine: &Path, socket: &Path) -> Result<Proxy> {
        Proxy::start(engine, socket, |request| if request.is_read() { Verdict::Forward } else { Verdict::Refuse(403) })
    }

    /// Its address, as `DOCKER_HOST` and a topology have it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The requests until now, refused ones too, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.lock().expect("no thread panics with the record").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        use std::os::fd::AsFd;
        // There is no shutdown on UnixListener; a stream over the same socket has one.
        if let Ok(socket) = self.listener.as_fd().try_clone_to_owned() {
            UnixStream::from(socket).shutdown(Shutdown::Both).ok();
        }
        std::fs::remove_file(&self.socket).ok();
    }
}

/// Serves one connection of a client until either side closes it. Errors are such closings.
fn serve(client: UnixStream, shared: &Shared) {
    let outcome = converse(&client, shared);
    client.shutdown(Shutdown::Both).ok();
    match outcome {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => {}
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::NotConnected) => {}
        Err(error) => eprintln!("proxy: {error}"),
    }
}

fn converse(client: &UnixStream, shared: &Shared) -> Result<()> {
    let engine = UnixStream::connect(&shared.engine)?;
    let (from_engine, to_client) = (engine.try_clone()?, client.try_clone()?);
    let is_lost = Arc::new(AtomicBool::new(false));
    let answers = thread::spawn({
        let is_lost = Arc::clone(&is_lost);
        move || {
            answer(&from_engine, &to_client, &is_lost).ok();
            to_client.shutdown(Shutdown::Both).ok();
        }
    });
    let mut reader = BufReader::new(client.try_clone()?);
    let asked = requests(&mut reader, client, &engine, shared, &is_lost);
    // The engine learns that nothing more comes, but may still be answering.
    let half = if asked.is_ok() { Shutdown::Write } else { Shutdown::Both };
    engine.shutdown(half).ok();
    answers.join().ok();
    asked
}

/// Copies answers until the engine has no more, or until one comes that is to be lost.
fn answer(mut from_engine: &UnixStream, mut to_client: &UnixStream, is_lost: &AtomicBool) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from_engine.read(&mut buffer)?;
        if read == 0 || is_lost.load(Ordering::SeqCst) {
            return Ok(());
        }
        to_client.write_all(&buffer[..read])?;
    }
}

/// Reads requests one after the other and passes them on, until the client has no more or the connection is upgraded.
fn requests(
    reader: &mut impl BufRead,
    mut client: &UnixStream,
    mut engine: &UnixStream,
    shared: &Shared,
    is_lost: &AtomicBool,
) -> Result<()> {
    while let Some(head) = read_head(reader)? {
        let mut words = head.text.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut request = Request { method, path, body: Vec::new() };
        let verdict = (shared.judge)(&request);
        // It is recorded before it is passed on, so that the answer never comes before the record. The body follows.
        let index = {
            let mut record = shared.record.lock().expect("no thread panics with the record");
            record.push(request.clone());
            record.len() - 1
        };
        match verdict {
            Verdict::Forward => engine.write_all(head.text.as_bytes())?,
            Verdict::LoseAnswer => {
                is_lost.store(true, Ordering::SeqCst);
                engine.write_all(head.text.as_bytes())?;
            }
            Verdict::Refuse(status) => return client.write_all(refusal(status, &request).as_bytes()),
            Verdict::HangUp => return client.shutdown(Shutdown::Both),
        }
        copy_body(&head, reader, engine, &mut request.body)?;
        shared.record.lock().expect("no thread panics with the record")[index] = request;
        if head.upgrade {
            std::io::copy(reader, &mut engine)?;
            return Ok(());
        }
    }
    Ok(())
}

/// The head of a request: its whole text with the empty line, and what it says about what follows.
struct Head {
    text: String,
    length: u64,
    chunked: bool,
    upgrade: bool,
}

/// Reads a head; none if the client closed the connection between two requests.
fn read_head(reader: &mut impl BufRead) -> Result<Option<Head>> {
    let mut head = Head { text: String::new(), length: 0, chunked: false, upgrade: false };
    loop {
        let start = head.text.len();
        if reader.read_line(&mut head.text)? == 0 {
            return if start == 0 { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        let line = head.text[start..].trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(Some(head));
        }
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => head.length = value.parse().map_err(std::io::Error::other)?,
            Some(("transfer-encoding", value)) => head.chunked = value.contains("chunked"),
            Some(("upgrade", _)) => head.upgrade = true,
            _ => {}
        }
    }
}

/// Passes a body on as it is, and keeps its content.
fn copy_body(head: &Head, reader: &mut impl BufRead, engine: &UnixStream, kept: &mut Vec<u8>) -> Result<()> {
    if !head.chunked {
        return copy_bytes(head.length, reader, engine, kept);
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let length = u64::from_str_radix(size.trim_end().split(';').next().unwrap_or_default(), 16);
        let length = length.map_err(std::io::Error::other)?;
        let mut to_engine = engine;
        to_engine.write_all(size.as_bytes())?;
        copy_bytes(length, reader, engine, kept)?;
        // The line end after a chunk; after the last chunk it is the end of the trailers, which no client sends.
        copy_bytes(2, reader, engine, &mut Vec::new())?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn copy_bytes(mut left: u64, reader: &mut impl Read, mut engine: &UnixStream, kept: &mut Vec<u8>) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = reader.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        engine.write_all(&buffer[..read])?;
        let room = KEPT.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
        left -= read as u64;
    }
    Ok(())
}

fn refusal(status: u16, request: &Request) -> String {
    let message = format!("{{\"message\":\"the test proxy refuses {}\"}}", request.call());
    let length = message.len();
    format!(
        "HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{message}"
    )
}
