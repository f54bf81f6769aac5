//! Whole projects loaded from memory: files, variables and profiles together.

use std::path::Path;

use super::*;
use crate::compose::reader::Memory;
use crate::compose::yaml::Value;
use crate::diagnostic::{Code, Severity};
use crate::model::Taint;

/// The outcome of a load, good or bad.
pub(super) struct Outcome {
    pub project: Option<Project>,
    pub diagnostics: Diagnostics,
}

/// A project of the files given, below `/srv/app`, whose first one is the Compose file unless `change` says more.
pub(super) fn load_with(files: &[(&str, &str)], change: impl FnOnce(&mut Options)) -> (Outcome, SourceMap) {
    let memory: Memory = files.iter().map(|(path, text)| (Path::new("/srv/app").join(path), *text)).collect();
    let mut options = Options {
        current_dir: "/srv/app".into(),
        files: vec![files[0].0.into()],
        home: Some("/root".to_owned()),
        ..Options::default()
    };
    change(&mut options);
    let mut sources = SourceMap::default();
    let outcome = match load(&memory, &options, &mut sources) {
        Ok(Loaded { project, warnings }) => Outcome { project: Some(project), diagnostics: warnings },
        Err(diagnostics) => Outcome { project: None, diagnostics },
    };
    (outcome, sources)
}

pub(super) fn project(files: &[(&str, &str)]) -> Project {
    project_with(files, |_| {})
}

pub(super) fn project_with(files: &[(&str, &str)], change: impl FnOnce(&mut Options)) -> Project {
    let (loaded, _) = load_with(files, change);
    loaded.project.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics))
}

/// The errors of files that are refused.
fn errors(files: &[(&str, &str)]) -> Vec<(Code, String)> {
    let (loaded, sources) = load_with(files, |_| {});
    assert!(loaded.project.is_none());
    let errors = loaded.diagnostics.sorted().into_iter().filter(|d| d.severity == Severity::Error);
    errors
        .map(|d| {
            let place = d.labels.first().map(|l| {
                let (line, column) = sources.line_column(l.span);
                format!("{}:{line}:{column}", sources.path(l.span.file).display())
            });
            (d.code, place.unwrap_or_default())
        })
        .collect()
}

/// The value at a path of keys and indexes, on one line, JSON-like.
pub(super) fn at(project: &Project, path: &str) -> String {
    let node = path.split('.').try_fold(&project.tree, |node, key| match key.parse::<usize>() {
        Ok(index) => node.as_list()?.get(index),
        Err(_) => node.get(key),
    });
    node.map_or_else(|| "-".to_owned(), show)
}

fn show(node: &Node) -> String {
    let secret = if node.taint == Taint::Secret { "secret " } else { "" };
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Text(s) => format!("{secret}{s}"),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, e)| format!("{k}: {}", show(&e.node))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[test]
fn variables_come_from_the_layers_and_stay_secret() {
    let file = "services:\n  s:\n    image: x:${TAG:-latest}\n    environment:\n      A: ${KEY}\n      B: ${GIVEN}\n      C: ${SHOWN}-${KEY}\n      KEY:\n";
    let files = [("compose.yml", file), (".env", "KEY=s3cret\nGIVEN=no\nSHOWN=example\n")];
    let project = project_with(&files, |request| {
        request.variables.push(Origin::Public, [("GIVEN", "yes")]);
        request
            .variables
            .set_plain(Plain { examples: [("SHOWN".to_owned(), "example".to_owned())].into(), ..Plain::default() });
        request.defaults = vec![("TAG".to_owned(), "7".to_owned()), ("KEY".to_owned(), "lower".to_owned())];
    });
    assert_eq!(at(&project, "services.s.image"), "x:7");
    assert_eq!(
        at(&project, "services.s.environment"),
        "{A: secret s3cret, B: yes, C: secret example-s3cret, KEY: secret s3cret}"
    );
    assert_eq!(project.used_variables.iter().map(String::as_str).collect::<Vec<_>>(), ["GIVEN", "KEY", "SHOWN", "TAG"]);
}

