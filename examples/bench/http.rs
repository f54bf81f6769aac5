//! HTTP over one kept connection to a unix socket, as little as the engine's API needs.

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection that is kept from one request to the next.
pub struct Connection {
    stream: BufReader<UnixStream>,
    line: String,
}

impl Connection {
    /// Connects to an engine.
    pub fn open(socket: &Path) -> Result<Connection> {
        Ok(Connection {
            stream: BufReader::with_capacity(64 * 1024, UnixStream::connect(socket)?),
            line: String::new(),
        })
    }

    /// The body of what a path shows.
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.call("GET", path, "")
    }

    /// Sends a request and reads its whole answer. An answer that says no is an error.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let length = body.len();
        let head = "Host: engine\r\nContent-Type: application/json";
        let request = format!("{method} /v1.41{path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.next_line()?.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()).unwrap_or_default();
        let body = self.answer(status)?;
        match status {
            200..=304 => Ok(body),
            _ => Err(Error::other(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&body).trim()))),
        }
    }

    fn answer(&mut self, status: u16) -> Result<Vec<u8>> {
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.next_line()?.to_ascii_lowercase();
            match line.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = number(value.trim(), 10)?,
                Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        let mut body = Vec::new();
        if matches!(status, 204 | 304) {
            return Ok(body);
        }
        if !chunked {
            self.take(length, &mut body)?;
            return Ok(body);
        }
        loop {
            let size = number(self.next_line()?, 16)?;
            self.take(size, &mut body)?;
            self.next_line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, length: u64, body: &mut Vec<u8>) -> Result<()> {
        match self.stream.by_ref().take(length).read_to_end(body)? as u64 == length {
            true => Ok(()),
            false => Err(Error::other("the answer ended early")),
        }
    }

    fn next_line(&mut self) -> Result<&str> {
        self.line.clear();
        self.stream.read_line(&mut self.line)?;
        Ok(self.line.trim_end())
    }
}

fn number(text: &str, radix: u32) -> Result<u64> {
    u64::from_str_radix(text, radix).map_err(|_| Error::other(format!("`{text}` is no length")))
}
