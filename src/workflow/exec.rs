//! The one container in which a command is to run.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use super::directory::{AddressError, Asked, Directory, Instances};
use super::observe::{Access, DiagnosticListener};
use crate::model::view::RecordedView;
use crate::model::{Addr, NodeName, Target};
use crate::node::{self, Node, NodeError, Reach};

/// A container with the connection to its node.
pub struct ExecTarget {
    /// Its address.
    pub addr: Addr,
    /// Its id.
    pub id: String,
    /// Its node.
    pub node: Arc<dyn Node>,
}

/// Why a command runs nowhere.
#[derive(Debug, thiserror::Error)]
pub enum ExecTargetError {
    /// The address means no container.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It means several.
    #[error("`{target}` is several containers")]
    Several {
        /// The address.
        target: Target,
        /// The containers that it means.
        containers: Vec<Addr>,
    },
    /// There is nothing at it.
    #[error("there is no container at `{0}`")]
    Nothing(Target),
    /// The node cannot be asked.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node is out of service on purpose.
    #[error("`{0}` is in maintenance")]
    Maintenance(NodeName),
    /// Commands cannot run on such a node.
    #[error("`{0}` is a node on which no command can run")]
    NoCommands(NodeName),
}

/// Finds the one container that an address means.
///
/// # Errors
/// [`ExecTargetError`].
pub async fn exec_target(
    access: &Access,
    recorded: &RecordedView,
    target: &Target,
    listener: &dyn DiagnosticListener,
) -> Result<ExecTarget, ExecTargetError> {
    let directory = Directory::read(access, recorded, listener)?;
    let targets = std::slice::from_ref(target);
    let nodes = directory.nodes_of(targets)?;
    let list = async |name: NodeName, reach: Reach| match reach {
        Reach::Maintenance => Err(ExecTargetError::Maintenance(name)),
        Reach::Failed(error) => Err(error.into()),
        Reach::Node(node) => match node.streams() {
            None => Err(ExecTargetError::NoCommands(name)),
            Some(streams) => {
                let listed = streams.compose_containers().await?;
                Ok((directory.select(targets, &name, listed), Arc::clone(&node)))
            }
        },
    };
    let fleet = node::connect_all(&nodes, &access.node_options).await;
    let answers = join_all(fleet.into_iter().map(|(name, reach)| list(name, reach))).await;
    let mut found: Vec<(Addr, Instances, Arc<dyn Node>)> = Vec::new();
    let mut silent = None;
    for answer in answers {
        match answer {
            Ok((containers, node)) => {
                found.extend(containers.into_iter().map(|(addr, instances)| (addr, instances, Arc::clone(&node))));
            }
            Err(error) => silent = silent.or(Some(error)),
        }
    }
    let live: BTreeSet<Addr> = found.iter().map(|(addr, ..)| addr.clone()).collect();
    let asked = if silent.is_none() { Asked::All } else { Asked::Some };
    directory.require_known(targets, &live, asked).map_err(AddressError::from)?;
    if found.len() > 1 {
        return Err(ExecTargetError::Several { target: target.clone(), containers: live.into_iter().collect() });
    }
    match (found.pop(), silent) {
        // Another node may have one at the same address.
        (_, Some(error)) => Err(error),
        (None, None) => Err(ExecTargetError::Nothing(target.clone())),
        (Some((addr, Instances { current, .. }, node)), None) => {
            let container = current.into_iter().next().expect("an address has a container");
            Ok(ExecTarget { addr, id: container.id, node })
        }
    }
}
