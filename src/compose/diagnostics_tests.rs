//! Diagnostics of projects that are wrong, doubtful, or more than hl can do; and that places and secrets survive.

use super::tests::{at, load_with, project, project_with};
use super::*;
use crate::diagnostic::{Code, Diagnostic};

/// The diagnostics of a file: severity, code, place and summary, one a line; the hints after an arrow.
fn said(text: &str) -> Vec<String> {
    let (loaded, sources) = load_with(&[("c.yml", text)], |_| {});
    lines(&loaded.diagnostics, &sources)
}

fn lines(diagnostics: &Diagnostics, sources: &SourceMap) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let place = d.labels.first().map(|l| sources.line_column(l.span)).unwrap_or_default();
        let hint = if d.hint.is_empty() { String::new() } else { format!(" → {}", d.hint) };
        format!("{:?} {} {}:{} {}{hint}", d.severity, d.code, place.0, place.1, d.summary)
    };
    diagnostics.sorted().into_iter().map(line).collect()
}

/// A file with one service that has these lines.
fn service(lines: &str) -> String {
    format!("services:\n  s:\n    image: i\n    {}\n", lines.replace('\n', "\n    "))
}

#[test]
fn the_schema_says_what_is_taken_and_what_was_meant() {
    for (lines, expected) in [
        ("enviroment: {}", "Error HL0104 4:5 services.s: unknown key `enviroment` → did you mean `environment`?"),
        (
            "foo: 1",
            "Error HL0104 4:5 services.s: unknown key `foo` → write `x-foo` for a note of your own that Compose should ignore",
        ),
        ("user: 1000", "Error HL0103 4:11 services.s.user must be a string, not an integer → put the value in quotes"),
        (
            "ports: 80:80",
            "Error HL0103 4:12 services.s.ports must be a list, not a string → write it as a list: a line with `- ` for each item",
        ),
        (
            "ports: [{published: 80}]",
            "Error HL0109 4:13 an entry of `services.s.ports` has no `target` → add `target:`",
        ),
        (
            "command: [1, a]",
            "Error HL0103 4:15 services.s.command.0 must be a string, not an integer → put the value in quotes",
        ),
        ("group_add: [a, b, a]", "Error HL0107 4:23 services.s.group_add holds the same item twice"),
        (
            "pull_policy: alway",
            "Error HL0107 4:18 services.s.pull_policy must be one of always, never, if_not_present, build, missing, refresh, daily, weekly → did you mean `always`?",
        ),
        ("oom_score_adj: 1001", "Error HL0107 4:20 services.s.oom_score_adj must be from -1000 to 1000"),
        ("volumes: [{source: a, target: /a}]", "Error HL0109 4:15 services.s.volumes.0 has no `type`"),
        (
            "provider: {type: x}",
            "Error HL0301 4:5 unsupported key services.s.provider → take the service out of the file, and start what it provides yourself",
        ),
    ] {
        assert_eq!(said(&service(lines)), [expected], "{lines}");
    }
    assert_eq!(
        said("service: {}"),
        ["Error HL0104 1:1 the file: unknown key `service` → did you mean `services`?"],
        "the top of a file has no path"
    );
}

#[test]
fn values_that_mean_nothing_are_errors_with_a_way_out() {
    for (lines, expected) in [
        (
            "stop_grace_period: '10'",
            "Error HL0306 4:24 services.s.stop_grace_period is not a duration → write `10s` for seconds",
        ),
        (
            "mem_limit: lots",
            "Error HL0307 4:16 services.s.mem_limit is not a size → write a number and a unit, such as `512m` or `1.5g`",
        ),
        (
            "ports: ['localhost:80:80']",
            "Error HL0304 4:13 services.s.ports.0: `localhost` is not an IP address → write the address as numbers, such as `127.0.0.1:8080:80`; host names do not work here",
        ),
        (
            "volumes: ['./a:']",
            "Error HL0305 4:15 services.s.volumes.0: there is nothing before or after a colon → a variable may be unset: write `SOURCE:TARGET`, or `TARGET` alone",
        ),
        (
            "command: it's",
            "Error HL0308 4:14 services.s.command: a quote is not closed → close the quote, or write the command as a list of words",
        ),
        (
            "devices: ['a:b:c:d']",
            "Error HL0107 4:15 services.s.devices.0: a device has at most a source, a target and permissions → use the long form, with `source`, `target` and `permissions`",
        ),
        (
            "extra_hosts: [h]",
            "Error HL0107 4:19 services.s.extra_hosts: `h` names a host without an address → write `name=address`, such as `db.lan=192.168.1.5`",
        ),
        (
            "healthcheck: {test: [x]}",
            "Error HL0107 4:26 services.s.healthcheck.test does not say how to run it → put \"CMD\" before the words, or write the whole command as one string",
        ),
        ("attach: maybe", "Error HL0107 4:13 services.s.attach is neither true nor false"),
        ("healthcheck: {retries: -1}", "Error HL0107 4:28 services.s.healthcheck.retries must not be negative"),
    ] {
        assert_eq!(said(&service(lines)), [expected], "{lines}");
    }
}

