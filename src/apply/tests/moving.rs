//! Whole moves on two simulated nodes, cut off at every call: no data is lost, no two copies run, and the next apply comes to
//! the same end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::*;
use crate::event::Outcome;
use crate::model::homelab::{
    Container, HealthScript, Homelab, Lifecycle, Maintenance, Network, NodeAddress, Role, RunState, Service, Update,
    Volume,
};
use crate::model::spec::{
    Attachment, ContainerSpec, DirectorySpec, FileContent, FileSpec, ImageRef, Mount, MountKind, NetworkSpec, Variable,
    VolumeSpec,
};
use crate::model::view::{LiveView, NodeView, Status, WantContent, Wanted};
use crate::model::{ProjectName, Text};
use crate::node::simulated::{Behaviour, Entry, Inode, Simulated, World};
use crate::plan::{Block, Input, Prune};
use crate::state::{LockOwner, Paths};

const DATA: &str = "/root/data/notes";
const VOLUME: &str = "/var/lib/docker/volumes/notes_store/_data";

/// Two simulated nodes with the state of their homelab.
struct Lab {
    nas: Arc<Simulated>,
    pi: Arc<Simulated>,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

fn node_name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn homelab(owner: &str) -> Homelab {
    let declared = |name: &str| homelab::Node {
        name: node_name(name),
        address: NodeAddress::Simulated,
        root: "/root".to_owned(),
        labels: BTreeMap::new(),
        parallelism: 1,
        maintenance: Maintenance::Off,
        connect_timeout_ms: 10_000,
        undeclared: Default::default(),
        contact: Default::default(),
    };
    let service = service(owner);
    Homelab {
        name: "home".to_owned(),
        nodes: ["nas", "pi"].map(|name| (node_name(name), declared(name))).into(),
        services: BTreeMap::from([(service.name.clone(), service)]),
        ..Homelab::default()
    }
}

/// A service with a directory, a file, a volume and a network.
fn service(owner: &str) -> Service {
    let label = |key: &str, value: &str| (format!("com.docker.compose.{key}"), value.to_owned());
    let directory = |name: &str| {
        let spec = DirectorySpec { path: format!("/root/{name}"), ..Default::default() };
        (name.to_owned(), spec)
    };
    let env = FileSpec {
        path: "/root/config/notes/.env".to_owned(),
        content: FileContent::Variables(BTreeMap::from([("LEVEL".to_owned(), Variable::Is(Text::plain("1")))])),
        mode: 0o600,
        owner: None,
    };
    let network = NetworkSpec {
        name: "notes_default".to_owned(),
        compose_labels: [label("project", "notes"), label("network", "default")].into(),
        ..NetworkSpec::default()
    };
    let volume = VolumeSpec {
        name: "notes_store".to_owned(),
        compose_labels: [label("project", "notes"), label("volume", "store")].into(),
        ..VolumeSpec::default()
    };
    let bind = MountKind::Bind {
        source: DATA.to_owned(),
        propagation: None,
        selinux: None,
        must_exist: false,
        recursive: None,
    };
    let stored = MountKind::Volume { source: volume.name.clone(), nocopy: false, subpath: None };
    let mount = |target: &str, kind| (target.to_owned(), Mount { kind, read_only: false });
    let aliases = BTreeSet::from(["notes-notes-1".to_owned(), "notes".to_owned()]);
    let spec = ContainerSpec {
        name: "notes-notes-1".to_owned(),
        image: ImageRef::new("notes:1"),
        networks: [(network.name.clone(), Attachment { aliases, ..Attachment::default() })].into(),
        mounts: [mount("/data", bind), mount("/store", stored)].into(),
        compose_labels: [
            label("project", "notes"),
            label("service", "notes"),
            label("container-number", "1"),
            label("oneoff", "False"),
        ]
        .into(),
        ..ContainerSpec::default()
    };
    let container = Container {
        compose_service: "notes".to_owned(),
        number: 1,
        spec,
        depends_on: BTreeMap::new(),
        role: Role::Daemon,
    };
    Service {
        name: ServiceName::new("notes").unwrap(),
        description: String::new(),
        node: node_name(owner),
        backup_nodes: Vec::new(),
        depends_on: BTreeMap::new(),
        state: RunState::Running,
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
        project: ProjectName::new("notes").unwrap(),
        project_origin: Default::default(),
        project_dir: "/root/config/notes".to_owned(),
        directories: [directory("data/notes"), directory("config/notes")].into(),
        files: [("config/notes/.env".to_owned(), env)].into(),
        images: BTreeMap::new(),
        networks: [("default".to_owned(), Network::Own(network))].into(),
        volumes: [("store".to_owned(), Volume::Own(volume))].into(),
        containers: [("notes".to_owned(), container)].into(),
        disabled: BTreeSet::new(),
        left_alone: BTreeSet::new(),
        renamed_from: Default::default(),
        secret_settings: Default::default(),
    }
}

impl Lab {
    /// Two nodes, of which the first one has the service with its data.
    fn new() -> Self {
        let nas = Simulated::new(node_name("nas"), World::default());
        let pi = nas.beside(node_name("pi"), World::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lab = Self { nas: Arc::new(nas), pi: Arc::new(pi), folder, runtime };
        for node in [&lab.nas, &lab.pi] {
            node.world().files.make_directory("/root", 0).unwrap();
        }
        lab.apply_well(&homelab("nas"));
        let mut world = lab.nas.world();
        for place in [DATA, VOLUME] {
            let link = Entry { node: Inode::Link("deep/text".into()), mode: 0o777, uid: 3, gid: 4, modified: 7 };
            world.files.put_file(&format!("{place}/deep/text"), "words\n");
            world.files.put(&format!("{place}/link"), link);
            world.files.change(&format!("{place}/deep"), Some(0o2750), Some((1000, 2000)));
        }
        world.files.put_file("/root/config/notes/.env", "LEVEL=1\nPASSWORD=by hand\n");
        world.files.change("/root/config/notes/.env", Some(0o600), None);
        drop(world);
        lab
    }

    fn paths(&self) -> Paths {
        Paths { folder: self.folder.path().join("state"), keys: self.folder.path().join("keys") }
    }

    fn nodes(&self) -> [(NodeName, &Arc<Simulated>); 2] {
        [(node_name("nas"), &self.nas), (node_name("pi"), &self.pi)]
    }

    fn plan(&self, homelab: &Homelab, prune: Prune) -> Plan {
        let recorded = state::read(&self.paths()).unwrap();
        let mut wanted = Wanted { retained_below: Some("/root".to_owned()), ..Wanted::default() };
        for path in [DATA, "/root/config/notes", "/root/config/notes/.env"] {
            wanted.add(path, WantContent::Yes);
        }
        let read = |(name, node): (NodeName, &Arc<Simulated>)| {
            let live = self.runtime.block_on(node.read(&wanted)).unwrap();
            (name, NodeView::Known(Box::new(live)))
        };
        let live = LiveView { nodes: self.nodes().map(read).into() };
        let changes = crate::diff::diff(homelab, &recorded.view, &live, &recorded.sealer);
        let options = crate::plan::Options { prune, ..Default::default() };
        crate::plan::plan(&Input {
            homelab,
            recorded: &recorded.view,
            live: &live,
            changes: &changes,
            options: &options,
        })
    }

    /// Applies a plan, and gives what went wrong.
    fn apply(&self, homelab: &Homelab, prune: Prune) -> Vec<String> {
        let plan = self.plan(homelab, prune);
        assert!(plan.objections.is_empty() && plan.blocked.is_empty(), "{:?} {:?}", plan.objections, plan.blocked);
        let claim = LockOwner { who: "t".into(), host: "t".into(), pid: 1, why: "apply".into(), since: state::now() };
        let mut store = Store::open(&self.paths(), claim).unwrap();
        let options = Options {
            until: None,
            parallelism: 1,
            nodes: homelab.nodes.clone(),
            services: homelab.services.values().map(|s| (s.name.clone(), RecordedService::of(s))).collect(),
            secrets: Vec::new(),
            digest: "sha256:0".to_owned(),
            commit: None,
            holder: "ann@desk".to_owned(),
        };
        let nodes = self.nodes().map(|(name, node)| (name, Arc::clone(node) as Arc<dyn Node>)).into();
        let (_stop, stopped) = watch::channel(Interruption::No);
        let (events, _reporter) = mpsc::unbounded_channel();
        let done = self.runtime.block_on(apply(&plan, &nodes, &mut store, &options, stopped, events));
        let report = match done {
            Ok(report) => report,
            Err(error) => return vec![error.to_string()],
        };
        let bad = report.steps.iter().filter_map(|(step, outcome)| match outcome {
            Outcome::Failed { error, .. } => Some(format!("{:?}: {error}", plan.steps[*step].operation)),
            Outcome::Done | Outcome::Warned { .. } | Outcome::Skipped { .. } => None,
        });
        bad.collect()
    }

    #[track_caller]
    fn apply_well(&self, homelab: &Homelab) {
        assert_eq!(self.apply(homelab, Prune::Nothing), Vec::<String>::new());
    }

    #[track_caller]
    fn assert_settled(&self, homelab: &Homelab) {
        let plan = self.plan(homelab, Prune::Nothing);
        let left: Vec<String> = plan.changes.iter().filter(|c| c.acts()).map(|c| c.addr.to_string()).collect();
        assert_eq!(left, Vec::<String>::new());
    }

    /// The service runs on one node and nowhere else, with all its data.
    #[track_caller]
    fn assert_lives_on(&self, owner: &str, cut: usize) {
        for (name, node) in self.nodes() {
            let (world, is_owner) = (node.world(), name.as_str() == owner);
            let running = world.containers.values().filter(|c| c.status == Status::Running).count();
            assert_eq!(
                (running, world.containers.len()),
                (is_owner.into(), is_owner.into()),
                "{name} after {cut} calls"
            );
            if is_owner {
                for place in [DATA, VOLUME] {
                    assert!(is_whole(&world, place), "{place} on {name} after {cut} calls");
                }
                let env = world.files.live("/root/config/notes/.env").unwrap();
                assert_eq!(env.content.as_deref(), Some(&b"LEVEL=1\nPASSWORD=by hand\n"[..]));
                assert_eq!(env.mode, 0o600);
            }
        }
    }

    /// All data is somewhere, whole, and at most one of the nodes uses it.
    #[track_caller]
    fn assert_nothing_lost(&self, cut: usize) {
        let runs = |node: &Simulated| node.world().containers.values().any(|c| c.status == Status::Running);
        assert!(!(runs(&self.nas) && runs(&self.pi)), "two copies run after {cut} calls");
        for place in [DATA, VOLUME] {
            let is_there = self.nodes().iter().any(|(_, node)| {
                let world = node.world();
                let retired = world.files.list("/root/data").into_iter().map(|name| format!("/root/data/{name}"));
                let retired: Vec<String> = retired.filter(|path| path.starts_with(&format!("{DATA}.moved-"))).collect();
                is_whole(&world, place) || (place == DATA && retired.iter().any(|path| is_whole(&world, path)))
            });
            assert!(is_there, "{place} is nowhere after {cut} calls");
        }
    }
}

/// Whether a directory has all the data that the service had.
fn is_whole(world: &World, directory: &str) -> bool {
    let below = world.files.below(directory);
    let text = below.get("deep/text").map(|entry| &entry.node);
    let link = below.get("link").map(|entry| (&entry.node, entry.uid, entry.gid));
    let deep = below.get("deep").map(|entry| (entry.mode, entry.uid, entry.gid));
    text == Some(&Inode::File(b"words\n".to_vec()))
        && link == Some((&Inode::Link("deep/text".into()), 3, 4))
        && deep == Some((0o2750, 1000, 2000))
}

/// Cuts a move at each call that it makes, and does something afterwards.
fn cut_everywhere(mut after: impl FnMut(&Lab, usize)) {
    for cut in 0.. {
        assert!(cut < 200, "the move does not end");
        let lab = Lab::new();
        lab.nas.cut_after(Some(cut));
        let failed = lab.apply(&homelab("pi"), Prune::Nothing);
        lab.nas.cut_after(None);
        lab.assert_nothing_lost(cut);
        after(&lab, cut);
        if failed.is_empty() {
            assert!(cut > 10, "there is something to cut");
            return;
        }
    }
}

#[test]
fn a_move_that_is_cut_off_anywhere_is_completed_by_the_next_apply() {
    cut_everywhere(|lab, cut| {
        lab.apply_well(&homelab("pi"));
        lab.assert_settled(&homelab("pi"));
        lab.assert_lives_on("pi", cut);
    });
}

#[test]
fn a_move_that_is_cut_off_anywhere_can_be_given_up() {
    let mut refused = 0;
    cut_everywhere(|lab, cut| {
        let plan = lab.plan(&homelab("nas"), Prune::Nothing);
        // Once the old place is being cleared the service lives on its new node, and its move is completed first.
        if let Some(block) = plan.blocked.get("notes") {
            let (home, from) = (node_name("pi"), node_name("nas"));
            assert_eq!(*block, Block::MoveNotCleared { home, from }, "after {cut} calls");
            lab.assert_nothing_lost(cut);
            lab.apply_well(&homelab("pi"));
            // The volume that stayed behind would be in the way of going back.
            assert_eq!(lab.apply(&homelab("pi"), Prune::Moved), Vec::<String>::new());
            refused += 1;
        }
        lab.apply_well(&homelab("nas"));
        lab.assert_settled(&homelab("nas"));
        lab.assert_lives_on("nas", cut);
    });
    assert!(refused > 0, "no cut fell into the clearing");
}

#[test]
fn what_a_move_leaves_stays_until_it_is_pruned() {
    let lab = Lab::new();
    lab.apply_well(&homelab("pi"));
    lab.assert_lives_on("pi", 0);
    let left = |lab: &Lab| {
        let world = lab.nas.world();
        let names = world.files.list("/root/data").into_iter().filter(|name| name.contains(".moved-")).count();
        (names, world.volumes.contains_key("notes_store"))
    };
    assert_eq!(left(&lab), (1, true));
    assert_eq!(lab.apply(&homelab("pi"), Prune::Moved), Vec::<String>::new());
    assert_eq!(left(&lab), (0, false));
    lab.assert_settled(&homelab("pi"));
    lab.assert_lives_on("pi", 0);
}

/// A change of a machine from outside.
type Disturb = fn(&mut World);

#[test]
fn what_stands_in_the_way_is_found_before_anything_stops() {
    let in_the_way: [(&str, Disturb); 3] = [
        ("other data is already there", |world| world.files.put_file(&format!("{DATA}/precious"), "1")),
        ("are free in /", |world| world.machine.disk = 1 << 20),
        ("of memory are free", |world| world.machine.memory = 0),
    ];
    for (words, disturb) in in_the_way {
        let lab = Lab::new();
        lab.nas.world().registry.values_mut().for_each(|program| program.memory = 1 << 20);
        disturb(&mut lab.pi.world());
        let started = |lab: &Lab| lab.nas.world().containers.values().map(|c| c.started_at.clone()).collect::<Vec<_>>();
        let before = started(&lab);
        let failed = lab.apply(&homelab("pi"), Prune::Nothing);
        assert!(failed.iter().any(|error| error.contains(words)), "{words}: {failed:?}");
        assert_eq!(started(&lab), before, "it was stopped although {words}");
        lab.assert_lives_on("nas", 0);
    }
}

#[test]
fn a_service_that_does_not_work_in_its_new_place_comes_back() {
    let lab = Lab::new();
    lab.pi.world().publish("notes:1", Default::default(), Behaviour::Ends(1));
    let failed = lab.apply(&homelab("pi"), Prune::Nothing);
    assert!(!failed.is_empty());
    let world = lab.nas.world();
    assert!(world.containers.values().all(|c| c.status == Status::Running) && is_whole(&world, DATA));
    assert!(lab.pi.world().containers.values().all(|c| c.status != Status::Running));
    assert!(lab.pi.world().files.is_vacant(DATA), "the copy is taken away");
}
