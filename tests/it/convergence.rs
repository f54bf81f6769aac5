//! Whole applies on simulated nodes: for random homelabs, random changes of them and random disturbances from outside,
//! the plan after an apply is empty; and cut off at any call, the next apply comes to the same end.

use std::collections::{BTreeMap, BTreeSet};

use hl::event::Outcome;
use hl::model::homelab::{
    Condition, Container, ContainerDependency, DependentRestart, HealthScript, Homelab, Lifecycle, Maintenance,
    Network, Node as DeclaredNode, NodeAddress, Required, Role, RunState, Service, Update, Volume,
};
use hl::model::spec::{
    Attachment, ContainerRef, ContainerSpec, Healthcheck, ImageConfig, ImageRef, Mount, MountKind, NetworkMode,
    NetworkSpec, RestartPolicy, VolumeSpec,
};
use hl::model::view::{Status, Wanted};
use hl::model::{NodeName, ProjectName, ServiceName, Text};
use hl::node::simulated::{Behaviour, World};
use hl::plan::Plan;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::support::rehearsal::Rehearsal;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(the_plan_after_an_apply_is_empty_on_any_homelab),
    trial!(an_apply_that_is_cut_off_anywhere_is_completed_by_the_next),
];

/// A container in a few numbers, from which everything else follows.
#[derive(Clone, Debug)]
struct Seed {
    image: u8,
    variable: u8,
    networks: u8,
    storage: u8,
    limit: u8,
    restart: u8,
    shares: bool,
    needs: u8,
    checked: bool,
}

/// A service: its containers and the services that it needs.
#[derive(Clone, Debug)]
struct ServiceSeed {
    containers: Vec<Seed>,
    needs: u8,
    stopped: bool,
    internal: bool,
}

fn seeds() -> impl Strategy<Value = Vec<ServiceSeed>> {
    let container =
        (0..3u8, 0..3u8, 0..4u8, 0..5u8, 0..3u8, 0..4u8, proptest::bool::weighted(0.2), any::<u8>(), any::<bool>())
            .prop_map(|(image, variable, networks, storage, limit, restart, shares, needs, checked)| Seed {
                image,
                variable,
                networks,
                storage,
                limit,
                restart,
                shares,
                needs,
                checked,
            });
    let service = (
        prop::collection::vec(container, 1..4),
        any::<u8>(),
        proptest::bool::weighted(0.15),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(containers, needs, stopped, internal)| ServiceSeed { containers, needs, stopped, internal });
    prop::collection::vec(service, 1..5)
}

/// What somebody does from outside: which container or thing, and what.
fn disturbances() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..9u8), 0..4)
}

fn node_name() -> NodeName {
    NodeName::new("sim").expect("a name")
}

fn service_name(index: usize) -> ServiceName {
    ServiceName::new(format!("s{index}")).expect("a name")
}

fn homelab(seeds: &[ServiceSeed]) -> Homelab {
    let node = DeclaredNode {
        name: node_name(),
        address: NodeAddress::Simulated,
        root: "/root".to_owned(),
        labels: BTreeMap::new(),
        parallelism: 4,
        maintenance: Maintenance::Off,
        connect_timeout_ms: 10_000,
        undeclared: Default::default(),
        contact: Default::default(),
    };
    let mut homelab = Homelab { name: "home".to_owned(), ..Homelab::default() };
    homelab.nodes.insert(node_name(), node);
    for (index, seed) in seeds.iter().enumerate() {
        let name = service_name(index);
        homelab.services.insert(name.clone(), service(index, name, seed));
    }
    homelab
}

fn service(index: usize, name: ServiceName, seed: &ServiceSeed) -> Service {
    let network = NetworkSpec { name: format!("{name}_net"), internal: seed.internal, ..NetworkSpec::default() };
    let further = NetworkSpec { name: format!("{name}_more"), ..NetworkSpec::default() };
    let volume = VolumeSpec { name: format!("{name}_data"), ..VolumeSpec::default() };
    let containers: BTreeMap<String, Container> = seed
        .containers
        .iter()
        .enumerate()
        .map(|(number, container_seed)| (format!("c{number}"), container(&name, number, container_seed)))
        .collect();
    Service {
        description: String::new(),
        node: node_name(),
        backup_nodes: Vec::new(),
        // Only on services before this one, so that there is no circle.
        depends_on: (0..index)
            .filter(|other| seed.needs & (1 << other) != 0)
            .map(|other| (service_name(other), Condition::Healthy))
            .collect(),
        state: if seed.stopped { RunState::Stopped } else { RunState::Running },
        health: Some(HealthScript {
            path: "healthcheck.sh".to_owned(),
            text: "exit 0".to_owned(),
            interval_ms: 1,
            timeout_ms: 1000,
            retries: 1,
            start_period_ms: 0,
            variables: Default::default(),
        }),
        update: Update::default(),
        backup: None,
        lifecycle: Lifecycle::default(),
        project: ProjectName::new(name.as_str()).expect("a name"),
        project_origin: Default::default(),
        project_dir: format!("/repo/{name}"),
        directories: BTreeMap::new(),
        files: BTreeMap::new(),
        images: BTreeMap::new(),
        networks: BTreeMap::from([
            ("net".to_owned(), Network::Own(network)),
            ("more".to_owned(), Network::Own(further)),
        ]),
        volumes: BTreeMap::from([("data".to_owned(), Volume::Own(volume))]),
        containers,
        disabled: BTreeSet::new(),
        left_alone: BTreeSet::new(),
        renamed_from: Default::default(),
        secret_settings: Default::default(),
        name,
    }
}

