//! Networks and volumes: made and removed.

use bollard::query_parameters::RemoveVolumeOptions;
use serde_json::Value;

use super::engine::{CHANGE, Engine, SLOW};
use super::{api_types, create};
use crate::model::spec::{NetworkSpec, VolumeSpec};
use crate::node::{ErrorKind, NodeError};

/// Makes a network and gives its id.
pub async fn create_network(engine: &Engine, spec: &NetworkSpec) -> Result<String, NodeError> {
    let what = format!("create network {}", spec.name);
    let body = create::network(spec).map_err(|e| engine.fail(&what, ErrorKind::Unsupported(e.to_string())))?;
    let created: api_types::Created = engine.post(&what, CHANGE, "/networks/create", &body).await?;
    Ok(created.id)
}

/// Removes a network.
pub async fn remove_network(engine: &Engine, network: &str) -> Result<(), NodeError> {
    let what = format!("remove network {network}");
    gone(engine.call(&what, CHANGE, engine.docker().remove_network(network)).await)
}

/// Makes a volume.
pub async fn create_volume(engine: &Engine, spec: &VolumeSpec) -> Result<(), NodeError> {
    let what = format!("create volume {}", spec.name);
    let body = create::volume(spec).map_err(|e| engine.fail(&what, ErrorKind::Unsupported(e.to_string())))?;
    engine.post::<Value>(&what, SLOW, "/volumes/create", &body).await.map(drop)
}

/// Removes a volume with its data.
pub async fn remove_volume(engine: &Engine, name: &str) -> Result<(), NodeError> {
    let what = format!("remove volume {name}");
    gone(engine.call(&what, SLOW, engine.docker().remove_volume(name, None::<RemoveVolumeOptions>)).await)
}

/// Treats a resource that is already gone as removed.
fn gone(result: Result<(), NodeError>) -> Result<(), NodeError> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}
