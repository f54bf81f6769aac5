//! Runs the health script of a service on its node until it succeeds.

use std::time::Duration;

use tokio::time::sleep;

use crate::envfile;
use crate::model::homelab::HealthScript;
use crate::node::{Node, NodeError, Script, ScriptEnd, ScriptOutcome};

/// Lines of the last try that an error shows.
const SHOWN_LINES: usize = 10;

/// Why a service is not proved to work.
#[derive(Debug, thiserror::Error)]
pub(super) enum HealthError {
    /// The script failed at every try.
    #[error("{path} failed {}; the last time {how}{}", times(*.tries), output(.lines))]
    Failed {
        /// The script.
        path: String,
        /// How often.
        tries: u32,
        /// How the last try ended.
        how: String,
        /// The last lines that it wrote. May hold secrets.
        lines: Vec<String>,
    },
    /// It could not be run.
    #[error(transparent)]
    Node(#[from] NodeError),
}

fn times(tries: u32) -> String {
    if tries == 1 { "once".to_owned() } else { format!("{tries} times") }
}

fn output(lines: &[String]) -> String {
    let lines = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

/// Runs the script in `directory` with its variables and, before them, those of `env_file`, both on
/// the node; `say` is told of each try but the first.
///
/// # Errors
/// [`HealthError`].
pub(super) async fn prove(
    node: &dyn Node,
    script: &HealthScript,
    directory: &str,
    env_file: &str,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), HealthError> {
    let bytes = node.read_file(env_file).await?.and_then(|file| file.content);
    let mut environment = script.variables.clone();
    if let Some(bytes) = bytes {
        environment.extend(envfile::values_with(&String::from_utf8_lossy(&bytes), &script.variables));
    }
    let run = Script {
        text: script.text.clone(),
        directory: directory.to_owned(),
        environment,
        timeout: Duration::from_millis(script.timeout_ms),
    };
    let tries = script.retries.max(1);
    sleep(Duration::from_millis(script.start_period_ms)).await;
    let mut attempt = 1;
    loop {
        let outcome = node.run_script(&run).await?;
        let how = match outcome.end {
            ScriptEnd::Exited(0) => return Ok(()),
            ScriptEnd::Exited(code) => format!("with code {code}"),
            ScriptEnd::Killed(signal) => format!("by signal {signal}"),
            ScriptEnd::TimedOut => format!("because it took longer than {} ms", script.timeout_ms),
        };
        if attempt >= tries {
            let ScriptOutcome { output: lines, .. } = outcome;
            return Err(HealthError::Failed { path: script.path.clone(), tries, how, lines });
        }
        attempt += 1;
        say(&format!("try {attempt} of {tries}"));
        sleep(Duration::from_millis(script.interval_ms)).await;
    }
}
