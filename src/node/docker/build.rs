//! Building images with the engine's classic builder, which every engine has.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::TagImageOptions;
use futures_util::stream;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::context::{self, Dockerfile};
use super::engine::{CHANGE, Engine, escape};
use super::transport::Body;
use super::{api_types, credentials};
use crate::model::spec::{BuildSpec, ImageRef, Ulimit};
use crate::node::shell::Shell;
use crate::node::{Advance, ErrorKind, NodeError, Progress};

/// How long a step of a build may say nothing; compilers can be silent for long.
const IDLE: Duration = Duration::from_secs(3600);
/// Bytes of the context that are sent at once.
const PIECE: usize = 64 * 1024;

/// Builds an image, names it and gives its id.
pub async fn build(
    engine: &Engine,
    shell: &dyn Shell,
    config: Option<&Path>,
    reference: &ImageRef,
    build: &BuildSpec,
    progress: Progress<'_>,
) -> Result<String, NodeError> {
    let what = format!("build image {}", reference.familiar());
    let dockerfile = match (&build.dockerfile_inline, &build.dockerfile) {
        (Some(text), _) => Dockerfile::Inline(text.clone()),
        (None, Some(path)) => Dockerfile::Path(path.clone()),
        (None, None) => Dockerfile::Path("Dockerfile".to_owned()),
    };
    let query = query(reference, build, &dockerfile);
    let query = query.map_err(|why| engine.fail(&what, ErrorKind::Unsupported(why)))?;
    let mut request = Request::post(format!("/build?{query}")).header("Content-Type", "application/x-tar");
    if let Some(header) = credentials::all(config).await {
        request = request.header("X-Registry-Config", header);
    }
    // It lives as long as the build, since it may be a copy.
    let folder = match is_remote(&build.context) {
        true => None,
        false => Some(shell.folder(&build.context).await?),
    };
    let (body, packing) = match &folder {
        None => (bollard::body_full(Bytes::new()), None),
        Some(folder) => {
            let (body, packing) = stream_context(folder.path().to_owned(), dockerfile);
            (body, Some(packing))
        }
    };
    let mut output = BuildOutput::default();
    let request = request.body(body).map_err(Into::into);
    let built = engine.lines(&what, IDLE, request, |line| {
        if let Some(advance) = output.read(line) {
            progress(advance);
        }
    });
    let built = built.await;
    // A context that could not be read is why the engine broke off.
    if let Some(packing) = packing
        && let Ok(Err(error)) = packing.await
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(engine.fail(&what, ErrorKind::File { path: build.context.clone(), why: error.to_string() }));
    }
    built.map_err(|error| output.with_last_words(error))?;
    for tag in &build.tags {
        let (name, version) = tag_parts(tag);
        let options = TagImageOptions { repo: Some(name), tag: Some(version) };
        engine.call(&what, CHANGE, engine.docker().tag_image(reference.as_str(), Some(options))).await?;
    }
    let path = format!("/images/{}/json", escape(reference.as_str()));
    Ok(engine.get::<api_types::Image>(&what, &path).await?.id)
}

