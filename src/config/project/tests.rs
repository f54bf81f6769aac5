//! Compose files in, resources out.

use super::{Home, Purpose, Resources, build};
use crate::compose::reader::Memory;
use crate::compose::{self, Options, Origin, Variables};
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::model::homelab::{Condition, Network, Role, Volume};
use crate::model::spec::{ContainerRef, MountKind, NetworkMode, PullPolicy, RestartPolicy};
use crate::model::{Pending, Text};

/// The resources of a compose file in `/srv/shop`, and what is wrong with it.
fn built_with(compose: &str, variables: Variables, files: &[(&str, &str)]) -> (Resources, Vec<String>) {
    let mut memory: Memory = files.iter().map(|(path, text)| (*path, *text)).collect();
    memory.insert("/srv/shop/compose.yml", compose);
    let mut sources = SourceMap::default();
    let options = Options {
        current_dir: "/srv/shop".into(),
        files: vec!["/srv/shop/compose.yml".into()],
        variables,
        ..Options::default()
    };
    let loaded = compose::load(&memory, &options, &mut sources);
    let project = loaded.unwrap_or_else(|errors| panic!("{:?}", crate::config::tests::said(&errors, &sources))).project;
    let mut out = Diagnostics::default();
    let resources = build(&project, &memory, Home::Asked, &mut out);
    (resources, crate::config::tests::said(&out, &sources))
}

fn built(compose: &str) -> Resources {
    let (resources, said) = built_with(compose, Variables::default(), &[]);
    assert_eq!(said, Vec::<String>::new());
    resources
}

#[test]
fn names_labels_and_replicas() {
    let made = built(
        "services:\n  web:\n    image: nginx\n    scale: 2\n    depends_on: [db]\n  db: { build: ., container_name: db }\n",
    );
    let names: Vec<_> = made.containers.iter().map(|(key, c)| format!("{key} {} {}", c.number, c.spec.name)).collect();
    assert_eq!(names, ["db 1 db", "web 1 shop-web-1", "web#2 2 shop-web-2"]);
    let labels = &made.containers["web#2"].spec.compose_labels;
    let of = |name: &str| labels[&format!("com.docker.compose.{name}")].clone();
    assert_eq!(of("project"), "shop");
    assert_eq!(of("oneoff"), "False");
    assert_eq!(of("container-number"), "2");
    assert_eq!(of("depends_on"), "db:service_started:false");
    assert_eq!(of("project.working_dir"), "/srv/shop");
    assert_eq!(of("project.config_files"), "/srv/shop/compose.yml");
    assert_eq!(made.images.keys().collect::<Vec<_>>(), ["nginx", "shop-db"]);
    assert_eq!(made.images["shop-db"].build.as_ref().unwrap().context, "/srv/shop");
    let Network::Own(network) = &made.networks["default"] else { panic!("the project makes it") };
    assert_eq!(network.name, "shop_default");
    assert_eq!(network.compose_labels["com.docker.compose.network"], "default");
    let aliases: Vec<_> = made.containers["web#2"].spec.networks["shop_default"].aliases.iter().collect();
    assert_eq!(aliases, ["shop-web-2", "web"]);
}

#[test]
fn deploy_counts_more_than_the_short_keys() {
    let made = built(
        "services:\n  job:\n    image: a\n    restart: always\n    deploy:\n      replicas: 1\n      \
         restart_policy: { condition: on-failure, max_attempts: 3 }\n      resources:\n        limits: { cpus: '0.5', memory: 64m, pids: 20 }\n        \
         reservations: { memory: 32m, devices: [{ capabilities: [gpu], count: 1, driver: nvidia }] }\n",
    );
    let spec = &made.containers["job"].spec;
    assert_eq!(spec.restart, RestartPolicy::OnFailure(3));
    assert_eq!((spec.nano_cpus, spec.mem_limit, spec.pids_limit), (Some(500_000_000), Some(64 << 20), Some(20)));
    assert_eq!(spec.mem_reservation, Some(32 << 20));
    assert_eq!(spec.device_requests[0].driver, "nvidia");
}

