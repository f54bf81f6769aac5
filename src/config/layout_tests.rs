//! Layouts that people have, from a repository in memory to the services that are found in it.

use super::Sources;
use super::load;
use super::tests::{repository, said};

const APP: &str = "services: { app: { image: app } }\n";

/// The services of a repository, one a line: node, name, folder, files; and what is said about it.
fn services(topology: &str, paths: &[&str]) -> (Vec<String>, Vec<String>) {
    let topology = format!("version: 1\n{topology}");
    let mut files = vec![("inventory/topology.yaml", topology.as_str())];
    files.extend(paths.iter().map(|path| (*path, if path.ends_with(".sh") { "true\n" } else { APP })));
    let (sources, diagnostics) = load(repository(&files));
    let shown = |sources: &Sources| {
        let line = |service: &super::ServiceSource| {
            let below = |path: &std::path::Path| path.strip_prefix("/lab").unwrap().display().to_string();
            let files: Vec<String> = service.compose_files.iter().map(|file| below(file)).collect();
            format!("{}/{} in `{}`: {}", service.node, service.name, below(&service.folder), files.join(" "))
        };
        sources.services.values().map(line).collect()
    };
    (shown(&sources), said(&diagnostics, &sources.map))
}

const ONE: &str = "nodes: { nas: { address: local } }\n";
const TWO: &str = "nodes: { nas: { address: local, labels: { gpu: 'yes' } }, pi: { address: 'ssh://pi' } }\n";

#[track_caller]
fn are(topology: &str, paths: &[&str], expected: &[&str]) {
    let (found, said) = services(topology, paths);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(found, expected);
}

#[test]
fn folders_of_services_are_found_where_they_are() {
    let stacks = format!("{ONE}services_dir: stacks\n");
    are(
        &stacks,
        &["stacks/web/compose.yml", "services/x/compose.yml"],
        &["nas/web in `stacks/web`: stacks/web/compose.yml"],
    );
    let roots = format!("{ONE}services_dir: .\n");
    let paths = ["web/compose.yml", "docs/a.sh", "db/docker-compose.yaml", "state/compose.yml", ".git/compose.yml"];
    are(&roots, &paths, &["nas/db in `db`: db/docker-compose.yaml", "nas/web in `web`: web/compose.yml"]);
    let groups = format!("{ONE}services_dir: [\"apps/*\", \"infra/t*\"]\n");
    let paths = ["apps/web/compose.yml", "infra/traefik/compose.yml", "infra/other/compose.yml"];
    let expected =
        ["nas/traefik in `infra/traefik`: infra/traefik/compose.yml", "nas/web in `apps/web`: apps/web/compose.yml"];
    are(&groups, &paths, &expected);
}

#[test]
fn a_folder_a_machine_says_who_owns_what_is_in_it() {
    let hosts = format!("{TWO}services_dir: \"{{node}}/*\"\n");
    let paths = ["nas/web/compose.yml", "pi/agent/compose.yml", "nas/agent/compose.yml", "old/x/compose.yml"];
    let expected = [
        "nas/agent in `nas/agent`: nas/agent/compose.yml",
        "pi/agent in `pi/agent`: pi/agent/compose.yml",
        "nas/web in `nas/web`: nas/web/compose.yml",
    ];
    are(&hosts, &paths, &expected);
    let below = format!("{TWO}services_dir: \"hosts/{{node}}/*\"\n");
    are(&below, &["hosts/pi/web/compose.yml"], &["pi/web in `hosts/pi/web`: hosts/pi/web/compose.yml"]);
}

#[test]
fn a_file_a_service_is_found_too() {
    let files = format!("{ONE}services_dir: \"apps/*.yml\"\n");
    let paths = ["apps/web.yml", "apps/db.yml", "apps/db.healthcheck.sh", "apps/web.override.yml", "apps/x.yaml"];
    are(&files, &paths, &["nas/db in `apps`: apps/db.yml", "nas/web in `apps`: apps/web.yml"]);
}

