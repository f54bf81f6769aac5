//! Repositories in memory and what nodes say → homelabs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::counting_reader::CountingReader;
use super::{Drafts, Resolved, check_offline};
use crate::compose::reader::Reader;
use crate::config::tests::{engine_states, node_facts, repository, said};
use crate::config::{Sources, load};
use crate::model::Text;
use crate::model::name::NodeName;
use crate::model::spec::{ContainerSpec, FileContent, MountKind, Variable};
use crate::model::view::{
    FileKind, LiveContainer, LiveFile, LiveNode, LiveView, NodeView, Status, WantContent, Wanted,
};

const TOPOLOGY: &str = "version: 1\nname: home\nvars: { TZ: UTC, DOMAIN: lan }\n\
    nodes:\n  here: { address: local, vars: { DOMAIN: here } }\n  nas: { address: 'ssh://nas' }\n";

/// The label in which Compose writes its own version.
const VERSION_LABEL: &str = "com.docker.compose.version";

/// The homelab with what the nodes say, which is the same with the drafts and without.
pub(super) fn resolve(sources: &Sources, live: &LiveView, variables: &[(String, String)]) -> Resolved {
    let resolved = |drafts| {
        let resolution = super::resolve(sources, drafts, &node_facts(live), variables);
        resolution.complete(&engine_states(live))
    };
    let (drafted, anew) = (resolved(super::wanted(sources, variables).1), resolved(Drafts::none(sources)));
    let shown = |resolved: &Resolved| (said(&resolved.diagnostics, &resolved.map), format!("{:?}", resolved.homelab));
    assert_eq!(shown(&drafted), shown(&anew));
    assert_eq!(drafted.broken, anew.broken);
    drafted
}

fn wanted(sources: &Sources) -> BTreeMap<NodeName, Wanted> {
    super::wanted(sources, &[]).0
}

/// A repository with the topology above, in which each service has an owner.
pub(super) fn lab(files: &[(&str, &str)]) -> Sources {
    let mut all = vec![("inventory/topology.yaml", TOPOLOGY)];
    all.extend(files);
    let (sources, diagnostics) = load(repository(&all));
    assert_eq!(said(&diagnostics, &sources.map), Vec::<String>::new());
    sources
}

/// Nodes that have nothing but these files.
pub(super) fn live(files: &[(&str, &str, &str)]) -> LiveView {
    let mut view = LiveView::default();
    for name in ["here", "nas"] {
        let of_node = files.iter().filter(|(node, _, _)| *node == name);
        let file = |text: &str| LiveFile {
            kind: FileKind::File,
            mode: 0o600,
            owner: "0:0".into(),
            content: Some(text.as_bytes().to_vec()),
            entries: None,
        };
        let files = of_node.map(|(_, path, text)| ((*path).to_owned(), file(text))).collect::<BTreeMap<_, _>>();
        let node = LiveNode { files, ..LiveNode::default() };
        view.nodes.insert(NodeName::new(name).unwrap(), NodeView::Known(Box::new(node)));
    }
    view
}

pub(super) fn clean(resolved: &Resolved) {
    assert_eq!(said(&resolved.diagnostics, &resolved.map), Vec::<String>::new());
    assert_eq!(resolved.homelab.unresolved, BTreeMap::new());
}

pub(super) fn environment(resolved: &Resolved, service: &str, name: &str) -> Option<Text> {
    resolved.homelab.services[service].containers["app"].spec.environment[name].clone()
}

