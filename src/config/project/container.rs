//! Compose services as containers: how many, what each is called, and what runs in it.

use std::collections::{BTreeMap, BTreeSet};

use super::Builder;
use super::conversions::{flag, nanoseconds, number, secret_aware, text_map, variables, words};
use crate::compose::yaml::{Entry, Node};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::model::Text;
use crate::model::addr::Kind;
use crate::model::homelab::{Condition, Container, ContainerDependency, DependentRestart, Required, Role};
use crate::model::spec::{ContainerSpec, Healthcheck, Logging, RestartPolicy};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

impl Builder<'_> {
    /// Adds the containers of one Compose service, and its image.
    pub(super) fn service(&mut self, name: &str, entry: &Entry) {
        let service = &entry.node;
        let count = replicas(service);
        let first_source = self.made.sources.len();
        let own_name = self.plain(service.get("container_name"));
        let own_span = service.get("container_name").map_or(entry.key_span, |n| n.span);
        if own_name.is_some() && count > 1 {
            let words = format!("`{name}` has a container_name and {count} containers");
            let hint = "remove `container_name`, or run one container";
            self.out.push(Diagnostic::error(Code::Conflict, words).at(own_span, "one name for all of them").hint(hint));
            return;
        }
        self.check_container_name(service);
        let mut spec = self.spec(name, service);
        self.image(name, entry, &mut spec);
        let depends_on = dependencies(service);
        for number in 1..=count {
            let key = if number == 1 { name.to_owned() } else { format!("{name}#{number}") };
            let mut spec = spec.clone();
            spec.name = own_name.clone().unwrap_or_else(|| self.container_name(name, number));
            // As Compose has it: others find a container by its own name and by its service's.
            for end in spec.networks.values_mut() {
                end.aliases.extend([spec.name.clone(), name.to_owned()]);
            }
            spec.compose_labels = self.labels(name, service, number);
            self.made.claims.names.push((Kind::Container, spec.name.clone(), own_span));
            let container = Container {
                compose_service: name.to_owned(),
                number,
                spec,
                depends_on: depends_on.clone(),
                role: Role::Daemon,
            };
            self.made.containers.insert(key, container);
        }
        self.mounted_by(name, count, first_source);
    }

    /// The name of a container without one of its own.
    pub(super) fn container_name(&self, service: &str, number: u32) -> String {
        format!("{}-{service}-{number}", self.project.name)
    }

    /// The names of all containers of a Compose service.
    pub(super) fn container_names(&self, service: &str) -> Vec<String> {
        let services = super::entries(&self.project.tree, "services");
        let Some(entry) = services.and_then(|services| services.get(service)) else { return Vec::new() };
        match entry.node.get("container_name").and_then(Node::as_text).filter(|n| !n.is_empty()) {
            Some(name) => vec![name.to_owned()],
            None => (1..=replicas(&entry.node)).map(|number| self.container_name(service, number)).collect(),
        }
    }

    /// The specification that all containers of a Compose service have in common.
    fn spec(&mut self, name: &str, service: &Node) -> ContainerSpec {
        let mut spec = ContainerSpec {
            platform: self.plain(service.get("platform")),
            command: words(service.get("command")),
            entrypoint: words(service.get("entrypoint")),
            environment: variables(service.get("environment")),
            labels: text_map(service.get("labels")),
            annotations: text_map(service.get("annotations")),
            hostname: self.plain(service.get("hostname")),
            domainname: self.plain(service.get("domainname")),
            user: self.plain(service.get("user")),
            working_dir: self.plain(service.get("working_dir")).map(|p| crate::compose::syntax::path::clean(&p)),
            stop_signal: self.plain(service.get("stop_signal")),
            stop_grace_period: service.get("stop_grace_period").map(|n| nanoseconds(Some(n)) / SECOND),
            tty: flag(service.get("tty")),
            stdin_open: flag(service.get("stdin_open")),
            init: service.get("init").map(|n| flag(Some(n))),
            healthcheck: service.get("healthcheck").map(healthcheck),
            restart: self.restart(service),
            logging: service.get("logging").map(|n| Logging {
                driver: self.plain(n.get("driver")).unwrap_or_default(),
                options: text_map(n.get("options")),
            }),
            ..ContainerSpec::default()
        };
        self.set_network(name, service, &mut spec);
        self.set_storage(service, &mut spec);
        self.set_files(service, &mut spec);
        self.set_limits(service, &mut spec);
        self.set_rights(service, &mut spec);
        spec
    }

    /// `restart`, which `deploy.restart_policy` overrides.
    fn restart(&mut self, service: &Node) -> RestartPolicy {
        if let Some(policy) = service.get("deploy").and_then(|d| d.get("restart_policy")) {
            let tries = number(policy.get("max_attempts")).unwrap_or(0);
            return restart_policy(&self.plain(policy.get("condition")).unwrap_or_default(), tries);
        }
        let Some(text) = self.plain(service.get("restart")) else { return RestartPolicy::No };
        let (word, tries) = text.split_once(':').unwrap_or((&text, ""));
        let policy = restart_policy(word, tries.parse().unwrap_or(0));
        if let (RestartPolicy::Other(word), Some(node)) = (&policy, service.get("restart")) {
            let words = format!("`restart` cannot be `{word}`");
            let hint = "write one of `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`";
            self.out.push(Diagnostic::error(Code::InvalidValue, words).at(node.span, "").hint(hint));
        }
        policy
    }

    /// Containers that do one job: nothing starts them again, and somebody waits for their end.
    pub(super) fn roles(&mut self) {
        let waits_for = |container: &Container| {
            let ends = container.depends_on.iter().filter(|(_, d)| d.condition == Condition::Completed);
            ends.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let awaited: BTreeSet<String> = self.made.containers.values().flat_map(waits_for).collect();
        for container in self.made.containers.values_mut() {
            if awaited.contains(&container.compose_service) && container.spec.restart == RestartPolicy::No {
                container.role = Role::OneShot;
            }
        }
    }

    /// Notes that the containers of a service see the paths that were collected for it, from the `first` on.
    fn mounted_by(&mut self, service: &str, count: u32, first: usize) {
        let names = (1..=count).map(|n| if n == 1 { service.to_owned() } else { format!("{service}#{n}") });
        let names: Vec<String> = names.collect();
        for source in &mut self.made.sources[first..] {
            source.containers.clone_from(&names);
        }
    }

    /// A path of the machine that the service at hand reads, and where its containers see it.
    pub(super) fn reads(&mut self, path: &str, target: &str, purpose: super::Purpose, span: Span) {
        let (path, target) = (path.to_owned(), target.to_owned());
        let source = super::SourcePath { path, target, purpose, containers: Vec::new(), span };
        self.made.sources.push(source);
    }
}

