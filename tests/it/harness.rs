//! What the other tests stand on holds: the engine, the images, the cleaning, the oracle, the proxy.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::engine::Engine;
use crate::support::homelab::{self, Homelab};
use crate::support::proxy::{Proxy, Verdict};
use crate::support::trial::{Trial, trial};
use crate::support::{compose, http, image, prefix};

pub const TRIALS: &[Trial] = &[
    trial!(prefixes_tell_their_owner),
    trial!(hl_runs_in_a_repository_of_its_own),
    trial!(images_are_the_same_bytes_each_time, needs Engine),
    trial!(images_have_the_config_that_was_asked_for, needs Engine),
    trial!(the_engine_is_not_the_machines_own, needs Engine),
    trial!(an_engine_comes_back_and_leaves_nothing, needs Engine, Root),
    trial!(a_web_service_becomes_healthy_and_is_reachable, needs Engine),
    trial!(nothing_of_a_test_is_left, needs Engine, Compose),
    trial!(leftovers_of_a_dead_process_are_removed, needs Engine),
    trial!(the_proxy_records_what_compose_asks, needs Engine, Compose),
    trial!(the_read_only_proxy_refuses_to_write, needs Engine, Compose),
    trial!(the_proxy_passes_streams_and_upgrades, needs Engine, Compose),
    trial!(the_proxy_hangs_up, needs Engine, Compose),
];

const WEB: &str = "services:\n  web:\n    image: hl-test/web:1\n    volumes: [data:/data]\nvolumes: { data: }\n";

fn prefixes_tell_their_owner() {
    prefix::round_trip();
}

fn hl_runs_in_a_repository_of_its_own() {
    let lab = Homelab::without_engine();
    lab.write("services/sample-lab-web/healthcheck.sh", "#!/bin/sh\nexit 0\n");
    let script = lab.repository().join("services").join(lab.name("sample-lab-web")).join("healthcheck.sh");
    assert!(script.exists(), "{}", script.display());
    let outcome = lab.hl(&["--version"]);
    outcome.code(0).says(concat!("hl ", env!("CARGO_PKG_VERSION"))).never_says("sample-lab");
}

fn images_are_the_same_bytes_each_time() {
    let busybox = image::read_busybox().expect("where the engine is, busybox-static is");
    let make = || image::archive(&busybox, &image::catalog()).expect("the images can be made");
    assert!(make() == make(), "two archives of one busybox differ");
}

fn images_have_the_config_that_was_asked_for() {
    let engine = Engine::connect();
    for wanted in image::catalog() {
        let found = &engine.get(&format!("/images/{}/json", wanted.name))["Config"];
        for (key, value) in wanted.config.as_object().expect("a config is a map") {
            assert_eq!(&found[key], value, "{key} of {}", wanted.name);
        }
    }
}

fn the_engine_is_not_the_machines_own() {
    let engine = Engine::connect();
    let own = Path::new("/var/run/docker.sock");
    assert_ne!(engine.socket(), own);
    let info = engine.get("/info");
    let root = info["DockerRootDir"].as_str().expect("an engine has a root");
    assert!(engine.socket().parent().is_some_and(|folder| Path::new(root).starts_with(folder)), "{root}");
    // Its bridge is in the network of this test, and nothing is there that leads out of it.
    let subnet = &engine.get("/networks/bridge")["IPAM"]["Config"][0]["Subnet"];
    let subnet = subnet.as_str().and_then(|subnet| subnet.strip_suffix(".0/24")).expect("a bridge has a subnet");
    let addresses = std::fs::read_to_string("/proc/self/net/fib_trie").expect("a network has routes");
    assert!(addresses.contains(subnet), "{subnet} is not in\n{addresses}");
    let devices = std::fs::read_to_string("/proc/self/net/dev").expect("a network has devices");
    let devices = devices.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    // Docker's, and those of the fleet that another test may have at the moment.
    let made_here = |name: &str| ["docker", "br-", "veth", "hlfleet"].iter().any(|prefix| name.starts_with(prefix));
    let foreign: Vec<&str> = devices.filter(|name| *name != "lo" && !made_here(name)).collect();
    assert_eq!(foreign, [""; 0]);
}

