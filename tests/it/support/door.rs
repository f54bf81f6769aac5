//! A connection to the engine through hl's own node, for tests that are not asynchronous themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use hl::diff::policy::{Absent, Undeclared, policy, undeclared};
use hl::model::homelab;
use hl::model::spec::{AnonymousVolumes, ContainerSpec, ImageRef, NetworkMode, NetworkSpec};
use hl::model::view::{LiveContainer, LiveNode, Wanted};
use hl::model::{Fields, Kind, NodeName};
use hl::node::{NewContainer, Node, Options};

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;

/// A connection to the engine, for tests that are not asynchronous themselves.
pub struct Door {
    pub lab: Homelab,
    pub node: Arc<dyn Node>,
    runtime: tokio::runtime::Runtime,
}

impl Door {
    pub fn open() -> Door {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let node = runtime.block_on(hl::node::connect(&declared(engine.socket()), &Options::default()));
        Door { lab, node: node.expect("the engine answers"), runtime }
    }

    /// Waits for a call.
    pub fn run<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// The real name of `sample-lab-NAME`.
    pub fn name(&self, name: &str) -> String {
        self.lab.name(&format!("sample-lab-{name}"))
    }

    pub fn live(&self) -> LiveNode {
        self.run(self.node.read(&Wanted::default())).expect("the node can be read")
    }

    /// The container of this name in a view of the whole node.
    pub fn container(&self, name: &str) -> LiveContainer {
        let live = self.live().containers.into_values().find(|c| c.name == name);
        live.unwrap_or_else(|| panic!("no container {name}"))
    }

    /// A spec of the Compose service `service`, with nothing in it that need not be.
    pub fn spec(&self, service: &str, image: &str) -> ContainerSpec {
        let project = self.lab.name("sample-lab");
        let label = |name: &str, value: &str| (format!("com.docker.compose.{name}"), value.to_owned());
        ContainerSpec {
            name: format!("{project}-{service}-1"),
            image: ImageRef::new(image),
            network_mode: NetworkMode::None,
            compose_labels: BTreeMap::from([
                label("project", &project),
                label("service", service),
                label("container-number", "1"),
                label("oneoff", "False"),
                label("config-hash", "0"),
            ]),
            ..Default::default()
        }
    }

    pub fn create(&self, spec: &ContainerSpec) -> String {
        self.create_with(spec, &BTreeMap::new())
    }

    pub fn create_with(&self, spec: &ContainerSpec, inherited_volumes: &BTreeMap<String, String>) -> String {
        let project = self.lab.name("sample-lab");
        let peers = ["db", "app"].map(|service| (service.to_owned(), format!("{project}-{service}-1"))).into();
        let new = NewContainer { name: &spec.name, spec, peers: &peers, inherited_volumes };
        self.run(self.node.create_container(&new)).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn network(&self, spec: NetworkSpec) -> String {
        self.run(self.node.create_network(&spec)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Creates a container and looks at it three times: before it ever ran, while it runs, and restarted.
    pub fn comes_back(&self, spec: &ContainerSpec) {
        self.create(spec);
        self.same(spec, "created");
        self.run(self.node.start_container(&spec.name)).unwrap_or_else(|error| panic!("{error}"));
        self.same(spec, "started");
        self.run(self.node.restart_container(&spec.name)).unwrap_or_else(|error| panic!("{error}"));
        self.same(spec, "restarted");
        self.remove(&spec.name);
    }

    /// Creates a container that this machine cannot start and looks at it.
    pub fn comes_back_unstarted(&self, spec: &ContainerSpec) {
        self.create(spec);
        self.same(spec, "created");
        self.remove(&spec.name);
    }

    pub fn remove(&self, name: &str) {
        let removed = self.node.remove_container(name, AnonymousVolumes::Remove);
        self.run(removed).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Asserts that the live container is what the spec says, in the whole view and looked at alone.
    pub fn same(&self, spec: &ContainerSpec, when: &str) {
        let node = self.live();
        let live = node.containers.values().find(|c| c.name == spec.name).expect("the container is there");
        let image = node.images[&live.image_id].config.as_ref().expect("a used image was inspected");
        let expected = spec.with_image(image).fields();
        let complaints = differences(Kind::Container, &spec.fields(), &expected, &live.spec.fields());
        assert!(complaints.is_empty(), "{} {when}:\n{}", spec.name, complaints.join("\n"));
        let alone = self.run(self.node.inspect_container(&spec.name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(*live, alone, "{} {when}: looked at alone it is another one", spec.name);
        assert_eq!(live.identity.as_ref().map(|i| i.service.as_str()), Some(service_of(spec)));
        assert_eq!(live.stale_networks, BTreeMap::new(), "{} {when}", spec.name);
    }
}

pub fn service_of(spec: &ContainerSpec) -> &str {
    &spec.compose_labels["com.docker.compose.service"]
}

pub fn declared(socket: &std::path::Path) -> homelab::Node {
    homelab::Node {
        name: NodeName::new("box").expect("a name"),
        address: homelab::NodeAddress::Unix { path: socket.display().to_string() },
        root: "/opt/homelab".to_owned(),
        labels: BTreeMap::new(),
        parallelism: 4,
        maintenance: homelab::Maintenance::Off,
        connect_timeout_ms: 10_000,
        undeclared: Default::default(),
        contact: Default::default(),
    }
}

/// Where a live resource is not what was asked for: what is expected and missing or different, but for what kernels
/// may discard; and what is there and was not asked for, but for what engines fill in.
pub fn differences(kind: Kind, declared: &Fields, expected: &Fields, live: &Fields) -> Vec<String> {
    let mut complaints = Vec::new();
    for (field, value) in expected.iter() {
        match live.get(field) {
            Some(found) if found == value => {}
            None if declared.get(field).is_some() && policy(kind, field.key).absent == Absent::MayBeDiscarded => {}
            found => complaints.push(format!("{field}: expected {value:?}, found {found:?}")),
        }
    }
    for (field, value) in live.iter().filter(|(field, _)| expected.get(field).is_none()) {
        if undeclared(kind, field) != Undeclared::EngineDefault {
            complaints.push(format!("{field}: {value:?} was not asked for"));
        }
    }
    complaints
}
