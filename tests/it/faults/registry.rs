//! Registries that do not answer, answer late, or send something else than they were asked for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::registry::{Access, Registry};
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(a_registry_that_is_down_keeps_what_runs, needs Engine, Registry),
    trial!(a_registry_that_is_slow_is_waited_for, needs Engine, Registry),
    trial!(a_registry_that_lies_is_not_believed, needs Engine, Registry),
];

/// A service of one container, which runs from a local image; its next version is in a registry.
struct Pulled {
    lab: Homelab,
    engine: Engine,
    registry: Option<Registry>,
    /// The name of the next version's image.
    image: String,
    digest: String,
}

impl Pulled {
    fn new() -> Pulled {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        let registry = Registry::start(&lab.scratch("registry"), Access::Open);
        let name = lab.name("sample-lab-app");
        let digest = registry.publish(&engine, "hl-test/app:2", &name, "2");
        let image = format!("{}/{name}:2", registry.host());
        let pulled = Pulled { lab, engine, registry: Some(registry), image, digest };
        pulled.declare("hl-test/app:1");
        pulled.lab.hl(&["apply", "--yes"]).code(0);
        pulled
    }

    fn declare(&self, image: &str) {
        self.lab.write(
            "services/sample-lab-p/docker-compose.yml",
            &format!("services:\n  app: {{ image: \"{image}\", stop_grace_period: 1s }}\n"),
        );
        self.lab.write("services/sample-lab-p/service.yaml", "owner_node: box\n");
    }

    /// An apply of the next version fails, and the old one goes on as if nothing had been.
    #[track_caller]
    fn fails_and_the_old_one_stays(&self, image: &str) {
        let before = self.lab.lives();
        self.declare(image);
        let ended = self.lab.hl(&["apply", "--yes"]);
        ended.code(4).says_in_words("Not everything was done").says("pull");
        assert_eq!(self.lab.lives(), before, "{ended}");
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(2);
    }

    #[track_caller]
    fn succeeds(&self, image: &str) {
        self.declare(image);
        self.lab.hl(&["apply", "--yes"]).code(0);
        self.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
        let live = self.engine.inspect(&self.lab.name("sample-lab-p-app-1"));
        assert!(live["Config"]["Image"] == image && live["State"]["Running"] == true, "{live:#}");
    }
}

fn a_registry_that_is_down_keeps_what_runs() {
    let mut pulled = Pulled::new();
    pulled.registry = None;
    pulled.fails_and_the_old_one_stays(&pulled.image);
    pulled.declare("hl-test/app:1");
    pulled.lab.hl(&["plan", "--detailed-exitcode"]).code(0);
}

/// Passes connections on, and every piece of an answer late.
fn slow(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let here = listener.local_addr().expect("it has an address").to_string();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&to) else { return };
            let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { return };
            thread::spawn(move || pass(from_client, to_server, Duration::ZERO));
            thread::spawn(move || pass(server, client, Duration::from_millis(700)));
        }
    });
    here
}

fn pass(mut from: TcpStream, mut to: TcpStream, pause: Duration) {
    let mut buffer = vec![0; 1 << 18];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        thread::sleep(pause);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

fn a_registry_that_is_slow_is_waited_for() {
    let pulled = Pulled::new();
    let host = pulled.registry.as_ref().expect("it runs").host().to_owned();
    let image = pulled.image.replace(&host, &slow(host.clone()));
    pulled.succeeds(&image);
    pulled.engine.delete(&format!("/images/{image}"));
}

fn a_registry_that_lies_is_not_believed() {
    let pulled = Pulled::new();
    let repository = pulled.image.trim_end_matches(":2").to_owned();
    let by_digest = format!("{repository}@sha256:{}", pulled.digest);
    let blobs = pulled.lab.scratch("registry/images/docker/registry/v2/blobs/sha256");
    let manifest = blobs.join(&pulled.digest[..2]).join(&pulled.digest).join("data");
    let whole = std::fs::read(&manifest).expect("it was pushed");
    // The manifest that comes is not the one of that digest.
    let other = String::from_utf8_lossy(&whole).replacen("application/", "application/ ", 1);
    std::fs::write(&manifest, other).expect("it can be written");
    pulled.fails_and_the_old_one_stays(&by_digest);
    std::fs::write(&manifest, &whole).expect("it can be written");
    pulled.succeeds(&by_digest);
}
