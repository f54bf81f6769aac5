//! Each primitive of a node does on a real engine what it says, and what it cannot do it says in the engine's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hl::model::Field;
use hl::model::homelab::NodeAddress;
use hl::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerRef, ContainerSpec, CopiedFile, ImageRef, NetworkMode,
    NetworkSpec, PidMode, Port, RestartPolicy,
};
use hl::model::value::Text;
use hl::model::view::Status;
use hl::node::{Advance, ErrorKind, NodeError, Options};

use crate::node_refresh::declared;
use crate::node_specs::names;
use crate::support::door::Door;
use crate::support::engine::Engine;
use crate::support::registry::{Access, Registry};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(anonymous_volumes_are_taken_over_and_do_not_leak, needs Engine),
    trial!(a_container_that_cannot_be_completed_is_removed, needs Engine),
    trial!(a_life_of_a_container, needs Engine),
    trial!(a_stop_waits_for_the_grace_period, needs Engine),
    trial!(limits_change_while_it_runs, needs Engine),
    trial!(networks_change_while_it_runs, needs Engine),
    trial!(an_end_of_a_network_that_is_gone_is_repaired, needs Engine),
    trial!(failures_have_names, needs Engine),
    trial!(logs_come_with_and_without_a_terminal, needs Engine),
    trial!(images_are_built, needs Engine),
    trial!(a_build_that_fails_says_why, needs Engine),
    trial!(a_pull_that_fails_says_why, needs Engine),
    trial!(images_are_pulled_and_counted, needs Engine, Registry),
    trial!(a_locked_registry_takes_the_clients_credentials, needs Engine, Registry),
];

const PLAIN: &str = "hl-test/plain:1";
const RICH: &str = "hl-test/rich:1";
const APP: &str = "hl-test/app:1";

