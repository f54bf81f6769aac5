//! Whatever people write: the loader answers, twice the same, without a panic and without saying a secret.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::tests::{engine_states, node_facts, repository, said};
use super::{check_offline, load, resolve, wanted};
use crate::model::name::NodeName;
use crate::model::view::{FileKind, LiveFile, LiveNode, LiveView, NodeView};

const TOPOLOGY: &str = r#"version: 1
name: home
vars: { TZ: Europe/Berlin, DATA: /srv/data }
nodes:
  nas: { address: "ssh://admin@nas.lan", root: /srv/lab, vars: { A: b }, parallelism: 2, labels: { a: 1 } }
  pi: { address: local, maintenance: false }
services:
  web: { owner_node: nas, backup_nodes: [pi] }
  db: { owner_node: pi, state: running }
backup: { repository: "sftp:a@b:/c", password_file: /d }
"#;

const SERVICE: &str = r#"description: Web
depends_on: [{ service: db, condition: started }]
env: { required: [PW], plain: [TAG], generate: { NEW: { length: 20 } } }
health: { script: healthcheck.sh, interval: 5s, timeout: 1m30s, retries: 3, start_period: 0s }
update: { order: stop-first, rollback: true }
backup: { paths: [.], exclude: ["*.tmp"], keep: { daily: 7 }, max_age: 26h }
lifecycle: { protect: true, ignore_changes: ["container:app/environment.TZ"], on_delete: keep }
"#;

const COMPOSE: &str = r#"name: web
include: [more.yml]
x-base: &base { restart: unless-stopped, logging: { driver: local, options: { max-size: 1m } } }
services:
  app:
    <<: *base
    image: app:${TAG:-1}
    command: run --pw ${PW}
    environment: { PW: "${PW:?needed}", TZ: $TZ, NEW: "x${NEW}", N: 022 }
    env_file: [.env, { path: app.env, required: false }]
    ports: ["127.0.0.1:8080:80/tcp", { target: 53, published: "53", protocol: udp }, "3000-3002"]
    volumes: ["${DATA}/web:/data", "./conf:/conf:ro", "cache:/cache", { type: tmpfs, target: /t, tmpfs: { size: 1m } }]
    networks: { front: { aliases: [www], ipv4_address: 10.1.0.5, priority: 5 }, default: }
    depends_on: { once: { condition: service_completed_successfully }, db: { condition: service_healthy, restart: true } }
    healthcheck: { test: [CMD, "true", "${PW}"], interval: 10s, retries: 3 }
    deploy: { replicas: 1, resources: { limits: { cpus: "0.5", memory: 64m, pids: 9 }, reservations: { memory: 32m } } }
    secrets: [pw, { source: token, target: t, mode: 0400 }]
    configs: [{ source: motd, target: /etc/motd }]
    labels: [a=b, "c=${PW}"]
    ulimits: { nofile: { soft: 1, hard: 2 }, nproc: 5 }
    devices: ["/dev/null:/dev/x:r"]
    tmpfs: [/run:size=1m]
    extra_hosts: ["a:10.0.0.1", "host.docker.internal:host-gateway"]
    cap_add: [net_admin]
    security_opt: ["no-new-privileges", "seccomp=./seccomp.json"]
    sysctls: { net.core.somaxconn: 1024 }
    stop_grace_period: 1m
    expose: ["9000", "9001-9003/udp"]
    mac_address: 02:42:ac:11:00:02
  db: { extends: { file: base.yml, service: db }, network_mode: "service:once", pid: "service:once" }
  once: { build: { context: ./image, args: { A: "${PW}" }, dockerfile: D }, restart: "no", volumes_from: ["container:x"], external_links: ["x:y"] }
  off: { image: off, profiles: [never] }
networks: { front: { ipam: { config: [{ subnet: 10.1.0.0/24, gateway: 10.1.0.1 }] }, labels: { a: b } } }
volumes: { cache: { driver_opts: { type: nfs, o: "addr=1" } } }
secrets: { pw: { file: ./pw }, token: { environment: PW } }
configs: { motd: { content: "hello ${TZ}" } }
"#;

/// Every file of a homelab that uses most of what there is.
const FILES: [(&str, &str); 14] = [
    ("inventory/topology.yaml", TOPOLOGY),
    ("services/web/service.yaml", SERVICE),
    ("services/web/docker-compose.yml", COMPOSE),
    (
        "services/web/docker-compose.override.yml",
        "services: { app: { ports: !override [\"81:80\"], cap_add: !reset [] } }\n",
    ),
    ("services/web/more.yml", "services: { side: { image: side, env_file: app.env } }\nvolumes: { more: }\n"),
    (
        "services/web/base.yml",
        "services: { db: { image: db, healthcheck: { disable: false, test: \"true\" }, environment: [A, B=1] } }\n",
    ),
    ("services/web/env.example", "TAG=1\nPW=\nNEW=\n"),
    ("services/web/.env", "PW=hunter2\nOTHER='a b'\n"),
    ("services/web/app.env", "export X=\"${PW} $OTHER\" # c\nY: 'z'\nZ\n"),
    ("services/web/conf/a.conf", "a\n"),
    ("services/web/pw", "hunter2"),
    ("services/web/seccomp.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}"),
    ("services/web/healthcheck.sh", "curl -f localhost\n"),
    ("services/db/compose.yaml", "services: { db: { image: db, ports: [\"5432:5432\"], container_name: db } }\n"),
];

