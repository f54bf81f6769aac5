//! Engines that die, lose an answer, stop for a while or for good, and run out of room.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::subject::{Subject, step};
use crate::support::image;
use crate::support::outcome::Outcome;
use crate::support::own::OwnEngine;
use crate::support::proxy::{Proxy, Verdict};
use crate::support::random::Random;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[
    trial!(an_engine_hangs_up_at_each_step, needs Engine),
    trial!(an_answer_is_lost_at_each_step, needs Engine),
    trial!(an_engine_is_killed_during_an_apply, needs Engine, Root),
    trial!(an_engine_is_restarted_during_an_apply, needs Engine, Root),
    trial!(an_engine_stands_still_for_a_while, needs Engine, Root),
    trial!(an_engine_that_stands_still_is_not_known, needs Engine, Root),
    trial!(the_disk_of_an_engine_is_full, needs Engine, Root),
    trial!(somebody_removes_an_old_container_meanwhile, needs Engine),
    trial!(somebody_removes_a_new_container_meanwhile, needs Engine),
];

/// A failed apply says so with its code, and does not panic.
#[track_caller]
fn is_true(ended: &Outcome) {
    assert!([0, 1, 3, 4].contains(&ended.code), "the exit code of {ended}");
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    let is_told = ["Not everything was done", "did not last"].iter().any(|words| ended.stdout.contains(words));
    assert_eq!(ended.code == 4, is_told, "{ended}");
}

/// The changing calls of an apply: how many there were, and the number of the one that something is done at.
#[derive(Default)]
struct Script {
    calls: usize,
    at: usize,
}

/// Applies version after version of a service, and has `act` decide on the first, the second... of the calls that change
/// something. `before` comes before each apply, `after` looks at its end. The exit codes.
fn at_each_call(
    subject: &Subject,
    act: impl Fn() -> Verdict + Send + Sync + 'static,
    before: impl Fn(),
    mut after: impl FnMut(usize, &Outcome),
) -> Vec<i32> {
    let script = Arc::new(Mutex::new(Script::default()));
    let judged = Arc::clone(&script);
    let socket = subject.lab.scratch("proxy.sock");
    let proxy = Proxy::start(subject.engine.socket(), &socket, move |request| {
        if request.is_read() {
            return Verdict::Forward;
        }
        let mut script = judged.lock().expect("no thread panics with it");
        script.calls += 1;
        if script.calls == script.at { act() } else { Verdict::Forward }
    });
    let proxy = proxy.expect("it listens");
    subject.lab.reach_by(&proxy.address(), "");
    subject.is_made_up_for(0);
    let mut codes = Vec::new();
    for (index, at) in (1..).step_by(step()).enumerate() {
        let version = index + 1;
        before();
        subject.declare(version);
        *script.lock().expect("no thread panics with it") = Script { calls: 0, at };
        let ended = subject.lab.hl(&["apply", "--yes"]);
        let script = std::mem::take(&mut *script.lock().expect("no thread panics with it"));
        is_true(&ended);
        codes.push(ended.code);
        after(at, &ended);
        subject.is_made_up_for(version);
        if script.calls < at {
            break;
        }
    }
    println!("{codes:?}");
    assert!(codes.len() > 3, "{codes:?}");
    codes
}

/// An engine that does this at each call.
fn fails_at_each_call(verdict: Verdict) {
    let codes = at_each_call(&Subject::new(), move || verdict, || {}, |_, _| {});
    let failed = codes.iter().filter(|code| **code != 0).count();
    assert!(failed > codes.len() / 2, "{failed} of {} applies failed", codes.len());
}

fn an_engine_hangs_up_at_each_step() {
    fails_at_each_call(Verdict::HangUp);
}

fn an_answer_is_lost_at_each_step() {
    fails_at_each_call(Verdict::LoseAnswer);
}

/// A service on an engine of its own.
fn own() -> (OwnEngine, Subject) {
    let own = OwnEngine::start();
    own.engine().load(&image::catalog());
    let subject = Subject::on(own.engine());
    (own, subject)
}

/// Applies a version, and has something done to the engine after a part of the time that an apply takes.
fn disturbed(subject: &Subject, version: usize, after: Duration, disturb: impl FnOnce()) -> Outcome {
    subject.declare(version);
    let child = subject.lab.begin(&["apply", "--yes"]);
    thread::sleep(after);
    disturb();
    subject.lab.end(child)
}

