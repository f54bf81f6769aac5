//! The door, from a repository in memory to what is said about it.

use std::sync::Arc;

use super::{Repository, Sources, load};
use crate::compose::reader::Memory;
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::model::homelab::{Condition, NodeAddress};

// Tests have whole live views, of which the facts are made as commands make them.
pub(super) use crate::workflow::{engine_states, node_facts};

/// A repository at `/lab`.
pub(super) fn repository(files: &[(&str, &str)]) -> Repository {
    let memory: Memory = files.iter().map(|(path, text)| (format!("/lab/{path}"), *text)).collect();
    Repository::read_by(Arc::new(memory), "/lab", "/lab", None)
}

/// One line a diagnostic: place, severity, code, summary, hint.
pub(super) fn said(diagnostics: &Diagnostics, map: &SourceMap) -> Vec<String> {
    let line = |d: &&crate::diagnostic::Diagnostic| {
        let place = d.labels.first().map(|l| {
            let (line, column) = map.line_column(l.span);
            format!("{}:{line}:{column} ", map.path(l.span.file).display())
        });
        format!("{}{:?} {}: {} ({})", place.unwrap_or_default(), d.severity, d.code, d.summary, d.hint)
    };
    diagnostics.sorted().iter().map(line).collect()
}

fn loaded(files: &[(&str, &str)]) -> (Sources, Vec<String>) {
    let (sources, diagnostics) = load(repository(files));
    let said = said(&diagnostics, &sources.map);
    (sources, said)
}

const COMPOSE: &str = "services: { app: { image: app } }\n";

#[test]
fn a_repository_is_read() {
    let (sources, said) = loaded(&[
        (
            "inventory/topology.yaml",
            "version: 1\nname: home\nvars: { PUID: 022, TZ: Europe/Berlin, ON: true, V: 1.10 }\n\
             nodes:\n  nas: { address: 'ssh://admin@nas.lan', parallelism: 2 }\n\
             services:\n  web: { owner_node: nas, depends_on: [{ service: db, condition: started }] }\n",
        ),
        ("inventory/hosts/pi.yaml", "address: local\nroot: /srv/lab\nvars: { DATA: /srv/data }\nservices: [db]\n"),
        ("services/web/docker-compose.yml", COMPOSE),
        ("services/db/compose.yaml", COMPOSE),
        ("services/db/healthcheck.sh", "true\n"),
        (
            "services/db/service.yaml",
            "health: { interval: 1m30s, retries: 3 }\nenv: { generate: { PW: { length: 20 } } }\n",
        ),
        ("services/db/env.example", "PW=\nUSER=db\n"),
        ("services/README.md", "not a service"),
    ]);
    assert_eq!(said, Vec::<String>::new());
    let vars: Vec<_> = sources.vars.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(vars, ["ON=true", "PUID=022", "TZ=Europe/Berlin", "V=1.10"]);
    assert_eq!(sources.nodes["nas"].node.root, "/opt/homelab");
    assert_eq!(
        (sources.nodes["pi"].node.address.clone(), sources.nodes["pi"].node.parallelism),
        (NodeAddress::Local, 4)
    );
    assert_eq!(sources.services["db"].node.as_str(), "pi");
    let health = sources.services["db"].health.as_ref().unwrap();
    assert_eq!((health.interval_ms, health.timeout_ms, health.retries, &*health.text), (90_000, 10_000, 3, "true\n"));
    let needs = &sources.services["web"].declaration.depends_on.as_ref().unwrap()[0];
    assert_eq!((needs.service.value.as_str(), needs.condition), ("db", Condition::Started));
    assert_eq!(sources.services["db"].env_example.as_ref().unwrap()["USER"].value, "db");
}

#[test]
fn the_only_node_owns_what_nobody_claims() {
    let topology = ("inventory/topology.yaml", "version: 1\nnodes: { one: { address: local } }\n");
    let (sources, said) = loaded(&[topology, ("services/web/compose.yml", COMPOSE)]);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(sources.services["web"].node.as_str(), "one");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let (_, said) = loaded(&[
        (
            "inventory/topology.yaml",
            "version: 1\nnodes:\n  nas: { adress: local }\n  pi: { address: nas.lan, parallelism: 0 }\n\
             services:\n  web: nas\n  db: { owner_node: nsa }\n  gone: { owner_node: nas }\n",
        ),
        ("services/web/compose.yml", COMPOSE),
        ("services/web/service.yaml", "depends_on: [bd]\nhealth: { interval: 10 }\nstate: runing\n"),
        ("services/db/compose.yml", COMPOSE),
    ]);
    assert_eq!(
        said,
        [
            "inventory/topology.yaml:3:3 Error HL0109: the node `nas` has no address (add `address: local` for this machine or `address: ssh://user@host` for another)",
            "inventory/topology.yaml:3:10 Error HL0104: unknown key `adress` in `nodes.nas` (did you mean `address`?)",
            "inventory/topology.yaml:4:18 Error HL0406: the address does not say how to reach it (write `ssh://nas.lan`)",
            "inventory/topology.yaml:4:40 Error HL0107: `nodes.pi.parallelism` cannot be 0 (write a number from 1 to 1000)",
            "inventory/topology.yaml:6:8 Error HL0103: `services.web` takes a mapping, this is a string (write `{ owner_node: nas }`)",
            "inventory/topology.yaml:7:21 Error HL0402: there is no node `nsa` (did you mean `nas`?)",
            "inventory/topology.yaml:8:3 Error HL0405: the service `gone` has no folder (create services/gone/docker-compose.yml, or remove this line)",
            "services/web/service.yaml:1:14 Error HL0405: `web` depends on `bd`, which is not a service (did you mean `db`?)",
            "services/web/service.yaml:2:21 Error HL0103: `health.interval` takes a duration, this is an integer (write `10s` for seconds)",
            "services/web/service.yaml:3:8 Error HL0107: `state` cannot be `runing` (did you mean `running`?)",
        ]
    );
}

#[test]
fn cycles_are_said_once_each() {
    let topology = ("inventory/topology.yaml", "version: 1\nnodes: { one: { address: local } }\n");
    let (_, said) = loaded(&[
        topology,
        ("services/a/compose.yml", COMPOSE),
        ("services/a/service.yaml", "depends_on: [b]\n"),
        ("services/b/compose.yml", COMPOSE),
        ("services/b/service.yaml", "depends_on: [c]\n"),
        ("services/c/compose.yml", COMPOSE),
        ("services/c/service.yaml", "depends_on: [a, c]\n"),
    ]);
    let hint = "(remove one of these dependencies: nothing in a cycle can start first)";
    assert_eq!(
        said,
        [
            format!(
                "services/a/service.yaml:1:14 Error HL0303: services depend on one another in a cycle: `a` → `b` → `c` → `a` {hint}"
            ),
            "services/c/service.yaml:1:17 Error HL0303: `c` depends on itself (remove it: a service is always there when it starts itself)".to_owned(),
        ]
    );
}
