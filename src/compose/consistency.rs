//! Whether a normalised project makes sense as a whole: references that lead somewhere, settings that do not exclude
//! one another, no cycles.

use std::collections::BTreeMap;

use super::budget::{MOST_BYTES, MOST_CONTAINERS, MOST_NODES, MOST_OF_SERVICE, MOST_PORTS, MOST_SERVICES, Weight};
use super::tree_path::TreePath;
use super::{canonical, cycle};
use crate::compose::yaml::{Entry, Map, Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Span, did_you_mean};

/// Checks a project from which the services of disabled profiles were taken out; those are in `disabled`. The hint
/// about a dependency on an unknown service ends with `other_projects`.
pub fn check(project: &Node, disabled: &Map, other_projects: &str, diagnostics: &mut Diagnostics) {
    let empty = Map::default();
    let section = |kind: &str| project.get(kind).and_then(Node::as_map).unwrap_or(&empty);
    let scope = Scope {
        services: section("services"),
        disabled,
        networks: section("networks"),
        volumes: section("volumes"),
        secrets: section("secrets"),
        configs: section("configs"),
        other_projects,
    };
    if let Some((name, entry)) = scope.services.get_index(MOST_SERVICES) {
        let words = format!("services.{name}: the project has more than {MOST_SERVICES} services");
        let diagnostic = Diagnostic::error(Code::TooDeep, words).at(entry.key_span, "the limit is crossed here");
        diagnostics.push(diagnostic.hint("split the project"));
        return;
    }
    for (name, entry) in scope.services {
        scope.check_service(name, entry, diagnostics);
    }
    check_containers(scope.services, diagnostics);
    for (name, entry) in scope.secrets {
        check_secret(name, entry, diagnostics);
    }
    check_container_names(scope.services, diagnostics);
    cycle::check(scope.services, diagnostics);
}

/// The resources that a service may refer to.
struct Scope<'a> {
    services: &'a Map,
    disabled: &'a Map,
    networks: &'a Map,
    volumes: &'a Map,
    secrets: &'a Map,
    configs: &'a Map,
    other_projects: &'a str,
}

