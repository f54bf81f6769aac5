//! An engine behind TLS: containers alone, and only for those who prove who they are.

use std::path::Path;

use crate::support::fleet::{Build, Fleet, Listens};
use crate::support::homelab::Homelab;
use crate::support::outcome::Outcome;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(an_engine_behind_tls_runs_what_needs_no_files, needs Engine, Root),
    trial!(who_does_not_prove_who_they_are_is_refused, needs Engine, Root),
];

/// A homelab on one node, `nas`, of which the engine's port is all that is used.
struct Port {
    fleet: Fleet,
    lab: Homelab,
}

impl Port {
    fn new() -> Port {
        let lab = Homelab::without_engine();
        let fleet = Fleet::start(&lab, &[("nas", Build { listens: Listens::Tls, ..Build::default() })]);
        let port = Port { fleet, lab };
        port.reached_at(&format!("tcp://{}:2376", port.fleet.node("nas").address()));
        let compose = "name: bare\nservices: { bare: { image: \"hl-test/web:1\", stop_grace_period: 1s } }\n";
        port.lab.write("services/bare/docker-compose.yml", compose);
        port.lab.write("services/bare/service.yaml", "owner_node: nas\n");
        port
    }

    fn reached_at(&self, address: &str) {
        let node = format!("nas: {{ address: \"{address}\", connect_timeout: 5s, undeclared: ignore }}");
        self.lab.write("inventory/topology.yaml", &format!("version: 1\nname: home\nnodes:\n  {node}\n"));
    }

    /// Gives whoever runs hl the certificates of a folder, for `nas` alone.
    fn give(&self, from: &Path) {
        let own = self.lab.home().join(".docker/nas");
        std::fs::create_dir_all(&own).expect("a folder can be made");
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            std::fs::copy(from.join(file), own.join(file)).expect("it can be copied");
        }
    }

    fn hl(&self, arguments: &[&str]) -> Outcome {
        self.lab.hl(arguments)
    }
}

fn an_engine_behind_tls_runs_what_needs_no_files() {
    let port = Port::new();
    port.give(&port.fleet.node("nas").client_certificate("ann"));
    port.lab.write(
        "services/files/docker-compose.yml",
        "name: files\nservices: { files: { image: \"hl-test/web:1\", volumes: [\"./www:/www\"] } }\n",
    );
    port.lab.write("services/files/www/index.html", "hello\n");
    port.lab.write("services/files/service.yaml", "owner_node: nas\n");
    port.lab.write(
        "services/script/docker-compose.yml",
        "name: script\nservices: { script: { image: \"hl-test/web:1\" } }\n",
    );
    port.lab.write("services/script/service.yaml", "owner_node: nas\n");
    port.lab.write("services/script/healthcheck.sh", "#!/bin/sh\n");
    port.hl(&["plan"])
        .code(3)
        .says("nas/bare/container:bare")
        .talks("hl cannot write /opt/homelab/config/files on `nas`, so `files` is not planned")
        .talks("hl cannot run services/script/healthcheck.sh on `nas`, so `script` is not planned")
        .talks("tcp:// reaches only its engine; an `address` of ssh:// reaches its files and runs scripts");
    port.hl(&["apply", "--yes"]).code(3).says("nas/bare");
    assert_eq!(port.fleet.node("nas").engine().containers(""), ["bare-bare-1"]);
    port.hl(&["plan", "--exclude", "files", "--exclude", "script", "--detailed-exitcode"]).code(0).says("No changes");
    port.hl(&["verify", "bare"]).code(0);
    port.hl(&["unlock"]).code(0).says("nas: has no lock, only its engine can be reached");
}

fn who_does_not_prove_who_they_are_is_refused() {
    let port = Port::new();
    let nas = port.fleet.node("nas");
    let refused = || port.hl(&["plan"]);
    refused()
        .code(3)
        .says_in_words("ca.pem: no such file")
        .says_in_words("are looked for in")
        .says_in_words("[LAB]/home/.docker/nas if it is there");

    // Signed by somebody else.
    let stranger = crate::support::authority::Authority::new(&port.lab.scratch("stranger"));
    let certificate = stranger.sign("eve", "extendedKeyUsage=clientAuth");
    port.give(&certificate);
    refused().code(3).says_in_words("signed by the authority in ca.pem");
    let own = nas.client_certificate("ann");
    std::fs::copy(own.join("ca.pem"), certificate.join("ca.pem")).expect("it can be copied");
    port.give(&certificate);
    // The engine says so when the first request is on its way, or before.
    for _ in 0..20 {
        refused().code(3).says_in_words("it does not accept cert.pem");
    }

    // A key that is not the certificate's, and a name that is not the host's.
    let other = nas.client_certificate("bob");
    std::fs::copy(other.join("key.pem"), own.join("key.pem")).expect("it can be copied");
    port.give(&own);
    refused().code(3).says_in_words("nas: unknown");
    port.give(&other);
    port.reached_at("tcp://localhost:2376");
    refused().code(3).says_in_words("does the engine listen there");
    port.reached_at(&format!("tcp://{}:22", nas.address()));
    refused().code(3).says_in_words("does not speak TLS");
    port.reached_at(&format!("tcp://{}:2376", nas.address()));
    refused().code(0).says_in_words("nas/bare/container:bare");

    nas.cut();
    refused().code(3).says_in_words("no answer within 5 s").never_says("create");
    nas.mend();
}
