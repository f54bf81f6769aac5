//! Files that a newer Compose takes than the one that hl follows to the letter.

use super::tests::{at, load_with, project};
use super::*;
use crate::diagnostic::Code;

/// The codes of all that is said about files.
fn codes(files: &[(&str, &str)]) -> Vec<Code> {
    let (loaded, _) = load_with(files, |_| {});
    loaded.diagnostics.sorted().into_iter().map(|d| d.code).collect()
}

#[test]
fn contents_of_included_files_come_from_variables() {
    for (kind, key) in [("secrets", "secrets"), ("configs", "configs")] {
        let included = format!("services: {{a: {{image: x, {kind}: [s]}}}}\n{key}: {{s: {{environment: TOKEN}}}}\n");
        let files = [
            ("compose.yml", "include: [sub/c.yml]\nservices: {b: {image: y}}\n"),
            ("sub/c.yml", included.as_str()),
            ("sub/.env", "TOKEN=t\n"),
        ];
        let project = project(&files);
        assert_eq!(at(&project, &format!("{key}.s.content")), "secret t", "{kind}");
        assert!(!print::json(&project.tree).contains("x-#"), "{kind}");
        // An override file has the whole model, included contents and all, checked once more.
        let over = ("over.yml", "services: {b: {command: c}}\n");
        let files: Vec<_> = files.into_iter().chain([over]).collect();
        let (loaded, _) = load_with(&files, |o| o.files = vec!["compose.yml".into(), "over.yml".into()]);
        assert_eq!(at(&loaded.project.unwrap(), &format!("{key}.s.content")), "secret t", "{kind}");
    }
}

