//! One history: how a repository is changed and a node disturbed, and what must hold after each of it.

use std::collections::{BTreeMap, BTreeSet};

use hl::diff::Verdict;
use hl::event::Report;
use hl::model::view::{LiveContainer, Status};
use hl::plan::Plan;
use hl::render;
use hl::render::value::Secrets;

use super::change::{self, Kind};
use super::check;
use super::declared::Declared;
use super::lab::{Lab, Planned};
use super::twin::{self, Disturbance, Twin};
use crate::support::homelab::Lives;
use crate::support::random::Random;

/// A history under way.
pub struct History {
    pub seed: u64,
    /// The events so far, in words.
    pub told: Vec<String>,
    lab: Lab,
    random: Random,
    declared: Declared,
    /// The files in volumes.
    marks: BTreeSet<String>,
    /// Where the same happens.
    twin: Option<Twin>,
}

impl History {
    /// On a simulated node alone.
    pub fn new(seed: u64) -> History {
        let mut random = Random::new(seed);
        let declared = Declared::random(&mut random);
        let (marks, told) = (BTreeSet::new(), Vec::new());
        History { seed, lab: Lab::new(), random, declared, marks, told, twin: None }
    }

    /// On a real engine, too.
    pub fn with_twin(seed: u64, twin: Twin) -> History {
        History { twin: Some(twin), ..History::new(seed) }
    }

    /// Lets it happen.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn run(&mut self) -> Result<(), String> {
        self.tell("begin", &Declared::default(), &self.declared.clone());
        let planned = self.plan()?;
        self.complete(&planned)?;
        self.settled()?;
        for _ in 0..2 + self.random.below(3) {
            self.round()?;
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), String> {
        let disturbed = self.random.below(4) == 0;
        if disturbed {
            self.disturb();
        }
        let kind = self.random.one_of(&Kind::ALL).expect("there are kinds");
        let next = change::make(kind, &self.declared, &mut self.random).unwrap_or_else(|| self.declared.clone());
        self.tell(&format!("{kind:?}"), &self.declared.clone(), &next);
        let mut planned = match self.lab.plan(&next) {
            Ok(planned) => planned,
            Err(why) => {
                self.told.push(format!("refused: {why}"));
                let planned = self.plan()?;
                self.complete(&planned)?;
                return self.settled();
            }
        };
        let before = std::mem::replace(&mut self.declared, next);
        self.twin_plans(&planned)?;
        let works = self.declared.containers().all(|(_, _, container)| !container.sick)
            && self.declared.services.values().all(|service| service.script.is_none_or(|code| code == 0));
        self.scripts();
        if works && self.twin.is_none() && self.random.below(4) == 0 {
            let calls = self.random.below(25);
            self.told.push(format!("cut off after {calls} calls"));
            self.lab.cut_after(Some(calls));
            if planned.plan.objections.is_empty() {
                self.lab.apply(&planned).ok();
            }
            self.lab.cut_after(None);
            planned = self.plan()?;
            if !disturbed {
                nobody_is_blamed(&planned.plan)?;
            }
        }
        self.tell_plan(&planned.plan);
        if planned.plan.objections.is_empty() {
            let lives = check::lives(&self.lab.world());
            let report = self.apply(&planned)?;
            self.unplanned_is_untouched(&planned.plan, &report, &lives)?;
            if works && !report.is_complete() {
                return Err(format!("not all was done: {}", failures(&planned.plan, &report)));
            }
            if works && planned.plan.blocked.is_empty() {
                return self.settled();
            }
        }
        // A change that was refused, or did not work, is taken back by whoever wrote it.
        self.told.push("back".to_owned());
        self.declared = before;
        self.scripts();
        let planned = self.plan()?;
        self.tell_plan(&planned.plan);
        self.complete(&planned)?;
        self.settled()
    }

    /// Applies a plan that must be done wholly.
    fn complete(&mut self, planned: &Planned) -> Result<(), String> {
        let plan = &planned.plan;
        if !plan.objections.is_empty() || !plan.blocked.is_empty() {
            return Err(format!("it cannot be applied: {:?} {:?}", plan.objections, plan.blocked));
        }
        let report = self.apply(planned)?;
        match report.is_complete() {
            true => Ok(()),
            false => Err(format!("not all was done: {}", failures(plan, &report))),
        }
    }

    /// Nothing is left to do, the machine is as declared, and no data is lost.
    fn settled(&mut self) -> Result<(), String> {
        let plan = self.plan()?.plan;
        let left: Vec<String> = plan
            .changes
            .iter()
            .filter(|c| c.acts())
            .map(|c| format!("{} {:?} {:?}", c.addr, c.action, c.reasons))
            .collect();
        if !left.is_empty() || !plan.blocked.is_empty() || !plan.objections.is_empty() || !plan.steps.is_empty() {
            return Err(format!(
                "the plan after it is not empty: {left:?} {:?} {:?} {:?}",
                plan.blocked, plan.objections, plan.steps
            ));
        }
        let mut world = self.lab.world();
        let wrong = check::wrong(&self.declared, &world);
        if !wrong.is_empty() {
            return Err(format!("the machine is not as declared: {}", wrong.join("; ")));
        }
        let lost: Vec<&String> = self.marks.iter().filter(|mark| !world.files.exists(mark)).collect();
        if !lost.is_empty() {
            return Err(format!("lost: {lost:?}"));
        }
        check::write_data(&mut world, &mut self.marks);
        Ok(())
    }