#[test]
fn a_service_says_where_it_is_and_what_its_files_are() {
    let root = format!("{ONE}services: {{ all: {{ path: . }} }}\n");
    are(&root, &["compose.yml"], &["nas/all in ``: compose.yml"]);
    let hosts = format!(
        "{TWO}services:\n  web: {{ path: ., files: [\"compose.{{node}}.yml\"], nodes: all }}\n  \
         db: {{ path: data, files: [base.yml, more.yml], owner_node: pi }}\n"
    );
    let paths = ["compose.nas.yml", "compose.pi.yml", "data/base.yml", "data/more.yml", "data/compose.yml"];
    let expected = [
        "pi/db in `data`: data/base.yml data/more.yml",
        "nas/web in ``: compose.nas.yml",
        "pi/web in ``: compose.pi.yml",
    ];
    are(&hosts, &paths, &expected);
}

#[test]
fn one_service_runs_on_several_machines() {
    for nodes in ["[nas, pi]", "all"] {
        let topology = format!("{TWO}services: {{ dozzle: {{ nodes: {nodes} }} }}\n");
        let expected =
            ["nas/dozzle", "pi/dozzle"].map(|at| format!("{at} in `services/dozzle`: services/dozzle/compose.yml"));
        are(&topology, &["services/dozzle/compose.yml"], &expected.each_ref().map(String::as_str));
    }
    for label in ["gpu", "gpu=yes"] {
        let topology = format!("{TWO}services: {{ dozzle: {{ nodes: {{ label: {label} }} }} }}\n");
        let expected = ["nas/dozzle in `services/dozzle`: services/dozzle/compose.yml"];
        are(&topology, &["services/dozzle/compose.yml"], &expected);
    }
    let own = format!("{TWO}services: {{ x: {{ path: \"{{node}}/x\", nodes: [nas, pi] }} }}\n");
    let expected = ["nas/x in `nas/x`: nas/x/compose.yml", "pi/x in `pi/x`: pi/x/compose.yml"];
    are(&own, &["nas/x/compose.yml", "pi/x/compose.yml"], &expected);
}

#[test]
fn what_cannot_be_is_said_with_its_place() {
    let told = |topology: &str, paths: &[&str]| services(topology, paths).1.join("\n");
    let stacks = told(&format!("{ONE}services_dir: stack\n"), &["stacks/web/compose.yml"]);
    assert!(
        stacks.contains("inventory/topology.yaml:3:15 Warning HL0409: `services_dir` leads to nothing"),
        "{stacks}"
    );
    let outside = told(&format!("{ONE}services_dir: ../stacks\n"), &[]);
    assert!(outside.contains("3:15 Error HL0107: `services_dir` cannot be `../stacks`"), "{outside}");
    let double = told(&format!("{ONE}services_dir: [\"a/*\", \"b/*\"]\n"), &["a/web/compose.yml", "b/web/compose.yml"]);
    assert!(double.contains("a/web and b/web would both be the service `web`"), "{double}");
    assert!(double.contains("`web-2: { path: b/web }`"), "{double}");
    let missing = told(&format!("{ONE}services: {{ web: {{ files: [x.yml] }} }}\n"), &["services/web/compose.yml"]);
    assert!(
        missing.contains("inventory/topology.yaml:3:28 Error HL0106: services/web/x.yml is not there"),
        "{missing}"
    );
    let nowhere = told(&format!("{ONE}services: {{ web: {{ path: stack/web }} }}\n"), &["stacks/web/compose.yml"]);
    assert!(nowhere.contains("3:26 Error HL0405: the service `web` has no folder stack/web"), "{nowhere}");
    let both =
        told(&format!("{TWO}services: {{ web: {{ nodes: all, owner_node: nas }} }}\n"), &["services/web/compose.yml"]);
    assert!(both.contains("`web` has both an owner and a list of nodes"), "{both}");
    let label =
        told(&format!("{TWO}services: {{ web: {{ nodes: {{ label: arm }} }} }}\n"), &["services/web/compose.yml"]);
    assert!(label.contains("no node has the label `arm`"), "{label}");
    let other = told(
        &format!("{TWO}services_dir: \"{{node}}/*\"\nservices: {{ web: {{ owner_node: pi }} }}\n"),
        &["nas/web/compose.yml"],
    );
    assert!(other.contains("`web` lies in the folder of `nas`"), "{other}");
}
