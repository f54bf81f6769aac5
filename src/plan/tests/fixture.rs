//! A homelab and a node in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff;
use crate::model::homelab::{
    Condition, Container, ContainerDependency, DependentRestart, HealthScript, Homelab, Lifecycle, Maintenance,
    Network, Node, NodeAddress, Required, Role, RunState, Service, Update, Volume,
};
use crate::model::spec::{Attachment, ContainerSpec, ImageRef, Mount, MountKind, NetworkSpec, VolumeSpec};
use crate::model::view::{
    ComposeIdentity, LiveContainer, LiveImage, LiveNetwork, LiveNode, LiveView, LiveVolume, NodeView, OneOff, Recorded,
    RecordedService, RecordedView, Status,
};
use crate::model::{Addr, Kind, NodeName, ProjectName, Sealer, ServiceName};
use crate::plan::{Input, Options, Plan, Record, plan};

/// A homelab with what runs of it, to be changed by a test.
pub struct World {
    pub homelab: Homelab,
    pub recorded: RecordedView,
    pub live: LiveView,
    pub options: Options,
}

pub fn node_name() -> NodeName {
    NodeName::new("box").unwrap()
}

pub fn service_name(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

impl World {
    /// `db` ← `api` ← `web`, one container each, nothing running.
    pub fn new() -> Self {
        let node = Node {
            name: node_name(),
            address: NodeAddress::Local,
            root: "/opt/homelab".to_owned(),
            labels: BTreeMap::new(),
            parallelism: 4,
            maintenance: Maintenance::Off,
            connect_timeout_ms: 10_000,
            undeclared: Default::default(),
            contact: Default::default(),
        };
        let mut homelab = Homelab { name: "home".to_owned(), ..Homelab::default() };
        homelab.nodes.insert(node_name(), node);
        for (name, needs) in [("db", None), ("api", Some("db")), ("web", Some("api"))] {
            let service = service(name, needs);
            homelab.services.insert(service.name.clone(), service);
        }
        let images = ["db", "api", "web"].map(|n| {
            let names = BTreeSet::from([ImageRef::new(format!("{n}:1")).normal()]);
            let image =
                LiveImage { id: format!("sha256:{n}"), names, config: Some(Default::default()), ..Default::default() };
            (image.id.clone(), image)
        });
        let live = LiveNode { api_version: "1.41".to_owned(), images: BTreeMap::from(images), ..LiveNode::default() };
        let live = LiveView { nodes: BTreeMap::from([(node_name(), NodeView::Known(Box::new(live)))]) };
        Self { homelab, recorded: RecordedView::default(), live, options: Options::default() }
    }

    /// The same with everything running and recorded, as an apply leaves it.
    pub fn running() -> Self {
        let mut world = Self::new();
        world.settle();
        world
    }

    pub fn service(&mut self, name: &str) -> &mut Service {
        self.homelab.services.get_mut(name).unwrap()
    }

    pub fn spec(&mut self, service: &str) -> &mut ContainerSpec {
        &mut self.service(service).containers.get_mut("main").unwrap().spec
    }

    pub fn node(&mut self) -> &mut LiveNode {
        match self.live.nodes.get_mut(&node_name()) {
            Some(NodeView::Known(node)) => node,
            other => panic!("{other:?}"),
        }
    }

    pub fn container(&mut self, service: &str) -> &mut LiveContainer {
        let id = format!("{service}-id");
        self.node().containers.get_mut(&id).unwrap()
    }

    /// Makes live and recorded view what the declared one asks for.
    pub fn settle(&mut self) {
        for service in self.homelab.services.clone().values() {
            for network in service.networks.values() {
                let Network::Own(spec) = network else { continue };
                let id = format!("{}-id", spec.name);
                let identity = Some((service.project.clone(), "net".to_owned()));
                self.node().networks.insert(id.clone(), LiveNetwork { id, identity, spec: spec.clone() });
            }
            for volume in service.volumes.values() {
                let Volume::Own(spec) = volume else { continue };
                let identity = Some((service.project.clone(), "data".to_owned()));
                self.node().volumes.insert(spec.name.clone(), LiveVolume { identity, spec: spec.clone() });
            }
            for container in service.containers.values() {
                let live = live_container(service, container);
                self.node().containers.insert(live.id.clone(), live);
            }
            let record = RecordedService::of(service);
            self.recorded.services.insert(service.name.clone(), record);
        }
        // The fixture records exactly what the plan would record.
        for change in self.plan().changes {
            let Record::Applied(declared) = change.record else { panic!("{change:?}") };
            let (id, baseline) = self.live_of(&change.addr);
            let declared = declared.without_secrets(&sealer());
            let recorded = Recorded { id, declared, baseline, applied_at: "2026-01-01T00:00:00Z".to_owned() };
            self.recorded.resources.insert(change.addr, recorded);
        }
    }

    fn live_of(&mut self, addr: &Addr) -> (String, crate::model::Fields) {
        let service = self.homelab.services[&addr.service].clone();
        match addr.kind {
            Kind::Container => {
                let key = if addr.name == "main" { addr.service.as_str() } else { addr.name.as_str() };
                let live = self.container(key);
                (live.id.clone(), diff::live_fields(live))
            }
            Kind::Network => {
                let Network::Own(spec) = &service.networks[&addr.name] else { panic!("{addr}") };
                (format!("{}-id", spec.name), spec.fields())
            }
            Kind::Volume => {
                let Volume::Own(spec) = &service.volumes[&addr.name] else { panic!("{addr}") };
                (spec.name.clone(), spec.fields())
            }
            Kind::Directory | Kind::File | Kind::Image => panic!("{addr}"),
        }
    }

    pub fn changes(&self) -> Vec<diff::Change> {
        let mut changes = diff::diff(&self.homelab, &self.recorded, &self.live, &sealer());
        diff::add_agreeing(&mut changes, &self.homelab, &self.live, |addr| self.options.replaces(addr));
        changes
    }

    pub fn plan(&self) -> Plan {
        plan(&self.input(&self.changes()))
    }

    /// The input of a plan.
    pub fn input<'a>(&'a self, changes: &'a [diff::Change]) -> Input<'a> {
        Input { homelab: &self.homelab, recorded: &self.recorded, live: &self.live, changes, options: &self.options }
    }
}

pub fn sealer() -> Sealer {
    Sealer::new([1; 32])
}

/// A service of one container with a network and a volume of its own and a health script.
fn service(name: &str, needs: Option<&str>) -> Service {
    let network = NetworkSpec { name: format!("{name}_net"), ..NetworkSpec::default() };
    let volume = VolumeSpec { name: format!("{name}_data"), ..VolumeSpec::default() };
    let mount = Mount {
        kind: MountKind::Volume { source: volume.name.clone(), nocopy: false, subpath: None },
        read_only: false,
    };
    let aliases = BTreeSet::from([format!("{name}-main-1"), "main".to_owned()]);
    let spec = ContainerSpec {
        name: format!("{name}-main-1"),
        image: ImageRef::new(format!("{name}:1")),
        networks: BTreeMap::from([(network.name.clone(), Attachment { aliases, ..Attachment::default() })]),
        mounts: BTreeMap::from([("/data".to_owned(), mount)]),
        ..ContainerSpec::default()
    };
    Service {
        name: service_name(name),
        description: String::new(),
        node: node_name(),
        backup_nodes: Vec::new(),
        depends_on: needs.map(|n| (service_name(n), Condition::Healthy)).into_iter().collect(),
        state: RunState::Running,
        health: Some(HealthScript {
            path: format!("services/{name}/healthcheck.sh"),
            text: "exit 0".to_owned(),
            variables: BTreeMap::new(),
            interval_ms: 1000,
            timeout_ms: 1000,
            retries: 3,
            start_period_ms: 0,
        }),
        update: Update::default(),
        backup: None,
        lifecycle: Lifecycle::default(),
        project: ProjectName::new(name).unwrap(),
        project_origin: Default::default(),
        project_dir: format!("/repo/services/{name}"),
        directories: BTreeMap::new(),
        files: BTreeMap::new(),
        images: BTreeMap::new(),
        networks: BTreeMap::from([("net".to_owned(), Network::Own(network))]),
        volumes: BTreeMap::from([("data".to_owned(), Volume::Own(volume))]),
        containers: BTreeMap::from([("main".to_owned(), container("main", spec))]),
        disabled: BTreeSet::new(),
        left_alone: BTreeSet::new(),
        renamed_from: Default::default(),
        secret_settings: Default::default(),
    }
}

pub fn container(compose_service: &str, spec: ContainerSpec) -> Container {
    Container {
        compose_service: compose_service.to_owned(),
        number: 1,
        spec,
        depends_on: BTreeMap::new(),
        role: Role::Daemon,
    }
}

/// A dependency inside a project whose dependent restarts with it, or not.
pub fn needs(restart: DependentRestart) -> ContainerDependency {
    ContainerDependency { condition: Condition::Healthy, restart, required: Required::Yes }
}

pub fn live_container(service: &Service, container: &Container) -> LiveContainer {
    let key =
        if container.compose_service == "main" { service.name.to_string() } else { container.compose_service.clone() };
    LiveContainer {
        id: format!("{key}-id"),
        name: container.spec.name.clone(),
        image_id: format!("sha256:{}", service.name),
        identity: Some(ComposeIdentity {
            project: service.project.clone(),
            service: container.compose_service.clone(),
            number: container.number,
            one_off: OneOff::No,
            working_dir: service.project_dir.clone(),
        }),
        status: Status::Running,
        health: None,
        failed_check: None,
        started_at: String::new(),
        restarts: 0,
        created_at: None,
        spec: container.spec.clone(),
        stale_networks: BTreeMap::new(),
        shares_with: BTreeSet::new(),
        namespaces_of: BTreeSet::new(),
        anonymous_volumes: BTreeMap::new(),
        addresses: Default::default(),
    }
}