impl Scope<'_> {
    fn check_service(&self, name: &str, entry: &Entry, diagnostics: &mut Diagnostics) {
        let services = TreePath::ROOT.key("services");
        let at = services.key(name);
        let service = &entry.node;
        let has_image = service.get("image").and_then(Node::as_text).is_some_and(|i| !i.is_empty());
        if !has_image && service.get("build").is_none() {
            diagnostics.push(
                Diagnostic::error(Code::MissingKey, format!("{at} has neither `image` nor `build`"))
                    .at(entry.key_span, "Compose does not know what to run")
                    .hint(if service.get("image").is_some() {
                        "the image is empty: a variable in it may be unset"
                    } else {
                        "add `image: NAME`"
                    }),
            );
        }
        if let Some(build) = service.get("build") {
            self.check_build(build, service, at, diagnostics);
        }
        self.check_networks(service, at, diagnostics);
        self.check_dependencies(service, at, diagnostics);
        self.check_mounts(service, at, diagnostics);
        check_healthcheck(service, at, diagnostics);
        check_limits(service, at, diagnostics);
        check_scale(service, at, diagnostics);
        for trigger in service.get("develop").map(|d| list(d, "watch")).unwrap_or_default() {
            let action = trigger.get("action").and_then(Node::as_text);
            if is_blank(trigger.get("target")) && !matches!(action, Some("rebuild" | "restart")) {
                diagnostics.push(
                    Diagnostic::error(Code::MissingKey, format!("{at}.develop.watch has an entry without `target`"))
                        .at(trigger.span, "only `rebuild` and `restart` need none"),
                );
            }
        }
    }

    fn check_build(&self, build: &Node, service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
        if let (Some(file), Some(inline)) = (set(build, "dockerfile"), set(build, "dockerfile_inline")) {
            diagnostics.push(conflict(format!("{at}.build has `dockerfile` and `dockerfile_inline`"), file, inline));
        }
        for (context, entry) in map(build, "additional_contexts") {
            let Some(target) = entry.node.as_text().and_then(|c| c.strip_prefix("service:")) else { continue };
            match self.services.get(target) {
                None => diagnostics.push(undefined(
                    format!("{at}.build.additional_contexts.{context} names the unknown service `{target}`"),
                    entry.node.span,
                    target,
                    self.services,
                )),
                Some(other) if other.node.get("build").is_none() => diagnostics.push(
                    Diagnostic::error(Code::Conflict, format!("{at}.build uses `{target}`, which is not built"))
                        .at(entry.node.span, "")
                        .at(other.key_span, "it has no `build`"),
                ),
                Some(_) => {}
            }
        }
        if let Some(platform) = set(service, "platform") {
            let platforms = list(build, "platforms");
            if !platforms.is_empty() && !platforms.iter().any(|p| p.as_text() == platform.as_text()) {
                diagnostics.push(conflict(
                    format!("{at}.build.platforms does not have the service's `platform`"),
                    platform,
                    &platforms[0],
                ));
            }
        }
        for secret in list(build, "secrets") {
            check_reference("build secret", secret, self.secrets, "secrets", at, diagnostics);
        }
    }

    fn check_networks(&self, service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
        let networks = service.get("networks").filter(|n| n.as_map().is_some_and(|m| !m.is_empty()));
        if let (Some(mode), Some(networks)) = (set(service, "network_mode"), networks) {
            diagnostics.push(
                conflict(format!("{at} has `network_mode` and `networks`"), mode, networks)
                    .hint("with a network mode the service cannot join networks: keep one of the two"),
            );
        }
        for (name, entry) in map(service, "networks") {
            if !diagnostics.take(Severity::Error) {
                return;
            }
            if !self.networks.contains_key(name) {
                diagnostics.push(
                    undefined(
                        format!("{at} joins the undefined network `{name}`"),
                        entry.key_span,
                        name,
                        self.networks,
                    )
                    .or_hint(format!("define it at the top level: `networks: {{{name}: }}`, with `external: true` if it exists already")),
                );
            }
        }
        // The implied dependency on it says what is wrong, unless the user wrote one that may be missing.
        if let Some(target) = set(service, "network_mode").and_then(|m| m.as_text()?.strip_prefix("service:"))
            && !self.services.contains_key(target)
            && map(service, "depends_on").any(|(d, e)| d == target && !is_required(&e.node))
        {
            let span = service.get("network_mode").map_or(service.span, |m| m.span);
            let summary = format!("{at}.network_mode names the service `{target}`, which does not exist");
            diagnostics.push(undefined(summary, span, target, self.services));
        }
    }

    fn check_dependencies(&self, service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
        for (name, entry) in map(service, "depends_on") {
            if !diagnostics.take(Severity::Error) {
                return;
            }
            match (self.services.get(name), self.disabled.get(name)) {
                (Some(other), _) => {
                    let condition = entry.node.get("condition");
                    if condition.and_then(Node::as_text) == Some("service_healthy") && lacks_healthcheck(&other.node) {
                        diagnostics.push(
                            Diagnostic::warning(
                                Code::MissingHealthcheck,
                                format!("{at} waits for `{name}` to be healthy"),
                            )
                            .at(condition.map_or(entry.key_span, |c| c.span), "this waits for a health check")
                            .at(other.key_span, "no `healthcheck` is enabled here")
                            .detail("Unless its image brings a health check, the wait can only fail.")
                            .hint(format!("give `{name}` a `healthcheck`, or wait for `service_started`")),
                        );
                    }
                }
                (None, Some(_)) if !is_required(&entry.node) => {}
                (None, Some(other)) => diagnostics.push(
                    Diagnostic::error(
                        Code::UndefinedReference,
                        format!("{at} depends on `{name}`, whose profile is disabled"),
                    )
                    .at(entry.key_span, "needed here")
                    .at(other.key_span, "not enabled")
                    .hint("enable a profile of it, or write `required: false`"),
                ),
                (None, None) => diagnostics.push(
                    undefined(
                        format!("{at} depends on the undefined service `{name}`"),
                        entry.key_span,
                        name,
                        self.services,
                    )
                    .or_hint(match self.other_projects {
                        "" => format!("define `{name}` under `services`"),
                        elsewhere => format!("define `{name}` under `services`; {elsewhere}"),
                    }),
                ),
            }
        }
    }

    fn check_mounts(&self, service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
        for mount in list(service, "volumes") {
            if !diagnostics.take(Severity::Error) {
                return;
            }
            let is_volume = mount.get("type").and_then(Node::as_text) == Some("volume");
            let Some(source) = set(mount, "source").filter(|_| is_volume) else { continue };
            let name = source.as_text().unwrap_or_default();
            if !self.volumes.contains_key(name) {
                let hint = if name.contains('/') {
                    format!("for a path of the host write `./{}`", name.trim_start_matches("./"))
                } else {
                    format!(
                        "define it at the top level: `volumes: {{{name}: }}`; for a path of the host write `./{name}`"
                    )
                };
                diagnostics.push(
                    undefined(format!("{at} mounts the undefined volume `{name}`"), source.span, name, self.volumes)
                        .or_hint(hint),
                );
            }
        }
        for config in list(service, "configs") {
            check_reference("config", config, self.configs, "configs", at, diagnostics);
        }
        for secret in list(service, "secrets") {
            check_reference("secret", secret, self.secrets, "secrets", at, diagnostics);
        }
    }
}

