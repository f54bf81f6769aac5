//! The call of one operation on its node. Decides nothing: an operation carries all that its call needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::data::{self, Arrival, DataError, Route};
use crate::model::NodeName;
use crate::model::spec::{BuildSpec, ContainerSpec, FileContent, FileSpec};
use crate::node::{Advance, FileWrite, NewContainer, Node, NodeError};
use crate::plan::Operation;

use super::env_file::{MergeError, merge};
use super::health::{HealthError, prove};
use super::leaving::Departure;
use super::wait::{WaitError, wait};

/// Lines of a container's log that a failure shows.
pub(super) const LOG_LINES: usize = 10;

/// The inputs available to a call.
pub(super) struct Context<'a> {
    /// The variables of the service's env file, as far as this apply has read or made them.
    pub(super) values: &'a BTreeMap<String, String>,
    /// The doors to all nodes.
    pub(super) nodes: &'a BTreeMap<NodeName, Arc<dyn Node>>,
    /// Whether the container that it is about goes in the same plan.
    pub(super) departure: Departure,
    /// Is told how far a long call is.
    pub(super) say: &'a (dyn Fn(String, Option<(u64, u64)>) + Send + Sync),
}

/// The results of a finished call that later calls need.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// The variables that an env file has now.
    pub(super) values: BTreeMap<String, String>,
    /// The engine's id of a network.
    pub(super) network: Option<String>,
}

/// A call that failed. Both may hold secrets.
#[derive(Debug)]
pub(super) struct Failure {
    /// The node's own words.
    pub(super) error: String,
    /// The last lines of the container's log.
    pub(super) log: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("{error}{}", if error.hint().is_empty() { String::new() } else { format!(" ({})", error.hint()) })]
    Node { error: NodeError },
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error(transparent)]
    Health(#[from] HealthError),
    #[error("{path}: {error}")]
    Merge { path: String, error: MergeError },
    #[error("{path} is not UTF-8 text, so hl adds nothing to it")]
    NotText { path: String },
    #[error(transparent)]
    Data(DataError),
    #[error("container {name}, which takes its place, is not there any more, so the old one is kept")]
    NoSuccessor { name: String },
    #[error("{what} needs a generated value that was not made")]
    Incomplete { what: String },
}

impl From<DataError> for CallError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Node(error) => error.into(),
            error => CallError::Data(error),
        }
    }
}

impl From<NodeError> for CallError {
    fn from(error: NodeError) -> Self {
        CallError::Node { error }
    }
}

/// Makes a call.
///
/// # Errors
/// [`Failure`] has the node's words and, for a container that is there, what it wrote last.
pub(super) async fn perform(node: &dyn Node, operation: &Operation, context: &Context<'_>) -> Result<Made, Failure> {
    let called = async {
        if let Departure::LeavesTo(name) = &context.departure {
            require_successor(node, name).await?;
        }
        make(node, operation, context).await
    };
    match called.await {
        Ok(made) => Ok(made),
        Err(CallError::Node { error }) if context.departure == Departure::Leaves && error.is_not_found() => {
            Ok(Made::default())
        }
        Err(error) => Err(Failure { error: error.to_string(), log: log_of(node, operation).await }),
    }
}

/// Makes sure that the container is there which takes the place of one that is about to go.
async fn require_successor(node: &dyn Node, name: &str) -> Result<(), CallError> {
    match node.container_state(name).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Err(CallError::NoSuccessor { name: name.to_owned() }),
        Err(error) => Err(error.into()),
    }
}