    /// The scripts of services end as they are declared to.
    fn scripts(&self) {
        let mut world = self.lab.world();
        world.scripts.clear();
        for (folder, service) in &self.declared.services {
            world.scripts.insert(format!("/opt/homelab/config/{folder}"), service.script.map_or(0, i32::from));
        }
    }

    /// A container that the plan does not name has neither been replaced nor started.
    fn unplanned_is_untouched(&self, plan: &Plan, report: &Report, before: &Lives) -> Result<(), String> {
        let world = self.lab.world();
        let after: BTreeMap<&String, &LiveContainer> = world.containers.iter().collect();
        let named: BTreeSet<String> =
            plan.changes.iter().filter(|c| c.acts()).map(|change| change.addr.to_string()).collect();
        for (name, (id, started)) in before {
            let Some(live) = after.get(id) else { continue };
            let identity = live.identity.as_ref().map(|i| (i.project.to_string(), i.service.clone()));
            let addr = identity.and_then(|(project, key)| {
                let folder = self.declared.services.iter().find(|(folder, s)| s.project(folder) == project)?.0;
                Some(format!("box/{folder}/container:{key}"))
            });
            let untouched = live.started_at == *started && live.name == *name;
            if addr.is_some_and(|addr| !named.contains(&addr)) && !untouched && report.undone.is_empty() {
                return Err(format!("{name} was touched, and the plan does not name it"));
            }
        }
        Ok(())
    }

    /// Plans what is declared, and makes sure that the twin plans the same.
    fn plan(&self) -> Result<Planned, String> {
        let planned = self.lab.plan(&self.declared)?;
        self.twin_plans(&planned)?;
        Ok(planned)
    }

    /// Makes sure that the twin plans the same.
    fn twin_plans(&self, planned: &Planned) -> Result<(), String> {
        let Some(twin) = &self.twin else { return Ok(()) };
        twin.write(&self.declared);
        let json = render::json::plan(&planned.plan, &mut Secrets::default());
        same("the plan", &twin::said(&json), &twin::said(&twin.plan()))
    }

    /// Applies a plan, and makes sure that it comes to the same end on the twin.
    fn apply(&self, planned: &Planned) -> Result<Report, String> {
        let report = self.lab.apply(planned)?;
        if let Some(twin) = &self.twin {
            let applied = twin.apply();
            let complete = report.is_complete() && !planned.plan.is_incomplete();
            if complete != (applied.code == 0) {
                return Err(format!("on the twin it ends otherwise: {applied}"));
            }
            let here: Vec<String> = twin::picture(&self.lab.world()).into_iter().collect();
            same("the machine", &here, &twin.picture().into_iter().collect::<Vec<_>>())?;
        }
        Ok(report)
    }

    /// Somebody does something to a container.
    fn disturb(&mut self) {
        let mut world = self.lab.world();
        let names: BTreeMap<String, String> =
            world.containers.values().map(|live| (live.name.clone(), live.id.clone())).collect();
        let Some(name) = self.random.pick(names.keys()) else { return };
        let how = self.random.one_of(&Disturbance::ALL).expect("there are some");
        self.told.push(format!("{name}: {how:?}"));
        let container = world.containers.get_mut(&names[&name]).expect("it is there");
        match how {
            Disturbance::Stop => (container.status, container.health) = (Status::Exited { code: 137 }, None),
            Disturbance::Remove => drop(world.containers.remove(&names[&name])),
            Disturbance::Rename => container.name = Disturbance::odd(&name),
            Disturbance::Restart if container.status == Status::Running => {
                container.started_at = jiff::Timestamp::now().to_string();
            }
            Disturbance::Restart => return,
        }
        if let Some(twin) = &self.twin {
            twin.disturb(&name, how);
        }
    }

    /// Puts into words what a change of the files is.
    fn tell(&mut self, kind: &str, before: &Declared, after: &Declared) {
        let (old, new) = (before.files("simulated"), after.files("simulated"));
        let mut words = format!("-- {kind}");
        for path in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (old.get(path).map(String::as_str), new.get(path).map(String::as_str));
            if was != is {
                let diff = similar::TextDiff::from_lines(was.unwrap_or_default(), is.unwrap_or_default());
                words += &format!("\n{path}\n{}", diff.unified_diff().context_radius(1));
            }
        }
        self.told.push(words);
    }

    fn tell_plan(&mut self, plan: &Plan) {
        self.told.push(render::plan::plan(
            plan,
            &render::plan::Options { detail: render::Detail::Full, ..Default::default() },
        ));
    }
}

fn failures(plan: &Plan, report: &Report) -> String {
    let words = report.failures().map(|(step, why)| format!("{:?}: {why}", plan.steps[step].operation));
    words.collect::<Vec<_>>().join("; ")
}

/// Changes that hl itself has left half done are nobody's doing outside.
fn nobody_is_blamed(plan: &Plan) -> Result<(), String> {
    let blamed = |verdict: Verdict| matches!(verdict, Verdict::Drift | Verdict::Conflict);
    let fields = plan.changes.iter().flat_map(|change| change.fields.iter().map(move |field| (&change.addr, field)));
    let mut of_others = fields.filter(|(_, field)| blamed(field.verdict));
    match of_others.next() {
        None => Ok(()),
        Some((addr, field)) => Err(format!("hl's own doing is told as somebody's: {addr} {field:?}")),
    }
}

/// An error if something is not the same here and on the twin.
fn same(what: &str, here: &[String], there: &[String]) -> Result<(), String> {
    match here == there {
        true => Ok(()),
        false => Err(format!("{what} is not the same: here {here:#?}, there {there:#?}")),
    }
}
