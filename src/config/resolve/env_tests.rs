//! Env files: where their variables come from, what they choose, and what is wrong in them.

use super::tests::{clean, environment, lab, live, resolve};
use super::{Resolved, check_offline};
use crate::config::Sources;
use crate::config::tests::said;
use crate::model::Text;
use crate::model::spec::{FileContent, MountKind, Variable};

const HERE: (&str, &str) = ("services/web/service.yaml", "owner_node: here\n");
const NAS: (&str, &str) = ("services/web/service.yaml", "owner_node: nas\n");

/// The lines about a service in `services/web` with these files, with its node asked.
fn told(files: &[(&str, &str)], on_nodes: &[(&str, &str, &str)]) -> Vec<String> {
    let resolved = resolve(&lab(files), &live(on_nodes), &[]);
    said(&resolved.diagnostics, &resolved.map)
}

fn told_offline(sources: &Sources) -> Vec<String> {
    let (diagnostics, map) = check_offline(sources);
    said(&diagnostics, &map)
}

fn source(resolved: &Resolved, target: &str) -> String {
    match &resolved.homelab.services["web"].containers["app"].spec.mounts[target].kind {
        MountKind::Bind { source, .. } => source.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn env_files_take_variables_from_vars_and_from_one_another() {
    let compose = "services:\n  app:\n    image: a\n    env_file: [app.env]\n    environment: [A, B, C, D, E]\n    volumes: ['${DATA}:/data', '${PWD}/x:/x']\n";
    let sources = lab(&[
        ("services/web/compose.yml", compose),
        ("services/web/.env", "TZ=own\nA=$DOMAIN\nB=${TZ}\nDATA=./${DOMAIN}/${HOME:-none}/data\n"),
        ("services/web/app.env", "F=${DOMAIN} ${PWD}\n"),
        ("services/web/env.example", "E=${DOMAIN}\n"),
        HERE,
    ]);
    let live = live(&[("here", "/opt/homelab/config/web/.env", "\u{feff}C=$A ${DOMAIN}\nD=$PWD\n")]);
    let resolved = resolve(&sources, &live, &[]);
    clean(&resolved);
    let value = |name: &str| environment(&resolved, "web", name).unwrap();
    assert_eq!(value("A"), Text::secret("here"));
    assert_eq!(value("B"), Text::secret("own"), "what the file sets counts more than `vars`");
    assert_eq!(value("C"), Text::secret("here here"));
    assert_eq!(value("D"), Text::secret("/lab/services/web"));
    assert_eq!(value("E"), Text::plain("here"));
    assert_eq!(value("F"), Text::secret("here /lab/services/web"));
    assert_eq!(source(&resolved, "/data"), "/lab/services/web/here/none/data");
    assert_eq!(source(&resolved, "/x"), "/lab/services/web/x");
    let FileContent::Variables(declared) = &resolved.homelab.services["web"].files["config/web/.env"].content else {
        panic!("an env file")
    };
    assert_eq!(declared["E"], Variable::Is(Text::plain("here")));
}

#[test]
fn the_home_folder_is_known_on_this_machine_alone() {
    let compose = "services: { app: { image: a, environment: { A: '${DATA}' }, volumes: ['${DATA}/x:/x'] } }\n";
    let files =
        |owner| lab(&[("services/web/compose.yml", compose), ("services/web/.env", "DATA=${HOME}/data\n"), owner]);
    let mut here = files(HERE);
    here.repository.home = Some("/home/me".to_owned());
    let resolved = resolve(&here, &live(&[]), &[]);
    clean(&resolved);
    assert_eq!(source(&resolved, "/x"), "/home/me/data/x");
    let mut nas = files(NAS);
    nas.repository.home = Some("/home/me".to_owned());
    let resolved = resolve(&nas, &live(&[]), &[]);
    let lines = said(&resolved.diagnostics, &resolved.map);
    assert_eq!(
        lines,
        [
            "services/web/compose.yml:1:71 Error HL0203: the path begins with variable `DATA`, whose value begins with one that is empty (set what `DATA` begins with in `vars`, or write the path out)",
            "services/web/.env:1:6 Warning HL0203: variable `HOME` is not set: nothing stands in its place (set it in `vars`, or write `${HOME:-}` where nothing is meant)",
        ]
    );
    assert_eq!(told_offline(&nas), lines);
}

#[test]
fn paths_without_a_beginning_are_refused() {
    let compose = "services:\n  app:\n    image: a\n    devices: ['${NO}/d:/dev/d']\n    build: '${NO}/ctx'\n    secrets: [s]\n    volumes:\n      - ${NO}/a:/a\n      - { type: bind, source: '${EMPTY}${NO}/b', target: /b }\n      - ${ANY:-}/c:/c\n      - ${SET}/d:/d\n      - v1:/v\nsecrets: { s: { file: '$NO/s' } }\nvolumes: { v1: { driver_opts: { type: none, o: bind, device: '$EMPTY/v' } } }\n";
    let compose = ("services/web/compose.yml", compose);
    let env = ("services/web/.env", "EMPTY=\nSET=/set\n");
    let remote = told(&[compose, env, NAS], &[]);
    assert_eq!(remote.iter().filter(|line| line.contains("Error HL0203")).count(), 6, "{remote:#?}");
    let files = [compose, env, HERE];
    let lines = told(&files, &[]);
    let errors: Vec<_> = lines.iter().filter(|line| line.contains("Error")).collect();
    let places: Vec<_> = errors.iter().filter_map(|line| line.split(' ').next()).collect();
    let at = |line: &str| format!("services/web/compose.yml:{line}");
    assert_eq!(places, [at("4:15"), at("5:12"), at("8:9"), at("9:31"), at("13:23"), at("14:62")], "{errors:#?}");
    // A variable that nobody sets in the repository may be set on the node.
    let offline = told_offline(&lab(&files));
    let errors: Vec<_> = offline.iter().filter(|line| line.contains("Error")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains(":14:62 "), "{errors:#?}");
}

#[test]
fn a_dollar_sign_in_an_env_file_is_a_trap() {
    let compose = "services: { app: { image: a, env_file: [x.env, .env] } }\n";
    let lines = told(
        &[
            ("services/web/compose.yml", compose),
            ("services/web/x.env", "API=823nNS$FNN9\nOK='a$b' \nESCAPED=a$$b\nPRICE=5$\n"),
            ("services/web/.env", "Y=\"q$undefd\"\n"),
            HERE,
        ],
        &[("here", "/opt/homelab/config/web/.env", "Z=${lower}x\n")],
    );
    let words = "Warning HL0203: a word behind a dollar sign is taken for a variable that is not set: nothing stands in its place (write `$$` for a dollar sign, or put the value in single quotes)";
    let places = ["services/web/.env:1:3", "here:/opt/homelab/config/web/.env:1:3", "services/web/x.env:1:5"];
    assert_eq!(lines, places.map(|place| format!("{place} {words}")));
    assert!(!lines.concat().contains("FNN9"), "a part of a password may stand there");
}

#[test]
fn the_env_file_says_which_compose_files_count() {
    let sources = lab(&[
        (
            "services/web/.env",
            "COMPOSE_FILE=a.yaml;over/b.yaml\nCOMPOSE_PATH_SEPARATOR=;\nCOMPOSE_PROFILES=debug\nCOMPOSE_PROJECT_NAME=shop\n",
        ),
        ("services/web/a.yaml", "services: { app: { image: a }, dbg: { image: d, profiles: [debug] } }\n"),
        ("services/web/over/b.yaml", "services: { app: { environment: { PROD: '1' }, volumes: ['./x:/x'] } }\n"),
        HERE,
    ]);
    let resolved = resolve(&sources, &live(&[]), &[]);
    clean(&resolved);
    assert_eq!(told_offline(&sources), Vec::<String>::new());
    assert_eq!(environment(&resolved, "web", "PROD"), Some(Text::plain("1")));
    assert_eq!(source(&resolved, "/x"), "/lab/services/web/x");
    let service = &resolved.homelab.services["web"];
    assert!(service.containers.contains_key("dbg"));
    assert_eq!(service.project.as_str(), "shop");
    let labels = &service.containers["app"].spec.compose_labels;
    assert_eq!(
        labels["com.docker.compose.project.config_files"],
        "/lab/services/web/a.yaml,/lab/services/web/over/b.yaml"
    );
    // On another machine as well, and by what its own env file says.
    let remote = lab(&[
        ("services/web/compose.yml", "services: { app: { image: a } }\n"),
        ("services/web/prod.yml", "services: { app: { environment: { PROD: '2' } } }\n"),
        NAS,
    ]);
    let on_node = live(&[("nas", "/opt/homelab/config/web/.env", "COMPOSE_FILE=compose.yml:prod.yml\n")]);
    let resolved = resolve(&remote, &on_node, &[]);
    clean(&resolved);
    assert_eq!(environment(&resolved, "web", "PROD"), Some(Text::plain("2")));
}

#[test]
fn compose_files_that_cannot_be_are_named_by_place() {
    let compose = ("services/web/compose.yml", "services: { app: { image: a } }\n");
    for (env, expected) in [
        (
            "COMPOSE_FILE=compose.yml:no.yml\n",
            "services/web/.env:1:14 Error HL0106: COMPOSE_FILE names no.yml, which is not there (check the path: it is relative to the service's folder, and a `:` stands between two of them)",
        ),
        (
            "COMPOSE_PROJECT_NAME='Bad Name'\n",
            "services/web/.env:1:22 Error HL0312: `Bad Name` cannot be the name of a project (write `badname`)",
        ),
        (
            "A=1\nCOMPOSE_FILE=sub/a.yml\n",
            "services/web/.env:2:14 Error HL0309: COMPOSE_FILE begins with sub/a.yml, which is in another folder (let the first file be one of the service's folder, which can `include` others)",
        ),
    ] {
        let files = [compose, ("services/web/.env", env), ("services/web/sub/a.yml", compose.1), HERE];
        assert_eq!(told(&files, &[]), [expected]);
    }
}

#[test]
fn what_is_encrypted_is_not_deployed_as_it_is() {
    let compose = "services: { app: { image: a, env_file: [{ path: x.env, required: false }], volumes: ['./conf.yml:/c', './d:/d:ro'] } }\n";
    let sops = "POSTGRES_PASSWORD=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops_mac=ENC[AES256_GCM,data:x]\n";
    let age = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n";
    let file = ("services/web/compose.yml", compose);
    let lines = |name: &str, text: &str| told(&[file, (name, text), HERE], &[]);
    assert_eq!(
        lines("services/web/.env", sops),
        [
            "services/web/.env:1:19 Error HL0419: services/web/.env is encrypted by SOPS (keep it as secrets.env, which hl decrypts, or decrypt it: `sops decrypt services/web/.env`)"
        ]
    );
    assert_eq!(
        lines("services/web/x.env", age),
        [
            "services/web/x.env:1:1 Error HL0419: env file services/web/x.env is encrypted by age (decrypt it (`age --decrypt -i KEY services/web/x.env`), or keep what is secret in secrets.env, which hl decrypts)"
        ]
    );
    let mounted = lines("services/web/conf.yml", "key: ENC[AES256_GCM,data:x]\nsops: { mac: x }\n");
    assert_eq!(mounted.len(), 2, "{mounted:#?}");
    assert!(
        mounted[0].contains("Error HL0419: services/web/conf.yml is encrypted by SOPS, and the container"),
        "{mounted:#?}"
    );
    let below = lines("services/web/d/a.age", age);
    assert_eq!(below.len(), 2, "{below:#?}");
    assert!(below.iter().any(|line| line.contains("Warning HL0419: services/web/d/a.age")), "{below:#?}");
    let compose = "services: { app: { image: a, volumes: ['../shared.yml:/c:ro'] } }\n";
    let shared = told(&[("services/web/compose.yml", compose), ("services/shared.yml", age), HERE], &[]);
    assert!(shared[0].contains("Error HL0419: services/shared.yml is encrypted by age"), "{shared:#?}");
    let on_node = told(&[file, HERE], &[("here", "/opt/homelab/config/web/.env", sops)]);
    assert!(
        on_node.iter().any(|line| line.contains("Error HL0419: here:/opt/homelab/config/web/.env")),
        "{on_node:#?}"
    );
}

#[test]
fn line_ends_of_windows_do_no_harm_to_a_script() {
    let sources = lab(&[
        ("services/web/compose.yml", "services: { app: { image: a } }\n"),
        ("services/web/healthcheck.sh", "\u{feff}test 1 = 1\r\nexit 0\r\n"),
        ("services/web/.env", "\u{feff}A=1\r\nB='2'\r\n"),
        HERE,
    ]);
    let resolved = resolve(&sources, &live(&[]), &[]);
    clean(&resolved);
    assert_eq!(resolved.homelab.services["web"].health.as_ref().unwrap().text, "test 1 = 1\nexit 0\n");
}

#[test]
fn names_with_values_of_the_node_are_shown_by_the_variable() {
    let sources = lab(&[
        ("services/web/compose.yml", "services: { app: { image: 'nginx:${TAG}', container_name: '${NAME}' } }\n"),
        ("services/web/env.example", "TAG=\nNAME=\n"),
        HERE,
    ]);
    let (project, diagnostics, map) = super::project_offline(&sources, "web", &[]);
    assert_eq!(said(&diagnostics, &map), Vec::<String>::new());
    let tree = project.unwrap().tree;
    let app = tree.get("services").and_then(|s| s.get("app")).unwrap();
    assert_eq!(app.get("image").and_then(|i| i.as_text()), Some("nginx:(TAG)"));
    assert_eq!(app.get("container_name").and_then(|i| i.as_text()), Some("(NAME)"));
}