#[test]
fn a_health_script_gets_the_public_variables_of_its_node() {
    let compose = ("services/web/compose.yml", "services: { app: { image: a } }\n");
    let secret = ("services/web/.env", "TZ=beside\n");
    let script = ("services/web/healthcheck.sh", "true\n");
    let sources = lab(&[compose, ("services/web/service.yaml", "owner_node: here\n"), secret, script]);
    let live = live(&[("here", "/opt/homelab/config/web/.env", "PASSWORD=secret\n")]);
    let resolved = resolve(&sources, &live, &[("TOKEN".into(), "secret".into())]);
    clean(&resolved);
    let script = resolved.homelab.services["web"].health.as_ref().unwrap();
    let expected = [("DOMAIN", "here"), ("TZ", "UTC")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(script.variables, BTreeMap::from(expected), "secrets stay on the node");
}

#[test]
fn variables_are_looked_up_in_order() {
    let compose = "services: { app: { image: a, environment: [ARG, NODE, BESIDE, EXAMPLE, DOMAIN, TZ] } }\n";
    let sources = lab(&[
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: here\nenv: { plain: [NODE] }\n"),
        ("services/web/.env", "ARG=beside\nNODE=beside\nBESIDE=beside\n"),
        ("services/web/env.example", "EXAMPLE=example\nBESIDE=\n"),
    ]);
    let live = live(&[("here", "/opt/homelab/config/web/.env", "ARG=node\nNODE=node\n")]);
    let resolved = resolve(&sources, &live, &[("ARG".into(), "arg".into())]);
    clean(&resolved);
    let value = |name: &str| environment(&resolved, "web", name).unwrap();
    assert_eq!(value("ARG"), Text::plain("arg"));
    assert_eq!(value("NODE"), Text::secret("node"), "what the node has is not the repository's to show");
    assert_eq!(value("BESIDE"), Text::secret("beside"));
    assert_eq!(value("EXAMPLE"), Text::plain("example"));
    assert_eq!(value("DOMAIN"), Text::plain("here"));
    assert_eq!(value("TZ"), Text::plain("UTC"));
    let FileContent::Variables(declared) = &resolved.homelab.services["web"].files["config/web/.env"].content else {
        panic!("an env file")
    };
    assert_eq!(declared.keys().collect::<Vec<_>>(), ["EXAMPLE"]);
}

#[test]
fn what_apply_makes_up_is_unknown_until_it_is_there() {
    let sources = lab(&[
        (
            "services/db/compose.yml",
            "services: { app: { image: a, environment: { URL: 'db:${PW:?set it}' }, env_file: .env } }\n",
        ),
        ("services/db/service.yaml", "owner_node: nas\nenv: { required: [PW], generate: { PW: { length: 20 } } }\n"),
        ("services/db/env.example", "PW=\nUSER=me\n"),
    ]);
    let resolved = resolve(&sources, &live(&[]), &[]);
    clean(&resolved);
    let url = environment(&resolved, "db", "URL").expect("it is declared");
    assert!(matches!(url, Text::Pending(_)), "{url:?}");
    assert_eq!(url.filled(&BTreeMap::from([("PW".into(), "x".into())])), Text::secret("db:x"));
    assert!(matches!(environment(&resolved, "db", "PW"), Some(Text::Pending(_))));
    assert_eq!(environment(&resolved, "db", "USER"), Some(Text::plain("me")));
    let service = &resolved.homelab.services["db"];
    let file = &service.files["config/db/.env"];
    assert_eq!((file.path.as_str(), file.mode), ("/opt/homelab/config/db/.env", 0o600));
    let FileContent::Variables(declared) = &file.content else { panic!("an env file") };
    assert_eq!(declared["PW"], Variable::Generated { length: 20 });
    assert_eq!(declared["USER"], Variable::Is(Text::plain("me")));
    assert_eq!(service.directories.keys().collect::<Vec<_>>(), ["config/db", "data/db"]);
    let live = live(&[("nas", "/opt/homelab/config/db/.env", "PW=there\nUSER=me\n")]);
    let resolved = resolve(&sources, &live, &[]);
    clean(&resolved);
    assert_eq!(environment(&resolved, "db", "URL"), Some(Text::secret("db:there")));
}

#[test]
fn a_required_variable_blocks_its_service_alone() {
    let compose = "services: { app: { image: a, environment: [PW] } }\n";
    let sources = lab(&[
        ("services/db/compose.yml", compose),
        ("services/db/service.yaml", "owner_node: nas\nenv: { required: [PW] }\n"),
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: here\n"),
    ]);
    let resolved = resolve(&sources, &live(&[("nas", "/opt/homelab/config/db/.env", "PW=\n")]), &[]);
    assert_eq!(resolved.homelab.services.keys().map(|n| n.as_str()).collect::<Vec<_>>(), ["web"]);
    assert!(resolved.homelab.unresolved["db"].why.starts_with("PW has no value; set it in "));
    assert_eq!(
        said(&resolved.diagnostics, &resolved.map),
        ["services/db/service.yaml:2:19 Warning HL0410: `PW` has no value on `nas`, so `db` is not planned \
             (set it in /opt/homelab/config/db/.env on `nas`, or list it in `env.generate`)"]
    );
}

#[test]
fn a_node_that_was_not_read_leaves_its_services_unresolved() {
    let sources = lab(&[
        ("services/db/compose.yml", "services: { app: { image: a } }\n"),
        ("services/db/service.yaml", "owner_node: nas\n"),
        ("services/web/compose.yml", "services: { app: { image: a } }\n"),
        ("services/web/service.yaml", "owner_node: here\n"),
    ]);
    let mut view = live(&[]);
    view.nodes.insert(NodeName::new("nas").unwrap(), NodeView::Unknown { why: "no route".into(), hint: String::new() });
    view.nodes.insert(NodeName::new("here").unwrap(), NodeView::Maintenance);
    let homelab = resolve(&sources, &view, &[]).homelab;
    assert!(homelab.services.is_empty());
    assert_eq!(homelab.unresolved["db"].why, "`nas` cannot be read: no route");
    assert_eq!(homelab.unresolved["web"].why, "`here` is in maintenance");
}

#[test]
fn files_of_the_folder_go_to_a_remote_node_and_stay_on_this_one() {
    let compose = "services:\n  app:\n    image: a\n    volumes: ['./a.yml:/a.yml', './conf:/conf:ro', './data:/data', '/opt/homelab/data/web/db:/db']\n    \
                   secrets: [pw]\n    env_file: [extra.env]\nsecrets: { pw: { file: ./pw } }\n";
    let files = |owner: &'static str| {
        vec![
            ("services/web/compose.yml", compose),
            ("services/web/service.yaml", owner),
            ("services/web/a.yml", "a: 1\n"),
            ("services/web/conf/x/one", "1"),
            ("services/web/conf/two", "2"),
            ("services/web/pw", "s3cret"),
            ("services/web/extra.env", "A=1\n"),
        ]
    };
    let remote = resolve(&lab(&files("owner_node: nas\n")), &live(&[]), &[]);
    clean(&remote);
    let service = &remote.homelab.services["web"];
    assert_eq!(service.project_dir, "/opt/homelab/config/web");
    assert_eq!(
        service.files.keys().collect::<Vec<_>>(),
        ["config/web/a.yml", "config/web/conf/two", "config/web/conf/x/one", "config/web/pw"]
    );
    assert_eq!(service.files["config/web/a.yml"].content, FileContent::Secret(b"a: 1\n".to_vec()), "there is no git");
    assert_eq!(service.files["config/web/pw"].content, FileContent::Secret(b"s3cret".to_vec()));
    assert_eq!(
        service.directories.keys().collect::<Vec<_>>(),
        ["config/web", "config/web/conf", "config/web/conf/x", "data/web"]
    );
    let spec = &service.containers["app"].spec;
    assert!(
        matches!(&spec.mounts["/a.yml"].kind, MountKind::Bind { source, .. } if source == "/opt/homelab/config/web/a.yml")
    );
    let seen = |resolved: &Resolved| resolved.homelab.services["web"].containers["app"].spec.mounted_files.clone();
    let mounted: Vec<_> =
        seen(&remote).into_iter().map(|(path, text)| format!("{path} {}", text.is_secret())).collect();
    assert_eq!(mounted, ["a.yml true", "conf/two true", "conf/x/one true", "pw true"]);
    assert_eq!(spec.environment["A"], Some(Text::secret("1")));

    let local = resolve(&lab(&files("owner_node: here\n")), &live(&[]), &[]);
    clean(&local);
    assert_eq!(local.homelab.services["web"].project_dir, "/lab/services/web");
    assert!(local.homelab.services["web"].files.is_empty());
    assert_eq!(seen(&local), seen(&remote));
}

