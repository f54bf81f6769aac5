//! Containers that come up or do not, and health scripts.

use super::node::TestNode;
use super::*;
use crate::apply::wait::wait;
use crate::model::homelab::{Condition, HealthScript};
use crate::model::view::{FailedCheck, FileKind, Health, LiveFile, Status};
use crate::node::ScriptEnd;

type Look = (Status, Option<Health>, &'static str);

const ONE: &str = "2026-01-01T00:00:01Z";
const TWO: &str = "2026-01-01T00:00:02Z";

/// The result of waiting for `condition`, and the time it took in tenths of a second.
fn waited(condition: Condition, looks: &[Look]) -> (Result<(), String>, u128) {
    let node = TestNode::new("nas");
    node.world().looks = looks.to_vec();
    let began = std::time::Instant::now();
    let result = run(wait(&node, "web", condition, Duration::from_secs(2), &|_| {}));
    (result.map_err(|e| e.to_string()), began.elapsed().as_millis() / 100)
}

fn running(health: Option<Health>) -> Look {
    (Status::Running, health, ONE)
}

#[test]
fn a_container_without_a_health_check_has_to_run_for_a_second() {
    for condition in [Condition::Started, Condition::Healthy] {
        let (result, took) = waited(condition, &[(Status::Created, None, ""), running(None)]);
        assert_eq!(result, Ok(()));
        assert!((10..20).contains(&took), "{took}");
    }
    let crash = [running(None), running(None), (Status::Exited { code: 127 }, None, ONE)];
    let (result, took) = waited(Condition::Healthy, &crash);
    assert_eq!(result, Err("container web ended with code 127".to_owned()));
    assert!(took < 10);
    // A restart in between begins the second anew, and time is up before it is over.
    let again =
        [running(None), (Status::Restarting, None, ONE), (Status::Running, None, TWO), (Status::Restarting, None, TWO)];
    let (result, _) = waited(Condition::Started, &again);
    assert_eq!(result, Err("container web is still restarting after 2 s".to_owned()));
}

#[test]
fn a_container_that_is_restarted_again_and_again_is_given_up() {
    let starts = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let looks: Vec<Look> = starts.iter().map(|at| (Status::Restarting, None, *at)).collect();
    let node = TestNode::new("nas");
    node.world().looks = looks;
    let result = run(wait(&node, "web", Condition::Healthy, Duration::from_secs(60), &|_| {}));
    assert_eq!(result.unwrap_err().to_string(), "container web ends and is restarted again and again");
}

#[test]
fn a_health_check_decides() {
    use Health::{Healthy, Starting, Unhealthy};
    let cases: [(Condition, &[Look], Result<(), &str>); 6] = [
        (Condition::Healthy, &[running(Some(Starting)), running(Some(Healthy))], Ok(())),
        (Condition::Healthy, &[running(Some(Starting)), running(Some(Unhealthy))], Err("container web is unhealthy")),
        // It was unhealthy before anybody waited: that may be about to change.
        (Condition::Healthy, &[running(Some(Unhealthy)), running(Some(Healthy))], Ok(())),
        (Condition::Healthy, &[running(Some(Unhealthy))], Err("container web is still unhealthy after 2 s")),
        (Condition::Started, &[running(Some(Starting))], Ok(())),
        (Condition::Healthy, &[(Status::Dead, None, "")], Err("container web is dead")),
    ];
    for (condition, looks, expected) in cases {
        assert_eq!(waited(condition, looks).0, expected.map_err(str::to_owned), "{condition:?} {looks:?}");
    }
}

#[test]
fn a_job_is_done_when_it_ends_with_0() {
    let ends = |code| [running(None), (Status::Exited { code }, None, ONE)];
    for condition in [Condition::Completed, Condition::Healthy, Condition::Started] {
        assert_eq!(waited(condition, &ends(0)).0, Ok(()));
    }
    assert_eq!(waited(Condition::Completed, &ends(3)).0, Err("container web ended with code 3".to_owned()));
    assert_eq!(
        waited(Condition::Completed, &[running(None)]).0,
        Err("container web is still running after 2 s".to_owned())
    );
}

fn script(retries: u32) -> Operation {
    let script = HealthScript {
        path: "healthcheck.sh".into(),
        text: "exit 1".into(),
        variables: [("PORT", "8080"), ("TZ", "UTC")].map(|(name, value)| (name.into(), value.into())).into(),
        interval_ms: 5,
        timeout_ms: 1000,
        retries,
        start_period_ms: 0,
    };
    Operation::RunHealthScript {
        script: Box::new(script),
        directory: "/p".into(),
        env_file: "/root/config/shop/.env".into(),
    }
}

#[test]
fn a_health_script_is_tried_until_it_succeeds_with_the_variables_of_its_service() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(script(3), &[]);
    let env = LiveFile {
        kind: FileKind::File,
        mode: 0o600,
        owner: "0:0".into(),
        content: Some(b"PORT=80\n".to_vec()),
        entries: None,
    };
    bench.node().world().files.insert("/root/config/shop/.env".into(), env);
    bench.node().world().scripts = vec![ScriptEnd::Exited(1), ScriptEnd::TimedOut, ScriptEnd::Exited(0)];
    let left = run(bench.apply());
    assert!(left.report.is_complete());
    let expected = [("PORT", "80"), ("TZ", "UTC")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(bench.node().world().script_environment, BTreeMap::from(expected), "the env file comes first");
    let tries =
        left.events.iter().filter(|e| matches!(e, Event::Progress { text, .. } if text.starts_with("try"))).count();
    assert_eq!(tries, 2);
}

#[test]
fn a_health_script_that_never_succeeds_shows_its_last_words_without_secrets() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(script(2), &[]);
    bench.node().world().scripts = vec![ScriptEnd::Exited(1), ScriptEnd::Killed(9)];
    let left = run(bench.apply());
    let failures: Vec<_> = left.report.failures().collect();
    assert_eq!(failures, [(0, "healthcheck.sh failed 2 times; the last time by signal 9\n    curl: (secret) refused")]);
    assert!(!left.files.contains("hunter2"));
}