#[test]
fn mounts_of_every_kind() {
    let made = built(
        "services:\n  app:\n    image: a\n    tmpfs: [/run:size=1m]\n    volumes:\n      - data:/data\n      - shared:/shared:ro\n      \
         - ./conf:/conf:ro\n      - /anon\n      - { type: tmpfs, target: /t, tmpfs: { size: 1m } }\n      \
         - { type: bind, source: /must, target: /must, bind: { create_host_path: false } }\n\
         volumes:\n  data:\n  shared: { external: true }\n",
    );
    let spec = &made.containers["app"].spec;
    let kind = |target: &str| spec.mounts[target].kind.clone();
    assert!(matches!(kind("/data"), MountKind::Volume { source, .. } if source == "shop_data"));
    assert!(matches!(kind("/shared"), MountKind::Volume { source, .. } if source == "shared"));
    assert!(spec.mounts["/shared"].read_only);
    assert!(matches!(kind("/conf"), MountKind::Bind { source, must_exist: false, .. } if source == "/srv/shop/conf"));
    assert!(matches!(kind("/must"), MountKind::Bind { must_exist: true, .. }));
    assert_eq!(kind("/anon"), MountKind::Anonymous);
    assert_eq!(kind("/t"), MountKind::Tmpfs { size: Some(1 << 20), mode: None });
    assert_eq!(spec.tmpfs["/run"], "size=1m");
    assert_eq!(made.volumes["shared"], Volume::External { name: "shared".into() });
    let sources: Vec<_> = made.sources.iter().map(|s| (s.path.as_str(), s.purpose, s.containers.join(","))).collect();
    assert_eq!(
        sources,
        [("/srv/shop/conf", Purpose::Read, "app".to_owned()), ("/must", Purpose::Write, "app".to_owned())]
    );
}

#[test]
fn configs_and_secrets() {
    let mut variables = Variables::default();
    variables.push(Origin::EnvFile, [("TOKEN", "t0ken")]);
    let (made, said) = built_with(
        "services:\n  app:\n    image: a\n    configs: [motd, { source: inline, target: etc/x, mode: 0400, uid: '5' }]\n    \
         secrets: [password, token]\n\
         configs:\n  motd: { file: ./motd }\n  inline: { content: 'hello' }\n\
         secrets:\n  password: { file: ./pw }\n  token: { environment: TOKEN }\n",
        variables,
        &[],
    );
    assert_eq!(said, Vec::<String>::new());
    let spec = &made.containers["app"].spec;
    assert!(
        matches!(&spec.mounts["/motd"].kind, MountKind::Bind { source, must_exist: true, .. } if source == "/srv/shop/motd")
    );
    assert!(spec.mounts["/run/secrets/password"].read_only);
    assert_eq!(spec.files["/etc/x"].content, Text::plain("hello"));
    assert_eq!((spec.files["/etc/x"].mode, spec.files["/etc/x"].uid), (0o400, 5));
    assert_eq!(spec.files["/run/secrets/token"].content, Text::secret("t0ken"));
    assert!(made.sources.iter().any(|s| s.purpose == Purpose::Secret && s.path == "/srv/shop/pw"));
}

#[test]
fn namespaces_links_and_roles() {
    let made = built(
        "services:\n  vpn: { image: a }\n  app: { image: a, network_mode: 'service:vpn', pid: 'service:vpn', volumes_from: ['vpn:ro', 'container:x'] }\n  \
         web: { image: a, links: ['vpn:tunnel'], external_links: [old], depends_on: { init: { condition: service_completed_successfully } } }\n  \
         init: { image: a, pull_policy: always, restart: 'no' }\n",
    );
    let spec = |name: &str| made.containers[name].spec.clone();
    assert_eq!(spec("app").network_mode, NetworkMode::Container(ContainerRef::Service("vpn".into())));
    assert_eq!(
        spec("app").volumes_from.into_iter().collect::<Vec<_>>(),
        [ContainerRef::Service("vpn".into()), ContainerRef::Name("x".into())]
    );
    let links: Vec<_> = spec("web").networks["shop_default"].links.iter().cloned().collect();
    assert_eq!(links, ["old:old", "shop-vpn-1:shop-vpn-1", "shop-vpn-1:tunnel", "shop-vpn-1:vpn-1"]);
    assert_eq!((made.containers["init"].role, made.containers["web"].role), (Role::OneShot, Role::Daemon));
    assert_eq!(made.containers["web"].depends_on["init"].condition, Condition::Completed);
    assert_eq!(made.images["a"].pull, PullPolicy::Always);
}

#[test]
fn secrets_stay_secret_where_they_may_and_are_seen_where_they_shape() {
    let mut variables = Variables::default();
    variables
        .push(Origin::EnvFile, [("PW", "hunter2".to_owned()), ("TAG", "v1".to_owned()), ("NEW", Pending::gap("NEW"))]);
    let (made, said) = built_with(
        "services:\n  app:\n    image: app:${TAG}\n    command: [run, '--pw=${PW}']\n    environment: { A: '${PW}', B: 'x${NEW}' }\n    \
         labels: { l: '${PW}' }\n    healthcheck: { test: 'check ${PW}' }\n    hostname: 'h${NEW}'\n",
        variables,
        &[],
    );
    let spec = &made.containers["app"].spec;
    assert_eq!(spec.image.as_str(), "app:v1");
    assert_eq!(spec.command, Some(vec![Text::plain("run"), Text::secret("--pw=hunter2")]));
    assert_eq!(spec.environment["A"], Some(Text::secret("hunter2")));
    assert!(matches!(spec.environment["B"], Some(Text::Pending(_))));
    assert_eq!(spec.labels["l"], Text::secret("hunter2"));
    assert!(spec.healthcheck.as_ref().unwrap().test.as_ref().unwrap()[1].is_secret());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("compose.yml:8:15 Error HL0107: a value that apply makes first cannot stand here"),
        "{said:?}"
    );
}