#[test]
fn traps_are_warnings() {
    for (lines, expected) in [
        (
            "volumes: ['v:/data']",
            "Warning HL0311 4:15 services.s.volumes.0: Compose reads this as an anonymous volume → give the volume a name of two letters or more, or use the long form",
        ),
        (
            "command: a && b",
            "Warning HL0308 4:14 services.s.command is cut short: Compose runs no shell → to run it in a shell, write a list: [\"sh\", \"-c\", \"…\"]",
        ),
        (
            "environment: ['A = 1']",
            "Warning HL0311 4:19 services.s.environment: the name of `A ` ends with a space → write `A=…`, without spaces around the `=`",
        ),
        (
            "mem_limit: 1.5",
            "Warning HL0311 4:16 services.s.mem_limit is ignored → write a whole number of bytes, or a size with its unit, such as `1.5g`",
        ),
    ] {
        assert_eq!(said(&service(lines)), [expected], "{lines}");
    }
}

#[test]
fn a_project_must_hang_together() {
    let file = "
services:
  web:
    image: i
    depends_on: {dbb: {condition: service_started}, db: {condition: service_healthy}, off: {condition: service_started}}
    networks: [bck]
    volumes: [dta:/x, a/b:/y]
    secrets: [pw]
    configs: [conf]
    container_name: c
    scale: 2
    cpus: 1
    deploy: {replicas: 3, resources: {limits: {cpus: '2'}}}
  db: {network_mode: host, networks: [back], container_name: c}
  off: {image: i, profiles: [p]}
networks: {back: }
volumes: {data: }
secrets: {pw2: {environment: ''}}
";
    assert_eq!(
        said(file),
        [
            "Error HL0302 5:18 services.web depends on the undefined service `dbb` → did you mean `db`?",
            "Error HL0302 5:87 services.web depends on `off`, whose profile is disabled → enable a profile of it, or write `required: false`",
            "Error HL0302 6:16 services.web joins the undefined network `bck` → did you mean `back`?",
            "Error HL0302 7:15 services.web mounts the undefined volume `dta` → did you mean `data`?",
            "Error HL0302 7:23 services.web mounts the undefined volume `a/b` → for a path of the host write `./a/b`",
            "Error HL0302 8:15 services.web uses the undefined secret `pw` → did you mean `pw2`?",
            "Error HL0302 9:15 services.web uses the undefined config `conf` → define it at the top level, under `configs`",
            "Error HL0309 10:21 services.web has a `container_name` and more than one container → remove the name: Compose numbers the containers itself",
            "Error HL0309 11:12 services.web has different values for `scale` and `deploy.replicas`",
            "Error HL0309 12:11 services.web has different values for `cpus` and `deploy.resources.limits.cpus` → keep one of them",
            "Error HL0109 14:3 services.db has neither `image` nor `build` → add `image: NAME`",
            "Error HL0309 14:22 services.db has `network_mode` and `networks` → with a network mode the service cannot join networks: keep one of the two",
            "Error HL0109 18:11 secrets.pw2 has no content → give it `file` or `environment`",
            "Warning HL0314 5:69 services.web waits for `db` to be healthy → give `db` a `healthcheck`, or wait for `service_started`",
            "Warning HL0309 14:62 web and db both want the container name `c` → an engine has each container name once: change one of them",
        ]
    );
}

