//! Asking many nodes at once: what cannot be read is unknown, and stops nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hl::model::NodeName;
use hl::model::homelab::{Maintenance, Node as DeclaredNode, NodeAddress};
use hl::model::view::{NodeView, WantContent, Wanted};
use hl::node::{NodeError, Options, Script, ScriptEnd, refresh};

use crate::support::door::Door;
use crate::support::engine::Engine;
use crate::support::proxy::{Proxy, Request, Verdict};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_refresh_only_reads, needs Engine),
    trial!(what_vanishes_meanwhile_is_left_out, needs Engine),
    trial!(a_node_that_cannot_be_read_is_unknown_and_stops_nothing, needs Engine),
    trial!(scripts_speak_to_the_engine_of_their_node, needs Engine),
];

const APP: &str = "hl-test/app:1";

#[track_caller]
fn done<T>(result: Result<T, NodeError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn a_refresh_only_reads() {
    let door = Door::open();
    for service in ["app", "db"] {
        door.create(&door.spec(service, APP));
    }
    let file = door.lab.scratch("file");
    std::fs::write(&file, "content").expect("a file can be written");
    let engine = Engine::connect();
    let socket = door.lab.scratch("proxy.sock");
    let judge = |request: &Request| if request.is_read() { Verdict::Forward } else { Verdict::Refuse(403) };
    let proxy = Proxy::start(engine.socket(), &socket, judge).expect("the proxy listens");
    let mut wanted = Wanted::default();
    wanted.add(file.display().to_string(), WantContent::Yes);
    wanted.add("/nonexistent", WantContent::Yes);
    wanted.add("/tmp", WantContent::No);
    let node = declared("box", NodeAddress::Unix { path: socket.display().to_string() });
    let view = door.run(async {
        let nodes = BTreeMap::from([(node.name.clone(), node.clone())]);
        refresh(&nodes, &Options::default(), BTreeMap::from([(node.name.clone(), wanted)])).await
    });
    let NodeView::Known(live) = &view.nodes[&node.name] else { panic!("{view:?}") };
    assert_eq!(live.files.keys().collect::<Vec<_>>(), ["/tmp", &file.display().to_string()]);
    assert_eq!(live.files[&file.display().to_string()].content.as_deref(), Some(&b"content"[..]));
    let record = proxy.requests();
    assert!(record.iter().all(Request::is_read));
    let calls: Vec<String> = record.iter().map(Request::call).collect();
    let inspects = calls.iter().filter(|call| call.starts_with("GET /containers/") && call.ends_with("/json")).count();
    assert!(inspects > 2, "{calls:?}");
    for slow in ["GET /info", "GET /version"] {
        assert!(!calls.iter().any(|call| call == slow), "{slow} takes long");
    }
    let ids = ["app", "db"].map(|service| door.container(&door.spec(service, APP).name).id);
    for id in ids {
        assert_eq!(calls.iter().filter(|call| **call == format!("GET /containers/{id}/json")).count(), 1);
    }
}

fn what_vanishes_meanwhile_is_left_out() {
    let door = Door::open();
    let [stays, goes] = ["app", "db"].map(|service| door.create(&door.spec(service, APP)));
    let engine = Engine::connect();
    let socket = door.lab.scratch("proxy.sock");
    let path = format!("/containers/{goes}/json");
    let judge = move |request: &Request| match request.path.ends_with(&path) {
        true => Verdict::Refuse(404),
        false => Verdict::Forward,
    };
    let _proxy = Proxy::start(engine.socket(), &socket, judge).expect("the proxy listens");
    let node = declared("box", NodeAddress::Unix { path: socket.display().to_string() });
    let node = done(door.run(hl::node::connect(&node, &Options::default())));
    let live = done(door.run(node.read(&Wanted::default())));
    assert!(live.containers.contains_key(&stays) && !live.containers.contains_key(&goes));
}

pub fn declared(name: &str, address: NodeAddress) -> DeclaredNode {
    DeclaredNode {
        name: NodeName::new(name).expect("a name"),
        address,
        root: "/opt/homelab".to_owned(),
        labels: BTreeMap::new(),
        parallelism: 4,
        maintenance: Maintenance::Off,
        connect_timeout_ms: 10_000,
        undeclared: Default::default(),
        contact: Default::default(),
    }
}

fn a_node_that_cannot_be_read_is_unknown_and_stops_nothing() {
    let door = Door::open();
    let good = Engine::connect();
    // Somebody who listens and never says a word.
    let mute = door.lab.scratch("mute.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&mute).expect("a socket can be made");
    let dying = door.lab.scratch("dying.sock");
    let judge = |request: &Request| match request.path.contains("/networks") {
        true => Verdict::HangUp,
        false => Verdict::Forward,
    };
    let _proxy = Proxy::start(good.socket(), &dying, judge).expect("the proxy listens");
    let unix = |path: &std::path::Path| NodeAddress::Unix { path: path.display().to_string() };
    let nodes = [
        declared("good", unix(good.socket())),
        declared("gone", unix(std::path::Path::new("/nonexistent/docker.sock"))),
        DeclaredNode { connect_timeout_ms: 500, ..declared("mute", unix(&mute)) },
        declared("dying", unix(&dying)),
        declared("far", NodeAddress::Tcp { host: "far.lan".to_owned(), port: 2376 }),
        DeclaredNode { maintenance: Maintenance::On, ..declared("resting", unix(&mute)) },
    ];
    let nodes: BTreeMap<_, _> = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
    let options = Options::default();
    let refreshed = |nodes: &BTreeMap<_, _>| {
        let begun = Instant::now();
        let view = door.run(async { refresh(nodes, &options, BTreeMap::new()).await });
        (view, begun.elapsed())
    };
    let well: BTreeMap<_, _> =
        nodes.iter().filter(|(name, _)| name.as_str() == "good").map(|(n, d)| (n.clone(), d.clone())).collect();
    let (_, usual) = refreshed(&well);
    let (view, took) = refreshed(&nodes);
    assert!(took < Duration::from_secs(5) + usual * 20, "{took:?} where a node that is well takes {usual:?}");
    let told = |name: &str| match &view.nodes[name] {
        NodeView::Known(_) => "known".to_owned(),
        NodeView::Maintenance => "in maintenance".to_owned(),
        NodeView::Unknown { why, hint } => door.lab.stand_in(&format!("{why} ({hint})")),
    };
    assert_eq!(told("good"), "known");
    assert_eq!(told("resting"), "in maintenance");
    assert_eq!(
        told("gone"),
        "cannot connect to unix:///nonexistent/docker.sock: no such file \
         (is the Docker engine running? Try `systemctl status docker`)"
    );
    assert_eq!(told("mute"), "connect to unix://[LAB]/mute.sock: no answer within 500 ms ()");
    assert!(told("dying").starts_with("list networks: the connection was lost: "), "{}", told("dying"));
    assert_eq!(told("far"), "connect to tcp://far.lan:2376: there is no folder for certificates: no home ()");
}

fn scripts_speak_to_the_engine_of_their_node() {
    let door = Door::open();
    let script = Script {
        text: "#!/bin/bash\n[[ $DOCKER_HOST == unix://* ]] && echo \"$DOCKER_HOST\" && exit 7".to_owned(),
        directory: "/tmp".to_owned(),
        environment: BTreeMap::new(),
        timeout: Duration::from_secs(10),
    };
    let outcome = done(door.run(door.node.run_script(&script)));
    assert_eq!((outcome.end, outcome.output), (ScriptEnd::Exited(7), vec![Engine::connect().address()]));
}