#[test]
fn a_project_directory_of_its_own_brings_its_env_file() {
    let sources = lab(&[
        (
            "services/web/compose.yml",
            "services: { app: { image: a, environment: [PW, NEW], volumes: ['./x.yml:/x.yml'] } }\n",
        ),
        (
            "services/web/service.yaml",
            "owner_node: nas\nproject_dir: /srv/stacks/web\nenv: { generate: { PW: {}, NEW: {} } }\n",
        ),
        ("services/web/x.yml", "x\n"),
    ]);
    assert!(wanted(&sources)["nas"].files.contains_key("/srv/stacks/web/.env"));
    let resolved = resolve(&sources, &live(&[("nas", "/srv/stacks/web/.env", "PW=there\n")]), &[]);
    clean(&resolved);
    assert_eq!(environment(&resolved, "web", "PW"), Some(Text::secret("there")));
    assert!(matches!(environment(&resolved, "web", "NEW"), Some(Text::Pending(_))));
    let service = &resolved.homelab.services["web"];
    assert_eq!(service.project_dir, "/srv/stacks/web");
    assert_eq!(service.files.keys().collect::<Vec<_>>(), ["/srv/stacks/web/x.yml", "config/web/.env"]);
    let FileContent::Variables(declared) = &service.files["config/web/.env"].content else { panic!("an env file") };
    assert_eq!(declared.keys().collect::<Vec<_>>(), ["NEW"]);
}