#[test]
fn cycles_are_named_with_each_of_their_lines() {
    let file = "
services:
  a: {image: i, depends_on: [b]}
  b: {image: i, links: [c]}
  c: {image: i, network_mode: 'service:a'}
  d: {image: i, depends_on: [d, a]}
";
    let (loaded, sources) = load_with(&[("c.yml", file)], |_| {});
    let cycles: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code == Code::DependencyCycle).collect();
    let summaries: Vec<_> = cycles.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "services depend on one another in a cycle: a → b → c → a",
            "services depend on one another in a cycle: d → d"
        ]
    );
    let places: Vec<_> = cycles[0].labels.iter().map(|l| (sources.line_column(l.span).0, l.text.as_str())).collect();
    assert_eq!(places, [(3, "a needs b"), (4, "b needs c"), (5, "c needs a")]);
}

#[test]
fn what_hl_cannot_do_is_an_error_only_for_a_plan() {
    let file = "
services:
  s:
    image: i
    attach: false
    isolation: hyperv
    deploy: {mode: global, labels: [], resources: {limits: {cpus: 1}, reservations: {cpus: 1}}}
    post_start: [{command: x}]
    volumes: [{type: npipe, source: x, target: /x}]
    secrets: [e]
secrets: {e: {external: true}, f: {external: false, file: x}}
";
    let (loaded, sources) = load_with(&[("c.yml", file)], |_| {});
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let mut found = Diagnostics::default();
    schema::check_support(&loaded.project.expect("a project").tree, &mut found);
    assert_eq!(
        lines(&found, &sources),
        [
            "Error HL0301 6:5 unsupported key services.s.isolation → remove it",
            "Error HL0301 8:5 unsupported key services.s.post_start → do it in the container's entrypoint, or remove it",
            "Error HL0301 9:22 unsupported value services.s.volumes.0.type: npipe → mount a host path (`bind`), a volume (`volume`) or `tmpfs`",
            "Error HL0301 11:15 unsupported key secrets.e.external → give it a `file`, or a variable with `environment`, instead",
            "Note HL0310 7:14 services.s.deploy.mode has no effect → remove it",
            "Note HL0310 7:86 services.s.deploy.resources.reservations.cpus has no effect → remove it",
        ]
    );
}

#[test]
fn secrets_and_places_survive_every_form() {
    let file = "
services:
  s:
    image: i
    command: run --key=$K
    environment: [A=$K, B=plain, K]
    labels: {l: $K}
    ports: ['8080:80']
    healthcheck: {test: curl $K}
    build: {context: ., args: [K]}
    extra_hosts: ['h:$K']
configs: {c: {environment: K}}
";
    let project = project_with(&[("c.yml", file), (".env", "K=v\n")], |_| {});
    for (path, expected) in [
        ("services.s.command", "[secret run, secret --key=v]"),
        ("services.s.environment", "{A: secret v, B: plain, K: secret v}"),
        ("services.s.labels", "{l: secret v}"),
        ("services.s.healthcheck.test", "[CMD-SHELL, secret curl v]"),
        ("services.s.build.args", "{K: secret v}"),
        ("services.s.extra_hosts", "[secret h=v]"),
    ] {
        assert_eq!(at(&project, path), expected, "{path}");
    }
    let port = project.tree.get("services").and_then(|s| s.get("s")?.get("ports")?.as_list()?.first());
    let target = port.and_then(|p| p.get("target")).expect("a target");
    let written = &file[target.span.start as usize..target.span.end as usize];
    assert_eq!(written, "'8080:80'", "a synthesized value stands where its short form stands");
}

#[test]
fn the_content_of_configs_and_secrets_is_kept_but_not_printed() {
    let file = "
services: {s: {image: i, configs: [c, d], secrets: [p]}}
configs: {c: {environment: K}, d: {content: shown}}
secrets: {p: {environment: K}}
";
    let project = project_with(&[("c.yml", file), (".env", "K=hidden\n")], |_| {});
    assert_eq!(at(&project, "configs.c.content"), "secret hidden");
    assert_eq!(at(&project, "secrets.p.content"), "secret hidden");
    let printed = print::yaml(&project.tree) + &print::json(&project.tree);
    assert!(!printed.contains("hidden") && printed.contains("shown"));
}

#[test]
fn printed_projects_load_to_themselves() {
    let first = project(&[("c.yml", include_str!("fixtures/p6-compose.yaml"))]);
    let yaml = print::yaml(&first.tree);
    assert_eq!(print::yaml(&project(&[("c.yml", &yaml)]).tree), yaml);
    let json = print::json(&first.tree);
    assert_eq!(print::json(&project(&[("c.yml", &json)]).tree), json);
}
