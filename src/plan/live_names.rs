//! The names of the containers that steps name by id, for whoever reads about a step.

use std::collections::BTreeMap;

use super::operation::{Operation, Role};
use super::step::{Step, StepId};
use crate::model::view::LiveView;

/// The names of live containers by their ids, as they are while a plan is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveNames(BTreeMap<String, Names>);

/// The names of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Names {
    /// Its name when the plan is made.
    now: String,
    /// The names that steps give it, by the step.
    later: BTreeMap<StepId, String>,
}

impl LiveNames {
    /// The names of the containers that the steps name.
    pub(super) fn of(steps: &[Step], live: &LiveView) -> Self {
        let mut names: BTreeMap<String, Names> = BTreeMap::new();
        let known = |step: &Step, id: &str| {
            Some(live.nodes.get(&step.node)?.known()?.containers.get(id)?.name.clone()).filter(|name| !name.is_empty())
        };
        for step in steps {
            for (_, id) in step.operation.describe().names.iter().filter(|(role, _)| *role == Role::Container) {
                if let Some(now) = known(step, id) {
                    names.entry((*id).to_owned()).or_insert_with(|| Names { now, later: BTreeMap::new() });
                }
            }
            if let Operation::RenameContainer { container, name } = &step.operation
                && let Some(names) = names.get_mut(container)
            {
                names.later.insert(step.id, name.clone());
            }
        }
        LiveNames(names)
    }

    /// The name that a container has when a step begins.
    pub fn before(&self, step: StepId, id: &str) -> Option<&str> {
        self.0.get(id).map(|names| names.later.range(..step).next_back().map_or(&names.now, |(_, name)| name).as_str())
    }

    /// The name that a container has when a step has been done.
    pub fn after(&self, step: StepId, id: &str) -> Option<&str> {
        self.0.get(id).map(|names| names.later.range(..=step).next_back().map_or(&names.now, |(_, name)| name).as_str())
    }

    /// A text of an engine about a step with names where it has ids.
    pub fn in_text(&self, step: StepId, text: &str) -> String {
        const ID: usize = 64;
        let mut out = String::with_capacity(text.len());
        for word in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
            let id = word.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            match (id.len() == ID).then(|| self.before(step, id)).flatten() {
                Some(name) => out.extend([name, &word[ID..]]),
                None => out.push_str(word),
            }
        }
        out
    }
}