#[test]
fn a_seccomp_profile_is_read() {
    let compose =
        "services: { app: { image: a, security_opt: ['seccomp:./p.json', 'no-new-privileges', 'apparmor=x'] } }\n";
    let (made, said) = built_with(
        compose,
        Variables::default(),
        &[("/srv/shop/p.json", "{ \"defaultAction\":\n \"SCMP_ACT_ERRNO\" }")],
    );
    assert_eq!(said, Vec::<String>::new());
    let options: Vec<_> = made.containers["app"].spec.security_opt.iter().cloned().collect();
    assert_eq!(options, ["apparmor=x", "no-new-privileges", "seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}"]);
    let (_, said) = built_with(compose, Variables::default(), &[]);
    assert!(said[0].contains("p.json does not exist"), "{said:?}");
}

#[test]
fn names_that_no_engine_takes_are_refused() {
    let file = "
services:
  a: { image: Nginx:latest, container_name: c }
  b: { image: \"nginx:${TAG-}\", container_name: \"my app\" }
  c: { image: Registry/app, container_name: /web-1, networks: [n], volumes: [\"v1:/v\", \"v2:/w\", \"v3:/x\"] }
  d: { image: \"${BAD}\" }
  Web: { build: { context: ., tags: [\"a b\"] } }
networks: { n: { name: \"a b\" } }
volumes: { v1: { name: v }, v2: { name: a/b }, v3: { name: a b, driver: nfs } }
";
    let mut variables = Variables::default();
    variables.push(Origin::EnvFile, [("BAD", "hunter 2")]);
    let (_, said) = built_with(file, variables, &[]);
    let characters =
        "a name has two characters or more: letters, digits, `_`, `.` and `-`, and it begins with a letter or digit";
    let forms = "write `name`, `name:tag`, `registry/name:tag` or `name@sha256:…`";
    let tag = "write a tag behind the colon, or leave the colon out; a variable may be empty";
    let container = |name: &str| format!("no engine takes `{name}` as the name of a container ({characters})");
    let volume = |name: &str| format!("no engine takes `{name}` as the name of a volume ({characters})");
    let expected = [
        (3, 15, "the name of the image `Nginx:latest` has upper case letters (write `nginx:latest`)".to_owned()),
        (3, 45, container("c")),
        (4, 15, format!("`nginx:` is not the name of an image ({tag})")),
        (4, 48, container("my app")),
        (6, 15, format!("what a secret variable says is not the name of an image ({forms})")),
        (
            7,
            3,
            "`shop-Web`, as this image would be called, is not the name of an image (give the service an `image`, such as `shop-web`)".to_owned(),
        ),
        (7, 38, format!("`a b` is not the name of an image ({forms})")),
        (8, 24, "no engine takes `a b` as the name of a network (write a name without spaces and slashes, such as `a-b`)".to_owned()),
        (9, 24, volume("v")),
        (9, 41, volume("a/b")),
    ];
    let found: Vec<String> =
        said.iter().map(|line| line.replace(" Error HL0107", "").replace(" Error HL0412", "")).collect();
    assert_eq!(found, expected.map(|(line, column, words)| format!("compose.yml:{line}:{column}: {words}")));
}

#[test]
fn what_belongs_to_the_owner_of_a_network_is_refused_for_who_only_uses_it() {
    let of = |keys: &str| {
        let text = format!(
            "services:\n  vpn: {{ image: a, hostname: v, ports: ['80'] }}\n  web:\n    image: a\n    network_mode: service:vpn\n{keys}"
        );
        built_with(&text, Variables::default(), &[]).1
    };
    assert_eq!(of("    dns_search: [lan]\n    hostname: ''\n    ports: []\n"), Vec::<String>::new());
    let said = of("    hostname: web\n    ports: ['8080:80']\n    dns: 1.1.1.1\n    extra_hosts: ['a:1.1.1.1']\n");
    assert_eq!(said.len(), 4);
    assert!(said.iter().all(|line| line.contains("the network of another one")), "{said:?}");
}