#[track_caller]
fn done<T>(result: Result<T, NodeError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn anonymous_volumes_are_taken_over_and_do_not_leak() {
    let door = Door::open();
    let old = ContainerSpec { name: door.name("old"), user: Some("root".into()), ..door.spec("app", RICH) };
    door.create(&old);
    done(door.run(door.node.start_container(&old.name)));
    Engine::connect().exec(&old.name, &["sh", "-c", "echo kept > /data/file"]);
    let inherited_volumes = door.container(&old.name).anonymous_volumes;
    assert_eq!(inherited_volumes.keys().collect::<Vec<_>>(), ["/data"]);

    let new = ContainerSpec { name: door.name("new"), ..old.clone() };
    door.create_with(&new, &inherited_volumes);
    done(door.run(door.node.remove_container(&old.name, AnonymousVolumes::Keep)));
    done(door.run(door.node.start_container(&new.name)));
    let (_, output) = Engine::connect().exec(&new.name, &["cat", "/data/file"]);
    assert_eq!(output, "kept\n");
    let live = door.container(&new.name);
    assert_eq!(live.anonymous_volumes, inherited_volumes);
    assert_eq!(live.spec.mounts, door.spec("app", RICH).with_image(&image(&door, &live.image_id)).mounts);

    done(door.run(door.node.remove_container(&new.name, AnonymousVolumes::Remove)));
    assert!(!door.live().volumes.contains_key(&inherited_volumes["/data"]), "the volume was left behind");
}

fn image(door: &Door, id: &str) -> hl::model::spec::ImageConfig {
    door.live().images[id].config.clone().expect("a used image was inspected")
}

fn a_container_that_cannot_be_completed_is_removed() {
    let door = Door::open();
    let front = door.name("front");
    done(door.run(door.node.create_network(&NetworkSpec { name: front.clone(), ..Default::default() })));
    let spec = door.spec("app", APP);
    let on = |names: &[&str]| ContainerSpec {
        network_mode: NetworkMode::Networks,
        networks: names.iter().map(|name| ((*name).to_owned(), Attachment::default())).collect(),
        ..spec.clone()
    };
    let missing = door.name("zz-missing");
    let file = CopiedFile { content: Text::plain("x"), uid: 0, gid: 0, mode: 0o444 };
    let read_only =
        ContainerSpec { read_only: true, files: BTreeMap::from([("/etc/x".to_owned(), file)]), ..spec.clone() };
    let no_peer = ContainerSpec { pid: PidMode::Container(ContainerRef::Service("nobody".to_owned())), ..spec.clone() };
    for (spec, word) in [(on(&[&front, &missing]), &missing[..]), (read_only, "read-only"), (no_peer, "nobody")] {
        let none = BTreeMap::new();
        let new = hl::node::NewContainer { name: &spec.name, spec: &spec, peers: &none, inherited_volumes: &none };
        let error = door.run(door.node.create_container(&new)).expect_err(word);
        assert!(error.to_string().contains(word), "{error}");
        assert!(!door.live().containers.values().any(|c| c.name == spec.name), "{error}: something was left behind");
    }
}

fn a_life_of_a_container() {
    let door = Door::open();
    let spec = door.spec("app", APP);
    let status = |name: &str| door.container(name).status;
    let id = door.create(&spec);
    assert_eq!((status(&spec.name), door.container(&spec.name).started_at), (Status::Created, String::new()));
    for _ in 0..2 {
        done(door.run(door.node.start_container(&id)));
        assert_eq!(status(&spec.name), Status::Running);
    }
    Engine::connect().post(&format!("/containers/{id}/pause"), &serde_json::Value::Null);
    assert_eq!(status(&spec.name), Status::Paused);
    for _ in 0..2 {
        done(door.run(door.node.unpause_container(&id)));
        assert_eq!(status(&spec.name), Status::Running);
    }
    let started = door.container(&spec.name).started_at;
    done(door.run(door.node.restart_container(&id)));
    assert_ne!(door.container(&spec.name).started_at, started);
    for _ in 0..2 {
        done(door.run(door.node.stop_container(&id)));
        assert_eq!(status(&spec.name), Status::Exited { code: 0 });
    }
    let other = door.name("other");
    done(door.run(door.node.rename_container(&id, &other)));
    assert_eq!(door.container(&other).id, id);
    for _ in 0..2 {
        done(door.run(door.node.remove_container(&id, AnonymousVolumes::Remove)));
    }
}

fn a_stop_waits_for_the_grace_period() {
    let door = Door::open();
    let spec = ContainerSpec { stop_grace_period: Some(2), ..door.spec("app", PLAIN) };
    door.create(&spec);
    done(door.run(door.node.start_container(&spec.name)));
    let begun = Instant::now();
    done(door.run(door.node.stop_container(&spec.name)));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(door.container(&spec.name).status, Status::Exited { code: 137 });
}

fn limits_change_while_it_runs() {
    let door = Door::open();
    let base = door.spec("app", APP);
    door.create(&base);
    done(door.run(door.node.start_container(&base.name)));
    let mib = |n: i64| Some(n << 20);
    let steps = [
        // A limit where there was none, with no word about swap.
        ContainerSpec { mem_limit: mib(64), restart: RestartPolicy::Always, ..base.clone() },
        // More than memory and swap were together.
        ContainerSpec { mem_limit: mib(192), restart: RestartPolicy::OnFailure(3), ..base.clone() },
        // A raised limit and swap without end at once, which some kernels take only one after the other.
        ContainerSpec { mem_limit: mib(512), memswap_limit: Some(-1), ..base.clone() },
        ContainerSpec { mem_limit: mib(256), memswap_limit: mib(256), mem_reservation: mib(32), ..base.clone() },
        ContainerSpec {
            mem_limit: mib(256),
            memswap_limit: mib(256),
            mem_reservation: mib(32),
            nano_cpus: Some(500_000_000),
            cpu_shares: Some(512),
            cpuset: Some("0".to_owned()),
            pids_limit: Some(50),
            ..base.clone()
        },
    ];
    let id = door.container(&base.name).id;
    for spec in &steps {
        done(door.run(door.node.update_container(&base.name, spec)));
        let live = door.container(&base.name);
        assert_eq!((live.id.as_str(), live.status), (id.as_str(), Status::Running));
        for (field, value) in spec.fields().iter() {
            assert_eq!(live.spec.fields().get(field), Some(value), "{field}");
        }
    }
    let cleared = ContainerSpec { pids_limit: None, ..steps[4].clone() };
    done(door.run(door.node.update_container(&base.name, &cleared)));
    let pids = Field::parse("pids_limit").expect("a field");
    assert_eq!(door.container(&base.name).spec.fields().get(&pids), None);
}

fn on_network(spec: ContainerSpec, network: &str) -> ContainerSpec {
    let end = Attachment { aliases: names(&spec, &[]), ..Default::default() };
    ContainerSpec { network_mode: NetworkMode::Networks, networks: BTreeMap::from([(network.to_owned(), end)]), ..spec }
}

fn networks_change_while_it_runs() {
    let door = Door::open();
    let [front, back] = ["front", "back"].map(|name| door.name(name));
    for name in [&front, &back] {
        done(door.run(door.node.create_network(&NetworkSpec { name: name.clone(), ..Default::default() })));
    }
    let spec = on_network(door.spec("app", APP), &front);
    door.create(&spec);
    done(door.run(door.node.start_container(&spec.name)));
    let aliases =
        |name: &str, network: &str| door.container(name).spec.networks.get(network).map(|end| end.aliases.clone());
    let end = Attachment { aliases: names(&spec, &["more"]), ..Default::default() };
    done(door.run(door.node.connect_network(&spec.name, &back, &end)));
    assert_eq!(aliases(&spec.name, &back), Some(end.aliases.clone()));
    done(door.run(door.node.disconnect_network(&spec.name, &back)));
    assert_eq!(aliases(&spec.name, &back), None);
    // Somebody takes it off and puts it back by hand: nobody finds it by its service's name any more, and that shows.
    let engine = Engine::connect();
    let container = serde_json::json!({"Container": spec.name});
    engine.post(&format!("/networks/{front}/disconnect"), &container);
    engine.post(&format!("/networks/{front}/connect"), &container);
    assert_eq!(aliases(&spec.name, &front), Some(BTreeSet::new()));
    done(door.run(door.node.disconnect_network(&spec.name, &front)));
    done(door.run(door.node.connect_network(&spec.name, &front, &spec.networks[&front])));
    assert_eq!(aliases(&spec.name, &front), Some(names(&spec, &[])));
    let error = door.run(door.node.connect_network(&spec.name, &front, &end)).expect_err("it is there");
    assert!(error.to_string().contains("already exists in network"), "{error}");
}

fn an_end_of_a_network_that_is_gone_is_repaired() {
    let door = Door::open();
    let front = door.name("front");
    let network = NetworkSpec { name: front.clone(), ..Default::default() };
    let old = done(door.run(door.node.create_network(&network)));
    let spec = on_network(door.spec("app", APP), &front);
    door.create(&spec);
    done(door.run(door.node.start_container(&spec.name)));
    done(door.run(door.node.stop_container(&spec.name)));
    done(door.run(door.node.remove_network(&old)));
    done(door.run(door.node.remove_network(&old)));
    assert_eq!(door.container(&spec.name).stale_networks, BTreeMap::from([(front.clone(), old.clone())]));
    done(door.run(door.node.create_network(&network)));
    assert_eq!(door.container(&spec.name).stale_networks, BTreeMap::from([(front.clone(), old.clone())]));
    let error = door.run(door.node.start_container(&spec.name)).expect_err("it wants the old network");
    assert!(error.to_string().contains("not found"), "{error}");
    done(door.run(door.node.disconnect_network(&spec.name, &old)));
    done(door.run(door.node.connect_network(&spec.name, &front, &spec.networks[&front])));
    done(door.run(door.node.start_container(&spec.name)));
    let live = door.container(&spec.name);
    assert_eq!((live.stale_networks, live.status), (BTreeMap::new(), Status::Running));
}

fn failures_have_names() {
    let door = Door::open();
    let port = Port { target: 80, protocol: "tcp".into(), host_ip: String::new(), published: "18090".into() };
    let published = |service: &str| ContainerSpec {
        network_mode: NetworkMode::Bridge,
        ports: [port.clone()].into(),
        ..door.spec(service, APP)
    };
    let (first, second) = (published("app"), published("db"));
    door.create(&first);
    done(door.run(door.node.start_container(&first.name)));
    door.create(&second);
    let error = door.run(door.node.start_container(&second.name)).expect_err("the port is taken");
    assert!(matches!(error.kind, ErrorKind::Conflict(_)), "{error:?}");
    let none = BTreeMap::new();
    let create = |spec: &ContainerSpec| {
        let new = hl::node::NewContainer { name: &spec.name, spec, peers: &none, inherited_volumes: &none };
        door.run(door.node.create_container(&new)).expect_err("it cannot be made").kind
    };
    assert!(matches!(create(&first), ErrorKind::Conflict(_)));
    let unknown = ContainerSpec { image: ImageRef::new("hl-test/none:1"), ..door.spec("none", APP) };
    assert!(matches!(create(&unknown), ErrorKind::NotFound(_)));
    let error = door.run(door.node.start_container("sample-none")).expect_err("there is none");
    assert!(error.is_not_found() && error.to_string().starts_with("box: start container sample-none: "), "{error}");
    let network = NetworkSpec { name: door.name("front"), ..Default::default() };
    done(door.run(door.node.create_network(&network)));
    let error = door.run(door.node.create_network(&network)).expect_err("there is one");
    assert!(matches!(error.kind, ErrorKind::Conflict(_)), "{error:?}");
}

fn logs_come_with_and_without_a_terminal() {
    let door = Door::open();
    for (service, tty) in [("app", false), ("db", true)] {
        let words = ["/bin/sh", "-c", "echo one; echo two >&2; echo three"];
        let command = Some(words.map(Text::plain).to_vec());
        let spec = ContainerSpec { command, tty, ..door.spec(service, APP) };
        door.create(&spec);
        done(door.run(door.node.start_container(&spec.name)));
        Engine::connect().wait_for(&spec.name, "done", |c| c["State"]["Status"] == "exited");
        let log = |lines| done(door.run(door.node.container_log(&spec.name, lines)));
        // The engine may still be copying what a container wrote that has ended.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while log(10).len() < 3 && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        // The two outputs are read by two threads of the engine, so their order is nobody's promise.
        let mut all = log(10);
        all.sort();
        assert_eq!(all, ["one", "three", "two"], "{service}");
        assert_eq!(log(2).len(), 2, "{service}");
    }
}

fn images_are_built() {
    let door = Door::open();
    let context = door.lab.scratch("context");
    std::fs::create_dir_all(context.join("sub")).expect("a folder can be made");
    let write = |name: &str, text: &str| std::fs::write(context.join(name), text).expect("a file can be written");
    write(
        "Dockerfile",
        "FROM hl-test/plain:1 AS first\nARG WORD=none\nCOPY . /ctx\nRUN echo $WORD > /word\nFROM scratch\n",
    );
    write(".dockerignore", "*.secret\nDockerfile\n");
    write("keep", "keep");
    write("a.secret", "no");
    write("sub/file", &"x".repeat(300_000));
    let reference = ImageRef::new(door.name("built:1"));
    let build = BuildSpec {
        context: context.display().to_string(),
        args: BTreeMap::from([("WORD".to_owned(), Some(Text::secret("a word")))]),
        target: Some("first".to_owned()),
        labels: BTreeMap::from([("made.by".to_owned(), Text::plain("a test"))]),
        extra_hosts: vec!["h1:1.2.3.4".to_owned(), "h2:1.2.3.5".to_owned()],
        tags: vec![door.name("also:2")],
        shm_size: Some(3 << 30),
        ..Default::default()
    };
    let told = Mutex::new(Vec::new());
    let tell = |advance: Advance| told.lock().expect("no test panics with it").push(advance.text);
    let id = done(door.run(door.node.build_image(&reference, &build, &tell)));
    assert!(told.lock().expect("no test panics with it").iter().any(|text| text.starts_with("step 1/")));
    let live = door.live();
    for name in [reference.clone(), ImageRef::new(door.name("also:2"))] {
        assert_eq!(live.image(&name).map(|image| image.id.as_str()), Some(id.as_str()));
    }
    let words = ["/bin/sh", "-c", "cat /word; ls /ctx; wc -c </ctx/sub/file"];
    let command = Some(words.map(Text::plain).to_vec());
    let spec = ContainerSpec { image: reference.clone(), command, ..door.spec("app", APP) };
    door.create(&spec);
    done(door.run(door.node.start_container(&spec.name)));
    Engine::connect().wait_for(&spec.name, "done", |c| c["State"]["Status"] == "exited");
    let log = done(door.run(door.node.container_log(&spec.name, 10)));
    assert_eq!(log, ["a word", "keep", "sub", "300000"]);

    let inline = BuildSpec {
        context: context.display().to_string(),
        dockerfile_inline: Some("FROM hl-test/plain:2\nCOPY keep /kept\n".to_owned()),
        no_cache: true,
        ..Default::default()
    };
    let other = done(door.run(door.node.build_image(&reference, &inline, &|_| {})));
    assert_ne!(other, id);
}

fn a_build_that_fails_says_why() {
    let door = Door::open();
    let context = door.lab.scratch("context");
    std::fs::create_dir_all(&context).expect("a folder can be made");
    let reference = ImageRef::new(door.name("built:1"));
    let build = |text: &str, context: &std::path::Path| {
        let context = context.display().to_string();
        let build = BuildSpec { context, dockerfile_inline: Some(text.to_owned()), ..Default::default() };
        door.run(door.node.build_image(&reference, &build, &|_| {})).expect_err("it cannot be built").to_string()
    };
    let error = build("FROM hl-test/plain:1\nRUN echo the reason; exit 3\n", &context);
    assert!(error.contains("returned a non-zero code: 3") && error.contains("the reason"), "{error}");
    let error = build("FROM hl-test/plain:1\nBOGUS\n", &context);
    assert!(error.contains("unknown instruction: BOGUS"), "{error}");
    let error = build("FROM hl-test/plain:1\n", std::path::Path::new("/nonexistent/context"));
    assert!(error.contains("/nonexistent/context"), "{error}");
}

fn a_pull_that_fails_says_why() {
    let door = Door::open();
    let pull = |text: &str| {
        let reference = ImageRef::new(text);
        door.run(door.node.pull_image(&reference, None, &|_| {})).expect_err("there is no registry").to_string()
    };
    let error = pull("127.0.0.1:1/sample/image:1");
    assert!(error.starts_with("box: pull image 127.0.0.1:1/sample/image:1: "), "{error}");
    assert!(error.contains("connection refused"), "{error}");
}

/// Puts an image into a registry and takes it away from the engine.
fn publish(registry: &Registry, name: &str) -> (ImageRef, String) {
    let engine = Engine::connect();
    let id = engine.get(&format!("/images/{APP}/json"))["Id"].as_str().expect("an id").to_owned();
    registry.publish(&engine, APP, name, "1");
    (ImageRef::new(format!("{}/{name}:1", registry.host())), id)
}

fn images_are_pulled_and_counted() {
    let door = Door::open();
    let registry = Registry::start(&door.lab.scratch("registry"), Access::Open);
    let (tagged, id) = publish(&registry, &door.name("app"));
    assert_eq!(door.live().image(&tagged), None);
    let told = Mutex::new(Vec::new());
    let tell = |advance: Advance| told.lock().expect("no test panics with it").push(advance);
    let platform = format!("linux/{}", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" });
    done(door.run(door.node.pull_image(&tagged, Some(&platform), &tell)));
    assert!(!told.into_inner().expect("no test panics with it").is_empty());
    let live = door.live();
    let image = live.image(&tagged).expect("it was pulled");
    assert_eq!(image.id, id);

    // By digest, with and without a tag beside it, as update bots pin images.
    let digest = image.names.iter().find_map(|name| name.split_once('@')).expect("a pulled image has a digest").1;
    Engine::connect().delete(&format!("/images/{tagged}"));
    let pinned = ImageRef::new(format!("{tagged}@{digest}"));
    done(door.run(door.node.pull_image(&pinned, None, &|_| {})));
    assert_eq!(door.live().image(&pinned).map(|image| image.id.as_str()), Some(id.as_str()));
    let spec = ContainerSpec { image: pinned.clone(), ..door.spec("app", APP) };
    door.create(&spec);
    let live = door.container(&spec.name);
    assert_eq!((live.image_id.as_str(), &live.spec.image), (id.as_str(), &pinned));

    let missing = ImageRef::new(format!("{}/{}:9", registry.host(), door.name("none")));
    let error = door.run(door.node.pull_image(&missing, None, &|_| {})).expect_err("there is none");
    assert!(error.is_not_found(), "{error:?}");
}

fn a_locked_registry_takes_the_clients_credentials() {
    let door = Door::open();
    let folder = door.lab.scratch("registry");
    let (path, _) = publish(&Registry::start(&folder, Access::Open), &door.name("app"));
    let registry = Registry::start(&folder, Access::Locked);
    let (_, path) = path.as_str().split_once('/').expect("it has a host");
    let reference = ImageRef::new(format!("{}/{path}", registry.host()));
    let error = door.run(door.node.pull_image(&reference, None, &|_| {})).expect_err("it is locked");
    assert!(matches!(error.kind, ErrorKind::Denied(_)), "{error:?}");
    let config = door.lab.scratch("config.json");
    // `me:pw`, as the client writes it down.
    let text = serde_json::json!({"auths": {registry.host(): {"auth": "bWU6cHc="}}}).to_string();
    std::fs::write(&config, text).expect("a file can be written");
    let address = NodeAddress::Unix { path: Engine::connect().socket().display().to_string() };
    let options = Options { docker_config: Some(config), ..Options::default() };
    let node = done(door.run(hl::node::connect(&declared("box", address), &options)));
    done(door.run(node.pull_image(&reference, None, &|_| {})));
    assert!(door.live().image(&reference).is_some());
}
