//! How much a project may be. A few lines can ask for more than any machine has: files that include one another, values
//! that repeat values, containers by number. Each of these has an end, which is told with the place where it is crossed.

use super::yaml::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// The most files that include one another down to one.
pub const MOST_INCLUDING: usize = 64;

/// The most services that extend one another down to one.
pub const MOST_EXTENDING: usize = 64;

/// The most files that one project is read from, each as often as it is named.
pub const MOST_FILES: usize = 1000;

/// The most values that a project has, with all that is extended, repeated by aliases and set by env files.
pub const MOST_NODES: usize = 400_000;

/// The most bytes that the texts of a project have, with variables replaced.
pub const MOST_BYTES: usize = 16 << 20;

/// The most ports that a project publishes, ranges and containers of one service counted one by one.
pub const MOST_PORTS: usize = 20_000;

/// The most services of a project.
pub const MOST_SERVICES: usize = 5000;

/// The most containers of one service.
pub const MOST_OF_SERVICE: i128 = 100;

/// The most containers of all services of a project that have several.
pub const MOST_CONTAINERS: usize = 1000;

/// The size of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Its nodes, itself among them.
    pub nodes: usize,
    /// The bytes of its keys and texts.
    pub bytes: usize,
}

impl Weight {
    /// The size of a tree, which is as deep as a file may nest.
    pub fn of(node: &Node) -> Self {
        let mut weight = Weight::default();
        weight.add(node);
        weight
    }

    fn add(&mut self, node: &Node) {
        self.nodes += 1;
        match &node.value {
            Value::Text(text) => self.bytes += text.len(),
            Value::List(items) => items.iter().for_each(|item| self.add(item)),
            Value::Map(map) => map.iter().for_each(|(key, entry)| {
                self.bytes += key.len();
                self.add(&entry.node);
            }),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        }
    }

    /// Its size so many times.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { nodes: self.nodes.saturating_mul(count), bytes: self.bytes.saturating_mul(count) }
    }
}

/// The part of its limits that a project has taken so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    files: usize,
    weight: Weight,
    /// The budget is used up, which has been said.
    is_spent: bool,
}

impl Budget {
    /// Whether there is nothing left.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Ends the loading: another limit is crossed, which has been said.
    pub fn end(&mut self) {
        self.is_spent = true;
    }

    /// Counts one more file; none if that is too many, which is reported once.
    pub fn file(&mut self, place: Option<Span>, diagnostics: &mut Diagnostics) -> Option<()> {
        self.files += 1;
        let words = || format!("the project is read from more than {MOST_FILES} files");
        let hint = "name each file once, and put what belongs together into one file";
        self.within(self.files <= MOST_FILES, words, hint, place, diagnostics)
    }

    /// Counts what is added; none if that is too much, which is reported once.
    pub fn spend(&mut self, more: Weight, place: Option<Span>, diagnostics: &mut Diagnostics) -> Option<()> {
        self.weight.nodes = self.weight.nodes.saturating_add(more.nodes);
        self.weight.bytes = self.weight.bytes.saturating_add(more.bytes);
        let fits = self.weight.nodes <= MOST_NODES && self.weight.bytes <= MOST_BYTES;
        let words = || {
            let mebibytes = MOST_BYTES >> 20;
            format!("the project expands to more than {MOST_NODES} values or {mebibytes} MiB of text")
        };
        let hint = "repeat less: fewer aliases, extended services, env files and variables within variables";
        self.within(fits, words, hint, place, diagnostics)
    }

    fn within(
        &mut self,
        fits: bool,
        words: impl FnOnce() -> String,
        hint: &str,
        place: Option<Span>,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        if self.is_spent || fits {
            return (!self.is_spent).then_some(());
        }
        self.is_spent = true;
        let diagnostic = Diagnostic::error(Code::TooDeep, words()).hint(hint);
        diagnostics.push(match place {
            Some(place) => diagnostic.at(place, "the limit is crossed here"),
            None => diagnostic,
        });
        None
    }
}