#[test]
fn what_is_included_is_overridden() {
    let files = [
        (
            "compose.yml",
            "
include: [sub/c.yml]
services:
  a: {image: own, ports: [\"81:81\"], environment: {A: own}, volumes: [\"./own:/v\"], labels: !reset [], dns: !override [2.2.2.2]}
networks: {proxy: {enable_ipv6: true}}
volumes: {data: {driver_opts: {o: own}}}
secrets: {s: {file: own}}
configs: {c: {file: own}}
",
        ),
        (
            "sub/c.yml",
            "
services:
  a: {image: x, ports: [\"80:80\"], environment: [A=x, B=x], volumes: [\"./v:/v\", \"./w:/w\"], labels: [l=1], dns: 1.1.1.1, networks: [proxy]}
networks: {proxy: {driver: bridge, enable_ipv6: false}}
volumes: {data: {driver_opts: {o: x, p: x}}}
secrets: {s: {file: x}}
configs: {c: {file: x}}
",
        ),
    ];
    let project = project(&files);
    for (path, shown) in [
        ("services.a.image", "own"),
        ("services.a.environment", "{A: own, B: x}"),
        ("services.a.dns", "[2.2.2.2]"),
        ("services.a.ports.0.published", "80"),
        ("services.a.ports.1.published", "81"),
        ("services.a.volumes.0.source", "/srv/app/own"),
        ("services.a.volumes.1.source", "/srv/app/sub/w"),
        ("services.a.networks", "{proxy: null}"),
        ("networks.proxy.driver", "bridge"),
        ("networks.proxy.enable_ipv6", "true"),
        ("networks.proxy.name", "app_proxy"),
    ] {
        assert_eq!(at(&project, path), shown, "{path}");
    }
    assert!(project.tree.get("services").and_then(|s| s.get("a")?.get("labels")).is_none());
    // A contradiction of the two is said at both places.
    let clash = [
        ("compose.yml", "include: [b.yml]\nservices: {a: {logging: none}}\n"),
        ("b.yml", "services: {a: {image: x, logging: {driver: none}}}\n"),
    ];
    assert!(codes(&clash).contains(&Code::WrongType));
}

#[test]
fn of_two_included_files_the_first_counts_more() {
    let files = [
        ("compose.yml", "include: [a.yml, b.yml]\nservices: {s: {image: s}}\n"),
        ("a.yml", "services: {t: {image: a}}\n"),
        ("b.yml", "services: {t: {image: b, command: b}}\n"),
    ];
    let project = project(&files);
    assert_eq!((at(&project, "services.t.image"), at(&project, "services.t.command")), ("a".into(), "[b]".into()));
}

#[test]
fn raw_env_files_are_taken_as_they_stand() {
    let file = "services: {s: {image: x, env_file: [{path: raw.env, format: raw}, {path: b.env, format: .env}, {path: c.env, format: ''}]}}\n";
    let text = "A=\"$HOME/#x\" # y\nB='b'\n";
    let files = [("compose.yml", file), ("raw.env", text), ("b.env", "C=\"c\"\n"), ("c.env", "D='$x'\n")];
    let project = project(&files);
    let shown = "{A: secret \"$HOME/#x\" # y, B: secret 'b', C: secret c, D: secret $x}";
    assert_eq!(at(&project, "services.s.environment"), shown);
    assert_eq!(codes(&files), []);
    let unknown = file.replace("format: raw", "format: toml");
    assert_eq!(codes(&[("compose.yml", &unknown), files[1], files[2], files[3]]), [Code::InvalidValue]);
}

#[test]
fn switches_may_be_written_as_text() {
    let env_file =
        |required: &str| format!("services: {{s: {{image: x, env_file: [{{path: no.env, required: {required}}}]}}}}\n");
    for (required, expected) in [
        ("\"false\"", &[][..]),
        ("\"FALSE\"", &[]),
        ("\"${O:-false}\"", &[]),
        ("no", &[Code::SurprisingValue]),
        ("\"no\"", &[Code::SurprisingValue]),
        ("off", &[Code::SurprisingValue]),
        ("n", &[Code::SurprisingValue]),
        ("\"true\"", &[Code::MissingFile]),
        ("\"0\"", &[Code::InvalidValue]),
        ("\"\"", &[Code::InvalidValue]),
    ] {
        let text = env_file(required);
        assert_eq!(codes(&[("compose.yml", &text)]), expected, "{required}");
    }
    let file = "services: {s: {image: x, depends_on: {t: {condition: service_started, required: \"${R:-false}\", restart: \"true\"}}}, t: {image: x, profiles: [p]}}\n";
    let project = project(&[("compose.yml", file)]);
    assert_eq!(at(&project, "services.s.depends_on.t.required"), "false");
    assert_eq!(at(&project, "services.s.depends_on.t.restart"), "true");
}

#[test]
fn files_that_are_missing_have_the_way_out_of_their_key() {
    for (text, hint) in [
        ("services: {s: {image: x, env_file: no.env}}\n", "create it, or write `required: false` beside its `path`"),
        ("services: {s: {image: x, label_file: no.env}}\n", "create it, or take it out of `label_file`"),
        (
            "include: [{path: b.yml, env_file: no.env}]\nservices: {s: {image: x}}\n",
            "create it, or take it out of `env_file`",
        ),
    ] {
        let (loaded, _) = load_with(&[("compose.yml", text), ("b.yml", "services: {t: {image: x}}\n")], |_| {});
        let hints: Vec<_> = loaded.diagnostics.iter().map(|d| (d.code, d.hint.as_str())).collect();
        assert_eq!(hints, [(Code::MissingFile, hint)], "{text}");
    }
    let nothing = "include: [{path: b.yml, env_file: /dev/null}]\nservices: {s: {image: x}}\n";
    assert_eq!(
        codes(&[("compose.yml", nothing), ("b.yml", "services: {t: {image: \"x$A\"}}\n"), (".env", "A=1\n")]),
        []
    );
}

#[test]
fn what_is_off_is_not_refused() {
    let service = |lines: &str| format!("services: {{s: {{image: x, {lines}}}}}\n");
    for lines in ["use_api_socket: false", "post_start: []", "models: {}", "pull_policy: refresh"] {
        assert_eq!(codes(&[("compose.yml", &service(lines))]), [], "{lines}");
    }
    for lines in ["use_api_socket: true", "provider: {type: x}"] {
        assert_eq!(codes(&[("compose.yml", &service(lines))]), [Code::UnsupportedKey], "{lines}");
    }
    let refresh = service("pull_policy: refresh, pull_refresh_after: 12h");
    let project = project(&[("compose.yml", &refresh)]);
    assert!(!print::json(&project.tree).contains("pull_refresh_after"));
    let mut found = Diagnostics::default();
    schema::check_support(&project.tree, &mut found);
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::NoEffect]);
}