fn an_engine_comes_back_and_leaves_nothing() {
    let lab = Homelab::without_engine();
    let folder = lab.scratch("engine");
    let script = |verb: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/engine.sh");
        let output = Command::new(script).arg(verb).arg(&folder).output().expect("the script runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let docker = |method: &str, path: &str, body: &str| {
        let answer = http::request(&folder.join("docker.sock"), method, path, "application/json", body.as_bytes());
        answer.expect("the engine answers").status
    };
    assert_eq!(script("start"), (true, String::new()));
    assert_eq!(docker("POST", "/volumes/create", r#"{"Name": "kept"}"#), 201);
    assert_eq!(script("kill"), (true, String::new()));
    assert!(!script("status").0);
    assert_eq!(script("start"), (true, String::new()));
    assert_eq!(docker("GET", "/volumes/kept", ""), 200);
    assert_eq!(script("stop"), (true, String::new()));
    assert!(!folder.exists() && !folder.with_extension("lock").exists());
    let names_folder = |process: &Path| {
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy())
    };
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten().map(|entry| entry.path());
    let left: Vec<_> = processes.filter(|process| names_folder(process)).collect();
    assert!(left.is_empty(), "{left:?}");
    let cgroups = Command::new("find").args(["/sys/fs/cgroup", "-name", "hl-test-*"]).output().expect("find runs");
    let name = folder.to_string_lossy().replace('/', "-");
    assert!(!String::from_utf8_lossy(&cgroups.stdout).contains(&name), "a cgroup is left");
}

fn a_web_service_becomes_healthy_and_is_reachable() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let name = lab.name("sample-lab-web");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let port = port.port().to_string();
    let body = json!({
        "Image": "hl-test/web:2", "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}},
    });
    engine.post(&format!("/containers/create?name={name}"), &body);
    engine.post(&format!("/containers/{name}/start"), &json!(null));
    engine.wait_for(&name, "healthy", |found| found["State"]["Health"]["Status"] == "healthy");
    let page = get_page(&port);
    assert!(page.contains("it works"), "{page}");
    assert_eq!(engine.exec(&name, &["sh", "-c", "echo $WEB_VERSION; exit 7"]), (7, "2\n".to_owned()));
    let started = std::time::Instant::now();
    engine.post(&format!("/containers/{name}/stop?t=20"), &json!(null));
    assert!(started.elapsed().as_secs() < 10, "the web image does not stop when it is told to");
    engine.delete(&format!("/containers/{name}"));
    assert!(engine.inspect(&name).is_null());
}

fn nothing_of_a_test_is_left() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    lab.write("services/sample-lab-web/docker-compose.yml", WEB);
    compose::run(&lab, "sample-lab-web", &engine.address(), &["up", "-d"]).code(0);
    let mine = lab.name("sample-lab");
    assert_eq!(engine.containers(&mine), [lab.name("sample-lab-web-web-1")]);
    assert_eq!(engine.owned(|name| name.starts_with(&mine)).len(), 3, "a container, a network, a volume");
    // A failing test unwinds, and what it made goes all the same.
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _lab = lab;
        std::panic::resume_unwind(Box::new("a test that fails"));
    }));
    assert!(failed.is_err());
    assert_eq!(engine.owned(|name| name.starts_with(&mine)), [""; 0]);
    assert_eq!(homelab::folder_of(&mine), None);
}

fn leftovers_of_a_dead_process_are_removed() {
    let engine = Engine::connect();
    // The highest number a process can have, and one more: nobody's.
    let dead = "hlt2hwch00";
    engine.post("/volumes/create", &json!({"Name": format!("{dead}-data")}));
    let living = Homelab::on(&engine);
    let kept = living.name("sample-lab-data");
    engine.post("/volumes/create", &json!({"Name": kept}));
    Engine::connect();
    assert_eq!(engine.owned(|name| name.starts_with(dead)), [""; 0]);
    assert_eq!(engine.owned(|name| name == kept).len(), 1, "what a living test made stays");
}