async fn make(node: &dyn Node, operation: &Operation, context: &Context<'_>) -> Result<Made, CallError> {
    let progress = |advance: Advance| (context.say)(advance.text, advance.bytes);
    let say = |text: &str| (context.say)(text.to_owned(), None);
    let route = Route { to: node, nodes: context.nodes };
    match operation {
        Operation::EnsureDirectory(spec) => node.ensure_directory(spec).await?,
        Operation::WriteFile(spec) => return write_file(node, spec).await,
        Operation::PullImage { reference, platform } => {
            node.pull_image(reference, platform.as_deref(), &progress).await?;
        }
        Operation::BuildImage { reference, build } => {
            let build: BuildSpec = build.as_ref().clone().filled(context.values);
            node.build_image(reference, &build, &progress).await?;
        }
        Operation::CheckMove { from, data, mounts, images, containers } => {
            data::check(route, &Arrival { from, data, mounts, images, containers }).await?;
        }
        Operation::CopyData { source, target } => data::copy(route, source, target, &progress).await?,
        Operation::DiscardData { source, target } => data::discard(route, source, target, &today()).await?,
        Operation::RemoveFolder { path } => data::remove(node, path).await?,
        Operation::RemoveFile { path } => data::remove_file(node, path).await?,
        Operation::RemoveVacantFolder { path } => data::remove_vacant(node, path).await?,
        Operation::RetireFolder { path } => data::retire(node, path, &today()).await?,
        Operation::CreateNetwork(spec) => {
            let network = Some(node.create_network(spec).await?);
            return Ok(Made { network, ..Made::default() });
        }
        Operation::RemoveNetwork { id, .. } => node.remove_network(id).await?,
        Operation::CreateVolume(spec) => node.create_volume(spec).await?,
        Operation::RemoveVolume { name } => node.remove_volume(name).await?,
        Operation::CreateContainer { name, spec, peers, inherited_volumes } => {
            let spec = complete(spec, context.values)?;
            node.create_container(&NewContainer { name, spec: &spec, peers, inherited_volumes }).await?;
        }
        Operation::StartContainer { container } => node.start_container(container).await?,
        Operation::StopContainer { container } => node.stop_container(container).await?,
        Operation::RestartContainer { container } => node.restart_container(container).await?,
        Operation::UnpauseContainer { container } => node.unpause_container(container).await?,
        Operation::RenameContainer { container, name } => node.rename_container(container, name).await?,
        Operation::RemoveContainer { container, volumes } => node.remove_container(container, *volumes).await?,
        Operation::UpdateContainer { container, spec } => {
            node.update_container(container, &spec.as_ref().clone().filled(context.values)).await?;
        }
        Operation::ConnectNetwork { container, network, attachment } => {
            node.connect_network(container, network, attachment).await?;
        }
        Operation::DisconnectNetwork { container, network } => node.disconnect_network(container, network).await?,
        Operation::AwaitContainer { container, condition, timeout_ms } => {
            wait(node, container, *condition, Duration::from_millis(*timeout_ms), &say).await?;
        }
        Operation::RunHealthScript { script, directory, env_file } => {
            prove(node, script, directory, env_file, &say).await?;
        }
    }
    Ok(Made::default())
}

async fn write_file(node: &dyn Node, spec: &FileSpec) -> Result<Made, CallError> {
    let (content, made) = match &spec.content {
        FileContent::Exactly(bytes) | FileContent::Secret(bytes) => (bytes.clone(), Made::default()),
        FileContent::Variables(wanted) => {
            let old = node.read_file(&spec.path).await?.and_then(|file| file.content).unwrap_or_default();
            let Ok(text) = std::str::from_utf8(&old) else {
                return Err(CallError::NotText { path: spec.path.clone() });
            };
            let merged =
                merge(text, wanted, &today()).map_err(|error| CallError::Merge { path: spec.path.clone(), error })?;
            let made = Made { values: merged.values, ..Made::default() };
            // The mode may be what has to change, so a complete file is written once more as it is.
            (merged.text.map_or(old, String::into_bytes), made)
        }
    };
    let (path, owner) = (spec.path.clone(), spec.owner.clone());
    node.write_file(&FileWrite { path, content, mode: spec.mode, owner }).await?;
    Ok(made)
}

/// The day, as names and comments have it.
fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// The spec with all values in place.
fn complete(spec: &ContainerSpec, values: &BTreeMap<String, String>) -> Result<ContainerSpec, CallError> {
    let spec = spec.clone().filled(values);
    match spec.fields().iter().any(|(_, value)| value.has_unknown()) {
        true => Err(CallError::Incomplete { what: format!("container {}", spec.name) }),
        false => Ok(spec),
    }
}

/// The last lines of the log that tells why an operation failed; nothing where no container has one.
async fn log_of(node: &dyn Node, operation: &Operation) -> Vec<String> {
    let Some(container) = operation.describe().logs else { return Vec::new() };
    // The failure itself is what counts; a log that cannot be had is no second one.
    node.container_log(container, LOG_LINES).await.unwrap_or_default()
}
