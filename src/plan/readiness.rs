//! When a container is what others need of it, and how long that may take.

use super::operation::Operation;
use crate::model::homelab::{Condition, Container, Role};
use crate::model::view::{Health, LiveContainer, Status};

/// Whether a container needs no waiting for: it runs and nothing says that it is not healthy, or it
/// ended well.
pub(super) fn is_well(live: &LiveContainer) -> bool {
    match live.status {
        Status::Running => matches!(live.health, None | Some(Health::Healthy)),
        Status::Exited { code } => code == 0,
        Status::Created | Status::Paused | Status::Restarting | Status::Removing | Status::Dead => false,
    }
}

/// The wait for a container, by id or name, to be what others need of it.
pub(super) fn await_container(container: &Container, name: String) -> Operation {
    let condition = match container.role {
        Role::Daemon => Condition::Healthy,
        Role::OneShot => Condition::Completed,
    };
    Operation::AwaitContainer { container: name, condition, timeout_ms: timeout(container) }
}

/// How long a container may take to become what others need of it, in milliseconds: what its health check allows for at
/// most, with a margin; three minutes where the image may bring a check that is not known yet; half an hour for a job.
pub fn timeout(container: &Container) -> u64 {
    const MARGIN: i64 = 30_000;
    if container.role == Role::OneShot {
        return 30 * 60 * 1000;
    }
    let Some(check) = container.spec.healthcheck.as_ref().filter(|c| !c.is_disabled()) else { return 180_000 };
    let ms = |ns: i64, default: i64| if ns > 0 { ns / 1_000_000 } else { default };
    // The engine's own defaults: 30 s between checks, 30 s for one, three in a row.
    let round = ms(check.interval, 30_000) + ms(check.timeout, 30_000);
    let retries = if check.retries > 0 { check.retries } else { 3 };
    let most = ms(check.start_period, 0) + round.saturating_mul(retries + 1) + MARGIN;
    u64::try_from(most).unwrap_or(180_000).max(60_000)
}