#[test]
fn env_files_replace_the_default_one_and_later_ones_win() {
    let file = "services: {s: {image: \"${A}${B}${C}\"}}\n";
    let files = [("compose.yml", file), (".env", "A=no\nC=no\n"), ("a.env", "A=1\nB=1\n"), ("b.env", "B=2\nC=$A$B\n")];
    let project = project_with(&files, |request| request.env_files = vec!["a.env".into(), "b.env".into()]);
    // A value that was read before counts more than the file's own line above.
    assert_eq!(at(&project, "services.s.image"), "secret 1211");
    let (loaded, _) = load_with(&files, |request| request.env_files = vec!["missing.env".into()]);
    assert!(loaded.project.is_none());
}

#[test]
fn values_are_cast_where_compose_wants_a_type() {
    let file = "services: {s: {image: x, privileged: \"${P}\", scale: \"3\", healthcheck: {retries: \"${R:-4}\"}, init: \"yes\"}}";
    let project = project_with(&[("compose.yml", file)], |r| r.variables.push(Origin::Public, [("P", "true")]));
    assert_eq!(at(&project, "services.s.privileged"), "true");
    assert_eq!(at(&project, "services.s.scale"), "3");
    assert_eq!(at(&project, "services.s.healthcheck.retries"), "4");
    let file = "services:\n  s:\n    image: x\n    tty: ${UNSET}\n    scale: many\n";
    assert_eq!(
        errors(&[("compose.yml", file)]),
        [(Code::InvalidValue, "compose.yml:4:10".to_owned()), (Code::InvalidValue, "compose.yml:5:12".to_owned()),]
    );
}

#[test]
fn unset_variables_warn_where_they_stand() {
    let file = "services:\n  s:\n    image: \"x:${TGA}\"\n";
    let (loaded, sources) = load_with(&[("compose.yml", file)], |r| r.variables.push(Origin::Public, [("TAG", "1")]));
    let warnings: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code == Code::VariableUnset).collect();
    assert_eq!(warnings.len(), 1);
    let span = warnings[0].labels[0].span;
    assert_eq!((sources.line_column(span), span.end - span.start), ((3, 15), 6));
    assert!(warnings[0].hint.contains("did you mean `TAG`"));
}

#[test]
fn scalars_that_become_other_text_are_traps() {
    let file = "services:\n  s:\n    image: x\n    environment: {U: 022, V: 1.10, D: 2024-01-01, A: 022:022, B: \"022\", C: 5, E: 1.5, F: true}\n    labels: [U=022]\n";
    let (loaded, _) = load_with(&[("compose.yml", file)], |_| {});
    let said: Vec<_> = loaded.diagnostics.iter().map(|d| (d.code, d.summary.as_str())).collect();
    assert_eq!(
        said,
        [
            (Code::SurprisingValue, "`022` is read as `18`"),
            (Code::SurprisingValue, "`1.10` is read as `1.1`"),
            (Code::SurprisingValue, "`2024-01-01` is read as `2024-01-01 00:00:00 +0000 UTC`"),
        ]
    );
}

#[test]
fn every_mistake_of_a_document_is_found_at_once() {
    let file = "services:\n  s:\n    imag: x\n    ports: ${A:?say}\n    tty: ${B:bad}\n";
    let codes: Vec<_> = errors(&[("compose.yml", file)]).into_iter().map(|(code, _)| code).collect();
    for code in [Code::UnknownKey, Code::VariableRequired, Code::InterpolationSyntax] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}

