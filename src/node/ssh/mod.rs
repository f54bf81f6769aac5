//! A node over SSH: one connection a node and run, by the user's own `ssh`, so that their configuration, agent, jump
//! hosts and known hosts apply. The engine's socket is forwarded through it, or relayed where the server forwards none;
//! files and scripts go over it.
//!
//! It does not know what is asked of the engine. Entry: [`connect`].

mod connection;
mod errors;
mod lock;
mod programs;
mod relay;
mod runtime_folder;
mod shell;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openssh::{ControlPersist, ForwardType, KnownHosts, Session, SessionBuilder};
use tokio::time::Instant;

use self::connection::{Connection, Output};
use self::relay::Relay;
use self::runtime_folder::Folder;
use self::shell::RemoteShell;
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
/// The pause before the second try of a connection that the server had no room for; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How often a silent connection is asked whether it is still there; after three times it is given up.
const ALIVE: Duration = Duration::from_secs(5);

/// Connects to a node and to the engine that it has.
pub async fn connect(
    name: &NodeName,
    to: &Destination,
    timeout: Duration,
    options: &Options,
) -> Result<DockerNode, NodeError> {
    let begun = Instant::now();
    match connect_once(name, to, timeout, options).await {
        // It broke before it was of any use.
        Err((_, Link::Broken)) if begun.elapsed() + FIRST_PAUSE < timeout => {
            tokio::time::sleep(FIRST_PAUSE).await;
            connect_once(name, to, timeout, options).await.map_err(|(error, _)| error)
        }
        answer => answer.map_err(|(error, _)| error),
    }
}

/// The state of the connection to a node whose engine cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// The node was not reached.
    None,
    /// The connection was lost.
    Broken,
    /// The connection works, but the engine does not answer.
    Whole,
}

async fn connect_once(
    name: &NodeName,
    to: &Destination,
    timeout: Duration,
    options: &Options,
) -> Result<DockerNode, (NodeError, Link)> {
    let address = NodeAddress::Ssh { user: to.user.clone(), host: to.host.clone(), port: to.port };
    let what = format!("connect to {address}");
    let fail = |kind: ErrorKind| (NodeError { node: name.clone(), what: what.clone(), kind }, Link::None);
    let folder = Folder::new_in(&options.runtime_folder);
    let folder = folder.map_err(|error| fail(errors::no_folder(&options.runtime_folder, &error)))?;
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .connect_timeout(timeout)
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
    let session = tokio::time::timeout(timeout * 2, reach(&builder, to, timeout)).await;
    let session = session.map_err(|_| fail(ErrorKind::Timeout { after: timeout * 2 }))?.map_err(&fail)?;
    let connection = Arc::new(Connection::new(name, session, folder).await.map_err(&fail)?);
    let reached = reach_engine(name, &connection, timeout, options).await;
    match reached {
        Ok(node) => Ok(node),
        Err(kind) if connection.session().check().await.is_err() => Err((fail(kind).0, Link::Broken)),
        Err(kind) => Err((fail(kind).0, Link::Whole)),
    }
}

/// Connects to the engine of a node to which there is a connection.
async fn reach_engine(
    name: &NodeName,
    connection: &Arc<Connection>,
    timeout: Duration,
    options: &Options,
) -> Result<DockerNode, ErrorKind> {
    let remote = find_engine(connection, timeout).await?;
    let shell = Arc::new(RemoteShell::new(Arc::clone(connection), format!("unix://{remote}")));
    let through = async |dial: Arc<dyn Dial>| {
        let shell = Arc::clone(&shell) as Arc<dyn Shell>;
        DockerNode::connect_through(name, dial, shell, timeout, options).await.map_err(|error| error.kind)
    };
    let local = connection.folder().join("docker.sock");
    let forward =
        connection.session().request_port_forward(ForwardType::Local, local.as_path(), Path::new(&remote)).await;
    let forwarded = match forward {
        Ok(()) => through(Arc::new(UnixSocket::new(&local))).await,
        Err(error) => Err(errors::not_forwarded(&error)),
    };
    match forwarded {
        // `ssh` only logs a forwarding that fails on the remote side. The server may forbid forwarding.
        Err(ErrorKind::Unreachable { .. }) => {
            let relay = Arc::new(Relay::new(connection, &remote));
            through(Arc::clone(&relay) as Arc<dyn Dial>).await.map_err(|kind| match kind {
                ErrorKind::Unreachable { .. } if !relay.lacks_program() => errors::no_engine(&remote),
                kind => kind,
            })
        }
        answer => answer,
    }
}

