//! A node over SSH: one connection a node and run, by the user's own `ssh`, so that their configuration, agent, jump
//! hosts and known hosts apply. The engine's socket is forwarded through it, or relayed where the server forwards none;
//! files and scripts go over it.
//!
//! It does not know what is asked of the engine. Entry: [`connect`].

mod folder;
mod lock;
mod relay;
mod shell;
mod text;
mod tools;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssh::{ControlPersist, ForwardType, KnownHosts, SessionBuilder};

use self::folder::Folder;
use self::relay::Relay;
use self::shell::RemoteShell;
use self::wire::{Output, Wire};
use super::docker::{Dial, DockerNode, UnixSocket};
use super::shell::Shell;
use super::{ErrorKind, NodeError, Options};
use crate::model::NodeName;
use crate::model::homelab::NodeAddress;

/// Where `ssh` is to go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Absent is what the user's configuration says.
    pub user: Option<String>,
    /// A name, an alias of the user's configuration, or an address.
    pub host: String,
    /// Absent is what the user's configuration says.
    pub port: Option<u16>,
}

impl Destination {
    /// As a person would type it after `ssh`.
    fn typed(&self) -> String {
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{port}{user}{}", self.host)
    }
}

/// How long the connection lives on when nothing is on it: hl keeps something on it for as long as it lives itself, so
/// that it ends soon after an hl that was killed.
const LINGER: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).expect("three is not zero");
/// How often a silent connection is asked whether it is still there; after three times it is given up.
const ALIVE: Duration = Duration::from_secs(5);

/// Connects to a node and to the engine that it has.
pub async fn connect(
    name: &NodeName,
    to: &Destination,
    patience: Duration,
    options: &Options,
) -> Result<DockerNode, NodeError> {
    let address = NodeAddress::Ssh { user: to.user.clone(), host: to.host.clone(), port: to.port };
    let what = format!("connect to {address}");
    let fail = |kind: ErrorKind| NodeError { node: name.clone(), what: what.clone(), kind };
    let folder = Folder::new_in(&options.runtime_folder);
    let folder = folder.map_err(|error| fail(text::no_folder(&options.runtime_folder, &error)))?;
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .connect_timeout(patience)
        .server_alive_interval(ALIVE)
        .control_persist(ControlPersist::IdleFor(LINGER))
        .control_directory(folder.path());
    if let Some(user) = &to.user {
        builder.user(user.clone());
    }
    if let Some(port) = to.port {
        builder.port(port);
    }
    // `ssh` bounds the connection alone; a server that accepts and then says nothing would hold it for ever.
    let session = tokio::time::timeout(patience * 2, builder.connect(&to.host)).await;
    let session = session
        .map_err(|_| fail(ErrorKind::Timeout { after: patience * 2 }))?
        .map_err(|error| fail(text::refused(&error, to)))?;
    let wire = Arc::new(Wire::new(name, session, folder).await.map_err(&fail)?);
    let remote = find_engine(&wire, patience).await.map_err(&fail)?;
    let shell = Arc::new(RemoteShell::new(Arc::clone(&wire), format!("unix://{remote}")));
    let through = async |dial: Arc<dyn Dial>| {
        DockerNode::connect_through(name, dial, Arc::clone(&shell) as Arc<dyn Shell>, patience, options).await
    };
    let local = wire.folder().join("docker.sock");
    let forward = wire.session().request_port_forward(ForwardType::Local, local.as_path(), Path::new(&remote)).await;
    let forwarded = match forward {
        Ok(()) => through(Arc::new(UnixSocket::new(&local))).await,
        Err(error) => Err(fail(text::not_forwarded(&error))),
    };
    let reached = match forwarded {
        // What `ssh` did not reach on the other side it tells nobody but its own log: the server may forbid it.
        Err(NodeError { kind: ErrorKind::Unreachable { .. }, .. }) => {
            through(Arc::new(Relay::new(&wire, &remote))).await.map_err(|error| match error.kind {
                ErrorKind::Unreachable { ref why, .. } if why.contains(text::NO_RELAY) => error,
                ErrorKind::Unreachable { .. } => fail(text::no_engine(&remote)),
                _ => error,
            })
        }
        answer => answer,
    };
    reached.map_err(|error| NodeError { what, ..error })
}

/// Tells where the engine's socket is, and whether this user may use it; before that, whether they may become root without
/// being asked for anything.
const FIND_ENGINE: &str = r#"
socket=${DOCKER_HOST:-}
case $socket in
    unix://*) socket=${socket#unix://} ;;
    ?*) echo "elsewhere $socket"; exit ;;
    *) socket=/var/run/docker.sock
       own=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock
       [ -S "$socket" ] || { [ -S "$own" ] && socket=$own; } ;;
esac
[ "$(id -u)" = 0 ] || ! sudo -n true >/dev/null 2>&1 || echo sudo
if [ ! -S "$socket" ]; then
    if command -v dockerd >/dev/null 2>&1 || command -v docker >/dev/null 2>&1; then echo "stopped $socket"
    else echo "missing $socket"; fi
elif [ -r "$socket" ] && [ -w "$socket" ]; then echo "there $socket"
else echo "denied $(id -un) $socket"; fi
"#;

async fn find_engine(wire: &Wire, patience: Duration) -> Result<String, ErrorKind> {
    let Output { code, stdout, stderr } = wire.run(FIND_ENGINE, &[], &[], patience).await?;
    let said = String::from_utf8_lossy(&stdout);
    let said = match said.trim().strip_prefix("sudo\n") {
        Some(rest) => {
            wire.allow_sudo();
            rest
        }
        None => said.trim(),
    };
    match said.split_once(' ') {
        Some(("there", socket)) => Ok(socket.to_owned()),
        Some((how, rest)) => Err(text::engine_is(how, rest)),
        None => Err(text::no_shell(code, &stderr)),
    }
}