/// The parameters of `POST /build`.
fn query(reference: &ImageRef, build: &BuildSpec, dockerfile: &Dockerfile) -> Result<String, String> {
    let mut query = vec![("t", reference.as_str().to_owned()), ("rm", "1".to_owned())];
    match is_remote(&build.context) {
        true => {
            query.push(("remote", build.context.clone()));
            match dockerfile {
                Dockerfile::Path(path) => query.push(("dockerfile", path.clone())),
                Dockerfile::Inline(_) => {
                    return Err("an inline Dockerfile needs a context that is a folder".to_owned());
                }
            }
        }
        false => query.push(("dockerfile", context::in_archive(dockerfile))),
    }
    let mut arguments = Map::new();
    for (name, value) in &build.args {
        let value = value.as_ref().map(|text| text.expose().ok_or(format!("the build argument {name} is not known")));
        arguments.insert(name.clone(), value.transpose()?.map_or(Value::Null, Value::from));
    }
    let mut labels = Map::new();
    for (name, value) in &build.labels {
        let value = value.expose().ok_or(format!("the label {name} is not known"))?;
        labels.insert(name.clone(), value.into());
    }
    let ulimit = |(name, limit): (&String, &Ulimit)| json!({"Name": name, "Soft": limit.soft, "Hard": limit.hard});
    let ulimits: Vec<Value> = build.ulimits.iter().map(ulimit).collect();
    for (key, is_set, value) in [
        ("buildargs", !arguments.is_empty(), Value::from(arguments)),
        ("labels", !labels.is_empty(), labels.into()),
        ("cachefrom", !build.cache_from.is_empty(), json!(build.cache_from)),
        ("ulimits", !ulimits.is_empty(), ulimits.into()),
    ] {
        if is_set {
            query.push((key, value.to_string()));
        }
    }
    query.extend(build.target.iter().map(|target| ("target", target.clone())));
    query.extend(build.network.iter().map(|network| ("networkmode", network.clone())));
    query.extend(build.platform.iter().map(|platform| ("platform", platform.clone())));
    query.extend(build.isolation.iter().map(|isolation| ("isolation", isolation.clone())));
    query.extend(build.shm_size.iter().map(|size| ("shmsize", size.to_string())));
    query.extend(build.extra_hosts.iter().map(|host| ("extrahosts", host.clone())));
    query.extend(build.no_cache.then(|| ("nocache", "1".to_owned())));
    query.extend(build.pull.then(|| ("pull", "1".to_owned())));
    Ok(query.iter().map(|(key, value)| format!("{key}={}", escape(value))).collect::<Vec<_>>().join("&"))
}

/// Whether the engine fetches the context itself. Source: the prefixes of moby's `urlutil`.
fn is_remote(context: &str) -> bool {
    ["http://", "https://", "git://", "git@", "github.com/"].iter().any(|prefix| context.starts_with(prefix))
}

fn tag_parts(tag: &str) -> (String, String) {
    let listed = ImageRef::new(tag).normal();
    let (name, version) = listed.rsplit_once(':').unwrap_or((&listed, "latest"));
    (name.to_owned(), version.to_owned())
}

type Packing = tokio::task::JoinHandle<io::Result<()>>;

/// A request body that is packed while it is sent, so that a large context needs no memory.
fn stream_context(context: PathBuf, dockerfile: Dockerfile) -> (Body, Packing) {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(4);
    let packing = tokio::task::spawn_blocking(move || {
        let packed = context::pack(&context, &dockerfile, Pieces { sender: sender.clone(), piece: Vec::new() });
        if packed.is_err() {
            // The engine must not take a cut-off archive for a whole one.
            let _ = sender.blocking_send(Err(io::Error::other("the context cannot be read")));
        }
        packed
    });
    let pieces = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    (bollard::body_try_stream(pieces), packing)
}

/// Hands what is written on in pieces.
struct Pieces {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The last output lines of a build.
#[derive(Default)]
struct BuildOutput {
    lines: Vec<String>,
}

impl BuildOutput {
    /// A line that says how far it is: `Step 3/7 : RUN …`.
    fn read(&mut self, line: &Value) -> Option<Advance> {
        let text = line["stream"].as_str().or(line["status"].as_str())?.trim();
        if text.is_empty() {
            return None;
        }
        self.lines.push(text.to_owned());
        let surplus = self.lines.len().saturating_sub(20);
        self.lines.drain(..surplus);
        text.starts_with("Step ").then(|| Advance { text: text.to_lowercase(), bytes: None })
    }

    /// The engine's error with what the failing step wrote last, which says more than its exit code.
    fn with_last_words(&self, mut error: NodeError) -> NodeError {
        if let ErrorKind::Engine { message, .. } = &mut error.kind {
            for line in &self.lines[self.lines.len().saturating_sub(10)..] {
                message.push_str(&format!("\n{line}"));
            }
        }
        error
    }
}
