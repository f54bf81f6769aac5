//! Logs, starts of containers and commands in them, over connections of their own.

use async_trait::async_trait;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::engine::{CHANGE, Engine, escape};
use super::frames::{Entries, FrameError, Frames};
use super::read::inspect_raw;
use super::{DockerNode, api_types, inspect};
use crate::model::log::LogRange;
use crate::node::{
    ApiVersion, ComposeContainer, ErrorKind, Exec, ExecCommand, Follow, LogPieces, NodeError, Output, Running, Starts,
    Streams, WindowSize,
};

/// The most that is read of a command at a time.
const READ: usize = 32 << 10;
/// The first API that gives a command a terminal of the right size from its first moment.
const SIZED: ApiVersion = ApiVersion::new(1, 42);

#[async_trait]
impl Streams for DockerNode {
    async fn compose_containers(&self) -> Result<Vec<ComposeContainer>, NodeError> {
        let filters = json!({"label": ["com.docker.compose.project"]});
        let path = format!("/containers/json?all=1&filters={}", escape(&filters.to_string()));
        let listed: Vec<api_types::Listed> = self.engine.get("list containers", &path).await?;
        Ok(listed.iter().filter_map(container).collect())
    }

    async fn log(&self, container: &str, range: &LogRange, follow: Follow) -> Result<LogPieces, NodeError> {
        let what = format!("read the log of container {container}");
        let config = inspect_raw(&self.engine, container).await?.config.unwrap_or_default();
        let entries = match config.tty.unwrap_or(false) {
            true => Entries::Raw(Vec::new()),
            false => Entries::Framed(Frames::default()),
        };
        let path = format!("/containers/{}/logs?{}", escape(container), query(range, follow));
        let reading = Reading { body: self.engine.open(&what, &path).await?, engine: self.engine.clone(), what };
        let pieces = stream::try_unfold(Some((reading, entries)), async |state| {
            let Some((mut reading, mut entries)) = state else { return Ok(None) };
            match reading.next().await? {
                Some(bytes) => {
                    let pieces = entries.push(&bytes).map_err(|error| reading.failed(error))?;
                    Ok(Some((pieces, Some((reading, entries)))))
                }
                None => Ok(entries.rest().map(|piece| (vec![piece], None))),
            }
        });
        Ok(Box::pin(pieces))
    }

    fn logs_at_once(&self) -> Option<usize> {
        self.engine.logs_at_once()
    }

