//! An apply that is killed with SIGKILL, at random moments: the next plan says what it was about, the next apply
//! completes it, and nothing is there twice or left over.
//!
//! `HL_KILLED_SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hl::render::step::begun;
use hl::state::Intent;
use serde_json::Value;

use crate::dozen::{Dozen, Program};
use crate::support::engine::Engine;
use crate::support::homelab::Homelab;
use crate::support::random::Random;
use crate::support::trial::{Trial, trial};

pub const TRIALS: &[Trial] = &[trial!(a_killed_apply_is_told_of_and_completed_and_leaves_nothing, needs Engine)];

const KILLS: usize = 20;

/// A homelab whose applies are killed.
struct Killed {
    lab: Homelab,
    engine: Engine,
    dozen: Dozen,
    random: Random,
}

fn a_killed_apply_is_told_of_and_completed_and_leaves_nothing() {
    let seed = std::env::var("HL_KILLED_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(Random::any_seed);
    println!("HL_KILLED_SEED={seed}");
    let engine = Engine::connect();
    let lab = Homelab::on(&engine);
    let mut killed = Killed { lab, engine, dozen: Dozen::new(18540), random: Random::new(seed) };
    killed.dozen.tag_images(&killed.lab, &killed.engine);
    // Twice, so that all files are there that an apply keeps of the one before.
    for number in 0..2 {
        killed.change_several();
        killed.write(number);
        killed.lab.hl(&["apply", "--yes"]).code(0);
    }
    let (things, files) = (killed.things(), killed.files());
    // As long as an apply of such changes takes on this machine; it is measured anew each time.
    let mut whole = Duration::from_secs(2);
    let (mut told, mut cut) = (0, 0);
    for kill in 1..=KILLS {
        let at = format!("kill {kill} of HL_KILLED_SEED={seed}");
        killed.change_several();
        killed.write(1 + kill);
        let after = whole.mul_f64((killed.random.next() % 1000) as f64 / 1000.0);
        let ended = killed.apply_for(after);
        // What the engine was asked for by then, it may still bring to an end.
        std::thread::sleep(Duration::from_millis(300));
        let open = killed.open_calls();
        let plan = killed.lab.hl(&["plan"]);
        assert_eq!(plan.code, 0, "{at}, {after:?}: {plan}");
        // It breaks its lines where it likes.
        let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for (what, addr) in &open {
            let sentence = format!("during this step: {what} ({addr}).");
            assert!(said.contains(&sentence), "{at}, {after:?}: {sentence:?} is missing in {plan}");
        }
        assert_eq!(said.contains("An apply was cut off"), !open.is_empty(), "{at}, {after:?}: {plan}");
        told += open.len();
        cut += usize::from(!ended);
        let began = Instant::now();
        let applied = killed.lab.hl(&["apply", "--yes"]);
        assert_eq!(applied.code, 0, "{at}, {after:?}: {plan}\n{applied}");
        whole = (whole + began.elapsed() + after) / 2;
        let left = killed.lab.hl(&["plan", "--detailed-exitcode"]);
        assert_eq!(left.code, 0, "{at}, {after:?}: {plan}\n{applied}\n{left}");
        assert_eq!(killed.things(), things, "{at}, {after:?}: {plan}\n{applied}");
        assert_eq!(killed.files(), files, "{at}, {after:?}: files of the state and of the node");
        killed.check_declared(&at);
    }
    assert!(told > 0 && cut > KILLS / 4, "{told} calls were told of, {cut} of {KILLS} were cut off: too few to tell");
    let history = std::fs::read_to_string(killed.state().join("history.jsonl")).expect("there is a history");
    let crashed = history.matches("\"crashed\"").count();
    assert!(crashed > 0 && crashed <= cut, "{crashed} crashes are in the history, and {cut} applies were cut off");
}

impl Killed {
    fn state(&self) -> PathBuf {
        self.lab.repository().join("state")
    }

    /// Writes the declaration, with a variable for the `.env` of the database that was not there before.
    fn write(&self, number: usize) {
        self.dozen.write(&self.lab);
        let variables: String = (0..=number).map(|n| format!("LEVEL_{n}={n}\n")).collect();
        self.lab.write("services/db/env.example", &variables);
    }

    /// Changes containers of several services: some take a replacement, some a restart, some neither.
    fn change_several(&mut self) {
        let names: Vec<&'static str> = self.dozen.units.keys().copied().collect();
        for _ in 0..3 {
            let name = self.random.one_of(&names).expect("there are twelve");
            self.dozen.units.get_mut(name).expect("it is there").variable += 1;
        }
        let unit = self.random.one_of(&names).and_then(|name| self.dozen.units.get_mut(name)).expect("it is there");
        unit.megabytes = Some(unit.megabytes.unwrap_or(32) + 8);
        let unit = self.random.one_of(&names).and_then(|name| self.dozen.units.get_mut(name)).expect("it is there");
        unit.alias += 1;
        let unit = self.dozen.units.get_mut("notebook").expect("it is there");
        unit.file = unit.file.map(|content| content + 1);
    }

    /// Runs an apply and kills it after that time. Whether it had ended before.
    fn apply_for(&self, time: Duration) -> bool {
        let mut command = self.lab.command(&["apply", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hl runs");
        let until = Instant::now() + time;
        while Instant::now() < until {
            if child.try_wait().expect("it can be asked").is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        false
    }

    /// The calls that the journal says were begun and not ended: what, and of which resource.
    fn open_calls(&self) -> Vec<(String, String)> {
        let journal = std::fs::read_to_string(self.state().join("journal.jsonl")).unwrap_or_default();
        let mut open = BTreeMap::new();
        for line in journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if let Some(call) = line["begin"]["call"].as_u64() {
                let intent: Intent = serde_json::from_value(line["begin"]["intent"].clone()).expect("an intent");
                let service = format!("{}/{}", intent.node, intent.service);
                let about = intent.addr.map_or(service, |addr| addr.to_string());
                open.insert(call, (begun(&intent.operation), about));
            }
            line["end"]["call"].as_u64().map(|call| open.remove(&call));
        }
        open.into_values().map(|(what, addr)| (self.lab.stand_in(&what), self.lab.stand_in(&addr))).collect()
    }

    /// The names of all containers, networks and volumes of the homelab.
    fn things(&self) -> BTreeSet<String> {
        let prefix = self.lab.name("sample-lab");
        let mut names: BTreeSet<String> = self.engine.containers(&prefix).into_iter().collect();
        let (networks, volumes) = (self.engine.get("/networks"), self.engine.get("/volumes"));
        for thing in [&networks, &volumes["Volumes"]].into_iter().filter_map(Value::as_array).flatten() {
            let name = thing["Name"].as_str().unwrap_or_default();
            if name.starts_with(&prefix) {
                assert!(names.insert(format!("place {name}")), "there are two of {name}");
            }
        }
        names
    }

    /// Every file of the state and of the node.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        for folder in [self.state(), self.lab.node_root()] {
            collect(&folder, &mut files);
        }
        files
    }

    /// Checks against the engine that each container is the one that was declared last.
    fn check_declared(&self, at: &str) {
        for (name, unit) in self.dozen.declared() {
            let live = self.engine.inspect(&self.lab.name(&format!("sample-lab-{}-{name}-1", unit.service)));
            let variable = Value::from(format!("V={}", unit.variable));
            let has = live["Config"]["Env"].as_array().is_some_and(|list| list.contains(&variable));
            let runs = live["State"]["Running"] == (unit.program == Program::Waits);
            assert!(has && runs, "{at}: {name} is not as declared: {live:#}");
        }
    }
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, files),
            false => drop(files.insert(path)),
        }
    }
}