fn container(service: &ServiceName, number: usize, seed: &Seed) -> Container {
    let compose_service = format!("c{number}");
    let name = format!("{service}-{compose_service}-1");
    let aliases = BTreeSet::from([name.clone(), compose_service.clone()]);
    let end = Attachment { aliases, ..Attachment::default() };
    // A container that shares the namespace of the first one has no networks of its own.
    let shares = seed.shares && number > 0;
    let networks =
        ["net", "more"].into_iter().enumerate().filter(|(bit, _)| !shares && seed.networks & (1 << bit) != 0);
    let mount = |kind| Mount { kind, read_only: seed.storage == 4 };
    let data = MountKind::Volume { source: format!("{service}_data"), nocopy: false, subpath: None };
    let mounts = match seed.storage {
        0 => vec![],
        1 | 4 => vec![("/data", mount(data))],
        2 => vec![("/anonymous", mount(MountKind::Anonymous))],
        _ => vec![("/data", mount(data)), ("/anonymous", mount(MountKind::Anonymous))],
    };
    let label = |key: &str, value: &str| (format!("com.docker.compose.{key}"), value.to_owned());
    let spec = ContainerSpec {
        image: ImageRef::new(format!("image:{}", seed.image)),
        environment: BTreeMap::from([("A".to_owned(), Some(Text::plain(seed.variable.to_string())))]),
        networks: networks.map(|(_, n)| (format!("{service}_{n}"), end.clone())).collect(),
        network_mode: match (shares, seed.networks & 3) {
            (true, _) => NetworkMode::Container(ContainerRef::Service("c0".to_owned())),
            (false, 0) => NetworkMode::None,
            (false, _) => NetworkMode::Networks,
        },
        mounts: mounts.into_iter().map(|(target, mount)| (target.to_owned(), mount)).collect(),
        mem_limit: (seed.limit > 0).then(|| i64::from(seed.limit) << 26),
        restart: match seed.restart {
            0 => RestartPolicy::No,
            1 => RestartPolicy::Always,
            2 => RestartPolicy::UnlessStopped,
            _ => RestartPolicy::OnFailure(3),
        },
        healthcheck: seed.checked.then(|| Healthcheck {
            test: Some(vec![Text::plain("CMD"), Text::plain("true")]),
            ..Healthcheck::default()
        }),
        compose_labels: [
            label("project", service.as_str()),
            label("service", &compose_service),
            label("container-number", "1"),
            label("oneoff", "False"),
        ]
        .into(),
        name,
        ..ContainerSpec::default()
    };
    let how = |restart| ContainerDependency { condition: Condition::Healthy, restart, required: Required::Yes };
    let mut depends_on: BTreeMap<String, ContainerDependency> = (0..number)
        .filter(|other| seed.needs & (1 << other) != 0)
        .map(|other| {
            (format!("c{other}"), how(if seed.needs & 16 == 0 { DependentRestart::Off } else { DependentRestart::On }))
        })
        .collect();
    if shares {
        // As Compose implies it.
        depends_on.insert("c0".to_owned(), how(DependentRestart::On));
    }
    Container { compose_service, number: 1, spec, depends_on, role: Role::Daemon }
}

/// A simulated node with a state folder.
struct Lab(Rehearsal);

impl Lab {
    fn new() -> Self {
        let mut world = World::default();
        for number in 0..3 {
            let environment = BTreeMap::from([("FROM_IMAGE".to_owned(), number.to_string())]);
            let config = ImageConfig { environment, command: vec!["run".to_owned()], ..ImageConfig::default() };
            world.publish(&format!("image:{number}"), config, Behaviour::Runs);
        }
        Self(Rehearsal::new(node_name().as_str(), world))
    }

    fn plan(&self, homelab: &Homelab) -> Plan {
        self.0.plan(homelab, &self.0.live(&Wanted::default()))
    }

