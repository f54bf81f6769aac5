//! Waits until a container is what others need of it.
//!
//! | condition | met when |
//! |---|---|
//! | started | it runs, and still did a second after it was first seen running; ten, if it was restarted |
//! | healthy | Docker's health check says so; without one, as started |
//! | completed | it ended with 0 |
//!
//! A container that ended with 0 is started and healthy too: it has done its job. One that ended with
//! another code, is dead, or turned unhealthy while hl was waiting has failed at once. One that was
//! unhealthy from the beginning gets its time: it may be so because of what was just repaired.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::model::homelab::Condition;
use crate::model::view::{FailedCheck, Health, Status};
use crate::node::{ContainerState, Node, NodeError};

/// How long a container without a health check has to run before that counts: most that cannot work
/// (a wrong option, a missing file) end well within it.
const GRACE: Duration = Duration::from_secs(1);

/// The same for one that has ended and was restarted. The engine counts one that runs for so long as started.
const GRACE_AFTER_RESTART: Duration = Duration::from_secs(10);

/// The same for one that was restarted many times before hl began to wait.
const GRACE_AFTER_MANY: Duration = Duration::from_secs(60);

/// Between two looks at first: most containers are up at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Between two looks later: the longer the wait, the less it matters when exactly it ends, and a
/// hundred containers may be waited for at once.
const LONG_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const SHARE: u32 = 20;

/// Starts of one container that are seen before it counts as broken. The engine waits twice as long
/// before each restart, so this takes half a minute and more: time for what it needs to come up.
const MOST_STARTS: usize = 8;

/// Looks in a row that may fail for want of an answer.
const MOST_SILENCES: u32 = 5;

