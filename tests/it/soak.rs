//! The soak: on a homelab of twelve containers something is changed at random, in the declaration or from outside; the
//! plan names that and what follows from it, and nothing else; apply touches nothing else; the plan after it is empty.
//!
//! `HL_SOAK_SEED` repeats a soak, `HL_SOAK_ROUNDS` makes it longer and, without a seed, another one each time;
//! `HL_SOAK_PLANS=1` prints each plan.

mod change;
mod expect;
mod golden;
mod outside;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::dozen::{Dozen, Program, Unit};
use crate::support::engine::Engine;
use crate::support::homelab::{Homelab, Lives};
use crate::support::random::Random;
use crate::support::trial::{Trial, trial};
use change::{Kind, Made};
use golden::five_plans_read_well;

pub const TRIALS: &[Trial] = &[
    trial!(a_plan_names_what_was_changed_and_only_that_and_apply_repairs_it, needs Engine),
    trial!(five_plans_read_well, needs Engine),
];

/// A homelab under way.
pub struct Soak {
    lab: Homelab,
    engine: Engine,
    dozen: Dozen,
    random: Random,
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn a_plan_names_what_was_changed_and_only_that_and_apply_repairs_it() {
    let asked = number("HL_SOAK_ROUNDS");
    // The short form is always the same: what passes goes on passing, and who looks for more asks for more.
    let seed = number("HL_SOAK_SEED").unwrap_or_else(|| if asked.is_some() { Random::any_seed() } else { 1 });
    let rounds = asked.unwrap_or(12);
    println!("HL_SOAK_SEED={seed} HL_SOAK_ROUNDS={rounds}");
    let mut soak = Soak::new(seed, 18520);
    let mut deck: Vec<Kind> = Vec::new();
    let mut done = 0;
    while done < rounds {
        // Each kind once before any comes again.
        if deck.is_empty() {
            deck = Kind::ALL.to_vec();
            soak.random.shuffle(&mut deck);
        }
        let Some(made) = deck.pop().and_then(|kind| soak.make(kind)) else { continue };
        done += 1;
        soak.round(&format!("round {done} of HL_SOAK_SEED={seed}: {}", made.what), &made);
    }
}

impl Soak {
    fn new(seed: u64, port: u16) -> Soak {
        let engine = Engine::connect();
        let lab = Homelab::on(&engine);
        let soak = Soak { lab, engine, dozen: Dozen::new(port), random: Random::new(seed) };
        soak.dozen.tag_images(&soak.lab, &soak.engine);
        soak.dozen.write(&soak.lab);
        soak.lab.hl(&["apply", "--yes"]).code(0);
        soak.expect_nothing_to_do("at the beginning");
        soak
    }

    fn round(&mut self, round: &str, made: &Made) {
        let before = self.lives();
        let plan = self.lab.hl(&["plan", "--format", "json"]);
        let text = self.lab.hl(&["plan"]);
        if std::env::var_os("HL_SOAK_PLANS").is_some() {
            println!("\n=== {round}\n{}", text.stdout);
        }
        // With the names that things really have, as the expectation has them.
        let json: Value = serde_json::from_str(&self.lab.name(&plan.code(0).stdout)).expect("a plan in JSON");
        let said = expect::said(&json);
        assert_eq!(said, made.expected, "{round}: what the plan says (left) is not what was changed (right)\n{text}");
        let applied = self.lab.hl(&["apply", "--yes"]);
        if let Some(declared) = &made.taken_back {
            assert_eq!(applied.code, 4, "{round}\n{text}\n{applied}");
            let ids =
                |lives: &Lives| lives.iter().map(|(name, (id, _))| (name.clone(), id.clone())).collect::<Vec<_>>();
            assert_eq!(ids(&before), ids(&self.lives()), "{round}: not all is taken back\n{applied}");
            self.dozen = declared.clone();
            self.dozen.write(&self.lab);
            self.lab.hl(&["apply", "--yes"]).code(0);
        } else {
            assert_eq!(applied.code, 0, "{round}\n{text}\n{applied}");
            self.compare_lives(round, &before, made);
        }
        self.expect_nothing_to_do(round);
        self.check_reality(round);
    }

    fn expect_nothing_to_do(&self, round: &str) {
        let plan = self.lab.hl(&["plan", "--detailed-exitcode", "--format", "json"]);
        let json: Value = serde_json::from_str(&plan.stdout).unwrap_or_default();
        let nothing = json["changes"].as_array().is_some_and(Vec::is_empty) && plan.code == 0;
        assert!(nothing, "{round}: the plan after the apply is not empty\n{}", self.lab.hl(&["plan", "-v"]));
    }

    /// The containers of the homelab by address, with id and time of start.
    fn lives(&self) -> Lives {
        let found = self.live().into_iter().map(|(name, live)| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (expect::container(&self.dozen, name), (text(&live["Id"]), text(&live["State"]["StartedAt"])))
        });
        found.collect()
    }

