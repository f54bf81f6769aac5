//! Interruptions, locks and broken nodes.

use super::*;
use crate::model::{BegunOperation, Purpose};

/// Interrupts as soon as a call has begun.
async fn interrupted(bench: &Bench, when: &str, wishes: &[Interruption]) -> Left {
    let (sender, stop) = watch::channel(Interruption::No);
    let interrupt = async {
        let began = super::node::Happened::Began(when.to_owned());
        while !bench.nodes.values().any(|node| node.world().log.contains(&began)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for wish in wishes {
            sender.send(*wish).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The sender lives on: nobody going away is another case.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        left = bench.apply_until(stop) => left,
        () = interrupt => unreachable!(),
    }
}

fn slow(bench: &Bench, call: &str) {
    bench.node().world().delays.insert(call.to_owned(), Duration::from_millis(100));
}

#[test]
fn the_first_interruption_lets_finish_what_was_begun() {
    let mut bench = Bench::new(&["nas"]);
    // A replacement that is under way, with what it needs, and another one that is not.
    bench.step(stop("old"), &[]).group = Some(GroupId(0));
    bench.step(start("needed"), &[0]);
    bench.step(start("new"), &[1]).group = Some(GroupId(0));
    bench.step(stop("other"), &[0]).group = Some(GroupId(1));
    bench.step(start("last"), &[2]);
    slow(&bench, "stop old");
    let left = run(interrupted(&bench, "stop old", &[Interruption::Finished]));
    let skipped = Outcome::Skipped { because: None };
    let expected = [Outcome::Done, Outcome::Done, Outcome::Done, skipped.clone(), skipped];
    assert_eq!(left.report.steps.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(left.report.interrupted, Interruption::Finished);
    assert_eq!(left.state.view.interrupted, vec![]);
    assert!(left.files.contains("\"result\":\"interrupted\""));
}

#[test]
fn the_second_interruption_stops_at_once_and_the_next_run_knows() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(start("web"), &[]).addr = Some("nas/shop/container:web".parse().unwrap());
    bench.step(start("next"), &[0]);
    bench.node().world().delays.insert("start web".into(), Duration::from_secs(60));
    let began = std::time::Instant::now();
    let left = run(interrupted(&bench, "start web", &[Interruption::Finished, Interruption::Stopped]));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(left.report.interrupted, Interruption::Stopped);
    assert!(
        matches!(&left.report.steps[&0], Outcome::Failed { error, .. } if error.contains("may or may not be done"))
    );
    assert_eq!(left.report.steps[&1], Outcome::Skipped { because: None });
    let begun: Vec<_> = left.state.view.interrupted.into_iter().map(|i| i.operation).collect();
    let ids = BTreeMap::from([("container".to_owned(), "web".to_owned())]);
    assert_eq!(begun, [BegunOperation::Kind { kind: "start_container".to_owned(), ids, purpose: Purpose::Step }]);
}

#[test]
fn a_failure_while_finishing_is_still_taken_back() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(stop("old"), &[]).group = Some(GroupId(0));
    bench.plan.steps[0].undo = Some(start("old"));
    bench.step(start("new"), &[0]).group = Some(GroupId(0));
    slow(&bench, "stop old");
    bench.node().world().fails.insert("start new".into());
    let left = run(interrupted(&bench, "stop old", &[Interruption::Finished]));
    assert_eq!(left.report.undone, BTreeMap::from([(0, None)]));
}

#[test]
fn nothing_is_done_while_another_apply_holds_a_node() {
    let mut bench = Bench::new(&["nas", "pi"]);
    bench.step(start("web"), &[]);
    bench.step(start("b"), &[]).node = NodeName::new("pi").unwrap();
    bench.nodes[&NodeName::new("pi").unwrap()].world().locked = true;
    let (_, stop) = watch::channel(Interruption::No);
    let (result, events) = run(bench.try_apply(stop));
    assert_eq!(result.unwrap_err().to_string(), "pi: lock: another hl is at work on it: ann@desk");
    assert!(events.is_empty());
    assert!(!bench.paths().folder.join("history.jsonl").exists());
}

#[test]
fn a_node_that_went_away_fails_its_own_steps_and_no_others() {
    let mut bench = Bench::new(&["nas", "pi"]);
    bench.step(start("web"), &[]);
    bench.step(start("b"), &[]).node = NodeName::new("pi").unwrap();
    bench.nodes[&NodeName::new("pi").unwrap()].world().fails.insert("directory /root".into());
    let left = run(bench.apply());
    assert_eq!(left.report.steps[&0], Outcome::Done);
    assert!(
        matches!(&left.report.steps[&1], Outcome::Failed { error, .. } if error.starts_with("pi: directory /root"))
    );
}

#[test]
#[should_panic(expected = "in a circle")]
fn steps_in_a_circle_are_a_bug_and_nothing_is_begun() {
    let mut bench = Bench::new(&["nas"]);
    bench.step(start("a"), &[1]);
    bench.step(start("b"), &[0]);
    run(bench.apply());
}

/// A replacement that starts first: the new one is there and well, and the old one was removed by somebody meanwhile.
#[test]
fn who_goes_may_be_gone_and_what_came_in_its_place_stays() {
    let mut bench = Bench::new(&["nas"]);
    let remove = |name: &str| Operation::RemoveContainer {
        container: name.to_owned(),
        volumes: crate::model::spec::AnonymousVolumes::Keep,
    };
    bench.step(start("new"), &[]).group = Some(GroupId(0));
    bench.plan.steps[0].undo = Some(stop("new"));
    bench.step(stop("old"), &[0]).group = Some(GroupId(0));
    bench.step(remove("old"), &[1]).group = Some(GroupId(0));
    bench.node().world().gone.insert("stop old".into());
    let left = run(bench.apply());
    assert_eq!(left.report.steps.into_values().collect::<Vec<_>>(), [Outcome::Done, Outcome::Done, Outcome::Done]);
    assert_eq!(left.report.undone, BTreeMap::new());

    // Of one that is to stay it is a failure.
    let mut bench = Bench::new(&["nas"]);
    bench.step(stop("web"), &[]);
    bench.node().world().gone.insert("stop web".into());
    assert!(matches!(&run(bench.apply()).report.steps[&0], Outcome::Failed { .. }));
}