/// Why the wait ended without success.
#[derive(Debug, thiserror::Error)]
pub(super) enum WaitError {
    /// The container will not become what it should.
    #[error("container {container} {what}{}", said(check.as_ref()))]
    Failed {
        /// Its name.
        container: String,
        /// The reason as a predicate, such as `ended with code 1`.
        what: String,
        /// The output of its health check.
        check: Option<FailedCheck>,
    },
    /// It took too long.
    #[error("container {container} is still {state} after {} s{}", after.as_secs(), said(check.as_ref()))]
    Late {
        /// Its name, or its id if it was never seen.
        container: String,
        /// The last observed state.
        state: &'static str,
        /// The time that it had.
        after: Duration,
        /// The output of its health check.
        check: Option<FailedCheck>,
    },
    /// The node does not answer.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// How the last run of a health check failed. May hold secrets.
#[derive(Debug, thiserror::Error)]
enum CheckError<'a> {
    /// It took too long.
    #[error("; its health check did not end{}", lines(.0))]
    Endless(&'a [String]),
    /// It ended with a code.
    #[error("; its health check ended with code {}{}", .0, lines(.1))]
    Ended(i64, &'a [String]),
}

fn lines(output: &[String]) -> String {
    match output {
        [] => String::new(),
        [line] => format!(": {line}"),
        lines => format!(":{}", lines.iter().map(|line| format!("\n    {line}")).collect::<String>()),
    }
}

/// What a health check that failed says, as it stands behind the state of its container.
fn said(check: Option<&FailedCheck>) -> String {
    let error = check.map(|check| match check.exit_code {
        -1 => CheckError::Endless(&check.output),
        code => CheckError::Ended(code, &check.output),
    });
    error.map(|error| error.to_string()).unwrap_or_default()
}

/// The result of one look at the container.
enum Look {
    /// The condition is met.
    Met,
    /// The condition is not met yet; holds the current state.
    NotYet(&'static str),
    /// It never will be.
    Never(String),
}

/// The observations from earlier looks.
#[derive(Default)]
struct Seen {
    /// Since when it runs without interruption, as far as was seen: its start and our clock.
    running: Option<(String, Instant)>,
    starts: BTreeSet<String>,
    /// Whether the health check was seen to be undecided or content.
    was_well: bool,
}

/// Waits until `container` meets `condition`; `say` is called with the state whenever it changes.
///
/// # Errors
/// [`WaitError`].
pub(super) async fn wait(
    node: &dyn Node,
    container: &str,
    condition: Condition,
    timeout: Duration,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), WaitError> {
    let began = Instant::now();
    let (mut pause, mut silences) = (FIRST_PAUSE, 0);
    let (mut seen, mut last) = (Seen::default(), "");
    let (mut name, mut check) = (container.to_owned(), None);
    loop {
        let state = match node.container_state(container).await {
            Ok(live) => {
                silences = 0;
                let found = look(&live, condition, &mut seen);
                (name, check) = (live.name, live.failed_check);
                match found {
                    Look::Met => return Ok(()),
                    Look::Never(what) => return Err(WaitError::Failed { container: name, what, check }),
                    Look::NotYet(state) => state,
                }
            }
            Err(error) if error.is_silence() && silences < MOST_SILENCES => {
                silences += 1;
                "out of reach"
            }
            Err(error) => return Err(error.into()),
        };
        if state != last {
            say(state);
            last = state;
        }
        if began.elapsed() >= timeout {
            return Err(WaitError::Late { container: name, state, after: timeout, check });
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min((began.elapsed() / SHARE).clamp(LONG_PAUSE, LONGEST_PAUSE));
    }
}

fn look(live: &ContainerState, condition: Condition, seen: &mut Seen) -> Look {
    if live.status != Status::Running {
        seen.running = None;
    }
    match &live.status {
        Status::Running => look_at_running(live, condition, seen),
        Status::Exited { code: 0 } => Look::Met,
        Status::Exited { code } => Look::Never(format!("ended with code {code}")),
        Status::Dead | Status::Removing => Look::Never("is dead".to_owned()),
        Status::Created => Look::NotYet("not started"),
        Status::Paused => Look::NotYet("paused"),
        Status::Restarting => {
            seen.starts.insert(live.started_at.clone());
            match is_loop(live, seen) {
                true => Look::Never("ends and is restarted again and again".to_owned()),
                false => Look::NotYet("restarting"),
            }
        }
    }
}

/// Whether a container has ended too often to come up.
fn is_loop(live: &ContainerState, seen: &Seen) -> bool {
    seen.starts.len() >= MOST_STARTS || usize::try_from(live.restarts).is_ok_and(|restarts| restarts >= MOST_STARTS)
}

/// How long a container without a health check has to run before that counts.
fn grace(live: &ContainerState, seen: &Seen) -> Duration {
    match live.restarts {
        0 => GRACE,
        _ if is_loop(live, seen) => GRACE_AFTER_MANY,
        _ => GRACE_AFTER_RESTART,
    }
}

fn look_at_running(live: &ContainerState, condition: Condition, seen: &mut Seen) -> Look {
    seen.starts.insert(live.started_at.clone());
    let since = match &seen.running {
        Some((start, since)) if *start == live.started_at => *since,
        _ => {
            let now = Instant::now();
            seen.running = Some((live.started_at.clone(), now));
            now
        }
    };
    match (condition, &live.health) {
        (Condition::Completed, _) => Look::NotYet("running"),
        (Condition::Started, Some(_)) | (Condition::Healthy, Some(Health::Healthy)) => Look::Met,
        (Condition::Healthy, Some(Health::Starting)) => {
            seen.was_well = true;
            Look::NotYet("starting, its health not decided")
        }
        (Condition::Healthy, Some(Health::Unhealthy)) if seen.was_well => Look::Never("is unhealthy".to_owned()),
        (Condition::Healthy, Some(Health::Unhealthy)) => Look::NotYet("unhealthy"),
        (Condition::Started | Condition::Healthy, None) => {
            match (since.elapsed() >= grace(live, seen), live.restarts) {
                (true, _) => Look::Met,
                (false, _) if seen.starts.len() >= MOST_STARTS => {
                    Look::Never("ends and is restarted again and again".to_owned())
                }
                (false, 0) => Look::NotYet("running for less than a second"),
                (false, _) => Look::NotYet("restarting"),
            }
        }
    }
}
