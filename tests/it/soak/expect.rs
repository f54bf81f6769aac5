//! What a plan should say: what was changed, and what follows from that for the neighbours.
//!
//! This is written from the documentation and shares no code with hl.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::dozen::{Dozen, How, Program, Unit};

/// What a plan should say of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    pub action: &'static str,
    pub reasons: BTreeSet<String>,
    /// The fields that something is done about, with their verdicts; not asked of what is new.
    pub fields: BTreeMap<String, String>,
}

/// A whole plan, as far as it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// By address.
    pub changes: BTreeMap<String, Want>,
    /// Services that are verified.
    pub verified: BTreeSet<String>,
}

/// The address of a container.
pub fn container(dozen: &Dozen, unit: &str) -> String {
    format!("box/{}/container:{unit}", dozen.units[unit].service)
}

impl Expected {
    /// Expects an action, for a reason and because of a field with its verdict.
    pub fn add(&mut self, addr: String, action: &'static str, reason: &str, field: Option<(&str, &str)>) {
        let want = self.changes.entry(addr).or_insert_with(|| Want {
            action,
            reasons: BTreeSet::new(),
            fields: BTreeMap::new(),
        });
        want.reasons.insert(reason.to_owned());
        want.fields.extend(field.map(|(field, verdict)| (field.to_owned(), verdict.to_owned())));
    }

    /// Adds what follows for the neighbours of those that are changed, and who is verified. `thawed` are those that
    /// were only paused: they have lost nothing.
    pub fn with_consequences(mut self, dozen: &Dozen, thawed: &BTreeSet<String>) -> Expected {
        loop {
            let before = self.clone();
            for (name, unit) in dozen.declared() {
                self.follow(dozen, name, unit, &before, thawed);
            }
            if self == before {
                break;
            }
        }
        let upset: BTreeSet<&str> = dozen
            .declared()
            .filter(|(name, _)| {
                self.changes.get(&container(dozen, name)).is_some_and(|want| {
                    matches!(want.action, "replace" | "restart")
                        || want.action == "create" && !want.reasons.contains("new")
                })
            })
            .map(|(_, unit)| unit.service)
            .collect();
        for (name, service) in dozen.services.iter().filter(|(_, service)| !service.stopped) {
            let waits = dozen.of(name).any(|(unit, _)| {
                let action = self.changes.get(&container(dozen, unit)).map(|want| want.action);
                matches!(action, Some("create" | "replace" | "restart"))
            });
            let updated = dozen
                .of(name)
                .any(|(unit, _)| self.changes.get(&container(dozen, unit)).is_some_and(|want| want.action == "update"));
            let after_others = service.needs.iter().any(|needed| upset.contains(needed));
            let checked = dozen.of(name).any(|(_, unit)| unit.retries.is_some());
            if waits || (updated || after_others) && service.script || after_others && checked {
                self.verified.insert((*name).to_owned());
            }
        }
        self
    }

    fn follow(&mut self, dozen: &Dozen, name: &str, unit: &Unit, before: &Expected, thawed: &BTreeSet<String>) {
        let addr = container(dozen, name);
        let own = before.changes.get(&addr).map(|want| want.action);
        if own == Some("create") {
            return;
        }
        let others = dozen.of(unit.service).filter(|(other, _)| *other != name);
        for (other, _) in others {
            let there = container(dozen, other);
            let Some(want) = before.changes.get(&there) else { continue };
            let made_anew = matches!(want.action, "create" | "replace");
            let shares = unit.shares == Some(other);
            let follows = shares || unit.needs.get(other) == Some(&How::Follows);
            let runs = !dozen.services[unit.service].stopped && unit.program == Program::Waits;
            let stops = made_anew || want.action == "restart" && !thawed.contains(&there);
            if made_anew && shares && own != Some("replace") {
                self.changes.entry(addr.clone()).and_modify(|want| want.action = "replace");
                match want.reasons.contains("gone") {
                    true => self.add(addr.clone(), "replace", "peer_gone", Some(("network_mode", "drift"))),
                    false => self.add(addr.clone(), "replace", "peer_replaced", None),
                }
            } else if stops && follows && runs && !matches!(own, Some("replace" | "restart")) {
                self.changes.entry(addr.clone()).and_modify(|want| want.action = "restart");
                self.add(addr.clone(), "restart", "dependency_restarted", None);
            }
        }
    }
}

/// What a plan in JSON says.
pub fn said(plan: &Value) -> Expected {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said = Expected::default();
    for change in list(&plan["changes"]) {
        let action = ACTIONS.iter().find(|word| change["action"] == **word).expect("an action that is known");
        let acting = |field: &Value| {
            !matches!(*action, "create" | "delete")
                && field["cost"] != "ignored"
                && !matches!(field["verdict"].as_str(), Some("in_sync" | "converged"))
        };
        let fields = list(&change["fields"]).into_iter().filter(acting);
        let want = Want {
            action,
            reasons: list(&change["reasons"]).iter().map(|reason| text(&reason["reason"])).collect(),
            fields: fields.map(|field| (text(&field["field"]), text(&field["verdict"]))).collect(),
        };
        said.changes.insert(text(&change["address"]), want);
    }
    said.verified = list(&plan["verifications"]).iter().map(|one| text(&one["service"])).collect();
    said
}

const ACTIONS: [&str; 9] = ["adopt", "refresh", "create", "update", "restart", "replace", "move", "delete", "run"];