#[test]
fn what_git_does_not_track_is_not_shown() {
    let compose = "services: { app: { image: a, volumes: ['./open:/a:ro', './hidden:/b:ro'] } }\n";
    let index = [b"DIRC\0\0\0\x02\0\0\0\x01".as_slice(), &[0; 60], b"\0\x11services/web/open\0"].concat();
    let mut sources = lab(&[
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: here\n"),
        ("services/web/open", "open"),
        ("services/web/hidden", "hidden"),
    ]);
    assert_eq!(sources.tracked, None);
    sources.tracked = super::super::tracked::tracked_files(
        Path::new("/lab"),
        &crate::compose::reader::Memory::from_iter([("/lab/.git/index", index)]),
    )
    .map(std::sync::Arc::new);
    let resolved = resolve(&sources, &live(&[]), &[]);
    let files = &resolved.homelab.services["web"].containers["app"].spec.mounted_files;
    assert_eq!(files["open"], Text::plain("open"));
    assert_eq!(files["hidden"], Text::secret("hidden"));
}

#[test]
fn claims_on_one_node_are_found() {
    let web = "services:\n  app:\n    image: a\n    container_name: app\n    ports: ['127.0.0.1:80:80', '53:53/udp']\n";
    let db = "services:\n  app:\n    image: a\n    container_name: app\n    ports: ['53:53', '80:1']\n    volumes: ['vol:/v']\n\
              volumes: { vol: { name: shared } }\n";
    let one = "name: web\nservices: { a: { image: a, volumes: ['vol:/v'], scale: 2, ports: ['8080:80'] } }\nvolumes: { vol: { name: shared } }\n";
    let sources = lab(&[
        ("services/web/compose.yml", web),
        ("services/web/service.yaml", "owner_node: nas\n"),
        ("services/db/compose.yml", db),
        ("services/db/service.yaml", "owner_node: nas\n"),
        ("services/one/compose.yml", one),
        ("services/one/service.yaml", "owner_node: nas\n"),
        ("services/far/compose.yml", web),
        ("services/far/service.yaml", "owner_node: here\n"),
    ]);
    let resolved = resolve(&sources, &live(&[]), &[]);
    let said = said(&resolved.diagnostics, &resolved.map);
    let said: Vec<_> = said.iter().map(|s| s.split(" (").next().unwrap().to_owned()).collect();
    assert_eq!(
        said,
        [
            "services/one/compose.yml:2:67 Error HL0407: 2 containers of `a` publish port 8080/tcp of `nas`",
            "services/one/compose.yml:3:25 Error HL0408: `db` and `one` both have a volume called `shared` on `nas`",
            "services/web/compose.yml:1:1 Error HL0408: `one` and `web` are one Compose project on `nas`: `web`",
            "services/web/compose.yml:4:21 Error HL0408: `db` and `web` both have a container called `app` on `nas`",
            "services/web/compose.yml:5:13 Error HL0407: `db` and `web` both publish port 127.0.0.1:80/tcp of `nas`",
        ]
    );
}

