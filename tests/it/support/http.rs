//! One HTTP request over a unix socket, as plain as it gets: what tests need to look at an engine from outside
//! without going through any code of hl's own.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// An answer: the status code and the whole body.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Sends one request and reads the answer to its end.
///
/// It speaks HTTP/1.0, so that the engine neither chunks the body nor keeps the connection.
pub fn request(socket: &Path, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // An engine that answers without having read a body resets the connection behind its answer.
        Err(error) if error.kind() == ErrorKind::ConnectionReset && !bytes.is_empty() => 0,
        read => read?,
    };
    parse(&bytes).ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("{method} {path}: not an HTTP answer")))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: bytes[end + 4..].to_vec() })
}