/// The `.env` on the node, as if it were the last of the files.
const NODE_ENV: &str = "PW=hunter2\nTAG=2\nNEW=\"\"\n";

/// A change that people make by mistake.
#[derive(Clone, Debug)]
enum Mistake {
    /// Some characters are gone.
    Cut(usize, usize),
    /// Something is in between.
    Insert(usize, &'static str),
    /// A line stands somewhere else.
    Move(usize, usize),
    /// Everything from there on is gone.
    End(usize),
}

const SNIPPETS: [&str; 26] = [
    ":",
    "\n",
    "  ",
    "\t",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: ",
    "${",
    "$TZ",
    "!reset ",
    "null",
    "-1",
    "1e999",
    "\u{0}",
    "ä\u{f8f0}",
    "|\n",
    "#",
    "99999999999999999999",
    "../../../..",
];

fn mistake() -> impl Strategy<Value = (usize, Mistake)> {
    let kind = prop_oneof![
        (any::<usize>(), 1..12usize).prop_map(|(at, length)| Mistake::Cut(at, length)),
        (any::<usize>(), prop::sample::select(SNIPPETS.to_vec())).prop_map(|(at, text)| Mistake::Insert(at, text)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Mistake::Move(from, to)),
        any::<usize>().prop_map(Mistake::End),
    ];
    // The big files get most of the mistakes.
    let file = prop_oneof![4 => Just(2usize), 2 => Just(0), 2 => Just(1), 4 => 0..=FILES.len()];
    (file, kind)
}

fn spoil(text: &mut String, mistake: &Mistake) {
    let boundary = |text: &str, at: usize| {
        let mut at = at % (text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    match mistake {
        Mistake::Cut(at, length) => {
            let start = boundary(text, *at);
            let end = boundary(text, (start + length).min(text.len()));
            text.replace_range(start..end.max(start), "");
        }
        Mistake::Insert(at, snippet) => {
            let at = boundary(text, *at);
            text.insert_str(at, snippet);
        }
        Mistake::Move(from, to) => {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            if !lines.is_empty() {
                let line = lines.remove(from % lines.len());
                lines.insert(to % (lines.len() + 1), line);
                *text = lines.concat();
            }
        }
        Mistake::End(at) => {
            let at = boundary(text, *at);
            text.truncate(at);
        }
    }
}

/// All that is said about a homelab with these files.
fn all_that_is_said(files: &[(&str, String)], node_env: &str) -> Vec<String> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (sources, found) = load(repository(&files));
    let mut all = said(&found, &sources.map);
    let file = LiveFile {
        kind: FileKind::File,
        mode: 0o600,
        owner: "0:0".into(),
        content: Some(node_env.into()),
        entries: None,
    };
    let live = LiveNode { files: BTreeMap::from([("/srv/lab/config/web/.env".into(), file)]), ..LiveNode::default() };
    let mut view = LiveView::default();
    for node in ["nas", "pi"] {
        view.nodes.insert(NodeName::new(node).expect("a name"), NodeView::Known(Box::new(live.clone())));
    }
    let variables = [("ARG".to_owned(), "1".to_owned())];
    let (wanted, drafts) = wanted(&sources, &variables);
    let resolved = resolve(&sources, drafts, &node_facts(&view), &variables).complete(&engine_states(&view));
    all.extend(said(&resolved.diagnostics, &resolved.map));
    all.push(format!("{:?}", resolved.homelab));
    let (found, map) = check_offline(&sources);
    all.extend(said(&found, &map));
    all.push(format!("{wanted:?}"));
    all
}

fn whole() -> Vec<(&'static str, String)> {
    FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect()
}

#[test]
fn the_homelab_is_fine_before_it_is_spoiled() {
    let said = all_that_is_said(&whole(), NODE_ENV);
    let mistakes: Vec<_> = said.iter().filter(|line| line.contains(" Error ")).collect();
    assert_eq!(mistakes, Vec::<&String>::new());
    assert!(said.iter().any(|line| line.contains("web-app-1")), "{said:?}");
}

/// The homelab with these mistakes, and the `.env` on its node.
fn spoiled(mistakes: &[(usize, Mistake)]) -> (Vec<(&'static str, String)>, String) {
    let mut files = whole();
    let mut node_env = NODE_ENV.to_owned();
    for (file, mistake) in mistakes {
        let text = files.get_mut(*file).map_or(&mut node_env, |(_, text)| text);
        spoil(text, mistake);
    }
    (files, node_env)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn no_mistake_makes_the_loader_panic_or_waver(mistakes in prop::collection::vec(mistake(), 1..4)) {
        let (files, node_env) = spoiled(&mistakes);
        prop_assert_eq!(all_that_is_said(&files, &node_env), all_that_is_said(&files, &node_env));
    }
}

proptest! {
    // Always the same mistakes, since one can put a secret where it shapes a name or a port and is seen on purpose.
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_mistake_makes_the_loader_tell_a_secret(mistakes in prop::collection::vec(mistake(), 1..4)) {
        let (files, node_env) = spoiled(&mistakes);
        let said = all_that_is_said(&files, &node_env);
        let told: Vec<_> = said.iter().filter(|line| line.contains("hunter2")).collect();
        prop_assert!(told.is_empty(), "{:?}", told);
    }
}
