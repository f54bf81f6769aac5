//! Planning to take a service off its node, as if its folder were gone from the repository.

use std::collections::BTreeSet;

use super::observe::Observation;
use super::plan::Planned;
use crate::diagnostic::did_you_mean;
use crate::model::{ServiceName, Target};
use crate::plan;
use crate::state::State;

/// A plan that removes a service.
pub struct Removal {
    /// The plan.
    pub planned: Planned,
    /// Whether the repository still declares the service, so that the next apply would bring it back.
    pub is_declared: bool,
}

/// The service is not recorded, and hl removes only what it has recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hl has recorded nothing of a service `{service}`")]
pub struct NotRecorded {
    /// The name.
    pub service: ServiceName,
    /// The recorded service whose name is most like it, if one is.
    pub similar: Option<ServiceName>,
    /// Whether the repository has the service.
    pub declared: Declared,
}

/// Whether the repository has a service of some name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It has: the name is right, and there is nothing to remove yet.
    Yes,
    /// It has not: the name may be a slip.
    No,
}

/// Plans to remove a service. The observation then no longer has it. `limits` are the options that any plan can have.
///
/// # Errors
/// [`NotRecorded`].
pub fn plan_removal(
    observation: &mut Observation,
    service: &ServiceName,
    state: &State,
    limits: plan::Options,
) -> Result<Removal, NotRecorded> {
    let recorded = &state.view;
    let homelab = &observation.homelab;
    let of_it = |name: &&ServiceName| name.whole() == *service;
    let is_declared = homelab.services.keys().chain(homelab.unresolved.keys()).any(|name| of_it(&name));
    let removed: BTreeSet<ServiceName> = recorded.services.keys().filter(of_it).cloned().collect();
    if removed.is_empty() {
        let names = recorded.services.keys();
        let similar = did_you_mean(service.as_str(), names.clone().map(ServiceName::as_str));
        let similar = similar.and_then(|similar| names.clone().find(|name| name.as_str() == similar)).cloned();
        let declared = if is_declared { Declared::Yes } else { Declared::No };
        return Err(NotRecorded { service: service.clone(), similar, declared });
    }
    observation.leave_out(&removed);
    let options = plan::Options { targets: vec![Target::from(service)], delete: removed, ..limits };
    Ok(Removal { planned: observation.plan(recorded, &state.sealer, options), is_declared })
}
