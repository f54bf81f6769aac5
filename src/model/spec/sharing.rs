//! The parts of other containers that a container uses.

use super::container::{ContainerSpec, IpcMode, NetworkMode, PidMode};
use crate::model::typed::ContainerRef;

/// The part of another container that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedPart {
    /// A namespace, which begins anew each time that container starts.
    Namespace,
    /// Its volumes, which stay the same as long as it is not made anew.
    Volumes,
}

impl ContainerSpec {
    /// The containers of which it uses something.
    pub fn shares(&self) -> impl Iterator<Item = (SharedPart, &ContainerRef)> {
        let network = match &self.network_mode {
            NetworkMode::Container(other) => Some(other),
            _ => None,
        };
        let pid = match &self.pid {
            PidMode::Container(other) => Some(other),
            _ => None,
        };
        let ipc = match &self.ipc {
            IpcMode::Container(other) => Some(other),
            _ => None,
        };
        let namespaces = [network, pid, ipc].into_iter().flatten().map(|other| (SharedPart::Namespace, other));
        namespaces.chain(self.volumes_from.iter().map(|other| (SharedPart::Volumes, other)))
    }

    /// Puts other references in the place of those to containers of which it uses something.
    pub fn refer(&mut self, other: impl Fn(&ContainerRef) -> Option<ContainerRef>) {
        let put = |at: &mut ContainerRef| {
            if let Some(other) = other(at) {
                *at = other;
            }
        };
        if let NetworkMode::Container(at) = &mut self.network_mode {
            put(at);
        }
        if let PidMode::Container(at) = &mut self.pid {
            put(at);
        }
        if let IpcMode::Container(at) = &mut self.ipc {
            put(at);
        }
        self.volumes_from = std::mem::take(&mut self.volumes_from)
            .into_iter()
            .map(|mut at| {
                put(&mut at);
                at
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_share_is_found_and_can_be_changed() {
        let name = |name: &str| ContainerRef::Name(name.to_owned());
        let mut spec = ContainerSpec {
            network_mode: NetworkMode::Container(name("a")),
            pid: PidMode::Container(name("b")),
            ipc: IpcMode::Container(name("c")),
            volumes_from: [name("d"), name("e")].into(),
            ..ContainerSpec::default()
        };
        spec.refer(|at| (*at == name("d")).then(|| ContainerRef::Service("x".to_owned())));
        let found: Vec<(SharedPart, ContainerRef)> = spec.shares().map(|(part, at)| (part, at.clone())).collect();
        let mut expected = vec![(SharedPart::Volumes, ContainerRef::Service("x".to_owned()))];
        expected.extend(["a", "b", "c"].map(|n| (SharedPart::Namespace, name(n))));
        expected.push((SharedPart::Volumes, name("e")));
        expected.sort();
        let mut sorted = found;
        sorted.sort();
        assert_eq!(sorted, expected);
    }
}
