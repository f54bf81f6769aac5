//! The process of a container: image, command, environment, names, health, restart.

use super::host::HostConfig;
use super::{api_types, word};
use crate::model::spec::{ContainerSpec, Healthcheck, ImageRef, RestartPolicy};
use crate::model::value::Text;

/// Fills in what a container runs.
pub fn read(config: &api_types::Config, host: &HostConfig, id: &str, spec: &mut ContainerSpec) {
    spec.image = ImageRef::new(config.image.clone().unwrap_or_default());
    spec.command = texts(config.cmd.as_deref());
    spec.entrypoint = texts(config.entrypoint.as_deref());
    spec.environment = config.env.iter().flatten().map(|entry| variable(entry)).collect();
    spec.annotations = host.annotations.iter().flatten().map(|(k, v)| (k.clone(), Text::plain(v))).collect();
    let shares_names = host.network_mode.as_deref().is_some_and(|m| m.starts_with("container:"));
    if !shares_names {
        // Undeclared, the engine takes the start of the id. A container in another one's network shows
        // that one's names once it was started.
        spec.hostname = word(config.hostname.as_ref()).filter(|h| !id.starts_with(h.as_str()) || h.len() != 12);
        spec.domainname = word(config.domainname.as_ref());
    }
    spec.user = word(config.user.as_ref());
    spec.working_dir = word(config.working_dir.as_ref());
    spec.stop_signal = word(config.stop_signal.as_ref());
    spec.stop_grace_period = config.stop_timeout;
    spec.tty = config.tty.unwrap_or(false);
    spec.stdin_open = config.open_stdin.unwrap_or(false);
    spec.init = host.init;
    spec.healthcheck = config.healthcheck.as_ref().map(healthcheck);
    spec.restart = host.restart_policy.as_ref().map(restart).unwrap_or_default();
}

/// A health check as the engine shows it, of a container or an image.
pub fn healthcheck(check: &api_types::HealthConfig) -> Healthcheck {
    Healthcheck {
        test: texts(check.test.as_deref()),
        interval: check.interval.unwrap_or_default(),
        timeout: check.timeout.unwrap_or_default(),
        start_period: check.start_period.unwrap_or_default(),
        start_interval: check.start_interval.unwrap_or_default(),
        retries: check.retries.unwrap_or_default(),
    }
}

fn texts(words: Option<&[String]>) -> Option<Vec<Text>> {
    words.map(|words| words.iter().map(Text::plain).collect())
}

/// `K=V`, or `K` alone, which the engine keeps and which hides the image's value.
fn variable(entry: &str) -> (String, Option<Text>) {
    match entry.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(Text::plain(value))),
        None => (entry.to_owned(), None),
    }
}

fn restart(policy: &api_types::RestartPolicy) -> RestartPolicy {
    match policy.name.as_deref().unwrap_or_default() {
        "" | "no" => RestartPolicy::No,
        "always" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        "on-failure" => RestartPolicy::OnFailure(policy.maximum_retry_count.unwrap_or_default()),
        other => RestartPolicy::Other(other.to_owned()),
    }
}