    /// Applies the present plan; what was not done is the error.
    fn apply(&self, homelab: &Homelab) -> Result<(), TestCaseError> {
        let plan = self.plan(homelab);
        assert!(plan.objections.is_empty(), "{:?}", plan.objections);
        let report = self.0.apply(homelab, &plan).map_err(TestCaseError::fail)?;
        let bad = report.steps.iter().filter(|(_, outcome)| **outcome != Outcome::Done);
        let bad: Vec<String> =
            bad.map(|(step, outcome)| format!("{:?}: {outcome:?}", plan.steps[*step].operation)).collect();
        prop_assert!(bad.is_empty(), "{}", short(&bad));
        Ok(())
    }

    fn is_settled(&self, homelab: &Homelab) -> Result<(), TestCaseError> {
        let plan = self.plan(homelab);
        let left = plan.changes.iter().filter(|c| c.acts());
        let left: Vec<String> = left.map(|c| format!("{} {:?} {:?}", c.addr, c.action, c.reasons)).collect();
        prop_assert!(left.is_empty(), "left: {}", left.join("\n"));
        Ok(())
    }

    fn disturb(&self, which: &prop::sample::Index, what: u8) {
        let mut world = self.0.node.world();
        let ids: Vec<String> = world.containers.keys().cloned().collect();
        if ids.is_empty() {
            return;
        }
        let id = which.get(&ids).clone();
        let container = world.containers.get_mut(&id).expect("it is there");
        match what {
            0 => container.status = Status::Exited { code: 137 },
            1 if container.status == Status::Running => container.status = Status::Paused,
            2 => container.spec.restart = RestartPolicy::OnFailure(77),
            3 => container.spec.mem_limit = Some(1 << 30),
            4 => container.name = format!("renamed-{}", container.name),
            5 => {
                world.containers.remove(&id);
            }
            6 => world.lose_networks(&id),
            7 => container.status = Status::Created,
            _ => world.remove_unused_networks(),
        }
    }

    /// What runs, without ids: name → image, variables, networks, whether it runs.
    fn picture(&self) -> Vec<String> {
        let world = self.0.node.world();
        let mut lines: Vec<String> = world
            .view()
            .containers
            .values()
            .map(|c| {
                let fields: Vec<String> = c.spec.fields().iter().map(|(f, v)| format!("{f}={v:?}")).collect();
                let state = if c.status == Status::Running { "running" } else { "not running" };
                format!("{} {state} {}", c.name, fields.join(" "))
            })
            .collect();
        lines.sort();
        lines.extend(world.networks.values().map(|n| n.spec.name.clone()).collect::<BTreeSet<_>>());
        lines
    }
}

/// Each line as far as one can read it.
fn short(lines: &[String]) -> String {
    lines
        .iter()
        .map(|l| {
            format!(
                "{}\n",
                l.chars()
                    .take(160)
                    .chain(l.chars().rev().take(240).collect::<Vec<_>>().into_iter().rev())
                    .collect::<String>()
            )
        })
        .collect()
}

/// Runs `cases` cases, always the same, or as many new ones as `PROPTEST_CASES` says: what passes goes on passing, and who
/// looks for more asks for it.
fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let rng_seed = if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(1) };
    let config = Config {
        cases: asked.unwrap_or(cases),
        rng_seed,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(strategy, test) {
        panic!("{error}");
    }
}

fn the_plan_after_an_apply_is_empty_on_any_homelab() {
    run(40, &(seeds(), seeds(), disturbances()), |(first, second, disturbances)| {
        let lab = Lab::new();
        let (first, second) = (homelab(&first), homelab(&second));
        for (homelab, disturbed) in [(&first, false), (&first, true), (&second, true), (&second, false)] {
            if disturbed {
                for (which, what) in &disturbances {
                    lab.disturb(which, *what);
                }
            }
            lab.apply(homelab)?;
            lab.is_settled(homelab)?;
        }
        // Without the record everything is adopted as it is.
        std::fs::remove_dir_all(lab.0.paths().folder).expect("there is a state");
        lab.is_settled(&second)
    });
}

fn an_apply_that_is_cut_off_anywhere_is_completed_by_the_next() {
    run(40, &(seeds(), seeds(), disturbances(), 0..40usize), |(first, second, disturbances, cut)| {
        let lab = Lab::new();
        let (first, second) = (homelab(&first), homelab(&second));
        lab.apply(&first)?;
        for (which, what) in &disturbances {
            lab.disturb(which, *what);
        }
        lab.0.node.cut_after(Some(cut));
        // Whether it got to its end before the cut is all one.
        lab.apply(&second).ok();
        lab.0.node.cut_after(None);
        lab.apply(&second)?;
        lab.is_settled(&second)?;
        // Nothing is there twice and nothing is left over: it is as if it had been made in one go.
        let fresh = Lab::new();
        fresh.apply(&second)?;
        prop_assert_eq!(lab.picture(), fresh.picture());
        Ok(())
    });
}