#[test]
fn without_a_node_nothing_is_said_about_values_that_only_it_has() {
    let compose = "services:\n  app:\n    image: 'a:${TAG}'\n    ports: ['${PORT}:80', '${OTHER:?not in the repository}:81']\n    \
                   volumes: ['${DATA}/x:/x']\n    environment: { A: '${PW:?}', B: '${TYPO}' }\n    mem_limit: '${SIZE}'\n";
    let sources = lab(&[
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: nas\nenv: { required: [PW], plain: [TAG], generate: { PW: {} } }\n"),
        ("services/web/env.example", "PORT=\nDATA=\nSIZE=\nPW=\n"),
    ]);
    let (diagnostics, map) = check_offline(&sources);
    let said = said(&diagnostics, &map);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("TYPO"), "{said:?}");
}

#[test]
fn the_nodes_are_asked_for_what_hl_looks_after() {
    let sources = lab(&[
        ("services/web/compose.yml", "services: { app: { image: a, volumes: ['./conf:/conf:ro'] } }\n"),
        ("services/web/service.yaml", "owner_node: nas\n"),
        ("services/web/conf/x", "1"),
    ]);
    let wanted = wanted(&sources);
    assert!(wanted["here"].files.is_empty());
    let asked: Vec<_> = wanted["nas"].files.iter().map(|(p, c)| (p.as_str(), *c == WantContent::Yes)).collect();
    assert_eq!(
        asked,
        [
            ("/opt/homelab/config/web", false),
            ("/opt/homelab/config/web/.env", true),
            ("/opt/homelab/config/web/conf", false),
            ("/opt/homelab/config/web/conf/x", true),
            ("/opt/homelab/data/web", false),
            ("/proc/net/dev", true),
        ]
    );
}

/// Mounted paths are there already, so only hl's own folders count, even where the files cannot be read.
#[test]
fn of_services_in_their_own_folder_little_is_wanted() {
    let compose = "services: { app: { image: a, volumes: ['./conf:/a:ro', '/opt/homelab/data/web:/b'] } }\n";
    let mut files = vec![
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: here\n"),
        ("services/web/env.example", "A=1\n"),
        ("services/web/conf/x", "1"),
    ];
    let asked = |sources: &Sources| {
        let files = wanted(sources)["here"].files.clone();
        files.into_keys().filter(|path| path != "/proc/net/dev").collect::<Vec<_>>()
    };
    let own = ["config/web", "config/web/.env", "data/web"].map(|path| format!("/opt/homelab/{path}"));
    let sources = lab(&files);
    assert_eq!(asked(&sources), own);
    let resolved = resolve(&sources, &live(&[]), &[]);
    clean(&resolved);
    let service = &resolved.homelab.services["web"];
    let placed = service.directories.values().map(|d| &d.path).chain(service.files.values().map(|f| &f.path));
    assert!(placed.clone().count() > 0);
    placed.for_each(|path| assert!(own.contains(path), "{path} is looked after and not looked at"));
    files[0].1 = "services: 5\n";
    assert_eq!(asked(&lab(&files)), own);
}

/// A node whose root is in the folder of a service: folders on the way there are looked after, so they are looked at.
#[test]
fn a_root_inside_of_a_service_is_looked_at() {
    let topology = "version: 1\nname: home\nnodes:\n  here: { address: local, root: /lab/services/web/node }\n";
    let (sources, diagnostics) = load(repository(&[
        ("inventory/topology.yaml", topology),
        ("services/web/compose.yml", "services: { app: { image: a, env_file: .env } }\n"),
        ("services/web/service.yaml", "owner_node: here\n"),
        ("services/web/env.example", "A=1\n"),
    ]));
    assert_eq!(said(&diagnostics, &sources.map), Vec::<String>::new());
    let resolved = resolve(&sources, &live(&[]), &[]);
    let service = &resolved.homelab.services["web"];
    let asked = &wanted(&sources)["here"].files;
    assert!(service.directories.len() > 1, "{:?}", service.directories);
    service.directories.values().for_each(|d| assert!(asked.contains_key(&d.path), "{}", d.path));
}