    async fn starts(&self) -> Result<Starts, NodeError> {
        let what = "wait for containers to start".to_owned();
        let filters = json!({"type": ["container"], "event": ["start"]});
        let path = format!("/events?filters={}", escape(&filters.to_string()));
        let reading = Reading { body: self.engine.open(&what, &path).await?, engine: self.engine.clone(), what };
        let starts =
            stream::try_unfold((reading, Vec::new()), async |(mut reading, mut buffer): (Reading, Vec<u8>)| {
                loop {
                    while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = buffer.drain(..=end).collect();
                        let event: Value = serde_json::from_slice(&line).unwrap_or_default();
                        if let Some(id) = event["Actor"]["ID"].as_str() {
                            return Ok(Some((id.to_owned(), (reading, buffer))));
                        }
                    }
                    match reading.next().await? {
                        Some(bytes) => buffer.extend_from_slice(&bytes),
                        None => return Ok(None),
                    }
                }
            });
        Ok(Box::pin(starts))
    }

    async fn exec(&self, container: &str, command: &ExecCommand) -> Result<Exec, NodeError> {
        let what = format!("run {} in container {container}", command.words.first().map_or("", String::as_str));
        let path = format!("/containers/{}/exec", escape(container));
        let created: api_types::ExecCreated = self.engine.post(&what, CHANGE, &path, &exec_body(command)).await?;
        let mut body = json!({"Detach": false, "Tty": command.terminal.is_some()});
        if let Some(size) = command.terminal.filter(|_| self.engine.api >= SIZED) {
            body["ConsoleSize"] = json!([size.rows, size.columns]);
        }
        let path = format!("/exec/{}/start", escape(&created.id));
        let connection = self.engine.take_over(&what, &path, &body).await?;
        let (output, input) = tokio::io::split(TokioIo::new(connection));
        let frames = command.terminal.is_none().then(Frames::default);
        let output = stream::try_unfold(
            (output, frames, self.engine.clone(), what),
            async |(mut output, mut frames, engine, what)| {
                loop {
                    if let Some(frames) = &mut frames {
                        match frames.next() {
                            Ok(Some((to, text))) => {
                                let item = (to, text.to_vec());
                                return Ok(Some((item, (output, Some(std::mem::take(frames)), engine, what))));
                            }
                            Ok(None) => {}
                            Err(error) => return Err(engine.fail(&what, kind(error))),
                        }
                    }
                    let mut bytes = vec![0; READ];
                    let read = output.read(&mut bytes).await.map_err(|error| engine.cut(&what, &error))?;
                    bytes.truncate(read);
                    match &mut frames {
                        _ if read == 0 => return Ok(None),
                        Some(frames) => frames.push(&bytes),
                        None => return Ok(Some(((Output::Stdout, bytes), (output, None, engine, what)))),
                    }
                }
            },
        );
        Ok(Exec { id: created.id, output: Box::pin(output), input: Box::new(input) })
    }

    async fn resize_exec(&self, id: &str, size: WindowSize) -> Result<(), NodeError> {
        let path = format!("/exec/{}/resize?h={}&w={}", escape(id), size.rows, size.columns);
        self.engine.order("resize the terminal", CHANGE, &path, &Value::Null).await
    }

    async fn exec_code(&self, id: &str) -> Result<Option<i64>, NodeError> {
        let path = format!("/exec/{}/json", escape(id));
        let state: api_types::ExecState = self.engine.get("ask how the command ended", &path).await?;
        Ok(state.exit_code.filter(|_| !state.running))
    }
}

fn container(listed: &api_types::Listed) -> Option<ComposeContainer> {
    Some(ComposeContainer {
        id: listed.id.clone(),
        name: inspect::list_name(listed),
        identity: inspect::identity(listed.labels.as_ref()?)?,
        running: match listed.state.as_deref() {
            Some("running" | "paused" | "restarting") => Running::Yes,
            Some(_) | None => Running::No,
        },
        created_at: listed.created.unwrap_or_default(),
    })
}

fn query(range: &LogRange, follow: Follow) -> String {
    let time = |name: &str, at: Timestamp| format!("&{name}={}.{:09}", at.as_second(), at.subsec_nanosecond());
    let mut query = "stdout=1&stderr=1&timestamps=1".to_owned();
    if follow == Follow::Yes {
        query.push_str("&follow=1");
    }
    query.extend(range.since.map(|at| time("since", at)));
    query.extend(range.until.map(|at| time("until", at)));
    query.extend(range.tail.map(|lines| format!("&tail={lines}")));
    query
}

fn exec_body(command: &ExecCommand) -> Value {
    let environment: Vec<String> = command.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut body = json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
        "Tty": command.terminal.is_some(), "Cmd": command.words, "Env": environment,
    });
    if let Some(user) = &command.user {
        body["User"] = json!(user);
    }
    if let Some(directory) = &command.directory {
        body["WorkingDir"] = json!(directory);
    }
    if let Some(size) = command.terminal {
        body["ConsoleSize"] = json!([size.rows, size.columns]);
    }
    body
}

/// An answer that goes on.
struct Reading {
    body: Incoming,
    engine: Engine,
    what: String,
}

impl Reading {
    /// The next bytes; none at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, NodeError> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.engine.broken(&self.what, &error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    fn failed(&self, error: FrameError) -> NodeError {
        self.engine.fail(&self.what, kind(error))
    }
}

fn kind(error: FrameError) -> ErrorKind {
    match error {
        FrameError::Engine(message) => ErrorKind::Engine { status: 0, message },
        FrameError::Garbled(why) => ErrorKind::Garbled(why.to_owned()),
    }
}