#[test]
fn a_failed_container_shows_its_last_lines_without_secrets_before_it_is_taken_back() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(start("web"), &[]).group = Some(GroupId(0));
    bench.plan.steps[0].undo = Some(stop("web"));
    let wait = Operation::AwaitContainer { container: "web".into(), condition: Condition::Healthy, timeout_ms: 1000 };
    bench.step(wait, &[0]).group = Some(GroupId(0));
    bench.node().world().looks = vec![(Status::Exited { code: 1 }, None, ONE)];
    bench.node().world().container_log = vec!["password hunter2 is wrong".into()];
    let left = run(bench.apply());
    let expected = Outcome::Failed {
        error: "container web ended with code 1".into(),
        log: vec!["password (secret) is wrong".into()],
    };
    assert_eq!(left.report.steps[&1], expected);
    assert_eq!(left.report.undone, BTreeMap::from([(0, None)]));
    assert!(!left.files.contains("hunter2"));
}

#[test]
fn what_a_health_check_says_is_told_without_secrets() {
    let mut bench = Bench::new(&["nas"]);
    let operation =
        Operation::AwaitContainer { container: "web".into(), condition: Condition::Healthy, timeout_ms: 100 };
    bench.step(operation, &[]);
    bench.node().world().looks = vec![running(Some(Health::Starting)), running(Some(Health::Unhealthy))];
    let check =
        |output: &[&str]| FailedCheck { exit_code: 3, output: output.iter().map(|line| (*line).to_owned()).collect() };
    bench.node().world().failed_check = Some(check(&["FATAL: hunter2 refused"]));
    let left = run(bench.apply());
    let error = "container web is unhealthy; its health check ended with code 3: FATAL: (secret) refused";
    assert_eq!(left.report.failures().collect::<Vec<_>>(), [(0, error)]);
    assert!(!left.files.contains("hunter2"));

    let node = TestNode::new("nas");
    node.world().looks = vec![running(Some(Health::Unhealthy))];
    node.world().failed_check = Some(FailedCheck { exit_code: -1, ..check(&["one", "two"]) });
    let late = run(wait(&node, "id", Condition::Healthy, Duration::from_millis(200), &|_| {}));
    let error = "container id is still unhealthy after 0 s; its health check did not end:\n    one\n    two";
    assert_eq!(late.unwrap_err().to_string(), error);
}