fn check_reference(
    what: &str,
    reference: &Node,
    defined: &Map,
    section: &str,
    at: TreePath<'_>,
    diagnostics: &mut Diagnostics,
) {
    let source = reference.get("source");
    let name = source.and_then(Node::as_text).unwrap_or_default();
    if !defined.contains_key(name) && diagnostics.take(Severity::Error) {
        let span = source.map_or(reference.span, |s| s.span);
        diagnostics.push(
            undefined(format!("{at} uses the undefined {what} `{name}`"), span, name, defined)
                .or_hint(format!("define it at the top level, under `{section}`")),
        );
    }
}

fn check_healthcheck(service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let Some(test) = service.get("healthcheck").and_then(|h| h.get("test")) else { return };
    if let Some(first) = test.as_list().and_then(<[Node]>::first)
        && !matches!(first.as_text(), Some("CMD" | "CMD-SHELL" | "NONE"))
    {
        diagnostics.push(
            Diagnostic::error(Code::InvalidValue, format!("{at}.healthcheck.test does not say how to run it"))
                .at(first.span, "this must be CMD, CMD-SHELL or NONE")
                .hint("put \"CMD\" before the words, or write the whole command as one string"),
        );
    }
}

fn lacks_healthcheck(service: &Node) -> bool {
    let Some(check) = service.get("healthcheck") else { return true };
    let is_disabled = check.get("disable").is_some_and(|d| d.value == Value::Bool(true));
    let is_none = check.get("test").and_then(|t| t.as_list()?.first()?.as_text()) == Some("NONE");
    is_disabled || is_none
}

/// The old key of a limit and the one under `deploy` must agree, if both are given.
fn check_limits(service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    for (key, group, member) in [
        ("cpus", "limits", "cpus"),
        ("mem_limit", "limits", "memory"),
        ("mem_reservation", "reservations", "memory"),
        ("pids_limit", "limits", "pids"),
    ] {
        let Some(old) = service.get(key).filter(|n| number(n) != 0.0) else { continue };
        let Some(limits) = service.get("deploy").and_then(|d| d.get("resources")?.get(group)) else { continue };
        let new = limits.get(member);
        if new.map_or(0.0, number) as f32 != number(old) as f32 {
            diagnostics.push(
                conflict(
                    format!("{at} has different values for `{key}` and `deploy.resources.{group}.{member}`"),
                    old,
                    new.unwrap_or(limits),
                )
                .hint("keep one of them"),
            );
        }
    }
}

fn check_scale(service: &Node, at: TreePath<'_>, diagnostics: &mut Diagnostics) {
    let scale = service.get("scale");
    let replicas = service.get("deploy").and_then(|d| d.get("replicas"));
    if let (Some(scale), Some(replicas)) = (scale, replicas)
        && scale.value != replicas.value
    {
        diagnostics.push(conflict(
            format!("{at} has different values for `scale` and `deploy.replicas`"),
            scale,
            replicas,
        ));
    }
    if let (Some(count), Some(name)) = (scale.or(replicas), set(service, "container_name"))
        && number(count) > 1.0
    {
        diagnostics.push(
            conflict(format!("{at} has a `container_name` and more than one container"), name, count)
                .hint("remove the name: Compose numbers the containers itself"),
        );
    }
}

/// How many containers a service asks for; none if that is no number of them.
fn containers(service: &Node) -> Option<(&Node, i128)> {
    let count = service.get("scale").or_else(|| service.get("deploy").and_then(|d| d.get("replicas")))?;
    match count.value {
        Value::Int(number) => Some((count, number)),
        Value::Float(number) if number.is_finite() => Some((count, number as i128)),
        Value::Float(_) => Some((count, i128::MAX)),
        _ => None,
    }
}

