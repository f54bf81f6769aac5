//! Containers of the same project that are named as if they were strangers: `network_mode: container:NAME`.

use std::collections::BTreeMap;

use super::Builder;
use crate::model::homelab::{Condition, ContainerDependency, DependentRestart, Required};
use crate::model::spec::{ContainerRef, SharedPart};

impl Builder<'_> {
    /// A container that shares with one of its own project depends on it, as if it named the Compose service. The engine
    /// shows both ways alike.
    pub(super) fn own_names(&mut self) {
        let first = self.made.containers.values().filter(|c| c.number == 1);
        let own: BTreeMap<String, String> = first.map(|c| (c.spec.name.clone(), c.compose_service.clone())).collect();
        for container in self.made.containers.values_mut() {
            let service_of = |at: &ContainerRef| match at {
                ContainerRef::Name(name) => own.get(name).filter(|service| **service != container.compose_service),
                ContainerRef::Service(_) | ContainerRef::Gone(_) => None,
            };
            let implied: Vec<(SharedPart, String)> =
                container.spec.shares().filter_map(|(part, at)| Some((part, service_of(at)?.clone()))).collect();
            for (part, service) in implied {
                // As Compose has it for `service:`.
                let restart = match part {
                    SharedPart::Namespace => DependentRestart::On,
                    SharedPart::Volumes => DependentRestart::Off,
                };
                let dependency =
                    ContainerDependency { condition: Condition::Started, restart, required: Required::Yes };
                container.depends_on.entry(service).or_insert(dependency);
            }
            let compose_service = container.compose_service.clone();
            container.spec.refer(|at| match at {
                ContainerRef::Name(name) => {
                    own.get(name).filter(|service| **service != compose_service).cloned().map(ContainerRef::Service)
                }
                ContainerRef::Service(_) | ContainerRef::Gone(_) => None,
            });
        }
    }
}
