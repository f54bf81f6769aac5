//! Opens the doors: a declared node → a [`Node`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::Node;
use super::docker::{DockerNode, TlsPort};
use super::error::{ErrorKind, NodeError};
use super::shell::NoShell;
use super::simulated::Simulated;
use super::ssh;
use crate::model::NodeName;
use crate::model::homelab::{self, Maintenance, NodeAddress};
use crate::model::trust::Contact;

/// The connection options from the caller's environment; only `cli` reads that environment.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine's socket of `local` nodes.
    pub docker_socket: PathBuf,
    /// The folder with the certificates for engines behind TLS, and with folders of their own for some nodes.
    pub docker_certificates: Option<PathBuf>,
    /// Docker's `config.json` with the registries' credentials; absent pulls without any.
    pub docker_config: Option<PathBuf>,
    /// The part of the caller's environment that scripts on this machine get. Scripts need at least a `PATH`.
    pub script_environment: BTreeMap<String, String>,
    /// The folder that simulated nodes are kept in; absent where none can be.
    pub simulated_folder: Option<PathBuf>,
    /// Where the sockets of this run may be: a folder with a short name, on this machine.
    pub runtime_folder: PathBuf,
}

/// Where programs are if nobody says so.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Default for Options {
    fn default() -> Self {
        Self {
            docker_socket: PathBuf::from("/var/run/docker.sock"),
            docker_certificates: None,
            docker_config: None,
            script_environment: BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]),
            simulated_folder: None,
            runtime_folder: PathBuf::from("/tmp"),
        }
    }
}

/// All declared nodes, each as far as it could be reached.
pub type Fleet = BTreeMap<NodeName, Reach>;

/// How far a node could be reached.
#[derive(Clone)]
pub enum Reach {
    /// It answers.
    Node(Arc<dyn Node>),
    /// It does not.
    Failed(NodeError),
    /// It is in maintenance and was not asked.
    Maintenance,
}

/// Connects to all nodes at once.
pub async fn connect_all(nodes: &BTreeMap<NodeName, homelab::Node>, options: &Options) -> Fleet {
    let reached = nodes.iter().map(async |(name, node)| (name.clone(), reach(node, options).await));
    join_all(reached).await.into_iter().collect()
}

/// Connects to one node, unless it is in maintenance.
pub(super) async fn reach(node: &homelab::Node, options: &Options) -> Reach {
    match (node.contact, node.maintenance) {
        (Contact::Withheld, _) => {
            let why = "it is not as the base of this change has it, and no other machine is asked".to_owned();
            let what = format!("connect to {}", node.address);
            Reach::Failed(NodeError { node: node.name.clone(), what, kind: ErrorKind::Unsupported(why) })
        }
        (Contact::Allowed, Maintenance::On) => Reach::Maintenance,
        (Contact::Allowed, Maintenance::Off) => connect(node, options).await.map_or_else(Reach::Failed, Reach::Node),
    }
}

/// Connects to one node and makes sure that its engine answers.
///
/// # Errors
/// [`ErrorKind::Unreachable`] with a hint, [`ErrorKind::Timeout`], or [`ErrorKind::Unsupported`] for
/// addresses that hl cannot reach.
pub async fn connect(node: &homelab::Node, options: &Options) -> Result<Arc<dyn Node>, NodeError> {
    let fail = |kind| NodeError { node: node.name.clone(), what: format!("connect to {}", node.address), kind };
    let timeout = Duration::from_millis(node.connect_timeout_ms);
    let here = async |socket| DockerNode::connect(&node.name, socket, timeout, options).await;
    match &node.address {
        NodeAddress::Local => Ok(Arc::new(here(&options.docker_socket).await?)),
        NodeAddress::Unix { path } => Ok(Arc::new(here(Path::new(path)).await?)),
        NodeAddress::Ssh { user, host, port } => {
            let to = ssh::Destination { user: user.clone(), host: host.clone(), port: *port };
            Ok(Arc::new(ssh::connect(&node.name, &to, timeout, options).await?))
        }
        NodeAddress::Tcp { host, port } => {
            let no_folder = || fail(ErrorKind::Unsupported("there is no folder for certificates: no home".to_owned()));
            let folder = options.docker_certificates.as_ref().ok_or_else(no_folder)?;
            let dial = TlsPort::new(&node.name, host, *port, folder).map_err(|failed| fail(failed.into()))?;
            let shell = Arc::new(NoShell::new(&node.name));
            Ok(Arc::new(DockerNode::connect_through(&node.name, Arc::new(dial), shell, timeout, options).await?))
        }
        NodeAddress::Simulated => {
            let no_folder = || fail(ErrorKind::Unsupported("there is no folder for simulated nodes".to_owned()));
            let folder = options.simulated_folder.as_ref().ok_or_else(no_folder)?;
            Ok(Arc::new(Simulated::kept(node.name.clone(), folder)?))
        }
    }
}