/// Several applies, each disturbed at another moment.
fn at_moments(count: usize, disturb: impl Fn(&OwnEngine), repair: impl Fn(&OwnEngine)) {
    let seed = Random::any_seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let (own, subject) = own();
    let began = Instant::now();
    subject.declare(1);
    subject.is_made_up_for(1);
    let whole = began.elapsed() / 2;
    let mut codes = Vec::new();
    for version in 2..count + 2 {
        let after = whole.mul_f64((random.next() % 1000) as f64 / 1000.0);
        let ended = disturbed(&subject, version, after, || disturb(&own));
        codes.push(ended.code);
        is_true(&ended);
        repair(&own);
        subject.is_made_up_for(version);
    }
    println!("{codes:?}");
}

fn an_engine_is_killed_during_an_apply() {
    at_moments(12 / step(), OwnEngine::kill, OwnEngine::start_again);
}

fn an_engine_is_restarted_during_an_apply() {
    let restart = |own: &OwnEngine| {
        own.send(Signal::TERM);
        own.await_end();
        own.start_again();
    };
    at_moments(6 / step(), restart, |_| {});
}

fn an_engine_stands_still_for_a_while() {
    let (own, subject) = own();
    let ended = disturbed(&subject, 1, Duration::from_millis(700), || {
        own.send(Signal::STOP);
        thread::sleep(Duration::from_secs(4));
        own.send(Signal::CONT);
    });
    ended.code(0);
    subject.is_made_up_for(1);
}

fn an_engine_that_stands_still_is_not_known() {
    let (own, subject) = own();
    subject.declare(1);
    own.send(Signal::STOP);
    let began = Instant::now();
    let planned = subject.lab.hl(&["plan"]);
    let applied = subject.lab.hl(&["apply", "--yes"]);
    let took = began.elapsed();
    own.send(Signal::CONT);
    planned.code(3).says("box").says_in_words("no answer");
    applied.code(3);
    assert!(took < Duration::from_secs(60), "it took {took:?}");
    subject.is_made_up_for(1);
}

fn the_disk_of_an_engine_is_full() {
    let own = OwnEngine::with_disk("128m");
    let subject = Subject::on(own.engine());
    own.fill_disk();
    subject.declare(1);
    let ended = subject.lab.hl(&["apply", "--yes"]);
    ended.code(4).says_in_words("Not everything was done").says_in_words("no space left on device");
    own.free_disk();
    subject.is_made_up_for(1);
}

/// The container that somebody removes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Old,
    New,
}

/// Before the first, the second... changing call of an apply somebody removes the container that is being replaced, or the one
/// that takes its place. One of both is there afterwards all the same, or it is said that it is not. The codes of the applies.
fn removed_before_each_call(victim: Victim) -> Vec<i32> {
    let subject = Subject::new();
    let (name, prefix) = (subject.lab.name("sample-lab-w-db-1"), subject.lab.name("sample-lab"));
    let old = Arc::new(Mutex::new(Value::Null));
    let act = {
        let (old, engine) = (Arc::clone(&old), subject.engine.clone());
        move || {
            let old = old.lock().expect("no thread panics with it").clone();
            // A container that is being made has a name of its own first.
            let all = engine.containers("").into_iter().filter(|name| name.contains(&prefix) && name.contains("-db-1"));
            let is_victim = |name: &String| (engine.inspect(name)["Id"] == old) == (victim == Victim::Old);
            if let Some(found) = all.into_iter().find(is_victim) {
                engine.delete(&format!("/containers/{found}?force=1"));
            }
            Verdict::Forward
        }
    };
    let before = || *old.lock().expect("no thread panics with it") = subject.engine.inspect(&name)["Id"].clone();
    let mut unseen = 0;
    let codes = at_each_call(&subject, act, before, |at, ended| {
        // Nobody can see what happens between the last look and the removal of the old one; that it is gone is said then.
        let is_there = subject.engine.inspect(&name) != Value::Null;
        assert!(is_there || ended.stdout.contains("did not last"), "neither is left after call {at}: {ended}");
        unseen += usize::from(!is_there);
    });
    assert!(unseen < 2, "{codes:?}, {unseen} times neither was left");
    codes
}

fn somebody_removes_an_old_container_meanwhile() {
    let codes = removed_before_each_call(Victim::Old);
    assert!(codes.iter().all(|code| *code == 0), "who removed it has only been faster: {codes:?}");
}

fn somebody_removes_a_new_container_meanwhile() {
    removed_before_each_call(Victim::New);
}