/// Connects. A server that has too many at its door closes it to some of them at random (`MaxStartups`), be it the
/// node's own or that of a jump host in front of many nodes: those come back a little later, within their timeout.
async fn reach(builder: &SessionBuilder, to: &Destination, timeout: Duration) -> Result<Session, ErrorKind> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match builder.connect(&to.host).await {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        if !errors::is_passing(&error) || begun.elapsed() + pause > timeout {
            return Err(errors::refused(&error, to));
        }
        // The random spread keeps clients that were refused together from retrying together.
        let spread = getrandom::u32().map_or(1.0, |number| 0.5 + f64::from(number) / f64::from(u32::MAX));
        tokio::time::sleep(pause.mul_f64(spread)).await;
        pause *= 2;
    }
}

/// Tells where the socket of the engine is that `docker` uses there, by its variables or its context, and whether this
/// user may use it; before that, whether they may become root without being asked for anything. Of two engines that
/// nothing chooses between, the user's own counts where the other one is not for them.
const FIND_ENGINE: &str = r#"
socket=${DOCKER_HOST:-} folder=${DOCKER_CONFIG:-$HOME/.docker} context=${DOCKER_CONTEXT:-}
if [ -z "$socket$context" ] && [ -r "$folder/config.json" ]; then
    text=$(tr -d ' \t\r\n' <"$folder/config.json")
    case $text in *'"currentContext":"'*) context=${text##*'"currentContext":"'} context=${context%%'"'*} ;; esac
fi
if [ -z "$socket" ] && [ -n "$context" ] && [ "$context" != default ]; then
    for meta in "$folder"/contexts/meta/*/meta.json; do
        [ -r "$meta" ] || continue
        text=$(tr -d ' \t\r\n' <"$meta")
        case $text in *'"Name":"'"$context"'"'*'"Host":"'*) socket=${text##*'"Host":"'} socket=${socket%%'"'*} ;; esac
    done
    [ -n "$socket" ] || { echo "context $context"; exit; }
fi
own=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock
case $socket in
    unix://*) socket=${socket#unix://} ;;
    ?*) echo "elsewhere $socket"; exit ;;
    *) socket=/var/run/docker.sock
       if [ -S "$own" ] && [ -w "$own" ] && ! [ -w "$socket" ]; then socket=$own; fi ;;
esac
[ "$(id -u)" = 0 ] || ! sudo -n true >/dev/null 2>&1 || echo sudo
if [ ! -S "$socket" ]; then
    if command -v dockerd >/dev/null 2>&1 || command -v docker >/dev/null 2>&1; then echo "stopped $socket"
    else echo "missing $socket"; fi
elif [ -r "$socket" ] && [ -w "$socket" ]; then echo "there $socket"
elif [ -e "$HOME/.config/systemd/user/docker.service" ]; then echo "stopped $own"
else echo "denied $(id -un) $socket"; fi
"#;

async fn find_engine(connection: &Connection, timeout: Duration) -> Result<String, ErrorKind> {
    let Output { code, stdout, stderr } = connection.run(FIND_ENGINE, &[], &[], timeout).await?;
    let said = String::from_utf8_lossy(&stdout);
    let said = match said.trim().strip_prefix("sudo\n") {
        Some(rest) => {
            connection.allow_sudo();
            rest
        }
        None => said.trim(),
    };
    match said.split_once(' ') {
        Some(("there", socket)) => Ok(socket.to_owned()),
        Some((how, rest)) => Err(errors::engine_is(how, rest)),
        None => Err(errors::no_shell(code, &stderr)),
    }
}