#[test]
fn this_repository_is_a_homelab() {
    for root in ["", "examples/quickstart"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let (sources, diagnostics) = load(crate::config::Repository::on_disk(&root, &root, None));
        assert_eq!(said(&diagnostics, &sources.map), Vec::<String>::new());
        let (diagnostics, map) = check_offline(&sources);
        let errors: Vec<_> = said(&diagnostics, &map);
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn labels_are_those_of_the_newest_compose_on_the_node() {
    let sources = lab(&[
        ("services/web/compose.yml", "services: { app: { image: a } }\n"),
        ("services/web/service.yaml", "owner_node: here\n"),
    ]);
    let version = |made_by: &[&str]| {
        let mut live = live(&[]);
        let Some(NodeView::Known(node)) = live.nodes.get_mut("here") else { panic!("it is known") };
        for release in made_by {
            let compose_labels = BTreeMap::from([(VERSION_LABEL.to_owned(), (*release).to_owned())]);
            let container = LiveContainer {
                id: (*release).to_owned(),
                name: (*release).to_owned(),
                image_id: String::new(),
                identity: None,
                status: Status::Running,
                health: None,
                failed_check: None,
                started_at: String::new(),
                restarts: 0,
                created_at: None,
                spec: ContainerSpec { compose_labels, ..ContainerSpec::default() },
                stale_networks: BTreeMap::new(),
                shares_with: Default::default(),
                namespaces_of: Default::default(),
                anonymous_volumes: BTreeMap::new(),
                addresses: Default::default(),
            };
            node.containers.insert((*release).to_owned(), container);
        }
        let resolved = resolve(&sources, &live, &[]);
        clean(&resolved);
        let spec = &resolved.homelab.services["web"].containers["app"].spec;
        assert!(spec.hashed.is_some());
        spec.compose_labels[VERSION_LABEL].clone()
    };
    assert_eq!(version(&[]), "2.26.1");
    assert_eq!(version(&["2.26.1", "1.29.2"]), "2.26.1");
    assert_eq!(version(&["2.26.1", "2.40.0"]), "2.40.3");
    assert_eq!(version(&["5.0.0", "2.40.0"]), "5.5.0");
}

#[test]
fn a_draft_is_kept_where_the_node_says_nothing_new() {
    let compose = "services: { app: { image: a, environment: { A: \"${A:-none}\" } } }\n";
    let named = "services: { app: { image: a, env_file: .env } }\n";
    let sources = lab(&[
        ("services/named/compose.yml", named),
        ("services/named/service.yaml", "owner_node: nas\n"),
        ("services/web/compose.yml", compose),
        ("services/web/service.yaml", "owner_node: nas\n"),
    ]);
    let reader = Arc::new(CountingReader { inner: Arc::clone(&sources.repository.reader), reads: AtomicUsize::new(0) });
    let mut sources = sources;
    sources.repository.reader = Arc::clone(&reader) as Arc<dyn Reader + Send + Sync>;
    let loads = |live: &LiveView| {
        let drafts = super::wanted(&sources, &[]).1;
        let before = reader.reads.load(Ordering::Relaxed);
        super::resolve(&sources, drafts, &node_facts(live), &[]).complete(&engine_states(live));
        reader.reads.load(Ordering::Relaxed) - before
    };
    // The file that is named is missing there, which only another load tells.
    assert_eq!(loads(&live(&[])), 1);
    let named = ("nas", "/opt/homelab/config/named/.env", "");
    assert_eq!(loads(&live(&[("nas", "/opt/homelab/config/web/.env", ""), named])), 0);
    let changed = live(&[("nas", "/opt/homelab/config/web/.env", "A=b\n"), named]);
    assert_eq!(loads(&changed), 1);
    assert_eq!(environment(&resolve(&sources, &changed, &[]), "web", "A"), Some(Text::secret("b")));
}