/// As many containers, and ports of them, as a machine may have.
fn check_containers(services: &Map, diagnostics: &mut Diagnostics) {
    let (mut all, mut ports) = (0_usize, 0_usize);
    for (name, entry) in services {
        let (place, count) = containers(&entry.node).unwrap_or((&entry.node, 1));
        let Some(count) = usize::try_from(count).ok().filter(|_| count <= MOST_OF_SERVICE) else {
            let words = match count < 0 {
                true => format!("services.{name} cannot have less than no container"),
                false => format!("services.{name} asks for more than {MOST_OF_SERVICE} containers"),
            };
            let hint = format!("write a number from 0 to {MOST_OF_SERVICE}");
            diagnostics.push(Diagnostic::error(Code::InvalidValue, words).at(place.span, "").hint(hint));
            continue;
        };
        let (before, ports_before) = (all, ports);
        all += if count > 1 { count } else { 0 };
        if all > MOST_CONTAINERS && before <= MOST_CONTAINERS {
            let words = format!("the services with several containers ask for more than {MOST_CONTAINERS} of them");
            let diagnostic = Diagnostic::error(Code::TooDeep, words).at(place.span, "the limit is crossed here");
            diagnostics.push(diagnostic.hint("run fewer containers of a service"));
        }
        ports += count * list(&entry.node, "ports").len();
        if ports > MOST_PORTS && ports_before <= MOST_PORTS {
            diagnostics.push(canonical::too_many_ports(entry.key_span));
        }
    }
}

/// Refuses what is more than a project may have once each container has all that its service says.
pub(super) fn check_weight(project: &Node, diagnostics: &mut Diagnostics) {
    let mut all = Weight::default();
    for (name, entry) in map(project, "services") {
        let count = containers(&entry.node).and_then(|(_, count)| usize::try_from(count).ok()).unwrap_or(1);
        let more = Weight::of(&entry.node).times(count);
        all = Weight { nodes: all.nodes.saturating_add(more.nodes), bytes: all.bytes.saturating_add(more.bytes) };
        if all.nodes > MOST_NODES || all.bytes > MOST_BYTES {
            let words = format!(
                "the containers of the project have more than {MOST_NODES} values or {} MiB of text",
                MOST_BYTES >> 20
            );
            let words = format!("services.{name}: {words}");
            let diagnostic = Diagnostic::error(Code::TooDeep, words).at(entry.key_span, "the limit is crossed here");
            diagnostics.push(diagnostic.hint("run fewer containers of the service, or give them less"));
            return;
        }
    }
}

fn check_secret(name: &str, entry: &Entry, diagnostics: &mut Diagnostics) {
    let secret = &entry.node;
    let is_external = secret.get("external").is_some_and(|e| e.value == Value::Bool(true));
    if !is_external && set(secret, "file").is_none() && set(secret, "environment").is_none() {
        diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("secrets.{name} has no content"))
                .at(entry.key_span, "")
                .hint("give it `file` or `environment`"),
        );
    }
}

/// Two containers of one name cannot exist; Compose says so from 2.27 on, before that the engine did.
fn check_container_names(services: &Map, diagnostics: &mut Diagnostics) {
    let mut owners: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    for (service, entry) in services {
        let Some(node) = set(&entry.node, "container_name") else { continue };
        let Some(name) = node.as_text() else { continue };
        if let Some((other, span)) = owners.insert(name, (service, node.span)) {
            diagnostics.push(
                Diagnostic::warning(
                    Code::Conflict,
                    format!("{other} and {service} both want the container name `{name}`"),
                )
                .at(node.span, "")
                .at(span, "taken here")
                .hint("an engine has each container name once: change one of them"),
            );
        }
    }
}

fn conflict(summary: String, one: &Node, other: &Node) -> Diagnostic {
    Diagnostic::error(Code::Conflict, summary).at(one.span, "this").at(other.span, "and this")
}

fn undefined(summary: String, span: Span, name: &str, defined: &Map) -> Diagnostic {
    let nearest = did_you_mean(name, defined.keys().map(String::as_str));
    Diagnostic::error(Code::UndefinedReference, summary)
        .at(span, "")
        .hint(nearest.map(|n| format!("did you mean `{n}`?")).unwrap_or_default())
}

impl Diagnostic {
    /// The same with another way out where there is none yet.
    fn or_hint(self, hint: String) -> Self {
        if self.hint.is_empty() { self.hint(hint) } else { self }
    }
}

/// The value of a key, unless it is empty text, which is the same as not set.
fn set<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|n| n.as_text() != Some(""))
}

fn is_required(dependency: &Node) -> bool {
    dependency.get("required").is_none_or(|r| r.value != Value::Bool(false))
}

fn is_blank(node: Option<&Node>) -> bool {
    node.and_then(Node::as_text).is_none_or(str::is_empty)
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

fn map<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
    node.get(key).and_then(Node::as_map).into_iter().flatten()
}

fn number(node: &Node) -> f64 {
    match node.value {
        Value::Int(i) => i as f64,
        Value::Float(f) => f,
        _ => 0.0,
    }
}
