//! A web server of a test, on a loopback port: it answers as the test has it, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request, with the names of its headers in lower case.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How long it takes.
    pub after: Duration,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, body: body.into(), ..Reply::default() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server; it ends when it is dropped.
pub struct Web {
    host: String,
    asked: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
}

impl Web {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("it has an address").to_string();
        let web = Web { host, asked: Arc::default(), ends: Arc::default() };
        let (asked, ends) = (Arc::clone(&web.asked), Arc::clone(&web.ends));
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                // A client that goes away in the middle is no failure of the server's.
                thread::spawn(move || serve(stream, &asked, &*answer).ok());
            }
        });
        web
    }

    /// `address:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// All that it was asked so far.
    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // The thread that waits for a connection gets one.
        TcpStream::connect(&self.host).ok();
    }
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<Request>>, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = String::new();
        (&mut reader).take(length).read_to_string(&mut body)?;
        let request = Request { method, path, headers, body };
        asked.lock().expect("nobody panics with it").push(request.clone());
        let reply = answer(&request);
        thread::sleep(reply.after);
        let mut head = format!("HTTP/1.1 {} x\r\n", reply.status);
        reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n\r\n", reply.body.len()));
        writer.write_all(head.as_bytes())?;
        if request.method != "HEAD" {
            writer.write_all(&reply.body)?;
        }
    }
}