pub(super) const BASE: &str = "
name: p
services:
  s:
    image: i:1
    command: [a, b]
    environment: {A: 1, B: 1, C: }
    labels: [x=1, y=1]
    ports: [\"80:80\", \"81:81\"]
    volumes: [\"./a:/a\", \"./c:/c:ro\"]
    dns: 1.1.1.1
    devices: [\"/dev/a:/dev/x\"]
    networks: [n1]
    depends_on: [d]
    extra_hosts: [\"h:1.1.1.1\"]
    healthcheck: {test: [CMD, x], interval: 10s}
    logging: {driver: json-file, options: {max-size: 1m}}
    ulimits: {nofile: 10}
    cap_add: [A1]
    security_opt: [o]
    build: ./ctx
  d: {image: i}
networks: {n1: {ipam: {config: [{subnet: 10.0.0.0/24}]}}, n2: {}}
";

pub(super) const OVER: &str = "
services:
  s:
    image: i:2
    command: [c]
    environment: [B=2, D=2]
    labels: {y: 2}
    ports: [\"80:80\", \"82:82\"]
    volumes: [\"./a2:/a\"]
    dns: [8.8.8.8, 1.1.1.1]
    devices: [\"/dev/b:/dev/x\"]
    networks: {n2: {aliases: [z]}}
    depends_on: {e: {condition: service_healthy}}
    extra_hosts: {h: 2.2.2.2}
    healthcheck: {test: y, retries: 3}
    logging: {driver: local}
    ulimits: {nofile: {soft: 5, hard: 6}}
    cap_add: [A1, A2]
    security_opt: [q]
    build: {dockerfile: D2}
  e: {image: i}
networks: {n1: {ipam: {config: [{subnet: 10.1.0.0/24}]}}}
";

fn merged(over: &str) -> Project {
    project_with(&[("base.yml", BASE), ("over.yml", over)], |r| r.files = vec!["base.yml".into(), "over.yml".into()])
}

#[test]
fn overrides_merge_by_the_rule_of_each_key() {
    let project = merged(OVER);
    for (path, value) in [
        ("image", "i:2"),
        ("command", "[c]"),
        ("environment", "{A: 1, B: 2, C: null, D: 2}"),
        ("labels", "{x: 1, y: 2}"),
        ("dns", "[1.1.1.1, 8.8.8.8]"),
        ("devices.0.source", "/dev/b"),
        ("devices.1", "-"),
        ("cap_add", "[A1, A2]"),
        ("security_opt", "[o, q]"),
        ("healthcheck.test", "[CMD-SHELL, y]"),
        ("healthcheck.retries", "3"),
        ("logging", "{driver: local}"),
        ("ulimits.nofile", "{hard: 6, soft: 5}"),
        ("volumes.0.source", "/srv/app/a2"),
        ("volumes.1.source", "/srv/app/c"),
        ("volumes.2", "-"),
        ("ports.2.target", "82"),
        ("ports.3", "-"),
        ("build.context", "/srv/app/ctx"),
        ("build.dockerfile", "D2"),
        ("networks", "{n1: null, n2: {aliases: [z]}}"),
        ("depends_on.d.condition", "service_started"),
        ("depends_on.e.condition", "service_healthy"),
    ] {
        assert_eq!(at(&project, &format!("services.s.{path}")), value, "{path}");
    }
    assert_eq!(at(&project, "networks.n1.ipam.config"), "[{subnet: 10.1.0.0/24}]");
}

#[test]
fn resets_and_overrides_take_the_base_out() {
    let project = merged(
        "
services:
  s:
    ports: !override [\"99:99\"]
    environment: {A: !reset null, Z: 1}
    volumes: !reset []
    labels: !reset null
    command: !reset null
    networks: !override [n2]
    healthcheck: !reset {}
",
    );
    for (path, value) in [
        ("ports.0.target", "99"),
        ("ports.1", "-"),
        ("volumes", "-"),
        ("labels", "-"),
        ("command", "-"),
        ("networks", "{n2: null}"),
        ("healthcheck", "-"),
    ] {
        assert_eq!(at(&project, &format!("services.s.{path}")), value, "{path}");
    }
    assert_eq!(at(&project, "services.s.environment"), "{B: 1, C: null, Z: 1}");
}

#[test]
fn documents_of_one_file_merge_and_forms_must_fit() {
    let project =
        project(&[("compose.yml", "services: {s: {image: a}}\n---\nservices: {s: {image: b}, t: {image: c}}\n")]);
    assert_eq!((at(&project, "services.s.image"), at(&project, "services.t.image")), ("b".into(), "c".into()));
    let files = [("compose.yml", "services: {s: {image: a, expose: [1]}}\n---\nservices:\n  s: {expose: {a: b}}\n")];
    assert_eq!(errors(&files)[0], (Code::WrongType, "compose.yml:4:15".to_owned()));
}

#[test]
fn services_extend_services_of_this_and_other_files() {
    let files = [
        (
            "compose.yml",
            "services:\n  a: {extends: b, ports: [\"1:1\"]}\n  b: {extends: {file: sub/common.yml, service: c}, environment: [X=b]}\n",
        ),
        (
            "sub/common.yml",
            "services:\n  c: {extends: d, env_file: e.env, volumes: [\"./v:/v\"]}\n  d: {image: \"d:${T-1}\", environment: {X: d, Y: d}, ports: [\"2:2\"]}\n",
        ),
        ("sub/e.env", "Z=e\nX=e\n"),
    ];
    let project = project(&files);
    for service in ["a", "b"] {
        assert_eq!(at(&project, &format!("services.{service}.image")), "d:1");
        assert_eq!(at(&project, &format!("services.{service}.environment")), "{X: b, Y: d, Z: secret e}");
        assert_eq!(at(&project, &format!("services.{service}.volumes.0.source")), "/srv/app/sub/v");
        assert_eq!(at(&project, &format!("services.{service}.extends")), "-");
    }
    assert_eq!(at(&project, "services.a.ports.1.target"), "1");
}

#[test]
fn what_cannot_be_extended_is_named() {
    let cycle = "services:\n  a: {image: x, extends: b}\n  b: {extends: {service: a}}\n";
    assert_eq!(errors(&[("compose.yml", cycle)])[0].0, Code::IncludeCycle);
    let unknown = "services:\n  web: {image: x}\n  b: {extends: wep}\n";
    assert_eq!(errors(&[("compose.yml", unknown)]), [(Code::UndefinedReference, "compose.yml:3:16".to_owned())]);
    let missing = "services:\n  b: {extends: {file: no.yml, service: x}}\n";
    assert_eq!(errors(&[("compose.yml", missing)]), [(Code::MissingFile, "compose.yml:2:23".to_owned())]);
    let remote = "services:\n  b: {extends: {file: \"https://example.org/x.yml\", service: x}}\n";
    assert_eq!(errors(&[("compose.yml", remote)])[0].0, Code::UnsupportedKey);
}

#[test]
fn included_files_have_their_own_folder_and_env_file() {
    let files = [
        (
            "compose.yml",
            "include: [sub/compose.yml, {path: [x/a.yml, x/b.yml], project_directory: y, env_file: x.env}]\nservices: {s: {image: s, depends_on: [t, u]}}\n",
        ),
        (".env", "A=root\n"),
        ("sub/compose.yml", "services: {t: {image: \"t:${A}${B}\", volumes: [\"./v:/v\"], environment: [B]}}\n"),
        ("sub/.env", "A=sub\nB=sub\n"),
        ("x/a.yml", "services: {u: {image: \"u:${B-none}${C}\", build: .}}\n"),
        ("x/b.yml", "services: {u: {command: b}}\n"),
        ("x.env", "C=$A\n"),
        ("y/.keep", ""),
    ];
    let project = project(&files);
    assert_eq!(at(&project, "services.t.image"), "secret t:rootsub");
    assert_eq!(at(&project, "services.t.environment"), "{B: secret sub}");
    assert_eq!(at(&project, "services.t.volumes.0.source"), "/srv/app/sub/v");
    assert_eq!(at(&project, "services.u.image"), "secret u:noneroot");
    assert_eq!(at(&project, "services.u.build.context"), "/srv/app/y");
    assert_eq!(at(&project, "services.u.command"), "[b]");
}

#[test]
fn includes_that_cannot_be() {
    let itself =
        [("compose.yml", "include: [b.yml]\nservices: {s: {image: s}}\n"), ("b.yml", "include: [compose.yml]\n")];
    assert_eq!(errors(&itself)[0].0, Code::IncludeCycle);
    let missing = [("compose.yml", "include:\n  - no.yml\nservices: {s: {image: s}}\n")];
    assert_eq!(errors(&missing)[0], (Code::MissingFile, "compose.yml:2:5".to_owned()));
    let same = [
        (
            "compose.yml",
            "include: [a.yml, b.yml]\nservices: {s: {image: s, networks: [n]}}\nnetworks: {n: {external: true}}\n",
        ),
        ("a.yml", "include: [b.yml]\n"),
        ("b.yml", "services: {t: {image: t, networks: [n], volumes: [\"./x:/x\"]}}\nnetworks: {n: {external: true}}\n"),
    ];
    assert_eq!(at(&project(&same), "services.t.image"), "t");
}

#[test]
fn env_files_of_services_fold_below_their_environment() {
    let files = [
        (
            "compose.yml",
            "services:\n  s:\n    image: x\n    env_file: [a.env, {path: b.env}, {path: no.env, required: false}]\n    label_file: l.env\n    labels: {x: own}\n    environment: {B: own, C: }\n",
        ),
        ("a.env", "A=1\nB=a\nC=a\nREF=$PROJ\n"),
        ("b.env", "A=2\nFIRST=$A\nPROJ=b\nSEEN=$PROJ\n"),
        ("l.env", "x=l\ny=$PROJ-l\n"),
        (".env", "PROJ=root\n"),
    ];
    let project = project(&files);
    assert_eq!(
        at(&project, "services.s.environment"),
        "{A: secret 2, B: own, C: null, FIRST: secret 1, PROJ: secret b, REF: secret root, SEEN: secret root}"
    );
    assert_eq!(at(&project, "services.s.labels"), "{x: own, y: secret -l}");
    assert_eq!(at(&project, "services.s.env_file"), "-");
    assert!(!print::json(&project.tree).contains("label_file"), "what it names is folded in");
    let files = [("compose.yml", "services:\n  s:\n    image: x\n    env_file: no.env\n")];
    assert_eq!(errors(&files), [(Code::MissingFile, "compose.yml:4:15".to_owned())]);
}

#[test]
fn values_without_a_name_stop_variables_but_only_warn_in_services() {
    let plain = "services: {s: {image: x, env_file: e.env}}\n";
    let (loaded, _) = load_with(&[("compose.yml", plain), ("e.env", "A=\"x\" y\n=z\n")], |_| {});
    assert!(loaded.project.is_some());
    assert_eq!(loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::SurprisingValue]);
    assert_eq!(
        errors(&[("compose.yml", plain), ("e.env", ""), (".env", "=z\n")]),
        [(Code::EnvFileSyntax, ".env:1:2".to_owned())]
    );
}

#[test]
fn deep_files_are_no_danger_to_the_stack() {
    let deep = format!("{}1{}", "{a: [".repeat(95), "]}".repeat(95));
    let file = format!("x-a: {deep}\nservices: {{s: {{image: x, deploy: {deep}}}}}\n");
    assert!(load_with(&[("compose.yml", &file)], |_| {}).0.project.is_none());
    let file = format!("x-a: {deep}\nservices: {{s: {{image: x}}}}\n");
    let project =
        project_with(&[("a.yml", &file), ("b.yml", &file)], |r| r.files = vec!["a.yml".into(), "b.yml".into()]);
    assert!(print::json(&project.tree).len() > 1000 && print::yaml(&project.tree).len() > 1000);
}

#[test]
fn diagnostics_do_not_tell_secrets() {
    let file = "services:\n  s:\n    image: x\n    ports: [\"${KEY}:x\"]\n  t:\n    image: ${UNSET:?needs ${KEY}}\n";
    let (loaded, _) = load_with(&[("compose.yml", file), (".env", "KEY=hunter22\n")], |_| {});
    let said = format!("{:?}", loaded.diagnostics);
    assert!(loaded.project.is_none() && said.contains("needs (secret)") && !said.contains("hunter22"), "{said}");
}

#[test]
fn a_file_is_extended_with_the_variables_of_each_scope() {
    let files = [
        ("compose.yml", "include: [{path: a/c.yml, env_file: a.env}, {path: a/d.yml, env_file: b.env}]\n"),
        ("a/c.yml", "services: {c: {extends: {file: x.yml, service: x}}}\n"),
        ("a/d.yml", "services: {d: {extends: {file: x.yml, service: x}}}\n"),
        ("a/x.yml", "services: {x: {image: \"i:$V\"}}\n"),
        ("a.env", "V=1\n"),
        ("b.env", "V=2\n"),
    ];
    let project = project(&files);
    assert_eq!(
        (at(&project, "services.c.image"), at(&project, "services.d.image")),
        ("secret i:1".into(), "secret i:2".into())
    );
}

#[test]
fn profiles_choose_services_and_drop_what_they_alone_use() {
    let file = "services:\n  a: {image: a, volumes: [\"va:/x\"]}\n  b: {image: b, profiles: [p], volumes: [\"vb:/x\"]}\nvolumes: {va: , vb: , vc: }\n";
    let with = |profiles: &[&str]| {
        let project =
            project_with(&[("compose.yml", file)], |r| r.profiles = profiles.iter().map(|p| (*p).to_owned()).collect());
        let keys = |key: &str| {
            project.tree.get(key).and_then(Node::as_map).map(|m| m.keys().cloned().collect::<Vec<_>>().join(" "))
        };
        let disabled = project.disabled.keys().cloned().collect::<Vec<_>>().join(" ");
        (keys("services").unwrap_or_default(), keys("volumes").unwrap_or_default(), disabled)
    };
    assert_eq!(with(&[]), ("a".into(), "va".into(), "b".into()));
    assert_eq!(with(&["p"]), ("a b".into(), "va vb".into(), String::new()));
    assert_eq!(with(&["*"]).0, "a b");
    let project = project_with(&[("compose.yml", file), (".env", "COMPOSE_PROFILES=x, p")], |_| {});
    assert!(project.disabled.is_empty());
    // Without any profile the empty one is enabled.
    let file = "services: {a: {image: a, profiles: [\"${UNSET}\"]}}\n";
    assert!(project_with(&[("compose.yml", file)], |_| {}).disabled.is_empty());
}

#[test]
fn projects_are_found_and_named() {
    let name = |files: &[(&str, &str)], change: fn(&mut Options)| {
        let (loaded, _) = load_with(files, change);
        loaded.project.map(|p| p.name).ok_or(loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>())
    };
    let plain = "services: {s: {image: \"i:${COMPOSE_PROJECT_NAME}\"}}\n";
    assert_eq!(name(&[("c.yml", plain)], |_| {}), Ok("app".to_owned()));
    assert_eq!(name(&[("My Project/c.yml", plain)], |_| {}), Ok("myproject".to_owned()));
    assert_eq!(name(&[("c.yml", "name: ${N:-Foo.Bar}\nservices: {s: {image: i}}")], |_| {}), Ok("foobar".to_owned()));
    assert_eq!(name(&[("c.yml", plain), (".env", "COMPOSE_PROJECT_NAME=env")], |_| {}), Ok("env".to_owned()));
    assert_eq!(name(&[("c.yml", plain)], |r| r.project_name = Some("given".into())), Ok("given".to_owned()));
    assert_eq!(name(&[("c.yml", plain)], |r| r.project_name = Some("Given".into())), Err(vec![Code::ProjectName]));
    assert_eq!(name(&[("---/c.yml", plain)], |_| {}), Err(vec![Code::ProjectName]));
    let project = project_with(
        &[("a/docker-compose.yml", plain), ("a/compose.override.yml", "services: {s: {image: o}}")],
        |r| {
            r.files.clear();
            r.current_dir = "/srv/app/a/b".into();
        },
    );
    assert_eq!(project.config_files.len(), 2);
    assert_eq!((at(&project, "services.s.image"), project.working_dir), ("o".into(), PathBuf::from("/srv/app/a")));
}

#[test]
fn files_without_a_project() {
    assert_eq!(errors(&[("c.yml", "# nothing\n")])[0].0, Code::EmptyFile);
    assert_eq!(errors(&[("c.yml", "{}\n")])[0].0, Code::EmptyFile);
    assert_eq!(errors(&[("c.yml", "- a\n")])[0].0, Code::WrongType);
    assert_eq!(errors(&[("c.yml", "services: {s: {image: i}}\n---\n")])[0].0, Code::WrongType);
    let (loaded, _) = load_with(&[("c.yml", "")], |r| r.files = vec!["d.yml".into()]);
    assert_eq!(loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::MissingFile]);
}