    /// What the engine says of each container of the homelab.
    fn live(&self) -> BTreeMap<&'static str, Value> {
        let prefix = self.lab.name("sample-lab-");
        let all = self.engine.get("/containers/json?all=1");
        let mut found = BTreeMap::new();
        for listed in all.as_array().expect("a list") {
            let label =
                |name: &str| listed["Labels"][format!("com.docker.compose.{name}")].as_str().unwrap_or_default();
            if label("project").starts_with(&prefix) {
                let name = self.dozen.units.keys().find(|name| **name == label("service")).expect("one of the twelve");
                let twice = found.insert(*name, self.engine.inspect(listed["Id"].as_str().expect("an id")));
                assert!(twice.is_none(), "there are two of {name}");
            }
        }
        found
    }

    /// Checks that apply did to each container what was said, and nothing to those that were not named.
    fn compare_lives(&self, round: &str, before: &Lives, made: &Made) {
        let after = self.lives();
        for (addr, (id, started)) in before {
            let action = made.expected.changes.get(addr).map(|want| want.action);
            let (same, untouched) = match after.get(addr) {
                Some((id_now, started_now)) => (id_now == id, (id_now, started_now) == (id, started)),
                None => (false, false),
            };
            let right = match action {
                None | Some("update" | "adopt" | "refresh") => untouched,
                Some("restart") => same,
                Some("replace" | "delete") => !same,
                Some(_) => true,
            };
            assert!(right, "{round}: {addr} was to {action:?}, and from {before:#?} it became {after:#?}");
        }
    }

    /// Checks against the engine itself, for each container, what can be seen of its declaration.
    fn check_reality(&self, round: &str) {
        let live = self.live();
        let declared: Vec<&str> = self.dozen.declared().map(|(name, _)| name).collect();
        assert_eq!(live.keys().copied().collect::<Vec<_>>(), declared, "{round}: which containers there are");
        for (name, unit) in self.dozen.declared() {
            let wrong = self.wrong(name, unit, &live[name]);
            assert!(wrong.is_empty(), "{round}: {name} is not as declared: {wrong:?}\n{:#}", live[name]);
        }
    }

    /// What of a container is not as it is declared.
    fn wrong(&self, name: &str, unit: &Unit, live: &Value) -> Vec<&'static str> {
        let (config, host) = (&live["Config"], &live["HostConfig"]);
        let running = unit.program == Program::Waits && !self.dozen.services[unit.service].stopped;
        let has = |list: &Value, item: String| list.as_array().is_some_and(|list| list.contains(&Value::from(item)));
        let bytes = u64::from(unit.megabytes.unwrap_or(0)) << 20;
        let image =
            self.engine.get(&format!("/images/{}/json", self.lab.name(&format!("sample-lab/{name}:{}", unit.tag))));
        let networks: Vec<String> = unit.networks.iter().map(|key| self.network(unit.service, key)).collect();
        let attached: Vec<&String> =
            live["NetworkSettings"]["Networks"].as_object().into_iter().flatten().map(|n| n.0).collect();
        let aliases = networks.iter().all(|network| {
            let aliases = &live["NetworkSettings"]["Networks"][network]["Aliases"];
            has(aliases, name.to_owned()) && has(aliases, format!("{name}-{}", unit.alias))
        });
        let called = match unit.named {
            Some(number) => format!("/sample-lab-name-{number}"),
            None => format!("/sample-lab-{}-{name}-1", unit.service),
        };
        let policy = host["RestartPolicy"]["Name"].as_str().filter(|policy| !policy.is_empty()).unwrap_or("no");
        let published = live["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"].as_str().unwrap_or_default();
        let checks = [
            ("name", live["Name"] == self.lab.name(&called)),
            // A container that shares a network shows the name of the one that has it.
            ("hostname", unit.shares.is_some() || (config["Hostname"] == "host") == unit.hostname),
            ("logging", (host["LogConfig"]["Config"]["max-size"] == "10m") == unit.logging),
            ("state", live["State"]["Running"] == running && live["State"]["Paused"] == false),
            ("image", live["Image"] == image["Id"]),
            ("environment", has(&config["Env"], format!("V={}", unit.variable))),
            ("label", config["Labels"]["kind"].as_str() == Some(&unit.label.to_string())),
            ("restart", policy == unit.restart),
            ("memory", host["Memory"] == bytes),
            ("pids", host["PidsLimit"].as_u64().unwrap_or(0) == u64::from(unit.pids.unwrap_or(0))),
            ("networks", unit.shares.is_some() || attached == networks.iter().collect::<Vec<_>>()),
            ("aliases", aliases),
            ("port", !running || unit.port.is_none_or(|port| published == format!("{port}"))),
        ];
        checks.into_iter().filter(|(_, right)| !right).map(|(what, _)| what).collect()
    }

    /// The real name of a network.
    fn network(&self, service: &str, key: &str) -> String {
        self.lab.name(&format!("sample-lab-{service}_{key}"))
    }

    fn id(&self, name: &str) -> String {
        self.live()[name]["Id"].as_str().expect("a container has an id").to_owned()
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        self.random.one_of(all)
    }

    /// A declared container.
    fn pick(&mut self, fits: impl Fn(&Unit) -> bool) -> Option<&'static str> {
        self.pick_named(|_, unit| fits(unit))
    }

    /// Two declared containers.
    fn pick_two(&mut self, fits: impl Fn(&Unit) -> bool) -> Option<(&'static str, &'static str)> {
        let one = self.pick(&fits)?;
        let other = self.pick_named(|name, unit| fits(unit) && name != one)?;
        Some((one, other))
    }

    fn pick_named(&mut self, fits: impl Fn(&str, &Unit) -> bool) -> Option<&'static str> {
        let fitting: Vec<&'static str> =
            self.dozen.declared().filter(|(name, unit)| fits(name, unit)).map(|(name, _)| name).collect();
        self.one_of(&fitting)
    }
}