/// How many containers a service has: `scale`, which normalisation has made equal to `deploy.replicas`.
pub(super) fn replicas(service: &Node) -> u32 {
    let count = service.get("scale").or_else(|| service.get("deploy").and_then(|d| d.get("replicas")));
    match count.map(|n| number(Some(n)).unwrap_or(0)) {
        None => 1,
        Some(count) => u32::try_from(count).unwrap_or(0),
    }
}

fn restart_policy(word: &str, tries: i64) -> RestartPolicy {
    match word {
        "" | "no" | "none" => RestartPolicy::No,
        "always" | "any" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        "on-failure" => RestartPolicy::OnFailure(tries),
        other => RestartPolicy::Other(other.to_owned()),
    }
}

fn healthcheck(node: &Node) -> Healthcheck {
    if flag(node.get("disable")) {
        return Healthcheck { test: Some(vec![Text::plain("NONE")]), ..Healthcheck::default() };
    }
    let test = node.get("test").and_then(Node::as_list).map(|words| words.iter().filter_map(secret_aware).collect());
    Healthcheck {
        test,
        interval: nanoseconds(node.get("interval")),
        timeout: nanoseconds(node.get("timeout")),
        start_period: nanoseconds(node.get("start_period")),
        start_interval: nanoseconds(node.get("start_interval")),
        retries: number(node.get("retries")).unwrap_or(0),
    }
}

fn dependencies(service: &Node) -> BTreeMap<String, ContainerDependency> {
    let mut found = BTreeMap::new();
    for (name, entry) in service.get("depends_on").and_then(Node::as_map).into_iter().flatten() {
        let condition = match entry.node.get("condition").and_then(Node::as_text) {
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::Completed,
            _ => Condition::Started,
        };
        let restart = if flag(entry.node.get("restart")) { DependentRestart::On } else { DependentRestart::Off };
        let required = match entry.node.get("required") {
            Some(node) if !flag(Some(node)) => Required::No,
            _ => Required::Yes,
        };
        found.insert(name.clone(), ContainerDependency { condition, restart, required });
    }
    found
}