fn the_proxy_records_what_compose_asks() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let proxy = Proxy::start(engine.socket(), &lab.scratch("proxy.sock"), |_| Verdict::Forward).expect("a proxy");
    lab.write("services/sample-lab-web/docker-compose.yml", WEB);
    compose::run(&lab, "sample-lab-web", &proxy.address(), &["create"]).code(0);
    let requests = proxy.requests();
    let creates: Vec<_> = requests.iter().filter(|request| request.call() == "POST /containers/create").collect();
    assert_eq!(creates.len(), 1, "{:#?}", requests.iter().map(|request| request.call()).collect::<Vec<_>>());
    assert!(creates[0].path.contains(&format!("name={}", lab.name("sample-lab-web-web-1"))), "{}", creates[0].path);
    assert_eq!(creates[0].json()["Image"], "hl-test/web:1");
    let volume = requests.iter().find(|request| request.call() == "POST /volumes/create").expect("a volume is made");
    assert_eq!(volume.json()["Name"], lab.name("sample-lab-web_data"));
}

fn the_read_only_proxy_refuses_to_write() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let proxy = Proxy::read_only(engine.socket(), &lab.scratch("proxy.sock")).expect("a proxy");
    lab.write("services/sample-lab-web/docker-compose.yml", WEB);
    compose::run(&lab, "sample-lab-web", &proxy.address(), &["ps", "-a"]).code(0);
    assert!(proxy.requests().iter().all(|request| request.is_read()), "ps only looks");
    let refused = compose::run(&lab, "sample-lab-web", &proxy.address(), &["create"]);
    assert!(refused.code != 0 && refused.stderr.contains("the test proxy refuses POST"), "{refused}");
    assert!(proxy.requests().iter().any(|request| !request.is_read()), "the refused request is in the record");
    assert_eq!(engine.owned(|name| name.starts_with(&lab.name("sample-lab"))), [""; 0]);
}

fn the_proxy_passes_streams_and_upgrades() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let proxy = Proxy::start(engine.socket(), &lab.scratch("proxy.sock"), |_| Verdict::Forward).expect("a proxy");
    lab.write(
        "services/sample-lab-talk/docker-compose.yml",
        "services:\n  talk:\n    image: hl-test/app:1\n    command: [sh, -c, 'echo first; exec pause']\n",
    );
    let talk = |arguments: &[&str]| compose::run(&lab, "sample-lab-talk", &proxy.address(), arguments);
    talk(&["up", "-d"]).code(0);
    talk(&["exec", "-T", "talk", "sh", "-c", "echo through exec; exit 3"]).code(3).says("through exec\n");
    talk(&["logs", "--no-log-prefix"]).code(0).says("first\n");
    talk(&["cp", "talk:/etc/passwd", "-"]).code(0).says("app:x:1000");
    talk(&["run", "--rm", "talk", "echo", "through attach"]).code(0).says("through attach");
    let calls: Vec<String> = proxy.requests().iter().map(|request| request.call()).collect();
    assert!(calls.iter().any(|call| call.starts_with("POST /exec/") && call.ends_with("/start")), "{calls:#?}");
    assert!(calls.iter().any(|call| call.ends_with("/attach")), "{calls:#?}");
}

fn the_proxy_hangs_up() {
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let judge = |request: &_| match crate::support::proxy::Request::call(request).as_str() {
        "POST /containers/create" => Verdict::HangUp,
        _ => Verdict::Forward,
    };
    let proxy = Proxy::start(engine.socket(), &lab.scratch("proxy.sock"), judge).expect("a proxy");
    lab.write("services/sample-lab-web/docker-compose.yml", WEB);
    let outcome = compose::run(&lab, "sample-lab-web", &proxy.address(), &["create"]);
    assert!(outcome.code != 0, "{outcome}");
    assert_eq!(engine.containers(&lab.name("sample-lab")), [""; 0]);
}

/// Asks for the page at a port of this machine, in the way of a browser that knows no more than HTTP/1.0.
fn get_page(port: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).expect("the port is published");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("the server reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("the server answers");
    page
}
